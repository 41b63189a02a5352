"""Faults come from the seed alone, all before the heal, and each kind of them comes."""

import pytest

from tfchain.sim.cast import Cast
from tfchain.sim.chance import Chance
from tfchain.sim.faults import Crash, Cut, Full, Skew, Slow, Turn
from tfchain.sim.scenarios import (
    BOUNDARIES,
    HOUR_MS,
    SCENARIOS,
    WEEK,
    Episode,
    cast_of,
    episodes,
    heal_of,
)

FOUR = Cast(powers=(1, 1, 1, 1), clocks=(0,))


def _episodes(name: str, seed: str, heal_ms: int) -> list[Episode]:
    return episodes(name, 0, Chance(seed), FOUR, heal_ms)


@pytest.mark.parametrize("name", SCENARIOS)
def test_faults_are_in_order_and_over_at_the_heal(name: str) -> None:
    found = _episodes(name, "1", 2 * HOUR_MS if name == WEEK else 20_000)
    times = [episode.at_ms for episode in found]
    assert times == sorted(times)
    assert all(0 <= time < 2 * HOUR_MS for time in times)


def test_one_seed_draws_the_same_faults() -> None:
    once, again, other = (_episodes("mixed", seed, 20_000) for seed in ("1", "1", "2"))
    assert once == again != other


def test_every_kind_of_fault_comes() -> None:
    found = [one.fault for one in _episodes("mixed", "3", 400_000)]
    assert {type(fault) for fault in found} == {Cut, Turn, Crash, Skew, Slow, Full}
    assert any(isinstance(fault, Crash) and len(fault.nodes) == 4 for fault in found)
    assert any(isinstance(fault, Cut) and fault.words for fault in found)
    assert any(isinstance(fault, Cut) and fault.deal for fault in found)
    assert any(isinstance(fault, Skew) and fault.drift for fault in found)


def test_only_clocks_that_may_be_wrong_are() -> None:
    found = [one.fault for one in _episodes("clocks", "3", 200_000)]
    assert {fault.node for fault in found if isinstance(fault, Skew)} == {0}
    cast = Cast(powers=(1, 1, 1))
    assert not any(
        isinstance(one.fault, Skew) for one in episodes("clocks", 0, Chance("3"), cast, 200_000)
    )


def test_nodes_that_are_cut_off_one_by_one_all_come_back() -> None:
    """Scenario 18."""
    cuts = [one.fault for one in _episodes("links", "5", 300_000) if isinstance(one.fault, Cut)]
    assert any(not cut.links for cut in cuts)


def test_a_boundary_is_the_seed() -> None:
    """Scenario 21: seeds walk through the effects, one node after the other."""
    found = [episodes(BOUNDARIES, seed, Chance("x"), FOUR, 6_000)[0].fault for seed in range(9)]
    places = [(fault.nodes[0], fault.effects) for fault in found if isinstance(fault, Crash)]
    assert places == [(0, 0), (1, 0), (2, 0), (3, 0), (0, 1), (1, 1), (2, 1), (3, 1), (0, 2)]


@pytest.mark.parametrize("name", [name for name in SCENARIOS if name != "fork"])
def test_the_weak_ones_are_less_than_a_third(name: str) -> None:
    for seed in range(40):
        cast = cast_of(name, Chance(str(seed)), None)
        assert cast.is_safe
        assert set(cast.byzantine) == {one for one, _ in cast.liars} | set(cast.twins)


def test_in_a_fork_the_weak_ones_are_half() -> None:
    cast = cast_of("fork", Chance("1"), None)
    assert not cast.is_safe
    assert cast.nodes == 6
    assert [cast.validator_of(node) for node in range(6)] == [0, 1, 2, 3, 2, 3]


def test_mixed_runs_have_all_sizes_powers_and_weaknesses() -> None:
    casts = [cast_of("mixed", Chance(str(seed)), None) for seed in range(400)]
    assert {cast.validators for cast in casts} == set(range(4, 11))
    assert any(len(set(cast.powers)) > 1 for cast in casts)
    assert any(cast.liars for cast in casts) and any(cast.twins for cast in casts)
    assert any(cast.forgetful for cast in casts) and any(cast.clocks for cast in casts)


def test_larger_networks_heal_earlier() -> None:
    heals = [heal_of("mixed", Cast(powers=(1,) * count)) for count in range(4, 11)]
    assert heals == sorted(heals, reverse=True)
    assert heals[0] == 15_000 and heals[-1] == 4_000
