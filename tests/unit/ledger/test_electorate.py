"""Farms weigh by the newest batch that was paid in full, whichever is paid last."""

from typing import Any

import pytest

from tfchain.base.shapes import layout
from tfchain.base.units import FarmId, PeriodIndex, ScheduleId
from tfchain.ledger.electorate import (
    batch_paid,
    count_paid,
    electorates,
    standing_of,
    weight_of,
)
from tfchain.ledger.minting import Receipt
from tfchain.ledger.records import Resources
from tfchain.ledger.state import State
from tfchain.rules.capacity import compute_units


def _receipt(period: int, farm: int = 1, cu: int = 5, su: int = 3, schedule: int = 0) -> Receipt:
    blank: dict[str, Any] = dict.fromkeys(layout(Receipt).names, 0)
    known = {"farm_name": "", "stellar_address": "", "account": bytes(32), "evidence": ()}
    own = {"schedule": schedule, "period": period, "farm_id": farm, "cu": cu, "su": su}
    return Receipt(**{**blank, **known, "reason": "", "text_hash": b"", **own})


def _paid(state: State, period: int, *receipts: Receipt) -> None:
    for receipt in receipts:
        count_paid(state, receipt)
    batch_paid(state, ScheduleId(0), PeriodIndex(period))


def test_a_farm_weighs_twice_its_cu_and_once_its_su(state: State) -> None:
    _paid(state, 4, _receipt(4), _receipt(4), _receipt(4, farm=2, cu=1, su=0))
    (batch,) = electorates(state).paid
    assert (batch.farms, batch.weight) == (2, 28)
    assert [weight_of(state, (batch,), FarmId(farm)) for farm in (1, 2, 3)] == [26, 2, 0]
    assert standing_of(state, FarmId(1)).paid_batches == 1


def test_what_is_being_paid_gives_no_weight_yet(state: State) -> None:
    count_paid(state, _receipt(4))
    assert electorates(state).paid == ()
    assert len(electorates(state).paying) == 1


@pytest.mark.parametrize(("first", "second"), [(4, 5), (5, 4)], ids=["in order", "one came late"])
def test_a_batch_that_was_disputed_for_long_does_not_bring_old_weights_back(
    state: State, first: int, second: int
) -> None:
    for period in (first, second):
        _paid(state, period, _receipt(period))
    assert [row.period for row in electorates(state).paid] == [5]
    assert electorates(state).paying == ()
    assert standing_of(state, FarmId(1)).paid_batches == 2


def test_a_batch_in_which_nobody_was_paid_changes_nothing(state: State) -> None:
    _paid(state, 4, _receipt(4))
    batch_paid(state, ScheduleId(0), PeriodIndex(5))
    assert [row.period for row in electorates(state).paid] == [4]


def test_each_schedule_has_its_own(state: State) -> None:
    count_paid(state, _receipt(9, schedule=1))
    batch_paid(state, ScheduleId(1), PeriodIndex(9))
    _paid(state, 4, _receipt(4))
    paid = electorates(state).paid
    assert [(row.schedule, row.period) for row in paid] == [(0, 4), (1, 9)]
    assert weight_of(state, paid, FarmId(1)) == 26


def test_any_tie_for_the_minimum_gives_nothing() -> None:
    """On the real chain a machine whose cores and flash allow the same weighs nothing at all."""
    gib = 1 << 30
    tied = Resources(cru=8, mru=(64 + 1) * gib, hru=0, sru=800 * gib)
    assert compute_units(tied) == 16 * 1_000_000
