"""What every minting regime is given and what it gives back.

A regime is a pure function from capacity, frozen terms and a measured period to what is owed, with
every integer of its own formula, so that anybody can do the sum again (P14).
"""

from collections.abc import Callable
from dataclasses import dataclass

from tfchain.base.units import Millionths, MilliUsd, PerMille, PolicyId, Seconds, Utft
from tfchain.ledger.records import Resources
from tfchain.ledger.uptime import NONE


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What was seen of a node in a period."""

    length: Seconds
    """Of the period; never 0."""
    uptime: Seconds
    violation: int = NONE
    virtualized: bool = False


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


PAID = ""
VIRTUALIZED = "virtualized"
VIOLATION = "violation"
ZERO_PRICE = "zero_price"
OUT_OF_RANGE = "out_of_range"
NO_UPTIME = "no_uptime"
BELOW_SLA = "below_sla"
NOTHING_OWED = "nothing_owed"
REASONS = (
    PAID,
    VIRTUALIZED,
    VIOLATION,
    ZERO_PRICE,
    OUT_OF_RANGE,
    NO_UPTIME,
    BELOW_SLA,
    NOTHING_OWED,
)
"""Why nothing is paid, in the order in which they are looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Regime:
    """A set of minting rules. `number` stands in contracts and receipts and is never used again."""

    number: int
    name: str
    owed: Callable[[Capacity, Terms, Measured], Owed]
