"""Faults come from the seed alone, all before the heal, and each kind of them comes."""

import pytest

from tfchain.sim.chance import Chance
from tfchain.sim.faults import SCENARIOS, Crash, Cut, Skew, Slow, Turn, episodes


@pytest.mark.parametrize("name", SCENARIOS)
def test_faults_are_in_order_and_over_at_the_heal(name: str) -> None:
    found = episodes(name, Chance("1"), 4, 20_000)
    times = [episode.at_ms for episode in found]
    assert times == sorted(times)
    assert all(0 < time < 20_000 for time in times)
    assert bool(found) == (name != "quiet")


def test_one_seed_draws_the_same_faults() -> None:
    once, again, other = (episodes("mixed", Chance(seed), 4, 20_000) for seed in ("1", "1", "2"))
    assert once == again != other


def test_every_kind_of_fault_comes() -> None:
    found = [one.fault for one in episodes("mixed", Chance("3"), 4, 400_000)]
    assert {type(fault) for fault in found} == {Cut, Turn, Crash, Skew, Slow}
    assert any(isinstance(fault, Crash) and len(fault.nodes) == 4 for fault in found)
    assert any(isinstance(fault, Cut) and fault.words for fault in found)


def test_only_one_clock_in_three_is_ever_wrong() -> None:
    found = [one.fault for one in episodes("clocks", Chance("3"), 4, 200_000)]
    assert {fault.node for fault in found if isinstance(fault, Skew)} == {0}
