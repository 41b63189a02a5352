"""When coins are free: certified at once, else by use or by age, and again not (rules.md 4, 7)."""

from dataclasses import replace

import pytest

from tfchain.base.units import GIB, MilliUsd, PerMille, PolicyId, Seconds
from tfchain.ledger.records import Resources
from tfchain.rules.regime import (
    FREE,
    UNTIL_OLD_OR_USED,
    UNTIL_POOL_USED,
    Capacity,
    Measured,
    Regime,
    Registration,
    Terms,
    numbers_of,
)
from tfchain.rules.regimes import farming_2018, farming_2019, farming_v3, farming_v3_lockup

SIZE = Resources(cru=8, mru=33 * GIB, hru=0, sru=400 * GIB)
POLICY = Terms(
    policy_id=PolicyId(1),
    price_cu=2_400,
    price_su=1_000,
    price_nu=30,
    price_ipv4=5,
    minimal_uptime=95,
    policy_immutable=False,
    policy_default=True,
    connection_price=MilliUsd(80),
)
FULL = Measured(length=Seconds(1_000), uptime=Seconds(1_000), index=1)
AGE = farming_v3_lockup.Offer().age


def _lock(regime: Regime, measured: Measured, *, certified: bool = False) -> tuple[int, int]:
    """What the coins wait for, and the row of used periods after this one."""
    node = Registration(resources=SIZE, certified=certified, length=Seconds(1_000), policy=POLICY)
    own = regime.frozen(numbers_of(regime.offer), node)
    capacity = Capacity(resources=SIZE, certified=certified)
    owed = regime.owed(capacity, replace(POLICY, own=own), measured)
    assert owed.amount > 0
    return owed.lock, owed.used_for


@pytest.mark.parametrize("regime", [farming_2018.REGIME, farming_2019.REGIME], ids=["2018", "2019"])
@pytest.mark.parametrize(
    ("certified", "used", "lock"),
    [
        pytest.param(True, 0, FREE, id="certified: at once"),
        pytest.param(False, 0, UNTIL_POOL_USED, id="unused"),
        pytest.param(False, 300, UNTIL_POOL_USED, id="30 % is not more than 30 %"),
        pytest.param(False, 301, FREE, id="more than 30 %"),
    ],
)
def test_uncertified_pools_wait_for_use(
    regime: Regime, certified: bool, used: int, lock: int
) -> None:
    measured = replace(FULL, used=PerMille(used))
    assert _lock(regime, measured, certified=certified)[0] == lock


@pytest.mark.parametrize(
    ("used", "before", "age", "expected"),
    [
        pytest.param(0, 0, 0, (UNTIL_OLD_OR_USED, 0), id="new and unused"),
        pytest.param(0, 0, AGE - 1, (UNTIL_OLD_OR_USED, 0), id="nearly old"),
        pytest.param(0, 0, AGE, (FREE, 0), id="old"),
        pytest.param(300, 1, 0, (UNTIL_OLD_OR_USED, 2), id="used twice"),
        pytest.param(300, 2, 0, (FREE, 3), id="used three times"),
        pytest.param(299, 7, 0, (UNTIL_OLD_OR_USED, 0), id="used less again: locked again"),
        pytest.param(300, 255, 0, (FREE, 255), id="used for ever"),
    ],
)
def test_since_2024_coins_wait_for_use_or_age(
    used: int, before: int, age: int, expected: tuple[int, int]
) -> None:
    measured = replace(FULL, used=PerMille(used), used_before=before, age=Seconds(age))
    assert _lock(farming_v3_lockup.REGIME, measured) == expected


def test_before_that_coins_were_free() -> None:
    assert _lock(farming_v3.REGIME, FULL) == (FREE, 0)


def test_only_the_lock_up_knows_an_age() -> None:
    assert farming_2018.REGIME.lock_age(()) is None
    node = Registration(resources=SIZE, certified=False, length=Seconds(1), policy=POLICY)
    regime = farming_v3_lockup.REGIME
    assert regime.lock_age(regime.frozen(numbers_of(regime.offer), node)) == AGE
