"""Validators as the ledger remembers them: their seats, the sets they made up, the blocks gone by.

Whoever executes, audits or starts from a snapshot judges old evidence by these rows alone, so that
sets and block times of the whole evidence window stand in the state (consensus 1.10.5).
"""

from dataclasses import dataclass
from typing import Annotated, Final

from tfchain.base.limits import COMMIT_SLOTS_MAX
from tfchain.base.shapes import U64, Blob, Many, Maybe, Nested, UInt
from tfchain.base.units import U64_MAX, Address, Height, Millis, Power, Round, Utft
from tfchain.ledger.commit import PREVOTE, PROPOSAL
from tfchain.ledger.validators import (
    POWER_TOTAL_MAX,
    VALIDATOR_ADDRESS_BYTES,
    Validator,
    ValidatorAddress,
)

PAST_BLOCKS: Final = 64
"""Blocks in one row of the past: a window of three weeks is some five thousand rows."""
LEAVING_MAX: Final = 256
"""Validators that have left and whose bond is held back."""

_ADDRESS: Final = Blob(VALIDATOR_ADDRESS_BYTES, VALIDATOR_ADDRESS_BYTES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What a validator was found guilty of, and what it cost (P24)."""

    kind: Annotated[int, UInt(PREVOTE, PROPOSAL)]
    """Kind of the two statements."""
    height: Height
    round: Round
    committed: Height
    """The block that holds the evidence."""
    burned: Utft


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """A validator, whether or not it has power now (P24).

    Its reward account gets its fees, votes and leaves for it, and gets its bond back.
    """

    key: Address
    power: Annotated[Power, UInt(0, POWER_TOTAL_MAX)]
    """In the newest set; 0 while it has left or is jailed."""
    bond: Utft
    reward_account: Address
    jailed: bool
    """For good, until a vote gives it power again."""
    fault: Annotated[Fault | None, Maybe(Nested(Fault))]
    answers_from: Height
    """Evidence of earlier heights is settled."""
    left: Annotated[Height | None, Maybe(UInt(0, U64_MAX))]
    """The last height it had power at. The bond is released once evidence of that height expires."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Members:
    """A validator set without its priorities, in order of address.

    The row's key is the first height that the set votes on.
    """

    validators: Annotated[tuple[Validator, ...], Many(Nested(Validator), COMMIT_SLOTS_MAX)]


@dataclass(frozen=True, slots=True, kw_only=True)
class PastBlock:
    """What is asked about a block later: its time, and the row of the set that voted on it."""

    time: Millis
    members: Height


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """Up to `PAST_BLOCKS` blocks in a row; the row's key is their heights' quotient by it."""

    blocks: Annotated[tuple[PastBlock, ...], Many(Nested(PastBlock), PAST_BLOCKS)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Accused:
    """A validator that waits for its jailing, and the height of its fault."""

    height: Height
    validator: ValidatorAddress


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """Where the validators stand: the newest set, who is to be jailed, whose bond is to be released."""

    newest: Height
    """Key of the newest set: at most two heights ahead (consensus 1.10.1)."""
    before: Height
    """Key of the set before it."""
    accused: Annotated[tuple[Accused, ...], Many(Nested(Accused), COMMIT_SLOTS_MAX)]
    """In order of (height, address)."""
    leaving: Annotated[tuple[bytes, ...], Many(_ADDRESS, LEAVING_MAX)]
    """Addresses, first out first."""
    past_first: U64
    """Key of the oldest row of the past that is kept."""
