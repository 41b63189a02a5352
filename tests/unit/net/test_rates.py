"""How fast a peer may talk: a burst at once, then so many a second. Consensus 1.16.2."""

from hypothesis import given
from hypothesis import strategies as st

from tfchain.net.rates import UNBOUNDED, Bucket, Meter, Rate

RATE = Rate(burst=4, per_s=2)


def test_a_burst_is_read_at_once() -> None:
    bucket = Bucket(RATE)
    assert [bucket.take(1, 10.0) for _ in range(4)] == [0.0] * 4


def test_what_is_over_waits_its_share() -> None:
    bucket = Bucket(RATE)
    assert bucket.take(4, 10.0) == 0.0
    assert bucket.take(1, 10.0) == 0.5
    assert bucket.take(1, 10.5) == 0.5


def test_silence_fills_it_again_and_no_further() -> None:
    bucket = Bucket(RATE)
    bucket.take(4, 10.0)
    assert bucket.take(4, 1_000.0) == 0.0
    assert bucket.take(1, 1_000.0) == 0.5


def test_kinds_do_not_count_for_each_other() -> None:
    meter = Meter({1: RATE, 2: RATE}, UNBOUNDED)
    assert [meter.take(1, 9, 0.0) for _ in range(5)] == [0.0] * 4 + [0.5]
    assert meter.take(2, 9, 0.0) == 0.0


def test_a_kind_without_a_rate_is_bounded_by_its_bytes() -> None:
    meter = Meter({}, Rate(burst=100, per_s=50))
    assert meter.take(7, 100, 0.0) == 0.0
    assert meter.take(8, 25, 0.0) == 0.5


@given(gaps=st.lists(st.floats(0, 2), min_size=1, max_size=60))
def test_whoever_waits_when_told_never_sends_more_than_burst_and_rate(gaps: list[float]) -> None:
    bucket, now = Bucket(RATE), 0.0
    for sent, gap in enumerate(gaps, start=1):
        now += gap
        now += bucket.take(1, now)
        assert sent <= RATE.burst + now * RATE.per_s + 1e-6
