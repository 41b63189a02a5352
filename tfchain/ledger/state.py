"""State as an overlay: what changed on top of what is stored, in branches that merge or vanish.

A refused transaction is a branch that nobody merged. Rows are records; bytes are made once, when the
block is done.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from tfchain.base.shapes import decode_record, encode_record

R = TypeVar("R")


class Reader(Protocol):
    """Stored rows as bytes; a store's snapshot, or a dictionary in a test."""

    def get(self, key: bytes, /) -> bytes | None:
        """The value, or None where there is no such row."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Table(Generic[R]):
    """A kind of row. `tag` is its number in keys and never moves.

    Rows of an `archive` table stand outside the tree, under a root in their batch's row (P17).
    """

    tag: int
    name: str
    record: type[R]
    archive: bool = False

    def get(self, state: "State", key: bytes) -> R | None:
        """The row, or None."""
        row = state.read(self, key)
        assert row is None or type(row) is self.record
        return row

    def need(self, state: "State", key: bytes) -> R:
        """The row that must be there: its absence is a bug of ours."""
        row = self.get(state, key)
        assert row is not None, (self.name, key)
        return row

    def put(self, state: "State", key: bytes, row: R) -> None:
        """Write the row."""
        state.change(self, key, row)

    def drop(self, state: "State", key: bytes) -> None:
        """Delete the row."""
        state.change(self, key, None)

    def stored_at(self, key: bytes) -> bytes:
        """The row's key in a store."""
        return (b"a" if self.archive else b"s") + bytes([self.tag]) + key

    def decode(self, stored: bytes) -> R:
        """The row that stored bytes hold."""
        return decode_record(self.record, stored)


Place = tuple[int, bytes]
"""Table tag and key."""


class State:
    """Rows as a block sees them. `branch` for what may be undone, `keep` to let it stand."""

    __slots__ = ("_changes", "_reader", "_seen", "_under")

    def __init__(self, reader: Reader, under: "State | None" = None) -> None:
        self._reader = reader
        self._under = under
        self._seen: dict[Place, object] = {}
        self._changes: dict[Place, tuple[Table[object], object]] = {}

    def branch(self) -> "State":
        """A state on top of this one; what is written there stays there until merged."""
        return State(self._reader, self)

    def keep(self) -> None:
        """Keep what this branch wrote."""
        assert self._under is not None, "only a branch merges"
        for (_, key), (table, row) in self._changes.items():
            self._under.change(table, key, row)

    def read(self, table: Table[R], key: bytes) -> object:
        """The row as this state sees it."""
        place = (table.tag, key)
        if place in self._changes:
            return self._changes[place][1]
        if self._under is not None:
            return self._under.read(table, key)
        if place not in self._seen:
            stored = self._reader.get(table.stored_at(key))
            self._seen[place] = None if stored is None else table.decode(stored)
        return self._seen[place]

    def change(self, table: Table[R], key: bytes, row: object) -> None:
        """Remember a written or deleted row."""
        self._changes[table.tag, key] = (table, row)  # type: ignore[assignment]

    def changes(self) -> Iterator[tuple[Table[object], bytes, bytes | None]]:
        """What was written, as (table, key, bytes), in order of table and key."""
        for tag, key in sorted(self._changes):
            table, row = self._changes[tag, key]
            yield table, key, None if row is None else encode_record(row)
