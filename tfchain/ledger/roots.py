"""The roots of all tables, and the state root over them: a divergence names the table, then the key.

A block changes a handful of tables: the tree over all of them is kept, and only what lies above those
is hashed anew.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tfchain.base import merkle
from tfchain.base.codec import encode

TAG: Final = b"state"

TableRoots = tuple[tuple[str, bytes], ...]
"""Name and root of every table, in table order."""


def state_leaves(roots: Sequence[tuple[str, bytes]]) -> list[bytes]:
    """The leaves of the state root, in table order."""
    return [encode([name, root]) for name, root in roots]


def roots_over(roots: TableRoots) -> "Roots":
    """The Merkle root over (table name, table root), in table order, with the tree below it."""
    return Roots(roots, merkle.levels_of(TAG, state_leaves(roots)))


@dataclass(frozen=True, slots=True)
class Roots:
    """All tables' roots, and the tree over them."""

    tables: TableRoots
    levels: merkle.Levels

    @property
    def root(self) -> bytes:
        """The state root."""
        return self.levels[-1][0]

    def changed(self, roots: Mapping[int, bytes]) -> "Roots":
        """The same with these tables' roots, by the tables' places."""
        rows = list(self.tables)
        for place, root in roots.items():
            rows[place] = (rows[place][0], root)
        leaves = dict(zip(roots, state_leaves([rows[place] for place in roots]), strict=True))
        return Roots(tuple(rows), merkle.raised(TAG, self.levels, leaves))
