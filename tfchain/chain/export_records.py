"""What stands in an exported chain, record by record; `store.export` frames it.

Genesis first, then each block; right after the block in which a batch sealed the receipts of that
batch, so that they can be compared with the ones recomputed; last the commit of the last block, which
no later block carries.
"""

from dataclasses import dataclass
from typing import Annotated, Final

from tfchain.base.crypto import HASH_BYTES, digest
from tfchain.base.limits import GENESIS_BYTES_MAX, RECORD_BYTES_MAX
from tfchain.base.shapes import Blob, Many
from tfchain.base.units import PeriodIndex, ScheduleId
from tfchain.errors import Malformed

GENESIS: Final = 1
BLOCK: Final = 2
RECEIPTS: Final = 3
LAST_COMMIT: Final = 4

RECEIPTS_RUN_MAX: Final = 1_024
"""Receipts in one record; a larger batch has several."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptRun:
    """A run of a sealed batch's receipts, in node order, as their bytes in the archive."""

    schedule: ScheduleId
    period: PeriodIndex
    receipts: Annotated[tuple[bytes, ...], Many(Blob(1, RECORD_BYTES_MAX), RECEIPTS_RUN_MAX)]


def genesis_record(text: str) -> bytes:
    """The genesis file as it is laid out, behind the hash of its bytes.

    The chain's own genesis hash covers what the file says (P29); a changed comment would pass it.
    """
    raw = text.encode()
    return _text_hash(raw) + raw


def genesis_text(payload: bytes) -> str:
    """The text in a genesis record; raises `Malformed`."""
    if len(payload) > HASH_BYTES + GENESIS_BYTES_MAX:
        raise Malformed("genesis: too large")
    raw = payload[HASH_BYTES:]
    if payload[:HASH_BYTES] != _text_hash(raw):
        raise Malformed("genesis: its bytes are not those that the record's hash is over")
    try:
        return raw.decode()
    except UnicodeDecodeError as fault:
        raise Malformed("genesis: not UTF-8") from fault


def _text_hash(raw: bytes) -> bytes:
    return digest(b"tf/genesis-text", raw)
