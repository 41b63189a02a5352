"""What nodes did in one period, as columns of int64 in block order.

A row is one event of one node: a report with its signed time, its uptime and its block's time, or a
power change that matters, at block time. Where the row came in the chain is its place.
"""

import struct
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np

from tfchain.base.units import U32_MAX

Column: TypeAlias = np.ndarray[tuple[int], np.dtype[np.int64]]
Table: TypeAlias = np.ndarray[tuple[int, int], np.dtype[np.int64]]
Mask: TypeAlias = np.ndarray[tuple[int], np.dtype[np.bool_]]
Narrow: TypeAlias = np.ndarray[
    tuple[int], np.dtype[np.uint8] | np.dtype[np.uint16] | np.dtype[np.uint32] | np.dtype[np.uint64]
]

REPORT: Final = 0
WAKE: Final = 1
"""The target went up while the node was down."""
SLEEP: Final = 2
"""The node went down while its target was down."""
KINDS: Final = (REPORT, WAKE, SLEEP)

TIME_MAX: Final = 1 << 48
"""Latest second and longest uptime in a column: nine million years, and sums stay within int64."""

COLUMNS: Final = 5
KIND, NODE, TIME, UPTIME, BLOCK = range(COLUMNS)


CHUNK_ROWS: Final = 1 << 16
"""Rows that are packed together: the reports of eight hours of 5,500 nodes."""
_COUNT: Final = struct.Struct("<Q")
_PACKED: Final = struct.Struct("<qB")
"""The least number of a packed column, and how many bytes each one over it takes."""
PART_ROWS: Final = 1 << 19
"""Rows that are looked at together, or one node's, whichever is more: twenty megabytes, and a few times
that while they are gone through."""


@dataclass(frozen=True, slots=True)
class _Packed:
    """A chunk's column: what all have in common, and what is over in as few bytes as it takes.

    A month of reports is a quarter as large this way; most of what they say is what time it is.
    """

    least: int
    over: Narrow

    def column(self) -> Column:
        return self.over.astype(np.int64) + self.least

    def encode(self) -> bytes:
        width = self.over.dtype.itemsize
        return _PACKED.pack(self.least, width) + self.over.astype(f"<u{width}").tobytes()


class Stream:
    """The events that feed one period, growing as blocks are taken."""

    def __init__(self) -> None:
        self.asleep: dict[int, tuple[int, bool]] = {}
        """Nodes that were down when their account was opened: since when, and whether they were
        asked to wake."""
        self._chunks: list[tuple[_Packed, ...]] = []
        self._rows = array("q")
        """A row's numbers together, for rows come one at a time."""

    def append(self, kind: int, node: int, time: int, uptime: int, block: int) -> None:
        """One more event; each number is of a kind and size that its column holds."""
        row = (kind, node, time, uptime, block)
        assert type(kind) is type(node) is type(time) is type(uptime) is type(block) is int, row
        assert kind in KINDS and 1 <= node <= U32_MAX, row
        assert 0 <= time <= TIME_MAX and 0 <= uptime <= TIME_MAX and 0 <= block <= TIME_MAX, row
        self._rows.extend(row)
        if len(self._rows) == COLUMNS * CHUNK_ROWS:
            self._chunks.append(_packed(self._last()))
            self._rows = array("q")

    def by_node(self) -> Table:
        """All rows, a node's together and in block order."""
        return _sorted(self._between(1, U32_MAX))

    def parts(self, part_rows: int) -> Iterator[tuple[range, Table]]:
        """The same in parts, each about whole nodes: their numbers, and their rows.

        Together the numbers are all that there can be.
        """
        first, rows = 1, 0
        for node, count in sorted(self._counts().items()):
            if rows and rows + count > part_rows:
                yield range(first, node), _sorted(self._between(first, node - 1))
                first, rows = node, 0
            rows += count
        yield range(first, U32_MAX + 1), _sorted(self._between(first, U32_MAX))

    def _counts(self) -> dict[int, int]:
        """Rows by node."""
        counts: dict[int, int] = {}
        for nodes in (*(chunk[NODE].column() for chunk in self._chunks), self._last()[NODE]):
            for node, count in zip(*map(np.ndarray.tolist, _numbers(nodes)), strict=True):
                counts[node] = counts.get(node, 0) + count
        return counts

    def _between(self, first: int, last: int) -> Table:
        """The rows of these nodes, in block order."""
        tables = []
        for chunk in self._chunks:
            wanted = _within(chunk[NODE].column(), first, last)
            tables.append(np.stack([packed.column()[wanted] for packed in chunk]))
        rows = self._last()
        tables.append(rows[:, _within(rows[NODE], first, last)])
        return np.concatenate(tables, axis=1)

    def _last(self) -> Table:
        """What is not packed yet."""
        return np.array(self._rows, dtype=np.int64).reshape((-1, COLUMNS)).T

    def encode(self) -> bytes:
        """The columns one after the other, little-endian."""
        rows = self._last()
        pieces = []
        for place in range(COLUMNS):
            pieces += [chunk[place].column() for chunk in self._chunks]
            pieces.append(rows[place])
        return b"".join(piece.astype("<i8").tobytes() for piece in pieces)

    @classmethod
    def decode(cls, columns: bytes, asleep: dict[int, tuple[int, bool]]) -> "Stream":
        """The stream that `encode` spelled; the checkpoint's hash vouches for the numbers.

        Raises:
            ValueError: the bytes are not five columns of equal length.
        """
        stream = cls()
        table = np.frombuffer(columns, dtype="<i8").astype(np.int64).reshape((COLUMNS, -1))
        whole = table.shape[1] // CHUNK_ROWS * CHUNK_ROWS
        for first in range(0, whole, CHUNK_ROWS):
            stream._chunks.append(_packed(table[:, first : first + CHUNK_ROWS]))
        stream._rows.frombytes(table[:, whole:].T.tobytes())
        stream.asleep = asleep
        return stream

    @property
    def chunks(self) -> int:
        """How many chunks are packed: they never change again."""
        return len(self._chunks)

    def chunk(self, number: int) -> bytes:
        """A chunk as it is packed, column after column: a month of reports in a quarter of `encode`."""
        return b"".join(packed.encode() for packed in self._chunks[number])

    def encode_end(self) -> bytes:
        """How many chunks there are, and the rows that are not packed yet, row after row."""
        return _COUNT.pack(self.chunks) + self._last().T.astype("<i8").tobytes()

    @classmethod
    def joined(
        cls, chunk: Callable[[int], bytes], end: bytes, asleep: dict[int, tuple[int, bool]]
    ) -> "Stream":
        """The stream that `chunk` and `encode_end` spelled; the caller vouches for the numbers.

        Raises:
            ValueError: the bytes are not five columns of equal length.
        """
        (count,) = _COUNT.unpack(end[: _COUNT.size].ljust(_COUNT.size, b"\0"))
        rows = np.frombuffer(end[_COUNT.size :], dtype="<i8").reshape((-1, COLUMNS))
        stream = cls()
        stream._chunks = [_unpacked(chunk(number)) for number in range(count)]
        stream._rows.frombytes(rows.astype(np.int64).tobytes())
        stream.asleep = asleep
        return stream


def _packed(table: Table) -> tuple[_Packed, ...]:
    return tuple(map(_narrowed, table))


def _unpacked(raw: bytes) -> tuple[_Packed, ...]:
    """The chunk that `Stream.chunk` spelled; raises `ValueError`."""
    columns, first = [], 0
    for _ in range(COLUMNS):
        front = raw[first : first + _PACKED.size]
        if len(front) < _PACKED.size:
            raise ValueError("a chunk that is cut off")
        least, width = _PACKED.unpack(front)
        if width not in (1, 2, 4, 8):
            raise ValueError("a chunk of columns that nobody packs")
        first += _PACKED.size + CHUNK_ROWS * width
        over = np.frombuffer(raw, f"<u{width}", CHUNK_ROWS, first - CHUNK_ROWS * width)
        columns.append(_Packed(least, over.astype(f"u{width}")))
    return tuple(columns)


def _narrowed(column: Column) -> _Packed:
    least, most = int(column.min()), int(column.max())
    return _Packed(least, (column - least).astype(np.min_scalar_type(most - least)))


def _sorted(table: Table) -> Table:
    """A node's rows together; those of a node stay in their order."""
    assert table.dtype == np.int64
    return table[:, np.argsort(table[NODE], kind="stable")]


def _within(nodes: Column, first: int, last: int) -> Mask:
    within: Mask = (nodes >= first) & (nodes <= last)
    return within


def _numbers(nodes: Column) -> tuple[Column, Column]:
    """Which nodes, and how many rows of each."""
    return np.unique(nodes, return_counts=True)
