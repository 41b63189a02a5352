"""Random streams of events give the uptime that grid3, an independent port, gives.

grid3 differs from the public program after the period's end in three known ways, all of them about
power: a node that fell asleep after the end is charged for it when it wakes, a node that goes down
unasked is taken for asleep, and its state moves in that case alone. Streams here hold no power
events after the end, so that none of the three can show; nothing else may differ.
"""

import random
from dataclasses import dataclass

import pytest
from grid3.minting import mintingnode
from grid3.minting.period import Period
from hypothesis import given, settings
from hypothesis import strategies as st

from tfchain.base.units import PeriodIndex, Seconds
from tfchain.ledger.uptime import PowerState, UptimeAccount
from tfchain.rules import uptime
from tfchain.rules.periods import standard_bounds
from tfchain.rules.uptime import PUBLIC_LIMITS

mintingnode.logging_mode = None  # it prints every step otherwise

PERIOD = PeriodIndex(70)
START, END = standard_bounds(PERIOD)
POST_S = 27 * 3_600
FIRST_BLOCK = Seconds(START + 4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """An event: a report's uptime, or whether target or state is up."""

    kind: str
    time: int
    value: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """A node's power at the start, its first event's time, and everything that it says."""

    power: PowerState
    events: tuple[Said, ...]


@dataclass(slots=True)
class Machine:
    """A machine with a clock, mostly honest."""

    chance: random.Random
    time: int
    booted: int
    asleep: bool
    drift: int
    """Seconds that its clock gains from one report to the next."""

    def uptime(self) -> int:
        kind = self.chance.random()
        self.booted -= self.drift
        true = max(0, self.time - self.booted)
        if kind < 0.80:
            return max(0, true + self.chance.randint(-40, 40))
        if kind < 0.88:
            self.booted = self.time - self.chance.randint(0, 4_000)
            return self.time - self.booted
        if kind < 0.94:
            return max(0, true + self.chance.choice([-121, -120, -61, -60, 60, 61, 119, 120, 121]))
        return self.chance.randint(0, 40_000)

    def pause(self) -> int:
        kind = self.chance.random()
        if kind < 0.6:
            return 2_400 + self.chance.randint(-30, 80)
        if kind < 0.9:
            return self.chance.randint(1, 7_000)
        return self.chance.choice([1, 60, 1_800, 1_801, 2_460, 2_461, 86_399, 86_400, 86_401])


def stream(seed: int) -> Stream:
    """A random stream around the period's start or end, or through both."""
    chance = random.Random(seed)
    power = _power(chance)
    begin = chance.choice([START, START, END - 20_000, END - 100_000])
    booted, drift = begin - chance.randint(0, 50_000), chance.choice([0, 0, 0, 50, -50])
    machine = Machine(chance, begin, booted, not power.state_up, drift)
    events: list[Said] = []
    for _ in range(chance.randint(1, 40)):
        machine.time += machine.pause()
        if machine.time > END + POST_S:
            break
        events += _events(machine)
        if begin == START and chance.random() < 0.05:
            machine.time = max(machine.time, END - chance.randint(0, 90_000))
    return Stream(power=power, events=tuple(events))


def _power(chance: random.Random) -> PowerState:
    state_up, target_up = chance.random() < 0.7, chance.random() < 0.7
    down_at = Seconds(0 if state_up else START - chance.randint(0, 90_000))
    return PowerState(target_up=target_up, state_up=state_up, down_at=down_at)


def _events(machine: Machine) -> list[Said]:
    """One report, or a step of the farmerbot's; power events only inside the period."""
    chance, time = machine.chance, machine.time
    if chance.random() < 0.7 or time > END:
        return [Said(kind="report", time=time, value=machine.uptime())]
    if chance.random() < 0.2:
        kind = chance.choice(["target", "state"])
        return [Said(kind=kind, time=time, value=chance.randint(0, 1))]
    if machine.asleep:
        machine.asleep = False
        machine.booted = time + chance.choice([0, 60, 1_799, 1_800, 1_801, 4_000])
        up = [Said(kind="target", time=time, value=1)]
        machine.time = machine.booted + chance.randint(0, 400)
        if machine.time <= END and chance.random() < 0.8:
            up.append(Said(kind="state", time=machine.time, value=1))
        return up
    machine.asleep = True
    return [Said(kind="target", time=time, value=0), Said(kind="state", time=time, value=0)]


def ours(given: Stream) -> UptimeAccount:
    account, power = uptime.opened(START, END, given.power, FIRST_BLOCK), given.power
    for said in given.events:
        time, up, after = Seconds(said.time), bool(said.value), said.time > END
        if said.kind == "report":
            uptime_s = Seconds(said.value)
            account = uptime.report(account, PUBLIC_LIMITS, time, time, uptime_s, after)
        elif said.kind == "target":
            account, power = uptime.power_target(account, power, time, up)
        else:
            account, power = uptime.power_state(account, power, PUBLIC_LIMITS, time, up, after)
    return uptime.closed(account, FIRST_BLOCK, PUBLIC_LIMITS)


def _theirs(given: Stream) -> mintingnode.MintingNode:
    period = Period(offset=PERIOD)
    node = mintingnode.MintingNode(1, period)
    node.power_state = "Up" if given.power.state_up else "Down"
    node.power_target = "Up" if given.power.target_up else "Down"
    if not given.power.state_up:
        node.power_managed = given.power.down_at
        node.power_manage_boot = FIRST_BLOCK if given.power.target_up else None
    inside = [said for said in given.events if said.time <= END]
    later = [said for said in given.events if said.time > END]
    mintingnode.process_period(node, _told(inside), period)
    mintingnode.process_post_period(node, _told(later), period)
    mintingnode.final_check(node, FIRST_BLOCK, period.end)
    return node


def _told(events: list[Said]) -> list[tuple[object, ...]]:
    told: list[tuple[object, ...]] = []
    for index, said in enumerate(events):
        word = "Up" if said.value else "Down"
        if said.kind == "report":
            told.append(mintingnode.NodeUptimeReported(said.value, said.time, index))
        elif said.kind == "target":
            told.append(mintingnode.PowerTargetChanged(word, said.time, index))
        else:
            told.append(mintingnode.PowerStateChanged(word, said.time, index))
    return told


def assert_alike(given: Stream) -> None:
    account, node = ours(given), _theirs(given)
    assert account.total == node.uptime
    if node.uptime_info is not None:
        assert (account.last_at, account.last_uptime, account.total) == node.uptime_info
        assert (account.boot_ts, account.boot_seen_at) == (node.boot_time or (0, 0))
    assert account.slow_boots == node.boot_duration_violations
    assert (account.slept_at, account.wake_at) == (node.power_managed, node.power_manage_boot)


@pytest.mark.slow
@pytest.mark.parametrize("hundred", range(30))
def test_a_hundred_random_streams_come_out_alike(hundred: int) -> None:
    for seed in range(hundred * 100, hundred * 100 + 100):
        assert_alike(stream(seed))


PAUSES = st.integers(1, 100_000) | st.sampled_from([60, 1_800, 2_400, 2_460, 86_400])
EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["report", "report", "target", "state"]), PAUSES, st.integers(0, 90_000)
    ),
    max_size=25,
)


@settings(max_examples=200)
@given(
    start=st.sampled_from([START, END - 5_000, END - 100_000]),
    events=EVENTS,
    power=st.tuples(st.booleans(), st.booleans(), st.integers(0, 90_000)),
)
def test_any_stream_comes_out_alike(
    start: int, events: list[tuple[str, int, int]], power: tuple[bool, bool, int]
) -> None:
    target_up, state_up, ago = power
    down_at = Seconds(0 if state_up else START - ago)
    time, said = start, list[Said]()
    for kind, pause, value in events:
        time += pause
        if time <= END or (kind == "report" and time <= END + POST_S):
            said.append(Said(kind=kind, time=time, value=value if kind == "report" else value % 2))
    first = PowerState(target_up=target_up, state_up=state_up, down_at=down_at)
    assert_alike(Stream(power=first, events=tuple(said)))


def test_the_streams_reach_what_they_must() -> None:
    """Naps, wake-ups, slow boots, violations of each kind and reports past the end all occur."""
    accounts = [ours(stream(seed)) for seed in range(1_000)]
    assert {account.violation for account in accounts} >= {0, 1, 2, 3, 4, 8}
    assert any(account.slept_at is not None for account in accounts)
    assert sum(account.slow_boots > 0 for account in accounts) > 50
    assert sum((account.last_at or 0) > END for account in accounts) > 100
