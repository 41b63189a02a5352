"""Timers on trio's own clock, which the tests wind on."""

import pytest
import trio
from trio.testing import MockClock

from tfchain.base.units import Height, Millis
from tfchain.node.timers import Timers
from tfchain.replica.events import BEGIN, GOSSIP, ROUND, Timer


def timer(name: str, height: int, round_: int = 0, step: int = 0) -> Timer:
    return Timer(name=name, height=Height(height), round=round_, step=step)


class Fired:
    """What fired, and when."""

    def __init__(self) -> None:
        self.seen: list[tuple[float, Timer]] = []
        self.timers = Timers(self._take)
        self._start = trio.current_time()

    def _take(self, fired: Timer) -> None:
        self.seen.append((round(trio.current_time() - self._start, 3), fired))


async def test_timers_fire_in_the_order_of_their_time(autojump_clock: MockClock) -> None:
    fired = Fired()
    fired.timers.set(timer(ROUND, 1, 0, 1), Millis(300))
    fired.timers.set(timer(BEGIN, 1), Millis(100))
    with trio.move_on_after(1):
        await fired.timers.run()
    assert fired.seen == [(0.1, timer(BEGIN, 1)), (0.3, timer(ROUND, 1, 0, 1))]
    assert len(fired.timers) == 0


async def test_a_timer_that_is_set_while_others_wait_comes_first(
    autojump_clock: MockClock,
) -> None:
    fired = Fired()
    fired.timers.set(timer(ROUND, 1), Millis(5_000))
    with trio.move_on_after(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(fired.timers.run)
            await trio.sleep(1)
            fired.timers.set(timer(GOSSIP, 1), Millis(500))
    assert [at for at, _ in fired.seen] == [1.5, 5.0]


async def test_the_newest_of_one_name_round_and_step_counts(autojump_clock: MockClock) -> None:
    """1.4.5."""
    fired = Fired()
    fired.timers.set(timer(GOSSIP, 1), Millis(100))
    fired.timers.set(timer(GOSSIP, 2), Millis(400))
    with trio.move_on_after(1):
        await fired.timers.run()
    assert fired.seen == [(0.4, timer(GOSSIP, 2))]


@pytest.mark.parametrize("rounds", [1, 50])
async def test_nothing_is_kept_of_a_height_that_is_over(
    autojump_clock: MockClock, rounds: int
) -> None:
    fired = Fired()
    for round_ in range(rounds):
        fired.timers.set(timer(ROUND, 1, round_, 2), Millis(100))
    fired.timers.set(timer(GOSSIP, 1), Millis(200))
    fired.timers.set(timer(BEGIN, 2), Millis(300))
    fired.timers.drop(Height(1))
    with trio.move_on_after(1):
        await fired.timers.run()
    assert [one.name for _, one in fired.seen] == [GOSSIP, BEGIN]


async def test_one_that_fires_may_end_its_height(autojump_clock: MockClock) -> None:
    seen: list[Timer] = []

    def take(one: Timer) -> None:
        seen.append(one)
        timers.drop(Height(1))

    timers = Timers(take)
    timers.set(timer(ROUND, 1, 0, 1), Millis(100))
    timers.set(timer(ROUND, 1, 0, 2), Millis(100))
    with trio.move_on_after(1):
        await timers.run()
    assert len(seen) == 1
