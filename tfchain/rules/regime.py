"""What every minting regime is given and what it gives back.

A regime is a pure function from capacity, frozen terms and a measured period to what is owed, with
every integer of its own formula, so that anybody can do the sum again (P14).
"""

from collections.abc import Callable
from dataclasses import astuple, dataclass, fields
from typing import Final, TypeVar

from tfchain.base.units import Millionths, MilliUsd, PerMille, PolicyId, Seconds, Utft
from tfchain.ledger.records import Resources
from tfchain.ledger.uptime import NONE

NEVER: Final = Seconds(0)
UNASKED: Final = PerMille(0)
NO_COINS: Final = Utft(0)

UNMANAGED_NEW: Final = 0
UNMANAGED_REFURBISHED: Final = 1
MANAGED: Final = 2
POOLS: Final = ("unmanaged_new", "unmanaged_refurbished", "managed")
"""Types of farming pools (seed 003); what is stored is the place in this list."""

FREE: Final = 0
UNTIL_POOL_USED: Final = 1
UNTIL_OLD_OR_USED: Final = 2
WITHHELD: Final = 3
UNCHANGED: Final = 4
LOCKS: Final = ("free", "until_pool_used", "until_old_or_used", "withheld", "unchanged")
"""When coins are free: at once; once the pool that the contract counts is used more than its minimum;
after two years or three periods of use (rules.md 4, 7). Of a fraudulent node none are minted; where no
period ended, what was locked stays as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """What a node offers, and what of its use is paid by use."""

    resources: Resources
    certified: bool
    traffic: int = 0
    """Public bytes of the period."""
    ip_seconds: int = 0
    """Public IPs times seconds of the period."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a node's reward contract fixes (P18). Prices in mUSD: a CU, a SU, a GiB, an IP hour."""

    policy_id: PolicyId
    price_cu: int
    price_su: int
    price_nu: int
    price_ipv4: int
    minimal_uptime: int
    """As the policy states it; which unit that is, the regime knows."""
    policy_immutable: bool
    policy_default: bool
    connection_price: MilliUsd
    """mUSD for a TFT, on the day the node registered."""
    own: tuple[int, ...] = ()
    """What the regime froze of its own: numbers whose names and order its file knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What is known when a node registers: of this a regime freezes its terms."""

    resources: Resources
    certified: bool
    length: Seconds
    """Of the periods that the node will be paid by; 0 where they are months of the calendar."""
    policy: Terms
    """The farming policy and connection price of the day; `own` is empty."""
    pool: int = UNMANAGED_NEW
    """The type of farming pool, one of `POOLS`."""
    guarantee: PerMille = UNASKED
    """Uptime that the farmer promises; read for managed pools alone (seed 003)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What was seen of a node in a period, and what went before."""

    length: Seconds
    """Of the period; never 0."""
    uptime: Seconds
    violation: int = NONE
    virtualized: bool = False
    start: Seconds = NEVER
    index: int = 0
    """Which of the contract's periods, from 0."""
    first: Seconds = NEVER
    """Uptime in the contract's period 0."""
    missed: int = 0
    """Periods below the contract's uptime in a row, right before this one."""
    minted_ever: Utft = NO_COINS
    """Supply as the batch's guardians may all know it; nothing is subtracted for burns (P15)."""
    used: PerMille = UNASKED
    """Mean of CU and SU in use over what there is, in this period."""
    used_before: int = 0
    """Periods of enough use in a row, right before this one."""
    age: Seconds = NEVER
    """At the period's end, since the node's first report ever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owed:
    """What a period is worth, and every integer on the way there."""

    cu: Millionths
    su: Millionths
    nu: Millionths
    base: MilliUsd
    """At full uptime."""
    base_utft: Utft
    """The same at the connection price."""
    uptime_permille: PerMille
    """Of the period, at most 1000."""
    floor_permille: PerMille
    """Least uptime that is paid."""
    musd: MilliUsd
    amount: Utft
    reason: str
    """Why `amount` is 0, one of `REASONS`; empty where something is paid."""
    missed: int = 0
    """Periods below the contract's uptime in a row, with this one."""
    lock: int = FREE
    """What has to happen before the coins are free, one of `LOCKS`; nothing, where it has happened."""
    used_for: int = 0
    """Periods of enough use in a row, with this one."""
    steps: tuple[int, ...] = ()
    """Every other integer of the formula, in the order that the regime's file states."""


PAID = ""
VIRTUALIZED = "virtualized"
VIOLATION = "violation"
VOID = "void"
COMPLETE = "complete"
MUST_REGISTER = "must_register"
ZERO_PRICE = "zero_price"
OUT_OF_RANGE = "out_of_range"
NO_UPTIME = "no_uptime"
BELOW_SLA = "below_sla"
DIMINISHED = "diminished"
NOTHING_OWED = "nothing_owed"
NOTHING_DUE = "nothing_due"
STREAK_MAX: Final = 255
"""Where periods in a row stop being counted."""

REASONS = (
    PAID,
    VIRTUALIZED,
    VIOLATION,
    VOID,
    COMPLETE,
    MUST_REGISTER,
    ZERO_PRICE,
    OUT_OF_RANGE,
    NO_UPTIME,
    BELOW_SLA,
    DIMINISHED,
    NOTHING_OWED,
    NOTHING_DUE,
)
"""Why nothing is paid, in the order in which they are looked for. Nothing is due where no period of a node's own ended in its batch."""


N = TypeVar("N")


def never(_own: tuple[int, ...]) -> Seconds | None:
    """Age alone releases nothing."""
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Regime:
    """A set of minting rules. `number` stands in contracts and receipts and is never used again.

    What genesis or a vote may set of it is its `offer`, a record of whole numbers from 0; what a
    contract keeps is `terms`, the same kind of record. The ledger carries both as the bare numbers,
    in field order, and asks nobody what they mean.
    """

    number: int
    name: str
    offer: object
    """With the figures of its time, which hold where genesis names none."""
    terms: type
    frozen: Callable[[tuple[int, ...], Registration], tuple[int, ...]]
    """The terms of a node that registers under this offer; total (P12)."""
    owed: Callable[[Capacity, Terms, Measured], Owed]
    renewable: bool = False
    """Whether a node that missed its uptime three times may register anew (rules.md 6)."""
    lock_age: Callable[[tuple[int, ...]], Seconds | None] = never
    """How old a node must be for its locked coins to be free, by the contract's own numbers."""
    text: bool = False
    """Whether the public program would have written its receipts as text (rules.md 2.4)."""


def numbers_of(record: object) -> tuple[int, ...]:
    """The bare numbers of an offer or of terms, in field order."""
    return astuple(record)  # type: ignore[call-overload,no-any-return]


def named(cls: type[N], numbers: tuple[int, ...]) -> N:
    """The record that these numbers are; as many as it has fields, which whoever wrote them checked."""
    names = names_of(cls)
    assert len(names) == len(numbers), (cls.__name__, numbers)
    return cls(**dict(zip(names, numbers, strict=True)))


def names_of(cls: type) -> tuple[str, ...]:
    """The names of an offer's or of terms' numbers, in order."""
    return tuple(field.name for field in fields(cls))
