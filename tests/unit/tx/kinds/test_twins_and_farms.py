"""create_twin, create_farm, set_payout_account, set_stellar_address: who may, and what stands after."""

from collections.abc import Callable

import pytest

from tfchain.base.crypto import public_key
from tfchain.base.units import Address, FarmId, TwinId
from tfchain.ledger import tables
from tfchain.ledger.records import Farm, Twin
from tfchain.ledger.state import State
from tfchain.tx.kind import Kind
from tfchain.tx.kinds.create_farm import CreateFarm
from tfchain.tx.kinds.create_twin import CreateTwin
from tfchain.tx.kinds.set_payout_account import SetPayoutAccount
from tfchain.tx.kinds.set_stellar_address import SetStellarAddress

Act = Callable[..., str]
FARMER, OWNER, STRANGER = (Address(public_key(bytes([n]) * 32)) for n in (1, 2, 3))
STELLAR = "G" + "A" * 55


def farm(state: State, number: int) -> Farm:
    return tables.FARMS.need(state, tables.id_key(number))


def test_a_twin_is_the_sender_s(state: State, act: Act) -> None:
    key = b"\x02" * 33
    assert act(CreateTwin(relay="r.example", public_key=key), FARMER) == "ok"
    assert act(CreateTwin(relay="", public_key=b""), OWNER) == "ok"
    twins = [tables.TWINS.need(state, tables.id_key(number)) for number in (1, 2)]
    assert twins[0] == Twin(id=TwinId(1), account=FARMER, relay="r.example", public_key=key)
    assert twins[1] == Twin(id=TwinId(2), account=OWNER, relay="", public_key=b"")
    assert tables.TWIN_OF.need(state, OWNER).twin_id == 2


def test_a_farm_is_its_twin_s_and_paid_to_him(state: State, act: Act) -> None:
    assert act(CreateTwin(relay="", public_key=b""), OWNER) == "ok"
    assert act(CreateFarm(name="green-farm_1"), OWNER) == "ok"
    assert farm(state, 1) == Farm(
        id=FarmId(1),
        twin_id=TwinId(1),
        name="green-farm_1",
        payout_account=OWNER,
        stellar_address="",
    )
    assert tables.FARM_NAMED.need(state, b"green-farm_1").farm_id == 1
    assert tables.TOTALS.need(state, tables.SINGLE).farms == 1


def test_an_owner_sets_where_his_farm_is_paid(grid: State, act: Act) -> None:
    assert act(SetPayoutAccount(farm_id=FarmId(1), account=STRANGER), FARMER) == "ok"
    assert act(SetStellarAddress(farm_id=FarmId(1), address=STELLAR), FARMER) == "ok"
    assert (farm(grid, 1).payout_account, farm(grid, 1).stellar_address) == (STRANGER, STELLAR)
    assert act(SetStellarAddress(farm_id=FarmId(1), address=""), FARMER) == "ok"
    assert farm(grid, 1).stellar_address == ""


@pytest.mark.parametrize(
    ("kind", "sender", "code"),
    [
        pytest.param(
            CreateTwin(relay="", public_key=b""), FARMER, "twin_exists", id="a second twin"
        ),
        pytest.param(CreateFarm(name="new"), STRANGER, "no_twin", id="a farm without a twin"),
        pytest.param(CreateFarm(name="farm"), OWNER, "farm_name_taken", id="another's name"),
        pytest.param(CreateFarm(name="farm"), FARMER, "farm_name_taken", id="one's own name again"),
        pytest.param(
            SetPayoutAccount(farm_id=FarmId(2), account=OWNER),
            FARMER,
            "unknown_farm",
            id="pay of a farm that is not there",
        ),
        pytest.param(
            SetPayoutAccount(farm_id=FarmId(1), account=OWNER),
            OWNER,
            "not_the_owner",
            id="pay of another's farm",
        ),
        pytest.param(
            SetStellarAddress(farm_id=FarmId(0), address=""),
            FARMER,
            "unknown_farm",
            id="the Stellar address of farm 0",
        ),
        pytest.param(
            SetStellarAddress(farm_id=FarmId(1), address=""),
            STRANGER,
            "not_the_owner",
            id="the Stellar address of another's farm",
        ),
    ],
)
def test_what_is_refused(grid: State, act: Act, kind: Kind, sender: Address, code: str) -> None:
    before = list(grid.changes())
    assert act(kind, sender) == code
    assert list(grid.changes()) == before
