"""A proof proves one leaf at one place of one tree."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tfchain.base import merkle

TAG = b"law"
TREES = st.lists(st.binary(max_size=8), min_size=1, max_size=60)


@settings(max_examples=60, deadline=None)
@given(TREES, st.data())
def test_every_leaf_can_be_proved(leaves: list[bytes], draw: st.DataObject) -> None:
    index = draw.draw(st.integers(0, len(leaves) - 1))
    path = merkle.prove(TAG, leaves, index)
    top = merkle.root(TAG, leaves)
    assert merkle.check(TAG, top, index, len(leaves), leaves[index], path)


@settings(max_examples=150, deadline=None)
@given(
    st.integers(-2, 80),
    st.integers(-2, 80) | st.integers(0, 1 << 70),
    st.binary(max_size=4),
    st.lists(st.binary(min_size=31, max_size=33) | st.just(bytes(32)), max_size=9),
    st.binary(max_size=33),
)
def test_an_invented_proof_is_refused_and_raises_nothing(
    index: int, count: int, leaf: bytes, path: list[bytes], top: bytes
) -> None:
    assert not merkle.check(TAG, top, index, count, leaf, path)


@settings(max_examples=100, deadline=None)
@given(TREES, st.data())
def test_a_damaged_path_proves_nothing(leaves: list[bytes], draw: st.DataObject) -> None:
    index = draw.draw(st.integers(0, len(leaves) - 1))
    path = merkle.prove(TAG, leaves, index)
    at = draw.draw(st.integers(0, len(path)))
    cut = draw.draw(st.integers(0, 2))
    filler = draw.draw(st.lists(st.binary(min_size=32, max_size=32), max_size=2))
    damaged = [*path[:at], *filler, *path[at + cut :]]
    top = merkle.root(TAG, leaves)
    held = merkle.check(TAG, top, index, len(leaves), leaves[index], damaged)
    assert held == (damaged == path)


@settings(max_examples=60, deadline=None)
@given(TREES, TREES)
def test_two_trees_have_one_root_only_if_their_leaves_are_the_same(
    one: list[bytes], other: list[bytes]
) -> None:
    assert (merkle.root(TAG, one) == merkle.root(TAG, other)) == (one == other)
