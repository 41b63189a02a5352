"""Uptime of one node in one period, an event at a time: the path for whatever is not regular.

Written from rules.md 2.1 in plain integers. `columns.regular` gives the same answer at once for all
nodes that did nothing but report on time.
"""

from dataclasses import dataclass

from tfchain.ledger.gaps import GAPS_MAX
from tfchain.ledger.params import UptimeRow
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
)

SLOW_BOOTS_TOLERATED = 1
PUBLIC_KEY_BYTES = 33
"""A compressed secp256k1 key, which is what twins encrypt to."""


@dataclass(frozen=True, slots=True)
class Report:
    """A node's own word: `t`, `uptime`, and the time of the block that it came in."""

    t: int
    uptime: int
    block: int

    @property
    def booted(self) -> int:
        """When the machine started by this report; negative for a claim from before 1970."""
        return self.t - self.uptime


@dataclass(frozen=True, slots=True)
class Identity:
    """What of a node's twin is looked at when the period closes."""

    relay: str
    public_key: bytes


@dataclass(slots=True, kw_only=True)
class Tally:
    """What is known of a node while its period is gone through."""

    start: int
    end: int
    last: Report | None = None
    total: int = 0
    boot: Report | None = None
    """The report that showed the present boot."""
    slept_at: int | None = None
    wake_at: int | None = None
    slow_boots: int = 0
    violation: int = NONE
    evidence: tuple[int, ...] = ()
    gaps: tuple[tuple[int, int], ...] = ()
    """When no block was made, oldest first (P4)."""

    def blame(self, violation: int, evidence: tuple[int, ...]) -> None:
        """The first violation stays."""
        if self.violation == NONE:
            self.violation, self.evidence = violation, evidence

    def woken(self, report: Report, credit: int) -> None:
        """Awake again: credited so much, the clock starts anew."""
        self.slept_at = self.wake_at = None
        self.total += credit
        self.last = self.boot = report

    def slow_boot(self) -> None:
        """One more wake request that took too long."""
        self.slow_boots = min(self.slow_boots + 1, SLOW_BOOTS_KEPT_MAX)


def reported(tally: Tally, limits: UptimeRow, report: Report) -> None:
    """A report, before the period's end or after it."""
    if tally.slept_at is not None and tally.wake_at is not None:
        _wake(tally, limits, report, tally.slept_at, tally.wake_at)
    elif tally.slept_at is not None or tally.wake_at is not None:
        return
    elif tally.last is not None and tally.boot is not None:
        _compare(tally, limits, report, tally.last, tally.boot)
    elif report.t < tally.end:
        cap = limits.report_interval + limits.grace
        tally.total = min(report.t - tally.start, report.uptime, cap)
        tally.last = tally.boot = report


def asked_to_wake(tally: Tally, block: int) -> None:
    """The target goes up while the node is down.

    An account that a report opened before its time takes the wish as one from its start.
    """
    if tally.wake_at is None:
        tally.wake_at = max(block, tally.start)


def fell_asleep(tally: Tally, limits: UptimeRow, block: int) -> None:
    """The node goes down as the farmerbot asked; what it was up since its last report is credited.

    Never below 0 (P2), and no more than the chain allows without a wake-up (P19).
    """
    if tally.slept_at is not None:
        return
    tally.slept_at = block
    if tally.last is not None and block < tally.end:
        since = max(block - tally.last.t, 0)
        tally.total += min(since, limits.sleep_credit_max)
        tally.last = Report(block, 0, block)


def close(tally: Tally, identity: Identity | None, pardoned: int) -> None:
    """The verdict. A wake request of the time `pardoned` was there before the period was."""
    asked = tally.wake_at
    if asked is not None and asked != pardoned and asked <= tally.end:
        tally.slow_boot()
    if tally.slow_boots > SLOW_BOOTS_TOLERATED:
        tally.blame(BOOT_REQUEST_EXPIRED, (tally.slow_boots,))
    if tally.total > 0:
        _judge_identity(tally, identity)


def _judge_identity(tally: Tally, identity: Identity | None) -> None:
    if identity is None:
        tally.blame(MISSING_TWIN, ())
    elif not identity.relay:
        tally.blame(MISSING_RELAY, ())
    elif identity.public_key and len(identity.public_key) != PUBLIC_KEY_BYTES:
        tally.blame(INVALID_PUBLIC_KEY, ())


def _wake(tally: Tally, limits: UptimeRow, report: Report, slept: int, asked: int) -> None:
    inside = report.t < tally.end
    if inside and report.booted <= slept:
        return
    if not inside and tally.last is not None and tally.last.t > tally.end:
        return
    slow = report.booted - asked > limits.boot_max
    if slow:
        tally.slow_boot()
    if slow or report.t - slept > limits.sleep_max:
        tally.woken(report, 0)
    else:
        tally.woken(report, max(min(report.t, tally.end) - max(tally.start, slept), 0))


def _still(tally: Tally, last: Report, report: Report) -> int:
    """Seconds between two reports in which none could be made, of the gaps known by then."""
    known = [gap for gap in tally.gaps if gap[1] <= report.block][-GAPS_MAX:]
    upto = min(report.t, tally.end)
    inside = [min(upto, until) - max(last.t, since) for since, until in known]
    return sum(seconds for seconds in inside if seconds > 0)


def _compare(tally: Tally, limits: UptimeRow, report: Report, last: Report, boot: Report) -> None:
    """A report against the one before it (rules.md 2.1, step 4)."""
    inside = report.t < tally.end
    if not inside and last.t >= tally.end:
        return
    cap = limits.report_interval + limits.grace
    passed, ran = report.t - last.t, report.uptime - last.uptime
    seen = (last.t, last.uptime, report.t, report.uptime, report.block)
    if ran > passed + limits.grace:
        tally.blame(UPTIME_TOO_HIGH, seen)
        tally.last = report
        return
    if abs(ran - passed) <= limits.grace:
        if abs(report.booted - boot.booted) >= limits.skew:
            tally.blame(CLOCK_SKEW, (*seen, boot.t, boot.uptime))
        if ran > 0:
            due = ran if inside else tally.end - last.t
            tally.total += min(due, cap + _still(tally, last, report))
            tally.last = report
            return
    if report.uptime <= passed:
        up = report.uptime if inside else max(report.uptime - (report.t - tally.end), 0)
        tally.total += min(up, cap)
        tally.last = tally.boot = report
    else:
        tally.blame(UPTIME_TOO_LOW if ran > 0 else INVALID_REBOOT, seen)
