"""Simulated farmers: the same seed gives the same plan, and different machines different receipts."""

from collections.abc import Awaitable, Callable, Sequence
from itertools import pairwise, takewhile
from typing import Any

import pytest
import trio
import trio.testing

from tfchain.errors import Unavailable
from tfchain.ledger.minting import SEALED
from tfchain.ledger.uptime import CLOCK_SKEW, UPTIME_TOO_HIGH
from tfchain.node.devnet import plan as farm_plan
from tfchain.node.devnet.farmers import Round
from tfchain.node.devnet.plan import Ask, Planned, Report, Tell, plan, roster

MakeLedger = Callable[..., Any]
PERIODS_MS = 3 * 60_000


def planned(ledger: Any, number: int, seed: int = 7, nodes: int = 8) -> list[Planned]:
    """What a machine does up to the end of period 2."""
    params = ledger.mirror.genesis.params
    actions = plan(roster(seed, nodes)[number], params.schedules[0], params.uptime)
    return list(takewhile(lambda one: one.at_ms < PERIODS_MS, actions))


@pytest.mark.parametrize("number", range(8))
def test_a_plan_is_the_same_again_and_in_order_of_time(
    make_any_ledger: MakeLedger, number: int
) -> None:
    ledger = make_any_ledger(1, 1)
    actions = planned(ledger, number)
    assert actions == planned(ledger, number)
    assert actions != planned(ledger, number, seed=8)
    assert all(one.at_ms <= other.at_ms for one, other in pairwise(actions))
    signed = [one.action.t for one in actions if isinstance(one.action, Report)]
    assert all(one < other for one, other in pairwise(signed))


def test_five_machines_or_more_have_one_of_each_kind() -> None:
    kinds = [machine.behaviour for machine in roster(1, 12)]
    assert {farm_plan.STEADY, farm_plan.REBOOTS, farm_plan.SLEEPS} <= set(kinds)
    assert sum(kinds.count(kind) for kind in (farm_plan.BOASTS, farm_plan.SKEWED)) == 1
    assert kinds.count(farm_plan.ABSENT) == 1
    assert [machine.farm for machine in roster(1, 9)] == [0, 0, 0, 0, 1, 1, 1, 1, 2]


def test_a_nap_is_asked_for_told_and_ended_in_every_period(make_any_ledger: MakeLedger) -> None:
    naps = [one for one in planned(make_any_ledger(1, 1), 2) if not isinstance(one.action, Report)]
    kinds = [(type(one.action), one.action.up) for one in naps]  # type: ignore[union-attr]
    assert kinds == 3 * [(Ask, False), (Tell, False), (Ask, True), (Tell, True)]


@pytest.mark.parametrize("seed", range(6))
def test_receipts_differ_as_the_machines_do(make_any_ledger: MakeLedger, seed: int) -> None:
    ledger = make_any_ledger(5, 1)
    ledger.grid.operators = [
        type(one)(machine, one.farmer, one.purse, one.reporter)
        for one, machine in zip(ledger.grid.operators, roster(seed, 5), strict=True)
    ]
    ledger.found()
    ledger.until(100)
    assert ledger.batch().state == SEALED
    receipts = {
        operator.machine.behaviour: ledger.receipt(number)
        for number, operator in enumerate(ledger.grid.operators, start=1)
    }
    liar = roster(seed, 5)[3].behaviour
    violation = {farm_plan.BOASTS: UPTIME_TOO_HIGH, farm_plan.SKEWED: CLOCK_SKEW}[liar]
    assert receipts[liar].violation == violation
    assert (receipts[farm_plan.ABSENT].violation, receipts[farm_plan.ABSENT].amount) == (0, 0)
    for behaviour in (farm_plan.STEADY, farm_plan.REBOOTS, farm_plan.SLEEPS):
        assert receipts[behaviour].violation == 0, behaviour
        assert receipts[behaviour].amount > 0, behaviour
    assert receipts[farm_plan.REBOOTS].uptime < 60


class World:
    """A block a second of virtual time; a validator that answers, or not."""

    def __init__(self, ledger: Any) -> None:
        self.ledger = ledger
        self.down = False
        self.code = "ok"
        ledger.grid.submit = self.submit
        ledger.grid.clock = self.now

    def now(self) -> float:
        start: int = self.ledger.mirror.genesis.time
        return start + trio.current_time()

    async def submit(self, raws: Sequence[bytes]) -> Sequence[tuple[str, str]]:
        if self.down:
            raise Unavailable("no answer", "here", "wait")
        if self.code != "ok":
            return [(self.code, "")] * len(raws)
        answers: Sequence[tuple[str, str]] = await self.ledger.submit(raws)
        return answers

    async def blocks(self) -> None:
        while True:
            await trio.sleep(1)
            self.ledger.step()


@pytest.fixture
def world(make_any_ledger: MakeLedger) -> World:
    return World(make_any_ledger(3, 1))


async def test_farms_are_founded_and_work(
    world: World, autojump_clock: trio.testing.MockClock
) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(world.blocks)
        nursery.start_soon(world.ledger.grid.run)
        await trio.sleep(110)
        nursery.cancel_scope.cancel()
    assert world.ledger.mirror.totals().nodes == 3
    assert world.ledger.mirror.nodes_up() == 3
    assert [world.ledger.receipt(node).uptime >= 58 for node in (1, 2, 3)] == [True] * 3
    assert world.ledger.refused == []


@pytest.mark.parametrize(
    ("down", "code"),
    [pytest.param(True, "ok", id="nobody answers"), pytest.param(False, "full", id="refused")],
)
async def test_farmers_wait_for_a_network(
    world: World, autojump_clock: trio.testing.MockClock, *, down: bool, code: str
) -> None:
    world.down, world.code = down, code
    async with trio.open_nursery() as nursery:
        nursery.start_soon(world.blocks)
        nursery.start_soon(world.ledger.grid.run)
        await trio.sleep(5)
        assert world.ledger.mirror.totals().twins == 0
        world.down, world.code = False, "ok"
        await trio.sleep(8)
        assert world.ledger.mirror.totals().nodes == 3
        world.down = True
        await trio.sleep(20)
        assert world.ledger.mirror.nodes_up() == 0
        world.down = False
        await trio.sleep(4)
        assert world.ledger.mirror.nodes_up() == 3
        nursery.cancel_scope.cancel()
    told = [line for line in world.ledger.lines if "refused" in line]
    assert len(told) == (0 if code == "ok" else 1)


async def test_what_was_taken_and_lost_is_made_anew(
    world: World, autojump_clock: trio.testing.MockClock
) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(world.blocks)
        nursery.start_soon(world.ledger.grid.run)
        await trio.sleep(0.5)
        world.ledger.pool.clear()
        await trio.sleep(25)
        assert world.ledger.mirror.totals().nodes == 3
        nursery.cancel_scope.cancel()


async def test_validators_are_asked_in_turn_until_one_answers() -> None:
    asked: list[int] = []

    def validator(number: int, *, up: bool) -> Callable[[Sequence[bytes]], Awaitable[Any]]:
        async def submit(raws: Sequence[bytes]) -> list[tuple[str, str]]:
            asked.append(number)
            if not up:
                raise Unavailable("no answer", str(number), "wait")
            return [("ok", "")]

        return submit

    turns = Round([validator(0, up=True), validator(1, up=False), validator(2, up=True)])
    for _ in range(3):
        assert await turns.submit([b"x"]) == [("ok", "")]
    assert asked == [1, 2, 0, 1, 2]
    with pytest.raises(Unavailable, match="no answer"):
        await Round([validator(3, up=False)]).submit([b"x"])
    with pytest.raises(Unavailable, match="no validator"):
        await Round([]).submit([b"x"])
