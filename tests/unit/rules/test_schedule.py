"""Which regime a registration comes under."""

import pytest

from tfchain.base.units import Seconds
from tfchain.rules.regimes import farming_v3
from tfchain.rules.schedule import REGIMES, regime_at

ROWS = ((Seconds(100), 3), (Seconds(200), 3))


def test_every_regime_stands_under_its_own_number() -> None:
    assert all(regime.number == number for number, regime in REGIMES.items())


@pytest.mark.parametrize(
    ("time", "regime"),
    [
        pytest.param(99, None, id="before the first row"),
        pytest.param(100, farming_v3.REGIME, id="at the first row's start"),
        pytest.param(5_000, farming_v3.REGIME, id="under the last row"),
    ],
)
def test_the_last_row_that_has_started_rules(time: int, regime: object) -> None:
    assert regime_at(Seconds(time), ROWS) is regime
