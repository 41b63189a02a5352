"""What a report and a wake-up credit, inside the period and after it: rules.md 2.1 as tables.

The period runs from 100,000 to 1,000,000; a node that has reported did so at 200,000, up for 5,000.
"""

from dataclasses import replace

import pytest

from tfchain.base.units import Seconds
from tfchain.ledger.uptime import (
    ALWAYS_UP,
    CLOCK_SKEW,
    INVALID_REBOOT,
    NONE,
    UPTIME_TOO_HIGH,
    UPTIME_TOO_LOW,
    PowerState,
    UptimeAccount,
)
from tfchain.rules.uptime import (
    PUBLIC_LIMITS,
    opened,
    report,
)

START, END = Seconds(100_000), Seconds(1_000_000)
FIRST_BLOCK = Seconds(100_003)
DAY = 24 * 3_600


def _fresh(power: PowerState = ALWAYS_UP) -> UptimeAccount:
    return opened(START, END, power, FIRST_BLOCK)


def _say(
    account: UptimeAccount, t: int, uptime: int, *, after: bool = False, block: int = 0
) -> UptimeAccount:
    block_time = Seconds(block or t + 6)
    return report(account, PUBLIC_LIMITS, block_time, Seconds(t), Seconds(uptime), after)


def _reported(at: int = 200_000, uptime: int = 5_000) -> UptimeAccount:
    """A node that has reported once, with nothing credited."""
    return replace(_say(_fresh(), at, uptime), total=Seconds(0))


def _asleep(slept_at: int, wake_at: int | None, *, reported: bool = True) -> UptimeAccount:
    account = _reported() if reported else _fresh()
    wake = None if wake_at is None else Seconds(wake_at)
    return replace(account, slept_at=Seconds(slept_at), wake_at=wake)


@pytest.mark.parametrize(
    ("t", "uptime", "credited"),
    [
        pytest.param(101_000, 500, 500, id="booted in the period: its uptime"),
        pytest.param(101_000, 90_000, 1_000, id="booted before: the time since the start"),
        pytest.param(150_000, 90_000, 2_460, id="late: one interval and the grace"),
        pytest.param(99_990, 90_000, 0, id="a clock before the start: nothing, and no debt"),
    ],
)
def test_the_first_report_credits(t: int, uptime: int, credited: int) -> None:
    account = _say(_fresh(), t, uptime)
    assert account.total == credited
    assert (account.last_at, account.last_uptime) == (t, uptime)
    assert account.boot_ts == t - uptime


@pytest.mark.parametrize(
    ("t", "uptime", "credited", "violation"),
    [
        pytest.param(202_400, 7_400, 2_400, NONE, id="on time"),
        pytest.param(202_400, 7_460, 2_460, NONE, id="fast by the grace"),
        pytest.param(202_400, 7_461, 0, UPTIME_TOO_HIGH, id="faster than the grace"),
        pytest.param(202_400, 7_340, 2_340, NONE, id="slow by the grace"),
        pytest.param(202_400, 7_339, 0, UPTIME_TOO_LOW, id="slower than the grace"),
        pytest.param(210_000, 15_000, 2_460, NONE, id="a gap: one interval and the grace"),
        pytest.param(202_400, 2_400, 2_400, NONE, id="rebooted right after the last report"),
        pytest.param(202_400, 10, 10, NONE, id="rebooted: its new uptime"),
        pytest.param(210_000, 4_000, 2_460, NONE, id="rebooted long ago: capped"),
        pytest.param(202_400, 2_401, 0, INVALID_REBOOT, id="a boot before the last report"),
        pytest.param(200_030, 5_000, 0, INVALID_REBOOT, id="uptime stood still within the grace"),
        pytest.param(200_030, 20, 20, NONE, id="rebooted at once"),
        pytest.param(199_000, 4_930, 0, INVALID_REBOOT, id="time ran backwards"),
        pytest.param(199_000, 5_100, 0, UPTIME_TOO_HIGH, id="backwards, and up for longer"),
    ],
)
def test_the_next_report_credits(t: int, uptime: int, credited: int, violation: int) -> None:
    account = _say(_reported(), t, uptime, block=t + 3)
    assert (account.total, account.violation) == (credited, violation)
    due = () if violation == NONE else (200_000, 5_000, t, uptime, t + 3)
    assert account.evidence == due


@pytest.mark.parametrize(
    ("t", "uptime", "moves"),
    [
        pytest.param(202_400, 7_400, True, id="a good report is what the next is measured by"),
        pytest.param(202_400, 7_461, True, id="so is one that is too high"),
        pytest.param(202_400, 7_339, False, id="one that is too low is not"),
        pytest.param(202_400, 2_401, False, id="nor an impossible reboot"),
    ],
)
def test_which_reports_are_remembered(t: int, uptime: int, moves: bool) -> None:
    account = _say(_reported(), t, uptime)
    assert account.last_at == (t if moves else 200_000)
    assert account.last_uptime == (uptime if moves else 5_000)


def test_only_a_reboot_moves_the_boot() -> None:
    straight = _say(_reported(), 202_400, 7_420)
    assert straight.boot_ts == 195_000
    assert _say(straight, 204_800, 100).boot_ts == 204_700


def test_a_clock_that_drifts_is_a_violation_and_still_credited() -> None:
    account = _reported()
    for step in range(1, 4):
        account = _say(account, 200_000 + 2_400 * step, 5_000 + 2_440 * step)
    assert (account.total, account.violation) == (3 * 2_440, CLOCK_SKEW)
    last = 200_000 + 2_400 * 2, 5_000 + 2_440 * 2
    now = 200_000 + 2_400 * 3, 5_000 + 2_440 * 3
    assert account.evidence == (*last, *now, now[0] + 6, 200_000, 5_000)


@pytest.mark.parametrize(("drift", "violation"), [(119, NONE), (120, CLOCK_SKEW)])
def test_the_skew_limit_is_itself_too_much(drift: int, violation: int) -> None:
    account = _say(_reported(), 202_400, 7_400 + 60)
    assert _say(account, 204_800, 9_800 + drift).violation == violation


def test_the_first_violation_stays() -> None:
    account = _say(_reported(), 202_400, 7_461)
    later = _say(account, 204_800, 7_500)
    assert (later.violation, later.evidence) == (UPTIME_TOO_HIGH, account.evidence)


@pytest.mark.parametrize(
    ("slept_at", "wake_at", "t", "uptime", "credited", "slow"),
    [
        pytest.param(210_000, 220_000, 221_000, 500, 11_000, 0, id="woke in time: all the sleep"),
        pytest.param(210_000, 220_000, 221_900, 100, 11_900, 0, id="half an hour to boot is fine"),
        pytest.param(210_000, 220_000, 221_901, 100, 0, 1, id="a second more is a slow boot"),
        pytest.param(210_000, 296_000, 210_000 + DAY, 10, DAY, 0, id="slept for a day"),
        pytest.param(210_000, 295_000, 210_001 + DAY, 10, 0, 0, id="a second more pays nothing"),
        pytest.param(210_000, 220_000, 210_001 + DAY, 10, 0, 1, id="both: slow and unpaid"),
        pytest.param(95_000, 120_000, 121_000, 500, 21_000, 0, id="slept from before the start"),
        pytest.param(30_000, 120_000, 121_000, 500, 0, 0, id="too long, counted from its start"),
    ],
)
def test_a_wake_up_credits(
    slept_at: int, wake_at: int, t: int, uptime: int, credited: int, slow: int
) -> None:
    account = _say(_asleep(slept_at, wake_at, reported=slept_at > 100_000), t, uptime)
    assert (account.total, account.slow_boots) == (credited, slow)
    assert (account.slept_at, account.wake_at) == (None, None)
    assert (account.last_at, account.last_uptime) == (t, uptime)
    assert account.boot_ts == t - uptime


@pytest.mark.parametrize(
    ("account", "t", "uptime"),
    [
        pytest.param(_asleep(210_000, 220_000), 221_000, 11_000, id="booted before it slept"),
        pytest.param(_asleep(210_000, None), 221_000, 500, id="woke unasked"),
        pytest.param(
            replace(_reported(), wake_at=Seconds(210_000)), 221_000, 500, id="asked, not asleep"
        ),
    ],
)
def test_a_report_is_ignored(account: UptimeAccount, t: int, uptime: int) -> None:
    assert _say(account, t, uptime) is account


def test_slow_boots_stop_counting_where_the_record_ends() -> None:
    account = replace(_asleep(210_000, 220_000), slow_boots=255)
    assert _say(account, 230_000, 10).slow_boots == 255


@pytest.mark.parametrize(
    ("t", "uptime", "credited", "violation"),
    [
        pytest.param(1_001_000, 801_000 + 5_000, 2_460, NONE, id="a gap: capped"),
        pytest.param(1_001_000, 1_000, 0, NONE, id="rebooted at the end: nothing"),
        pytest.param(1_001_000, 600, 0, NONE, id="rebooted after it: nothing, and no debt"),
        pytest.param(1_001_000, 1_400, 400, NONE, id="rebooted before: the part inside"),
        pytest.param(1_001_000, 9_000, 2_460, NONE, id="rebooted long before: capped"),
        pytest.param(1_001_000, 900_000, 0, UPTIME_TOO_HIGH, id="too high"),
        pytest.param(1_001_000, 801_500, 0, UPTIME_TOO_LOW, id="too low"),
    ],
)
def test_the_first_report_after_the_end_credits(
    t: int, uptime: int, credited: int, violation: int
) -> None:
    account = _say(_reported(), t, uptime, after=True)
    assert (account.total, account.violation) == (credited, violation)


@pytest.mark.parametrize(
    ("t", "uptime", "credited", "violation"),
    [
        pytest.param(1_000_900, 6_900, 1_000, NONE, id="what was left, not what was gained"),
        pytest.param(1_000_900, 4_999, 0, INVALID_REBOOT, id="an impossible reboot"),
    ],
)
def test_a_last_report_near_the_end(t: int, uptime: int, credited: int, violation: int) -> None:
    account = _say(_reported(at=999_000), t, uptime, after=True)
    assert (account.total, account.violation) == (credited, violation)


def test_an_impossible_reboot_after_the_end_keeps_the_first_violation() -> None:
    account = replace(_reported(at=999_000), violation=CLOCK_SKEW, evidence=(1,))
    assert _say(account, 1_000_900, 4_999, after=True) == account


def test_a_reboot_told_after_the_end_by_a_slow_clock_earns_its_uptime() -> None:
    assert _say(_reported(), 999_000, 300, after=True).total == 300


def test_only_one_report_after_the_end_counts() -> None:
    account = _say(_reported(), 1_001_000, 806_000, after=True)
    assert _say(account, 1_003_400, 808_400, after=True) is account
    at_the_end = _reported(at=1_000_000)
    assert _say(at_the_end, 1_001_000, 6_000, after=True) is at_the_end


def test_a_node_that_was_silent_all_period_gets_nothing_after_it() -> None:
    silent = _fresh()
    assert _say(silent, 1_001_000, 900_000, after=True) is silent


@pytest.mark.parametrize(
    ("slept_at", "wake_at", "t", "uptime", "credited", "slow"),
    [
        pytest.param(990_000, 1_000_500, 1_001_000, 100, 10_000, 0, id="the sleep before the end"),
        pytest.param(990_000, 995_000, 1_001_000, 100, 0, 1, id="asked long ago: slow"),
        pytest.param(940_000, 1_030_000, 940_001 + DAY, 100, 0, 0, id="slept more than a day"),
        pytest.param(1_000_100, 1_000_500, 1_001_000, 100, 0, 0, id="fell asleep after the end"),
        pytest.param(999_000, 1_000_500, 1_001_000, 50_000, 1_000, 0, id="a boot before the sleep"),
    ],
)
def test_a_wake_up_after_the_end_credits(
    slept_at: int, wake_at: int, t: int, uptime: int, credited: int, slow: int
) -> None:
    account = _say(_asleep(slept_at, wake_at), t, uptime, after=True)
    assert (account.total, account.slow_boots) == (credited, slow)
    assert (account.slept_at, account.wake_at) == (None, None)
    assert account.last_at == t


def test_a_wake_up_after_the_end_needs_no_report_inside() -> None:
    account = _say(_asleep(990_000, 1_000_500, reported=False), 1_001_000, 100, after=True)
    assert account.total == 10_000


def test_a_second_wake_up_after_the_end_is_ignored() -> None:
    account = replace(_asleep(1_000_500, 1_000_600), last_at=Seconds(1_000_001))
    assert _say(account, 1_001_000, 100, after=True) is account
    at_the_end = replace(account, last_at=END)
    assert _say(at_the_end, 1_001_000, 100, after=True).slept_at is None


@pytest.mark.parametrize("mark", ["slept_at", "wake_at"])
def test_one_mark_alone_is_ignored_after_the_end(mark: str) -> None:
    account = _asleep(990_000, 995_000)
    lonely = (
        replace(account, wake_at=None) if mark == "slept_at" else replace(account, slept_at=None)
    )
    assert _say(lonely, 1_001_000, 100, after=True) is lonely
