"""Proposals of farms and guardians, who voted what on them, and what farms weigh (rules.md 9, P21).

All of it stays: the history of a price or a policy is the list of the proposals that were enacted,
each with its votes.
"""

from dataclasses import dataclass
from typing import Annotated, Final

from tfchain.base.limits import GUARDIANS_MAX
from tfchain.base.shapes import U32, U64, Blob, Hash, Many, Maybe, Nested, Text, UInt
from tfchain.base.units import (
    Address,
    FarmId,
    Height,
    NodeId,
    PeriodIndex,
    PolicyId,
    ScheduleId,
    Seconds,
)
from tfchain.ledger.measures import AnyMeasure, Measure

OPEN: Final = 0
PASSED: Final = 1
ENACTED: Final = 2
FAILED: Final = 3
DECLINED: Final = 4
VETOED: Final = 5
STATES: Final = ("open", "passed", "enacted", "failed", "declined", "vetoed")
"""The life of a proposal; what is stored is the place in this list. A failed one was passed, and
could not be done any more when its turn came."""

OPEN_MAX: Final = 32
"""Proposals that are voted on at once, which bounds what the end of a block looks at."""
OPEN_EACH_MAX: Final = 4
"""Of one proposer: nobody fills the docket alone."""
ELECTORATES_MAX: Final = 64
POLICIES_MAX: Final = 256
"""Policies that votes may add."""

LINK: Final = Text(0, 256)
_ACCOUNTS: Final = Many(Blob(32, 32), GUARDIANS_MAX)
Accounts = Annotated[tuple[Address, ...], _ACCOUNTS]


@dataclass(frozen=True, slots=True, kw_only=True)
class Electorate:
    """A batch whose paid nodes give farms their weight, and how much of it there is."""

    schedule: ScheduleId
    period: PeriodIndex
    farms: U32
    weight: U64


@dataclass(frozen=True, slots=True, kw_only=True)
class Electorates:
    """Of each schedule the newest batch that was paid in full, and those that are being paid."""

    paid: Annotated[tuple[Electorate, ...], Many(Nested(Electorate), ELECTORATES_MAX)]
    """In order of schedule."""
    paying: Annotated[tuple[Electorate, ...], Many(Nested(Electorate), ELECTORATES_MAX)]
    """In order of schedule and period."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FarmWeight:
    """What a farm weighs by a batch: twice the CU and once the SU of its paid nodes, in millionths."""

    weight: U64


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What was proposed, by whom, who may vote with what, and what became of it."""

    id: U32
    measure: Annotated[Measure, AnyMeasure()]
    proposer: Address
    farm_id: FarmId
    """The farm that it was proposed for; 0: by a guardian."""
    text_hash: Hash
    """Hash of the text that says why."""
    link: Annotated[str, LINK]
    threshold: U32
    """Farms that must have voted; of no meaning where guardians decide."""
    opened: Height
    until: Seconds
    state: Annotated[int, UInt(OPEN, VETOED)]
    closed: Height
    """When the vote was decided; 0 while it is open."""
    enacted: Height
    """When it was done, or failed; 0 before."""
    electorate: Annotated[tuple[Electorate, ...], Many(Nested(Electorate), ELECTORATES_MAX)]
    """By which batches farms weigh: fixed when it opens, so that no node is counted for two farms."""
    farms_yes: U32
    farms_no: U32
    yes: U64
    """Weight of the farms for it, in millionths of a unit."""
    no: U64
    casts: U32
    """Votes of farms, turned ones included: each stands in the list of those that were cast."""
    guardians_yes: Accounts
    guardians_no: Accounts
    vetoes: Accounts
    """Guardians that will not have it; three kill it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FarmVote:
    """How a farm voted, by whose hand, with what weight; the last word counts."""

    farm_id: FarmId
    account: Address
    weight: U64
    yes: bool
    height: Height


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenProposal:
    """What a block asks about a proposal that is voted on."""

    id: U32
    until: Seconds
    proposer: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Docket:
    """The last id given, what is voted on, and what waits to be enacted, oldest first."""

    last: U32
    open: Annotated[tuple[OpenProposal, ...], Many(Nested(OpenProposal), OPEN_MAX)]
    passed: Annotated[tuple[int, ...], Many(UInt(0, 0xFFFFFFFF), OPEN_MAX * 2)]
    halted: bool
    """Whether nothing but votes and what validators decide is taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyTerms:
    """For whom a policy is that a vote added."""

    policy_id: PolicyId
    default: bool
    node_certified: bool
    gold: bool
    until: Seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyBook:
    """The policies that votes added, in order of id."""

    terms: Annotated[tuple[PolicyTerms, ...], Many(Nested(PolicyTerms), POLICIES_MAX)]


_LEFT: Final = Maybe(UInt(0, (1 << 64) - 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class FarmLimits:
    """The policy attached to a farm, and what is left of its limits; absent: no limit."""

    policy_id: PolicyId
    cu: Annotated[int | None, _LEFT]
    """In millionths."""
    su: Annotated[int | None, _LEFT]
    nodes: Annotated[int | None, _LEFT]
    until: Seconds
    """0: no end."""
    node_certified: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FarmStanding:
    """What the others say of a farm: its certification, its policy, and what it stands accused of."""

    gold: bool
    frauds: U32
    """Nodes of it that were flagged: its reputation is a step down for each."""
    paid_batches: U32
    """Batches in which a node of it was paid."""
    limits: Annotated[FarmLimits | None, Maybe(Nested(FarmLimits))]


@dataclass(frozen=True, slots=True, kw_only=True)
class FraudMark:
    """That a node was flagged, by which proposal, and on what evidence. It never goes.

    The node's twin bears it too, so that whatever it registers later carries the mark.
    """

    node_id: NodeId
    proposal: U32
    evidence: Hash
    height: Height
    time: Seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleValue:
    """A number that a vote set, and the proposal that did."""

    value: U64
    proposal: U32


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A farm or a twin that is held out to an account; taken, it is gone (P22)."""

    by: Address
    """Who held it then."""
    to: Address
    height: Height
