"""Merkle trees: the shape of RFC 6962, and proofs that prove one thing only."""

import pytest

from tfchain.base import merkle
from tfchain.base.crypto import digest

TAG = b"t"
LEAVES = [b"%d" % number for number in range(70)]


def _tree_hash(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962, section 2.1, word for word, over our tagged hash."""
    if not leaves:
        return digest(b"tf/e/t")
    if len(leaves) == 1:
        return digest(b"tf/l/t", b"\x00" + leaves[0])
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return digest(b"tf/i/t", b"\x01" + _tree_hash(leaves[:split]) + _tree_hash(leaves[split:]))


@pytest.mark.parametrize("count", range(len(LEAVES) + 1))
def test_the_root_is_that_of_rfc_6962(count: int) -> None:
    """1.18.1."""
    assert merkle.root(TAG, LEAVES[:count]) == _tree_hash(LEAVES[:count])


@pytest.mark.parametrize("count", [0, 1, 2, 3, 62, 70, 64])
def test_leaves_that_were_met_before_have_the_same_root(count: int) -> None:
    leaves = [b"first", *LEAVES[:count]]
    for _ in range(2):
        assert merkle.root_of_known(TAG, LEAVES[:count]) == _tree_hash(LEAVES[:count])
        assert merkle.root_of_known(TAG, leaves) == _tree_hash(leaves)


@pytest.mark.parametrize("count", range(1, len(LEAVES) + 1))
def test_what_lies_above_a_changed_leaf_is_hashed_and_nothing_is_left_behind(count: int) -> None:
    leaves = LEAVES[:count]
    levels = merkle.levels_of(TAG, leaves)
    assert levels[-1] == (merkle.root(TAG, leaves),)
    for changed in ({count - 1: b"new"}, {0: b"a", count // 2: b"b"}, {}):
        leaves = [changed.get(place, data) for place, data in enumerate(leaves)]
        levels = merkle.raised(TAG, levels, changed)
        assert levels == merkle.levels_of(TAG, leaves)


@pytest.mark.parametrize("codes", [(), ("ok",), ("ok", "nonce", "ok"), ("ok",) * 9])
def test_leaves_that_are_often_the_same_have_the_same_root(codes: tuple[str, ...]) -> None:
    leaves = [code.encode() for code in codes]
    assert merkle.root_of_known(TAG, leaves) == merkle.root(TAG, leaves)


def test_a_frontier_grows_to_the_same_roots() -> None:
    frontier: merkle.Frontier = ()
    for count, leaf in enumerate(LEAVES):
        assert merkle.frontier_root(TAG, frontier) == _tree_hash(LEAVES[:count])
        frontier = merkle.append(TAG, frontier, count, merkle.leaf_hash(TAG, leaf))
        assert len(frontier) == (count + 1).bit_count()


def test_a_frontier_of_another_count_is_a_bug_of_ours() -> None:
    with pytest.raises(AssertionError):
        merkle.append(TAG, (bytes(32),), 2 + 1, bytes(32))


@pytest.mark.parametrize("count", [*range(1, 18), 31, 32, 33, 63, 64, 65, 70])
def test_every_leaf_has_a_proof_that_holds_for_it_alone(count: int) -> None:
    leaves = LEAVES[:count]
    top = merkle.root(TAG, leaves)
    for index, leaf in enumerate(leaves):
        path = merkle.prove(TAG, leaves, index)
        assert merkle.check(TAG, top, index, count, leaf, path)
        assert len(path) <= (count - 1).bit_length()
        beside = (index + 1) % (count + 1)
        assert not merkle.check(TAG, top, beside, count, leaf, path)
        assert not merkle.check(TAG, top, index, count, leaf + b"!", path)


TOP = merkle.root(TAG, LEAVES[:13])
PATH = merkle.prove(TAG, LEAVES[:13], 5)
NOBODY = bytes(32)


@pytest.mark.parametrize(
    ("tag", "top", "index", "count", "leaf", "path"),
    [
        pytest.param(b"u", TOP, 5, 13, b"5", PATH, id="another purpose"),
        pytest.param(TAG, NOBODY, 5, 13, b"5", PATH, id="another root"),
        pytest.param(TAG, TOP[:-1], 5, 13, b"5", PATH, id="a root cut short"),
        pytest.param(TAG, TOP, 4, 13, b"5", PATH, id="another index"),
        pytest.param(TAG, TOP, -1, 13, b"5", PATH, id="a negative index"),
        pytest.param(TAG, TOP, 13, 13, b"5", PATH, id="an index past the end"),
        pytest.param(TAG, TOP, 5, 0, b"5", PATH, id="a count of none"),
        pytest.param(TAG, TOP, 5, 6, b"5", PATH, id="a smaller count"),
        pytest.param(TAG, TOP, 5, 17, b"5", PATH, id="a greater count"),
        pytest.param(TAG, TOP, 5, 13, b"6", PATH, id="another leaf"),
        pytest.param(TAG, TOP, 5, 13, b"5", PATH[:-1], id="a path without its top"),
        pytest.param(TAG, TOP, 5, 13, b"5", PATH[1:], id="a path without its foot"),
        pytest.param(TAG, TOP, 5, 13, b"5", [], id="no path"),
        pytest.param(TAG, TOP, 5, 13, b"5", [*PATH, NOBODY], id="a path with a step too many"),
        pytest.param(TAG, TOP, 5, 13, b"5", [NOBODY, *PATH], id="a path with a foot too many"),
        pytest.param(TAG, TOP, 5, 13, b"5", PATH[::-1], id="a path upside down"),
        pytest.param(TAG, TOP, 5, 13, b"5", [*PATH[:-1], b""], id="a step of no bytes"),
        pytest.param(TAG, TOP, 5, 13, b"5", [*PATH[:-1], bytes(33)], id="a step too long"),
        pytest.param(TAG, b"", 0, 1, b"5", [NOBODY], id="an empty root and a path that fits it"),
        pytest.param(TAG, b"", 0, 2, b"5", [], id="an empty root and a path cut short"),
        pytest.param(TAG, TOP, 5, 1 << 5_000, b"5", [NOBODY] * 5_000, id="a path of 5,000 steps"),
        pytest.param(TAG, TOP, 5, 1 << 5_000, b"5", PATH, id="a count beyond all trees"),
    ],
)
def test_a_proof_of_anything_else_is_refused(
    tag: bytes, top: bytes, index: int, count: int, leaf: bytes, path: list[bytes]
) -> None:
    assert merkle.check(TAG, TOP, 5, 13, b"5", PATH)
    assert not merkle.check(tag, top, index, count, leaf, path)


def test_an_inner_node_does_not_pass_for_a_leaf() -> None:
    """1.18.1."""
    left, right = (merkle.leaf_hash(TAG, leaf) for leaf in (b"0", b"1"))
    top = merkle.root(TAG, [b"0", b"1"])
    assert merkle.inner_hash(TAG, left, right) == top
    assert not merkle.check(TAG, top, 0, 1, left + right, [])
    assert not merkle.check(TAG, top, 0, 1, b"\x01" + left + right, [])


@pytest.mark.parametrize("index", [-1, 3, 70])
def test_proving_a_leaf_that_is_not_there_is_a_bug_of_ours(index: int) -> None:
    with pytest.raises(AssertionError):
        merkle.prove(TAG, LEAVES[:3], index)


def test_nothing_is_proved_about_an_empty_tree() -> None:
    with pytest.raises(AssertionError):
        merkle.prove(TAG, [], 0)
    assert not merkle.check(TAG, merkle.empty_root(TAG), 0, 0, b"", [])
