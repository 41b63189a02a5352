"""Which regimes there are: the code knows them, genesis knows from when each holds (P5)."""

from typing import Final

from tfchain.rules.regime import Regime
from tfchain.rules.regimes import farming_v3

REGIMES: Final[dict[int, Regime]] = {
    3: farming_v3.REGIME,
}
"""Every regime by its number. Numbers are never used again."""
