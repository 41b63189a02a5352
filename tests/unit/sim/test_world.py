"""One network from the seed: what it does, how it ends, and what it says where it ends badly."""

from dataclasses import replace

import pytest

from tfchain.base.units import Height, Millis
from tfchain.errors import Divergence
from tfchain.ledger import tables
from tfchain.replica.effects import Blame, Conflict, SyncLog
from tfchain.replica.events import Start
from tfchain.sim.faults import Crash
from tfchain.sim.genesis import SENDERS, key_of
from tfchain.sim.invariants import Violation
from tfchain.sim.network import Weather
from tfchain.sim.plan import Plan
from tfchain.sim.world import World, simulate

QUIET = Plan(seed=1, scenario="quiet", heal_ms=2_000)


def test_a_quiet_network_goes_on(world: World) -> None:
    heights = world.watch.heights
    assert min(heights) >= 4
    assert world.watch.fold.tip.height == max(heights)


def test_blocks_are_not_empty(world: World) -> None:
    store = world.nodes[0].machine.chain
    blocks = [store.block(Height(height)) for height in range(1, store.height() + 1)]
    assert sum(len(block.txs) for block in blocks if block) >= 4


def test_all_roles_of_traffic_come_into_the_chain() -> None:
    world = World(Plan(seed=2, scenario="quiet", heal_ms=14_000))
    assert world.run().violation == ""
    state = world.watch.fold.state()
    farmer = key_of("sender", SENDERS - 1)
    ref = tables.TWIN_OF.get(state, farmer)
    assert ref is not None
    node = tables.NODE_OF.get(state, tables.id_key(ref.twin_id))
    assert node is not None
    assert tables.UPTIMES.need(state, tables.id_key(node.node_id)).last_t > 0
    for number in range(SENDERS):
        assert tables.ACCOUNTS.need(state, key_of("sender", number)).nonce > 0


def test_a_report_tells_the_run(world: World) -> None:
    report = simulate(QUIET)
    assert report.plan == QUIET
    assert report.heights == world.watch.fold.tip.height
    assert report.events == world.trace.events > 100
    assert report.trace == world.trace.digest()
    assert report.last == ()
    assert 0 < report.healed_ms < 20_000


def test_a_network_that_stands_still_breaks_the_promise_of_progress() -> None:
    world = World(QUIET)
    world.network.weather = Weather(lost=1_000)
    world._heal = lambda: setattr(world, "_target", 4)  # type: ignore[method-assign]
    report = world.run()
    assert report.violation == "L1: heights [0, 0, 0, 0], 4 was due for all"
    assert report.heights == report.healed_ms == 0


def test_a_replica_that_stops_is_told_with_what_came_before() -> None:
    world = World(QUIET)

    def stop() -> None:
        raise Divergence("two roots")

    world.after(1_500, stop)
    report = world.run()
    assert report.violation == "S0: a replica stops: Divergence: two roots"
    assert len(report.last) == 30
    assert all(" ms  " in line for line in report.last)


def test_every_sort_of_line_can_be_told() -> None:
    world = World(Plan(seed=4, scenario="crashes", heal_ms=6_000))
    lines: list[str] = []
    step = world.trace.step

    def and_tell(one: object) -> None:
        step(one)  # type: ignore[arg-type]
        lines.append(world.trace.last()[-1])

    world.trace.step = and_tell  # type: ignore[method-assign,assignment]
    assert world.run().violation == ""
    text = "\n".join(lines)
    for word in ("Start with", "Fired round", "Signed Vote", "Saved", "PeerDown", "Executed"):
        assert word in text
    for word in ("SendTo", "Broadcast", "SetTimer", "Committed", "Execute", "Sign Proposal"):
        assert word in text
    assert "Blame 01020304: why" in _told(world, Blame(peer=bytes([1, 2, 3, 4]), reason="why"))


def _told(world: World, effect: Blame) -> str:
    world.stepped(0, Start(now_ms=Millis(0), log=()), [effect])
    return world.trace.last()[-1]


def test_what_correct_nodes_say_of_others_is_looked_at(world: World) -> None:
    node = world.nodes[0]
    with pytest.raises(Violation, match="S0: node 0 blames node 1"):
        node._carry_out(Blame(peer=world.nodes[1].name, reason="nothing"))
    message = next(iter(world.watch.words._left))
    with pytest.raises(Violation, match="S11"):
        node._carry_out(Conflict(first=message, second=message))


def test_where_somebody_lies_blame_is_nothing_strange() -> None:
    world = World(Plan(seed=1, scenario="liar"))
    (liar,) = world.watch.liars
    other = world.nodes[(liar + 1) % 4]
    assert other._carry_out(Blame(peer=world.nodes[liar].name, reason="it lies")) == []
    assert world.nodes[liar]._carry_out(Blame(peer=other.name, reason="any")) == []


@pytest.mark.parametrize("effects", [0, 1, 7])
def test_a_crash_comes_before_the_effect_that_was_drawn(effects: int) -> None:
    world = World(QUIET)
    node = world.nodes[0]
    node.boot()
    node.doom(Crash(nodes=(0,), effects=effects, down_ms=1, power=True))
    done = 0
    while node.replica is not None:
        node.machine.log.append(b"x")
        done += 0 if node._dies_here() else 1
    assert done == effects
    node._carry_out(SyncLog())
    node.doom(Crash(nodes=(0,), effects=0, down_ms=1, power=False))
    assert node._crash is None, "whoever is down does not crash"


def test_seeds_scenarios_and_sizes_make_different_runs() -> None:
    plans = [
        QUIET,
        replace(QUIET, seed=2),
        replace(QUIET, scenario="storm"),
        replace(QUIET, validators=5),
        replace(QUIET, heal_ms=2_500),
    ]
    assert len({simulate(plan).trace for plan in plans}) == len(plans)
