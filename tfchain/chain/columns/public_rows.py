"""What the public chain's nodes did in one period, as columns: a node's rows together, in order.

A row is a kind, a time and, of a report, the uptime that it told. Times and uptimes take 32 bits:
until 2106, and 136 years of uptime. What a node says beyond that is kept beside the columns, in
plain integers, so that nothing in them can overflow.
"""

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np

from tfchain.base.units import U32_MAX, NodeId
from tfchain.chain.grid_events import (
    Event,
    GridBlock,
    NodeSaid,
    PeriodInput,
    StateMoved,
    TargetMoved,
    UptimeSaid,
)

REPORT: Final = 0
TARGET_DOWN: Final = 1
TARGET_UP: Final = 2
STATE_DOWN: Final = 3
STATE_UP: Final = 4
KINDS: Final = 5
AFTER: Final = 0x80
"""Added to a kind past the period's end: by its block, not by what a node says of its time."""

Narrow: TypeAlias = np.ndarray[tuple[int], np.dtype[np.uint32]]
Bytes: TypeAlias = np.ndarray[tuple[int], np.dtype[np.uint8]]
Numbers: TypeAlias = np.ndarray[tuple[int], np.dtype[np.int64]]
Table: TypeAlias = np.ndarray[tuple[int, int], np.dtype[np.uint64]]

Row: TypeAlias = tuple[int, int, int]
"""Kind, time, uptime; the uptime is 0 of everything but a report."""

NODE_BYTES: Final = 8
ROW_BYTES: Final = 9
_WORD: Final = "<u4"


@dataclass(frozen=True, slots=True)
class Rows:
    """`begins` has one more than `nodes`: where each node's rows begin, and where the last end."""

    nodes: Numbers
    begins: Numbers
    times: Narrow
    uptimes: Narrow
    kinds: Bytes

    def of(self, place: int) -> Iterator[Row]:
        """The rows of the node at this place among the nodes."""
        span = slice(int(self.begins[place]), int(self.begins[place + 1]))
        columns = (self.kinds[span], self.times[span], self.uptimes[span])
        return zip(*(column.tolist() for column in columns), strict=True)

    def encode(self) -> bytes:
        """The columns one after the other: nodes, how many rows each has, times, uptimes; kinds.

        Kinds take a byte, all others four, the least first.
        """
        columns = (self.nodes, np.diff(self.begins), self.times, self.uptimes)
        return b"".join(each.astype(_WORD).tobytes() for each in columns) + self.kinds.tobytes()

    @classmethod
    def decode(cls, columns: bytes, nodes: int, rows: int) -> "Rows":
        """The rows that `encode` spelled.

        Raises:
            ValueError: not that long, nodes out of order, counts that are not the rows', or a kind
                that there is not.
        """
        if len(columns) != bytes_of(nodes, rows):
            raise ValueError("columns of another length")
        words = np.frombuffer(columns, dtype=_WORD, count=2 * (nodes + rows))
        counts = words[nodes : 2 * nodes].astype(np.int64)
        found = cls(
            nodes=words[:nodes].astype(np.int64),
            begins=np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(counts))),
            times=words[2 * nodes : 2 * nodes + rows],
            uptimes=words[2 * nodes + rows :],
            kinds=np.frombuffer(columns, dtype=np.uint8, offset=words.nbytes),
        )
        found._check()
        return found

    def _check(self) -> None:
        if (np.diff(self.nodes) <= 0).any():
            raise ValueError("nodes out of order")
        if (np.diff(self.begins) <= 0).any() or self.begins[-1] != self.kinds.size:
            raise ValueError("counts that are not the rows'")
        if (self.kinds & ~np.uint8(AFTER) >= KINDS).any():
            raise ValueError("a kind that there is not")
        after = self.kinds >= AFTER
        back = np.flatnonzero(after[:-1] & ~after[1:]) + 1
        if not np.isin(back, self.begins).all():
            raise ValueError("a row of the period after its end")


@dataclass(frozen=True, slots=True)
class Happened:
    """A period's events: those of uptime by node, all others in order."""

    rows: Rows
    wide: dict[NodeId, list[Row]]
    """Nodes with a number that takes more than 32 bits: all their rows."""
    others: tuple[Event, ...]


def bytes_of(nodes: int, rows: int) -> int:
    """How long columns of so many nodes and rows are."""
    return nodes * NODE_BYTES + rows * ROW_BYTES


def happened(period: PeriodInput) -> Happened:
    """The events of a period's blocks, gone through once, as columns."""
    by_node = {node.id: array("Q") for node in period.nodes}
    others = tuple(_sorted_out(period.blocks, by_node, 0))
    for _ in _sorted_out(period.post, by_node, AFTER):
        pass  # past the end nothing else counts
    tables = [(node, _table(by_node[node])) for node in sorted(by_node) if by_node[node]]
    wide = {node: _rows(table) for node, table in tables if table.max() > U32_MAX}
    return Happened(_joined([one for one in tables if one[0] not in wide]), wide, others)


def _table(numbers: "array[int]") -> Table:
    """A row's numbers stand together."""
    return np.frombuffer(numbers, dtype=np.uint64).reshape((-1, 3))


def _rows(table: Table) -> list[Row]:
    return list(zip(*(column.tolist() for column in table.T), strict=True))


def _joined(tables: list[tuple[int, Table]]) -> Rows:
    """Each number takes 32 bits at most."""
    none = np.zeros((0, 3), dtype=np.uint64)
    table = np.concatenate([none, *(table for _, table in tables)])
    return Rows(
        nodes=np.array([node for node, _ in tables], dtype=np.int64),
        begins=np.cumsum([0, *(len(table) for _, table in tables)], dtype=np.int64),
        times=table[:, 1].astype(np.uint32),
        uptimes=table[:, 2].astype(np.uint32),
        kinds=table[:, 0].astype(np.uint8),
    )


def _sorted_out(
    blocks: Iterable[GridBlock], by_node: "dict[NodeId, array[int]]", after: int
) -> Iterator[Event]:
    """Puts events of uptime to their nodes, and yields the others.

    What is said of a node counts from when it was stored: before, nobody knew it.
    """
    for block in blocks:
        for event in block.events:
            match event:
                case UptimeSaid(node_id=node, t=t, uptime=uptime):
                    row: Row = (REPORT | after, t, uptime)
                case TargetMoved(node_id=node, up=up):
                    row = ((TARGET_UP if up else TARGET_DOWN) | after, block.time, 0)
                case StateMoved(node_id=node, up=up):
                    row = ((STATE_UP if up else STATE_DOWN) | after, block.time, 0)
                case _:
                    if isinstance(event, NodeSaid):
                        by_node.setdefault(event.node.id, array("Q"))
                    yield event
                    continue
            if node in by_node:
                by_node[node].extend(row)
