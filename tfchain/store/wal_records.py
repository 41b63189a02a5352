"""The bytes of the write-ahead log: records that say by themselves whether they are whole.

A record is a head of twelve bytes and a payload. The head is length, CRC of the payload, and CRC of
these two together with the position of the record. The last one lets a reader trust the length of a
record whose payload is damaged, and tell a torn end from a damaged middle: bytes that merely look
like a record do not stand where they say they stand. A record without payload is the end marker:
all before it is durable elsewhere (1.7.3).
"""

import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias
from zlib import crc32

PAYLOAD_BYTES_MAX: Final = 4 * 1024 * 1024
"""The largest record is a proposal with its block, 2 MiB; checked on writing and on reading."""

_HEAD: Final = struct.Struct(">III")
_POSITION: Final = struct.Struct(">Q")
HEAD_BYTES: Final = _HEAD.size

Span: TypeAlias = tuple[int, int]
"""Offset and length of a payload in the file."""
Buffer: TypeAlias = bytes | mmap.mmap


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What stands in a log: whole records, a torn end, damage."""

    spans: tuple[Span, ...]
    """The payloads after the last end marker, up to the first damage behind it."""
    end: int
    """Where the readable records end; what follows is torn or damaged."""
    damage: int | None
    """Offset of the first damaged record after the last end marker."""


def frame(position: int, payload: bytes) -> bytes:
    """The record that holds `payload` at `position` of the file."""
    assert len(payload) <= PAYLOAD_BYTES_MAX, f"a log record of {len(payload)} bytes"
    checked = crc32(payload)
    return _HEAD.pack(len(payload), checked, _seal(position, len(payload), checked)) + payload


def survey(buffer: Buffer) -> Survey:
    """Walk the records of a whole log file.

    The last record may be torn: too short, or with a wrong CRC. Anything wrong before it is damage,
    except where an end marker stands behind it: what it lost is durable elsewhere.
    """
    spans: list[Span] = []
    damage: int | None = None
    position, size = 0, len(buffer)
    for start, length, whole in records(buffer):
        if not whole and start + length == size:
            break
        position = start + length
        if length == 0:
            spans, damage = [], None
        elif damage is None and whole:
            spans.append((start, length))
        elif damage is None:
            damage = start - HEAD_BYTES
    if damage is None and _a_record_follows(buffer, position):
        damage = position
    return Survey(spans=tuple(spans), end=position, damage=damage)


def records(buffer: Buffer) -> Iterator[tuple[int, int, bool]]:
    """Offset and length of each payload, and whether its bytes are those that were written."""
    position = 0
    while (head := _head_at(buffer, position)) is not None:
        length, checked = head
        start = position + HEAD_BYTES
        position = start + length
        if position > len(buffer):
            return
        yield start, length, crc32(buffer[start:position]) == checked


def frames_from(content: bytes, start: int) -> Iterator[tuple[int, bytes]]:
    """The whole records of `content`, which stands at `start` of a log that is being written.

    Each with the position behind it. Ends at the first that is not whole: it may come yet.
    """
    position = 0
    while len(head := content[position : position + HEAD_BYTES]) == HEAD_BYTES:
        length, checked, seal = _HEAD.unpack(head)
        payload = content[position + HEAD_BYTES : position + HEAD_BYTES + length]
        is_ours = length <= PAYLOAD_BYTES_MAX and seal == _seal(start + position, length, checked)
        if not is_ours or len(payload) < length or crc32(payload) != checked:
            return
        position += HEAD_BYTES + length
        yield start + position, payload


def _head_at(buffer: Buffer, position: int) -> tuple[int, int] | None:
    """Length and CRC of the payload, where a head of ours stands at `position`."""
    head = buffer[position : position + HEAD_BYTES]
    if len(head) < HEAD_BYTES:
        return None
    length, checked, seal = _HEAD.unpack(head)
    if length > PAYLOAD_BYTES_MAX or seal != _seal(position, length, checked):
        return None
    return length, checked


def _a_record_follows(buffer: Buffer, position: int) -> bool:
    """Whether a head stands anywhere behind the unreadable bytes at `position`."""
    if _head_at(buffer, position) is not None:
        return False  # a torn last record, whose length is known
    return any(
        _head_at(buffer, later) is not None
        for later in range(position + 1, len(buffer) - HEAD_BYTES + 1)
    )


def _seal(position: int, length: int, checked: int) -> int:
    return crc32(_HEAD.pack(length, checked, 0), crc32(_POSITION.pack(position)))
