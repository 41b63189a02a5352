"""What the write-ahead log holds of a height: everything the machine was told, and the blocks.

The machine is deterministic, so that being told the same again brings it back to where it was (P35).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

from tfchain.base.units import Height
from tfchain.bft.events import Event, decode_event, encode_event
from tfchain.errors import Divergence, Malformed
from tfchain.ledger.block import Block, decode_block
from tfchain.ledger.evidence import Evidence, decode_evidence, encode_evidence

_HEIGHT: Final = b"\x00"
_HEIGHT_BYTES: Final = 8
_BLOCK: Final = b"\x01"
_EVENT: Final = b"\x02"
_EVIDENCE: Final = b"\x03"


@dataclass(frozen=True, slots=True, kw_only=True)
class Noticed:
    """Evidence that the store does not hold yet."""

    piece: Evidence


Entry: TypeAlias = Block | Event | Noticed


def height_record(height: Height) -> bytes:
    """A height begins."""
    return _HEIGHT + height.to_bytes(_HEIGHT_BYTES, "big")


def block_record(block: Block) -> bytes:
    """A block came, from a peer or of our own making."""
    return _BLOCK + block.raw


def event_record(event: Event) -> bytes:
    """The machine is told something."""
    return _EVENT + encode_event(event)


def evidence_record(piece: Evidence) -> bytes:
    """Evidence came up, here or at a peer."""
    return _EVIDENCE + encode_evidence(piece)


def entries_of(payloads: Iterable[bytes], height: Height) -> list[Entry]:
    """What the log says of `height`, the one after the store's; oldest first.

    Legal are a log that stands at this height, and one whose end marker was lost and that still
    tells of the height before (P35).

    Raises:
        Divergence: the log is of another height, or holds what nobody writes.
    """
    entries: list[Entry] = []
    current = 0
    for payload in payloads:
        try:
            current = _read(payload, current, entries)
        except Malformed as fault:
            raise Divergence(f"the log holds what nobody writes: {fault}") from fault
    headless = current == 0 and entries
    if headless or current not in (0, height - 1, height):
        raise Divergence(f"the log is at height {current}, the store asks for {height}")
    return entries if current == height else []


def _read(payload: bytes, current: int, entries: list[Entry]) -> int:
    """Take one record in; the height that it belongs to."""
    record = read_record(payload)
    if not isinstance(record, int):
        entries.append(record)
        return current
    entries.clear()
    return record


def read_record(payload: bytes) -> int | Entry:
    """What one record says: which height begins, which block came, what the machine was told.

    Raises:
        Malformed: it is none that is written here.
    """
    tag, body = payload[:1], payload[1:]
    if tag == _HEIGHT:
        if len(body) != _HEIGHT_BYTES:
            raise Malformed("a height has eight bytes")
        return int.from_bytes(body, "big")
    if tag == _BLOCK:
        return decode_block(body)
    if tag == _EVENT:
        return decode_event(body)
    if tag == _EVIDENCE:
        return Noticed(piece=decode_evidence(body))
    raise Malformed("an unknown record")
