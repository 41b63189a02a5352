"""Contracts for capacity: who may take what of a node, and what comes back when they end."""

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tfchain.base.units import Address, FarmId, NodeId, Seconds
from tfchain.ledger import tables
from tfchain.ledger.cultivation import FARM_IPS_MAX, FarmIp, FarmIps
from tfchain.ledger.records import Resources
from tfchain.ledger.state import State
from tfchain.tx import billing, capacity
from tfchain.tx.kind import Kind
from tfchain.tx.kinds.add_farm_ip import AddFarmIp
from tfchain.tx.kinds.cancel_contract import CancelContract
from tfchain.tx.kinds.create_contract import CreateContract
from tfchain.tx.kinds.remove_farm_ip import RemoveFarmIp
from tfchain.tx.kinds.rent_node import RentNode
from tfchain.tx.kinds.report_consumption import ReportConsumption
from tfchain.tx.kinds.set_dedicated import SetDedicated
from tfchain.tx.kinds.update_contract import UpdateContract
from tfchain.tx.kinds.update_node import UpdateNode
from tfchain.tx.kinds.update_used_resources import UpdateUsedResources

if TYPE_CHECKING:
    from tests.unit.tx.cultivation.conftest import World

ONE, FARM = NodeId(1), FarmId(1)
NODE = Resources(cru=8, mru=32 << 30, hru=0, sru=500 << 30)
NOTHING = Resources(cru=0, mru=0, hru=0, sru=0)


def given_out(world: "World") -> list[int]:
    """By which contract each public address of the farm is held."""
    return [one.contract_id for one in capacity.ips_of(world.state, FARM).ips]


def update(number: int, name: int) -> UpdateContract:
    deployment = bytes([name]) * 32
    return UpdateContract(contract_id=number, deployment_hash=deployment, deployment_data=b"x")


def test_a_contract_sets_capacity_and_addresses_aside(world: "World") -> None:
    assert world.create(ips=2) == "ok"
    contract = world.contract()
    assert (contract.id, contract.twin_id, contract.node_id) == (1, 3, 1)
    assert (contract.reserved, contract.used, contract.own) == (world.part, NOTHING, False)
    assert world.load().reserved == world.part
    assert world.load().contracts == 1
    assert given_out(world) == [1, 1, 0]


def test_a_cancelled_contract_gives_all_of_it_back(world: "World") -> None:
    assert world.create(ips=1) == "ok"
    assert world.create(ips=1, name=2) == "ok"
    assert world.cancel(1, 5) == "ok"
    assert not world.stands(1)
    assert given_out(world) == [0, 2, 0]
    assert (world.load().reserved, world.load().contracts) == (world.part, 1)
    assert world.create(name=1) == "ok", "the deployment may come again"
    assert world.contract(3).id == 3, "under a number that was never used"


def test_contracts_fill_a_node_and_no_more(world: "World") -> None:
    assert world.create(part=NODE) == "ok"
    assert world.create(name=2, part=NOTHING) == "ok"
    for name in ("cru", "mru", "sru", "hru"):
        assert world.create(name=3, part=replace(NOTHING, **{name: 1})) == "capacity", name


def test_a_node_does_not_shrink_below_what_is_set_aside(world: "World") -> None:
    assert world.create(part=NODE) == "ok"
    smaller = replace(NODE, cru=7)
    kind = UpdateNode(
        node_id=ONE, resources=smaller, country="", city="", virtualized=False, acceptance=b""
    )
    assert world.do(kind, world.owner) == "capacity"


def test_addresses_run_out(world: "World") -> None:
    assert world.create(ips=4) == "public_ips"
    assert given_out(world) == [0, 0, 0], "a refused contract keeps none"
    assert world.create(ips=3) == "ok"
    assert world.create(ips=1, name=2) == "public_ips"


def test_a_deployment_stands_on_a_node_once(world: "World") -> None:
    assert world.create() == "ok"
    assert world.create() == "deployed"


@pytest.mark.parametrize("wish", [True, False], ids=["asleep", "asked to sleep"])
def test_nobody_deploys_on_a_node_that_sleeps(world: "World", *, wish: bool) -> None:
    key = tables.id_key(1)
    uptime = tables.UPTIMES.need(world.state, key)
    power = replace(uptime.power, state_up=not wish, target_up=wish)
    tables.UPTIMES.put(world.state, key, replace(uptime, power=power))
    assert world.create() == "node_asleep"


def test_only_its_user_has_a_say_in_a_contract(world: "World") -> None:
    assert world.create() == "ok"
    assert world.cancel(1, 1, world.farmer) == "not_the_user"
    assert world.do(update(1, 2), world.owner) == "not_the_user"
    assert world.cancel(2, 1) == "unknown_contract"


def test_a_contract_takes_another_deployment(world: "World") -> None:
    assert world.create(name=1) == "ok"
    assert world.do(update(1, 2), world.user) == "ok"
    assert world.contract().deployment_data == b"x"
    assert world.do(update(1, 2), world.user) == "ok", "its own deployment is in nobody's way"
    assert world.create(name=1) == "ok", "the one before is free again"


def test_nothing_is_deployed_by_a_rent_contract(world: "World") -> None:
    assert world.rent() == "ok"
    assert world.do(update(1, 2), world.user) == "rent"
    assert world.use(1, 60) == "rent"


# --- dedicated nodes ------------------------------------------------------------------------------


def test_who_rents_a_node_deploys_on_it_alone(world: "World") -> None:
    assert world.rent(world.farmer) == "ok"
    assert world.load().rent_id == 1
    assert world.create() == "rented"
    assert world.rent() == "rented"
    assert world.cancel(1, 1, world.farmer) == "ok"
    assert world.create() == "ok"


def test_a_dedicated_node_is_let_as_a_whole_only(world: "World") -> None:
    assert world.dedicate(fee=5_000) == "ok"
    assert world.create() == "dedicated"
    assert world.rent() == "ok"
    assert world.create() == "ok"
    assert world.dedicate(dedicated=False) == "has_contracts"


def test_a_node_in_use_is_rented_by_nobody(world: "World") -> None:
    assert world.create() == "ok"
    assert world.rent() == "has_contracts"
    assert world.dedicate() == "has_contracts"


def test_a_renter_cancels_the_other_contracts_first(world: "World") -> None:
    assert world.rent() == "ok"
    assert world.create() == "ok"
    assert world.cancel(1, 1) == "has_contracts"
    assert world.cancel(2, 1) == "ok"
    assert world.cancel(1, 1) == "ok"
    assert world.load().rent_id == 0


def test_only_the_farmer_dedicates_a_node(world: "World") -> None:
    kind = SetDedicated(node_id=ONE, dedicated=True, extra_fee=1)
    assert world.do(kind, world.user) == "not_the_owner"


# --- what a node tells ----------------------------------------------------------------------------


def test_a_node_tells_what_its_contracts_use(world: "World") -> None:
    half = replace(world.part, cru=1)
    assert world.create() == "ok"
    assert world.use(1, 60, half) == "ok"
    assert world.contract().used == half
    assert world.use(1, 120, NODE) == "capacity", "never more than was set aside"
    assert world.use(2, 200) == "unknown_contract"


def test_a_node_tells_of_its_own_contracts_only(world: "World") -> None:
    assert world.create() == "ok"
    elsewhere = replace(world.contract(), node_id=NodeId(2))
    capacity.save(world.state, elsewhere)
    assert world.use(1, 60) == "not_on_node"
    assert world.consume(1, 60, 10, 1) == "not_on_node"


@pytest.mark.parametrize("kind", [UpdateUsedResources, ReportConsumption])
def test_a_node_tells_once_in_a_while_under_its_own_key(
    world: "World", kind: type[UpdateUsedResources | ReportConsumption]
) -> None:
    start = 1_700_000_000

    def told(t: int, at: int, who: Address = world.reporter, node: int = 1) -> str:
        return world.do(kind(node_id=NodeId(node), t=Seconds(start + t), contracts=()), who, at)

    assert told(60, 60) == "ok"
    assert told(60, 61) == "too_soon", "the same again"
    assert told(119, 119) == "too_soon"
    assert told(120, 120) == "ok"
    assert told(200, 206) == "report_time"
    assert told(200, 200, world.owner) == "not_the_reporter"
    assert told(200, 200, node=9) == "unknown_node"


@pytest.mark.parametrize(
    ("window", "traffic", "code"),
    [
        pytest.param(100, 100_000_000, "ok", id="all that the line carries"),
        pytest.param(100, 100_000_001, "line_rate", id="a byte more"),
        pytest.param(101, 1, "window", id="longer than the contract stands"),
        pytest.param(0, 0, "window", id="of no time"),
    ],
)
def test_consumption_is_what_can_have_been(
    world: "World", window: int, traffic: int, code: str
) -> None:
    assert world.create() == "ok"
    assert world.consume(1, 100, window, traffic) == code


def test_no_second_is_reported_twice(world: "World") -> None:
    assert world.create() == "ok"
    assert world.consume(1, 100, 50, 1) == "ok"
    assert world.consume(1, 200, 101, 1) == "window"
    assert world.consume(1, 300, 200, 1) == "ok"


# --- public addresses -----------------------------------------------------------------------------


def add(last: int, mask: int = 24) -> AddFarmIp:
    return AddFarmIp(farm_id=FARM, ip=f"185.69.166.{last}/{mask}", gateway="185.69.166.1")


def remove(last: int) -> RemoveFarmIp:
    return RemoveFarmIp(farm_id=FARM, ip=f"185.69.166.{last}/24")


def test_a_farm_offers_an_address_once(world: "World") -> None:
    assert world.do(add(9), world.farmer) == "ok"
    assert world.do(add(9, mask=16), world.farmer) == "ip_exists"
    assert world.do(add(1), world.farmer) == "public_ip", "the gateway is no address to give"
    assert world.do(add(10), world.user) == "not_the_owner"


def test_a_farm_has_so_many_addresses_at_most(world: "World") -> None:
    one = FarmIp(ip="185.69.166.5/24", gateway="185.69.166.1", contract_id=0)
    full = FarmIps(ips=(one,) * FARM_IPS_MAX)
    tables.FARM_IPS.put(world.state, tables.id_key(FARM), full)
    assert world.do(add(9), world.farmer) == "ips_full"


def test_an_address_that_somebody_has_stays(world: "World") -> None:
    assert world.create(ips=1) == "ok"
    assert world.do(remove(5), world.farmer) == "ip_taken"
    assert world.do(remove(6), world.user) == "not_the_owner"
    assert world.do(remove(6), world.farmer) == "ok"
    assert world.do(remove(6), world.farmer) == "unknown_ip"
    assert given_out(world) == [1, 0]


# --- without billing ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind",
    [
        CreateContract(
            node_id=ONE,
            reserved=NOTHING,
            public_ips=0,
            deployment_hash=bytes(32),
            deployment_data=b"",
        ),
        CancelContract(contract_id=1),
        RentNode(node_id=ONE),
        SetDedicated(node_id=ONE, dedicated=True, extra_fee=0),
    ],
    ids=lambda kind: type(kind).__name__,
)
def test_where_billing_is_off_there_are_no_contracts(world: "World", kind: Kind) -> None:
    off = world.without()
    assert off.do(kind, world.farmer) == "billing_off"


def test_where_billing_is_off_nothing_is_told_and_nobody_billed(world: "World") -> None:
    off = world.without()
    assert off.use(1, 60) == off.consume(1, 60, 1, 1) == "billing_off"
    off.run(world.hour)
    assert billing.book_of(off.state) == billing.EMPTY


def test_a_farmer_s_own_contract_is_flagged(grid: State, world: "World") -> None:
    for number, who in enumerate((world.farmer, world.owner, world.user), start=1):
        kind = CreateContract(
            node_id=ONE,
            reserved=NOTHING,
            public_ips=0,
            deployment_hash=bytes([number]) * 32,
            deployment_data=b"",
        )
        assert world.do(kind, who) == "ok"
    assert [world.contract(n).own for n in (1, 2, 3)] == [True, True, False]
    assert grid is world.state
