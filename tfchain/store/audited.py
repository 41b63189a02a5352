"""The rows of an audit on a disk, with where the audit stood when they were last written.

All that came since the last checkpoint goes to the disk in one batch with the next one: whoever is
killed finds rows, second program and place of one and the same block. A sum of hashes over every row
stands in the head, so that a bit that flipped meanwhile is noticed before anything is built on it.
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from tfchain import __version__
from tfchain.base.crypto import HASH_BYTES, digest
from tfchain.base.shapes import U32, U64, Hash, Text, decode_record, encode_record
from tfchain.chain.columns.checkpoint import ChunkOf
from tfchain.errors import Malformed, Unavailable
from tfchain.store.export import Place
from tfchain.store.kv import Store
from tfchain.store.layout import META_LAYOUT
from tfchain.store.open import open_store

FORMAT: Final = f"{__version__} audit 1"
"""Who wrote a checkpoint: another version of this program may have audited otherwise."""
KNOWN_MAX: Final = 200_000
"""Rows that are remembered beyond a checkpoint: forty megabytes."""
PIECE_BYTES: Final = 1024 * 1024
_KEPT: Final = b"k"
"""No column of a node's store begins like this."""
_HEAD: Final = _KEPT + b"/head"
_PIECE: Final = _KEPT + b"/piece/"
_CHUNK: Final = _KEPT + b"/chunk/"
_NUMBER: Final = struct.Struct(">I")
_CHUNK_NAME: Final = struct.Struct(">BIQI")
_SUMS: Final = 1 << (8 * HASH_BYTES)
_AGAIN: Final = "empty this folder, or give another one, and audit from the beginning"

Chunk = tuple[tuple[int, int, int], int]
"""A chunk of the second program: the place of its stream, and its number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Head:
    """What is written last, and read first."""

    written_by: Annotated[str, Text(1, 64)]
    offset: U64
    records: U64
    pieces: U32
    sum: Hash


class AuditedRows:
    """The recomputed state: on the disk as of the last checkpoint, and in memory what came since."""

    def __init__(self, store: Store, written_by: str = FORMAT, known_max: int = KNOWN_MAX) -> None:
        """`written_by`: who writes and reads here; `known_max`: rows remembered beyond a checkpoint."""
        self._store, self._written_by, self._known_max = store, written_by, known_max
        self._known: dict[bytes, bytes | None] = {}
        self._changed: dict[bytes, bytes | None] = {}
        self._chunks: set[bytes] = set()
        """Chunks that are on the disk."""
        self._pieces = 0
        self._sum = 0

    @property
    def where(self) -> str:
        """The folder, for people."""
        return self._store.where

    @property
    def changed(self) -> int:
        """Rows that differ from those on the disk."""
        return len(self._changed)

    def get(self, key: bytes, /) -> bytes | None:
        """The value, or None. It is asked a hundred times a block."""
        try:
            return self._known[key]
        except KeyError:
            value = self._known[key] = self._store.get(key)
            return value

    def write(self, rows: Iterable[tuple[bytes, bytes | None]], /) -> None:
        """Write rows, in memory until the next `save`; None deletes."""
        changes = dict(rows)
        self._known.update(changes)
        self._changed.update(changes)

    def save(self, place: Place, kept: bytes, chunks: Iterable[Chunk], chunk: ChunkOf) -> None:
        """Everything that changed, in one batch; a chunk that is on the disk is not asked for again.

        Raises `Unavailable` when the disk refuses; what stands there then is the checkpoint before.
        """
        wanted = {
            _CHUNK + _CHUNK_NAME.pack(*stream, number): (stream, number)
            for stream, number in chunks
        }
        fresh = [(key, chunk(*name)) for key, name in wanted.items() if key not in self._chunks]
        gone = [(key, None) for key in sorted(self._chunks) if key not in wanted]
        pieces = _pieces(kept)
        spare = [(_piece_key(number), None) for number in range(len(pieces), self._pieces)]
        rows = [*self._changed.items(), *pieces, *spare, *fresh, *gone]
        for key, value in rows:
            self._count(key, self._store.get(key), -1)
            self._count(key, value, 1)
        head = _Head(
            written_by=self._written_by,
            offset=place.offset,
            records=place.records,
            pieces=len(pieces),
            sum=self._sum.to_bytes(HASH_BYTES, "big"),
        )
        self._store.write([*rows, (_HEAD, _sealed(head))])
        self._chunks, self._pieces, self._changed = {*wanted}, len(pieces), {}
        if len(self._known) > self._known_max:
            self._known = {}

    def load(self) -> tuple[Place, bytes] | None:
        """What `save` was given last; None where the folder is new.

        Raises:
            Unavailable: damaged, of another version of this program, or no folder of an audit.
        """
        sealed = self._store.get(_HEAD)
        if sealed is None:
            self._check_new()
            return None
        try:
            return self._loaded(_unsealed(sealed))
        except Malformed as fault:
            raise Unavailable(f"the checkpoint is damaged ({fault})", self.where, _AGAIN) from fault

    def chunk(self, stream: tuple[int, int, int], number: int) -> bytes:
        """A chunk that was saved; raises `Malformed`."""
        found = self._store.get(_CHUNK + _CHUNK_NAME.pack(*stream, number))
        if found is None:
            raise Malformed(f"chunk {number} of period {stream[1]} is missing")
        return found

    def close(self) -> None:
        """Give the disk back. What came since the last `save` is lost."""
        self._store.close()

    def _loaded(self, head: _Head) -> tuple[Place, bytes]:
        if head.written_by != self._written_by:
            what = f"the checkpoint was written by {head.written_by}, this is {self._written_by}"
            raise Unavailable(what, self.where, f"go on with that version; or {_AGAIN}")
        for key, value in self._rows():
            self._count(key, value, 1)
            if key.startswith(_CHUNK):
                self._chunks.add(key)
        if self._sum.to_bytes(HASH_BYTES, "big") != head.sum:
            raise Malformed("its rows are not those that were written")
        self._pieces = head.pieces
        pieces = [self._store.get(_piece_key(number)) or b"" for number in range(head.pieces)]
        return Place(head.offset, head.records), b"".join(pieces)

    def _rows(self) -> Iterator[tuple[bytes, bytes]]:
        """All but the head, and the row that says what a store is laid out like."""
        for key, value in self._store.scan(b""):
            if key not in (_HEAD, META_LAYOUT):
                yield key, value

    def _check_new(self) -> None:
        for _ in self._rows():
            remedy = "give a folder of its own"
            raise Unavailable("the folder holds another store, no audit", self.where, remedy)

    def _count(self, key: bytes, value: bytes | None, times: int) -> None:
        if value is not None:
            named = digest(b"tf/audit-row", bytes([len(key)]), key, value)
            self._sum = (self._sum + times * int.from_bytes(named, "big")) % _SUMS


def open_audited(folder: Path) -> AuditedRows:
    """The rows in `folder`, made if it is absent or empty; raises `Unavailable`."""
    return AuditedRows(open_store(folder))


def _piece_key(number: int) -> bytes:
    return _PIECE + _NUMBER.pack(number)


def _pieces(kept: bytes) -> list[tuple[bytes, bytes]]:
    firsts = range(0, len(kept), PIECE_BYTES)
    return [
        (_piece_key(number), kept[first : first + PIECE_BYTES])
        for number, first in enumerate(firsts)
    ]


def _sealed(head: _Head) -> bytes:
    body = encode_record(head)
    return digest(b"tf/audit-head", body) + body


def _unsealed(sealed: bytes) -> _Head:
    front, body = sealed[:HASH_BYTES], sealed[HASH_BYTES:]
    if digest(b"tf/audit-head", body) != front:
        raise Malformed("its head does not have the hash that it carries")
    return decode_record(_Head, body)
