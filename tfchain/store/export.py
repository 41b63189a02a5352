"""Files of exported chains: records in a row, read as a stream, with an end that proves itself.

A magic line, then records: kind (one byte), length (four bytes, big-endian), payload. The last
record has kind 0 and holds the count of the others, so that a file cut between two records is
noticed like one cut inside a record. What the kinds mean is the caller's business.
"""

import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO, Final

from tfchain.errors import Malformed
from tfchain.store.files import told

MAGIC: Final = b"tfchain export 1\n"
END: Final = 0
"""The kind of the closing record; callers number theirs from 1."""

PAYLOAD_BYTES_MAX: Final = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record begins, and how many stand before it."""

    offset: int
    records: int


_HEAD: Final = struct.Struct(">BI")
_COUNT: Final = struct.Struct(">Q")
_NO_BOUNDS: Final[Mapping[int, int]] = MappingProxyType({})


def frames(records: Iterable[tuple[int, bytes]]) -> Iterator[bytes]:
    """The bytes of an export in pieces, for a file or for a stream: `(kind, payload)` each."""
    yield MAGIC
    count = 0
    for kind, payload in records:
        assert END < kind <= 0xFF, kind
        assert len(payload) <= PAYLOAD_BYTES_MAX, f"an export record of {len(payload)} bytes"
        yield _HEAD.pack(kind, len(payload)) + payload
        count += 1
    yield _HEAD.pack(END, _COUNT.size) + _COUNT.pack(count)


def write_records(file: BinaryIO, records: Iterable[tuple[int, bytes]]) -> None:
    """Write a whole export. Raises `Unavailable` when the disk refuses."""
    for piece in frames(records):
        with told("cannot use the export", _name_of(file)):
            file.write(piece)
    with told("cannot use the export", _name_of(file)):
        file.flush()


def read_records(
    file: BinaryIO, bytes_max: Mapping[int, int] = _NO_BOUNDS
) -> Iterator[tuple[int, int, bytes]]:
    """The records of an export, one at a time: `(byte offset, kind, payload)`.

    `bytes_max` bounds a kind's payload; a kind that it does not name may have `PAYLOAD_BYTES_MAX`.

    Raises:
        Malformed: not an export, cut off, a record over its bound, a wrong count or bytes after
            the end; its text names the byte offset.
    """
    with told("cannot use the export", _name_of(file)):
        begun = _read(file, len(MAGIC))
    if begun != MAGIC:
        raise Malformed("byte 0: this is not a tfchain export of version 1")
    yield from _records(file, Place(len(MAGIC), 0), bytes_max)


def read_on(file: BinaryIO, place: Place) -> Iterator[tuple[int, int, bytes]]:
    """As `read_records`, from a record of this file on; what stands before it is not looked at.

    Raises:
        Malformed: as there.
        Unavailable: it is a stream, or the disk refuses.
    """
    with told("cannot use the export", _name_of(file)):
        file.seek(place.offset)
    yield from _records(file, place, _NO_BOUNDS)


def _records(
    file: BinaryIO, place: Place, bytes_max: Mapping[int, int]
) -> Iterator[tuple[int, int, bytes]]:
    offset, count = place.offset, place.records
    with told("cannot use the export", _name_of(file)):
        while True:
            kind, payload = _record_at(file, offset, bytes_max)
            if kind == END:
                _check_end(file, offset, payload, count)
                return
            yield offset, kind, payload
            offset += _HEAD.size + len(payload)
            count += 1


def _record_at(file: BinaryIO, offset: int, bytes_max: Mapping[int, int]) -> tuple[int, bytes]:
    head = _read(file, _HEAD.size)
    if len(head) < _HEAD.size:
        raise Malformed(f"byte {offset}: the export is cut off, its end record is missing")
    kind, length = _HEAD.unpack(head)
    most = _COUNT.size if kind == END else bytes_max.get(kind, PAYLOAD_BYTES_MAX)
    if length > most:
        raise Malformed(f"byte {offset}: a record of {length} bytes, at most {most} are allowed")
    payload = _read(file, length)
    if len(payload) < length:
        raise Malformed(f"byte {offset}: the export is cut off inside this record")
    return kind, payload


def _check_end(file: BinaryIO, offset: int, payload: bytes, count: int) -> None:
    if payload != _COUNT.pack(count):
        raise Malformed(f"byte {offset}: the end record does not count {count} records")
    if _read(file, 1):
        raise Malformed(f"byte {offset + _HEAD.size + _COUNT.size}: bytes after the end record")


def _read(file: BinaryIO, length: int) -> bytes:
    """Up to `length` bytes: fewer only at the end of the file. A pipe gives what it has."""
    content = b""
    while len(content) < length:
        piece = file.read(length - len(content))
        if not piece:
            break
        content += piece
    return content


def _name_of(file: BinaryIO) -> Path:
    return Path(str(getattr(file, "name", "stream")))
