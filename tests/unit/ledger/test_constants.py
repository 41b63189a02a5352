"""Constants that a vote may change, and what they must be to each other (P1, 1.10.2)."""

from dataclasses import replace

import pytest

from tfchain.base.shapes import layout
from tfchain.base.units import Address, MilliUsd, PerMille, Seconds, Utft
from tfchain.errors import Malformed
from tfchain.ledger.constants import CHANGEABLE, EVIDENCE_BLOCK_MAX, check_constants, with_constant
from tfchain.ledger.params import BillingRow, Params


@pytest.fixture
def billed(params: Params) -> Params:
    """The constants of a chain whose users are billed."""
    return replace(
        params,
        billing=BillingRow(
            period=Seconds(3_600),
            contracts=100,
            grace=Seconds(86_400),
            price_cu=100_000,
            price_su=50_000,
            price_nu=15_000,
            price_ip=40_000,
            rent_share=PerMille(500),
            price_min=MilliUsd(10),
            price_max=MilliUsd(1_000),
            line_rate=1_250_000_000,
            report_spacing=Seconds(600),
            foundation=Address(bytes(32)),
            tf_tech=Address(bytes(32)),
            staking=Address(bytes(32)),
        ),
    )


def _value(params: Params, name: str) -> int:
    section, _, field = name.partition(".")
    record = params if section == "ledger" else getattr(params, section)
    value = getattr(record, field)
    assert isinstance(value, int)
    return value


@pytest.mark.parametrize("name", [name for name in CHANGEABLE if name != "ledger.supply_cap"])
def test_each_is_changed_and_nothing_else_is(billed: Params, name: str) -> None:
    value = _value(billed, name)
    after = with_constant(billed, name, value - 1)
    assert _value(after, name) == value - 1
    assert with_constant(after, name, value) == billed
    check_constants(billed)


@pytest.mark.parametrize(
    ("name", "value", "named"),
    [
        ("ledger.node_deposit", 5, "a vote may change consensus.precision"),
        ("ledger.supply_cap", 40_000_000_000_000_001, "it can only fall"),
        ("ledger.chain_id", 5, "a vote may change"),
        ("uptime.grace", 5, "a vote may change"),
        ("consensus", 5, "a vote may change"),
        ("", 5, "a vote may change"),
        ("consensus.propose", 0, "consensus.propose: at least 1"),
        ("consensus.growth", (1 << 40) + 1, "consensus.growth: at most"),
        ("consensus.block_bytes", (2 << 20) + 1, "consensus.block_bytes: 131072 to 2097152"),
        ("consensus.block_bytes", 1 << 32, "an integer from 0 to 4294967295"),
        ("consensus.block_bytes", 1 << 17, None),
        ("consensus.interval", 1_334, "the cap per report"),
        ("consensus.interval", 2_001, "uptime.grace is below two blocks"),
        ("evidence.blocks", 63, "evidence.blocks: at least 64"),
        ("evidence.seconds", (1 << 40) + 1, "evidence.seconds: at most"),
        ("evidence.bytes", 1_279, "evidence.bytes: 1280 to 65536"),
        ("evidence.bytes", EVIDENCE_BLOCK_MAX + 1, "evidence.bytes: 1280 to 65536"),
        ("billing.foundation", 5, "a vote may change"),
        ("billing.period", 0, "billing.period: at least 1"),
        ("billing.contracts", 0, "an integer from 1 to 10000"),
        ("billing.grace", (1 << 40) + 1, "billing.grace: at most"),
        ("billing.price_min", 0, "price_min is from 1 to price_max"),
        ("billing.price_min", 1_001, "price_min is from 1 to price_max"),
        ("billing.price_max", 9, "price_min is from 1 to price_max"),
        ("billing.rent_share", 1_001, "billing.rent_share: at most 1000"),
        ("ledger.voting", 0, "ledger.voting: 1 to"),
        ("ledger.voting", (1 << 40) + 1, "ledger.voting: 1 to"),
        ("ledger.settle_nodes", 0, "an integer from 1 to 100000"),
        ("ledger.settle_nodes", 8_193, "above half of block_bytes"),
    ],
)
def test_what_no_chain_can_live_with_is_refused_and_named(
    billed: Params, name: str, value: int, named: str | None
) -> None:
    """1.10.2."""
    if named is None:
        named = "above half of block_bytes"
        billed = with_constant(billed, "ledger.settle_nodes", 513)
    with pytest.raises(Malformed, match=named):
        with_constant(billed, name, value)


def test_where_nobody_is_billed_no_vote_changes_a_bill(params: Params) -> None:
    with pytest.raises(Malformed, match=r"billing\.grace: this chain bills nobody"):
        with_constant(params, "billing.grace", 5)


def test_the_supply_cap_falls(params: Params) -> None:
    after = with_constant(params, "ledger.supply_cap", 10**16)
    assert after == replace(params, supply_cap=Utft(10**16))


def test_names_are_those_of_the_records() -> None:
    sections = {name.partition(".")[0] for name in CHANGEABLE}
    assert sections == {"billing", "consensus", "evidence", "ledger"}
    assert all(
        name.partition(".")[2] in layout(Params).names for name in CHANGEABLE if "led" in name
    )
