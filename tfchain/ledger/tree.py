"""A sparse Merkle tree per table, its nodes in the store, its proofs checked with a root alone.

A key's place is the bits of its hash. A lone leaf sits at the top of its empty subtree, so the tree
is as deep as it must be to tell keys apart. Nodes are stored under their path: an update rewrites
the changed paths and leaves no garbage, and opening reads nothing (P41).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import chain, pairwise
from typing import Annotated, Final, TypeGuard

from tfchain.base.crypto import HASH_BYTES, ZERO_HASH, digest, hasher
from tfchain.base.shapes import Blob, Many
from tfchain.ledger.state import Reader

EMPTY: Final = ZERO_HASH
"""Root of a table without rows."""
DEPTH_MAX: Final = 256
KEYS_KEPT_MAX: Final = 16_384
"""Keys whose hashes are remembered: those of all nodes of a grid, for each reports again and again."""
_LEAF, _INNER = b"\x00", b"\x01"
_LEAF_HASH, _INNER_HASH = hasher(b"tf/leaf"), hasher(b"tf/inner")
_HALF: Final = 1 + HASH_BYTES
"""Where the second hash of a stored node begins."""

Change = tuple[bytes, bytes | None]
"""Key hash, and the hash of its new value or None where the row goes."""


_Node = bytes | None
"""A node as it is stored: what it is, in one byte, then two hashes: a leaf's key and value, or an
inner node's halves. None where the subtree is empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeProof:
    """The way from a table's root to where a key is, or would be.

    `siblings` from the root downward; `leaf` is what stands at the end: key hash and value hash,
    or nothing where the subtree is empty.
    """

    siblings: Annotated[tuple[bytes, ...], Many(Blob(HASH_BYTES, HASH_BYTES), DEPTH_MAX)]
    leaf: Annotated[tuple[bytes, ...], Many(Blob(HASH_BYTES, HASH_BYTES), 2)]


@lru_cache(KEYS_KEPT_MAX)
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
    state = _INNER_HASH() if node[0] else _LEAF_HASH()
    state.update(node[1:])
    return state.digest()


def _is_inner(node: _Node) -> TypeGuard[bytes]:
    return node is not None and node[0] == 1


def _hashes(node: bytes) -> tuple[bytes, bytes]:
    return node[1:_HALF], node[_HALF:]


class Tree:
    """One table's tree while a block's changes go into it; `writes` are the rows to store."""

    def __init__(self, reader: Reader, tag: int) -> None:
        self._reader = reader
        self._marks = _marks(tag)
        self.writes: dict[bytes, bytes | None] = {}

    def root(self) -> bytes:
        """The root as it stands."""
        return node_hash(self._load(0, 0))

    def update(self, changes: Iterable[Change]) -> bytes:
        """Apply `changes` (each key once); the new root."""
        ordered = sorted(changes)
        if not ordered:
            return self.root()
        if any(value is None for _, value in ordered):
            return node_hash(self._apply(0, 0, ordered))
        return self._put(ordered)

    def _put(self, ordered: Sequence[Change]) -> bytes:
        """The new root, where no row goes: then no leaf moves up, and one pass does.

        It goes down to each key in turn, and back up only to where the next one parts from it. So
        every node on the way is read once and hashed once, all its changes below done.
        """
        ways = [int.from_bytes(hashed, "big") for hashed, _ in ordered]
        shared = [DEPTH_MAX - (one ^ other).bit_length() for one, other in pairwise(ways)]
        shared.append(-1)
        read = self._read if self.writes else self._reader.get
        places: list[bytes] = []
        nodes: list[bytes] = []
        spot, root = 0, EMPTY
        while spot < len(ordered):
            way = ways[spot]
            place, node = self._descend(read, places, nodes, way)
            depth, first = len(nodes), spot
            while shared[spot] >= depth:
                spot += 1
            if first == spot and (node is None or node[1:_HALF] == ordered[spot][0]):
                below = self._leaf(place, *ordered[spot])
            else:
                under = ordered[first : spot + 1]
                below = node_hash(self._apply(depth, way >> DEPTH_MAX - depth, under))
            root = self._ascend(places, nodes, way, below, shared[spot])
            spot += 1
        return root

    def _descend(
        self, read: Callable[[bytes], _Node], places: list[bytes], nodes: list[bytes], way: int
    ) -> tuple[bytes, _Node]:
        """Follow a key below the last of `nodes` to where no inner node is; what stands where."""
        marks, depth = self._marks, len(nodes)
        while True:
            mark, size, down = marks[depth]
            place = mark + (way >> down).to_bytes(size, "big")
            node = read(place)
            if node is None or node[0] == 0:
                return place, node
            places.append(place)
            nodes.append(node)
            depth += 1

    def _leaf(self, place: bytes, hashed: bytes, value: bytes | None) -> bytes:
        """Put a leaf; its hash."""
        assert value is not None, "no row goes"
        body = hashed + value
        self.writes[place] = _LEAF + body
        state = _LEAF_HASH()
        state.update(body)
        return state.digest()

    def _ascend(
        self, places: list[bytes], nodes: list[bytes], way: int, below: bytes, shared: int
    ) -> bytes:
        """Hash the nodes that are not on the way to the next key; the hash of the last of them."""
        depth = len(nodes)
        writes, begin, path = self.writes, _INNER_HASH, way >> DEPTH_MAX - depth
        while depth:
            node = nodes.pop()
            depth -= 1
            body = node[1:_HALF] + below if path & 1 else below + node[_HALF:]
            if depth <= shared:
                nodes.append(_INNER + body)
                break
            writes[places.pop()] = _INNER + body
            state = begin()
            state.update(body)
            below, path = state.digest(), path >> 1
        return below

    def prove(self, hashed: bytes) -> TreeProof:
        """A proof of what stands at a key hash, present or absent."""
        siblings: list[bytes] = []
        depth, path = 0, 0
        node = self._load(0, 0)
        while _is_inner(node):
            right = _bit(hashed, depth)
            siblings.append(_hashes(node)[1 - right])
            depth, path = depth + 1, path << 1 | right
            node = self._load(depth, path)
        leaf = () if node is None else _hashes(node)
        return TreeProof(siblings=tuple(siblings), leaf=leaf)

    def halves(self, depth: int, path: int) -> tuple[bytes, bytes] | None:
        """The hashes of both halves of a subtree; None where it is one leaf, or nothing."""
        node = self._load(depth, path)
        return _hashes(node) if _is_inner(node) else None

    def _apply(self, depth: int, path: int, changes: Sequence[Change]) -> _Node:
        """The subtree at (depth, path) after `changes`, which all belong under it."""
        node = self._load(depth, path)
        if not _is_inner(node):
            rows = dict(changes)
            if node is not None:
                rows.setdefault(*_hashes(node))
            stay = [(key, value) for key, value in sorted(rows.items()) if value is not None]
            return self._build(depth, path, stay)
        left, right = _hashes(node)
        split = _split(changes, depth)
        if split:
            left = node_hash(self._apply(depth + 1, path << 1, changes[:split]))
        if split < len(changes):
            right = node_hash(self._apply(depth + 1, path << 1 | 1, changes[split:]))
        return self._join(depth, path, left, right)

    def _join(self, depth: int, path: int, left: bytes, right: bytes) -> _Node:
        """Both halves as one node; a leaf that is left alone moves up."""
        if EMPTY not in (left, right):
            return self._save(depth, path, _INNER + left + right)
        if left == right:
            return self._save(depth, path, None)
        below = path << 1 | (left == EMPTY)
        lone = self._load(depth + 1, below)
        if _is_inner(lone):
            return self._save(depth, path, _INNER + left + right)
        self._save(depth + 1, below, None)
        return self._save(depth, path, lone)

    def _build(self, depth: int, path: int, rows: list[tuple[bytes, bytes]]) -> _Node:
        """A subtree of these rows where there was at most a leaf."""
        if len(rows) <= 1:
            return self._save(depth, path, _LEAF + b"".join(rows[0]) if rows else None)
        split = _split(rows, depth)
        left = self._build(depth + 1, path << 1, rows[:split])
        right = self._build(depth + 1, path << 1 | 1, rows[split:])
        return self._save(depth, path, _INNER + node_hash(left) + node_hash(right))

    def _load(self, depth: int, path: int) -> _Node:
        mark, size, _ = self._marks[depth]
        return self._read(mark + path.to_bytes(size, "big"))

    def _read(self, place: bytes) -> _Node:
        return self.writes[place] if place in self.writes else self._reader.get(place)

    def _save(self, depth: int, path: int, node: _Node) -> _Node:
        mark, size, _ = self._marks[depth]
        self.writes[mark + path.to_bytes(size, "big")] = node
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
    if value is None and proof.leaf:
        if proof.leaf[0] == hashed or _prefix(proof.leaf[0], depth) != _prefix(hashed, depth):
            return False
    elif value is not None and proof.leaf != (hashed, value):
        return False
    top = node_hash(_LEAF + b"".join(proof.leaf) if proof.leaf else None)
    return climb(hashed, top, proof.siblings) == root


def subtree_root(depth: int, leaves: list[tuple[bytes, bytes]]) -> bytes:
    """The hash of the subtree at `depth` that holds exactly these (key hash, value hash).

    They are sorted, each key once, and agree in their first `depth` bits.
    """
    if len(leaves) <= 1:
        return node_hash(_LEAF + b"".join(leaves[0]) if leaves else None)
    split = _split(leaves, depth)
    left, right = leaves[:split], leaves[split:]
    return inner_hash(subtree_root(depth + 1, left), subtree_root(depth + 1, right))


def climb(hashed: bytes, top: bytes, siblings: Sequence[bytes]) -> bytes:
    """The root over a subtree of hash `top`, on the way to `hashed`; siblings from the root down."""
    for above in range(len(siblings) - 1, -1, -1):
        left, right = (siblings[above], top) if _bit(hashed, above) else (top, siblings[above])
        top = inner_hash(left, right)
    return top


def inner_hash(left: bytes, right: bytes) -> bytes:
    """The hash of a subtree, from those of its halves."""
    return node_hash(_INNER + left + right)


def rows_of(trees: Mapping[int, Tree]) -> list[tuple[bytes, bytes | None]]:
    """What the trees ask a store to write: table by table, from the leaves up."""
    return [*chain.from_iterable(tree.writes.items() for tree in trees.values())]


def _prefix(hashed: bytes, depth: int) -> int:
    return int.from_bytes(hashed, "big") >> (DEPTH_MAX - depth)


def _bit(hashed: bytes, depth: int) -> int:
    return hashed[depth >> 3] >> (7 - (depth & 7)) & 1


def _split(rows: Sequence[Change], depth: int) -> int:
    """Where the rows with a one at `depth` begin; rows are sorted and agree above it."""
    low, high = 0, len(rows)
    while low < high:
        middle = (low + high) >> 1
        if _bit(rows[middle][0], depth):
            high = middle
        else:
            low = middle + 1
    return low


@cache
def _marks(tag: int) -> tuple[tuple[bytes, int, int], ...]:
    """By depth: how a node's place begins, how many bytes of the way follow, and how many bits do not."""
    mark = b"t" + bytes([tag])
    return tuple(
        (mark + depth.to_bytes(2, "big"), (depth + 7) >> 3, DEPTH_MAX - depth)
        for depth in range(DEPTH_MAX + 1)
    )
