"""The ledger's nouns as frozen records: who there is, what they own, what was agreed with them.

Field order is the byte order and never moves; a changed record gets a new version and the old one
decodes for ever (P28). Batches and what they leave behind stand in `ledger.minting`, uptime in
`ledger.uptime`.
"""

from dataclasses import dataclass
from typing import Annotated

from tfchain.base.limits import (
    GUARDIANS_MAX,
    NAME_BYTES_MAX,
    PLACE_BYTES_MAX,
    PUBLIC_KEY_BYTES_MAX,
    RELAY_BYTES_MAX,
    STELLAR_BYTES_MAX,
)
from tfchain.base.shapes import U8, U16, U32, U64, Blob, Many, Maybe, Nested, Text, UInt
from tfchain.base.units import (
    Address,
    FarmId,
    MilliUsd,
    NodeId,
    PeriodIndex,
    PolicyId,
    ScheduleId,
    Seconds,
    TwinId,
    Utft,
)
from tfchain.ledger.uptime import PowerState, UptimeAccount

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
DIGITS = "0123456789"
FarmName = Annotated[str, Text(3, NAME_BYTES_MAX, LETTERS + DIGITS + "-_")]
"""As on the real chain: 3 to 40 letters, digits, `-` and `_`, by a byte table (P27)."""
Relay = Annotated[str, Text(0, RELAY_BYTES_MAX, LETTERS + DIGITS + "-_.")]
Stellar = Annotated[str, Text(0, STELLAR_BYTES_MAX, "ABCDEFGHIJKLMNOPQRSTUVWXYZ" + DIGITS)]
Place = Annotated[str, Text(0, PLACE_BYTES_MAX)]
TwinKey = Annotated[bytes, Blob(0, PUBLIC_KEY_BYTES_MAX)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What an address owns and how many transactions it has sent."""

    balance: Utft
    nonce: U64


@dataclass(frozen=True, slots=True, kw_only=True)
class Twin:
    """An identity on the grid: an account, and where its messages go."""

    id: TwinId
    account: Address
    relay: Relay
    public_key: TwinKey


@dataclass(frozen=True, slots=True, kw_only=True)
class TwinRef:
    """Which twin an account has; one at most."""

    twin_id: TwinId


@dataclass(frozen=True, slots=True, kw_only=True)
class Farm:
    """A farmer's farm: who owns it and where its pay goes."""

    id: FarmId
    twin_id: TwinId
    name: FarmName
    payout_account: Address
    stellar_address: Stellar


@dataclass(frozen=True, slots=True, kw_only=True)
class FarmRef:
    """Which farm has a name; names are unique."""

    farm_id: FarmId


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """Capacity of a machine: logical cores, and bytes of memory, disk and flash."""

    cru: U64
    mru: U64
    hru: U64
    sru: U64


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A farmer's machine."""

    id: NodeId
    farm_id: FarmId
    twin_id: TwinId
    resources: Annotated[Resources, Nested(Resources)]
    country: Place
    city: Place
    certified: bool
    virtualized: bool
    created: Seconds
    deposit: Utft


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeRef:
    """Which node a twin runs; one at most."""

    node_id: NodeId


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """The reward contract of a node: everything that is fixed when it registers (P18).

    Later votes change new contracts, never this one. Prices in mUSD, `minimal_uptime` as the policy
    states it.
    """

    node_id: NodeId
    regime: U16
    schedule: ScheduleId
    policy_id: PolicyId
    price_cu: U32
    price_su: U32
    price_nu: U32
    price_ipv4: U32
    minimal_uptime: U16
    policy_immutable: bool
    policy_default: bool
    connection_price: MilliUsd
    registered: Seconds
    cu: U64
    """Compute units at registration, in millionths."""
    su: U64


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A farming policy; a row never changes, a vote adds a new one (P18)."""

    id: PolicyId
    name: Annotated[str, Text(0, NAME_BYTES_MAX)]
    price_cu: U32
    price_su: U32
    price_nu: U32
    price_ipv4: U32
    minimal_uptime: U16
    immutable: bool
    default: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Uptime:
    """A node's running account: the one row that a report reads and writes (P2).

    `ended` is the account of the period before, fed by the post rules until that batch settles.
    """

    reporter: Address
    """Whose signature the node's reports carry (P22)."""
    schedule: ScheduleId
    last_t: Seconds
    """Signed time of the last accepted report; the next one must be later."""
    power_moved: Seconds
    """Signed time of the last power state that the node told: spaces the next one (P25)."""
    power: Annotated[PowerState, Nested(PowerState)]
    running: Annotated[UptimeAccount | None, Maybe(Nested(UptimeAccount))]
    ended: Annotated[UptimeAccount | None, Maybe(Nested(UptimeAccount))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Last ids given, and the supply: minted ever (genesis included), promised, burned (P15, P24)."""

    twins: U32
    farms: U32
    nodes: U32
    minted_ever: Utft
    reserved: Utft
    burned: Utft
    """Bonds of validators that signed two things at once; never subtracted from `minted_ever`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guardians:
    """The accounts that attest mints, in address order (P23)."""

    accounts: Annotated[tuple[Address, ...], Many(Blob(32, 32), GUARDIANS_MAX)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleState:
    """Where a schedule stands: the period that runs, and the batches that still move.

    Disputed batches leave the list until a late attestation approves them.
    """

    running: Annotated[PeriodIndex | None, Maybe(UInt(0, 0xFFFFFFFF))]
    live: Annotated[tuple[PeriodIndex, ...], Many(UInt(0, 0xFFFFFFFF), 64)]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptRow:
    """A row as it was at a period's end, kept until the batch seals (P8); empty if it was not."""

    value: Annotated[bytes, Blob(0, 8 * 1024)]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptKey:
    """Entry of a batch's list of kept rows, so that they can be dropped without a search (P33)."""

    table: U8
    key: Annotated[bytes, Blob(0, 64)]
