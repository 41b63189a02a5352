"""Standard periods: the months of TFGrid 3, end to end from 2018 on (rules.md 1).

A ledger's own schedules stand in its genesis (`ledger.params.ScheduleRow`); these are the public
chain's, for computing what it paid.
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
