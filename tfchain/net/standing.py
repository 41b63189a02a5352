"""What we hold against each peer: failed calls, bans, and one line that says why.

Pure: the time (seconds of any one clock) is an argument. Kept for every contact, and for a bounded
number of strangers: who can make a new key for nothing must not fill our memory with old ones.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from tfchain.base.limits import PEERS_MAX
from tfchain.net.timing import Timing

REASON_CHARS_MAX: Final = 200
_DOUBLINGS_MAX: Final = 32
"""Beyond every cap; keeps the numbers small."""


@dataclass(slots=True, kw_only=True)
class Standing:
    """One peer's record. Times in seconds."""

    failures: int = 0
    """Calls and connections in a row that came to nothing."""
    bans: int = 0
    banned_until: float = 0.0
    reason: str = ""
    """Why the last call or connection ended."""


class Standings:
    """The records of all peers."""

    def __init__(self, contacts: Iterable[bytes], timing: Timing) -> None:
        self._timing = timing
        self._contacts = {key: Standing() for key in contacts}
        self._strangers: dict[bytes, Standing] = {}

    def of(self, key: bytes) -> Standing:
        """The record of `key`, for reading; a fresh one if nothing is held against it."""
        return self._contacts.get(key) or self._strangers.get(key) or Standing()

    def keys(self) -> list[bytes]:
        """Everybody with a record, in order."""
        return sorted([*self._contacts, *self._strangers])

    def failed(self, key: bytes, reason: str) -> None:
        """A call that led to no connection."""
        standing = self._kept(key)
        standing.failures = min(standing.failures + 1, _DOUBLINGS_MAX)
        standing.reason = reason[:REASON_CHARS_MAX]

    def ended(self, key: bytes, reason: str, lasted_s: float) -> None:
        """A connection that ended; a short one counts as a failure, a long one clears them."""
        self.failed(key, reason)
        if lasted_s >= self._timing.backoff_max_s:
            self._kept(key).failures = 0

    def blame(self, key: bytes, reason: str, now: float) -> None:
        """Ban it: twice as long as the last time, unless it was good for long enough since."""
        standing = self._kept(key)
        if now - standing.banned_until >= self._timing.ban_max_s:
            standing.bans = 0
        span = min(self._timing.ban_first_s * 2.0**standing.bans, self._timing.ban_max_s)
        standing.bans = min(standing.bans + 1, _DOUBLINGS_MAX)
        standing.banned_until = now + span
        standing.reason = reason[:REASON_CHARS_MAX]

    def banned_s(self, key: bytes, now: float) -> float:
        """How much longer it is banned; zero if it is not."""
        return max(0.0, self.of(key).banned_until - now)

    def banned(self, now: float) -> frozenset[bytes]:
        """Everybody who is banned."""
        return frozenset(key for key in self.keys() if self.banned_s(key, now) > 0)

    def backoff_s(self, key: bytes, chance: float) -> float:
        """How long to wait before the next call. `chance`, 0 to 1, spreads callers over half."""
        failures = self.of(key).failures
        if failures == 0:
            return 0.0
        span = min(self._timing.backoff_first_s * 2.0 ** (failures - 1), self._timing.backoff_max_s)
        return span * (1.0 + chance) / 2

    def _kept(self, key: bytes) -> Standing:
        contact = self._contacts.get(key)
        if contact is not None:
            return contact
        known = self._strangers.pop(key, None) or Standing()
        self._strangers[key] = known  # the last touched is the last forgotten
        if len(self._strangers) > PEERS_MAX:
            del self._strangers[next(iter(self._strangers))]
        return known
