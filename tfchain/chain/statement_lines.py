"""One line of a statement: what a node or its farmer did, and what that did to the node's account."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from tfchain.base.units import Seconds
from tfchain.chain.execute import OK
from tfchain.ledger.gaps import Gap
from tfchain.ledger.params import Params
from tfchain.ledger.records import Uptime
from tfchain.ledger.uptime import VIOLATIONS, UptimeAccount
from tfchain.rules import uptime as rules
from tfchain.tx import running
from tfchain.tx.kinds.report_uptime import ReportUptime
from tfchain.tx.kinds.set_power_state import SetPowerState
from tfchain.tx.kinds.set_power_target import SetPowerTarget

UptimeKind: TypeAlias = ReportUptime | SetPowerState | SetPowerTarget
UPTIME_KINDS: Final = (ReportUptime, SetPowerState, SetPowerTarget)
"""The kinds that move a node's account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """A transaction that is about a node's uptime, where it stands, and its code."""

    height: int
    position: int
    now: Seconds
    """Block time."""
    code: str
    body: UptimeKind

    @property
    def at(self) -> Seconds:
        """When it counts: a report by its signed time, a power change by block time (P2)."""
        return self.body.t if isinstance(self.body, ReportUptime) else self.now


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What one deed did to the account of one period, all in seconds.

    `credited` is for the time from `since` to `until`; `down` is what lies uncredited before that,
    back to the last report that counted.
    """

    height: int
    position: int
    time: Seconds
    what: str
    at: Seconds
    uptime: int | None
    """What a report stated."""
    since: int
    until: int
    credited: int
    total: int
    down: int
    verdict: str


def moved(row: Uptime, params: Params, deed: Deed, gaps: tuple[Gap, ...] = ()) -> Uptime:
    """The row after the deed, by the ledger's own rules; `gaps`: when the chain stood still."""
    if deed.code != OK:
        return row
    body = deed.body
    if isinstance(body, ReportUptime):
        return running.reported(row, params, deed.now, (body.t, Seconds(body.uptime)), gaps)
    if isinstance(body, SetPowerState):
        return running.state_set(row, params, deed.now, body.up)
    return running.target_set(row, params, deed.now, body.up)


def lines_of(params: Params, row: Uptime, after: Uptime, deed: Deed) -> Iterator[tuple[int, Line]]:
    """Start of a period and its line, for each period whose account the deed touched."""
    schedule = params.schedule(row.schedule)
    accounts = [one for one in (after.ended, after.running) if one is not None]
    touched = [one for one in accounts if one != _account(row, one.start)]
    for account in touched:
        before = _account(row, account.start) or _blank(row, account.start, account.end)
        yield account.start, _line(deed, before, account)
    span = running.span_at(after, schedule, deed.at)
    if not touched and span is not None:
        start, end = span
        still = _account(row, start) or _blank(row, start, end)
        yield start, _line(deed, still, still)


def downtimes_of(
    lines: Sequence[Line], start: Seconds, until: int
) -> tuple[tuple[Seconds, Seconds], ...]:
    """What no line is credited for, from `start` to `until`: a node is down where it is not paid."""
    found, last = list[tuple[Seconds, Seconds]](), start
    for since, end in sorted((line.since, line.until) for line in lines if line.credited):
        if since > last:
            found.append((last, Seconds(since)))
        last = Seconds(max(last, end))
    if until > last:
        found.append((last, Seconds(until)))
    return tuple(found)


def _account(row: Uptime, start: int) -> UptimeAccount | None:
    accounts = (one for one in (row.running, row.ended) if one is not None)
    return next((one for one in accounts if one.start == start), None)


def _blank(row: Uptime, start: Seconds, end: Seconds) -> UptimeAccount:
    return rules.opened(start, end, row.power, wake_from=start)


def _line(deed: Deed, before: UptimeAccount, after: UptimeAccount) -> Line:
    credited = after.total - before.total
    until = min(max(deed.at, after.start), after.end)
    counted = after.last_at != before.last_at
    last = after.start if before.last_at is None else max(after.start, before.last_at)
    report = deed.body if isinstance(deed.body, ReportUptime) else None
    return Line(
        height=deed.height,
        position=deed.position,
        time=deed.now,
        what=_what(deed.body),
        at=deed.at,
        uptime=None if report is None else report.uptime,
        since=until - credited,
        until=until,
        credited=credited,
        total=after.total,
        down=max(0, until - last - credited) if counted else 0,
        verdict=_verdict(deed, before, after),
    )


def _what(body: UptimeKind) -> str:
    if isinstance(body, ReportUptime):
        return "report"
    if isinstance(body, SetPowerState):
        return "awake" if body.up else "sleep"
    return "asked to wake" if body.up else "asked to sleep"


def _verdict(deed: Deed, before: UptimeAccount, after: UptimeAccount) -> str:
    if deed.code != OK:
        return f"refused: {deed.code}"
    if after.violation != before.violation:
        return f"violation: {VIOLATIONS[after.violation]}"
    match deed.body:
        case ReportUptime():
            return _report_verdict(before, after)
        case SetPowerState(up=False):
            return "sleeps" if after.slept_at != before.slept_at else "down: was not asked to sleep"
        case SetPowerTarget(up=True) if after.wake_at != before.wake_at:
            return "is to boot"
        case _:
            return "noted"


def _report_verdict(before: UptimeAccount, after: UptimeAccount) -> str:
    if replace(after, violation=0, evidence=()) == replace(before, violation=0, evidence=()):
        return "counts for nothing"
    if before.slept_at is not None and after.slept_at is None:
        if after.slow_boots > before.slow_boots:
            return "slow boot"
        return "slept" if after.total > before.total else "slept too long"
    if before.last_at is None:
        return "first"
    boots = (before.boot_seen_at, before.boot_uptime)
    return "up" if boots == (after.boot_seen_at, after.boot_uptime) else "reboot"
