"""Any bytes are one value or `Malformed`; any value has one spelling."""

import contextlib

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tfchain.base.codec import INT_MAX, INT_MIN, Plain, decode, encode
from tfchain.base.limits import CODEC_DEPTH_MAX
from tfchain.errors import Malformed

ROOM = 1 << 16
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(INT_MIN, INT_MAX)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
    | st.binary(max_size=300)
)
VALUES: st.SearchStrategy[Plain] = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=20), max_leaves=12
).filter(lambda value: _depth(value) <= CODEC_DEPTH_MAX)


def _depth(value: Plain) -> int:
    return 1 + max(map(_depth, value), default=0) if isinstance(value, list) else 0


def _same(one: Plain, other: Plain) -> bool:
    """Equal and of the same types: for Python, `True == 1`."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return type(one) is type(other) and one == other


def _read_or_refuse(soup: bytes) -> None:
    with contextlib.suppress(Malformed):
        assert encode(decode(soup, ROOM)) == soup


@settings(max_examples=150, deadline=None)
@given(VALUES)
def test_what_is_encoded_comes_back_as_it_was(value: Plain) -> None:
    assert _same(decode(encode(value), ROOM), value)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60))
@example(b"\xdf\xff\xff\xff\xff")
@example(b"\xd6\xff\x00\x00\x00\x00")
def test_any_bytes_are_a_value_with_this_spelling_or_malformed(soup: bytes) -> None:
    """1.6.2."""
    _read_or_refuse(soup)


@settings(max_examples=300, deadline=None)
@given(VALUES, st.data())
def test_a_damaged_value_is_another_value_or_malformed(value: Plain, draw: st.DataObject) -> None:
    whole = encode(value)
    at = draw.draw(st.integers(0, len(whole)))
    cut = draw.draw(st.integers(0, 4))
    filler = draw.draw(st.binary(max_size=5))
    _read_or_refuse(whole[:at] + filler + whole[at + cut :])


@settings(max_examples=100, deadline=None)
@given(VALUES, st.binary(min_size=1, max_size=4))
def test_a_value_with_bytes_behind_it_is_malformed(value: Plain, rest: bytes) -> None:
    try:
        decode(encode(value) + rest, ROOM)
    except Malformed:
        return
    raise AssertionError("bytes left over were let through")


@settings(max_examples=100, deadline=None)
@given(VALUES, VALUES)
def test_two_values_share_a_spelling_only_if_they_are_the_same(one: Plain, other: Plain) -> None:
    assert (encode(one) == encode(other)) == _same(one, other)
