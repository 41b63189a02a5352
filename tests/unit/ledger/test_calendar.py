"""Months of the calendar, against dates that people know."""

import pytest

from tfchain.base.units import Seconds
from tfchain.ledger.calendar import DAY, month_bounds, month_of, month_start


@pytest.mark.parametrize(
    ("month", "start"),
    [
        pytest.param(0, 0, id="January 1970"),
        pytest.param(1, 31 * DAY, id="February 1970"),
        pytest.param(12, 365 * DAY, id="January 1971"),
        pytest.param(361, 949_363_200, id="February 2000: a leap year"),
        pytest.param(604, 1_588_291_200, id="May 2020"),
        pytest.param(1_561, 4_105_123_200, id="February 2100: none"),
        pytest.param(1_562, 4_107_542_400, id="March 2100"),
    ],
)
def test_where_a_month_starts(month: int, start: int) -> None:
    assert month_start(month) == start
    assert month_of(Seconds(start)) == month
    assert month_of(Seconds(max(0, start - 1))) == max(0, month - 1)
    assert month_bounds(month) == (start, month_start(month + 1))
