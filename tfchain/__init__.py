"""A ledger of node registrations, uptime and minting, kept by a BFT validator set."""

__version__ = "0.1.0"
