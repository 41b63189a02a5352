"""Who farms when, what is voted, and where it goes wrong: a story is dates, and nothing else.

Dates are those of the real network, months and contracts are as long as they were; only blocks are six
hours apart and nodes report every other day, or years would take days.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypeAlias

from tfchain.base.units import Seconds
from tfchain.ledger.records import Resources
from tfchain.ledger.state import State
from tfchain.tx.kind import Kind

GIB: Final = 1 << 30
DAY: Final = 86_400
UNMANAGED_NEW: Final = 0
FOR_EVER: Final = Seconds(1 << 40)

Wish: TypeAlias = Callable[[State, str], Kind]
"""What somebody sends, by the state of the day and his name."""


def day(text: str) -> Seconds:
    """Midnight of a day like `2018-06-01`, UTC, in seconds since 1970."""
    return Seconds(int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Farmer:
    """One person with one farm and one node, which joins on a day."""

    name: str
    joins: Seconds
    size: Resources
    pool: int = UNMANAGED_NEW
    off: tuple[tuple[Seconds, int], ...] = ()
    """From when, and how many days, the node is switched off."""
    lies: tuple[Seconds, ...] = ()
    """Days on which it says that it was up a year longer than it was."""
    sleeps: tuple[Seconds, ...] = ()
    """Days on which the farm's owner puts it to sleep, to wake it a day later."""
    ends: Seconds = FOR_EVER
    """After this it reports no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A part of somebody's node in a user's hands, who uses all of it."""

    user: str
    node: str
    """Whose."""
    size: Resources
    begins: Seconds
    ends: Seconds
    public_ips: int = 0
    """At most one: the farm has no more."""
    traffic: int = 0
    """Bytes a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Somebody sends one thing, not before its time."""

    at: Seconds
    who: str
    wish: Wish
    code: str = "ok"
    """What the ledger must answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegimeStart:
    """From when nodes register under a regime."""

    name: str
    start: Seconds
    schedule: int
    offer: str = ""
    """Lines of the table `offer`; else the figures of its time."""


LATE: Final = "late"
WITHOUT: Final = "without"
VOID: Final = "void"


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """A batch of which one guardian says another root, and another one nothing until asked."""

    schedule: int
    period: int
    ends: str = LATE
    """How: the silent one attests after all; or the guardians vote to pay it without the nodes that
    the other one names, or to void it."""
    nodes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """All of it."""

    start: Seconds
    end: Seconds
    regimes: tuple[RegimeStart, ...]
    farmers: tuple[Farmer, ...]
    acts: tuple[Act, ...]
    doubts: tuple[Doubt, ...] = ()
    leases: tuple[Lease, ...] = ()
    unmentioned: tuple[str, ...] = ()
    """What of the rules it does not come to."""

    def users(self) -> list[str]:
        """Who takes capacity and farms nothing."""
        farmers = {farmer.name for farmer in self.farmers}
        return list(dict.fromkeys(one.user for one in self.leases if one.user not in farmers))
