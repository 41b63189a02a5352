"""The one division that money goes through."""

import pytest

from tfchain.base.units import mul_div_floor


@pytest.mark.parametrize(
    ("value", "times", "by", "floor"),
    [
        pytest.param(7, 1, 2, 3, id="the remainder stays with the ledger"),
        pytest.param(1, 999, 1_000, 0, id="less than one unit is nothing"),
        pytest.param(7, 3, 2, 10, id="multiplied before it is divided"),
        pytest.param(10**30, 10**30, 10**30, 10**30, id="wider than any machine word"),
        pytest.param(0, 5, 3, 0, id="nothing of something"),
        pytest.param(5, 0, 3, 0, id="something of nothing"),
    ],
)
def test_money_is_divided_once_and_down(value: int, times: int, by: int, floor: int) -> None:
    assert mul_div_floor(value, times, by) == floor


@pytest.mark.parametrize(
    ("value", "times", "by"),
    [
        pytest.param(-1, 1, 1, id="a negative amount"),
        pytest.param(1, -1, 1, id="a negative share"),
        pytest.param(1, 1, 0, id="a divisor of zero"),
        pytest.param(1, 1, -1, id="a negative divisor"),
    ],
)
def test_a_division_nobody_decided_on_is_a_bug(value: int, times: int, by: int) -> None:
    with pytest.raises(AssertionError):
        mul_div_floor(value, times, by)
