"""A node that reports: what a machine does all its life, for as long as a script asks."""

import time
from typing import Final

import trio

from tfchain.base.units import NodeId, PeriodIndex, Seconds
from tfchain.client.sender import Sender
from tfchain.errors import Unavailable
from tfchain.ledger.params import ScheduleRow
from tfchain.tx.kinds.report_uptime import ReportUptime

LOST_MAX: Final = 5
"""Reports in a row that nobody takes, after which it is no hiccup."""


def now() -> int:
    """The machine's clock, in seconds since 1970."""
    return time.time_ns() // 1_000_000_000


def next_whole_period_end(schedule: ScheduleRow, at: int) -> Seconds:
    """The end of the first period that begins after `at`."""
    running = schedule.index_of(Seconds(at))
    first = PeriodIndex(0 if running is None else running + 1)
    return schedule.end_of(first)


async def report_until(reporter: Sender, node_id: NodeId, until: int, interval: int) -> None:
    """Report every `interval` seconds, the last time at `until`: that one closes the period.

    Raises:
        Rejected: a report was refused.
        Unavailable: `LOST_MAX` reports in a row could not be handed in.
    """
    booted, lost = now() - 1, 0
    while True:
        moment = now()
        try:
            await reporter.post(_report(node_id, moment, moment - booted))
            lost = 0
        except Unavailable:
            lost += 1
            if lost == LOST_MAX:
                raise
        if moment >= until:
            return
        await trio.sleep(min(max(interval, 1), until - moment))


def _report(node_id: NodeId, moment: int, uptime: int) -> ReportUptime:
    return ReportUptime(node_id=node_id, t=Seconds(moment), uptime=uptime)
