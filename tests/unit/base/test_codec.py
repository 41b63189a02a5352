"""Canonical bytes: one spelling of each value, and `Malformed` for all others."""

import tracemalloc

import pytest

from tfchain.base.codec import INT_MAX, INT_MIN, Plain, decode, encode, read
from tfchain.base.limits import CODEC_DEPTH_MAX
from tfchain.errors import Malformed

ROOM = 1 << 21


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(None, id="nothing"),
        pytest.param(True, id="true"),
        pytest.param(False, id="false"),
        pytest.param(INT_MIN, id="the least integer"),
        pytest.param(INT_MAX, id="the greatest integer"),
        pytest.param("", id="empty text"),
        pytest.param("é\U0001f331\x00", id="text beyond ASCII"),
        pytest.param(b"", id="no bytes"),
        pytest.param(b"\xff" * 70_000, id="bytes with a long length"),
        pytest.param([], id="an empty array"),
        pytest.param([[1, b"1", "1"]] * 20, id="arrays in an array"),
    ],
)
def test_what_is_encoded_comes_back_as_it_was(value: Plain) -> None:
    back = decode(encode(value), ROOM)
    assert back == value
    assert type(back) is type(value)


def test_true_and_one_and_text_and_bytes_are_four_different_values() -> None:
    spelled = [encode(value) for value in (True, 1, "1", b"1")]
    assert spelled == [b"\xc3", b"\x01", b"\xa11", b"\xc4\x011"]


@pytest.mark.parametrize(
    "spelling",
    [
        pytest.param("", id="no bytes at all"),
        pytest.param("0101", id="bytes left over"),
        pytest.param("c1", id="the byte that is never used"),
        pytest.param("cc01", id="one in two bytes"),
        pytest.param("cd00ff", id="255 in three bytes"),
        pytest.param("ce0000ffff", id="65535 in five bytes"),
        pytest.param("cf00000000ffffffff", id="32 bits in nine bytes"),
        pytest.param("d001", id="one as a signed byte"),
        pytest.param("d0ff", id="minus one as a signed byte"),
        pytest.param("d1ff80", id="minus 128 in three bytes"),
        pytest.param("d200000001", id="one as a signed word"),
        pytest.param("d3ffffffffffffffff", id="minus one in nine bytes"),
        pytest.param("d37fffffffffffffff", id="a large positive integer written as signed"),
        pytest.param("d90161", id="a short text with a long head"),
        pytest.param("da000161", id="a short text with a longer head"),
        pytest.param("db0000000161", id="a short text with the longest head"),
        pytest.param("c5000161", id="short bytes with a long head"),
        pytest.param("c60000000161", id="short bytes with the longest head"),
        pytest.param("dc000101", id="a short array with a long head"),
        pytest.param("dd0000000101", id="a short array with the longest head"),
        pytest.param("ca3f800000", id="one as a float"),
        pytest.param("cb3ff0000000000000", id="one as a double"),
        pytest.param("cb7ff8000000000000", id="not a number"),
        pytest.param("80", id="an empty map"),
        pytest.param("810102", id="a map"),
        pytest.param("8201020103", id="a map with a key twice"),
        pytest.param("819001", id="a map with an array for a key"),
        pytest.param("de000101a0", id="a map with a long head"),
        pytest.param("dfffffffff", id="a map of 2^32 entries that never come"),
        pytest.param("d40100", id="an extension of one byte"),
        pytest.param("c70001", id="an empty extension"),
        pytest.param("d6ff00000000", id="a timestamp"),
        pytest.param("d7ff0000000000000000", id="a timestamp of eight bytes"),
        pytest.param("d7ffffffffffffffffff", id="a timestamp with too many nanoseconds"),
        pytest.param("c70cff000000007fffffffffffffff", id="a timestamp beyond all years"),
        pytest.param("91d6ff00000000", id="a timestamp in an array"),
        pytest.param("a1ff", id="text that is not UTF-8"),
        pytest.param("a2c080", id="text with a long form of zero"),
        pytest.param("a3eda080", id="text with half a surrogate pair"),
        pytest.param("a4f4908080", id="text beyond the last character"),
        pytest.param("a261", id="text cut short"),
        pytest.param("c4", id="bytes without a length"),
        pytest.param("c6ffffffff", id="bytes of 4 GiB that never come"),
        pytest.param("9201", id="an array cut short"),
        pytest.param("ddffffffff", id="an array of 2^32 items that never come"),
    ],
)
def test_any_other_spelling_is_refused(spelling: str) -> None:
    """1.6.2."""
    with pytest.raises(Malformed):
        decode(bytes.fromhex(spelling), ROOM)


def _nested(depth: int) -> bytes:
    return b"\x91" * depth + b"\x01"


def test_arrays_nest_as_deep_as_the_limit_and_no_deeper() -> None:
    assert decode(_nested(CODEC_DEPTH_MAX), ROOM)
    with pytest.raises(Malformed, match="deeper"):
        decode(_nested(CODEC_DEPTH_MAX + 1), ROOM)


@pytest.mark.parametrize("depth", [400, 5_000, 500_000])
def test_a_depth_bomb_is_refused_without_exhausting_the_stack(depth: int) -> None:
    with pytest.raises(Malformed):
        decode(_nested(depth), ROOM)


@pytest.mark.parametrize(
    "bomb",
    [
        pytest.param(b"\xdd\xff\xff\xff\xff", id="one head"),
        pytest.param((b"\xdd\x00\x00\xf0\x00" * 400).ljust(65_536, b"\x01"), id="heads in heads"),
    ],
)
def test_a_declared_length_allocates_nothing(bomb: bytes) -> None:
    """1.16.1."""
    tracemalloc.start()
    try:
        with pytest.raises(Malformed):
            decode(bomb, ROOM)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 64 * len(bomb) + 65_536


def test_a_short_bomb_takes_no_more_than_three_megabytes() -> None:
    """Short bytes are read at once: every head gets room for as many items as there are bytes."""
    tracemalloc.start()
    try:
        with pytest.raises(Malformed):
            decode((b"\xdc\x03\xff" * 341).ljust(1_024, b"\x01"), ROOM)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3 * 1024 * 1024


def test_the_bound_is_met_before_the_bytes_are_read() -> None:
    data = encode(b"abc")
    assert decode(data, len(data)) == b"abc"
    with pytest.raises(Malformed, match="5 bytes where at most 4"):
        decode(data, len(data) - 1)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(1.0, id="a float"),
        pytest.param({}, id="a map"),
        pytest.param((1,), id="a tuple"),
        pytest.param(bytearray(b"a"), id="bytes that may change"),
        pytest.param([[1.0]], id="a float inside"),
        pytest.param(INT_MAX + 1, id="an integer too great"),
        pytest.param(INT_MIN - 1, id="an integer too small"),
    ],
)
def test_what_has_no_spelling_is_a_bug_of_ours(value: object) -> None:
    with pytest.raises(AssertionError, match="cannot encode"):
        encode(value)  # type: ignore[arg-type]


def test_what_could_not_be_read_back_is_not_written() -> None:
    value: Plain = 1
    for _ in range(CODEC_DEPTH_MAX):
        value = [value]
    assert encode(value) == _nested(CODEC_DEPTH_MAX)
    with pytest.raises(AssertionError, match="deeper"):
        encode([value])


def test_what_was_decoded_once_is_read_however_it_is_spelled() -> None:
    assert read(encode([1, "a"]), 9) == [1, "a"]
    assert read(b"\xcc\x01", 2) == 1
    with pytest.raises(Malformed, match="at most 1 are allowed"):
        read(b"\xcc\x01", 1)
    for broken in (b"", b"\x91", b"\x01\x01", b"\xc1"):
        with pytest.raises(Malformed):
            read(broken, 9)
