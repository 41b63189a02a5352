"""Prices of capacity against the figures of the real chain, discounts, and who gets what."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfchain.base.units import U64_MAX, U128_MAX, Address, MilliUsd, PerMille, Seconds, Utft
from tfchain.ledger.params import BillingRow
from tfchain.ledger.records import Resources
from tfchain.rules import billing
from tfchain.rules.schedule import REGIMES

GIB = 1 << 30
PRICE = MilliUsd(50)
ROW = BillingRow(
    period=Seconds(3_600),
    contracts=1,
    grace=Seconds(0),
    price_cu=100_000,
    price_su=50_000,
    price_nu=15_000,
    price_ip=40_000,
    rent_share=PerMille(500),
    price_min=MilliUsd(10),
    price_max=MilliUsd(1_000),
    line_rate=1,
    report_spacing=Seconds(0),
    foundation=Address(bytes(32)),
    tf_tech=Address(bytes(32)),
    staking=Address(bytes(32)),
)
SMALL = Resources(cru=2, mru=4 * GIB, hru=20 * GIB, sru=20 * GIB)
NODE = Resources(cru=8, mru=16 * GIB, hru=1024 * GIB, sru=512 * GIB)


@pytest.mark.parametrize(
    ("used", "ips", "seconds", "units"),
    [
        pytest.param(SMALL, 0, 3_600, 2_116_660, id="a machine for an hour"),
        pytest.param(SMALL, 1, 3_600, 2_916_660, id="the same with a public address"),
        pytest.param(SMALL, 1, 60, 48_620, id="for a minute"),
        pytest.param(SMALL, 1, 0, 0, id="for no time at all"),
    ],
)
def test_a_contract_costs_what_it_costs_on_the_real_chain(
    used: Resources, ips: int, seconds: int, units: int
) -> None:
    parts = billing.capacity_cost(ROW, used, seconds) + billing.ip_cost(ROW, ips, seconds)
    assert billing.coins(parts, PRICE) == units


def test_a_whole_node_is_rented_at_a_share_of_its_price() -> None:
    whole = billing.capacity_cost(ROW, NODE, 3_600)
    assert billing.coins(billing.rented(ROW, whole), PRICE) == 5_706_660
    assert billing.coins(billing.certified(whole), PRICE) == 14_266_660


@pytest.mark.parametrize(
    ("parts", "usd"),
    [
        pytest.param(billing.network_cost(ROW, 10**10, 1_000), 41_667, id="10 GB in 1,000 s"),
        pytest.param(billing.extra_cost(MilliUsd(100_000), 60), 23_148, id="a minute of 100 USD"),
    ],
)
def test_traffic_and_extra_fees_cost_what_they_cost_on_the_real_chain(parts: int, usd: int) -> None:
    assert billing.coins(parts, MilliUsd(1_000)) == usd


@pytest.mark.parametrize(
    ("price", "clamped"),
    [(0, 10), (10, 10), (80, 80), (1_000, 1_000), (5_000, 1_000)],
    ids=["no price", "the least", "between", "the most", "too dear"],
)
def test_the_price_stays_within_its_bounds(price: int, clamped: int) -> None:
    assert billing.clamped(ROW, MilliUsd(price)) == clamped


@pytest.mark.parametrize(
    ("tenths", "level", "paid"),
    [
        pytest.param(14, 0, 1_000, id="a month: none"),
        pytest.param(15, 1, 800, id="a month and a half: default"),
        pytest.param(30, 2, 700, id="three months: bronze"),
        pytest.param(60, 3, 600, id="six months: silver"),
        pytest.param(180, 4, 400, id="a year and a half: gold"),
    ],
)
def test_who_holds_many_months_worth_pays_less(tenths: int, level: int, paid: int) -> None:
    monthly = 1_000 * 720
    hour = Seconds(3_600)
    assert billing.discounted(Utft(1_000), Utft(tenths * monthly // 10), hour) == (paid, level)


def test_a_gold_hour_costs_what_it_costs_on_the_real_chain() -> None:
    rich = Utft(10**15)
    assert billing.discounted(Utft(2_116_660), rich, Seconds(3_600)) == (846_664, 4)
    assert billing.discounted(Utft(2_916_660), rich, Seconds(3_600)) == (1_166_664, 4)


@pytest.mark.parametrize(("due", "elapsed"), [(0, 10), (10, 0)], ids=["nothing due", "no time"])
def test_a_bill_for_nothing_has_no_discount(due: int, elapsed: int) -> None:
    assert billing.discounted(Utft(due), Utft(10**15), Seconds(elapsed)) == (due, 0)


def test_sums_stop_at_what_their_field_holds() -> None:
    assert billing.added(U128_MAX, 1) == U128_MAX
    assert billing.owed_together(Utft(U64_MAX), Utft(1)) == U64_MAX
    assert billing.coins(U128_MAX, MilliUsd(10)) == U64_MAX


@pytest.mark.parametrize(
    ("paid", "parts"),
    [
        pytest.param(10_000_000, (1_000_000, 5_000_000, 500_000, 0, 3_500_000), id="a TFT"),
        pytest.param(999, (100, 499, 50, 0, 350), id="odd units: the burn takes what is left"),
    ],
)
def test_grid_3_shares_out_as_the_real_chain_and_loses_no_unit(
    paid: int, parts: tuple[int, ...]
) -> None:
    found = billing.shares(billing.GRID_3, Utft(paid), is_certified=False)
    assert (
        found.foundation,
        found.tf_tech,
        found.staking,
        found.farmer,
        found.burned,
    ) == parts


@pytest.mark.parametrize(
    ("is_certified", "farmer", "tech"),
    [(False, 900, 0), (True, 800, 100)],
    ids=["a tenth to the Foundation", "certified: a tenth more to TF Tech"],
)
def test_a_cultivating_farmer_keeps_the_rest(is_certified: bool, farmer: int, tech: int) -> None:
    found = billing.shares(billing.CULTIVATION, Utft(1_000), is_certified=is_certified)
    assert (found.farmer, found.tf_tech, found.foundation) == (farmer, tech, 100)
    assert found.burned == found.staking == 0


@given(st.integers(0, U64_MAX), st.booleans(), st.sampled_from(sorted(billing.SPLITS)))
def test_shares_are_exactly_what_was_paid(paid: int, is_certified: bool, regime: str) -> None:
    found = billing.shares(billing.SPLITS[regime], Utft(paid), is_certified=is_certified)
    parts = (found.foundation, found.tf_tech, found.staking, found.farmer, found.burned)
    assert sum(parts) == paid
    assert min(parts) >= 0


def test_every_regime_says_who_gets_what() -> None:
    assert sorted(billing.SPLITS) == sorted(regime.name for regime in REGIMES.values())
