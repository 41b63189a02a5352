"""What a period is worth under `farming_v3`, and why nothing is paid (rules.md 2.3)."""

from dataclasses import replace

import pytest

from tfchain.base.units import GIB, U64_MAX, MilliUsd, PolicyId, Seconds
from tfchain.ledger.records import Resources
from tfchain.ledger.uptime import CLOCK_SKEW
from tfchain.rules.regime import REASONS, Capacity, Measured, Terms
from tfchain.rules.regimes.farming_v3 import REGIME, owed

MACHINE = Resources(cru=4, mru=33 * GIB, hru=1_200 * GIB, sru=500 * GIB)
"""8 CU, 3 SU: 8 x 2400 + 3 x 1000 = 22,200 mUSD under the first policy."""
DIY = Capacity(resources=MACHINE, certified=False)
CERTIFIED = Capacity(resources=MACHINE, certified=True)
TERMS = Terms(
    policy_id=PolicyId(1),
    price_cu=2_400,
    price_su=1_000,
    price_nu=30,
    price_ipv4=5,
    minimal_uptime=95,
    policy_immutable=False,
    policy_default=True,
    connection_price=MilliUsd(80),
)
SECOND = replace(TERMS, policy_id=PolicyId(2))
THIRD = replace(TERMS, policy_id=PolicyId(3))
OLD_GOLD = replace(THIRD, policy_default=False)
FOURTH = replace(TERMS, policy_id=PolicyId(4), minimal_uptime=900)
LENGTH = Seconds(1_000_000)


def _up(permille: int) -> Measured:
    return Measured(length=LENGTH, uptime=Seconds(permille * 1_000))


def test_a_full_period_with_every_integer() -> None:
    result = owed(DIY, TERMS, _up(1_000))
    assert (result.cu, result.su, result.nu) == (8_000_000, 3_000_000, 0)
    assert (result.base, result.base_utft) == (22_200, 2_775_000_000)
    assert (result.uptime_permille, result.floor_permille) == (1_000, 950)
    assert (result.musd, result.amount, result.reason) == (22_200, 2_775_000_000, "")


def test_traffic_and_addresses_are_paid_by_use() -> None:
    capacity = replace(DIY, traffic=10 * GIB, ip_seconds=7_200)
    assert owed(capacity, TERMS, _up(1_000)).base == 22_200 + 300 + 10


def test_certified_hardware_earns_a_quarter_more_under_the_first_policy_alone() -> None:
    assert owed(CERTIFIED, TERMS, _up(1_000)).musd == 27_750
    assert owed(CERTIFIED, SECOND, _up(1_000)).musd == 22_200


@pytest.mark.parametrize(
    ("capacity", "terms", "permille", "musd"),
    [
        pytest.param(DIY, TERMS, 950, 21_090, id="DIY at its floor: prorated"),
        pytest.param(DIY, TERMS, 949, 0, id="DIY below"),
        pytest.param(CERTIFIED, SECOND, 980, 21_756, id="certified at its floor: prorated"),
        pytest.param(CERTIFIED, SECOND, 979, 0, id="certified below"),
        pytest.param(DIY, SECOND, 951, 21_112, id="rounded down"),
        pytest.param(DIY, OLD_GOLD, 950, 21_090, id="the third policy as first written: prorated"),
        pytest.param(DIY, OLD_GOLD, 949, 0, id="and with its floor"),
        pytest.param(DIY, THIRD, 95, 22_200, id="a default third policy: its own minimum, in full"),
        pytest.param(DIY, THIRD, 94, 0, id="below that"),
        pytest.param(
            DIY, replace(OLD_GOLD, policy_immutable=True), 95, 22_200, id="an immutable third"
        ),
        pytest.param(
            DIY, replace(OLD_GOLD, minimal_uptime=96), 96, 22_200, id="a third with another minimum"
        ),
        pytest.param(DIY, FOURTH, 900, 22_200, id="a later policy: in full from its minimum on"),
        pytest.param(DIY, FOURTH, 899, 0, id="nothing below"),
        pytest.param(DIY, FOURTH, 1_200, 22_200, id="more than the period is the period"),
    ],
)
def test_uptime_decides(capacity: Capacity, terms: Terms, permille: int, musd: int) -> None:
    result = owed(capacity, terms, _up(permille))
    assert result.musd == musd
    assert (result.amount > 0) == (musd > 0)
    assert result.reason == ("" if musd else "below_sla")


def test_the_price_divides_before_the_uptime() -> None:
    terms = replace(TERMS, connection_price=MilliUsd(7))
    result = owed(DIY, terms, _up(951))
    assert result.amount == (22_200 * 10**7 // 7) * 951 // 1_000


FREE_IPS = replace(TERMS, price_ipv4=0)
BARE = Capacity(resources=Resources(cru=0, mru=0, hru=0, sru=0), certified=False)


@pytest.mark.parametrize(
    ("capacity", "terms", "measured", "reason"),
    [
        pytest.param(DIY, TERMS, replace(_up(999), virtualized=True), "virtualized", id="virtual"),
        pytest.param(DIY, TERMS, replace(_up(999), violation=CLOCK_SKEW), "violation", id="skew"),
        pytest.param(
            DIY, replace(TERMS, connection_price=MilliUsd(0)), _up(999), "zero_price", id="price 0"
        ),
        pytest.param(
            replace(DIY, ip_seconds=U64_MAX), TERMS, _up(999), "out_of_range", id="endless IPs"
        ),
        pytest.param(
            replace(DIY, ip_seconds=U64_MAX + 1),
            FREE_IPS,
            _up(999),
            "out_of_range",
            id="too many IPs",
        ),
        pytest.param(
            replace(DIY, traffic=U64_MAX << 20), TERMS, _up(999), "out_of_range", id="all traffic"
        ),
        pytest.param(DIY, TERMS, _up(0), "no_uptime", id="never up"),
        pytest.param(DIY, TERMS, _up(1), "below_sla", id="hardly up"),
        pytest.param(BARE, TERMS, _up(999), "nothing_owed", id="no capacity"),
    ],
)
def test_nothing_is_paid_and_the_receipt_says_why(
    capacity: Capacity, terms: Terms, measured: Measured, reason: str
) -> None:
    result = owed(capacity, terms, measured)
    assert (result.musd, result.amount, result.reason) == (0, 0, reason)
    assert reason in REASONS
    assert max(result.base, result.base_utft, result.nu) <= U64_MAX


def test_a_policy_without_a_minimum_pays_a_node_that_never_was_up() -> None:
    """The public rule, kept: `0 < 0` is false, and what is not below is paid in full."""
    result = owed(DIY, replace(FOURTH, minimal_uptime=0), _up(0))
    assert (result.musd, result.reason) == (22_200, "")


def test_it_stands_under_number_three() -> None:
    assert (REGIME.number, REGIME.name, REGIME.owed) == (3, "farming_v3", owed)
