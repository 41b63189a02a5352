"""What a node of regime farming_v2 is owed for a month, computed once more (seed 001, rules.md 5).

An offer and terms are bare numbers here, taken apart by place.
"""

from typing import Final

from tfchain.base.units import GIB, U64_MAX
from tfchain.chain.columns.case import WHOLE, Case, Joined, Reward, Twin, first_refusal
from tfchain.chain.columns.months import month_of
from tfchain.ledger.records import Resources

REGIME: Final = 4
TEN_TO_6: Final = 10**6
USD_UTFT: Final = 10**10
"""utft that 1 mUSD buys at a token price of 10^-6 USD: a thousand TFT."""
GROWN_MAX: Final = 600
OFFERED: Final = 14
"""Numbers of an offer; in a contract they follow the tokens, the node's size follows them."""
USUAL: Final = (
    150_000,
    20,
    1_588_291_200,
    7,
    40_000,
    6,
    40_000_000_000_000_000,
    2,
    4,
    1,
    1_200,
    240,
    980,
    998,
)
"""The offer of the time, in the order of the places below."""


def terms_of(offer: tuple[int, ...], joined: Joined) -> tuple[int, ...]:
    """The numbers of the contract: what a month pays, the whole offer, the node as registered."""
    size = joined.resources
    cu, su = _units(size, offer[7:12])
    tokens = _tokens((3 * cu) // 2 + su, offer, offer[0], offer[6])
    units = (min(cu, U64_MAX), min(su, U64_MAX))
    return (min(tokens, U64_MAX), *offer, *units, size.cru, size.mru, size.hru, size.sru)


def reward_of(case: Case) -> Reward:
    """A month at the price of that month, less as more was farmed."""
    offer = case.terms[1 : 1 + OFFERED]
    cpr_price, parts, cap = offer[4:7]
    cu, su = _units(case.node.resources, offer[7:12])
    rate = (3 * cu) // 2 + su
    price = _grown(offer[:4], case.tally.start)
    room = 0 if 1_000 * case.minted > 999 * cap else cap - case.minted
    full = _tokens(rate, offer, price, room)
    base = _floor_ratio(rate * cpr_price, TEN_TO_6 * parts)
    fits = all(number <= U64_MAX for number in (full, base, price, rate))
    floor = offer[13] if case.node.certified else offer[12]
    reason = first_refusal(case) or _unpaid(case, price, room, floor if fits else -1)
    paid = 0 if reason else full * case.permille // WHOLE
    shown = (rate, price, case.minted, full) if fits else (0, 0, case.minted, 0)
    return Reward(
        cu=cu if fits else 0,
        su=su if fits else 0,
        base=base if fits else 0,
        floor=floor,
        musd=0 if reason else base * case.permille // WHOLE,
        amount=paid,
        reason=reason or ("" if paid else "nothing_owed"),
        steps=(*shown, case.tally.start),
    )


def _units(size: Resources, numbers: tuple[int, ...]) -> tuple[int, int]:
    """CU by cores and memory, SU by disk and flash, in millionths."""
    cores, memory, reserved, disk, flash = numbers
    free = size.mru - reserved * GIB
    by_memory = _floor_ratio(free * TEN_TO_6, memory * GIB) if free > 0 else 0
    storage = _floor_ratio(TEN_TO_6 * (flash * size.hru + disk * size.sru), flash * disk * GIB)
    return min(by_memory, size.cru * cores * TEN_TO_6), storage


def _grown(numbers: tuple[int, ...], start: int) -> int:
    """The base price, a share more each month, rounded half up once at the end."""
    base, growth, since, months = numbers
    passed = min(month_of(start) - month_of(since), months, GROWN_MAX)
    if passed <= 0:
        return base
    below: int = 1_000**passed
    above: int = base * (1_000 + growth) ** passed
    whole, rest = divmod(above, below)
    return whole + 1 if 2 * rest >= below else whole


def _tokens(rate: int, offer: tuple[int, ...], price: int, room: int) -> int:
    cpr_price, parts, cap = offer[4:7]
    return _floor_ratio(rate * cpr_price * USD_UTFT * room, TEN_TO_6 * price * parts * cap)


def _unpaid(case: Case, price: int, room: int, floor: int) -> str:
    """A floor below 0 says that some number was beyond all accounts."""
    if not price:
        return "zero_price"
    if floor < 0:
        return "out_of_range"
    if case.permille < floor:
        return "below_sla" if case.tally.total else "no_uptime"
    return "" if room > 0 else "diminished"


def _floor_ratio(value: int, by: int) -> int:
    return value // by if by > 0 else 0


TWIN: Final = Twin(regime=REGIME, terms_of=terms_of, reward_of=reward_of, usual=USUAL)
