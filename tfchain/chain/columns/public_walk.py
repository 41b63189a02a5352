"""Uptime of one node of the public chain, a row at a time: the path for whatever is not regular.

Written from rules.md 2.1 in plain integers, of any size. `columns.public_uptime` gives the same
answer at once for all nodes that reported and were not touched by a farmerbot.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from tfchain.chain.columns.public_rows import (
    AFTER,
    REPORT,
    STATE_DOWN,
    STATE_UP,
    TARGET_DOWN,
    TARGET_UP,
    Row,
)
from tfchain.ledger.uptime import (
    CLOCK_SKEW,
    INVALID_REBOOT,
    NONE,
    SLOW_BOOTS_KEPT_MAX,
    UPTIME_TOO_HIGH,
    UPTIME_TOO_LOW,
)

GRACE: Final = 60
SKEW: Final = 120
CAP: Final = 2_460
"""Most that a report credits: the interval of 40 minutes, and the grace."""
SLEEP_MAX: Final = 86_400
BOOT_MAX: Final = 1_800


@dataclass(slots=True, kw_only=True)
class Walk:
    """What is known of a node while its rows are gone through."""

    start: int
    end: int
    up: bool = True
    wanted_up: bool = True
    slept_at: int | None = None
    wake_at: int | None = None
    last: int | None = None
    """Time of the last report that counted."""
    ran: int = 0
    """The uptime that it told."""
    booted: int = 0
    total: int = 0
    slow_boots: int = 0
    violation: int = NONE

    def go(self, rows: Iterable[Row]) -> None:
        """All rows of the node, in order."""
        for kind, time, uptime in rows:
            after = kind >= AFTER
            what = kind - AFTER if after else kind
            if what != REPORT:
                self._powered(what, time, after=after)
            elif self.slept_at is None and self.wake_at is None:
                self._reported(time, uptime, after=after)
            elif self.slept_at is not None and self.wake_at is not None:
                self._woke(time, uptime, self.slept_at, self.wake_at, after=after)

    def _reported(self, time: int, uptime: int, *, after: bool) -> None:
        last = self.last
        if last is None:
            if not after:
                self._count(time, uptime, min(max(time - self.start, 0), uptime, CAP))
                self.booted = time - uptime
            return
        if after and last >= self.end:
            return
        passed, gained = max(time - last, 0), uptime - self.ran
        if gained > passed + GRACE:
            self._blame(UPTIME_TOO_HIGH)
            self._count(time, uptime, 0)
            return
        if passed - gained <= GRACE:
            if abs(time - uptime - self.booted) >= SKEW:
                self._blame(CLOCK_SKEW)
            if gained > 0:
                self._count(time, uptime, min(self.end - last if after else gained, CAP))
                return
        if uptime <= passed:
            outside = max(time - self.end, 0) if after else 0
            self._count(time, uptime, min(max(uptime - outside, 0), CAP))
            self.booted = time - uptime
        else:
            self._blame(UPTIME_TOO_LOW if gained > 0 else INVALID_REBOOT)

    def _powered(self, what: int, time: int, *, after: bool) -> None:
        if what == TARGET_UP:
            if not self.up and self.wake_at is None:
                self.wake_at = time
            self.wanted_up = True
        elif what == TARGET_DOWN:
            self.wanted_up = False
        elif what == STATE_UP:
            self.up = True
        else:
            assert what == STATE_DOWN, what
            if self.up and not self.wanted_up and self.slept_at is None:
                self._slept(time, after=after)
            self.up = False

    def _slept(self, time: int, *, after: bool) -> None:
        """What it was up since its last report is credited, unless the period is over."""
        self.slept_at = time
        if self.last is not None and not after:
            self._count(time, 0, max(time - self.last, 0))

    def _woke(self, time: int, uptime: int, slept: int, asked: int, *, after: bool) -> None:
        if after and self.last is not None and self.last > self.end:
            return
        booted = time - uptime
        if not after and booted <= slept:
            return  # told before it went down
        slow = booted - asked > BOOT_MAX
        if slow:
            self.slow_boots = min(self.slow_boots + 1, SLOW_BOOTS_KEPT_MAX)
        refused = slow or time - slept > SLEEP_MAX
        until = self.end if after else time
        self._count(time, uptime, 0 if refused else max(until - max(self.start, slept), 0))
        self.booted = booted
        self.slept_at = self.wake_at = None

    def _count(self, time: int, uptime: int, credit: int) -> None:
        self.last, self.ran = time, uptime
        self.total += credit

    def _blame(self, violation: int) -> None:
        """The first violation stays."""
        if self.violation == NONE:
            self.violation = violation
