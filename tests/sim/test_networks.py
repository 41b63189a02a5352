"""Networks from seeds: whatever strikes them, no invariant breaks, and one seed is one run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import tfchain
from tfchain.base.units import PeriodIndex, ScheduleId
from tfchain.chain.tip import Tip
from tfchain.ledger import tables
from tfchain.ledger.minting import SEALED
from tfchain.sim.plan import Plan, Report
from tfchain.sim.scenarios import BOUNDARIES, FORK, MIXED, SCENARIOS, WEEK
from tfchain.sim.world import World, simulate

ROOT = Path(tfchain.__file__).resolve().parents[1]
_HASH = """
from tfchain.sim.plan import Plan
from tfchain.sim.world import simulate
print(simulate(Plan(seed=11)).trace.hex())
"""


SHORT = [name for name in SCENARIOS if name not in {MIXED, BOUNDARIES, FORK, WEEK}]


def _held(report: Report) -> None:
    assert not report.violation, "\n".join([report.violation, *report.last])


@pytest.mark.parametrize("seed", range(12))
def test_no_invariant_breaks_in_mixed_faults(seed: int) -> None:
    """S1 to S8, S10 and S11 after every event; after the heal L1, L2 and L3. S2: by the fold."""
    _held(simulate(Plan(seed=seed)))


@pytest.mark.parametrize("scenario", SHORT)
def test_no_invariant_breaks(scenario: str) -> None:
    _held(simulate(Plan(seed=0, scenario=scenario)))


@pytest.mark.parametrize("validators", [1, 2, 3, 5, 7])
def test_sets_of_any_size_go_on(validators: int) -> None:
    report = simulate(Plan(seed=5, validators=validators, heal_ms=4_000))
    _held(report)
    assert report.heights >= 4


@pytest.mark.parametrize(
    ("scenario", "seed"),
    [
        pytest.param("mixed", 7, id="a follower's log fell several heights behind its store"),
    ],
)
def test_seeds_that_once_broke_something(scenario: str, seed: int) -> None:
    _held(simulate(Plan(seed=seed, scenario=scenario)))


@pytest.mark.parametrize("scenario", ["mixed", "liar", "twins", "power cuts"])
def test_one_seed_is_one_run(scenario: str) -> None:
    """1.4.5, D1: the same trace hash, twice in one process."""
    plan = Plan(seed=3, scenario=scenario)
    assert simulate(plan) == simulate(plan)


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_one_seed_is_one_run_in_every_process(hash_seed: str) -> None:
    """P38: no answer hangs on the order in which a process hashes texts."""
    asked = subprocess.run(
        [sys.executable, "-c", _HASH],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        check=True,
        text=True,
    )
    assert asked.stdout.strip() == simulate(Plan(seed=11)).trace.hex()


def test_halves_decide_nothing_and_go_on_once_they_are_one() -> None:
    """Scenario 12."""
    world = World(Plan(seed=1, scenario="quiet", heal_ms=30_000))
    world.after(5_000, lambda: world.network.cut(_halves(), ()))
    tips: list[Tip] = []
    world.after(8_000, lambda: tips.append(world.watch.fold.tip))
    world.after(29_000, lambda: tips.append(world.watch.fold.tip))
    assert world.run().violation == ""
    assert tips[0] == tips[1], "nothing is decided meanwhile"


def _halves() -> list[tuple[int, int]]:
    return [(one, other) for one in range(4) for other in range(4) if one // 2 != other // 2]


def test_a_long_run_passes_a_whole_period() -> None:
    """A period is settled by blocks that a network made, and all nodes agree on what came of it."""
    world = World(Plan(seed=1, scenario="quiet", heal_ms=100_000))
    report = world.run()
    _held(report)
    batch = tables.batch_key(ScheduleId(0), PeriodIndex(0))
    assert tables.BATCHES.need(world.watch.fold.state(), batch).state >= SEALED
