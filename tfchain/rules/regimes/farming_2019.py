"""Farming from January 2019 to April 2020: a contract for sixty months, in other units than before.

`T = (CU·ACPT + SU·ASPT) / D` (seed 003, rules.md 4), computed once, when the farming pool registers;
a period pays T or nothing. Cores count double now, flash no longer bounds CU, and a SU takes less of
it. What the contract counts is the pool as registered: later hardware neither adds nor takes.

A gigabyte of these rules is read as a GiB, as Zero-OS measures and as the rules after them do; the
sources do not say. Every division rounds down, so that the ledger keeps what makes no whole unit.
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
    Utft,
    mul_div_floor,
)
from tfchain.ledger.records import Resources
from tfchain.ledger.uptime import NONE
from tfchain.rules.regime import (
    BELOW_SLA,
    COMPLETE,
    FREE,
    MANAGED,
    NO_UPTIME,
    NOTHING_OWED,
    OUT_OF_RANGE,
    PAID,
    STREAK_MAX,
    UNMANAGED_REFURBISHED,
    UNTIL_POOL_USED,
    VIOLATION,
    VIRTUALIZED,
    VOID,
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
"""Token prices are in 10^-6 USD, for they were stated to four decimals; unit prices are in mUSD."""
MISSED_MAX: Final = 3
"""Periods in breach in a row that void a contract ("3 months breach of uptime")."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a registration is offered; from February 2020 at a token price of 0.15 USD."""

    token_price: int = 120_000
    """10^-6 USD for a TFT."""
    cu_price: int = 15_000
    """mUSD a month, unmanaged and new."""
    su_price: int = 10_000
    cu_price_refurbished: int = 15_000
    su_price_refurbished: int = 10_000
    cu_price_managed: int = 15_000
    su_price_managed: int = 10_000
    difficulty: int = 8
    cu_cores: int = 2
    """CU a core."""
    cu_memory: int = 4
    """GiB of memory a CU; likewise below."""
    cu_memory_share: int = 950
    """Per mille of the memory that is sold."""
    su_disk: int = 1_093
    su_flash: int = 92
    uptime: int = 995
    """Per mille that is guaranteed, but by managed pools, which state their own."""
    utilisation: int = 300
    """Per mille of the pool that must be in use before coins of uncertified capacity are free."""
    periods: int = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    """The digital contract of seed 003: whatever is voted later, a pool's terms are these."""

    tokens: int
    """utft for a full period; 2^64 - 1 where it would be more than any account holds."""
    token_price: int
    cu_price: int
    su_price: int
    difficulty: int
    cu_cores: int
    cu_memory: int
    cu_memory_share: int
    su_disk: int
    su_flash: int
    uptime: int
    utilisation: int
    length: int
    """Seconds of a period."""
    periods: int
    cu: int
    """The pool as registered: units in millionths, cores, bytes."""
    su: int
    cru: int
    mru: int
    hru: int
    sru: int


def compute_units(resources: Resources, offer: Offer) -> Millionths:
    """CU = min(2·CRU, MRU/4 · 0.95), in millionths; the memory's part is floored once."""
    memory = resources.mru * MILLION * offer.cu_memory_share
    return Millionths(
        min(
            resources.cru * offer.cu_cores * MILLION,
            _divided(memory, offer.cu_memory * GIB * WHOLE),
        )
    )


def storage_units(resources: Resources, offer: Offer) -> Millionths:
    """SU = HRU/1093 + SRU/92 in millionths, divided once, last."""
    parts = resources.hru * offer.su_flash + resources.sru * offer.su_disk
    return Millionths(_divided(parts * MILLION, offer.su_disk * offer.su_flash * GIB))


def tokens_per_period(cu: Millionths, su: Millionths, prices: tuple[int, int, int], d: int) -> int:
    """T in utft: `prices` of a CU, a SU (mUSD) and a token (10^-6 USD), `d` the difficulty.

    Multiplied out and divided once, last, so that neither ACPT nor ASPT is rounded on its own.
    """
    cu_price, su_price, token_price = prices
    worth = (cu * cu_price + su * su_price) * MICRO_PER_MILLI * UTFT_PER_TFT
    return _divided(worth, MILLION * token_price * d)


def frozen(offered: tuple[int, ...], node: Registration) -> tuple[int, ...]:
    """The contract of a pool that registers now, in the order of `Frozen`."""
    offer = named(Offer, offered)
    cu_price, su_price = _pool_prices(offer, node.pool)
    cu, su = compute_units(node.resources, offer), storage_units(node.resources, offer)
    prices = (cu_price, su_price, offer.token_price)
    size = node.resources
    return numbers_of(
        Frozen(
            tokens=min(tokens_per_period(cu, su, prices, offer.difficulty), U64_MAX),
            token_price=offer.token_price,
            cu_price=cu_price,
            su_price=su_price,
            difficulty=offer.difficulty,
            cu_cores=offer.cu_cores,
            cu_memory=offer.cu_memory,
            cu_memory_share=offer.cu_memory_share,
            su_disk=offer.su_disk,
            su_flash=offer.su_flash,
            uptime=node.guarantee if node.pool == MANAGED else offer.uptime,
            utilisation=offer.utilisation,
            length=node.length,
            periods=offer.periods,
            cu=min(cu, U64_MAX),
            su=min(su, U64_MAX),
            cru=size.cru,
            mru=size.mru,
            hru=size.hru,
            sru=size.sru,
        )
    )


def owed(capacity: Capacity, terms: Terms, measured: Measured) -> Owed:
    """What one of the contract's own periods pays. Total (P12).

    `steps`: which period, its start, uptime in period 0, breaches in a row before, and the utft that
    are due if nothing stands against it.
    """
    own = named(Frozen, terms.own)
    uptime = uptime_permille(measured)
    floor = _floor(own, measured)
    full = own.tokens if own.tokens < U64_MAX else 0
    worth = _divided(own.cu * own.cu_price + own.su * own.su_price, MILLION * own.difficulty)
    base = worth if worth <= U64_MAX else 0
    due = _part(full, own, measured)
    reason = _reason(own, measured, uptime, floor)
    used = measured.used > own.utilisation  # "more than 30 % utilization"
    amount = 0 if reason else due
    return Owed(
        cu=Millionths(own.cu),
        su=Millionths(own.su),
        nu=Millionths(0),
        base=MilliUsd(base),
        base_utft=Utft(full),
        uptime_permille=uptime,
        floor_permille=floor,
        musd=MilliUsd(0 if reason else _part(base, own, measured)),
        amount=Utft(amount),
        reason=reason if reason or amount else NOTHING_OWED,
        missed=_missed(own, measured, uptime, floor),
        lock=FREE if capacity.certified or used else UNTIL_POOL_USED,
        used_for=min(measured.used_before + 1, STREAK_MAX) if used else 0,
        steps=(measured.index, measured.start, measured.first, measured.missed, due),
    )


def uptime_permille(measured: Measured) -> PerMille:
    """The share of the period that the node was up, at most all of it."""
    return PerMille(min(mul_div_floor(measured.uptime, WHOLE, measured.length), WHOLE))


def _part(full: int, own: Frozen, measured: Measured) -> int:
    """Of a full period's pay: the time online in the first, the rest of it after the last.

    Both together are one period's pay to the unit, so that a contract pays sixty times T.
    """
    if measured.index == 0:
        return full * min(measured.uptime, measured.length) // measured.length
    if measured.index == own.periods:
        return full - full * min(measured.first, measured.length) // measured.length
    return full


def _floor(own: Frozen, measured: Measured) -> PerMille:
    """Least uptime that is paid. None is asked of the first period: it pays the time online."""
    return PerMille(0 if measured.index == 0 else own.uptime)


def _missed(own: Frozen, measured: Measured, uptime: PerMille, floor: PerMille) -> int:
    """Breaches in a row, with this period's; a contract that is void stays void."""
    if measured.missed >= MISSED_MAX or measured.index > own.periods:
        return measured.missed
    return measured.missed + 1 if uptime < floor else 0


def _reason(own: Frozen, measured: Measured, uptime: PerMille, floor: PerMille) -> str:
    """Why nothing is paid, or `PAID`. Who lies about uptime is paid nothing under any regime."""
    if measured.virtualized or measured.violation != NONE:
        return VIRTUALIZED if measured.virtualized else VIOLATION
    if measured.missed >= MISSED_MAX or measured.index > own.periods:
        return VOID if measured.missed >= MISSED_MAX else COMPLETE
    if own.token_price == 0 or own.difficulty == 0:
        return ZERO_PRICE
    if own.tokens == U64_MAX:
        return OUT_OF_RANGE
    if measured.uptime == 0:
        return NO_UPTIME
    return BELOW_SLA if uptime < floor else PAID


def _pool_prices(offer: Offer, pool: int) -> tuple[int, int]:
    if pool == MANAGED:
        return offer.cu_price_managed, offer.su_price_managed
    if pool == UNMANAGED_REFURBISHED:
        return offer.cu_price_refurbished, offer.su_price_refurbished
    return offer.cu_price, offer.su_price


def _divided(value: int, by: int) -> int:
    """Rounded down; by 0 it is 0, and pays nothing (P12)."""
    return value // by if by else 0


REGIME: Final = Regime(
    number=2, name="farming_2019", offer=Offer(), terms=Frozen, frozen=frozen, owed=owed
)
