"""Merkle trees in the shape of RFC 6962: root, frontier that only appends, inclusion proofs.

Leaves and inner nodes are hashed under different tags; the empty tree is the hash of nothing. `tag`
names the purpose, so that a proof about transactions can never pass for one about receipts.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

from tfchain.base.crypto import HASH_BYTES, digest, hasher

Levels = tuple[tuple[bytes, ...], ...]
"""All hashes of a tree: those of its leaves, those over pairs of them, and so on up to the root."""
Frontier = tuple[bytes, ...]
"""Roots of the perfect subtrees of a growing tree, largest first: one a set bit of the count."""

_LEAF, _INNER = b"\x00", b"\x01"

HASHES_KEPT_MAX: Final = 1_024
"""Of leaves and of inner nodes, each: a few blocks' changes of the roots that are made of roots."""
PLACES_KEPT_MAX: Final = 64
"""Sets of leaves that changed together."""
PATH_MAX: Final = 64
"""Steps of a proof: a tree of 2^64 leaves is out of reach, and a climb is as deep as its path."""


def leaf_hash(tag: bytes, data: bytes) -> bytes:
    """The hash of one leaf. `tag`: at most 11 bytes, for a person tag has 16."""
    return digest(b"tf/l/" + tag, _LEAF, data)


def inner_hash(tag: bytes, left: bytes, right: bytes) -> bytes:
    """The hash over two subtrees."""
    return digest(b"tf/i/" + tag, _INNER, left, right)


_known_leaf = lru_cache(HASHES_KEPT_MAX)(leaf_hash)
_known_inner = lru_cache(HASHES_KEPT_MAX)(inner_hash)


def empty_root(tag: bytes) -> bytes:
    """The root over no leaves: the hash of nothing."""
    return digest(b"tf/e/" + tag)


def root(tag: bytes, leaves: Sequence[bytes]) -> bytes:
    """The root over `leaves` (their data, not their hashes)."""
    begin, hashes = hasher(b"tf/l/" + tag, _LEAF), []
    for data in leaves:
        state = begin()
        state.update(data)
        hashes.append(state.digest())
    return _root_of(tag, hashes)


def root_of_known(tag: bytes, leaves: Sequence[bytes]) -> bytes:
    """The same where most leaves, or their neighbours, were met before: what was hashed is remembered.

    For many equal leaves.
    """
    hashes = [_known_leaf(tag, data) for data in leaves]
    if not hashes:
        return empty_root(tag)
    while len(hashes) > 1:
        odd = hashes[-1:] if len(hashes) & 1 else []
        pairs = zip(hashes[::2], hashes[1::2], strict=False)
        hashes = [_known_inner(tag, left, right) for left, right in pairs]
        hashes += odd
    return hashes[0]


def levels_of(tag: bytes, leaves: Sequence[bytes]) -> Levels:
    """All hashes of the tree over one leaf or more (their data, not their hashes)."""
    assert leaves, "the empty tree has no levels"
    widths = [len(leaves)]
    while widths[-1] > 1:
        widths.append(widths[-1] + 1 >> 1)
    blank = tuple((b"",) * width for width in widths)
    return raised(tag, blank, dict(enumerate(leaves)))


def raised(tag: bytes, levels: Levels, leaves: Mapping[int, bytes]) -> Levels:
    """The tree after these leaves changed: only what is above them is hashed."""
    begin, below = hasher(b"tf/i/" + tag, _INNER), list(levels[0])
    for place, data in leaves.items():
        below[place] = leaf_hash(tag, data)
    made = [tuple(below)]
    for level, places in zip(levels[1:], _above(tuple(leaves), len(levels)), strict=True):
        above = list(level)
        for place in places:
            pair = below[2 * place : 2 * place + 2]
            above[place] = pair[0]  # who is left without a neighbour goes up as he is
            if len(pair) == 2:
                state = begin()
                state.update(pair[0] + pair[1])
                above[place] = state.digest()
        made.append(tuple(above))
        below = above
    return tuple(made)


@lru_cache(PLACES_KEPT_MAX)
def _above(places: tuple[int, ...], height: int) -> tuple[tuple[int, ...], ...]:
    """Level by level the places above these; block after block changes the same few."""
    return tuple(tuple(sorted({place >> up for place in places})) for up in range(1, height))


def append(tag: bytes, frontier: Frontier, count: int, hashed: bytes) -> Frontier:
    """The frontier of `count + 1` leaves, given that of `count` and the new leaf's hash."""
    assert len(frontier) == count.bit_count(), "a frontier has one root a set bit of the count"
    peaks = list(frontier)
    while count & 1:
        hashed = inner_hash(tag, peaks.pop(), hashed)
        count >>= 1
    return (*peaks, hashed)


def frontier_root(tag: bytes, frontier: Frontier) -> bytes:
    """The root of the tree whose perfect subtrees are `frontier`."""
    if not frontier:
        return empty_root(tag)
    hashed = frontier[-1]
    for peak in reversed(frontier[:-1]):
        hashed = inner_hash(tag, peak, hashed)
    return hashed


def prove(tag: bytes, leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The path of sibling hashes from leaf `index` up to the root."""
    assert 0 <= index < len(leaves), "a proof is about a leaf that is there"
    return _path(tag, [leaf_hash(tag, data) for data in leaves], index)


def _path(tag: bytes, hashes: Sequence[bytes], index: int) -> list[bytes]:
    if len(hashes) == 1:
        return []
    split = _split(len(hashes))
    if index < split:
        return [*_path(tag, hashes[:split], index), _root_of(tag, hashes[split:])]
    return [*_path(tag, hashes[split:], index - split), _root_of(tag, hashes[:split])]


def _root_of(tag: bytes, hashes: Sequence[bytes]) -> bytes:
    """Pairs upon pairs; who is left without a neighbour goes up as he is.

    The same tree as the one split at powers of two: what stands left of a split is always paired.
    """
    if not hashes:
        return empty_root(tag)
    begin = hasher(b"tf/i/" + tag, _INNER)
    while len(hashes) > 1:
        odd = hashes[-1:] if len(hashes) & 1 else []
        above: list[bytes] = []
        for left, right in zip(hashes[::2], hashes[1::2], strict=False):
            state = begin()  # here and not by a call each: of a block's roots this is all the work
            state.update(left + right)
            above.append(state.digest())
        hashes = [*above, *odd]
    return hashes[0]


def _split(count: int) -> int:
    """The largest power of two below `count`."""
    return 1 << ((count - 1).bit_length() - 1)


def check(
    tag: bytes, top: bytes, index: int, count: int, data: bytes, path: Sequence[bytes]
) -> bool:
    """Whether `data` is leaf `index` of the `count` leaves under `top`. Never raises."""
    if not 0 <= index < count or len(path) > PATH_MAX:
        return False
    if any(len(hashed) != HASH_BYTES for hashed in (top, *path)):
        return False
    return _climb(tag, leaf_hash(tag, data), index, count, list(path)) == top


def _climb(tag: bytes, hashed: bytes, index: int, count: int, path: list[bytes]) -> bytes:
    """The root that the path leads to; the empty bytes where its length does not fit."""
    if count == 1:
        return b"" if path else hashed
    if not path:
        return b""
    sibling, split = path.pop(), _split(count)
    if index < split:
        below = _climb(tag, hashed, index, split, path)
        return below and inner_hash(tag, below, sibling)
    below = _climb(tag, hashed, index - split, count - split, path)
    return below and inner_hash(tag, sibling, below)
