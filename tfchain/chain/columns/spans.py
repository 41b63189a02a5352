"""Where periods begin and end, by counting: of schedules, of months, and of nodes' own."""

from tfchain.chain.columns.months import month_of, month_start
from tfchain.ledger.params import ScheduleRow

BEFORE = -1
"""The period of a time before the first."""


def period_of(row: ScheduleRow, time: int) -> int:
    """The period that a time falls into; negative before the first."""
    if row.length:
        return (time - row.start) // row.length
    if time < row.start:
        return BEFORE
    return month_of(time) - month_of(row.start)


def span_of(row: ScheduleRow, period: int) -> tuple[int, int]:
    """Start and end of a period."""
    if not row.length:
        month = month_of(row.start) + period
        return month_start(month), month_start(month + 1)
    start = row.start + period * row.length
    return start, start + row.length


def own_of(row: ScheduleRow, registered: int, time: int) -> int:
    """Which of a node's own periods a time falls into; negative before it registered."""
    return (time - registered) // row.own


def own_span(row: ScheduleRow, registered: int, own: int) -> tuple[int, int]:
    """Start and end of a node's own period."""
    start = registered + own * row.own
    return start, start + row.own


def own_in(row: ScheduleRow, registered: int, period: int, before: int | None = None) -> list[int]:
    """A node's own periods that ended after a batch's start and by its end.

    `before`: the last period of the schedule that had a block. What had begun by its end and was over
    before there was a block again is counted here; what lies in between counts nowhere.
    """
    start, end = span_of(row, period)
    found, own = [], max(own_of(row, registered, start), 0)
    if before is not None and before < period - 1:
        stop = span_of(row, before)[1]
        cut = own_of(row, registered, stop - 1)
        if cut >= 0 and stop < own_span(row, registered, cut)[1] <= start:
            found.append(cut)
    while own_span(row, registered, own)[1] <= end:
        found.append(own)
        own += 1
    return found
