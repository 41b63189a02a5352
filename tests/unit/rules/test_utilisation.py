"""Use of a node over a period, as far as it lets coins go."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfchain.base.units import U64_MAX, U128_MAX, Seconds
from tfchain.ledger.cultivation import Consumption
from tfchain.ledger.records import Resources
from tfchain.rules.utilisation import mean, utilisation

GIB = 1 << 30
NODE = Resources(cru=8, mru=32 * GIB, hru=1_200 * GIB, sru=200 * GIB)
"""Eight CU and two SU."""
HOUR = Seconds(3_600)


def over(seconds: int, **resources: int) -> Consumption:
    sums = {name: amount * seconds for name, amount in resources.items()}
    nothing = Consumption(cru=0, mru=0, hru=0, sru=0, traffic=5, ip_seconds=7)
    return replace(nothing, **sums)


@pytest.mark.parametrize(
    ("used", "permille"),
    [
        pytest.param(over(0), 0, id="nothing"),
        pytest.param(
            over(3_600, cru=8, mru=32 * GIB, hru=1_200 * GIB, sru=200 * GIB),
            1_000,
            id="everything, all the time",
        ),
        pytest.param(
            over(1_800, cru=8, mru=32 * GIB, hru=1_200 * GIB, sru=200 * GIB),
            500,
            id="everything, half the time",
        ),
        pytest.param(over(3_600, hru=1_200 * GIB), 250, id="the disk, which is half of the SU"),
        pytest.param(over(3_600, cru=4, mru=16 * GIB), 250, id="half of the CU"),
        pytest.param(over(7_200, hru=9_600 * GIB), 500, id="more than there is counts as all"),
    ],
)
def test_use_is_the_mean_of_both_units(used: Consumption, permille: int) -> None:
    assert utilisation(used, NODE, HOUR) == permille


def test_a_unit_that_a_node_has_none_of_does_not_count() -> None:
    bare = replace(NODE, hru=0, sru=0)
    assert utilisation(over(3_600, cru=8, mru=32 * GIB), bare, HOUR) == 1_000
    assert utilisation(over(3_600), Resources(cru=0, mru=0, hru=0, sru=0), HOUR) == 0


def test_the_mean_is_rounded_down_and_within_a_row() -> None:
    assert mean(over(1_799, cru=2), HOUR) == Resources(cru=0, mru=0, hru=0, sru=0)
    assert mean(over(1_800, cru=2, sru=3), HOUR) == Resources(cru=1, mru=0, hru=0, sru=1)
    assert mean(over(3_600, hru=U64_MAX + 9), HOUR).hru == U64_MAX


@given(st.lists(st.integers(0, U128_MAX), min_size=4, max_size=4), st.integers(1, U64_MAX))
def test_use_is_within_a_thousand(sums: list[int], length: int) -> None:
    cru, mru, hru, sru = sums
    used = Consumption(cru=cru, mru=mru, hru=hru, sru=sru, traffic=0, ip_seconds=0)
    assert 0 <= utilisation(used, NODE, Seconds(length)) <= 1_000
