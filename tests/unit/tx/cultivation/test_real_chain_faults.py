"""Known faults of the real chain's billing, each put right here (tfchain A4, marked Q)."""

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tfchain.base.units import MilliUsd, Seconds
from tfchain.ledger import tables
from tfchain.tx import billing

if TYPE_CHECKING:
    from tests.unit.tx.cultivation.conftest import World

HOUR, TFT = 3_600, 10_000_000
DUE = 2_100_000
MODEST = 100 * TFT


@pytest.fixture
def sold(world: "World") -> "World":
    """Contract 1, in use from its first second, of a user who gets no discount."""
    assert world.create() == "ok"
    contract = world.contract()
    tables.CAPACITY.put(world.state, tables.id_key(1), replace(contract, used=world.part))
    world.endow(world.user, MODEST)
    return world


def test_an_update_takes_another_contract_s_deployment_hash(sold: "World") -> None:
    assert sold.create(name=2) == "ok"
    assert sold.do(sold.another(2, name=1), sold.user) == "deployed"
    assert sold.cancel(2, 1) == "ok"
    place = tables.deployed_key(sold.contract().node_id, bytes([1]) * 32)
    assert tables.DEPLOYED.need(sold.state, place).contract_id == 1


def test_a_contract_cancelled_before_its_first_bill_is_free(sold: "World") -> None:
    assert sold.cancel(1, HOUR // 2) == "ok"
    assert sold.balance(sold.user) == MODEST - DUE // 2


def test_money_locked_by_earlier_cycles_counts_twice_and_grace_comes_early(sold: "World") -> None:
    sold.endow(sold.user, 5 * DUE)
    sold.hours(1, 5)
    assert sold.contract().grace_since == 0
    assert sold.balance(sold.user) == 0
    sold.hours(6, 6)
    assert sold.contract().grace_since == sold.at(6 * HOUR)


def test_after_grace_only_the_present_cycle_is_locked_and_not_the_arrears(sold: "World") -> None:
    sold.endow(sold.user, 0)
    sold.hours(1, 3)
    sold.endow(sold.user, 4 * DUE + 1)
    sold.hours(4, 4)
    assert sold.balance(sold.user) == 1
    contract = sold.contract()
    assert (contract.owed, contract.grace_since, contract.paid) == (0, 0, 4 * DUE)


@pytest.mark.parametrize("period", [HOUR // 2, 2 * HOUR], ids=["more often", "less often"])
def test_a_changed_billing_frequency_leaves_contracts_in_their_old_bucket(
    sold: "World", period: int
) -> None:
    sold.run(HOUR)
    other = sold.under(period=Seconds(period))
    assert other.create(at=HOUR, name=2) == "ok"
    other.run(HOUR + period - 1)
    assert other.contract(1).billed_at == sold.at(HOUR)
    other.run(HOUR + period)
    assert other.contract(1).billed_at == other.contract(2).billed_at == sold.at(HOUR + period)
    assert other.cancel(1, HOUR + period) == "ok"


def test_the_surcharge_for_certified_nodes_never_applies(sold: "World") -> None:
    sold.edit(certified=True)
    sold.run(HOUR)
    assert sold.balance(sold.user) == MODEST - DUE * 5 // 4


def test_rent_removal_drops_node_contracts_unbilled(world: "World") -> None:
    world = world.under(grace=Seconds(0))
    world.endow(world.user, 0)
    assert world.rent() == "ok"
    assert world.create(at=1, ips=1) == "ok"
    world.run(HOUR)
    assert not world.stands(1)
    world.endow(world.user, TFT)
    assert world.cancel(2, HOUR + 1) == "ok"
    assert world.balance(world.user) == TFT - 800_000


def test_a_rent_contract_of_a_sleeping_node_cannot_be_cancelled(world: "World") -> None:
    assert world.rent() == "ok"
    world.sleep(60)
    assert world.cancel(1, HOUR) == "ok"
    assert not world.stands(1)
    assert world.rent(at=HOUR) == "ok", "a sleeping node can be rented"


def test_an_old_report_of_traffic_is_told_again(sold: "World") -> None:
    assert sold.consume(1, 100, 100, 1) == "ok"
    assert sold.consume(1, 100, 100, 1) == "too_soon"
    assert sold.consume(1, 160, 100, 1) == "window"


def test_a_price_of_nothing_stops_all_bills(sold: "World") -> None:
    free = replace(sold.params, connection_price=MilliUsd(0))
    billing.run(sold.state, free, sold.at(HOUR))
    assert sold.contract().paid == 5 * DUE


def test_parts_of_a_sale_miss_a_unit(sold: "World") -> None:
    """They are whole: what leaves the user arrives, or is burned."""
    before = sum(sold.balance(who) for who in sold.everybody())
    sold.run(HOUR + 7)
    after = sum(sold.balance(who) for who in sold.everybody())
    assert before - after == billing.book_of(sold.state).burned > 0


def test_time_without_a_report_is_charged_at_what_is_reported_later(world: "World") -> None:
    world.endow(world.user, MODEST)
    assert world.create() == "ok"
    world.hours(1, 5)
    assert world.use(1, 5 * HOUR + 60) == "ok"
    world.run(6 * HOUR)
    assert world.balance(world.user) == MODEST - DUE * 59 // 60
