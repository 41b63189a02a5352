"""What scripts import: `with connect(url) as chain` blocks, `async with connect(url)` is for trio."""

from tfchain.base.units import GIB
from tfchain.client.blocking import connect
from tfchain.client.keys import Key
from tfchain.errors import Malformed, Rejected, TfchainError, Unavailable
from tfchain.ledger.records import Resources

__all__ = [
    "GIB",
    "Key",
    "Malformed",
    "Rejected",
    "Resources",
    "TfchainError",
    "Unavailable",
    "connect",
]
