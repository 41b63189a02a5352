"""What capacity costs its user, hour by hour, and who gets what of it (rules.md 4, tfchain A4.5).

Use is counted as an exact fraction of a unit of 1e-7 USD, so that it may be billed at any moment;
each bill rounds once to USD units and once to TFT, half up, as the real chain does. Whatever would
outgrow its field stays at the greatest number that it holds (P12).
"""

from dataclasses import dataclass
from typing import Final

from tfchain.base.units import (
    U64_MAX,
    U128_MAX,
    MilliUsd,
    PerMille,
    Seconds,
    Utft,
    mul_div_floor,
)
from tfchain.ledger.params import BillingRow
from tfchain.ledger.records import Resources
from tfchain.rules.capacity import MILLION, billed_units

HOUR: Final = 3_600
MONTH: Final = 30 * 24 * HOUR
PARTS: Final = HOUR * MILLION
"""Parts of a USD unit in which use is counted: prices are by the hour, CU and SU in millionths."""
GB: Final = 1_000_000_000
USD_UNITS: Final = 10_000
"""Units of 1e-7 USD in a mUSD."""

LEVELS: Final = ("none", "default", "bronze", "silver", "gold")
"""Discounts for users who hold many months' worth; what is stored is the place in this list."""
_HELD: Final = ((180, 400), (60, 600), (30, 700), (15, 800))
"""Tenths of months that the balance would last, and what is paid of the price, per mille."""


def capacity_cost(row: BillingRow, used: Resources, elapsed: int) -> int:
    """CU and SU of resources in use for so many seconds, in parts of a USD unit."""
    cu, su = billed_units(used)
    return (cu * row.price_cu + su * row.price_su) * elapsed


def ip_cost(row: BillingRow, public_ips: int, elapsed: int) -> int:
    """Public IPs for so many seconds, in parts."""
    return public_ips * row.price_ip * MILLION * elapsed


def certified(cost: int) -> int:
    """A certified node costs a quarter more. The real chain means to, and never does."""
    return cost * 5 // 4


def rented(row: BillingRow, cost: int) -> int:
    """Who rents a node as a whole pays this share of the price of its resources."""
    return mul_div_floor(cost, row.rent_share, 1_000)


def extra_cost(fee: MilliUsd, elapsed: int) -> int:
    """The farmer's own monthly fee for so many seconds, in parts; 720 hours are a month."""
    return mul_div_floor(fee * USD_UNITS * elapsed, PARTS, MONTH)


def network_cost(row: BillingRow, traffic: int, window: int) -> int:
    """Traffic in bytes of a window, in parts: a GB and hour, as the real chain counts (A4.6)."""
    return mul_div_floor(traffic * row.price_nu * window, MILLION, GB)


def added(known: int, cost: int) -> int:
    """A sum of parts, at most what its field holds."""
    return min(known + cost, U128_MAX)


def owed_together(known: Utft, due: Utft) -> Utft:
    """A sum of coins, at most what its field holds."""
    return Utft(min(known + due, U64_MAX))


def clamped(row: BillingRow, price: MilliUsd) -> MilliUsd:
    """The TFT price that bills go by: mUSD for a TFT within the chain's bounds."""
    return MilliUsd(min(max(price, row.price_min), row.price_max))


def coins(parts: int, price: MilliUsd) -> Utft:
    """What parts of a USD unit come to in TFT, each step rounded half up."""
    usd = _nearest(parts, PARTS)
    return Utft(min(_nearest(usd * 1_000, price), U64_MAX))


def discounted(due: Utft, balance: Utft, elapsed: Seconds) -> tuple[Utft, int]:
    """What is left to pay, rounded down, and the level: by how many months the balance would last.

    `elapsed`: seconds that the bill is for; a bill for no time has no discount.
    """
    if elapsed == 0 or due == 0:
        return due, 0
    monthly = _nearest(due * MONTH, elapsed)
    for place, (tenths, permille) in enumerate(_HELD):
        if balance * 10 >= tenths * monthly:
            return Utft(mul_div_floor(due, permille, 1_000)), len(LEVELS) - 1 - place
    return due, 0


def _nearest(value: int, by: int) -> int:
    """Rounded to the nearest, a half up."""
    return (2 * value + by) // (2 * by)


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Of a sale, per mille: what goes where, and who gets what is left: the farmer, or nobody."""

    foundation: PerMille
    tf_tech: PerMille
    tf_tech_certified: PerMille
    """Instead of `tf_tech`, for use of certified hardware."""
    staking: PerMille
    burns_rest: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """A sale in units; together exactly what was paid."""

    foundation: Utft
    tf_tech: Utft
    staking: Utft
    farmer: Utft
    burned: Utft


CULTIVATION: Final = Split(
    foundation=PerMille(100),
    tf_tech=PerMille(0),
    tf_tech_certified=PerMille(100),
    staking=PerMille(0),
    burns_rest=False,
)
"""Until 2021 (rules.md 4): a tenth to the Foundation, of certified hardware a tenth to TF Tech, and
the rest is what the farmer cultivates, paid at once."""
GRID_3: Final = Split(
    foundation=PerMille(100),
    tf_tech=PerMille(500),
    tf_tech_certified=PerMille(500),
    staking=PerMille(50),
    burns_rest=True,
)
"""From 2022 on (tfchain A4.9): the farmer is paid by farming, and 35 % are burned."""
SPLITS: Final = {
    "farming_2018": CULTIVATION,
    "farming_2019": CULTIVATION,
    "farming_v2": CULTIVATION,
    "farming_v3": GRID_3,
    "farming_v3_lockup": GRID_3,
}
"""By the name of the regime that the node registered under."""


def shares(split: Split, paid: Utft, *, is_certified: bool) -> Shares:
    """Who gets what; parts to the nearest unit, a half down, and the rest is what they leave."""
    tech = split.tf_tech_certified if is_certified else split.tf_tech
    foundation, to_tech, staking = (
        _part(paid, permille) for permille in (split.foundation, tech, split.staking)
    )
    rest = Utft(paid - foundation - to_tech - staking)
    return Shares(
        foundation=foundation,
        tf_tech=to_tech,
        staking=staking,
        farmer=Utft(0) if split.burns_rest else rest,
        burned=rest if split.burns_rest else Utft(0),
    )


def _part(paid: Utft, permille: PerMille) -> Utft:
    return Utft((2 * paid * permille + 999) // 2_000)
