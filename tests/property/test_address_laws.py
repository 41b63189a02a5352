"""One key, one text: a typo is refused, and no text has a second reading."""

import contextlib

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tfchain.base.address import ALPHABET, from_text, to_text
from tfchain.base.units import Address
from tfchain.errors import Malformed

KEYS = st.binary(min_size=32, max_size=32).map(Address)
LETTERS = st.sampled_from(ALPHABET)


def _read(text: str) -> Address | None:
    with contextlib.suppress(Malformed):
        return from_text(text)
    return None


@settings(max_examples=100, deadline=None)
@given(KEYS)
def test_a_key_reads_back_from_its_text(key: Address) -> None:
    text = to_text(key)
    assert from_text(text) == key
    assert (len(text), text[0]) == (48, "5")


@settings(max_examples=200, deadline=None, derandomize=True)
@given(KEYS, st.integers(0, 47), LETTERS)
def test_a_single_typo_is_refused(key: Address, at: int, letter: str) -> None:
    """The same draws each run: two bytes of checksum let one typo in 65,536 through."""
    text = to_text(key)
    assume(letter != text[at])
    assert _read(text[:at] + letter + text[at + 1 :]) is None


@settings(max_examples=200, deadline=None)
@given(KEYS, st.integers(0, 48), st.integers(0, 2), st.text(LETTERS, max_size=2))
def test_a_damaged_text_never_reads_as_the_same_key(
    key: Address, at: int, cut: int, filler: str
) -> None:
    text = to_text(key)
    damaged = text[:at] + filler + text[at + cut :]
    assert (_read(damaged) == key) == (damaged == text)


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=70) | st.text(LETTERS, min_size=46, max_size=50))
def test_any_text_is_an_address_with_this_text_or_malformed(text: str) -> None:
    key = _read(text)
    assert key is None or to_text(key) == text
