"""Which periods an event feeds: the one that it falls into, and for a while the one before (P2).

A report falls where its signed time says, a power change where its block's time says. What happened
to a node in a period is one sequence, in block order.
"""

from dataclasses import dataclass, replace

from tfchain.base.units import PeriodIndex, Seconds
from tfchain.chain.columns.blocks import Reported, StateSet, TargetSet
from tfchain.chain.columns.roster import TOUCHED_KEPT, Machine, Opened, Roster
from tfchain.chain.columns.spans import own_of, own_span, period_of, span_of
from tfchain.chain.columns.streams import REPORT, SLEEP, WAKE, Stream
from tfchain.errors import Malformed
from tfchain.ledger.params import Params, ScheduleRow
from tfchain.ledger.uptime import PowerState

Place = tuple[int, int, int]
"""Schedule, period, and 0; or of a node's own periods 1, 2, ...: the period of the batch that it ends in."""
BETWEEN = 0


@dataclass(frozen=True, slots=True)
class _Usual:
    """The period that a schedule's reports fall into these days, where they feed it alone."""

    start: int
    end: int
    period: int
    since: int
    """From a block of this time on no period before takes reports any more."""
    place: Place

    def takes(self, machine: Machine, time: int, block: int) -> bool:
        """Whether that is so of a report, its node having been seen in the period."""
        touched = machine.touched
        return (
            self.start <= time < self.end
            and block >= self.since
            and bool(touched)
            and touched[-1].period == self.period
        )


class Routes:
    """The streams of all periods that were not forgotten, filled as blocks are taken."""

    def __init__(self, params: Params) -> None:
        self.streams: dict[Place, Stream] = {}
        self.forgotten: dict[int, int] = {row.id: 0 for row in params.schedules}
        """By schedule: the first period that was not forgotten."""
        self._schedules: dict[int, ScheduleRow] = {row.id: row for row in params.schedules}
        self._usual: dict[int, _Usual] = {}
        """By schedule, but those whose nodes have periods of their own."""

    def join(self, roster: Roster, node_id: int) -> None:
        """A node with periods of its own is in the first of them from the start."""
        schedule = self._schedules[roster.machine(node_id).contract.schedule]
        if schedule.own:
            self._touch(roster, schedule, node_id, PeriodIndex(0))

    def report(self, roster: Roster, event: Reported, block: int) -> None:
        """A report: its signed time alone says which period is running for it."""
        if event.uptime > event.t:
            raise Malformed(f"{event.uptime} seconds of uptime at {event.t}")
        machine = roster.machine(event.node_id)
        if machine.first_report is None:
            reported = replace(machine, first_report=Seconds(event.t))
            roster.machines[event.node_id - 1] = reported
        usual = self._usual.get(machine.contract.schedule)
        if usual is not None and usual.takes(machine, event.t, block):
            self._at(usual.place).append(REPORT, event.node_id, event.t, event.uptime, block)
        else:
            self._route(roster, event.node_id, event.t, (REPORT, event.t, event.uptime, block))
            if usual is None or event.t >= usual.end:
                self._learn(machine, event.t)

    def _learn(self, machine: Machine, time: int) -> None:
        """Most reports fall where the latest of them did: remember what to ask of the next."""
        schedule = self._schedules[machine.contract.schedule]
        if not schedule.own and (period := period_of(schedule, time)) >= 0:
            (start, end), (_, before) = span_of(schedule, period), span_of(schedule, period - 1)
            place = _place(schedule, machine, period)
            usual = _Usual(start, end, period, before + schedule.post_window, place)
            self._usual[schedule.id] = usual

    def target(self, roster: Roster, event: TargetSet, block: Seconds) -> None:
        """Somebody wants the node up or down; only a wish to wake what is down counts."""
        power = roster.machine(event.node_id).power
        counts = event.up and not power.state_up
        self._route(roster, event.node_id, block, (WAKE, block, 0, block) if counts else None)
        _set_power(roster, event.node_id, replace(power, target_up=event.up))

    def state(self, roster: Roster, event: StateSet, block: Seconds) -> None:
        """The node goes up or down; only going down as wished counts, a report tells of waking."""
        power = roster.machine(event.node_id).power
        counts = power.state_up and not event.up and not power.target_up
        self._route(roster, event.node_id, block, (SLEEP, block, 0, block) if counts else None)
        if event.up:
            after = replace(power, state_up=True, down_at=Seconds(0))
        else:
            after = replace(
                power, state_up=False, down_at=block if power.state_up else power.down_at
            )
        _set_power(roster, event.node_id, after)

    def _route(
        self, roster: Roster, node_id: int, time: int, row: tuple[int, int, int, int] | None
    ) -> None:
        """Touch the period that `time` falls into, and feed `row` to it and to the one before.

        A power change also reaches a period that a report opened ahead of block time: the node comes
        into it that way. A period that a later one overtook before anything of the node fell into
        it stays untouched: a report of it comes too late.
        """
        machine = roster.machine(node_id)
        schedule = self._schedules[machine.contract.schedule]
        period = PeriodIndex(_period(schedule, machine, time))
        touched = [opened.period for opened in machine.touched]
        overtaken = period not in touched and any(other > period for other in touched)
        if period >= 0 and period not in touched and not overtaken:
            self._touch(roster, schedule, node_id, period)
            touched = [*touched, period][-TOUCHED_KEPT:]
        if row is None or (overtaken and row[0] == REPORT):
            return
        kind, at, uptime, block = row
        before = -1
        for other in touched:
            if other == period or (other > period and kind != REPORT):
                self._stream(schedule, machine, other).append(kind, node_id, at, uptime, block)
            elif other < period:
                before = other
        if before >= 0 and block < _end(schedule, machine, before) + schedule.post_window:
            self._stream(schedule, machine, before).append(kind, node_id, at, uptime, block)

    def _touch(
        self, roster: Roster, schedule: ScheduleRow, node_id: int, period: PeriodIndex
    ) -> None:
        """Open the node's account of a period, asleep if the node came into it asleep."""
        machine = roster.machine(node_id)
        power = machine.power
        opened = Opened(period=period, power=power)
        kept = (*machine.touched, opened)[-TOUCHED_KEPT:]
        roster.machines[node_id - 1] = replace(machine, touched=kept)
        if not power.state_up:
            self._stream(schedule, machine, period).asleep[node_id] = (
                power.down_at,
                power.target_up,
            )

    def _stream(self, schedule: ScheduleRow, machine: Machine, period: int) -> Stream:
        return self._at(_place(schedule, machine, period))

    def _at(self, place: Place) -> Stream:
        found = self.streams.get(place)
        if found is None:
            found = self.streams[place] = Stream()
        return found


def _period(schedule: ScheduleRow, machine: Machine, time: int) -> int:
    """The schedule's, or where nodes have periods of their own, the node's."""
    if schedule.own:
        return own_of(schedule, created(machine), time)
    return period_of(schedule, time)


def _end(schedule: ScheduleRow, machine: Machine, period: int) -> int:
    if schedule.own:
        return own_span(schedule, created(machine), period)[1]
    return span_of(schedule, period)[1]


def _place(schedule: ScheduleRow, machine: Machine, period: int) -> Place:
    if not schedule.own:
        return schedule.id, period, BETWEEN
    batch = period_of(schedule, _end(schedule, machine, period) - 1)
    return schedule.id, max(batch, 0), period + 1


def created(machine: Machine) -> int:
    """When the node joined."""
    return machine.versions[0].node.created


def _set_power(roster: Roster, node_id: int, power: PowerState) -> None:
    roster.machines[node_id - 1] = replace(roster.machine(node_id), power=power)
