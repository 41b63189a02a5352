"""Bills: every hour in a queue, what they come to, who gets it, and what happens if nobody pays."""

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tfchain.base.units import MilliUsd
from tfchain.ledger import tables
from tfchain.tx import billing

if TYPE_CHECKING:
    from tests.unit.tx.cultivation.conftest import World

HOUR, TFT = 3_600, 10_000_000
DUE = 2_100_000
"""Of an hour of the contract, before discounts; its user holds less than a month and a half's."""
MODEST = 100 * TFT


@pytest.fixture
def sold(world: "World") -> "World":
    """Contract 1, in use from its first second, of a user who gets no discount."""
    assert world.create() == "ok"
    contract = world.contract()
    tables.CAPACITY.put(world.state, tables.id_key(1), replace(contract, used=world.part))
    world.endow(world.user, MODEST)
    return world


def test_an_hour_is_billed_and_shared_out(sold: "World") -> None:
    sold.run(HOUR - 1)
    assert sold.balance(sold.user) == MODEST, "not before it is over"
    sold.run(HOUR)
    assert sold.balance(sold.user) == MODEST - DUE
    assert sold.balance(sold.row.foundation) == DUE // 10
    assert sold.balance(sold.row.tf_tech) == DUE // 2
    assert sold.balance(sold.row.staking) == DUE // 20
    burned = DUE - DUE // 10 - DUE // 2 - DUE // 20
    assert billing.book_of(sold.state).burned == burned
    assert tables.TOTALS.need(sold.state, tables.SINGLE).burned == burned
    assert (sold.contract().paid, sold.contract().discount) == (DUE, 0)


def test_a_node_of_an_older_regime_cultivates(sold: "World") -> None:
    key = tables.id_key(1)
    terms = tables.CONTRACTS.need(sold.state, key)
    tables.CONTRACTS.put(sold.state, key, replace(terms, regime=1))
    before = sold.balance(sold.farmer)
    sold.run(HOUR)
    assert sold.balance(sold.farmer) == before + DUE - DUE // 10
    assert billing.book_of(sold.state).burned == 0


def test_a_bill_that_comes_late_is_for_all_of_the_time(sold: "World") -> None:
    sold.run(3 * HOUR + 600)
    assert sold.balance(sold.user) == MODEST - 3 * DUE - DUE // 6


@pytest.mark.parametrize(
    ("price", "due"),
    [
        pytest.param(50, DUE, id="within its bounds"),
        pytest.param(5, 5 * DUE, id="a cheap TFT counts as the least"),
        pytest.param(2_000, DUE // 20, id="a dear one as the most"),
    ],
)
def test_a_bill_goes_by_the_clamped_price(sold: "World", price: int, due: int) -> None:
    after = replace(sold.params, connection_price=MilliUsd(price))
    sold.endow(sold.user, 10 * DUE)
    billing.run(sold.state, after, sold.at(HOUR))
    assert sold.balance(sold.user) == 10 * DUE - due


def test_what_is_used_is_billed_as_long_as_it_was(sold: "World") -> None:
    assert sold.use(1, HOUR // 2, replace(sold.part, cru=0, mru=0, sru=0)) == "ok"
    sold.run(HOUR)
    assert sold.balance(sold.user) == MODEST - DUE // 2


def test_addresses_cost_by_the_hour(world: "World") -> None:
    world.endow(world.user, MODEST)
    assert world.create(ips=2) == "ok"
    world.run(HOUR)
    assert world.balance(world.user) == MODEST - 2 * 800_000


def test_traffic_is_on_the_next_bill(world: "World") -> None:
    world.endow(world.user, TFT)
    assert world.create() == "ok"
    assert world.consume(1, 1_000, 1_000, 10**9) == "ok"
    world.run(HOUR)
    assert world.balance(world.user) == TFT - 4_167 * 20
    world.run(2 * HOUR)
    assert world.balance(world.user) == TFT - 4_167 * 20, "once"


def test_who_holds_months_worth_pays_less(sold: "World") -> None:
    sold.endow(sold.user, DUE * 720 * 3)
    sold.run(HOUR)
    assert sold.balance(sold.user) == DUE * 720 * 3 - DUE * 7 // 10
    assert sold.contract().discount == 2


# --- the queue ------------------------------------------------------------------------------------


def test_a_block_bills_so_many_and_those_that_wait_longest(world: "World") -> None:
    for name in range(6):
        assert world.create(at=name, ips=0, name=name, part=replace(world.part, cru=0)) == "ok"
    world.run(HOUR + 10)
    late = world.at(HOUR + 10)
    assert [world.contract(n).billed_at == late for n in range(1, 7)] == [True] * 4 + [False] * 2
    world.run(HOUR + 11)
    assert world.contract(6).billed_at == world.at(HOUR + 11)
    assert world.contract(1).billed_at == late


def test_a_contract_that_ended_is_passed_over(world: "World") -> None:
    assert world.create() == "ok"
    assert world.create(at=1, name=2) == "ok"
    assert world.cancel(1, 2) == "ok"
    world.run(HOUR + 1)
    assert world.contract(2).billed_at == world.at(HOUR + 1)
    book = billing.book_of(world.state)
    assert (book.first, book.after) == (2, 3), "one place for each that stands"


# --- grace ----------------------------------------------------------------------------------------


def test_a_user_who_cannot_pay_has_time_to(sold: "World") -> None:
    sold.endow(sold.user, DUE - 1)
    sold.run(HOUR)
    assert sold.balance(sold.user) == DUE - 1, "nothing is taken yet"
    assert sold.contract().grace_since == sold.at(HOUR)
    assert sold.contract().owed == DUE
    assert sold.do(sold.another(1), sold.user) == "in_grace"
    sold.run(2 * HOUR)
    assert sold.contract().owed == 2 * DUE
    assert sold.contract().grace_since == sold.at(HOUR)


def test_grace_ends_with_what_is_there(sold: "World") -> None:
    sold.endow(sold.user, DUE - 1)
    sold.hours(1, 10)
    assert sold.stands()
    sold.hours(11, 11)
    assert not sold.stands()
    assert sold.balance(sold.user) == 0
    assert sold.load().contracts == 0


def test_who_cancels_in_grace_pays_what_is_there(sold: "World") -> None:
    sold.endow(sold.user, DUE // 2)
    sold.run(HOUR)
    assert sold.cancel(1, HOUR + 60) == "ok"
    assert sold.balance(sold.user) == 0


# --- a node as a whole ----------------------------------------------------------------------------


def test_a_rented_node_costs_half_of_its_parts_and_the_farmer_s_fee(world: "World") -> None:
    assert world.dedicate(fee=72_000) == "ok"
    world.endow(world.user, MODEST)
    before = world.balance(world.farmer)
    assert world.rent() == "ok"
    world.run(HOUR)
    whole = 20 * (800_000 + 125_000) // 2
    fee = 72_000 // 720 * 10_000 * 20
    assert world.balance(world.user) == MODEST - whole - fee
    assert world.balance(world.farmer) == before + fee, "all of it is the farmer's"
    assert world.balance(world.row.foundation) == whole // 10


def test_what_a_renter_deploys_is_paid_with_the_rent(world: "World") -> None:
    world.endow(world.user, 2 * TFT)
    assert world.rent() == "ok"
    assert world.create(ips=1) == "ok"
    assert world.use(2, 60) == "ok"
    world.hours(1, 1)
    assert world.contract(2).paid == 800_000, "the address alone"


def test_a_sleeping_node_costs_its_renter_nothing(world: "World") -> None:
    world.endow(world.user, MODEST)
    assert world.rent() == "ok"
    world.sleep(HOUR // 2)
    world.run(HOUR)
    spent = MODEST - world.balance(world.user)
    assert spent == 20 * 925_000 // 4, "half an hour awake"
    world.run(2 * HOUR)
    assert world.balance(world.user) == MODEST - spent
    world.sleep(0, up=True)
    world.run(3 * HOUR)
    assert world.balance(world.user) == MODEST - 3 * spent


def test_a_rent_that_nobody_pays_ends_and_leaves_the_contracts(world: "World") -> None:
    """They pay for what they use from their next count on, each for itself."""
    world = world.under(grace=0)
    world.endow(world.user, 10)
    assert world.rent() == "ok"
    assert world.create(at=1) == "ok"
    assert world.use(2, 60) == "ok"
    world.run(HOUR)
    assert not world.stands(1)
    assert world.load().rent_id == 0
    world.endow(world.user, MODEST)
    world.run(HOUR + 1)
    assert world.balance(world.user) == MODEST, "until now it was within the rent"
    world.run(2 * HOUR + 1)
    assert world.balance(world.user) == MODEST - DUE
