"""The table of regimes."""

from tfchain.rules.schedule import REGIMES


def test_every_regime_stands_under_its_own_number() -> None:
    assert all(regime.number == number for number, regime in REGIMES.items())
