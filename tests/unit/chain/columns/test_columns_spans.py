"""Where periods begin and end: the second program's counting against the ledger's."""

import pytest

from tfchain.base.units import PeriodIndex, ScheduleId, Seconds
from tfchain.chain.columns.spans import own_in, own_span, period_of, span_of
from tfchain.ledger.params import ScheduleRow
from tfchain.rules.periods import own_bounds, own_ended

MAY = 1_588_291_200


def _row(length: int, own: int = 0) -> ScheduleRow:
    return ScheduleRow(
        id=ScheduleId(0),
        name="any",
        start=Seconds(MAY),
        length=Seconds(length),
        post_window=Seconds(1),
        commit_window=Seconds(1),
        attest_window=Seconds(1),
        payout_delay=Seconds(1),
        own=Seconds(own),
    )


@pytest.mark.parametrize("row", [_row(0), _row(2_630_880)], ids=["months", "of equal length"])
def test_both_programs_count_the_same_periods(row: ScheduleRow) -> None:
    for period in range(30):
        start, end = span_of(row, period)
        number = PeriodIndex(period)
        assert (start, end) == (row.start_of(number), row.end_of(number))
        for time in (start, end - 1):
            assert period_of(row, time) == row.index_of(Seconds(time)) == period
    assert period_of(row, MAY - 1) < 0
    assert row.index_of(Seconds(MAY - 1)) is None


@pytest.mark.parametrize("registered", [-70, -1, 0, 3, 59, 60, 61, 1_000])
def test_both_programs_settle_the_same_own_periods(registered: int) -> None:
    row, joined = _row(60, own=25), Seconds(MAY + registered)
    for period in range(6):
        start, end = span_of(row, period)
        expected = list(own_ended(joined, row.own, Seconds(start), Seconds(end)))
        assert own_in(row, joined, period) == expected
        for own in expected:
            assert own_span(row, joined, own) == own_bounds(joined, row.own, own)
