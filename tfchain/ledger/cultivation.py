"""What users take of nodes: contracts, what they load a node with, and what was told of their use.

A contract's row goes when the contract ends; its number is never used again (P33). What a contract
owes but was not billed yet is kept as an exact fraction, so that no second is rounded twice.
"""

from dataclasses import dataclass
from typing import Annotated, Final

from tfchain.base.shapes import U8, U16, U32, U64, U128, Blob, Many, Nested, Text
from tfchain.base.units import FarmId, NodeId, Seconds, TwinId, Utft
from tfchain.ledger.records import DIGITS, Resources

NODE_CONTRACT: Final = 0
RENT_CONTRACT: Final = 1
CONTRACT_TYPES: Final = ("node", "rent")
"""A part of a node, or a node as a whole; what is stored is the place in this list."""

NO_CONTRACT: Final = 0
"""Where a contract's number stands and there is none; numbers start at 1."""
NO_GRACE: Final = Seconds(0)

DEPLOYMENT_BYTES_MAX: Final = 512
FARM_IPS_MAX: Final = 256
"""As on the real chain; of 40 bytes each, well within a row."""
REPORTED_MAX: Final = 100
"""Contracts that a node tells of in one transaction."""

IpText = Annotated[str, Text(9, 18, DIGITS + "./")]
"""An IPv4 address with its network's length, like 203.0.113.5/24."""
GatewayText = Annotated[str, Text(7, 15, DIGITS + ".")]


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityContract:
    """What a user has of a node, what it uses of that, and how its bill stands."""

    id: U32
    twin_id: TwinId
    node_id: NodeId
    type: U8
    """A place in `CONTRACT_TYPES`."""
    reserved: Annotated[Resources, Nested(Resources)]
    """Set aside on the node for this contract; of a rent contract none, it has the node."""
    used: Annotated[Resources, Nested(Resources)]
    """As the node last told, never more than is reserved: what is billed."""
    farm_id: FarmId
    """Whose public addresses it has: a node may move to another farm, its addresses do not."""
    public_ips: U16
    deployment_hash: Annotated[bytes, Blob(0, 32)]
    deployment_data: Annotated[bytes, Blob(0, DEPLOYMENT_BYTES_MAX)]
    created: Seconds
    rented: bool
    """Whether the node was rented by the same user when the use was last counted."""
    own: bool
    """Farm or node and user are one: its traffic, IPs and use count nothing (P20)."""
    counted_at: Seconds
    """Block time up to which use is in `unbilled`."""
    consumed_at: Seconds
    """Block time of the last report of consumption; at first that of creation."""
    billed_at: Seconds
    unbilled: U128
    """Use that no bill has yet, in 1 / 3,600,000,000 of a unit of 1e-7 USD."""
    unbilled_extra: U128
    """The farmer's own fee for a dedicated node, likewise."""
    grace_since: Seconds
    """When a bill could not be paid; 0 while everything is."""
    owed: Utft
    """Bills not paid yet; 0 outside of grace."""
    owed_extra: Utft
    paid: Utft
    """Everything ever paid for it."""
    discount: U8
    """Of the last bill, a place in `rules.billing.LEVELS`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityRef:
    """Which contract stands at a place of the queue, or has a deployment's hash on a node."""

    contract_id: U32


@dataclass(frozen=True, slots=True, kw_only=True)
class Billing:
    """The queue of contracts in the order in which they were billed last, and what was burned."""

    contracts: U32
    """Last number given."""
    first: U64
    """Place of the contract that is billed next ..."""
    after: U64
    """... and the place after the last."""
    burned: Utft


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What of a node is taken, on which terms it is had whole, and when its reporter told of use."""

    reserved: Annotated[Resources, Nested(Resources)]
    contracts: U32
    """Node contracts that stand."""
    rent_id: U32
    """The rent contract; 0: nobody has the node as a whole."""
    dedicated: bool
    """Whether the farmer lets it as a whole only."""
    extra_fee: U32
    """mUSD a month that the farmer asks beside the rent."""
    used_t: Seconds
    """Signed time of the last `update_used_resources`: spaces the next one (P25)."""
    consumed_t: Seconds
    """The same of `report_consumption`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FarmIp:
    """A public address of a farm, and who has it."""

    ip: IpText
    gateway: GatewayText
    contract_id: U32


@dataclass(frozen=True, slots=True, kw_only=True)
class FarmIps:
    """The public addresses of a farm, in the order in which they are given out."""

    ips: Annotated[tuple[FarmIp, ...], Many(Nested(FarmIp), FARM_IPS_MAX)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumption:
    """What was told in a batch's period of a node's use by others than its farmer (rules.md 2.2).

    Resources are summed as amount times seconds; `traffic` is bytes, `ip_seconds` IPs times seconds.
    """

    cru: U128
    mru: U128
    hru: U128
    sru: U128
    traffic: U64
    ip_seconds: U64
