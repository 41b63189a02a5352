"""Which regimes there are: the code knows them, genesis knows from when each holds (P5)."""

from typing import Final

from tfchain.rules.regime import Regime
from tfchain.rules.regimes import (
    farming_2018,
    farming_2019,
    farming_v2,
    farming_v3,
    farming_v3_lockup,
)

REGIMES: Final[dict[int, Regime]] = {
    1: farming_2018.REGIME,
    2: farming_2019.REGIME,
    3: farming_v3.REGIME,
    4: farming_v2.REGIME,
    5: farming_v3_lockup.REGIME,
}
"""Every regime by its number. Numbers are never used again."""
