"""Times in which the chain stood still, so that nodes are not blamed for it (P4).

A node cannot report while no block is made. Where its reports on both sides of such a gap show that
it ran on, the gap counts beside what a report may credit.
"""

from dataclasses import dataclass
from typing import Annotated, Final

from tfchain.base.shapes import Many, Nested
from tfchain.base.units import MS_PER_S, Millis, Seconds
from tfchain.ledger.params import Params

GAPS_MAX: Final = 64
"""Gaps that are remembered: a report reaches back a period at most, and few periods see two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """From one block to the next, where that took too long."""

    since: Seconds
    until: Seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Gaps:
    """The last gaps, oldest first."""

    over: Millis
    """What is longer is a gap: interval and grace as the chain began with them. A vote that moves the
    interval of blocks is about consensus, and moves nobody's pay."""
    rows: Annotated[tuple[Gap, ...], Many(Nested(Gap), GAPS_MAX)]


def first_gaps(params: Params) -> Gaps:
    """Before the first gap."""
    return Gaps(over=Millis(params.consensus.interval + params.uptime.grace * MS_PER_S), rows=())
