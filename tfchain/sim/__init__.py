"""Whole networks in virtual time, on one thread, from one seed: the same replica that a node runs."""
