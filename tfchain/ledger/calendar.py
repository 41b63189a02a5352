"""Months of the calendar, in UTC seconds since 1970, by whole-number arithmetic alone.

A period must start at the same second wherever it is computed, so that nothing is asked of a clock or
of a library's time zones.
"""

from typing import Final

from tfchain.base.units import Seconds

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
