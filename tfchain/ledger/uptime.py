"""Uptime of a node in one period as records, and the violations that can forfeit it.

The rules that move them are `rules.uptime`; here is only what is remembered.
"""

from dataclasses import dataclass
from typing import Annotated, Final

from tfchain.base.shapes import U8, Many, Maybe, UInt
from tfchain.base.units import U64_MAX, Seconds

NONE: Final = 0
UPTIME_TOO_HIGH: Final = 1
UPTIME_TOO_LOW: Final = 2
INVALID_REBOOT: Final = 3
CLOCK_SKEW: Final = 4
MISSING_TWIN: Final = 5
MISSING_RELAY: Final = 6
INVALID_PUBLIC_KEY: Final = 7
BOOT_REQUEST_EXPIRED: Final = 8
VIOLATIONS: Final = (
    "",
    "uptime_too_high",
    "uptime_too_low",
    "invalid_reboot",
    "clock_skew",
    "missing_twin",
    "missing_relay",
    "invalid_public_key",
    "boot_request_expired",
)
"""The name of each violation; what is stored is the place in this list."""

EVIDENCE_MAX: Final = 8
"""Numbers that a violation may keep; the longest (a clock skew) keeps seven."""
SLOW_BOOTS_KEPT_MAX: Final = 255
"""Where the count of slow boots stops: two already forfeit the period."""

MaybeSeconds = Annotated[Seconds | None, Maybe(UInt(0, U64_MAX))]
Evidence = Annotated[tuple[int, ...], Many(UInt(0, U64_MAX), EVIDENCE_MAX)]


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerState:
    """What the farmerbot wants of a node, and what the node says of itself."""

    target_up: bool
    state_up: bool
    down_at: Seconds
    """Block time at which the state last went down; 0 while it is up."""


ALWAYS_UP: Final = PowerState(target_up=True, state_up=True, down_at=Seconds(0))
"""A node that no farmerbot has touched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UptimeAccount:
    """What a node has been credited for the period `start` to `end`, and what the next report needs.

    A boot is kept as the report that showed it, not as `t - uptime`: a machine that claims to have
    run since before 1970 would make that negative.
    """

    start: Seconds
    end: Seconds
    last_at: MaybeSeconds
    """Time of the last report that counted; absent before the first."""
    last_uptime: Seconds
    total: Seconds
    """Credited so far."""
    boot_seen_at: Seconds
    """Time of the report that showed the present boot ..."""
    boot_uptime: Seconds
    """... and the uptime it stated."""
    slept_at: MaybeSeconds
    """When the node went down under the farmerbot, until it woke."""
    wake_at: MaybeSeconds
    """The first wake request since, until the node woke."""
    slow_boots: U8
    violation: U8
    """The first violation, a place in `VIOLATIONS`."""
    evidence: Evidence
    """Of a report: last time, last uptime, time, uptime, block time; a clock skew adds time and
    uptime of the report that showed the boot. Of expired boot requests: their count."""

    @property
    def boot_ts(self) -> int:
        """When the node booted, by its own clock; negative if it claims more uptime than time."""
        return self.boot_seen_at - self.boot_uptime
