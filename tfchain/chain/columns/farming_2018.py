"""What a pool of regime farming_2018 is owed, computed once more (seed 003, rules.md 4).

An offer and terms are bare numbers here, taken apart by place.
"""

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
from tfchain.ledger.records import Resources

REGIME: Final = 1
TEN_TO_6: Final = 10**6
USD_UTFT: Final = 10**10
"""utft that 1 mUSD buys at a token price of 10^-6 USD: a thousand TFT."""
BREACHES: Final = 3
LOCKED: Final = 1
"""Until the farm's pool is used."""
MANAGED: Final = 2
USUAL: Final = (
    100_000,
    15_000,
    10_000,
    15_000,
    10_000,
    15_000,
    10_000,
    8,
    4,
    20,
    900,
    1_093,
    135,
    995,
    300,
    60,
)
"""The offer of the time, in the order of the places below."""


def terms_of(offer: tuple[int, ...], joined: Joined) -> tuple[int, ...]:
    """The numbers of the contract: first what a period pays, last the pool as registered."""
    token, *prices, difficulty = offer[:8]
    memory, flash, share, disk, fast, uptime, utilisation, periods = offer[8:]
    new, refurbished, managed = prices[0:2], prices[2:4], prices[4:6]
    per_cu, per_su = (new, refurbished, managed)[joined.pool if joined.pool in {1, 2} else 0]
    size = joined.resources
    cu = _compute(size, (memory, flash, share))
    su = _storage(size, disk, fast)
    tokens = _floor_ratio((cu * per_cu + su * per_su) * USD_UTFT, TEN_TO_6 * token * difficulty)
    return (
        *(min(tokens, U64_MAX), token, per_cu, per_su, difficulty),
        *(memory, flash, share, disk, fast),
        *(joined.guarantee if joined.pool == MANAGED else uptime, utilisation),
        *(joined.length, periods, min(cu, U64_MAX), min(su, U64_MAX)),
        *(size.cru, size.mru, size.hru, size.sru),
    )


def reward_of(case: Case) -> Reward:
    """One of the sixty-one periods, or one after them."""
    tokens, token, per_cu, per_su, difficulty = case.terms[:5]
    uptime, utilisation, _length, periods, cu, su = case.terms[10:16]
    worth = _floor_ratio(cu * per_cu + su * per_su, TEN_TO_6 * difficulty)
    worth = 0 if worth > U64_MAX else worth
    floor = uptime if case.index else 0
    endless = tokens == U64_MAX
    enough = case.used > utilisation
    due = _due(0 if endless else tokens, case, periods)
    priced = token and difficulty
    reason = (
        first_refusal(case) or _over(case, periods) or _unpaid(case, floor, endless, bool(priced))
    )
    paid = 0 if reason else due
    return Reward(
        cu=cu,
        su=su,
        base=worth,
        floor=floor,
        musd=0 if reason else _due(worth, case, periods),
        amount=paid,
        reason=reason or ("" if paid else "nothing_owed"),
        missed=_streak(case, floor, periods),
        lock=FREE if case.node.certified or enough else LOCKED,
        used_for=min(case.used_before + 1, COUNTED) if enough else 0,
        steps=(case.index, case.tally.start, case.first, case.missed, due),
    )


def _compute(size: Resources, numbers: tuple[int, int, int]) -> int:
    """Nine tenths of the scarcest of cores, memory and flash."""
    memory, flash, share = numbers
    parts = [(size.cru, 1), (size.mru, memory * GIB), (size.sru, flash * GIB)]
    return min(_floor_ratio(has * share * TEN_TO_6, needs * WHOLE) for has, needs in parts)


def _storage(size: Resources, disk: int, fast: int) -> int:
    """Disk and flash on one denominator, floored once."""
    above = TEN_TO_6 * (fast * size.hru + disk * size.sru)
    return _floor_ratio(above, fast * disk * GIB)


def _due(whole: int, case: Case, periods: int) -> int:
    """The first period pays the time online, the last one what that left over."""
    if case.index not in {0, periods}:
        return whole
    online = case.first if case.index else case.tally.total
    part = whole * min(online, case.length) // case.length
    return whole - part if case.index else part


def _over(case: Case, periods: int) -> str:
    if case.missed >= BREACHES:
        return "void"
    return "complete" if case.index > periods else ""


def _unpaid(case: Case, floor: int, endless: bool, priced: bool) -> str:
    if not priced:
        return "zero_price"
    if endless:
        return "out_of_range"
    if not case.tally.total:
        return "no_uptime"
    return "below_sla" if case.permille < floor else ""


def _streak(case: Case, floor: int, periods: int) -> int:
    if _over(case, periods):
        return case.missed
    return case.missed + 1 if case.permille < floor else 0


def _floor_ratio(value: int, by: int) -> int:
    return value // by if by > 0 else 0


TWIN: Final = Twin(regime=REGIME, terms_of=terms_of, reward_of=reward_of, usual=USUAL)
