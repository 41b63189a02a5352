"""A sparse Merkle tree per table, its nodes in the store, its proofs checked with a root alone.

A key's place is the bits of its hash. A lone leaf sits at the top of its empty subtree, so the tree
is as deep as it must be to tell keys apart. Nodes are stored under their path: an update rewrites
the changed paths and leaves no garbage, and opening reads nothing (P41).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Final

from tfchain.base.crypto import HASH_BYTES, ZERO_HASH, digest
from tfchain.base.shapes import Blob, Many
from tfchain.ledger.state import Reader

EMPTY: Final = ZERO_HASH
"""Root of a table without rows."""
DEPTH_MAX: Final = 256
_LEAF, _INNER = b"\x00", b"\x01"

Change = tuple[bytes, bytes | None]
"""Key hash, and the hash of its new value or None where the row goes."""


@dataclass(frozen=True, slots=True)
class _Leaf:
    key: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class _Inner:
    left: bytes
    right: bytes


_Node = _Leaf | _Inner | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeProof:
    """The way from a table's root to where a key is, or would be.

    `siblings` from the root downward; `leaf` is what stands at the end: key hash and value hash,
    or nothing where the subtree is empty.
    """

    siblings: Annotated[tuple[bytes, ...], Many(Blob(HASH_BYTES, HASH_BYTES), DEPTH_MAX)]
    leaf: Annotated[tuple[bytes, ...], Many(Blob(HASH_BYTES, HASH_BYTES), 2)]


def key_hash(key: bytes) -> bytes:
    """Where a row's key stands in its table's tree."""
    return digest(b"tf/key", key)


def value_hash(value: bytes) -> bytes:
    """What a leaf says of a row's bytes."""
    return digest(b"tf/value", value)


def node_hash(node: _Node) -> bytes:
    """The hash of a node as its parent sees it."""
    if node is None:
        return EMPTY
    if isinstance(node, _Leaf):
        return digest(b"tf/leaf", node.key, node.value)
    return digest(b"tf/inner", node.left, node.right)


class Tree:
    """One table's tree while a block's changes go into it; `writes` are the rows to store."""

    def __init__(self, reader: Reader, tag: int) -> None:
        self._reader = reader
        self._tag = tag
        self.writes: dict[bytes, bytes | None] = {}

    def root(self) -> bytes:
        """The root as it stands."""
        return node_hash(self._load(0, 0))

    def update(self, changes: Iterable[Change]) -> bytes:
        """Apply `changes` (each key once); the new root."""
        ordered = sorted(changes)
        return node_hash(self._apply(0, 0, ordered)) if ordered else self.root()

    def prove(self, hashed: bytes) -> TreeProof:
        """A proof of what stands at a key hash, present or absent."""
        siblings: list[bytes] = []
        depth, path = 0, 0
        node = self._load(0, 0)
        while isinstance(node, _Inner):
            right = _bit(hashed, depth)
            siblings.append(node.left if right else node.right)
            depth, path = depth + 1, path << 1 | right
            node = self._load(depth, path)
        leaf = () if node is None else (node.key, node.value)
        return TreeProof(siblings=tuple(siblings), leaf=leaf)

    def _apply(self, depth: int, path: int, changes: list[Change]) -> _Node:
        """The subtree at (depth, path) after `changes`, which all belong under it."""
        node = self._load(depth, path)
        if not isinstance(node, _Inner):
            rows = {} if node is None else {node.key: node.value}
            for key, value in changes:
                if value is None:
                    rows.pop(key, None)
                else:
                    rows[key] = value
            return self._build(depth, path, sorted(rows.items()))
        split = _split(changes, depth)
        left, right = changes[:split], changes[split:]
        low, high = path << 1, path << 1 | 1
        left_hash = node_hash(self._apply(depth + 1, low, left)) if left else node.left
        right_hash = node_hash(self._apply(depth + 1, high, right)) if right else node.right
        return self._join(depth, path, left_hash, right_hash)

    def _join(self, depth: int, path: int, left: bytes, right: bytes) -> _Node:
        """Both halves as one node; a leaf that is left alone moves up."""
        if EMPTY not in (left, right):
            return self._save(depth, path, _Inner(left, right))
        if left == right:
            return self._save(depth, path, None)
        below = path << 1 | (left == EMPTY)
        lone = self._load(depth + 1, below)
        if isinstance(lone, _Inner):
            return self._save(depth, path, _Inner(left, right))
        self._save(depth + 1, below, None)
        return self._save(depth, path, lone)

    def _build(self, depth: int, path: int, rows: list[tuple[bytes, bytes]]) -> _Node:
        """A subtree of these rows where there was at most a leaf."""
        if len(rows) <= 1:
            return self._save(depth, path, _Leaf(*rows[0]) if rows else None)
        split = _split(rows, depth)
        left = self._build(depth + 1, path << 1, rows[:split])
        right = self._build(depth + 1, path << 1 | 1, rows[split:])
        return self._save(depth, path, _Inner(node_hash(left), node_hash(right)))

    def _load(self, depth: int, path: int) -> _Node:
        key = _stored_at(self._tag, depth, path)
        row = self.writes[key] if key in self.writes else self._reader.get(key)
        if row is None:
            return None
        first, second = row[1 : 1 + HASH_BYTES], row[1 + HASH_BYTES :]
        return _Leaf(first, second) if row[:1] == _LEAF else _Inner(first, second)

    def _save(self, depth: int, path: int, node: _Node) -> _Node:
        row = None
        if isinstance(node, _Leaf):
            row = _LEAF + node.key + node.value
        elif node is not None:
            row = _INNER + node.left + node.right
        self.writes[_stored_at(self._tag, depth, path)] = row
        return node


def check(root: bytes, hashed: bytes, value: bytes | None, proof: TreeProof) -> bool:
    """Whether the proof shows that the key hash has this value hash (None: is absent) under `root`.

    Needs nothing but the root. Never raises.
    """
    depth = len(proof.siblings)
    if depth > DEPTH_MAX or len(proof.leaf) not in (0, 2):
        return False
    # Hashes are joined as they are: with another cut a leaf would read as one of another key.
    if any(len(part) != HASH_BYTES for part in (hashed, *proof.siblings, *proof.leaf)):
        return False
    leaf = _Leaf(*proof.leaf) if proof.leaf else None
    if value is None and leaf is not None:
        if leaf.key == hashed or _prefix(leaf.key, depth) != _prefix(hashed, depth):
            return False
    elif value is not None and leaf != _Leaf(hashed, value):
        return False
    top = node_hash(leaf)
    for above in range(depth - 1, -1, -1):
        sibling = proof.siblings[above]
        left, right = (sibling, top) if _bit(hashed, above) else (top, sibling)
        top = node_hash(_Inner(left, right))
    return top == root


def rows_of(trees: Mapping[int, Tree]) -> list[tuple[bytes, bytes | None]]:
    """What the trees ask a store to write, in key order."""
    return sorted(row for tree in trees.values() for row in tree.writes.items())


def _prefix(hashed: bytes, depth: int) -> int:
    return int.from_bytes(hashed, "big") >> (DEPTH_MAX - depth)


def _bit(hashed: bytes, depth: int) -> int:
    return hashed[depth >> 3] >> (7 - (depth & 7)) & 1


def _split(rows: list[tuple[bytes, bytes]] | list[Change], depth: int) -> int:
    """Where the rows with a one at `depth` begin; rows are sorted and agree above it."""
    low, high = 0, len(rows)
    while low < high:
        middle = (low + high) >> 1
        if _bit(rows[middle][0], depth):
            high = middle
        else:
            low = middle + 1
    return low


def _stored_at(tag: int, depth: int, path: int) -> bytes:
    width = (depth + 7) >> 3
    return b"t" + bytes([tag]) + depth.to_bytes(2, "big") + path.to_bytes(width, "big")
