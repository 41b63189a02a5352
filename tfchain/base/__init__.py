"""Bytes, units, keys, hashes, Merkle trees, bounds: what everything else is written in."""
