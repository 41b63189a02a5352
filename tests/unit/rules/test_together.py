"""Several periods of a node's own on one receipt."""

from dataclasses import replace

from tfchain.base.units import U64_MAX, MilliUsd, Utft
from tfchain.rules.regime import BELOW_SLA, NOTHING_DUE, OUT_OF_RANGE, PAID, UNCHANGED
from tfchain.rules.together import NOTHING, together

ONE = replace(NOTHING, reason=PAID, amount=Utft(5), musd=MilliUsd(2), base=MilliUsd(3), lock=1)
MISSED = replace(NOTHING, reason=BELOW_SLA, missed=1, base=MilliUsd(3), lock=1, steps=(7,))


def test_none_is_nothing_due_and_leaves_locks_alone() -> None:
    none = together([])
    assert (none.reason, none.amount, none.lock) == (NOTHING_DUE, 0, UNCHANGED)


def test_one_is_itself() -> None:
    assert together([ONE]) is ONE


def test_money_is_summed_and_the_rest_is_the_last_ones() -> None:
    both = together([ONE, MISSED])
    assert (both.amount, both.musd, both.base) == (5, 2, 6)
    assert (both.reason, both.missed, both.lock, both.steps) == (PAID, 1, 1, (7,))
    assert together([MISSED, MISSED]).reason == BELOW_SLA


def test_a_sum_beyond_an_account_is_nothing() -> None:
    much = replace(ONE, amount=Utft(U64_MAX))
    both = together([much, much])
    assert (both.amount, both.musd, both.base, both.reason) == (0, 0, 0, OUT_OF_RANGE)
