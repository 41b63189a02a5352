"""What a node of regime farming_v3_lockup is owed: as before 2024, but locked (rules.md 2.3, 7)."""

from typing import Final

from tfchain.base.units import GIB, U64_MAX
from tfchain.chain.columns.case import (
    COUNTED,
    FREE,
    WHOLE,
    Case,
    Joined,
    Reward,
    Twin,
    first_refusal,
)
from tfchain.ledger.records import Contract, Resources

REGIME: Final = 5
MILLION: Final = 1_000_000
FLOOR_DIY: Final = 950
FLOOR_CERTIFIED: Final = 980
UTFT: Final = 10_000_000
HOUR: Final = 3_600
MISSED_MAX: Final = 3
LOCKED: Final = 2
"""Until the node is two years old, or was used for three periods."""
USUAL: Final = (
    63_141_120,
    300,
    3,
)
"""The offer of the time, in the order of the places below."""


def terms_of(offer: tuple[int, ...], joined: Joined) -> tuple[int, ...]:
    """The numbers of the contract, for people: pay follows policy, price and hardware."""
    age, utilisation, periods = offer
    size, bare = joined.resources, joined.bare
    cu, su = compute_millionths(size), storage_millionths(size)
    base = _more((cu * bare.price_cu + su * bare.price_su) // MILLION, bare, joined.certified)
    price = bare.connection_price
    tokens = min(base * UTFT // price, U64_MAX) if price else 0
    units = (min(cu, U64_MAX), min(su, U64_MAX))
    floor = _floor(bare, joined.certified)
    release = (age, utilisation, periods)
    sizes = (size.cru, size.mru, size.hru, size.sru)
    return (tokens, floor, *release, joined.length, *units, *sizes)


def reward_of(case: Case) -> Reward:
    """A period by policy, price and uptime."""
    size, contract = case.node.resources, case.contract
    cu, su = compute_millionths(size), storage_millionths(size)
    nu = case.traffic * MILLION // GIB
    month = cu * contract.price_cu + su * contract.price_su + nu * contract.price_nu
    base = month // MILLION + case.ip_seconds * contract.price_ipv4 // HOUR
    base = _more(base, contract, case.node.certified)
    price = contract.connection_price
    full = base * UTFT // price if price else 0
    in_range = all(each <= U64_MAX for each in (base, full, nu, case.ip_seconds))
    floor = _floor(contract, case.node.certified)
    reason = _refusal(case, floor, in_range=in_range)
    share = case.permille if _prorated(contract) else WHOLE
    amount = 0 if reason else full * share // WHOLE
    age, utilisation, periods = case.terms[2:5]
    streak = min(case.used_before + 1, COUNTED) if case.used >= utilisation else 0
    return Reward(
        cu=cu,
        su=su,
        nu=min(nu, U64_MAX),
        base=base if in_range else 0,
        floor=floor,
        musd=0 if reason else base * share // WHOLE,
        amount=amount,
        reason=reason or ("" if amount else "nothing_owed"),
        missed=_streak(case, floor),
        lock=FREE if case.age >= age or streak >= periods else LOCKED,
        used_for=streak,
    )


def compute_millionths(size: Resources) -> int:
    """CU: the least of what cores, memory and flash allow; no memory beyond 1 GiB gives none."""
    memory = max(size.mru - GIB, 0)
    return min(
        size.cru * 2 * MILLION, memory * MILLION // (4 * GIB), size.sru * MILLION // (50 * GIB)
    )


def storage_millionths(size: Resources) -> int:
    """SU: disk and flash, each floored in millionths of bytes, then both by GiB."""
    return (size.hru * MILLION // 1_200 + size.sru * MILLION // 250) // GIB


def _more(base: int, contract: Contract, certified: bool) -> int:
    """Certified hardware earns a quarter more under the first policy."""
    return base * 5 // 4 if certified and contract.policy_id == 1 else base


def _refusal(case: Case, floor: int, *, in_range: bool) -> str:
    """The first reason why nothing is paid, in the order in which they are looked for."""
    refused = first_refusal(case)
    if not refused and case.missed >= MISSED_MAX:
        refused = "must_register"
    if not refused and not case.contract.connection_price:
        refused = "zero_price"
    if not refused and not in_range:
        refused = "out_of_range"
    if refused or case.permille >= floor:
        return refused
    return "below_sla" if case.tally.total else "no_uptime"


def _streak(case: Case, floor: int) -> int:
    """Three misses last until the node registers anew."""
    if case.missed >= MISSED_MAX:
        return case.missed
    return 0 if case.permille >= floor else case.missed + 1


def _prorated(contract: Contract) -> bool:
    """Policies that pay by uptime: 1, 2, and 3 as it once was."""
    if contract.policy_id == 3:
        special = contract.policy_default or contract.policy_immutable
        return not special and contract.minimal_uptime == 95
    return contract.policy_id in {1, 2}


def _floor(contract: Contract, certified: bool) -> int:
    if not _prorated(contract):
        return contract.minimal_uptime
    return FLOOR_CERTIFIED if certified else FLOOR_DIY


TWIN: Final = Twin(regime=REGIME, terms_of=terms_of, reward_of=reward_of, usual=USUAL, text=True)
