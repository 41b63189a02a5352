"""Cloud units of a machine, in millionths."""

import pytest

from tfchain.base.units import GIB
from tfchain.ledger.records import Resources
from tfchain.rules.capacity import compute_units, network_units, storage_units


def _machine(*, cru: int = 0, mru: int = 0, hru: int = 0, sru: int = 0) -> Resources:
    return Resources(cru=cru, mru=mru, hru=hru, sru=sru)


@pytest.mark.parametrize(
    ("machine", "cu"),
    [
        pytest.param(_machine(cru=4, mru=33 * GIB, sru=500 * GIB), 8_000_000, id="all three alike"),
        pytest.param(_machine(cru=3, mru=33 * GIB, sru=500 * GIB), 6_000_000, id="few cores"),
        pytest.param(_machine(cru=4, mru=5 * GIB, sru=500 * GIB), 1_000_000, id="little memory"),
        pytest.param(_machine(cru=4, mru=33 * GIB, sru=GIB), 20_000, id="little flash"),
        pytest.param(_machine(cru=4, mru=GIB // 2, sru=GIB), 0, id="not even the system's memory"),
        pytest.param(_machine(), 0, id="nothing"),
    ],
)
def test_compute_units(machine: Resources, cu: int) -> None:
    assert compute_units(machine) == cu


@pytest.mark.parametrize(
    ("machine", "su"),
    [
        pytest.param(_machine(hru=1_200 * GIB), 1_000_000, id="disk"),
        pytest.param(_machine(sru=250 * GIB), 1_000_000, id="flash"),
        pytest.param(_machine(hru=600 * GIB, sru=125 * GIB), 1_000_000, id="both"),
        pytest.param(
            _machine(hru=(GIB * 1_200 - 1) // 10**6 + 1, sru=0), 1, id="rounded down, past one"
        ),
        pytest.param(
            _machine(hru=773_095, sru=161_062), 1, id="two parts of 0.6, rounded together"
        ),
        pytest.param(_machine(hru=773_095), 0, id="one part of 0.6"),
    ],
)
def test_storage_units(machine: Resources, su: int) -> None:
    assert storage_units(machine) == su


def test_network_units_are_gib() -> None:
    assert network_units(3 * GIB // 2) == 1_500_000
