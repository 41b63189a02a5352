"""Consensus 2.6, scenarios 12 to 20, 37, 39 to 41: whole networks, the links and clocks of which fail."""

from collections.abc import Callable, Sequence
from functools import partial

import pytest

from tfchain.base.shapes import decode_record
from tfchain.bft.events import PROPOSE
from tfchain.bft.messages import Vote
from tfchain.ledger.commit import NIL, PROPOSAL
from tfchain.replica import messages as wire
from tfchain.replica.events import ROUND, Fired
from tfchain.sim.cast import Cast
from tfchain.sim.chance import Chance
from tfchain.sim.faults import Cut, Fault, Skew, Slow, Turn, swizzle
from tfchain.sim.network import Weather, between, chords, into
from tfchain.sim.plan import Plan, Report
from tfchain.sim.trace import Step
from tfchain.sim.world import START_MS, World

FOUR = (1, 1, 1, 1)


def _world(seconds: int, *faults: tuple[int, Fault], cast: Cast | None = None) -> World:
    """A network in fair weather, with these faults at these milliseconds, healed after so long."""
    world = World(Plan(seed=1, scenario="quiet", heal_ms=seconds * 1_000), cast)
    for at_ms, fault in faults:
        world.after(at_ms, partial(world.strike, fault))
    return world


def _held(world: World) -> Report:
    report = world.run()
    assert not report.violation, "\n".join([report.violation, *report.last])
    return report


def _at(world: World, at_ms: int, look: Callable[[], Sequence[int]]) -> list[int]:
    """What will be seen then."""
    seen: list[int] = []
    world.after(at_ms, lambda: seen.extend(look()))
    return seen


def _heights(world: World) -> Callable[[], Sequence[int]]:
    return lambda: list(world.watch.heights)


def test_a_node_cut_off_for_scores_of_heights_catches_up_without_a_restart() -> None:
    """Scenario 13: {A, B, C} | {D}. Blocks are fetched in runs of 32, so that three must come."""
    world = _world(110, (1_000, Cut(links=tuple(between([0, 1, 2], [3])))))
    before = _at(world, 109_900, _heights(world))
    report = _held(world)
    assert before[3] <= 1
    assert min(before[:3]) > 64, "the fourth's turns take a round more"
    assert report.healed_ms < 15_000
    assert world.nodes[3]._life == 1, "nobody was restarted"


def test_a_node_that_hears_nobody_harms_nobody_and_catches_up() -> None:
    """Scenario 14: all hear D."""
    world = _world(20, (1_000, Cut(links=tuple(into(3, 4)))))
    before = _at(world, 19_900, _heights(world))
    _held(world)
    assert before[3] <= 1
    assert min(before[:3]) >= 15


def test_a_ring_relays_what_is_said() -> None:
    """Scenario 15: each reaches its neighbours only, for the whole run."""
    world = _world(25, (0, Cut(links=tuple(chords([0, 1, 2, 3])))))
    before = _at(world, 24_900, _heights(world))
    _held(world)
    assert min(before) >= 8


def test_loss_copies_and_disorder_slow_but_do_not_stop() -> None:
    """Scenario 16: 30 % lost, 20 % doubled, 0 to 2 s late."""
    storm = Weather(least_ms=0, most_ms=2_000, lost=300, doubled=200)
    world = _world(40, (0, Turn(weather=storm)))
    before = _at(world, 39_900, _heights(world))
    _held(world)
    assert min(before) >= 2


@pytest.mark.parametrize("seed", ["1", "2"])
def test_nodes_cut_off_one_by_one_come_back_in_another_order(seed: str) -> None:
    """Scenario 18."""
    strikes = swizzle(Chance(seed), Cast(powers=FOUR))
    world = _world(14, *[(2_000 + at_ms, fault) for at_ms, fault in strikes])
    _held(world)


def test_a_slow_node_does_not_slow_the_others() -> None:
    """Scenario 19 as far as a replica goes: whatever it sends waits, and nobody waits for it."""
    idle, busy = _world(20), _world(20, (0, Slow(node=3, most_ms=3_000)))
    heights = [_at(world, 19_900, _heights(world)) for world in (idle, busy)]
    _held(idle)
    _held(busy)
    assert min(heights[1][:3]) * 10 >= min(heights[0][:3]) * 7, "its own turns take a round more"


def test_a_validator_that_prevotes_nil_and_never_proposes_costs_its_own_rounds_only() -> None:
    """Scenario 37: at most one height in four takes a round more."""
    world = _world(40, cast=Cast(powers=FOUR, liars=((3, ()),)))
    liar = world.nodes[3].who.liar
    assert liar is not None

    def sulk(kind: int, payload: bytes) -> list[tuple[int, bytes]]:
        if kind == wire.PROPOSAL:
            return []
        own = kind == wire.VOTE and liar._is_ours(decode_record(Vote, payload))
        return [] if own and decode_record(Vote, payload).block_id != NIL else [(kind, payload)]

    liar.twisted = sulk  # type: ignore[method-assign]
    _held(world)
    chain = world.nodes[0].machine.chain
    commits = [chain.commit(height) for height in world.watch.fold.tips if height]
    rounds = [commit.round for commit in commits if commit is not None]
    assert len(rounds) >= 20
    assert set(rounds) <= {0, 1}
    assert sum(rounds) * 4 <= len(rounds) + 4


def test_a_block_withheld_from_one_comes_by_the_others() -> None:
    """Scenario 39: whole blocks travel with proposals (P30); the first node tells the second none."""
    world = _world(20, (0, Cut(words=((0, 1, PROPOSAL),))))
    before = _at(world, 19_900, _heights(world))
    _held(world)
    assert min(before) >= 15
    assert before[1] >= max(before) - 1


@pytest.mark.parametrize("skew", [10_000, -10_000, -3_600_000])
def test_a_wrong_clock_stops_nobody_and_no_block_is_ahead_of_time(skew: int) -> None:
    """Scenario 40 and S8: the skewed proposer's blocks get nil, others proceed."""
    cast = Cast(powers=FOUR, clocks=(2,))
    world = _world(25, (1_500, Skew(node=2, ms=skew, drift=10)), cast=cast)
    before = _at(world, 24_900, _heights(world))
    _held(world)
    assert min(before[:2]) >= 10


@pytest.mark.parametrize("jump", [-3_600_000, 3_600_000])
def test_a_clock_that_is_set_during_a_wait_moves_no_timer(jump: int) -> None:
    """Scenario 41: nobody proposes, and the propose timer fires when it would have."""
    silent = (0, Cut(words=tuple((one, 1, PROPOSAL) for one in range(4))))
    fired = [_first_propose_timer(_world(6, silent, *more)) for more in ((), _jump(jump))]
    assert fired[0] == fired[1] > 0


def _jump(ms: int) -> tuple[tuple[int, Fault], ...]:
    """In the middle of the wait of the first height."""
    return ((1_400, Skew(node=1, ms=ms)),)


def _first_propose_timer(world: World) -> int:
    found: list[int] = []
    step = world.trace.step

    def and_look(one: Step) -> None:
        step(one)
        event = one.event
        if one.node != 1 or not isinstance(event, Fired):
            return
        if (event.timer.name, event.timer.step) == (ROUND, PROPOSE):
            found.append(one.at_ms)

    world.trace.step = and_look  # type: ignore[method-assign, assignment]
    world.after(4_000, lambda: setattr(world, "_target", -1))
    world.run()
    return found[0]


def test_without_traffic_no_more_is_sent_than_heights_and_keeping_in_touch_take() -> None:
    """L4. Empty blocks are made at the interval (P4), so a height and two greetings a second remain."""
    world = _world(20)
    world.load.next = lambda now: ()  # type: ignore[method-assign]
    sent: list[int] = []
    carry = world.carry

    def and_count(source: int, target: int, kind: int, payload: bytes, word: object) -> None:
        if START_MS + 5_000 < world.now_ms <= START_MS + 20_000:
            sent.append(kind)
        carry(source, target, kind, payload, word)  # type: ignore[arg-type]

    world.carry = and_count  # type: ignore[method-assign]
    _held(world)
    assert len(sent) <= 15 * 12 * 12, "twelve messages a second over each of twelve links"
