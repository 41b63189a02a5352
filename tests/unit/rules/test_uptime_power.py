"""Naps, wake requests, how an account opens and closes, and what a twin lacks (rules.md 2.1).

The period runs from 100,000 to 1,000,000; a node that has reported did so at 200,000, up for 5,000.
"""

from dataclasses import replace

import pytest

from tfchain.base.units import Seconds
from tfchain.ledger.uptime import (
    ALWAYS_UP,
    BOOT_REQUEST_EXPIRED,
    CLOCK_SKEW,
    INVALID_PUBLIC_KEY,
    MISSING_RELAY,
    MISSING_TWIN,
    NONE,
    PowerState,
    UptimeAccount,
)
from tfchain.rules.uptime import (
    PUBLIC_LIMITS,
    UptimeLimits,
    closed,
    judged,
    opened,
    power_state,
    power_target,
    report,
)

START, END = Seconds(100_000), Seconds(1_000_000)
FIRST_BLOCK = Seconds(100_003)
DAY = 24 * 3_600


def _fresh(power: PowerState = ALWAYS_UP) -> UptimeAccount:
    return opened(START, END, power, FIRST_BLOCK)


def _reported() -> UptimeAccount:
    """A node that has reported once, with nothing credited."""
    t = Seconds(200_000)
    account = report(_fresh(), PUBLIC_LIMITS, t, t, Seconds(5_000), after=False)
    return replace(account, total=Seconds(0))


def _asleep(slept_at: int, wake_at: int | None) -> UptimeAccount:
    wake = None if wake_at is None else Seconds(wake_at)
    return replace(_reported(), slept_at=Seconds(slept_at), wake_at=wake)


UP_WANTED_DOWN = PowerState(target_up=False, state_up=True, down_at=Seconds(0))
DOWN = PowerState(target_up=False, state_up=False, down_at=Seconds(90_000))
DOWN_WANTED_UP = replace(DOWN, target_up=True)


@pytest.mark.parametrize(
    ("power", "slept_at", "wake_at"),
    [
        pytest.param(ALWAYS_UP, None, None, id="up"),
        pytest.param(UP_WANTED_DOWN, None, None, id="up, wanted down"),
        pytest.param(DOWN, 90_000, None, id="down: asleep since it went"),
        pytest.param(DOWN_WANTED_UP, 90_000, FIRST_BLOCK, id="down, wanted up: asked at the start"),
    ],
)
def test_a_period_opens(power: PowerState, slept_at: int | None, wake_at: int | None) -> None:
    account = _fresh(power)
    assert (account.slept_at, account.wake_at) == (slept_at, wake_at)
    assert (account.start, account.end, account.total, account.last_at) == (START, END, 0, None)


@pytest.mark.parametrize(
    ("power", "up", "wake_at"),
    [
        pytest.param(DOWN, True, 300_000, id="a wake request"),
        pytest.param(DOWN, False, None, id="still to be down"),
        pytest.param(ALWAYS_UP, True, None, id="up already"),
    ],
)
def test_a_target_changes(power: PowerState, up: bool, wake_at: int | None) -> None:
    account, moved = power_target(_reported(), power, Seconds(300_000), up)
    assert account.wake_at == wake_at
    assert moved == replace(power, target_up=up)


def test_only_the_first_wake_request_counts() -> None:
    account, power = power_target(_reported(), DOWN, Seconds(300_000), up=True)
    assert power_target(account, power, Seconds(300_100), up=True) == (account, power)


LEDGER_LIMITS = UptimeLimits(
    grace=Seconds(60),
    skew=Seconds(120),
    report_cap=Seconds(2_460),
    sleep_max=Seconds(DAY),
    boot_max=Seconds(1_800),
    sleep_credit_max=Seconds(2_460),
)


@pytest.mark.parametrize(
    ("limits", "block", "credited"),
    [
        pytest.param(PUBLIC_LIMITS, 201_000, 1_000, id="the time since the last report"),
        pytest.param(PUBLIC_LIMITS, 300_000, 100_000, id="all of it by the public rule"),
        pytest.param(LEDGER_LIMITS, 300_000, 2_460, id="one interval and the grace on a ledger"),
        pytest.param(LEDGER_LIMITS, 201_000, 1_000, id="less where it is less"),
        pytest.param(PUBLIC_LIMITS, 199_999, 0, id="a block before the report: no debt"),
    ],
)
def test_going_to_sleep_credits(limits: UptimeLimits, block: int, credited: int) -> None:
    account, power = power_state(
        _reported(), UP_WANTED_DOWN, limits, Seconds(block), up=False, after=False
    )
    assert (account.total, account.slept_at) == (credited, block)
    assert (account.last_at, account.last_uptime) == (block, 0)
    assert power == PowerState(target_up=False, state_up=False, down_at=Seconds(block))


def test_going_to_sleep_without_a_report_credits_nothing() -> None:
    account, _ = power_state(
        _fresh(), UP_WANTED_DOWN, PUBLIC_LIMITS, Seconds(300_000), up=False, after=False
    )
    assert (account.total, account.slept_at, account.last_at) == (0, 300_000, None)


def test_going_to_sleep_after_the_end_credits_nothing() -> None:
    account, power = power_state(
        _reported(), UP_WANTED_DOWN, PUBLIC_LIMITS, Seconds(1_000_500), up=False, after=True
    )
    assert (account.total, account.slept_at, account.last_at) == (0, 1_000_500, 200_000)
    assert power.down_at == 1_000_500


def test_the_power_moves_the_same_for_both_accounts() -> None:
    change = UP_WANTED_DOWN, PUBLIC_LIMITS, Seconds(1_000_500)
    running = power_state(_fresh(), *change, up=False, after=False)
    ended = power_state(_reported(), *change, up=False, after=True)
    assert running[1] == ended[1]


@pytest.mark.parametrize(
    ("power", "up", "moved"),
    [
        pytest.param(
            ALWAYS_UP,
            False,
            PowerState(target_up=True, state_up=False, down_at=Seconds(300_000)),
            id="down on its own: known to be down, not asleep",
        ),
        pytest.param(DOWN, False, DOWN, id="down already: since when it went"),
        pytest.param(DOWN_WANTED_UP, True, ALWAYS_UP, id="up again"),
        pytest.param(ALWAYS_UP, True, ALWAYS_UP, id="up already"),
    ],
)
def test_a_state_changes_without_a_nap(power: PowerState, up: bool, moved: PowerState) -> None:
    account = _reported()
    after = power_state(account, power, PUBLIC_LIMITS, Seconds(300_000), up, after=False)
    assert after == (account, moved)


def test_a_second_nap_without_a_report_between_keeps_the_first() -> None:
    account = _asleep(210_000, None)
    napping, _ = power_state(
        account, UP_WANTED_DOWN, PUBLIC_LIMITS, Seconds(300_000), up=False, after=False
    )
    assert napping is account


@pytest.mark.parametrize(
    ("wake_at", "slow_before", "slow", "violation"),
    [
        pytest.param(None, 0, 0, NONE, id="no request open"),
        pytest.param(None, 1, 1, NONE, id="one slow boot is tolerated"),
        pytest.param(None, 2, 2, BOOT_REQUEST_EXPIRED, id="two are not"),
        pytest.param(500_000, 1, 2, BOOT_REQUEST_EXPIRED, id="an open request is one more"),
        pytest.param(1_000_000, 1, 2, BOOT_REQUEST_EXPIRED, id="also one at the very end"),
        pytest.param(1_000_001, 1, 1, NONE, id="one after the end is the next period's"),
        pytest.param(100_003, 1, 1, NONE, id="one open since the first block: a dead node"),
    ],
)
def test_an_account_closes(
    wake_at: int | None, slow_before: int, slow: int, violation: int
) -> None:
    account = replace(_asleep(210_000, wake_at), slow_boots=slow_before)
    account = closed(account, FIRST_BLOCK, PUBLIC_LIMITS)
    assert (account.slow_boots, account.violation) == (slow, violation)
    assert account.evidence == ((slow,) if violation else ())


def test_expired_boot_requests_do_not_hide_an_earlier_violation() -> None:
    account = replace(_asleep(1, 500_000), slow_boots=4, violation=CLOCK_SKEW, evidence=(1,))
    account = closed(account, FIRST_BLOCK, PUBLIC_LIMITS)
    assert (account.slow_boots, account.violation, account.evidence) == (5, CLOCK_SKEW, (1,))


@pytest.mark.parametrize(
    ("twin", "relay", "key", "violation"),
    [
        pytest.param(True, "relay.grid.tf", bytes(33), NONE, id="all there"),
        pytest.param(True, "relay.grid.tf", None, NONE, id="no key is fine"),
        pytest.param(False, "relay.grid.tf", None, MISSING_TWIN, id="no twin"),
        pytest.param(True, None, bytes(33), MISSING_RELAY, id="no relay"),
        pytest.param(True, "", bytes(32), MISSING_RELAY, id="an empty relay, and a short key"),
        pytest.param(True, "r", bytes(32), INVALID_PUBLIC_KEY, id="a short key"),
        pytest.param(True, "r", b"", INVALID_PUBLIC_KEY, id="an empty key"),
    ],
)
def test_a_twin_is_judged(twin: bool, relay: str | None, key: bytes | None, violation: int) -> None:
    account = replace(_reported(), total=Seconds(1))
    assert judged(account, twin, relay, key) == replace(account, violation=violation)


def test_a_node_without_uptime_is_not_judged() -> None:
    assert judged(_fresh(), twin_exists=False, relay=None, public_key=None) == _fresh()


def test_what_the_node_did_comes_before_what_its_twin_lacks() -> None:
    account = replace(_reported(), total=Seconds(1), violation=CLOCK_SKEW, evidence=(1,))
    assert judged(account, twin_exists=False, relay=None, public_key=None) == account
