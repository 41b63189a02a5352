"""TFGrid 3 farming for nodes from January 2024 on: paid as before, but locked (rules.md 2.3, 7).

Coins are free once the node has been two years on the grid, or was used for three periods.

Every division rounds down: the ledger keeps what does not make a whole mUSD or utft.
"""

from dataclasses import dataclass
from typing import Final

from tfchain.base.units import (
    U64_MAX,
    UTFT_PER_TFT,
    Millionths,
    MilliUsd,
    PerMille,
    PolicyId,
    Seconds,
    Utft,
    mul_div_floor,
)
from tfchain.ledger.uptime import NONE
from tfchain.rules.capacity import MILLION, compute_units, network_units, storage_units
from tfchain.rules.regime import (
    BELOW_SLA,
    FREE,
    MUST_REGISTER,
    NO_UPTIME,
    NOTHING_OWED,
    OUT_OF_RANGE,
    PAID,
    STREAK_MAX,
    UNTIL_OLD_OR_USED,
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

DIY_POLICY: Final = PolicyId(1)
PRORATED_POLICIES: Final = (PolicyId(1), PolicyId(2))
OLD_GOLD_POLICY: Final = PolicyId(3)
"""Prorated too where it is the third policy as first written: neither default nor immutable."""
OLD_GOLD_MINIMUM: Final = 95
FLOOR_DIY: Final = PerMille(950)
FLOOR_CERTIFIED: Final = PerMille(980)
WHOLE: Final = 1_000
MISSED_MAX: Final = 3
"""Periods below the least uptime in a row, after which a node must register anew (rules.md 6)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """When coins are free; policies and the connection price are votes of their own."""

    age: int = 63_141_120
    """Seconds from a node's first report: twenty-four standard months."""
    utilisation: int = 300
    """Per mille of the node in use ..."""
    used_periods: int = 3
    """... in so many periods in a row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    """What stood when the node registered, to be shown; pay follows policy, price and hardware."""

    tokens: int
    """utft for a full period; 2^64 - 1 where it would be more than any account holds."""
    uptime: int
    """Least per mille that is paid."""
    age: int
    utilisation: int
    used_periods: int
    length: int
    cu: int
    su: int
    cru: int
    mru: int
    hru: int
    sru: int


def frozen(offered: tuple[int, ...], node: Registration) -> tuple[int, ...]:
    """The terms of a node that registers now, in the order of `Frozen`."""
    offer = named(Offer, offered)
    capacity = Capacity(resources=node.resources, certified=node.certified)
    size, price = node.resources, node.policy.connection_price
    cu, su = compute_units(size), storage_units(size)
    base = _base(capacity, node.policy, (cu, su, 0))
    return numbers_of(
        Frozen(
            tokens=min(mul_div_floor(base, UTFT_PER_TFT, price) if price > 0 else 0, U64_MAX),
            uptime=_share(capacity, node.policy, PerMille(WHOLE))[0],
            age=offer.age,
            utilisation=offer.utilisation,
            used_periods=offer.used_periods,
            length=node.length,
            cu=min(cu, U64_MAX),
            su=min(su, U64_MAX),
            cru=size.cru,
            mru=size.mru,
            hru=size.hru,
            sru=size.sru,
        )
    )


def owed(capacity: Capacity, terms: Terms, measured: Measured) -> Owed:
    """What a node earned in a period. Total: where a value is out of range it is 0 (P12)."""
    cu, su = compute_units(capacity.resources), storage_units(capacity.resources)
    nu = network_units(capacity.traffic)
    base = _base(capacity, terms, (cu, su, nu))
    price = terms.connection_price
    full = mul_div_floor(base, UTFT_PER_TFT, price) if price > 0 else 0
    fits = max(base, full, nu, capacity.ip_seconds) <= U64_MAX
    uptime = uptime_permille(measured.uptime, measured.length)
    floor, share = _share(capacity, terms, uptime)
    reason = _reason(terms, measured, fits, uptime, floor)
    own = named(Frozen, terms.own)
    used_for = min(measured.used_before + 1, STREAK_MAX) if measured.used >= own.utilisation else 0
    musd = 0 if reason else base * share // WHOLE
    amount = 0 if reason else full * share // WHOLE
    return Owed(
        cu=cu,
        su=su,
        nu=Millionths(min(nu, U64_MAX)),
        base=MilliUsd(base if fits else 0),
        base_utft=Utft(full if fits else 0),
        uptime_permille=uptime,
        floor_permille=floor,
        musd=MilliUsd(musd),
        amount=Utft(amount),
        reason=reason if reason or amount else NOTHING_OWED,
        missed=_missed(measured, uptime, floor),
        lock=_lock(own, measured, used_for),
        used_for=used_for,
    )


def _lock(own: Frozen, measured: Measured, used_for: int) -> int:
    """Free once old enough, or while used enough; with less use what comes is locked again."""
    if measured.age >= own.age or used_for >= own.used_periods:
        return FREE
    return UNTIL_OLD_OR_USED


def lock_age(own: tuple[int, ...]) -> Seconds | None:
    """Seconds from the first report, by the contract's own numbers."""
    return Seconds(named(Frozen, own).age)


def uptime_permille(uptime: Seconds, length: Seconds) -> PerMille:
    """The share of the period that the node was up, at most all of it."""
    return PerMille(min(mul_div_floor(uptime, WHOLE, length), WHOLE))


def _base(capacity: Capacity, terms: Terms, units: tuple[int, int, int]) -> int:
    """The whole period in mUSD at full uptime, before any range check."""
    cu, su, nu = units
    month = (cu * terms.price_cu + su * terms.price_su + nu * terms.price_nu) // MILLION
    base = month + capacity.ip_seconds * terms.price_ipv4 // 3_600
    if capacity.certified and terms.policy_id == DIY_POLICY:
        return base * 5 // 4
    return base


def _share(capacity: Capacity, terms: Terms, uptime: PerMille) -> tuple[PerMille, PerMille]:
    """The least uptime that is paid, and how much of the full amount this uptime earns.

    Policies above the third state their minimum and are read in per mille, also the 95 that was
    meant as percent: that is what was paid (rules.md 6).
    """
    if _is_prorated(terms):
        return (FLOOR_CERTIFIED if capacity.certified else FLOOR_DIY), uptime
    return PerMille(terms.minimal_uptime), PerMille(WHOLE)


def _is_prorated(terms: Terms) -> bool:
    if terms.policy_id in PRORATED_POLICIES:
        return True
    untouched = not terms.policy_default and not terms.policy_immutable
    stated = terms.minimal_uptime == OLD_GOLD_MINIMUM
    return terms.policy_id == OLD_GOLD_POLICY and untouched and stated


def _missed(measured: Measured, uptime: PerMille, floor: PerMille) -> int:
    """Periods missed in a row, with this one; what must register anew stays so until it does."""
    if measured.missed >= MISSED_MAX:
        return measured.missed
    return measured.missed + 1 if uptime < floor else 0


def _reason(terms: Terms, measured: Measured, fits: bool, uptime: PerMille, floor: PerMille) -> str:
    """Why nothing is paid, or `PAID`."""
    if measured.virtualized or measured.violation != NONE:
        return VIRTUALIZED if measured.virtualized else VIOLATION
    if measured.missed >= MISSED_MAX:
        return MUST_REGISTER
    if terms.connection_price == 0:
        return ZERO_PRICE
    if not fits:
        return OUT_OF_RANGE
    if uptime >= floor:
        return PAID
    return BELOW_SLA if measured.uptime > 0 else NO_UPTIME


REGIME: Final = Regime(
    number=5,
    name="farming_v3_lockup",
    offer=Offer(),
    terms=Frozen,
    frozen=frozen,
    owed=owed,
    renewable=True,
    lock_age=lock_age,
    text=True,
)
