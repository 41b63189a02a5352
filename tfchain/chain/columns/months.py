"""Months of the calendar by counting days, year by year: what no formula of the rules floor saw."""

from typing import Final

DAY: Final = 86_400
FIRST_YEAR: Final = 1970
QUAD: Final = 4 * 365 + 1
CYCLE: Final = 400
CYCLE_DAYS: Final = 100 * QUAD - 3
"""Four centuries have 97 leap days."""
LENGTHS: Final = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def month_start(month: int) -> int:
    """UTC seconds at which a month starts; `month` counts from January 1970."""
    cycle, left = divmod(month, CYCLE * 12)
    year, place = divmod(left, 12)
    days = cycle * CYCLE_DAYS
    days += sum(_year_days(FIRST_YEAR + each) for each in range(year))
    days += sum(_month_days(FIRST_YEAR + year, each) for each in range(place))
    return days * DAY


def month_of(time: int) -> int:
    """The month that a second falls into."""
    cycle, days = divmod(time // DAY, CYCLE_DAYS)
    year = 0
    while days >= _year_days(FIRST_YEAR + year):
        days -= _year_days(FIRST_YEAR + year)
        year += 1
    place = 0
    while days >= _month_days(FIRST_YEAR + year, place):
        days -= _month_days(FIRST_YEAR + year, place)
        place += 1
    return (cycle * CYCLE + year) * 12 + place


def _leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _year_days(year: int) -> int:
    return 366 if _leap(year) else 365


def _month_days(year: int, place: int) -> int:
    return LENGTHS[place] + (1 if place == 1 and _leap(year) else 0)
