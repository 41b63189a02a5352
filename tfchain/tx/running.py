"""A node's two accounts on the ledger: the running period's, and the ended one's until it settles.

The signed time alone picks period and phase (P2); a report after a period's end feeds both accounts.
An account opens when its period is first touched, from the power state of then: every power change
touches it first, so that is the state at the period's start. A node asked to wake before a period
began counts from the period's start here, not from its first block: that needs no second row, and a
halted chain blames nobody. The account before stays whichever period it is of: after a halt of months
the last one that was lived through is still there to settle. A report of a period that a later one
overtook before anything of the node fell into it comes too late and credits nothing.
"""

from dataclasses import replace
from typing import Final

from tfchain.base.last import of_last
from tfchain.base.shapes import changed, changing
from tfchain.base.units import Seconds
from tfchain.ledger.gaps import Gap
from tfchain.ledger.params import Params, ScheduleRow, UptimeRow
from tfchain.ledger.records import Uptime
from tfchain.ledger.uptime import ALWAYS_UP, UptimeAccount
from tfchain.rules import uptime as rules
from tfchain.rules.uptime import UptimeLimits

Span = tuple[Seconds, Seconds]
"""Start and end of a period."""


def limits_of(params: Params, gaps: tuple[Gap, ...] = ()) -> UptimeLimits:
    """The uptime constants of this chain (P1, P19), and when it stood still (P4)."""
    limits = _limits(params.uptime)
    if not gaps:
        return limits
    return replace(limits, gaps=tuple((gap.since, gap.until) for gap in gaps))


@of_last  # every report asks
def _limits(row: UptimeRow) -> UptimeLimits:
    return UptimeLimits(
        grace=row.grace,
        skew=row.skew,
        report_cap=Seconds(row.report_interval + row.grace),
        sleep_max=row.sleep_max,
        boot_max=row.boot_max,
        sleep_credit_max=row.sleep_credit_max,
    )


def reported(
    row: Uptime,
    params: Params,
    now: Seconds,
    report: tuple[Seconds, Seconds],
    gaps: tuple[Gap, ...] = (),
) -> Uptime:
    """The row after an accepted report (signed time, uptime), in a block of time `now`.

    `gaps`: when the chain stood still, this block included. What of a gap lies before a period's
    first report is not credited: there is no report of that period on the other side.
    """
    t, uptime = report
    schedule = params.schedule(row.schedule)
    span = span_at(row, schedule, t)
    if span is None:
        return row
    row = _rolled(row, span)
    limits = limits_of(params, gaps)
    assert row.running is not None
    if t >= row.running.start:
        row = _RUN(row, rules.report(row.running, limits, now, t, uptime, after=False))
        if row.ended is not None and _open_after(row.ended, schedule, now):
            ended = rules.report(row.ended, limits, now, t, uptime, after=True)
            row = changed(row, ended=ended)
    elif row.ended is not None and row.ended.start <= t < row.ended.end:
        ended = rules.report(row.ended, limits, now, t, uptime, after=False)
        row = changed(row, ended=ended)
    return row


_RUN: Final = changing(Uptime, "running")


def first_account(schedule: ScheduleRow, registered: Seconds) -> UptimeAccount | None:
    """What a node's row begins with: where it has periods of its own, the first of them.

    From any of them all others follow, so that no report asks when the node registered.
    """
    if not schedule.own:
        return None
    end = Seconds(registered + schedule.own)
    return rules.opened(registered, end, ALWAYS_UP, wake_from=registered)


def span_at(row: Uptime, schedule: ScheduleRow, time: Seconds) -> Span | None:
    """Start and end of the node's period that `time` falls into; None before the first."""
    running = row.running
    if running is not None and running.start <= time < running.end:
        return running.start, running.end  # whatever the calendar says: it was asked when it opened
    if schedule.own:
        assert row.running is not None, "a node with periods of its own always has one"
        passed = (time - row.running.start) // schedule.own
        start = Seconds(row.running.start + passed * schedule.own)
        return start, Seconds(start + schedule.own)
    period = schedule.index_of(time)
    return None if period is None else (schedule.start_of(period), schedule.end_of(period))


def _rolled(row: Uptime, span: Span) -> Uptime:
    """The row with the account of that period running, unless a later one does."""
    start, end = span
    running = row.running
    if running is not None and running.start >= start:
        return row
    return changed(row, running=rules.opened(start, end, row.power, wake_from=start), ended=running)


def _open_after(ended: UptimeAccount, schedule: ScheduleRow, now: Seconds) -> bool:
    """Whether the ended period's post window is still open at block time."""
    return now < ended.end + schedule.post_window


def target_set(row: Uptime, params: Params, now: Seconds, up: bool) -> Uptime:
    """The row after the farm asked the node to sleep or wake, at block time."""
    schedule = params.schedule(row.schedule)
    row = _touched(row, schedule, now)
    running, ended, power = row.running, row.ended, row.power
    if ended is not None and _open_after(ended, schedule, now):
        ended, _ = rules.power_target(ended, power, now, up)
    if running is not None:
        # An account that a report opened ahead of block time: asked before it began counts as then.
        running, _ = rules.power_target(running, power, max(now, running.start), up)
    moved = changed(power, target_up=up)
    return changed(row, running=running, ended=ended, power=moved)


def state_set(row: Uptime, params: Params, now: Seconds, up: bool) -> Uptime:
    """The row after the node said that it sleeps or is awake, at block time."""
    schedule, limits = params.schedule(row.schedule), limits_of(params)
    row = _touched(row, schedule, now)
    running, ended, power = row.running, row.ended, row.power
    if ended is not None and _open_after(ended, schedule, now):
        # A report signed ahead of block time may have opened the next account already.
        after = now >= ended.end
        ended, _ = rules.power_state(ended, power, limits, now, up, after=after)
    blank = rules.opened(now, now, power, wake_from=now)
    moved, told = rules.power_state(running or blank, power, limits, now, up, after=False)
    return changed(row, running=moved if running else None, ended=ended, power=told)


def _touched(row: Uptime, schedule: ScheduleRow, now: Seconds) -> Uptime:
    span = span_at(row, schedule, now)
    return row if span is None else _rolled(row, span)


def account_for(row: Uptime, start: Seconds, end: Seconds) -> UptimeAccount:
    """The account of a period that has ended; an empty one where nothing touched the node in it."""
    for account in (row.running, row.ended):
        if account is not None and account.start == start:
            return account
    return rules.opened(start, end, ALWAYS_UP, wake_from=start)
