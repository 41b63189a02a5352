"""Consensus 2.6, scenarios 21 to 28, 51 and 54: crashes at every effect, and disks that fail."""

from collections.abc import Callable
from functools import partial

import pytest

from tfchain.base.units import Seconds
from tfchain.ledger import tables
from tfchain.replica.effects import Save, Sign
from tfchain.replica.events import Submitted
from tfchain.sim.faults import DISKS, STORE, Crash, Full
from tfchain.sim.genesis import GENESIS_TIME, GUEST, key_of
from tfchain.sim.plan import Plan, Report
from tfchain.sim.scenarios import BOUNDARIES
from tfchain.sim.trace import Step
from tfchain.sim.world import World, simulate
from tfchain.tx.transaction import transaction_id

EFFECTS = range(0, 220, 20)
"""Of one node in its first five heights; `tfchain simulate --scenario boundaries` takes them all."""


def _held(report: Report) -> None:
    assert not report.violation, "\n".join([report.violation, *report.last])


def _world(seconds: int = 6) -> World:
    return World(Plan(seed=3, scenario="quiet", heal_ms=seconds * 1_000))


@pytest.mark.parametrize("effect", EFFECTS)
def test_a_crash_before_any_effect_costs_nothing_that_was_said_or_stored(effect: int) -> None:
    """1.7.9, scenario 21: S3, S4, S7 and progress."""
    _held(simulate(Plan(seed=4 * effect + effect % 4, scenario=BOUNDARIES)))


def test_the_effects_of_five_heights_are_all_among_the_boundaries() -> None:
    """1.7.9, scenario 21: how far seeds have to go, four for each effect."""
    world, effects, last = _world(), [0], max(EFFECTS)
    step = world.trace.step

    def and_count(one: Step) -> None:
        step(one)
        if one.node == 0 and world.watch.heights[0] < 5:
            effects[0] += len(one.effects)

    world.trace.step = and_count  # type: ignore[method-assign, assignment]
    _held(world.run())
    assert last <= effects[0] < 300


def _before(world: World, sort: type[object], act: Callable[[int, Step], None]) -> None:
    """Call `act` with the place of the first such effect of the first node in its second height."""
    step, done = world.trace.step, list[int]()

    def and_look(one: Step) -> None:
        step(one)
        if done or one.node != 0 or world.watch.heights[0] < 1:
            return
        for place, effect in enumerate(one.effects):
            if isinstance(effect, sort):
                done.append(place)
                act(place, one)
                return

    world.trace.step = and_look  # type: ignore[method-assign, assignment]


@pytest.mark.parametrize("power", [False, True], ids=["killed", "without power"])
def test_a_word_that_was_signed_and_not_said_is_said_again_or_never(power: bool) -> None:
    """Scenario 22: the crash comes between the signer and the log."""
    world = _world()
    crash = partial(Crash, nodes=(0,), down_ms=400, power=power)
    _before(world, Sign, lambda place, _: world.strike(crash(effects=place + 1)))
    _held(world.run())
    assert world.nodes[0]._life == 2


@pytest.mark.parametrize("effects", [0, 9, 17, 26])
def test_all_crash_at_once_and_go_on_from_what_they_stored(effects: int) -> None:
    """Scenario 23: S3 says that no stored height is lost."""
    world = _world()
    crash = Crash(nodes=(0, 1, 2, 3), effects=effects, down_ms=500, power=True)
    world.after(2_900, lambda: world.strike(crash))
    _held(world.run())
    assert [node._life for node in world.nodes] == [2, 2, 2, 2]


@pytest.mark.parametrize("seed", range(3))
def test_a_disk_that_breaks_its_word_makes_nobody_contradict_itself(seed: int) -> None:
    """Scenario 25: what the log lost, the signer keeps; the validator is silent for a height."""
    _held(simulate(Plan(seed=seed, scenario="power cuts")))


@pytest.mark.parametrize(
    ("disk", "writes"),
    [(disk, writes) for disk in DISKS for writes in (0, 1, 2, 4, 7) if disk != STORE or writes < 3],
)
def test_a_full_disk_stops_a_node_before_anything_leaves_that_is_not_kept(
    disk: str, writes: int
) -> None:
    """Scenario 27: S4 and W1, and it comes back once there is room."""
    world = _world()
    full = Full(node=1, disk=disk, writes=writes, down_ms=700)
    world.after(1_700, lambda: world.strike(full))
    _held(world.run())
    assert world.nodes[1]._life == 2


def test_one_transaction_at_all_nodes_before_and_after_a_restart_is_applied_once() -> None:
    """Scenario 51."""
    world = _world()
    raw = world.load.last()
    for at_ms in (1_000, 3_000, 5_000):
        world.after(at_ms, partial(_submit_everywhere, world, raw))
    crash = Crash(nodes=(0, 1, 2, 3), effects=3, down_ms=300, power=True)
    world.after(3_800, lambda: world.strike(crash))
    _held(world.run())
    guest = tables.ACCOUNTS.need(world.watch.fold.state(), key_of("sender", GUEST))
    assert guest.nonce == 1


def _submit_everywhere(world: World, raw: bytes) -> None:
    for node in world.nodes:
        node.take(Submitted(ticket=0, raws=(raw,), now_ms=node.clock()))


def test_whoever_waits_for_a_commit_learns_it_from_a_node_that_crashed_over_it() -> None:
    """Scenario 54: the node dies after it decided and before it stored."""
    world = _world()
    raw = world.load.last()
    world.after(900, partial(_submit_everywhere, world, raw))
    crash = partial(Crash, nodes=(0,), down_ms=400, power=True)
    _before(world, Save, lambda place, _: world.strike(crash(effects=place)))
    _held(world.run())
    assert world.nodes[0]._life == 2
    places = [node.machine.chain.place(transaction_id(raw)) for node in world.nodes]
    assert places[0] is not None and places[0].code == "ok"
    assert places == [places[0]] * 4


def test_the_clock_of_a_simulation_is_its_own() -> None:
    assert _world().nodes[0].clock() // 1_000 in {GENESIS_TIME - 1, Seconds(GENESIS_TIME)}
