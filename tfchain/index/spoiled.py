"""Rows of the ledger that do not fit their tree: what names the place where a file was spoiled.

A block writes a row and its leaf anew, and whatever was wrong with the old one is gone for good. So
the rows that a block is about to change are looked at before, and all of them once a root is wrong.
"""

from collections.abc import Iterable
from typing import Final

from tfchain.index.database import LedgerRows
from tfchain.ledger import tables
from tfchain.ledger.tree import Tree, key_hash, value_hash

_MARK_BYTES: Final = 2
_STATE: Final = tables.PARAMS.stored_at(b"")[:1]


def spoiled_row(rows: LedgerRows) -> str:
    """`table accounts, key 0f12`: the first row that its tree knows otherwise; empty for none."""
    for table in tables.IN_TREE:
        keys = (key for key, _ in rows.scan(table.stored_at(b"")))
        found = spoiled_among(rows, keys)
        if found:
            return found
    return ""


def spoiled_among(rows: LedgerRows, keys: Iterable[bytes]) -> str:
    """The same for the rows that are stored, or are not, at these keys; others are passed over."""
    trees = {table.tag: Tree(rows, table.tag) for table in tables.IN_TREE}
    for place in keys:
        if place[:1] == _STATE and not _fits(trees[place[1]], place, rows.get(place)):
            table = tables.BY_TAG[place[1]]
            return f"table {table.name}, key {place[_MARK_BYTES:].hex()}"
    return ""


def _fits(tree: Tree, place: bytes, value: bytes | None) -> bool:
    """Whether the tree has this value at the key, or nothing where there is none."""
    hashed = key_hash(place[_MARK_BYTES:])
    leaf = tree.prove(hashed).leaf
    if value is None:
        return not leaf or leaf[0] != hashed
    return leaf == (hashed, value_hash(value))
