"""Farming Logic v2, May 2020 to December 2021: pay by CPR, less as more coins exist (seed 001).

`TFT = CPR · (CPR price / TFT price / 6) · (1 - p)`, `CPR = 1.5·CU + SU`, `p` = TFT ever farmed over
the cap of the contract, by calendar month (rules.md 5). Hardware counts as it is at the month's end.

A gigabyte of these rules is read as a GiB, as Zero-OS measures and as the rules after them do; the
sources do not say. Every division but that of the price's growth rounds down.
"""

from dataclasses import dataclass
from typing import Final

from tfchain.base.units import (
    GIB,
    U64_MAX,
    UTFT_PER_TFT,
    Millionths,
    MilliUsd,
    PerMille,
    Seconds,
    Utft,
    mul_div_floor,
)
from tfchain.ledger.calendar import month_of
from tfchain.ledger.records import Resources
from tfchain.ledger.uptime import NONE
from tfchain.rules.regime import (
    BELOW_SLA,
    DIMINISHED,
    NO_UPTIME,
    NOTHING_OWED,
    OUT_OF_RANGE,
    PAID,
    VIOLATION,
    VIRTUALIZED,
    ZERO_PRICE,
    Capacity,
    Measured,
    Owed,
    Regime,
    Registration,
    Terms,
    named,
    numbers_of,
)

MILLION: Final = 1_000_000
WHOLE: Final = 1_000
MICRO_PER_MILLI: Final = 1_000
"""Token prices are in 10^-6 USD, as the price's growth is rounded; the CPR's price is in mUSD."""
EXHAUSTED: Final = 999
"""Per mille of the cap above which nothing is farmed any more."""
GROWTH_MONTHS_MAX: Final = 600
"""Of growth that anybody computes: fifty years of it; a contract may name no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a registration is offered."""

    token_price: int = 150_000
    """10^-6 USD for a TFT in the month that `growth_from` falls into, and before."""
    growth: int = 20
    """Per mille that each later month adds, compound."""
    growth_from: int = 1_588_291_200
    """1 May 2020."""
    growth_months: int = 7
    """Months that add; through December 2020. Then the price is voted: an offer of its own."""
    cpr_price: int = 40_000
    """mUSD."""
    parts: int = 6
    """Of the CPR's price that a month pays one of."""
    cap: int = 4_000_000_000 * UTFT_PER_TFT
    cu_cores: int = 2
    """CU a core."""
    cu_memory: int = 4
    """GiB of memory a CU, after the system's own; likewise below."""
    cu_reserved: int = 1
    su_disk: int = 1_200
    su_flash: int = 240
    """`(HRU/1000 + SRU/100/2) / 1.2`."""
    uptime: int = 980
    uptime_certified: int = 998


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    """The contract's own numbers: the whole offer, and the node as it registered."""

    tokens: int
    """utft for a full month at the price of `growth_from` while none were farmed, as registered."""
    token_price: int
    growth: int
    growth_from: int
    growth_months: int
    cpr_price: int
    parts: int
    cap: int
    cu_cores: int
    cu_memory: int
    cu_reserved: int
    su_disk: int
    su_flash: int
    uptime: int
    uptime_certified: int
    cu: int
    su: int
    cru: int
    mru: int
    hru: int
    sru: int


def compute_units(resources: Resources, own: Offer | Frozen) -> Millionths:
    """CU = min((MRU - 1)/4, 2·CRU), in millionths; less memory than is reserved gives none."""
    memory = max(0, resources.mru - own.cu_reserved * GIB) * MILLION
    return Millionths(
        min(resources.cru * own.cu_cores * MILLION, _divided(memory, own.cu_memory * GIB))
    )


def storage_units(resources: Resources, own: Offer | Frozen) -> Millionths:
    """SU = HRU/1200 + SRU/240 in millionths, divided once, last."""
    parts = resources.hru * own.su_flash + resources.sru * own.su_disk
    return Millionths(_divided(parts * MILLION, own.su_disk * own.su_flash * GIB))


def production_rate(cu: Millionths, su: Millionths) -> Millionths:
    """CPR = 1.5·CU + SU."""
    return Millionths(cu * 3 // 2 + su)


def minting_price(own: Offer | Frozen, time: Seconds) -> int:
    """10^-6 USD for a TFT in the month of `time`: compound growth, rounded half up at the end.

    "USD 0.15 plus 2 % monthly starting May 2020": May itself is at the base (decided in rules.md 5).
    """
    grown = month_of(time) - month_of(Seconds(own.growth_from))
    months = max(0, min(grown, own.growth_months, GROWTH_MONTHS_MAX))
    price, whole = own.token_price, 1
    for _ in range(months):
        price, whole = price * (WHOLE + own.growth), whole * WHOLE
    return (2 * price + whole) // (2 * whole)


def frozen(offered: tuple[int, ...], node: Registration) -> tuple[int, ...]:
    """The contract of a node that registers now, in the order of `Frozen`."""
    offer, size = named(Offer, offered), node.resources
    cu, su = compute_units(size, offer), storage_units(size, offer)
    full = _tokens(production_rate(cu, su), offer, offer.token_price, offer.cap)
    return numbers_of(
        Frozen(
            tokens=min(full, U64_MAX),
            token_price=offer.token_price,
            growth=offer.growth,
            growth_from=offer.growth_from,
            growth_months=offer.growth_months,
            cpr_price=offer.cpr_price,
            parts=offer.parts,
            cap=offer.cap,
            cu_cores=offer.cu_cores,
            cu_memory=offer.cu_memory,
            cu_reserved=offer.cu_reserved,
            su_disk=offer.su_disk,
            su_flash=offer.su_flash,
            uptime=offer.uptime,
            uptime_certified=offer.uptime_certified,
            cu=min(cu, U64_MAX),
            su=min(su, U64_MAX),
            cru=size.cru,
            mru=size.mru,
            hru=size.hru,
            sru=size.sru,
        )
    )


def owed(capacity: Capacity, terms: Terms, measured: Measured) -> Owed:
    """What a calendar month pays. Total (P12).

    `steps`: CPR in millionths, the month's token price in 10^-6 USD, TFT ever farmed in utft, utft
    for full uptime, and the month's start, from which the price follows.
    """
    own = named(Frozen, terms.own)
    cu, su = compute_units(capacity.resources, own), storage_units(capacity.resources, own)
    rate = production_rate(cu, su)
    price = minting_price(own, measured.start)
    left = _left(own, measured.minted_ever)
    full = _tokens(rate, own, price, left)
    base = _divided(rate * own.cpr_price, own.parts * MILLION)
    fits = max(full, base, price, rate) <= U64_MAX
    uptime = uptime_permille(measured)
    floor = PerMille(own.uptime_certified if capacity.certified else own.uptime)
    reason = _reason(own, measured, price, fits=fits, uptime=uptime, floor=floor)
    amount = 0 if reason else full * uptime // WHOLE
    shown = full if fits else 0
    return Owed(
        cu=Millionths(cu if fits else 0),
        su=Millionths(su if fits else 0),
        nu=Millionths(0),
        base=MilliUsd(base if fits else 0),
        base_utft=Utft(shown),
        uptime_permille=uptime,
        floor_permille=floor,
        musd=MilliUsd(0 if reason else base * uptime // WHOLE),
        amount=Utft(amount),
        reason=reason if reason or amount else NOTHING_OWED,
        steps=(
            rate if fits else 0,
            price if fits else 0,
            measured.minted_ever,
            shown,
            measured.start,
        ),
    )


def uptime_permille(measured: Measured) -> PerMille:
    """The share of the month that the node was up, at most all of it."""
    return PerMille(min(mul_div_floor(measured.uptime, WHOLE, measured.length), WHOLE))


def _tokens(rate: int, own: Offer | Frozen, price: int, left: int) -> int:
    """`CPR · price of it / token price / 6 · left / cap` in utft, multiplied out and divided once."""
    worth = rate * own.cpr_price * MICRO_PER_MILLI * UTFT_PER_TFT * left
    return _divided(worth, MILLION * price * own.parts * own.cap)


def _left(own: Frozen, minted_ever: Utft) -> int:
    """What of the cap is still to be farmed; none once more than 99.9 % was (`p > 0.999`)."""
    if minted_ever * WHOLE > EXHAUSTED * own.cap:
        return 0
    return own.cap - minted_ever


def _reason(
    own: Frozen, measured: Measured, price: int, *, fits: bool, uptime: PerMille, floor: PerMille
) -> str:
    """Why nothing is paid, or `PAID`. Who lies about uptime is paid nothing under any regime."""
    if measured.virtualized:
        return VIRTUALIZED
    if measured.violation != NONE:
        return VIOLATION
    if price == 0:
        return ZERO_PRICE
    if not fits:
        return OUT_OF_RANGE
    if uptime < floor:
        return BELOW_SLA if measured.uptime > 0 else NO_UPTIME
    return PAID if _left(own, measured.minted_ever) > 0 else DIMINISHED


def _divided(value: int, by: int) -> int:
    """Rounded down; by 0 it is 0, and pays nothing (P12)."""
    return value // by if by else 0


REGIME: Final = Regime(
    number=4, name="farming_v2", offer=Offer(), terms=Frozen, frozen=frozen, owed=owed
)
