"""What simulated machines do, as plans: (time, action), the same each time for the same seed.

A plan is endless and knows no clock. Times are milliseconds from the start of period 0; before it a
machine is steady, so that it can be watched while it joins. Each machine does its own thing once in
every period, so that receipts differ: most are paid, some less, two not at all.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from random import Random  # noqa: TID251 -- an instance with the plan's own seed; no chance here
from typing import Final, TypeAlias

from tfchain.base.units import GIB
from tfchain.ledger.params import ScheduleRow, UptimeRow
from tfchain.ledger.records import Resources

STEADY: Final = "steady"
REBOOTS: Final = "reboots"
SLEEPS: Final = "sleeps"
BOASTS: Final = "boasts"
SKEWED: Final = "skewed"
ABSENT: Final = "absent"

FARM_NODES: Final = 4
"""Machines in a farm."""
AGE_S: Final = 1_000
"""How long before period 0 the machines booted."""
MS: Final = 1_000
NAP_NOTICE_MS: Final = 4_000
"""From asking a machine to sleep until it does: the request stands in a block by then."""

_SIZES: Final = ((4, 16, 0, 512), (8, 32, 2_000, 500), (16, 64, 0, 1_000), (24, 128, 8_000, 2_000))
"""Cores, and GiB of memory, disk and flash."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A report signed at `t` seconds from the start of period 0."""

    t: int
    uptime: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """The farmer asks the machine to be awake, or to sleep."""

    up: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Tell:
    """The machine says at `t` that it is awake, or goes to sleep."""

    t: int
    up: bool


Action: TypeAlias = Report | Ask | Tell


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """An action and its time, in milliseconds from the start of period 0."""

    at_ms: int
    action: Action


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A simulated node. `number` counts from 0 over all farms."""

    number: int
    farm: int
    behaviour: str
    resources: Resources
    drift_s: int
    """How far its clock is off."""
    seed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The stretch of a period in which a machine is not up, or not honest."""

    start_ms: int
    end_ms: int


@dataclass(slots=True)
class _Life:
    """What a plan remembers from report to report."""

    boot_ms: int = -AGE_S * MS
    boasted: int = 0
    last_t: int = -AGE_S
    random: Random = field(default_factory=Random)


def roster(seed: int, nodes: int) -> tuple[Machine, ...]:
    """The machines of a network: one that misbehaves and one that is off too long, from five on."""
    random = Random(f"roster/{seed}")  # noqa: S311 -- a plan, not a secret
    liar = random.choice((BOASTS, SKEWED))
    order = (STEADY, REBOOTS, SLEEPS, liar, ABSENT)
    machines = []
    for number in range(nodes):
        kind = order[number] if number < len(order) else random.choice(order[:3])
        cru, mru, hru, sru = random.choice(_SIZES)
        machines.append(
            Machine(
                number=number,
                farm=number // FARM_NODES,
                behaviour=kind,
                resources=Resources(cru=cru, mru=mru * GIB, hru=hru * GIB, sru=sru * GIB),
                drift_s=random.choice((-1, 0, 0, 1)),
                seed=f"machine/{seed}/{number}",
            )
        )
    return tuple(machines)


def plan(machine: Machine, schedule: ScheduleRow, limits: UptimeRow) -> Iterator[Planned]:
    """All that the machine does, in order of time, from one period before period 0 on."""
    life = _Life(random=Random(machine.seed))  # noqa: S311 -- as above
    at_ms = -schedule.length * MS
    for period in count(-1):
        start_ms = period * schedule.length * MS
        end_ms = start_ms + schedule.length * MS
        odd = None if period < 0 else span(machine, life.random, schedule, limits)
        if odd is not None:
            odd = Span(start_ms=start_ms + odd.start_ms, end_ms=start_ms + odd.end_ms)
        while at_ms < end_ms:
            yield from _step(machine, life, odd, at_ms)
            if odd is not None and machine.behaviour in _DOWN and at_ms >= odd.start_ms:
                down = Span(start_ms=at_ms, end_ms=at_ms + odd.end_ms - odd.start_ms)
                yield from _down(machine, life, down)
                at_ms, odd = down.end_ms + MS, None
                continue
            at_ms += limits.report_interval * MS + life.random.randrange(400)


_DOWN: Final = (REBOOTS, SLEEPS, ABSENT)


def span(machine: Machine, random: Random, schedule: ScheduleRow, limits: UptimeRow) -> Span | None:
    """When in a period the machine does its own thing; none for a steady one."""
    length_ms = schedule.length * MS
    start_ms = length_ms // 4 + random.randrange(length_ms // 8)
    lengths = {
        REBOOTS: MS * max(1, limits.grace // 4) + random.randrange(MS),
        SLEEPS: NAP_NOTICE_MS + MS * (limits.sleep_max // 3) + random.randrange(2 * MS),
        ABSENT: length_ms // 3,
        SKEWED: length_ms // 2,
        BOASTS: MS * limits.report_interval,
    }
    if machine.behaviour not in lengths:
        return None
    return Span(start_ms=start_ms, end_ms=start_ms + lengths[machine.behaviour])


def _step(machine: Machine, life: _Life, odd: Span | None, at_ms: int) -> Iterator[Planned]:
    """One report; a liar's says more than is true."""
    lies = odd is not None and odd.start_ms <= at_ms < odd.end_ms
    if lies and machine.behaviour == SKEWED:
        life.boasted += 1
    extra = AGE_S if lies and machine.behaviour == BOASTS else 0
    t = max(life.last_t + 1, at_ms // MS + machine.drift_s)
    life.last_t = t
    uptime = t - life.boot_ms // MS - machine.drift_s + life.boasted + extra
    yield Planned(at_ms=at_ms, action=Report(t=t, uptime=max(0, uptime)))


def _down(machine: Machine, life: _Life, down: Span) -> Iterator[Planned]:
    """What happens between the last report before a machine goes down and the first one after."""
    if machine.behaviour == SLEEPS:
        yield from _nap(machine, down)
    life.boot_ms, life.boasted = down.end_ms, 0


def _nap(machine: Machine, down: Span) -> Iterator[Planned]:
    """Asked to sleep, asleep, asked to wake, awake: each with time to reach a block."""
    asleep_ms, wake_ms = down.start_ms + NAP_NOTICE_MS, down.end_ms - 2 * MS
    yield Planned(at_ms=down.start_ms, action=Ask(up=False))
    asleep = Tell(t=asleep_ms // MS + machine.drift_s, up=False)
    yield Planned(at_ms=asleep_ms, action=asleep)
    yield Planned(at_ms=wake_ms, action=Ask(up=True))
    awake = Tell(t=down.end_ms // MS + machine.drift_s, up=True)
    yield Planned(at_ms=down.end_ms, action=awake)
