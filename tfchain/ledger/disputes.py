"""What becomes of a batch that guardians do not agree on, and of pay that was wrong (P10, P15, P16).

All of it stays: who computed what, what the guardians ruled, what was corrected by how much, and what
of a node's pay went to its debts.
"""

from dataclasses import dataclass
from typing import Annotated, Final

from tfchain.base.limits import STELLAR_BYTES_MAX
from tfchain.base.shapes import U8, U32, U64, Hash, Many, Nested, Text, UInt
from tfchain.base.units import (
    U32_MAX,
    Address,
    FarmId,
    Height,
    MilliUsd,
    NodeId,
    PeriodIndex,
    ScheduleId,
    Seconds,
    Utft,
)

NAMED_MAX: Final = 64
"""Nodes that one guardian names (P10)."""
WITHOUT_MAX: Final = 512
"""Nodes that a batch is approved without: who disputes more of them disputes the batch."""
WAITING_MAX: Final = 64
"""Fixups that wait for their coins, all of which the next block mints."""
_ID: Final = UInt(0, U32_MAX)


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedNode:
    """A node on which a guardian differs: the receipt that it has, and its amount."""

    node_id: NodeId
    receipt: Hash
    amount: Utft


NamedNodes = Annotated[tuple[NamedNode, ...], Many(Nested(NamedNode), NAMED_MAX)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispute:
    """The nodes that one guardian named, in order of id; its last word counts."""

    named: NamedNodes
    height: Height


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What the guardians decided about a disputed batch, by which proposal."""

    proposal: U32
    without: Annotated[tuple[NodeId, ...], Many(_ID, WITHOUT_MAX)]
    """Nodes that are not paid, in order of id."""
    void: bool
    height: Height


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """What a receipt comes to: seconds of uptime, millionths of units, mUSD and utft."""

    uptime: Seconds
    cu: U64
    su: U64
    nu: U64
    musd: MilliUsd
    amount: Utft


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixup:
    """A receipt that was put right: what it said, what is right, and who owes the difference (P16).

    `given` is what the node has had for the batch once this is settled: the next fixup of the same
    receipt starts from it, and from `correct`.
    """

    id: U32
    proposal: U32
    schedule: ScheduleId
    period: PeriodIndex
    start: Seconds
    end: Seconds
    node_id: NodeId
    farm_id: FarmId
    account: Address
    """Where the pay of the receipt goes."""
    stellar_address: Annotated[str, Text(0, STELLAR_BYTES_MAX)]
    minted: Annotated[Sums, Nested(Sums)]
    minted_receipt: Hash
    correct: Annotated[Sums, Nested(Sums)]
    correct_receipt: Hash
    text_hash: Hash
    """BLAKE2b-256 of the fixup's text: the memo of its payment (rules.md 2.4)."""
    owed: Utft
    """To the node, after the cut at the supply cap."""
    offset: Utft
    """What of it goes to a debt of the node at once."""
    payable: Utft
    """What is minted of the rest: less where there is no room below the cap."""
    lock: U8
    """What the receipt's coins wait for, as on it."""
    debt: Utft
    """By the node: taken from its next payouts."""
    given: Utft
    height: Height


@dataclass(frozen=True, slots=True, kw_only=True)
class FixupBook:
    """The last id given, and the fixups whose coins the next block mints."""

    last: U32
    waiting: Annotated[tuple[int, ...], Many(_ID, WAITING_MAX)]


@dataclass(frozen=True, slots=True, kw_only=True)
class FixupRef:
    """The newest fixup of a receipt."""

    id: U32


@dataclass(frozen=True, slots=True, kw_only=True)
class Debt:
    """What is still to be taken from a node's payouts."""

    owed: Utft


@dataclass(frozen=True, slots=True, kw_only=True)
class Deduction:
    """What of a node's pay for a batch went to its debt: so much less was minted than it was owed."""

    amount: Utft


@dataclass(frozen=True, slots=True, kw_only=True)
class FixupEntry:
    """One fixup's line in the transaction that mints for it (P43)."""

    fixup: U32
    schedule: ScheduleId
    period: PeriodIndex
    node_id: NodeId
    account: Address
    amount: Utft
    lock: U8
    receipt: Hash
    """The hash of the fixup's text."""
