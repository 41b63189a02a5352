"""One minting period of the public chain as typed records: what its receipts are made of.

References between them may dangle; what that means is the fold's business (`chain.grid`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from tfchain.base.units import FarmId, MilliUsd, NodeId, PeriodIndex, PolicyId, Seconds, TwinId
from tfchain.ledger.records import Resources
from tfchain.ledger.uptime import PowerState


@dataclass(frozen=True, slots=True, kw_only=True)
class GridNode:
    id: NodeId
    farm_id: FarmId
    twin_id: TwinId
    resources: Resources
    policy_id: PolicyId
    certified: bool
    virtualized: bool
    connection_price: MilliUsd


@dataclass(frozen=True, slots=True, kw_only=True)
class GridTwin:
    relay: str | None
    public_key: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GridPolicy:
    """Prices in mUSD; `minimal_uptime` in the unit that its number implies."""

    cu: int
    su: int
    nu: int
    ipv4: int
    minimal_uptime: int
    immutable: bool
    default: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GridContract:
    id: int
    node_id: NodeId
    ips: int
    used: Resources


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSaid:
    """A node was stored or updated: this is what it is from now on."""

    node: GridNode


@dataclass(frozen=True, slots=True, kw_only=True)
class UptimeSaid:
    node_id: NodeId
    t: Seconds
    uptime: Seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetMoved:
    node_id: NodeId
    up: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StateMoved:
    node_id: NodeId
    up: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractMade:
    """None where the contract is no node's (a name, a rent): nothing is used under it."""

    contract: GridContract | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UseSaid:
    contract_id: int
    used: Resources


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficSaid:
    contract_id: int
    t: Seconds
    window: Seconds
    traffic: int


Event: TypeAlias = (
    NodeSaid | UptimeSaid | TargetMoved | StateMoved | ContractMade | UseSaid | TrafficSaid
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GridBlock:
    time: Seconds
    events: tuple[Event, ...]
    height: int = 0
    """0 where a file does not say; only what is merged by height needs it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodInput:
    """Everything that a period's receipts are made of."""

    period: PeriodIndex
    first_block: Seconds
    nodes: tuple[GridNode, ...]
    """As at the period's start."""
    power: dict[NodeId, PowerState]
    farms: dict[FarmId, str]
    """Names; with twins, payouts and policies as at the period's end."""
    twins: dict[TwinId, GridTwin]
    payouts: dict[FarmId, str]
    """Stellar addresses."""
    policies: dict[PolicyId, GridPolicy]
    contracts: tuple[GridContract, ...]
    blocks: Iterable[GridBlock]
    """In order, and gone through once: they may come from a file as they are needed."""
    post: Iterable[GridBlock]
    """Blocks of the 27 hours after the period."""
