"""Lengths before bodies, bounds before bytes, order inside the seal."""

import pytest

from tfchain.base.limits import FRAME_BYTES_MAX
from tfchain.errors import Malformed
from tfchain.net.frames import Sealer, Unframer, Unsealer, body_bytes_max, frame, join, split

LIMITS = {1: 4, 7: 0}


def test_a_frame_is_its_length_and_its_body() -> None:
    assert frame(b"abc") == b"\x00\x00\x00\x03abc"


def test_frames_come_out_one_by_one_however_they_arrive() -> None:
    unframer = Unframer()
    seen = []
    for byte in frame(b"abc") + frame(b"d"):
        unframer.feed(bytes((byte,)))
        while (body := unframer.take(3)) is not None:
            seen.append(body)
    assert seen == [b"abc", b"d"]
    assert unframer.held == 0


@pytest.mark.parametrize("length", [0, 5, 0xFFFFFFFF], ids=["nothing", "one over", "4 GiB"])
def test_a_length_out_of_bounds_is_refused_before_its_body(length: int) -> None:
    """1.16.1."""
    unframer = Unframer()
    unframer.feed(length.to_bytes(4, "big"))
    with pytest.raises(Malformed, match=f"a frame of {length} bytes"):
        unframer.take(4)


@pytest.mark.parametrize(
    ("message", "why"),
    [
        pytest.param(b"", "without a kind", id="nothing"),
        pytest.param(b"\x02", "kind 2", id="a kind that nobody listed"),
        pytest.param(b"\x01abcde", "5 bytes", id="one over its limit"),
        pytest.param(b"\x07a", "at most 0", id="a payload where none is due"),
    ],
)
def test_a_message_out_of_bounds_is_refused(message: bytes, why: str) -> None:
    """1.16.1: each kind by its own bound."""
    with pytest.raises(Malformed, match=why):
        split(message, LIMITS)


def test_a_message_comes_back_as_it_was_joined() -> None:
    assert split(join(1, b"abcd", LIMITS), LIMITS) == (1, b"abcd")
    assert split(join(7, b"", LIMITS), LIMITS) == (7, b"")


@pytest.mark.parametrize(("kind", "payload"), [(2, b""), (1, b"abcde")])
def test_saying_what_may_not_be_said_is_a_bug_of_ours(kind: int, payload: bytes) -> None:
    with pytest.raises(AssertionError):
        join(kind, payload, LIMITS)


def test_the_longest_message_fits_its_bound_to_the_byte() -> None:
    sealed = Sealer(bytes(32)).seal(join(1, b"abcd", LIMITS))
    assert len(sealed) == 4 + body_bytes_max(LIMITS)


def test_a_kind_longer_than_a_frame_is_a_bug_of_ours() -> None:
    assert body_bytes_max({1: FRAME_BYTES_MAX}) > FRAME_BYTES_MAX
    with pytest.raises(AssertionError, match="longer than a frame"):
        body_bytes_max({1: FRAME_BYTES_MAX + 1})


def test_sealed_frames_open_in_their_order_and_in_no_other() -> None:
    sealer, unsealer = Sealer(bytes(32)), Unsealer(bytes(32))
    first, second = (sealer.seal(message)[4:] for message in (b"a", b"b"))
    with pytest.raises(Malformed):
        unsealer.unseal(second)
    assert unsealer.unseal(first) == b"a"
    with pytest.raises(Malformed):
        unsealer.unseal(first)
    assert unsealer.unseal(second) == b"b"
