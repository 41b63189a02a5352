"""Where periods start and end: standard months, months of the calendar, and a node's own (rules.md 1).

All in UTC seconds since 1970, by whole-number arithmetic: a period must start at the same second
wherever it is computed. A batch is a period of its schedule (P6); only on the fixed schedule do nodes
have periods of their own, counted from registration and settled in the batch in which they end.
"""

from typing import Final

from tfchain.base.units import PeriodIndex, Seconds

STANDARD_START: Final = Seconds(1_522_501_000)
STANDARD_LENGTH: Final = Seconds(2_630_880)
"""Five years (two of them leap years), divided by 60."""

DAY: Final = 86_400
_YEAR_DAYS: Final = 365
_QUAD_DAYS: Final = 4 * _YEAR_DAYS + 1
_CENTURY_DAYS: Final = 25 * _QUAD_DAYS - 1
_ERA_DAYS: Final = 4 * _CENTURY_DAYS + 1
"""Four hundred years, after which the calendar repeats."""
_EPOCH_DAYS: Final = 719_468
"""From 1 March of the year 0 to 1 January 1970."""
_MARCH: Final = 2
"""Months that January and February count as having passed of the year that began in March."""
_EPOCH_MONTHS: Final = 1970 * 12


def standard_bounds(period: PeriodIndex) -> tuple[Seconds, Seconds]:
    """Start and end of a standard period; it ends where the next one starts."""
    start = Seconds(STANDARD_START + STANDARD_LENGTH * period)
    return start, Seconds(start + STANDARD_LENGTH)


def month_of(time: Seconds) -> int:
    """The calendar month that `time` falls into, counted from January 1970.

    Years are counted from March, so that the leap day is the last of its year and no month's length
    depends on it: month lengths from March on repeat as 153 days in five months.
    """
    days = time // DAY + _EPOCH_DAYS
    era, day = days // _ERA_DAYS, days % _ERA_DAYS
    leaps = day // (_QUAD_DAYS - 1) - day // _CENTURY_DAYS + day // (_ERA_DAYS - 1)
    year = (day - leaps) // _YEAR_DAYS
    day_of_year = day - (_YEAR_DAYS * year + year // 4 - year // 100)
    month = (5 * day_of_year + 2) // 153
    return (era * 400 + year) * 12 + month + _MARCH - _EPOCH_MONTHS


def month_start(month: int) -> Seconds:
    """Where a calendar month starts; `month` counts from January 1970."""
    year, since_march = divmod(month - _MARCH + _EPOCH_MONTHS, 12)
    leaps = year // 4 - year // 100 + year // 400
    days = year * _YEAR_DAYS + leaps + (153 * since_march + 2) // 5 - _EPOCH_DAYS
    return Seconds(days * DAY)


def month_bounds(month: int) -> tuple[Seconds, Seconds]:
    """Start and end of a calendar month; it ends where the next one starts."""
    return month_start(month), month_start(month + 1)


def own_bounds(registered: Seconds, length: Seconds, index: int) -> tuple[Seconds, Seconds]:
    """Start and end of a node's own period; it ends where the next one starts."""
    start = Seconds(registered + length * index)
    return start, Seconds(start + length)


def own_ended(registered: Seconds, length: Seconds, start: Seconds, end: Seconds) -> range:
    """A node's own periods that ended after `start` and by `end`: those a batch settles (P6)."""
    first = max(0, (start - registered) // length)
    last = max(first, (end - registered) // length)
    return range(first, last)
