"""Consensus 2.6, scenarios 30 to 38 and 46: validators that lie, and twins of one identity."""

import pytest

from tfchain.ledger.evidence import DoubleProposal, DoubleVote, Evidence
from tfchain.sim import liar
from tfchain.sim.cast import Cast
from tfchain.sim.plan import Plan, Report
from tfchain.sim.scenarios import FORK
from tfchain.sim.world import World, simulate

FOUR = (1, 1, 1, 1)


def _held(report: Report) -> None:
    assert not report.violation, "\n".join([report.violation, *report.last])


def _lying(seed: int, *habits: str) -> World:
    """The last of four lies in these ways; the links are as the seed draws them."""
    plan = Plan(seed=seed, scenario="links", heal_ms=10_000)
    return World(plan, Cast(powers=FOUR, liars=((3, habits),)))


def _evidence(world: World) -> list[Evidence]:
    """All that stands in the chain of the first node."""
    chain = world.nodes[0].machine.chain
    blocks = [chain.block(height) for height in world.watch.fold.tips if height]
    return [piece for block in blocks if block is not None for piece in block.evidence]


@pytest.mark.parametrize(
    "habit",
    [
        pytest.param(liar.PROPOSALS, id="30: two proposals"),
        pytest.param(liar.VOTES, id="33: two votes"),
        pytest.param(liar.ACCUSING, id="34: false evidence"),
        pytest.param(liar.GARBAGE, id="35: garbage"),
        pytest.param(liar.IMPOSTOR, id="36: false signatures"),
        pytest.param(liar.INVALID, id="38: invalid blocks"),
        pytest.param(liar.FORGED, id="46: forged blocks"),
        pytest.param(liar.TIPS, id="46: tips that are none"),
        pytest.param(liar.FAR, id="9: rounds far ahead"),
        pytest.param(liar.SILENCE, id="1: no proposal"),
        pytest.param(liar.WITHHOLDING, id="39: no block"),
    ],
)
def test_one_liar_in_four_breaks_nothing(habit: str) -> None:
    """Scenarios 1, 9, 30, 33 to 36, 38, 39 and 46, each way to lie alone."""
    _held(_lying(1, habit).run())


@pytest.mark.parametrize(
    ("habit", "sort"), [(liar.PROPOSALS, DoubleProposal), (liar.VOTES, DoubleVote)]
)
def test_what_a_liar_said_twice_stands_in_a_block_once_and_it_is_out(
    habit: str, sort: type[Evidence]
) -> None:
    """Scenarios 30 and 33: evidence for the liar alone, and two heights on it has no power."""
    world = _lying(2, habit)
    _held(world.run())
    found = _evidence(world)
    assert sort in {type(piece) for piece in found}
    assert {piece.validator for piece in found} == {world.watch.addresses[3]}
    assert len({(piece.height, piece.validator) for piece in found}) == len(found)
    members = world.watch.fold.tip.validators.validators
    assert world.watch.addresses[3] not in {member.address for member in members}


@pytest.mark.parametrize("seed", range(4))
def test_a_twin_splits_nobody_and_is_the_only_one_accused(seed: int) -> None:
    """Scenario 31: partitions and leaders change with every round of voting."""
    world = World(Plan(seed=seed, scenario="twins"))
    _held(world.run())
    (twin,) = world.cast.twins
    assert {piece.validator for piece in _evidence(world)} <= {world.watch.addresses[twin]}


def test_twins_are_convicted() -> None:
    """Scenario 31: in some of these runs they did say two things."""
    worlds = [World(Plan(seed=seed, scenario="twins")) for seed in (1, 3)]
    for world in worlds:
        _held(world.run())
    assert any(_evidence(world) for world in worlds)


def test_two_twins_of_four_may_fork_the_chain_and_are_named() -> None:
    """Scenario 32, S9: they, and nobody else."""
    reports = [simulate(Plan(seed=seed, scenario=FORK)) for seed in (7, 8)]
    for report in reports:
        _held(report)
    assert any(report.forked for report in reports)
    assert all(report.forked in {(), (2, 3)} for report in reports)


@pytest.mark.parametrize("seed", range(3))
def test_two_liars_of_seven_break_nothing(seed: int) -> None:
    _held(simulate(Plan(seed=seed, scenario="liars")))
