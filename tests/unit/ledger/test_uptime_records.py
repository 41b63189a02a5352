"""Uptime records go to bytes and come back, whatever a hostile report put into them."""

import pytest

from tfchain.base.shapes import decode_record, encode_record
from tfchain.base.units import U64_MAX, Seconds
from tfchain.errors import Malformed
from tfchain.ledger.uptime import (
    ALWAYS_UP,
    BOOT_REQUEST_EXPIRED,
    CLOCK_SKEW,
    EVIDENCE_MAX,
    INVALID_PUBLIC_KEY,
    INVALID_REBOOT,
    MISSING_RELAY,
    MISSING_TWIN,
    NONE,
    UPTIME_TOO_HIGH,
    UPTIME_TOO_LOW,
    VIOLATIONS,
    PowerState,
    UptimeAccount,
)


def _account(*, boot_seen_at: int = 0, boot_uptime: int = 0) -> UptimeAccount:
    return UptimeAccount(
        start=Seconds(10),
        end=Seconds(20),
        last_at=None,
        last_uptime=Seconds(0),
        total=Seconds(U64_MAX),
        boot_seen_at=Seconds(boot_seen_at),
        boot_uptime=Seconds(boot_uptime),
        slept_at=Seconds(7),
        wake_at=None,
        slow_boots=255,
        violation=CLOCK_SKEW,
        evidence=(U64_MAX,) * EVIDENCE_MAX,
    )


def test_an_account_comes_back_from_its_bytes() -> None:
    account = _account()
    assert decode_record(UptimeAccount, encode_record(account)) == account


def test_a_power_state_comes_back_from_its_bytes() -> None:
    power = PowerState(target_up=True, state_up=False, down_at=Seconds(9))
    assert decode_record(PowerState, encode_record(power)) == power
    assert ALWAYS_UP.state_up and ALWAYS_UP.target_up


def test_a_boot_before_1970_still_has_bytes() -> None:
    account = _account(boot_seen_at=5, boot_uptime=U64_MAX)
    assert account.boot_ts == 5 - U64_MAX
    assert decode_record(UptimeAccount, encode_record(account)) == account


def test_bytes_cut_short_are_malformed() -> None:
    with pytest.raises(Malformed):
        decode_record(UptimeAccount, encode_record(_account())[:-1])


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (NONE, ""),
        (UPTIME_TOO_HIGH, "uptime_too_high"),
        (UPTIME_TOO_LOW, "uptime_too_low"),
        (INVALID_REBOOT, "invalid_reboot"),
        (CLOCK_SKEW, "clock_skew"),
        (MISSING_TWIN, "missing_twin"),
        (MISSING_RELAY, "missing_relay"),
        (INVALID_PUBLIC_KEY, "invalid_public_key"),
        (BOOT_REQUEST_EXPIRED, "boot_request_expired"),
    ],
)
def test_every_violation_has_its_name(code: int, name: str) -> None:
    assert VIOLATIONS[code] == name
