"""A node's two accounts: which report feeds which, and what a power change touches (P2)."""

from dataclasses import replace

import pytest

from tfchain.base.units import Address, ScheduleId, Seconds
from tfchain.ledger.params import Params
from tfchain.ledger.records import Uptime
from tfchain.ledger.uptime import ALWAYS_UP, PowerState, UptimeAccount
from tfchain.tx.running import account_for, limits_of, reported, state_set, target_set

START = 1_700_000_000
END = START + 60
"""Of period 0."""
ASLEEP = PowerState(target_up=False, state_up=False, down_at=Seconds(START - 5))
FRESH = Uptime(
    reporter=Address(bytes(32)),
    schedule=ScheduleId(0),
    last_t=Seconds(0),
    power_moved=Seconds(0),
    power=ALWAYS_UP,
    running=None,
    ended=None,
)


def told(row: Uptime, params: Params, t: int, uptime: int, now: int | None = None) -> Uptime:
    block = Seconds(t if now is None else now)
    return reported(row, params, block, (Seconds(t), Seconds(uptime)))


def steady(params: Params, until: int, row: Uptime = FRESH, since: int = START) -> Uptime:
    """Reports every two seconds of a node that booted at `since`."""
    for t in range(since + 2, until + 1, 2):
        row = told(row, params, t, t - since)
    return row


def running_of(row: Uptime) -> UptimeAccount:
    assert row.running is not None
    return row.running


def ended_of(row: Uptime) -> UptimeAccount:
    assert row.ended is not None
    return row.ended


def test_the_limits_are_those_of_the_chain(params: Params) -> None:
    limits = limits_of(params)
    assert (limits.grace, limits.skew, limits.report_cap) == (4, 8, 6)
    assert (limits.sleep_max, limits.boot_max, limits.sleep_credit_max) == (20, 6, 6)


def test_a_report_before_the_first_period_feeds_nothing(params: Params) -> None:
    assert told(FRESH, params, START - 1, 50) == FRESH


def test_the_first_report_opens_its_period(params: Params) -> None:
    row = told(FRESH, params, START + 4, 4)
    assert (running_of(row).start, running_of(row).end, running_of(row).total) == (START, END, 4)
    assert row.ended is None


@pytest.mark.parametrize(
    ("t", "start"),
    [
        pytest.param(START, START, id="its first second"),
        pytest.param(END - 1, START, id="its last second"),
        pytest.param(END, END, id="the end belongs to the next one"),
    ],
)
def test_the_signed_time_picks_the_period(params: Params, t: int, start: int) -> None:
    assert running_of(told(FRESH, params, t, 9, now=END)).start == start


def test_a_report_after_the_end_feeds_both_accounts(params: Params) -> None:
    row = steady(params, END - 2)
    assert running_of(row).total == 58
    row = told(row, params, END + 2, 62)
    assert (ended_of(row).total, running_of(row).total) == (60, 2)
    assert (ended_of(row).start, running_of(row).start) == (START, END)


@pytest.mark.parametrize(
    ("now", "total"),
    [
        pytest.param(END + 11, 50 + 6, id="the window's last second"),
        pytest.param(END + 12, 50, id="the window is over"),
    ],
)
def test_the_post_window_is_judged_by_block_time(params: Params, now: int, total: int) -> None:
    row = told(steady(params, START + 50), params, END + 8, 68, now=now)
    assert ended_of(row).total == total


def test_a_late_report_of_the_ended_period_feeds_it_alone(params: Params) -> None:
    row = steady(params, END - 4)
    row = target_set(row, params, Seconds(END + 1), up=True)
    row = told(row, params, END - 2, 58, now=END + 2)
    assert (ended_of(row).total, running_of(row).total) == (58, 0)


def test_a_late_report_of_a_period_without_an_account_feeds_nothing(params: Params) -> None:
    row = target_set(steady(params, END - 2), params, Seconds(END + 300), up=True)
    assert (ended_of(row).start, running_of(row).start) == (START, END + 300)
    assert told(row, params, END + 298, 358, now=END + 300) == row
    assert told(row, params, START - 2, 1, now=END + 300) == row


def test_a_late_report_without_an_ended_account_feeds_nothing(params: Params) -> None:
    row = target_set(FRESH, params, Seconds(END), up=True)
    assert told(row, params, END - 1, 9, now=END) == row


def test_after_a_gap_the_last_period_that_was_lived_through_stays(params: Params) -> None:
    row = told(steady(params, END - 2), params, END + 302, 2)
    assert (ended_of(row).start, ended_of(row).total) == (START, 58)
    assert (running_of(row).start, running_of(row).total) == (END + 300, 2)


def test_two_periods_later_the_first_one_is_gone(params: Params) -> None:
    row = steady(params, END + 70)
    assert (ended_of(row).start, running_of(row).start) == (END, END + 60)
    assert ended_of(row).total == 60


def test_going_to_sleep_credits_the_time_since_the_last_report(params: Params) -> None:
    row = target_set(steady(params, START + 10), params, Seconds(START + 11), up=False)
    row = state_set(row, params, Seconds(START + 13), up=False)
    assert (running_of(row).total, running_of(row).slept_at) == (13, START + 13)
    assert row.power == PowerState(target_up=False, state_up=False, down_at=Seconds(START + 13))


def test_power_changes_after_the_end_feed_both_accounts(params: Params) -> None:
    row = target_set(steady(params, END - 2), params, Seconds(END - 1), up=False)
    row = state_set(row, params, Seconds(END + 1), up=False)
    assert (ended_of(row).slept_at, running_of(row).slept_at) == (END + 1, END + 1)
    assert ended_of(row).total == 58, "going to sleep after the end credits nothing"
    row = target_set(row, params, Seconds(END + 3), up=True)
    assert (ended_of(row).wake_at, running_of(row).wake_at) == (END + 3, END + 3)


def test_power_changes_after_the_window_leave_the_ended_account(params: Params) -> None:
    row = target_set(steady(params, END - 2), params, Seconds(END + 12), up=False)
    row = state_set(row, params, Seconds(END + 13), up=False)
    row = target_set(row, params, Seconds(END + 14), up=True)
    assert (ended_of(row).slept_at, ended_of(row).wake_at) == (None, None)
    assert (running_of(row).slept_at, running_of(row).wake_at) == (END + 13, END + 14)


def test_a_power_change_before_the_end_is_inside_though_the_next_account_is_open(
    params: Params,
) -> None:
    row = target_set(steady(params, END - 4), params, Seconds(END - 3), up=False)
    row = told(row, params, END + 1, 61, now=END - 2)
    assert (ended_of(row).total, running_of(row).total) == (60, 1)
    row = state_set(row, params, Seconds(END - 1), up=False)
    assert (ended_of(row).slept_at, ended_of(row).last_at) == (END - 1, END - 1)


def test_a_node_that_slept_through_the_start_opens_asleep(params: Params) -> None:
    row = replace(FRESH, power=ASLEEP)
    opened = running_of(told(row, params, START + 2, 2))
    assert (opened.slept_at, opened.wake_at, opened.total) == (START - 5, None, 0)
    asked = replace(row, power=replace(ASLEEP, target_up=True))
    woken = running_of(told(asked, params, START + 2, 1))
    assert (woken.slept_at, woken.total) == (None, 2)


def test_power_changes_before_the_first_period_move_the_power_alone(params: Params) -> None:
    row = target_set(FRESH, params, Seconds(START - 9), up=False)
    row = state_set(row, params, Seconds(START - 5), up=False)
    assert (row.running, row.ended, row.power) == (None, None, ASLEEP)
    row = state_set(row, params, Seconds(START - 4), up=True)
    assert row.power == replace(ALWAYS_UP, target_up=False)


def test_an_account_is_found_by_its_period(params: Params) -> None:
    row = told(steady(params, END - 2), params, END + 2, 62)
    assert account_for(row, Seconds(START), Seconds(END)) == row.ended
    assert account_for(row, Seconds(END), Seconds(END + 60)) == row.running


@pytest.mark.parametrize("start", [START - 60, END + 60])
def test_a_period_that_nothing_touched_has_an_empty_account(params: Params, start: int) -> None:
    row = told(steady(params, END - 2), params, END + 2, 62)
    empty = account_for(row, Seconds(start), Seconds(start + 60))
    assert (empty.start, empty.end, empty.total) == (start, start + 60, 0)
    assert (empty.last_at, empty.slept_at, empty.wake_at) == (None, None, None)
