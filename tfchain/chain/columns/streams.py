"""What nodes did in one period, as columns of int64 in block order.

A row is one event of one node: a report with its signed time, its uptime and its block's time, or a
power change that matters, at block time. Where the row came in the chain is its place.
"""

from array import array
from typing import Final, TypeAlias

import numpy as np

from tfchain.base.units import U32_MAX

Column: TypeAlias = np.ndarray[tuple[int], np.dtype[np.int64]]
Table: TypeAlias = np.ndarray[tuple[int, int], np.dtype[np.int64]]

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


class Stream:
    """The events that feed one period, growing as blocks are taken."""

    def __init__(self) -> None:
        self.asleep: dict[int, tuple[int, bool]] = {}
        """Nodes that were down when their account was opened: since when, and whether they were
        asked to wake."""
        self._rows = array("q")
        """A row's numbers together, for rows come one at a time."""

    def append(self, kind: int, node: int, time: int, uptime: int, block: int) -> None:
        """One more event; each number is of a kind and size that its column holds."""
        row = (kind, node, time, uptime, block)
        assert {*map(type, row)} == {int}, row
        assert kind in KINDS and 1 <= node <= U32_MAX, row
        assert 0 <= time <= TIME_MAX and 0 <= uptime <= TIME_MAX and 0 <= block <= TIME_MAX, row
        self._rows.extend(row)

    def by_node(self) -> Table:
        """All rows, a node's together and in block order."""
        table = self._columns()
        assert table.dtype == np.int64
        order = np.argsort(table[NODE], kind="stable")
        return table[:, order]

    def _columns(self) -> Table:
        return np.array(self._rows, dtype=np.int64).reshape((-1, COLUMNS)).T

    def encode(self) -> bytes:
        """The columns one after the other, little-endian."""
        return self._columns().astype("<i8").tobytes()

    @classmethod
    def decode(cls, columns: bytes, asleep: dict[int, tuple[int, bool]]) -> "Stream":
        """The stream that `encode` spelled; the checkpoint's hash vouches for the numbers.

        Raises:
            ValueError: the bytes are not five columns of equal length.
        """
        stream = cls()
        table = np.frombuffer(columns, dtype="<i8").astype(np.int64).reshape((COLUMNS, -1))
        stream._rows.frombytes(table.T.tobytes())
        stream.asleep = asleep
        return stream
