"""What a node's regime keeps beside its contract: its own numbers, how the node stands, what is locked.

They stand in tables of their own, so that a contract reads the same under every regime, and a node of
a regime that keeps nothing has no such rows.
"""

from dataclasses import dataclass
from typing import Annotated

from tfchain.base.shapes import U8, U16, U32, Many, Nested
from tfchain.base.units import Address, NodeId, Seconds, Utft
from tfchain.ledger.params import Numbers
from tfchain.ledger.records import Contract

HELD_MAX = 64
"""Accounts that one node's locked coins wait for: as many payout accounts as its farm had."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnTerms:
    """A contract's own part: what its regime froze of the day (seed 003, P18)."""

    node_id: NodeId
    regime: U16
    registered: Seconds
    pool: U8
    """The type of farming pool, a place in `rules.regime.POOLS`."""
    guarantee: U16
    """Uptime that the farmer promised, per mille; of managed pools alone."""
    numbers: Numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class Former:
    """The contract that a re-registration replaced: periods that had begun are settled by it (P5)."""

    contract: Annotated[Contract, Nested(Contract)]
    numbers: Numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How a node stands under its contract, as of the last batch that settled it."""

    node_id: NodeId
    since: Seconds
    """When the contract was registered that this counts for."""
    missed: U8
    """Periods below the contract's uptime, in a row."""
    first: Seconds
    """Uptime in the first of the node's own periods."""
    used: U8
    """Periods of enough use in a row; stops at 255."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstReport:
    """When a node first said that it was up: its age on the grid counts from there (rules.md 7)."""

    at: Seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """When a node was deleted; its number is never used again (P33)."""

    at: Seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class FarmPool:
    """What nodes that join a farm register as (seed 003); the default is unmanaged and new."""

    pool: U8
    guarantee: U16


@dataclass(frozen=True, slots=True, kw_only=True)
class Supply:
    """Coins ever minted when a batch's commit window opened, as its guardians all know it."""

    minted_ever: Utft


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Coins that wait for an account."""

    account: Address
    amount: Utft


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """What a node has farmed and nobody may spend yet (P16)."""

    node_id: NodeId
    kind: U8
    """What it waits for, a place in `rules.regime.LOCKS`."""
    held: Annotated[tuple[Held, ...], Many(Nested(Held), HELD_MAX)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """How much of an account's coins is locked, and for how many nodes it ever was."""

    locked: Utft
    nodes: U32


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldingAt:
    """Entry of an account's list of nodes with locks, so that they are found without a search."""

    node_id: NodeId
