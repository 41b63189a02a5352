"""The worked examples of every regime, recomputed by the regimes themselves.

Every example of `examples.json` is looked at once. `reproduced`: our integers say the published
figure to the last digit that was printed. `rounded`: the publisher rounded, and the test says how.
`not applicable`: a figure that nothing here can compute, and the row says why.
"""

import json
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Final, Literal

import pytest

from tfchain.base.units import (
    GIB,
    Millionths,
    MilliUsd,
    PeriodIndex,
    PerMille,
    PolicyId,
    Seconds,
    Utft,
)
from tfchain.ledger.calendar import month_start
from tfchain.ledger.records import Resources
from tfchain.ledger.uptime import ALWAYS_UP, VIOLATIONS
from tfchain.rules import uptime
from tfchain.rules.capacity import billed_units, compute_units, storage_units, vote_units
from tfchain.rules.periods import standard_bounds
from tfchain.rules.regime import Capacity, Measured, Owed, Registration, Terms, numbers_of
from tfchain.rules.regimes import farming_2018, farming_2019, farming_v2, farming_v3

Row = dict[str, object]
How = Literal["reproduced", "rounded", "not applicable"]

ROWS: Final[dict[str, Row]] = {
    row["id"]: row
    for row in json.loads((Path(__file__).parent / "examples.json").read_text(encoding="utf-8"))[
        "examples"
    ]
}
MICRO: Final = 1_000_000
TFT: Final = 10_000_000
MONTH_HOURS: Final = 24 * 30
MONTHS: Final = 60


def _in(name: str, field: str) -> Fraction:
    inputs = ROWS[name]["inputs"]
    assert isinstance(inputs, dict)
    return Fraction(str(inputs[field]))


def _out(name: str, field: str) -> str:
    expected = ROWS[name]["expected"]
    assert isinstance(expected, dict)
    return str(expected[field])


def _whole(value: Fraction) -> int:
    assert value.denominator == 1, value
    return value.numerator


def _milli(value: Fraction) -> MilliUsd:
    return MilliUsd(_whole(value * 1_000))


def _micro(value: Fraction) -> int:
    return _whole(value * MICRO)


def _floored(text: str, unit: int) -> int:
    """A figure that was computed with endless digits: ours stop at the unit, rounded down."""
    return int(Fraction(text) * unit // 1)


def _half_up(value: Fraction, digits: int) -> str:
    """As people print: to so many digits, half up."""
    scaled = value * 10**digits
    whole = int(scaled + Fraction(1, 2))
    return str(Fraction(whole, 10**digits)) if digits == 0 else f"{whole / 10**digits:.{digits}f}"


def _size(name: str, **fields: str) -> Resources:
    """The example's hardware; what it calls GB is read as GiB."""
    named = {"cru": "cru", "mru": "mru_gb", "hru": "hru_gb", "sru": "sru_gb"} | fields
    inputs = ROWS[name]["inputs"]
    assert isinstance(inputs, dict)
    found = {key: Fraction(str(inputs.get(field, 0))) for key, field in named.items()}
    return Resources(
        cru=_whole(found["cru"]),
        mru=int(found["mru"] * GIB),
        hru=int(found["hru"] * GIB),
        sru=int(found["sru"] * GIB),
    )


def _whitepaper_farm(name: str) -> How:
    token = _micro(_in(name, "tft_price_usd"))
    cu_price, su_price = _milli(_in(name, "cu_price_usd")), _milli(_in(name, "su_price_usd"))
    cu, su = (Millionths(_micro(_in(name, unit))) for unit in ("cu", "su"))
    difficulty = _whole(_in(name, "difficulty"))
    assert farming_2018.price_in_tokens(cu_price, token) == int(_out(name, "acpt")) * TFT
    assert farming_2018.price_in_tokens(su_price, token) == int(_out(name, "aspt")) * TFT
    tokens = farming_2018.tokens_per_period(cu, su, (cu_price, su_price, token), difficulty)
    assert tokens == int(_out(name, "tft_per_month")) * TFT
    assert farming_2018.Offer().periods == int(_out(name, "months"))
    return "reproduced"


def _whitepaper_cultivation(name: str) -> How:
    token = _micro(_in(name, "tft_price_usd"))
    prices = (_milli(_in(name, "cu_price_usd")), _milli(_in(name, "su_price_usd")), token)
    cu, su = (Millionths(_micro(_in(name, unit))) for unit in ("cu", "su"))
    used = PerMille(_whole(_in(name, "utilization") * 1_000))
    expected = int(_out(name, "tft_per_month")) * TFT
    assert farming_2018.cultivated(cu, su, prices, used) == expected
    return "reproduced"


def _unit_prices(name: str) -> How:
    """ASPT was printed with one digit; ACPT is whole."""
    token = _micro(_in(name, "tft_price_usd"))
    acpt = farming_2018.price_in_tokens(_milli(_in(name, "cu_price_usd")), token)
    aspt = farming_2018.price_in_tokens(_milli(_in(name, "su_price_usd")), token)
    assert acpt == int(_out(name, "acpt")) * TFT
    assert _half_up(Fraction(aspt, TFT), 1) == _out(name, "aspt_printed")
    return "rounded"


def _contract_of(name: str, regime: int) -> How:
    """CU exactly; SU and T are endless fractions, of which ours are the floors in their own units.

    T is computed from the floored SU, so that it may lie below the true figure by what a millionth
    of an SU is worth.
    """
    size = _size(name)
    token = _micro(_in(name, "tft_price_usd"))
    prices = (_milli(_in(name, "cu_price_usd")), _milli(_in(name, "su_price_usd")), token)
    module = farming_2018 if regime == 1 else farming_2019
    offer: object = module.Offer(token_price=token)
    cu = module.compute_units(size, offer)
    su = module.storage_units(size, offer)
    assert cu == _floored(_out(name, "cu"), MICRO)
    assert su == _floored(_out(name, "su"), MICRO)
    difficulty = _whole(_in(name, "difficulty"))
    tokens = module.tokens_per_period(cu, su, prices, difficulty)
    exact = Fraction(_out(name, "tft_per_month")) * TFT
    unit = Fraction(prices[1] * TFT, 1_000 * difficulty) / Fraction(token, MICRO) / MICRO
    assert exact - unit - 1 < tokens <= exact
    return "rounded"


def _v2_month(name: str) -> How:
    """CU, SU, CPR and the multiplier exactly; T is an endless fraction, ours is its floor."""
    size, ever = _size(name), Utft(_whole(_in(name, "tft_ever_farmed")) * TFT)
    offer = farming_v2.Offer(
        token_price=_micro(_in(name, "tft_price_usd")), cpr_price=_milli(_in(name, "cpr_price_usd"))
    )
    cu, su = farming_v2.compute_units(size, offer), farming_v2.storage_units(size, offer)
    assert (cu, su) == (_micro(Fraction(_out(name, "cu"))), _micro(Fraction(_out(name, "su"))))
    assert farming_v2.production_rate(cu, su) == _micro(Fraction(_out(name, "cpr")))
    assert 1 - Fraction(ever, offer.cap) == Fraction(_out(name, "difficulty_multiplier"))
    node = Registration(
        resources=size, certified=False, length=Seconds(0), policy=_terms(policy=(0, 0, 0, 0))
    )
    own = farming_v2.frozen(numbers_of(offer), node)
    measured = Measured(
        length=Seconds(1_000),
        uptime=Seconds(1_000),
        start=Seconds(offer.growth_from),
        minted_ever=ever,
    )
    terms = _terms(policy=(0, 0, 0, 0), own=own)
    found = farming_v2.owed(Capacity(resources=size, certified=False), terms, measured)
    assert found.amount == _floored(_out(name, "tft_per_month"), TFT)
    return "rounded"


def _v2_prices(name: str) -> How:
    """Each month's price half up to six digits, as rules.md 5 says."""
    expected = ROWS[name]["expected"]
    assert isinstance(expected, dict)
    months = expected["compound_from_may_is_base"]
    first = (2020 - 1970) * 12
    found = {
        month: farming_v2.minting_price(
            farming_v2.Offer(), month_start(first + int(month.partition("-")[2]) - 1)
        )
        for month in months
    }
    assert found == {month: _micro(Fraction(price)) for month, price in months.items()}
    return "reproduced"


def _explorer_units(name: str) -> How:
    """Reservation units are v2's formulas with other conversion numbers: no reserved GiB, 300 GB.

    The explorer printed three digits, half up.
    """
    offer = farming_v2.Offer(cu_reserved=0, su_flash=300)
    size = _size(name)
    cu, su = farming_v2.compute_units(size, offer), farming_v2.storage_units(size, offer)
    assert _half_up(Fraction(cu, MICRO), 3) == f"{float(_out(name, 'cu')):.3f}"
    assert _half_up(Fraction(su, MICRO), 3) == f"{float(_out(name, 'su')):.3f}"
    exact = Fraction(_out(name, "su")) * MICRO == su
    return "reproduced" if exact else "rounded"


def _terms(
    *, policy: tuple[int, ...], price: int = 80, number: int = 1, own: tuple[int, ...] = ()
) -> Terms:
    return Terms(
        policy_id=PolicyId(number),
        price_cu=policy[0],
        price_su=policy[1],
        price_nu=policy[2],
        price_ipv4=policy[3],
        minimal_uptime=95,
        policy_immutable=False,
        policy_default=False,
        connection_price=MilliUsd(price),
        own=own,
    )


DIY: Final = (2_400, 1_000, 30, 5)


def _v3(size: Resources, terms: Terms, **used: int) -> Owed:
    capacity = Capacity(resources=size, certified=False, **used)
    return farming_v3.owed(capacity, terms, Measured(length=Seconds(1_000), uptime=Seconds(1_000)))


def _calculator(name: str) -> How:
    """Printed with four digits, half up; the engine floors to whole mUSD first: 386.6625 TFT.

    The rest of the picture is a farmer's own sum over five years.
    """
    size = _size(name, cru="threads", mru="mem_gb", hru="hdd_gb", sru="ssd_gb")
    found = _v3(size, _terms(policy=DIY))
    assert _half_up(Fraction(found.cu, MICRO), 2) == _out(name, "cu")
    assert _half_up(Fraction(found.su, MICRO), 4) == _out(name, "su")
    assert Fraction(found.amount, TFT) == Fraction("386.6625")
    price = _in(name, "tft_price")
    usd = Fraction(found.cu) * 2_400 / MICRO / 1_000 / price
    assert _half_up(usd, 1) == _out(name, "cu_tft")
    storage = Fraction(37, 3) / price
    assert _half_up(storage, 4) == _out(name, "su_tft")
    assert _half_up(usd + storage, 4) == _out(name, "total_tft_month")
    power = _in(name, "power_w") / 1_000 * 24 * 365 * 5 * _in(name, "power_usd_kwh")
    costs = _in(name, "hw_usd") + power
    gross = (usd + storage) * MONTHS * _in(name, "price_after_5y")
    assert _half_up(costs, 1) == _out(name, "costs_usd")
    assert gross == Fraction(_out(name, "gross_usd"))
    assert _half_up(gross - costs, 1) == _out(name, "net_usd")
    assert _half_up((gross - costs) / costs * 100, 0) == _out(name, "roi_pct")
    return "rounded"


def _real_node(name: str) -> How:
    """Units printed with two digits, half up; NU and IPs are not known, so the mUSD are taken.

    Dollars at 80 mUSD a TFT are exactly the coins that were paid.
    """
    size = _size(name)
    cu, su = Fraction(compute_units(size), MICRO), Fraction(storage_units(size), MICRO)
    assert (_half_up(cu, 2), _half_up(su, 2)) == (_out(name, "cu"), _out(name, "su"))
    musd = _milli(Fraction(_out(name, "usd")))
    assert musd * TFT // 80 == Fraction(_out(name, "tft")) * TFT
    return "rounded"


def _real_period(name: str) -> How:
    start, end = standard_bounds(PeriodIndex(int(_out(name, "period"))))
    assert (start, end) == (_utc(_given(name, "start_utc")), _utc(_given(name, "end_utc")))
    return "reproduced"


def _given(name: str, field: str) -> str:
    inputs = ROWS[name]["inputs"]
    assert isinstance(inputs, dict)
    return str(inputs[field])


def _utc(text: str) -> int:
    """Seconds of `2022-07-01 11:44:40`, by the calendar of the rules."""
    date, _, clock = text.rstrip("Z").replace("T", " ").partition(" ")
    year, month, day = (int(part) for part in date.split("-"))
    hours, minutes, seconds = (int(part) for part in clock.split(":"))
    start = month_start((year - 1970) * 12 + month - 1)
    return start + (day - 1) * 86_400 + hours * 3_600 + minutes * 60 + seconds


def _vote_weight(name: str) -> How:
    inputs = ROWS[name]["inputs"]
    assert isinstance(inputs, dict)
    size = Resources(
        cru=inputs["cru"],
        mru=inputs["mru_bytes"],
        hru=inputs["hru_bytes"],
        sru=inputs["sru_bytes"],
    )
    cu, su = vote_units(size)
    assert (str(cu), str(su)) == (_out(name, "cu_per_node"), _out(name, "su_per_node"))
    weight = 2 * cu * inputs["nodes"] + su * inputs["nodes"]
    assert weight == int(_out(name, "weight").partition(" ")[0])
    return "reproduced"


def _pallet(name: str) -> Owed:
    inputs = ROWS[name]["inputs"]
    assert isinstance(inputs, dict)
    size = _size(name, mru="mru_gib", hru="hru_gib", sru="sru_gib")
    price = inputs["mock_connection_price"] // 10
    terms = _terms(policy=tuple(inputs["policy"]), price=price)
    return _v3(size, terms, traffic=inputs["nu_gib"] * GIB, ip_seconds=inputs["ip_seconds"])


def _pallet_full(name: str) -> How:
    """Its price stands in tenths of a mUSD; else the design's sum is ours."""
    assert _pallet(name).amount == int(_out(name, "reward_units_1e7"))
    return "reproduced"


def _pallet_gold(name: str) -> How:
    """A design that never shipped: gold a quarter more, and storage not floored before it is priced.

    The programs that paid did neither: one mUSD less here, and no quarter.
    """
    theirs = (_pallet(name).base + 1) * 5 // 4
    assert theirs * TFT // 80 == int(_out(name, "reward_units_1e7"))
    return "not applicable"


def _hourly(
    name: str, cu_price: int = 10, su_price: int = 5
) -> tuple[Fraction, Fraction, Fraction]:
    """CU, SU and mUSD an hour of capacity in use."""
    cu, su = billed_units(_size(name, mru="mru", hru="hru", sru="sru"))
    hour = Fraction(cu * cu_price + su * su_price, MICRO)
    return Fraction(cu, MICRO), Fraction(su, MICRO), hour


def _bill_of_a_contract(name: str) -> How:
    """TFT were printed with four digits, by the hour with six, half up."""
    cu, su, hour = _hourly(name)
    assert (cu, su) == (Fraction(_out(name, "cu")), Fraction(_out(name, "su")))
    assert hour == Fraction(_out(name, "musd_h"))
    month, price = hour * MONTH_HOURS / 1_000, _in(name, "tft_usd")
    assert month == Fraction(_out(name, "usd_month"))
    assert _half_up(month / price, 4) == _out(name, "tft_month")
    tft = hour / 1_000 / price
    assert _half_up(tft, 6) == _out(name, "tft_h")
    assert _half_up(tft * 4 / 10, 6) == _out(name, "gold_60pct_off_tft_h")
    return "rounded"


def _bill_of_a_node(name: str) -> How:
    """SU was printed, and then billed, with four digits, half up; the rest follows from that."""
    cu, su, _ = _hourly(name)
    assert _half_up(cu, 4) == _out(name, "cu")
    assert _half_up(su, 4) == _out(name, "su")
    hour = Fraction(_out(name, "cu")) * 10 + Fraction(_out(name, "su")) * 5
    assert hour - Fraction(_out(name, "musd_h")) in (0, Fraction(-1, 10_000), Fraction(1, 10_000))
    month = Fraction(_out(name, "musd_h")) * MONTH_HOURS / 1_000
    assert month == Fraction(_out(name, "usd_month"))
    assert month / 2 == Fraction(_out(name, "dedicated_50pct_usd"))
    assert month / 2 * 4 / 10 == Fraction(_out(name, "gold_60pct_more_usd"))
    return "rounded"


def _bill_of_the_calculator(name: str) -> How:
    """Dollars exactly; the TFT price of the day is not in the picture but in its two quotients."""
    size = _size(name, cru="vcpu", mru="mem_gb", hru="hdd_gb", sru="ssd_gb")
    cu, su = billed_units(size)
    usd = Fraction(cu * 10 + su * 5, MICRO * 1_000) * MONTH_HOURS
    assert _half_up(usd, 2) == _out(name, "undiscounted_usd")
    printed = Fraction(_out(name, "undiscounted_usd"))
    assert printed * 7 / 10 == Fraction(_out(name, "shared_bronze_usd"))
    assert printed / 2 * 6 / 10 == Fraction(_out(name, "dedicated_silver_usd"))
    prices = [
        Fraction(_out(name, f"{way}_usd")) / Fraction(_out(name, f"{kind}_tft"))
        for way, kind in (("shared_bronze", "shared"), ("dedicated_silver", "dedicated"))
    ]
    assert all(_half_up(price, 3) == "0.017" for price in prices)
    return "rounded"


def _bill_of_an_issue(name: str) -> How:
    """Units exactly; TFT within a twentieth of a per cent: its price of TFT was not printed whole."""
    cu, su, hour = _hourly(name)
    assert (cu, su) == (Fraction(_out(name, "cu")), Fraction(_out(name, "su")))
    assert hour == Fraction(_out(name, "musd_h"))
    tft = hour / 1_000 * 7 / 10 * _in(name, "usd_to_tft")
    for found, field in ((tft, "tft_h"), (tft * MONTH_HOURS, "tft_month")):
        printed = Fraction(_out(name, field))
        assert abs(found - printed) * 2_000 < printed
    return "rounded"


def _periods(name: str) -> How:
    expected, first = ROWS[name]["expected"], _whole(_in(name, "first_period"))
    assert isinstance(expected, dict)
    rows = expected.get("rows") or [row[1:] for row in expected["correct"]]
    assert len(rows) == 12
    for number, (start, end) in enumerate(rows, start=first):
        assert standard_bounds(PeriodIndex(number)) == (_utc(start), _utc(end))
    return "reproduced"


def _period_start(name: str) -> How:
    period = PeriodIndex(_whole(_in(name, "period")))
    assert standard_bounds(period)[0] == _utc(_out(name, "start"))
    return "reproduced"


def _real_violation(name: str) -> How:
    """A clock that went back a second within six: an invalid reboot, and nothing is paid."""
    inputs = ROWS[name]["inputs"]
    assert isinstance(inputs, dict)
    limits = uptime.UptimeLimits(
        grace=Seconds(60),
        skew=Seconds(120),
        report_cap=Seconds(2_460),
        sleep_max=Seconds(86_400),
        boot_max=Seconds(1_800),
        sleep_credit_max=Seconds(2_460),
    )
    start, end = standard_bounds(PeriodIndex(49))
    account = uptime.opened(start, end, ALWAYS_UP, wake_from=start)
    for _block, time, up in inputs["reports"]:
        now = Seconds(time)
        account = uptime.report(account, limits, now, now, Seconds(up), after=False)
    assert VIOLATIONS[account.violation] == "invalid_reboot"
    return "reproduced"


def _no_inputs(_name: str) -> How:
    """Amounts without the capacity, use or price that they came from: records, not sums."""
    return "not applicable"


LOOKED_AT: Final[dict[str, Callable[[str], How]]] = {
    "v1-farm-whitepaper": _whitepaper_farm,
    "v1-cultivation-whitepaper": _whitepaper_cultivation,
    "v1-acpt": _unit_prices,
    "v1-rule-2018-computed": lambda name: _contract_of(name, 1),
    "v1-rule-2019-computed": lambda name: _contract_of(name, 2),
    "v2-computed-supply-800000000": _v2_month,
    "v2-computed-supply-0": _v2_month,
    "v2-price-series-computed": _v2_prices,
    "v2-explorer-2-4-0-0": _explorer_units,
    "v2-explorer-0-0-1200-0": _explorer_units,
    "v2-explorer-0-0-0-300": _explorer_units,
    "v2-explorer-2-4-1000-100": _explorer_units,
    "v2-explorer-1-2-600-0": _explorer_units,
    "v3-calculator-simulator-png": _calculator,
    "v3-real-node1-explorer": _real_node,
    "v3-real-node1-monthly": _no_inputs,
    "v3-real-hash-only": _real_period,
    "v3-dao-weight": _vote_weight,
    "v3-pallet-minting-full": _pallet_full,
    "v3-pallet-minting-gold": _pallet_gold,
    "price-node-contract": _bill_of_a_contract,
    "price-rent-node-83": _bill_of_a_node,
    "price-calculator-png": _bill_of_the_calculator,
    "price-issue-871": _bill_of_an_issue,
    "price-issue-964-real-bills": _no_inputs,
    "periods-2022": _periods,
    "period-72-forum": _period_start,
    "periods-2025-doc-error": _periods,
    "uptime-violation-zos1713": _real_violation,
}


def test_every_example_is_looked_at() -> None:
    assert list(LOOKED_AT) == list(ROWS)


@pytest.mark.parametrize("name", LOOKED_AT)
def test_an_example_comes_out_as_published(name: str) -> None:
    LOOKED_AT[name](name)


def test_so_many_examples_are_reproduced(capsys: pytest.CaptureFixture[str]) -> None:
    ways = [look(name) for name, look in LOOKED_AT.items()]
    counts = {way: ways.count(way) for way in ("reproduced", "rounded", "not applicable")}
    with capsys.disabled():
        told = ", ".join(f"{way} {count}" for way, count in counts.items())
        sys.stdout.write(f"\nexamples: {told}\n")
    assert counts == {"reproduced": 14, "rounded": 12, "not applicable": 3}
