"""How fast a peer may talk: a bucket for each kind of message, one for all bytes (consensus 1.16.2).

Pure: the time (seconds of any one clock) is an argument. Who talks faster is not punished but read
more slowly: its socket fills, and it is held back itself. No honest peer gets there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """So many at once, and so many a second in the long run."""

    burst: int
    per_s: int


UNBOUNDED: Final = Rate(burst=1 << 62, per_s=1 << 62)
"""For wires whose far end is our own."""


class Bucket:
    """What is left of a burst."""

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self._owed = 0.0
        self._at = 0.0

    def take(self, amount: int, now: float) -> float:
        """Charge it; the seconds until what was charged is within the rate again."""
        grown = max(0.0, now - self._at) * self._rate.per_s
        self._owed = max(0.0, self._owed - grown) + amount
        self._at = now
        return max(0.0, self._owed - self._rate.burst) / self._rate.per_s


class Meter:
    """The buckets of one connection."""

    def __init__(self, rates: Mapping[int, Rate], total: Rate) -> None:
        """`rates`: messages of a kind; a kind without one is bounded by `total` bytes alone."""
        self._kinds = {kind: Bucket(rate) for kind, rate in rates.items()}
        self._bytes = Bucket(total)

    def take(self, kind: int, size: int, now: float) -> float:
        """Charge a message of `size` bytes; how many seconds to wait before the next is read."""
        wait = self._bytes.take(size, now)
        bucket = self._kinds.get(kind)
        return wait if bucket is None else max(wait, bucket.take(1, now))
