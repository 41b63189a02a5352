"""What reports of a node add up to in a period, and whose use counts nothing."""

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tfchain.base.units import FarmId, NodeId, PeriodIndex, ScheduleId, Seconds, TwinId
from tfchain.ledger import tables
from tfchain.ledger.cultivation import Consumption
from tfchain.tx.consumption import NONE, consumed
from tfchain.tx.kinds.create_contract import CreateContract

if TYPE_CHECKING:
    from tests.unit.tx.cultivation.conftest import World

MIB = 1 << 20


def told(world: "World", period: int = 0) -> Consumption:
    """Of node 1; periods have 60 seconds."""
    name = tables.batch_key(ScheduleId(0), PeriodIndex(period))
    return consumed(world.state, name, NodeId(1))


@pytest.fixture
def world(world: "World") -> "World":
    """Reports may come every second."""
    return world.under(report_spacing=0)


def test_traffic_addresses_and_use_are_summed(world: "World") -> None:
    assert world.create(ips=2) == "ok"
    assert world.use(1, 10) == "ok"
    assert world.consume(1, 20, 20, 3 * MIB) == "ok"
    assert world.consume(1, 30, 5, MIB) == "ok"
    part = world.part
    assert told(world) == Consumption(
        cru=25 * part.cru,
        mru=25 * part.mru,
        hru=0,
        sru=25 * part.sru,
        traffic=4 * MIB,
        ip_seconds=50,
    )


def test_a_report_counts_in_the_period_of_its_block(world: "World") -> None:
    assert world.create(ips=1) == "ok"
    assert world.consume(1, 59, 50, 1) == "ok"
    assert world.consume(1, 61, 2, 1) == "ok"
    assert (told(world, 0).ip_seconds, told(world, 1).ip_seconds) == (50, 2)


def test_a_rented_node_is_in_use_as_a_whole(world: "World") -> None:
    assert world.rent() == "ok"
    assert world.consume(1, 10, 10, 0) == "ok"
    node = tables.NODES.need(world.state, tables.id_key(1))
    assert (told(world).cru, told(world).sru) == (10 * node.resources.cru, 10 * node.resources.sru)


@pytest.mark.parametrize("whose", ["farmer", "owner"])
def test_a_farmer_earns_nothing_by_traffic_with_himself(world: "World", whose: str) -> None:
    kind = CreateContract(
        node_id=NodeId(1),
        reserved=world.part,
        public_ips=1,
        deployment_hash=bytes(32),
        deployment_data=b"",
    )
    before = world.balance(getattr(world, whose))
    assert world.do(kind, getattr(world, whose)) == "ok"
    assert world.contract().own
    assert world.consume(1, 50, 50, MIB) == "ok"
    assert told(world) == NONE
    world.run(world.hour)
    assert world.balance(getattr(world, whose)) < before, "but he pays for it"


def test_a_farm_that_its_user_takes_over_is_flagged_from_then_on(world: "World") -> None:
    assert world.create() == "ok"
    assert world.consume(1, 10, 10, 5) == "ok"
    farm = tables.FARMS.need(world.state, tables.id_key(FarmId(1)))
    tables.FARMS.put(world.state, tables.id_key(farm.id), replace(farm, twin_id=TwinId(3)))
    assert world.consume(1, 20, 10, 7) == "ok"
    assert world.contract().own
    assert told(world).traffic == 5
    tables.FARMS.put(world.state, tables.id_key(farm.id), farm)
    assert world.consume(1, 30, 10, 7) == "ok"
    assert told(world).traffic == 5, "once flagged, always flagged"


def test_before_the_first_period_nothing_counts(world: "World") -> None:
    late = world.params.schedules[0]
    after = replace(world.params, schedules=(replace(late, start=Seconds(late.start + 100)),))
    tables.PARAMS.put(world.state, tables.SINGLE, after)
    world = replace(world, params=after).under()
    assert world.create() == "ok"
    assert world.consume(1, 50, 50, 5) == "ok"
    assert told(world) == NONE
    assert world.contract().unbilled > 0
