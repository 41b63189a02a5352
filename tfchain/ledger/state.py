"""State as an overlay: what changed on top of what is stored, in branches that merge or vanish.

A refused transaction is a branch that nobody merged. Rows are records; bytes are made once, when the
block is done.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Generic, Protocol, TypeVar

from tfchain.base.shapes import decode_record, encode_record
from tfchain.ledger.roots import Roots

R = TypeVar("R")

ROWS_KEPT_MAX: Final = 8_192
"""A report of every node of a grid, so that its next one finds the row; about a kilobyte each."""


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
    mark: bytes = field(init=False)
    """What a store's keys of these rows begin with."""

    def __post_init__(self) -> None:
        """A row is asked for half a dozen times a report: its place is one join."""
        object.__setattr__(self, "mark", (b"a" if self.archive else b"s") + bytes([self.tag]))

    def get(self, state: "State", key: bytes) -> R | None:
        """The row, or None."""
        row = state.read(self, key)
        assert row is None or type(row) is self.record
        return row

    def need(self, state: "State", key: bytes) -> R:
        """The row that must be there: its absence is a bug of ours."""
        row = state.read(self, key)
        assert type(row) is self.record, (self.name, key)
        return row

    def put(self, state: "State", key: bytes, row: R) -> None:
        """Write the row."""
        state.change(self, key, row)

    def drop(self, state: "State", key: bytes) -> None:
        """Delete the row."""
        state.change(self, key, None)

    def stored_at(self, key: bytes) -> bytes:
        """The row's key in a store."""
        return self.mark + key

    def decode(self, stored: bytes) -> R:
        """The row that stored bytes hold."""
        return decode_record(self.record, stored)


_MARK_BYTES: Final = 2
_Changes = dict[bytes, tuple[Table[object], object]]
"""Rows that were written, by their keys in a store; None where one was deleted."""


class Memory:
    """Rows as they were last met, by place: what one block read or wrote, the next one need not decode.

    A row is told only where its bytes are still those that are stored, so an answer never depends on
    what is remembered. The last `ROWS_KEPT_MAX` places are there, and up to as many older ones; and
    the tables' roots under the last state root that was made.
    """

    __slots__ = ("_newer", "_older", "_roots")

    def __init__(self) -> None:
        self._newer: dict[bytes, tuple[bytes, object]] = {}
        self._older: dict[bytes, tuple[bytes, object]] = {}
        self._roots: Roots | None = None

    def keep_roots(self, roots: Roots) -> None:
        """Remember which roots a state root is made of."""
        self._roots = roots

    def roots_of(self, state_root: bytes) -> Roots | None:
        """The roots that this state root is made of, if they are remembered."""
        roots = self._roots
        return roots if roots is not None and roots.root == state_root else None

    def __len__(self) -> int:
        return len(self._newer) + len(self._older)

    def keep(self, place: bytes, stored: bytes, row: object) -> None:
        """Remember the row at a place, with its bytes."""
        if len(self._newer) >= ROWS_KEPT_MAX:
            self._newer, self._older = {}, self._newer
        self._newer[place] = (stored, row)

    def row(self, table: Table[R], place: bytes, stored: bytes) -> object:
        """The row that these bytes are; decoded where nobody remembers it."""
        met = self._newer.get(place) or self._older.get(place)
        if met is not None and met[0] == stored:
            return met[1]
        row = table.decode(stored)
        self.keep(place, stored, row)
        return row


class State:
    """Rows as a block sees them. `branch` for what may be undone, `keep` to let it stand."""

    __slots__ = ("_changes", "_met", "_reader", "_undecided", "_under", "memory")

    def __init__(
        self, reader: Reader, under: "State | None" = None, memory: Memory | None = None
    ) -> None:
        self._reader = reader
        self._under = under
        self._changes: _Changes = {}
        if under is None:
            self.memory = Memory() if memory is None else memory
            self._met: dict[bytes, object] = {}
            """Rows that were read, or written to stay, here or on a branch: as they are now."""
            self._undecided: tuple[_Changes, ...] = ()
            """What was written to a branch and to those under it, the nearest first."""
        else:
            self.memory, self._met = under.memory, under._met  # noqa: SLF001 -- of its own kind
            self._undecided = (self._changes, *under._undecided)  # noqa: SLF001 -- of its own kind

    def branch(self) -> "State":
        """A state on top of this one; what is written there stays there until kept."""
        return State(self._reader, self)

    def copy(self) -> "State":
        """The same state once more: what is written to either is not seen in the other."""
        return self.read_from(self._reader)

    def over(self, reader: Reader) -> "State":
        """What was written here, on top of other stored rows. Of a branch there is no such thing."""
        twin = State(reader)
        twin._take(self._own())
        return twin

    def read_from(self, reader: Reader) -> "State":
        """What was read and written here, on top of the same rows stored elsewhere."""
        twin = State(reader, None, self.memory)
        twin._met, twin._changes = self._met.copy(), self._own().copy()
        return twin

    def keep(self) -> None:
        """Keep what this branch wrote, and begin it anew."""
        assert self._under is not None, "only a branch merges"
        self._under._take(self._changes)  # noqa: SLF001 -- of its own kind
        self._changes.clear()

    def drop(self) -> None:
        """Forget what this branch wrote, and begin it anew."""
        assert self._under is not None, "only a branch is undone"
        self._changes.clear()

    def _own(self) -> _Changes:
        assert self._under is None, "a branch stands on its state"
        return self._changes

    def _take(self, changes: _Changes) -> None:
        self._changes.update(changes)
        if self._under is None:
            for place, (_, row) in changes.items():
                self._met[place] = row

    def read(self, table: Table[R], key: bytes) -> object:
        """The row as this state sees it."""
        place = table.mark + key
        for changes in self._undecided:
            changed = changes.get(place)
            if changed is not None:
                return changed[1]
        row = self._met.get(place, _UNMET)
        if row is _UNMET:
            stored = self._reader.get(place)
            row = None if stored is None else self.memory.row(table, place, stored)
            self._met[place] = row
        return row

    def change(self, table: Table[R], key: bytes, row: object) -> None:
        """Remember a written or deleted row."""
        place = table.mark + key
        self._changes[place] = (table, row)  # type: ignore[assignment]
        if self._under is None:
            self._met[place] = row

    def changes(self) -> Iterator[tuple[Table[object], bytes, bytes | None]]:
        """What was written, as (table, key, bytes), in the order of a store's keys."""
        for place in sorted(self._changes):
            table, row = self._changes[place]
            stored = None if row is None else encode_record(row)
            if stored is not None:
                self.memory.keep(place, stored, row)
            yield table, place[_MARK_BYTES:], stored


_UNMET: Final = object()
"""Of a row that nobody has read yet."""
