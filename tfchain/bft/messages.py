"""What validators say to each other: proposals and votes, signed, and whose signature is due."""

from dataclasses import dataclass, replace
from typing import Annotated, Final, TypeAlias

from tfchain.base.codec import Plain, decode, encode
from tfchain.base.shapes import U16, Hash, Signature, UInt, layout
from tfchain.base.units import U32_MAX, Height, Millis, Round
from tfchain.errors import Malformed
from tfchain.ledger.commit import (
    NO_POL,
    PRECOMMIT,
    PREVOTE,
    VotedId,
    proposal_message,
    vote_message,
)
from tfchain.ledger.validators import Validator, ValidatorSet

MESSAGE_BYTES_MAX: Final = 256
"""A proposal or a vote: two heights, an id, a signature; about 130 bytes."""

UNSIGNED: Final = b""
"""The signature of a message that waits for the signer. Such a message has no bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A proposer's word for a block; the block itself travels beside it.

    With a POL round it proposes again a block that round's polka spoke for; its time stays (P3).
    """

    height: Height
    round: Round
    pol_round: Annotated[int, UInt(NO_POL, U32_MAX)]
    block_id: Hash
    time_ms: Millis
    signature: Signature = UNSIGNED


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """A validator's prevote or precommit for a block or, with `NIL`, for none.

    `validator` is its place in the set of the height.
    """

    kind: Annotated[int, UInt(PREVOTE, PRECOMMIT)]
    height: Height
    round: Round
    block_id: VotedId
    validator: U16
    signature: Signature = UNSIGNED


Message: TypeAlias = Proposal | Vote

_PROPOSAL_TAG: Final = 0
_VOTE_TAG: Final = 1


@dataclass(frozen=True, slots=True)
class AnyMessage:
    """The shape of a message of either sort: `[tag, record]`."""

    def pack(self, value: object) -> Plain:
        match value:
            case Proposal():
                return [_PROPOSAL_TAG, layout(Proposal).pack(value)]
            case Vote():
                return [_VOTE_TAG, layout(Vote).pack(value)]
            case _:
                raise AssertionError(f"{value} is no message")

    def unpack(self, plain: Plain) -> Message:
        if type(plain) is not list or len(plain) != 2 or type(plain[0]) is not int:
            raise Malformed("a tag and a message are due")
        if plain[0] == _PROPOSAL_TAG:
            return layout(Proposal).unpack(plain[1])
        if plain[0] == _VOTE_TAG:
            return layout(Vote).unpack(plain[1])
        raise Malformed("the message is neither a proposal nor a vote")


def encode_message(message: Message) -> bytes:
    """The canonical bytes of a signed message."""
    return encode(AnyMessage().pack(message))


def decode_message(raw: bytes) -> Message:
    """The message that `raw` spells; raises `Malformed`. Its signature is not looked at."""
    return AnyMessage().unpack(decode(raw, MESSAGE_BYTES_MAX))


def sign_bytes(chain_id: str, message: Message) -> bytes:
    """What the signature of `message` is over (consensus 1.6.1)."""
    if isinstance(message, Vote):
        return vote_message(chain_id, message.kind, message.height, message.round, message.block_id)
    return proposal_message(
        chain_id,
        message.height,
        message.round,
        message.pol_round,
        message.block_id,
        message.time_ms,
    )


def same_statement(one: Message, other: Message) -> bool:
    """Whether two messages of one place sign the same bytes; signatures are not compared."""
    return replace(one, signature=UNSIGNED) == replace(other, signature=UNSIGNED)


def well_formed(validators: ValidatorSet, message: Message) -> bool:
    """Whether the message makes sense in a height of this set, whoever signed it (1.2.1)."""
    if isinstance(message, Vote):
        return 0 <= message.validator < len(validators.validators)
    return NO_POL <= message.pol_round < message.round


def signer_of(validators: ValidatorSet, message: Message) -> Validator:
    """Whose signature is due on `message`. Cheap: call it before any cryptography (1.16.4).

    Raises:
        Malformed: a place outside the set, or a POL round that is not an earlier one.
    """
    if not well_formed(validators, message):
        raise Malformed("a message that no validator of this height sends")
    if isinstance(message, Vote):
        return validators.validators[message.validator]
    return validators.proposer(message.round)
