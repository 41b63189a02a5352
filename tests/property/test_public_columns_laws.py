"""Both programs come to the same receipts of the public chain's periods, whatever nodes do and say."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st

from tfchain.base.units import (
    U32_MAX,
    U64_MAX,
    FarmId,
    MilliUsd,
    NodeId,
    PeriodIndex,
    PolicyId,
    Seconds,
    TwinId,
)
from tfchain.chain.columns.public_pay import pay_of
from tfchain.chain.columns.public_receipts import receipts
from tfchain.chain.columns.public_rows import Happened, happened
from tfchain.chain.columns.public_uptime import NARROW, Span, uptimes
from tfchain.chain.columns.public_use import Use
from tfchain.chain.grid import compute
from tfchain.chain.grid_events import (
    ContractMade,
    Event,
    GridBlock,
    GridContract,
    GridNode,
    GridPolicy,
    GridTwin,
    NodeSaid,
    PeriodInput,
    StateMoved,
    TargetMoved,
    TrafficSaid,
    UptimeSaid,
    UseSaid,
)
from tfchain.ledger.records import Resources
from tfchain.ledger.uptime import NONE, VIOLATIONS, PowerState
from tfchain.rules.periods import standard_bounds
from tfchain.rules.regime import Capacity, Measured, Terms
from tfchain.rules.regimes import farming_v3

PERIOD: Final = PeriodIndex(70)
START, END = standard_bounds(PERIOD)
POST_S: Final = 97_200
GIB: Final = 1 << 30
NODES: Final = 6
"""Of which the last two are not there when the period starts."""


def node(chance: Random, number: int) -> GridNode:
    size = Resources(
        cru=chance.choice((0, chance.randint(1, 64))),
        mru=chance.randint(0, 256 * GIB),
        hru=chance.choice((0, chance.randint(1, 40_000 * GIB))),
        sru=chance.choice((*(chance.randint(0, 4_000 * GIB),) * 7, (1 << 64) - 1)),
    )
    return GridNode(
        id=NodeId(number),
        farm_id=FarmId(chance.randint(1, 4)),
        twin_id=TwinId(chance.randint(10, 10 + NODES)),
        resources=size,
        policy_id=PolicyId(chance.randint(1, 5)),
        certified=chance.random() < 0.5,
        virtualized=chance.random() < 0.1,
        connection_price=MilliUsd(chance.choice((0, 1, 80, 80))),
    )


@dataclass(slots=True)
class Machine:
    """A machine, mostly honest: how it is asleep, and how often something happens to it."""

    chance: Random
    number: int
    time: int
    booted: int
    asleep: bool
    luck: float
    rest: float
    drift: int
    """Seconds that its clock gains from one report to the next."""
    jitter: int
    """How far off its uptimes are, at most."""
    told: tuple[int, int] = (0, 0)
    """Its last report: time and uptime."""

    def pause(self) -> None:
        some = (1, 60, 1_800, 1_801, 2_460, 2_461, 86_399, 86_400, 86_401, -500, 9_000)
        odd = self.chance.random() < self.luck
        self.time += self.chance.choice(some) if odd else 2_400 + self.chance.randint(-30, 80)
        if abs(self.time - END) < 2_400 and self.chance.random() < 0.5:
            self.time = END + self.chance.choice((-1, 0, 1))

    def events(self) -> list[Event]:
        chance, id_ = self.chance, NodeId(self.number)
        if chance.random() >= self.rest:
            t = Seconds(self.time - (chance.random() < 0.2))
            if chance.random() < self.luck / 20:
                t = Seconds(chance.choice((0, START - (1 << 29), START + (1 << 29), U32_MAX)))
            self.told = t, self.uptime(t)
            return [UptimeSaid(node_id=id_, t=t, uptime=Seconds(self.told[1]))]
        if chance.random() < 0.2:
            moved = chance.choice((TargetMoved, StateMoved))
            return [moved(node_id=id_, up=chance.random() < 0.5)]
        self.asleep = not self.asleep
        if not self.asleep:
            self.booted = self.time + chance.choice((0, 60, 1_799, 1_800, 1_801, 4_000))
        target = TargetMoved(node_id=id_, up=not self.asleep)
        state = StateMoved(node_id=id_, up=not self.asleep)
        return [target, state] if chance.random() < 0.8 else [target]

    def uptime(self, t: int) -> int:
        """What it says at `t`: mostly the truth, else what stands at an edge of the rules."""
        chance = self.chance
        self.booted -= self.drift
        true = max(0, t - self.booted) + chance.randint(0, self.jitter)
        if chance.random() >= self.luck:
            return true
        if chance.random() < 0.4:
            self.booted = t - chance.randint(0, 4_000)
            return max(0, t - self.booted)
        passed, last = max(t - self.told[0], 0), self.told[1]
        steps = (passed - 61, passed - 60, passed + 60, passed + 61, 0, -1, 1)
        near = (*(last + step for step in steps), passed, passed + 1, true + 120, true - 120)
        absurd = chance.choice((0, 40_000, (1 << 29) - 1, 1 << 29, 1 << 63, 1 << 63))
        return max(0, absurd if chance.random() < 0.2 else chance.choice(near))


def _walk(chance: Random, number: int) -> Iterator[tuple[int, Event]]:
    """Everything of a node, around the start, the end, or through both."""
    begin = chance.choice([START, START, END - 20_000, END - 100_000])
    machine = Machine(
        chance=chance,
        number=number,
        time=begin,
        booted=begin - chance.randint(0, 50_000),
        asleep=False,
        luck=chance.choice((0.0, 0.0, 0.02, 0.2)),
        rest=chance.choice((0.0, 0.0, 0.0, 0.1, 0.4)),
        drift=chance.choice((0, 0, 0, 30, -30)),
        jitter=chance.choice((0, 0, 20)),
    )
    for _ in range(chance.randint(0, 60)):
        machine.pause()
        if begin == START and chance.random() < 0.03:
            machine.time = max(machine.time, END - chance.randint(0, 90_000))
        for event in machine.events():
            yield machine.time, event


def _paper(chance: Random) -> Iterator[tuple[int, Event]]:
    """What is no business of uptime."""
    for _ in range(chance.randint(0, 30)):
        time, number = START + chance.randint(-5, END - START + 90_000), chance.randint(1, 4)
        size = Resources(cru=chance.randint(0, 9), mru=chance.randint(0, 9 * GIB), hru=0, sru=GIB)
        made = GridContract(
            id=number, node_id=NodeId(chance.randint(1, NODES)), ips=chance.randint(0, 2), used=size
        )
        traffic = chance.choice((0, 5 * GIB, (1 << 64) - 1))
        window = Seconds(chance.choice((3_600, 86_400, (1 << 64) - 1)))
        t = Seconds(chance.choice((time, time, START - 1, START, START + 500_000)))
        events: tuple[Event, ...] = (
            NodeSaid(node=node(chance, chance.randint(1, NODES))),
            ContractMade(contract=chance.choice((made, None))),
            UseSaid(contract_id=number, used=size),
            TrafficSaid(contract_id=number, t=t, window=window, traffic=traffic),
        )
        yield time, chance.choice((*events, events[-1]))


def period(seed: int) -> PeriodInput:
    """A random period of a few nodes."""
    chance = Random(seed)
    events = [each for number in range(1, NODES + 1) for each in _walk(chance, number)]
    events += [*_paper(chance), *_paper(chance)]
    events.sort(key=lambda each: each[0])
    edge = END + chance.choice((0, 0, 6, 600))
    blocks = [GridBlock(time=Seconds(time), events=(event,)) for time, event in events]
    last = sum(block.time <= edge for block in blocks)
    return PeriodInput(
        period=PERIOD,
        first_block=Seconds(START + 4),
        nodes=tuple(node(chance, number) for number in range(1, NODES - 1)),
        power=dict(_power(chance)),
        farms={FarmId(1): "one", FarmId(2): 'tw\x07o "2"\n é', FarmId(3): ""},
        twins={TwinId(10 + n): _twin(chance) for n in range(NODES)},
        payouts={FarmId(1): "GABC", FarmId(4): "G\\"},
        policies={PolicyId(n): _policy(chance, n) for n in range(1, 5)},
        contracts=(
            GridContract(
                id=1, node_id=NodeId(1), ips=1, used=Resources(cru=1, mru=7, hru=0, sru=3)
            ),
        ),
        blocks=blocks[:last],
        post=[block for block in blocks[last:] if block.time <= END + POST_S],
    )


def _power(chance: Random) -> Iterator[tuple[NodeId, PowerState]]:
    for number in range(1, NODES + 1):
        if chance.random() < 0.3:
            up = chance.random() < 0.5
            since = Seconds(0 if up else START - chance.randint(0, 90_000))
            yield (
                NodeId(number),
                PowerState(target_up=chance.random() < 0.5, state_up=up, down_at=since),
            )


def _twin(chance: Random) -> GridTwin:
    relays, keys = ("r.example",) * 5 + ("", None), (None,) * 4 + (b"k" * 33, b"k" * 32, b"")
    return GridTwin(relay=chance.choice(relays), public_key=chance.choice(keys))


def _policy(chance: Random, number: int) -> GridPolicy:
    return GridPolicy(
        cu=chance.choice((2_400, U32_MAX)),
        su=1_000,
        nu=30,
        ipv4=chance.choice((0, 5)),
        minimal_uptime=chance.choice((95, 95, 5, 0)),
        immutable=number == 3 and chance.random() < 0.5,
        default=chance.random() < 0.5,
    )


def _by_rows(given: PeriodInput) -> list[tuple[int, str, bytes, str]]:
    return [(one.node_id, one.receipt_text, one.hash, one.violation) for one in compute(given)]


def _by_columns(given: PeriodInput) -> list[tuple[int, str, bytes, str]]:
    return [(one.node_id, one.receipt_text, one.hash, one.violation) for one in receipts(given)]


@settings(max_examples=60)
@given(st.integers(0, 1 << 32))
def test_both_programs_write_the_same_receipts(seed: int) -> None:
    given_period = period(seed)
    assert _by_columns(given_period) == _by_rows(given_period)


@settings(max_examples=20)
@given(st.integers(0, 1 << 32), st.integers(1, 100))
def test_how_many_rows_are_looked_at_together_changes_nothing(seed: int, chunk_rows: int) -> None:
    told, span = happened(period(seed)), Span(START, END, START + 4)
    assert uptimes(told, {}, span, chunk_rows) == uptimes(told, {}, span)


def test_the_periods_reach_what_they_must() -> None:
    """Each violation occurs; so do nodes of all three paths, and amounts that are paid."""
    found = [one for seed in range(60) for one in receipts(period(seed))]
    assert {one.violation for one in found} == {*VIOLATIONS}
    assert sum('"tft":0}' not in one.receipt_text for one in found) > 5
    told = [happened(period(seed)) for seed in range(60)]
    assert sum(len(one.wide) for one in told) > 5
    assert sum(one.rows.nodes.size for one in told) > 100


def _fits(one: Happened) -> bool:
    """Whether 32 bits hold all that is computed of the nodes in columns."""
    times, uptimes_s = one.rows.times.tolist(), one.rows.uptimes.tolist()
    return max(uptimes_s) < NARROW and all(abs(time - START) < NARROW for time in times)


def test_the_periods_need_32_bits_and_64() -> None:
    told = [happened(period(seed)) for seed in range(60)]
    narrow = sum(_fits(one) for one in told if one.rows.kinds.size)
    assert 10 < narrow < 50


AMOUNTS = st.integers(0, 1 << 30) | st.sampled_from([1 << 45, 1 << 58, U64_MAX])


@settings(max_examples=300)
@given(
    seed=st.integers(0, 1 << 32),
    traffic=AMOUNTS,
    ip_seconds=AMOUNTS | st.just(1 << 64),
    uptime=st.integers(0, END - START + 9_000)
    | st.sampled_from([249_934, 2_499_336, 2_578_263, END - START + 9_000]),
    violation=st.sampled_from([NONE, NONE, NONE, 1]),
)
def test_both_programs_pay_the_same(
    seed: int, traffic: int, ip_seconds: int, uptime: int, violation: int
) -> None:
    chance = Random(seed)
    machine, policy = node(chance, 1), _policy(chance, chance.randint(1, 4))
    use = Use(ip_seconds=ip_seconds, traffic=traffic)
    owed = farming_v3.owed(
        Capacity(
            resources=machine.resources,
            certified=machine.certified,
            traffic=traffic,
            ip_seconds=ip_seconds,
        ),
        Terms(
            policy_id=machine.policy_id,
            price_cu=policy.cu,
            price_su=policy.su,
            price_nu=policy.nu,
            price_ipv4=policy.ipv4,
            minimal_uptime=policy.minimal_uptime,
            policy_immutable=policy.immutable,
            policy_default=policy.default,
            connection_price=machine.connection_price,
        ),
        Measured(
            length=Seconds(END - START),
            uptime=Seconds(uptime),
            violation=violation,
            virtualized=machine.virtualized,
        ),
    )
    found = pay_of(machine, policy, use, END - START, uptime, violation)
    due = (owed.cu, owed.su, owed.nu, owed.musd, owed.amount)
    assert (found.cu, found.su, found.nu, found.musd, found.tft) == due
