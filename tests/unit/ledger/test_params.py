"""Constants of a chain: periods, regimes and fees are found where they stand, and all are hashed."""

from dataclasses import fields, replace

import pytest

from tfchain.base.crypto import digest
from tfchain.base.shapes import decode_record, encode_record
from tfchain.base.units import Address, MilliUsd, PeriodIndex, PerMille, ScheduleId, Seconds, Utft
from tfchain.errors import Malformed
from tfchain.ledger.params import BillingRow, FeeRow, Params, RegimeRow, params_hash

START = 1_700_000_000
BILLING = BillingRow(
    period=Seconds(10),
    contracts=4,
    grace=Seconds(30),
    price_cu=4,
    price_su=3,
    price_nu=2,
    price_ip=1,
    rent_share=PerMille(500),
    price_min=MilliUsd(10),
    price_max=MilliUsd(1_000),
    line_rate=1_000,
    report_spacing=Seconds(1),
    foundation=Address(bytes([1]) * 32),
    tf_tech=Address(bytes([2]) * 32),
    staking=Address(bytes([3]) * 32),
)


@pytest.mark.parametrize(
    ("time", "period"),
    [
        pytest.param(START - 1, None, id="a second before the first period"),
        pytest.param(0, None, id="1970"),
        pytest.param(START, 0, id="the first second"),
        pytest.param(START + 59, 0, id="the last second of period 0"),
        pytest.param(START + 60, 1, id="the end belongs to the next period"),
        pytest.param(START + 60 * 1_000 - 1, 999, id="much later"),
    ],
)
def test_a_time_falls_into_one_period(params: Params, time: int, period: int | None) -> None:
    assert params.schedule(ScheduleId(0)).index_of(Seconds(time)) == period


@pytest.mark.parametrize("period", [0, 1, 7, 4_000])
def test_a_period_ends_where_the_next_one_starts(params: Params, period: int) -> None:
    row = params.schedule(ScheduleId(0))
    start = row.start_of(PeriodIndex(period))
    assert row.index_of(start) == period
    assert row.start_of(PeriodIndex(period + 1)) == start + row.length
    assert row.index_of(Seconds(start + row.length - 1)) == period


def test_a_schedule_is_found_by_its_number(params: Params) -> None:
    other = replace(params.schedules[0], id=ScheduleId(4), name="fixed")
    both = replace(params, schedules=(*params.schedules, other))
    assert both.schedule(ScheduleId(4)) is other
    assert both.schedule(ScheduleId(0)) is params.schedules[0]


@pytest.mark.parametrize(
    ("time", "regime"),
    [
        pytest.param(9, None, id="before any regime"),
        pytest.param(10, 3, id="at its start"),
        pytest.param(19, 3, id="a second before the next"),
        pytest.param(20, 5, id="the last row that has started"),
        pytest.param(1 << 40, 5, id="long after"),
    ],
)
def test_the_regime_is_the_last_that_has_started(
    params: Params, time: int, regime: int | None
) -> None:
    table = tuple(
        RegimeRow(start=Seconds(start), regime=number, schedule=ScheduleId(0))
        for start, number in ((10, 3), (20, 4), (20, 5))
    )
    found = replace(params, regimes=table).regime_at(Seconds(time))
    assert (None if found is None else found.regime) == regime


def test_a_kind_without_a_row_is_free(params: Params) -> None:
    odd = replace(params, fees=(FeeRow(kind=1, fee=Utft(5)), FeeRow(kind=10, fee=Utft(7))))
    assert [odd.fee_of(kind) for kind in (0, 1, 7, 10)] == [0, 5, 0, 7]


def test_params_go_to_bytes_and_come_back(params: Params) -> None:
    assert decode_record(Params, encode_record(params)) == params
    assert params_hash(params) == digest(b"tf/params", encode_record(params))


@pytest.mark.parametrize("name", [field.name for field in fields(Params)])
def test_every_constant_is_in_the_hash(params: Params, name: str) -> None:
    """1.10.3."""
    value = getattr(params, name)
    match value:
        case int():
            other: object = value + 1
        case str():
            other = value + "x"
        case tuple():
            other = value[:-1]
        case None:
            assert name == "billing", "nothing else may be absent"
            other = BILLING
        case _:
            first = fields(value)[0].name
            other = replace(value, **{first: getattr(value, first) + 1})
    assert params_hash(replace(params, **{name: other})) != params_hash(params)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", [field.name for field in fields(BillingRow)])
def test_every_term_of_billing_is_in_the_hash(params: Params, name: str) -> None:
    value = getattr(BILLING, name)
    other = value + 1 if isinstance(value, int) else bytes([9]) * 32
    bills = replace(params, billing=BILLING)
    after = replace(params, billing=replace(BILLING, **{name: other}))  # type: ignore[arg-type]
    assert params_hash(after) != params_hash(bills) != params_hash(params)
    assert decode_record(Params, encode_record(after)) == after


@pytest.mark.parametrize("nodes", [0, 100_001])
def test_a_block_settles_at_least_one_node(params: Params, nodes: int) -> None:
    raw = encode_record(params)
    at = raw.rindex(bytes.fromhex("cd01f4"))
    spelled = b"\x00" if nodes == 0 else b"\xce" + nodes.to_bytes(4, "big")
    with pytest.raises(Malformed, match="settle_nodes"):
        decode_record(Params, raw[:at] + spelled + raw[at + 3 :])
