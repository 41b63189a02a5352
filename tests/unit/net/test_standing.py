"""Failures wait longer, bans grow, both are forgiven, and strangers are forgotten."""

import pytest

from tfchain.base.limits import PEERS_MAX
from tfchain.net.standing import REASON_CHARS_MAX, Standings
from tfchain.net.timing import Timing

FRIEND, STRANGER = b"\x01" * 32, b"\x02" * 32
TIMING = Timing(backoff_first_s=1.0, backoff_max_s=5.0, ban_first_s=2.0, ban_max_s=10.0)


def standings() -> Standings:
    return Standings([FRIEND], TIMING)


def test_the_first_call_does_not_wait() -> None:
    assert standings().backoff_s(FRIEND, 1.0) == 0.0


def test_waiting_doubles_up_to_its_cap() -> None:
    book, waits = standings(), []
    for _ in range(5):
        book.failed(FRIEND, "no answer")
        waits.append(book.backoff_s(FRIEND, 1.0))
    assert waits == [1.0, 2.0, 4.0, 5.0, 5.0]


def test_a_thousand_failures_still_wait_the_cap() -> None:
    """1.13.3."""
    book = standings()
    for _ in range(1_000):
        book.failed(FRIEND, "no answer")
    assert book.backoff_s(FRIEND, 1.0) == 5.0


def test_chance_spreads_calls_over_half_the_wait() -> None:
    book = standings()
    book.failed(FRIEND, "no answer")
    assert [book.backoff_s(FRIEND, chance) for chance in (0.0, 0.5, 1.0)] == [0.5, 0.75, 1.0]


@pytest.mark.parametrize(
    ("lasted_s", "failures"),
    [
        pytest.param(4.9, 3, id="a short connection is one more failure"),
        pytest.param(5.0, 0, id="a long one clears them"),
    ],
)
def test_the_end_of_a_connection(lasted_s: float, failures: int) -> None:
    book = standings()
    book.failed(FRIEND, "no answer")
    book.failed(FRIEND, "no answer")
    book.ended(FRIEND, "the peer hung up", lasted_s)
    assert book.of(FRIEND).failures == failures
    assert book.of(FRIEND).reason == "the peer hung up"


def test_bans_double_up_to_their_cap() -> None:
    """1.13.6: blames add up."""
    book, now, spans = standings(), 100.0, []
    for _ in range(4):
        book.blame(FRIEND, "a bad vote", now)
        spans.append(book.banned_s(FRIEND, now))
        now += spans[-1]
        assert book.banned(now - 0.1) == {FRIEND}
    assert spans == [2.0, 4.0, 8.0, 10.0]
    assert book.banned_s(FRIEND, now) == 0.0
    assert book.banned(now) == set()


def test_a_peer_that_was_good_for_long_starts_from_the_first_ban() -> None:
    """1.13.6: and are forgiven."""
    book = standings()
    book.blame(FRIEND, "a bad vote", 100.0)
    book.blame(FRIEND, "a bad vote", 102.0)
    book.blame(FRIEND, "a bad vote", 106.0 + 10.0)
    assert book.banned_s(FRIEND, 116.0) == 2.0


def test_a_reason_is_cut() -> None:
    book = standings()
    book.failed(FRIEND, "x" * 1_000)
    assert len(book.of(FRIEND).reason) == REASON_CHARS_MAX
    book.blame(FRIEND, "y" * 1_000, 0.0)
    assert len(book.of(FRIEND).reason) == REASON_CHARS_MAX


def test_strangers_are_forgotten_the_longest_untouched_first() -> None:
    book = standings()
    keys = [number.to_bytes(32, "big") for number in range(1, PEERS_MAX + 1)]
    for key in keys:
        book.blame(key, "noise", 0.0)
    book.blame(keys[0], "noise again", 0.0)
    book.blame(STRANGER, "noise", 0.0)
    assert book.of(keys[0]).bans == 2
    assert book.of(keys[1]).bans == 0
    assert book.keys() == sorted([FRIEND, STRANGER, keys[0], *keys[2:]])
