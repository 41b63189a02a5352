"""Uptime of a node in a period: one account, moved by reports and power changes (rules.md 2.1).

The same functions serve while the period runs and after it (`after`), when only what straddles its
end is settled. They are total: times may run backwards and uptimes may be absurd, differences never
go below 0 (P2) and nothing is credited for them.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

from tfchain.base.shapes import changed, changing
from tfchain.base.units import Seconds
from tfchain.ledger.uptime import (
    BOOT_REQUEST_EXPIRED,
    CLOCK_SKEW,
    INVALID_PUBLIC_KEY,
    INVALID_REBOOT,
    MISSING_RELAY,
    MISSING_TWIN,
    NONE,
    SLOW_BOOTS_KEPT_MAX,
    UPTIME_TOO_HIGH,
    UPTIME_TOO_LOW,
    PowerState,
    UptimeAccount,
)

SLOW_BOOTS_MAX: Final = 1
"""Slow boots that a period forgives."""
PUBLIC_KEY_BYTES = 33
"""A compressed secp256k1 key, as twins publish it for the relay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UptimeLimits:
    """The constants of rules.md 2.1; on a ledger they come from its genesis (P1)."""

    grace: Seconds
    skew: Seconds
    report_cap: Seconds
    """Most that one report credits: the report interval and the grace."""
    sleep_max: Seconds
    boot_max: Seconds
    slow_boots_max: int = SLOW_BOOTS_MAX
    sleep_credit_max: Seconds | None = None
    """Most that going to sleep credits (P19); none: the public rule, without a cap."""
    gaps: tuple[tuple[int, int], ...] = ()
    """Times in which the chain stood still (P4); none: the public rule, which knows of none."""


PUBLIC_LIMITS = UptimeLimits(
    grace=Seconds(60),
    skew=Seconds(120),
    report_cap=Seconds(2_460),
    sleep_max=Seconds(24 * 3_600),
    boot_max=Seconds(30 * 60),
)
"""What the public program pays by."""


class _Report(NamedTuple):
    """A report beside the last one that counted."""

    block_time: Seconds
    t: Seconds
    uptime: Seconds
    after: bool
    elapsed: int
    """Since the last report, by the reports' own times."""
    gained: int
    """Uptime since the last report; negative after a reboot."""


def opened(start: Seconds, end: Seconds, power: PowerState, wake_from: Seconds) -> UptimeAccount:
    """The account of a period that starts now. `wake_from`: the time of its first block."""
    asleep = not power.state_up
    return UptimeAccount(
        start=start,
        end=end,
        last_at=None,
        last_uptime=Seconds(0),
        total=Seconds(0),
        boot_seen_at=Seconds(0),
        boot_uptime=Seconds(0),
        slept_at=power.down_at if asleep else None,
        wake_at=wake_from if asleep and power.target_up else None,
        slow_boots=0,
        violation=NONE,
        evidence=(),
    )


def report(
    account: UptimeAccount,
    limits: UptimeLimits,
    block_time: Seconds,
    t: Seconds,
    uptime: Seconds,
    after: bool,
) -> UptimeAccount:
    """The account after the node said, at its time `t`, that it is up for `uptime` seconds."""
    if account.slept_at is not None and account.wake_at is not None:
        return _woken(account, limits, t, uptime, after)
    if account.slept_at is not None or account.wake_at is not None:
        return account
    if account.last_at is None:
        return account if after else _first(account, limits, t, uptime)
    if after and account.last_at >= account.end:
        return account
    elapsed, gained = max(0, t - account.last_at), uptime - account.last_uptime
    return _next(account, limits, _Report(block_time, t, uptime, after, elapsed, gained))


def power_target(
    account: UptimeAccount, power: PowerState, block_time: Seconds, up: bool
) -> tuple[UptimeAccount, PowerState]:
    """The account and the power after the farmerbot asked the node to be up or down.

    The new power depends on the old one alone: where two periods' accounts take the same change,
    give both the old power and keep either answer.
    """
    if up and not power.state_up and account.wake_at is None:
        account = changed(account, wake_at=block_time)
    return account, changed(power, target_up=up)


def power_state(
    account: UptimeAccount,
    power: PowerState,
    limits: UptimeLimits,
    block_time: Seconds,
    up: bool,
    after: bool,
) -> tuple[UptimeAccount, PowerState]:
    """The account and the power after the node said that it goes down, or is up again.

    The new power depends on the old one alone, as with `power_target`.
    """
    goes_down = power.state_up and not up
    if goes_down and not power.target_up and account.slept_at is None:
        account = _asleep(account, limits, block_time, after)
    if goes_down:
        return account, changed(power, state_up=False, down_at=block_time)
    if up:
        return account, changed(power, state_up=True, down_at=Seconds(0))
    return account, power


def closed(account: UptimeAccount, first_block: Seconds, limits: UptimeLimits) -> UptimeAccount:
    """The account when its post window is over. `first_block`: time of the period's first block.

    A wake request still open is a slow boot, unless it stood since the period's first block (a
    machine that is just dead) or came after the end (the next period's business).
    """
    wake_at = account.wake_at
    if wake_at is not None and wake_at != first_block and wake_at <= account.end:
        account = _slow_boot(account)
    if account.slow_boots > limits.slow_boots_max:
        return _violated(account, BOOT_REQUEST_EXPIRED, (account.slow_boots,))
    return account


def judged(
    account: UptimeAccount, twin_exists: bool, relay: str | None, public_key: bytes | None
) -> UptimeAccount:
    """The account with what its twin lacks held against it; a node without uptime is let be."""
    if account.total == 0:
        return account
    if not twin_exists:
        return _violated(account, MISSING_TWIN, ())
    if not relay:
        return _violated(account, MISSING_RELAY, ())
    if public_key is not None and len(public_key) != PUBLIC_KEY_BYTES:
        return _violated(account, INVALID_PUBLIC_KEY, ())
    return account


def _first(
    account: UptimeAccount, limits: UptimeLimits, t: Seconds, uptime: Seconds
) -> UptimeAccount:
    credit = min(max(0, t - account.start), uptime, limits.report_cap)
    return _booted(_credited(account, t, uptime, credit), t, uptime)


def _next(account: UptimeAccount, limits: UptimeLimits, seen: _Report) -> UptimeAccount:
    """A report after another: too much, as expected, a reboot, or nonsense."""
    if seen.gained > seen.elapsed + limits.grace:
        account = _violated_by(account, UPTIME_TOO_HIGH, seen)
        return _credited(account, seen.t, seen.uptime, 0)
    if abs(seen.gained - seen.elapsed) <= limits.grace:
        if abs((seen.t - seen.uptime) - account.boot_ts) >= limits.skew:
            account = _violated_by(account, CLOCK_SKEW, seen)
        if seen.gained > 0:
            credit = _straight_credit(account, limits, seen)
            return _credited(account, seen.t, seen.uptime, credit)
    if seen.uptime <= seen.elapsed:
        credit = _reboot_credit(account, limits, seen)
        account = _credited(account, seen.t, seen.uptime, credit)
        return _booted(account, seen.t, seen.uptime)
    if seen.gained > 0:
        return _violated_by(account, UPTIME_TOO_LOW, seen)
    return _violated_by(account, INVALID_REBOOT, seen)


def _straight_credit(account: UptimeAccount, limits: UptimeLimits, seen: _Report) -> int:
    """After the end a normal report credits what was left of the period, not what it gained."""
    assert account.last_at is not None, "only a later report gains"
    due = account.end - account.last_at if seen.after else seen.gained
    until = account.end if seen.after else seen.t
    return min(due, limits.report_cap + _stood_still(limits, account.last_at, until))


def _stood_still(limits: UptimeLimits, since: int, until: int) -> int:
    """Seconds of a span in which no block was made: what one could not report."""
    if not limits.gaps:
        return 0
    spans = [min(until, end) - max(since, start) for start, end in limits.gaps]
    return sum(max(0, span) for span in spans)


def _reboot_credit(account: UptimeAccount, limits: UptimeLimits, seen: _Report) -> int:
    """After the end a reboot credits the part of its uptime that lies inside the period."""
    outside = max(0, seen.t - account.end) if seen.after else 0
    return min(max(0, seen.uptime - outside), limits.report_cap)


def _woken(
    account: UptimeAccount, limits: UptimeLimits, t: Seconds, uptime: Seconds, after: bool
) -> UptimeAccount:
    """A report of a node that sleeps and was asked to wake."""
    slept_at, wake_at, boot = account.slept_at, account.wake_at, t - uptime
    assert slept_at is not None, "the caller has seen both marks"
    assert wake_at is not None, "the caller has seen both marks"
    if after and account.last_at is not None and account.last_at > account.end:
        return account
    if not after and boot <= slept_at:
        return account  # sent before it went down: it has not slept yet
    is_slow = boot - wake_at > limits.boot_max
    refused = is_slow or t - slept_at > limits.sleep_max
    credit = 0 if refused else _sleep_credit(account, slept_at, t, after)
    account = changed(account, slept_at=None, wake_at=None)
    account = _slow_boot(account) if is_slow else account
    return _booted(_credited(account, t, uptime, credit), t, uptime)


def _sleep_credit(account: UptimeAccount, slept_at: Seconds, t: Seconds, after: bool) -> int:
    """The part of a sleep that lies in the period."""
    until = account.end if after else t
    return max(0, until - max(account.start, slept_at))


def _asleep(
    account: UptimeAccount, limits: UptimeLimits, block_time: Seconds, after: bool
) -> UptimeAccount:
    """Going to sleep credits the time since the last report, unless the period is over."""
    account = changed(account, slept_at=block_time)
    if after or account.last_at is None:
        return account
    credit = max(0, block_time - account.last_at)
    if limits.sleep_credit_max is not None:
        credit = min(credit, limits.sleep_credit_max)
    return _credited(account, block_time, Seconds(0), credit)


def _credited(account: UptimeAccount, t: Seconds, uptime: Seconds, credit: int) -> UptimeAccount:
    total = Seconds(account.total + credit)
    return _CREDIT(account, t, uptime, total)


_CREDIT: Final = changing(UptimeAccount, "last_at", "last_uptime", "total")


def _booted(account: UptimeAccount, t: Seconds, uptime: Seconds) -> UptimeAccount:
    return changed(account, boot_seen_at=t, boot_uptime=uptime)


def _slow_boot(account: UptimeAccount) -> UptimeAccount:
    return changed(account, slow_boots=min(account.slow_boots + 1, SLOW_BOOTS_KEPT_MAX))


def _violated_by(account: UptimeAccount, violation: int, seen: _Report) -> UptimeAccount:
    assert account.last_at is not None, "a first report violates nothing"
    reports = (account.last_at, account.last_uptime, seen.t, seen.uptime, seen.block_time)
    boot = (account.boot_seen_at, account.boot_uptime) if violation == CLOCK_SKEW else ()
    return _violated(account, violation, reports + boot)


def _violated(account: UptimeAccount, violation: int, evidence: tuple[int, ...]) -> UptimeAccount:
    """The first violation stays, with its evidence."""
    if account.violation != NONE:
        return account
    return changed(account, violation=violation, evidence=evidence)
