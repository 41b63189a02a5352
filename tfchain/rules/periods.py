"""Where periods start and end: standard months, and a node's own (rules.md 1).

A ledger's schedules stand in its genesis (`ledger.params.ScheduleRow`); the standard months here are
the public chain's. A batch is a period of its schedule (P6); only on a schedule that gives nodes
periods of their own are these counted from registration, and settled in the batch in which they end.
"""

from typing import Final

from tfchain.base.units import PeriodIndex, Seconds

STANDARD_START: Final = Seconds(1_522_501_000)
STANDARD_LENGTH: Final = Seconds(2_630_880)
"""Five years (two of them leap years), divided by 60."""


def standard_bounds(period: PeriodIndex) -> tuple[Seconds, Seconds]:
    """Start and end of a standard period; it ends where the next one starts."""
    start = Seconds(STANDARD_START + STANDARD_LENGTH * period)
    return start, Seconds(start + STANDARD_LENGTH)


def own_bounds(registered: Seconds, length: Seconds, index: int) -> tuple[Seconds, Seconds]:
    """Start and end of a node's own period; it ends where the next one starts."""
    start = Seconds(registered + length * index)
    return start, Seconds(start + length)


def own_ended(registered: Seconds, length: Seconds, start: Seconds, end: Seconds) -> range:
    """A node's own periods that ended after `start` and by `end`: those a batch settles (P6)."""
    first = max(0, (start - registered) // length)
    last = max(first, (end - registered) // length)
    return range(first, last)


def own_due(
    registered: Seconds, length: Seconds, since: Seconds, start: Seconds, end: Seconds
) -> list[int]:
    """A node's own periods that a batch settles, whose schedule's last batch before ended at `since`.

    Where periods of the schedule were skipped in between, that is one more: the one that had begun
    when the chain stood still, and ended before there was a block again. Those that lie within the
    standstill are skipped as the schedule's are (P7).
    """
    ended = list(own_ended(registered, length, start, end))
    broken = (since - registered) // length
    first, last = own_bounds(registered, length, broken)
    return [broken, *ended] if broken >= 0 and first < since < last <= start else ended
