"""Which regime a node comes under: the code knows the regimes, genesis knows from when (P5)."""

from collections.abc import Sequence
from typing import Final

from tfchain.base.units import Seconds
from tfchain.rules.regime import Regime
from tfchain.rules.regimes import farming_v3

REGIMES: Final[dict[int, Regime]] = {
    3: farming_v3.REGIME,
}
"""Every regime by its number. Numbers are never used again."""

RegimeRow = tuple[Seconds, int]
"""Start instant and regime number: a row of the genesis table, in growing order of start."""


def regime_at(time: Seconds, rows: Sequence[RegimeRow]) -> Regime | None:
    """The last row that starts at or before `time`, which is the block time of a registration.

    None before the first row: nothing can be registered yet.
    """
    started = [number for start, number in rows if start <= time]
    return REGIMES[started[-1]] if started else None
