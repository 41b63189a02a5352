"""A sparse Merkle tree per table, its nodes in the store, its proofs checked with a root alone.

A key's place is its hash, two bits at a step: a node has four subtrees. With two of them an update
would read, hash and write nearly twice as many nodes, with sixteen a proof would be two and a half
times as long. A lone leaf sits at the top of its empty subtree, so the tree is as deep as it must be
to tell keys apart. Nodes are stored under their path: an update rewrites the changed paths and leaves
no garbage, and opening reads nothing (P41).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import chain, pairwise
from typing import Annotated, Final, TypeGuard, TypeVar

from tfchain.base.crypto import HASH_BYTES, ZERO_HASH, digest, hasher
from tfchain.base.shapes import Blob, Many
from tfchain.ledger.state import Reader

V = TypeVar("V")

EMPTY: Final = ZERO_HASH
"""Root of a table without rows."""
WAYS: Final = 4
"""Subtrees of an inner node."""
BITS: Final = 2
"""Of a key's hash, which say at each step which of them it belongs to."""
DEPTH_MAX: Final = 8 * HASH_BYTES // BITS
SIBLINGS_MAX: Final = (WAYS - 1) * DEPTH_MAX
KEYS_KEPT_MAX: Final = 16_384
"""Keys whose hashes are remembered: those of all nodes of a grid, for each reports again and again."""
DEPTH_KNOWN: Final = 5
"""Down to here a table's places are made once, when it is first changed: 1,365, a tenth of a megabyte."""
_LEAF_HASH, _INNER_HASH = hasher(b"tf/leaf"), hasher(b"tf/inner")
_KEY_BITS: Final = 8 * HASH_BYTES
_STEPS: Final = 8 // BITS
"""Which a byte of a key's hash says."""

Change = tuple[bytes, bytes | None]
"""Key hash, and the hash of its new value or None where the row goes."""


_Node = bytes | None
"""A node as it is stored: two hashes are a leaf, of key and value; four an inner node, of its subtrees.
None where the subtree is empty."""
_LEAF_BYTES: Final = 2 * HASH_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeProof:
    """The way from a table's root to where a key is, or would be.

    `siblings` from the root downward: of each node the three subtrees beside the way, in order;
    `leaf` is what stands at the end: key hash and value hash, or nothing where the subtree is empty.
    """

    siblings: Annotated[tuple[bytes, ...], Many(Blob(HASH_BYTES, HASH_BYTES), SIBLINGS_MAX)]
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
    state = _LEAF_HASH() if len(node) == _LEAF_BYTES else _INNER_HASH()
    state.update(node)
    return state.digest()


def _is_inner(node: _Node) -> TypeGuard[bytes]:
    return node is not None and len(node) != _LEAF_BYTES


def _hashes(node: bytes) -> list[bytes]:
    return [node[at : at + HASH_BYTES] for at in range(0, len(node), HASH_BYTES)]


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
        shared = [(_KEY_BITS - (one ^ other).bit_length()) // BITS for one, other in pairwise(ways)]
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
            if first == spot and (node is None or node[:HASH_BYTES] == ordered[spot][0]):
                below = self._leaf(place, *ordered[spot])
            else:
                under = ordered[first : spot + 1]
                below = node_hash(self._apply(depth, way >> _KEY_BITS - BITS * depth, under))
            root = self._ascend(places, nodes, way, below, shared[spot])
            spot += 1
        return root

    def _descend(
        self, read: Callable[[bytes], _Node], places: list[bytes], nodes: list[bytes], way: int
    ) -> tuple[bytes, _Node]:
        """Follow a key below the last of `nodes` to where no inner node is; what stands where."""
        marks, depth = self._marks, len(nodes)
        while True:
            mark, size, down, known = marks[depth]
            path = way >> down
            place = known[path] if known else mark + path.to_bytes(size, "big")
            node = read(place)
            if node is None or len(node) == _LEAF_BYTES:
                return place, node
            places.append(place)
            nodes.append(node)
            depth += 1

    def _leaf(self, place: bytes, hashed: bytes, value: bytes | None) -> bytes:
        """Put a leaf; its hash."""
        assert value is not None, "no row goes"
        node = hashed + value
        self.writes[place] = node
        state = _LEAF_HASH()
        state.update(node)
        return state.digest()

    def _ascend(
        self, places: list[bytes], nodes: list[bytes], way: int, below: bytes, shared: int
    ) -> bytes:
        """Hash the nodes that are not on the way to the next key; the hash of the last of them."""
        depth = len(nodes)
        writes, begin, path = self.writes, _INNER_HASH, way >> _KEY_BITS - BITS * depth
        while depth:
            node = nodes.pop()
            depth -= 1
            at = (path & WAYS - 1) * HASH_BYTES
            node = node[:at] + below + node[at + HASH_BYTES :]
            if depth <= shared:
                nodes.append(node)
                break
            writes[places.pop()] = node
            state = begin()
            state.update(node)
            below, path = state.digest(), path >> BITS
        return below

    def prove(self, hashed: bytes) -> TreeProof:
        """A proof of what stands at a key hash, present or absent."""
        siblings: list[bytes] = []
        depth, path = 0, 0
        node = self._load(0, 0)
        while _is_inner(node):
            subtrees, number = _hashes(node), digit(hashed, depth)
            siblings += subtrees[:number] + subtrees[number + 1 :]
            depth, path = depth + 1, path << BITS | number
            node = self._load(depth, path)
        leaf = () if node is None else tuple(_hashes(node))
        return TreeProof(siblings=tuple(siblings), leaf=leaf)

    def subtrees(self, depth: int, path: int) -> list[bytes] | None:
        """The hashes of a subtree's own subtrees; None where it is one leaf, or nothing."""
        node = self._load(depth, path)
        return _hashes(node) if _is_inner(node) else None

    def _apply(self, depth: int, path: int, changes: Sequence[Change]) -> _Node:
        """The subtree at (depth, path) after `changes`, which all belong under it."""
        node = self._load(depth, path)
        if not _is_inner(node):
            rows = dict(changes)
            if node is not None:
                rows.setdefault(node[:HASH_BYTES], node[HASH_BYTES:])
            stay = [(key, value) for key, value in sorted(rows.items()) if value is not None]
            return self._build(depth, path, stay)
        subtrees = _hashes(node)
        for number, under in enumerate(parted(changes, depth)):
            if under:
                below = self._apply(depth + 1, path << BITS | number, under)
                subtrees[number] = node_hash(below)
        return self._join(depth, path, subtrees)

    def _join(self, depth: int, path: int, subtrees: list[bytes]) -> _Node:
        """Subtrees as one node; a leaf that is left alone moves up."""
        there = [number for number, hashed in enumerate(subtrees) if hashed != EMPTY]
        if len(there) != 1:
            return self._save(depth, path, b"".join(subtrees) if there else None)
        below = path << BITS | there[0]
        lone = self._load(depth + 1, below)
        if _is_inner(lone):
            return self._save(depth, path, b"".join(subtrees))
        self._save(depth + 1, below, None)
        return self._save(depth, path, lone)

    def _build(self, depth: int, path: int, rows: Sequence[tuple[bytes, bytes]]) -> _Node:
        """A subtree of these rows where there was at most a leaf."""
        if len(rows) <= 1:
            return self._save(depth, path, b"".join(rows[0]) if rows else None)
        subtrees = [
            node_hash(self._build(depth + 1, path << BITS | number, under)) if under else EMPTY
            for number, under in enumerate(parted(rows, depth))
        ]
        return self._save(depth, path, b"".join(subtrees))

    def _load(self, depth: int, path: int) -> _Node:
        mark, size, _, _ = self._marks[depth]
        return self._read(mark + path.to_bytes(size, "big"))

    def _read(self, place: bytes) -> _Node:
        return self.writes[place] if place in self.writes else self._reader.get(place)

    def _save(self, depth: int, path: int, node: _Node) -> _Node:
        mark, size, _, _ = self._marks[depth]
        self.writes[mark + path.to_bytes(size, "big")] = node
        return node


def check(root: bytes, hashed: bytes, value: bytes | None, proof: TreeProof) -> bool:
    """Whether the proof shows that the key hash has this value hash (None: is absent) under `root`.

    Needs nothing but the root. Never raises.
    """
    depth, odd = divmod(len(proof.siblings), WAYS - 1)
    if odd or depth > DEPTH_MAX or len(proof.leaf) not in (0, 2):
        return False
    # Hashes are joined as they are: with another cut a leaf would read as one of another key.
    if any(len(part) != HASH_BYTES for part in (hashed, *proof.siblings, *proof.leaf)):
        return False
    if value is None and proof.leaf:
        if proof.leaf[0] == hashed or _prefix(proof.leaf[0], depth) != _prefix(hashed, depth):
            return False
    elif value is not None and proof.leaf != (hashed, value):
        return False
    top = node_hash(b"".join(proof.leaf) or None)
    return climb(hashed, top, proof.siblings) == root


def subtree_root(depth: int, leaves: Sequence[tuple[bytes, bytes]]) -> bytes:
    """The hash of the subtree at `depth` that holds exactly these (key hash, value hash).

    Each key is there once, and all agree in their first `depth` steps.
    """
    if len(leaves) <= 1:
        return node_hash(b"".join(leaves[0]) if leaves else None)
    return inner_hash([subtree_root(depth + 1, part) for part in parted(leaves, depth)])


def climb(hashed: bytes, top: bytes, siblings: Sequence[bytes]) -> bytes:
    """The root over a subtree of hash `top`, on the way to `hashed`; siblings from the root down."""
    for depth in range(len(siblings) // (WAYS - 1) - 1, -1, -1):
        beside = siblings[(WAYS - 1) * depth : (WAYS - 1) * (depth + 1)]
        number = digit(hashed, depth)
        top = inner_hash([*beside[:number], top, *beside[number:]])
    return top


def inner_hash(subtrees: Sequence[bytes]) -> bytes:
    """The hash of a subtree, from those of its own, empty ones among them."""
    return node_hash(b"".join(subtrees))


def digit(hashed: bytes, depth: int) -> int:
    """Which subtree of the node at `depth` a key hash belongs to."""
    byte, step = divmod(depth, _STEPS)
    return hashed[byte] >> 8 - BITS - BITS * step & WAYS - 1


def parted(rows: Sequence[tuple[bytes, V]], depth: int) -> list[list[tuple[bytes, V]]]:
    """The rows by the subtree that they belong to; they keep their order."""
    parts: list[list[tuple[bytes, V]]] = [[] for _ in range(WAYS)]
    for row in rows:
        parts[digit(row[0], depth)].append(row)
    return parts


def rows_of(trees: Mapping[int, Tree]) -> Iterator[tuple[bytes, bytes | None]]:
    """What the trees ask a store to write: table by table, from the leaves up."""
    return chain.from_iterable(tree.writes.items() for tree in trees.values())


def _prefix(hashed: bytes, depth: int) -> int:
    return int.from_bytes(hashed, "big") >> (_KEY_BITS - BITS * depth)


@cache
def _marks(tag: int) -> tuple[tuple[bytes, int, int, tuple[bytes, ...]], ...]:
    """By depth: how a node's place begins, how many bytes of the way follow, and how many bits do not.

    And every place there is, at the depths that nearly every change goes by.
    """
    rows = []
    for depth in range(DEPTH_MAX + 1):
        mark, size = b"t" + bytes([tag, depth]), (BITS * depth + 7) >> 3
        paths = range(WAYS**depth) if depth <= DEPTH_KNOWN else ()
        places = tuple(mark + path.to_bytes(size, "big") for path in paths)
        rows.append((mark, size, _KEY_BITS - BITS * depth, places))
    return tuple(rows)
