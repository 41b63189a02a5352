"""Evidence: two statements that one validator signed and no correct one ever signs both of.

Nothing but the statements themselves is written down. Power, total and time of that height are the
ledger's to know; what nobody states, nobody can state wrongly (consensus 1.9.5). The two stand in one
order, so that a pair has one spelling, and who signed is named by address.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final, TypeAlias, assert_never

from tfchain.base import merkle
from tfchain.base.codec import Plain, decode, encode
from tfchain.base.shapes import Hash, Nested, Signature, UInt, layout
from tfchain.base.units import U32_MAX, Address, Height, Millis, Round
from tfchain.errors import Malformed
from tfchain.ledger.commit import (
    NO_POL,
    PRECOMMIT,
    PREVOTE,
    PROPOSAL,
    VotedId,
    proposal_message,
    vote_message,
)
from tfchain.ledger.header import Header, PartCount, given_of, id_of_parts
from tfchain.ledger.validators import ValidatorAddress

EVIDENCE_BYTES_MAX: Final = 1_280
"""One piece: two signatures and what they are under; two headers of the longest have 1,174 bytes."""
EVIDENCE_MAX: Final = 256
"""Pieces in a block, or in one message between peers: one for each seat of the largest set."""

Check: TypeAlias = tuple[bytes, bytes, bytes]
"""A signature to verify: key, message, signature."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DoubleVote:
    """Two votes of one kind, height and round; `first_id` is the smaller id (`NIL` before all)."""

    validator: ValidatorAddress
    kind: Annotated[int, UInt(PREVOTE, PRECOMMIT)]
    height: Height
    round: Round
    first_id: VotedId
    first_signature: Signature
    second_id: VotedId
    second_signature: Signature


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """What a proposal says beside its place."""

    pol_round: Annotated[int, UInt(NO_POL, U32_MAX)]
    block_id: Hash
    time_ms: Millis
    signature: Signature


@dataclass(frozen=True, slots=True, kw_only=True)
class DoubleProposal:
    """Two proposals of one height and round, smaller (block id, POL round, time) first.

    Whose turn it was need not be shown: whoever proposes out of turn, and twice, is no more correct.
    """

    validator: ValidatorAddress
    height: Height
    round: Round
    first: Annotated[Proposed, Nested(Proposed)]
    second: Annotated[Proposed, Nested(Proposed)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Precommitted:
    """A precommit, with as much of its block as its id is made of (P30)."""

    header: Annotated[Header, Nested(Header)]
    parts: PartCount
    part_root: Hash
    round: Round
    signature: Signature


@dataclass(frozen=True, slots=True, kw_only=True)
class DoubleHistory:
    """Two precommits of one height for blocks that stand on two histories; the earlier round first.

    A correct validator decides a height once, and precommits above it nothing but what follows from
    that: in whichever rounds, the fields that a header is `GIVEN` are the same. So a lunatic's block
    (1.9.1) needs no round in common, and no fork puts a correct validator in the wrong (S9, S11).
    Two blocks of one history in two rounds prove nothing: that may be amnesia, or a lock let go.
    """

    validator: ValidatorAddress
    first: Annotated[Precommitted, Nested(Precommitted)]
    second: Annotated[Precommitted, Nested(Precommitted)]

    @property
    def height(self) -> Height:
        """That of both headers."""
        return self.first.header.height

    @property
    def round(self) -> Round:
        """The later one, which made it a fault."""
        return self.second.round


Evidence: TypeAlias = DoubleVote | DoubleProposal | DoubleHistory

KINDS: Final[tuple[type[Evidence], ...]] = (DoubleVote, DoubleProposal, DoubleHistory)
"""A piece's tag in its bytes is its place here; the order never changes."""


@dataclass(frozen=True, slots=True)
class AnyEvidence:
    """The shape of a piece of any kind: `[tag, record]`, its two statements in order."""

    def pack(self, value: object) -> Plain:
        cls = type(value)
        assert isinstance(value, KINDS), value
        assert _in_order(value), "evidence has one spelling"
        return [KINDS.index(cls), layout(cls).pack(value)]

    def unpack(self, plain: Plain) -> Evidence:
        if type(plain) is not list or len(plain) != 2 or type(plain[0]) is not int:
            raise Malformed("a tag and a piece of evidence are due")
        if not 0 <= plain[0] < len(KINDS):
            raise Malformed(f"there is no evidence of kind {plain[0]}")
        evidence = layout(KINDS[plain[0]]).unpack(plain[1])
        if not _in_order(evidence):
            raise Malformed("evidence is two different statements, the smaller one first")
        return evidence


_TWICE: Final = {PREVOTE: "prevotes", PRECOMMIT: "precommits", PROPOSAL: "proposals"}


def pack_pieces(pieces: Sequence[Evidence]) -> Plain:
    """The plain form of a block's evidence, or of a message's."""
    return [AnyEvidence().pack(piece) for piece in pieces]


def unpack_pieces(plain: Plain) -> tuple[Evidence, ...]:
    """The pieces; raises `Malformed`."""
    if type(plain) is not list or len(plain) > EVIDENCE_MAX:
        raise Malformed(f"a list of at most {EVIDENCE_MAX} pieces of evidence is due")
    return tuple(AnyEvidence().unpack(item) for item in plain)


def encode_evidence(evidence: Evidence) -> bytes:
    """The canonical bytes of a piece."""
    return encode(AnyEvidence().pack(evidence))


def decode_evidence(raw: bytes) -> Evidence:
    """The piece that `raw` spells; raises `Malformed`. Its signatures are not looked at."""
    return AnyEvidence().unpack(decode(raw, EVIDENCE_BYTES_MAX))


def evidence_root(pieces: Sequence[Evidence] = ()) -> bytes:
    """The header's root over a block's evidence."""
    return merkle.root(b"evidence", [encode_evidence(piece) for piece in pieces])


def place_of(evidence: Evidence) -> tuple[Height, bytes]:
    """(height, address): the order of pieces in a block, and of jailings (P24)."""
    return evidence.height, evidence.validator


def kind_of(evidence: Evidence) -> int:
    """The kind of the two statements: `PREVOTE`, `PRECOMMIT` or `PROPOSAL`."""
    match evidence:
        case DoubleVote():
            return evidence.kind
        case DoubleProposal():
            return PROPOSAL
        case DoubleHistory():
            return PRECOMMIT
        case _:
            assert_never(evidence)


def twice_of(evidence: Evidence) -> str:
    """For people: what somebody signed two of."""
    what = _TWICE[kind_of(evidence)]
    return f"{what} of two histories" if isinstance(evidence, DoubleHistory) else what


def checks_of(chain_id: str, key: Address, evidence: Evidence) -> list[Check]:
    """Both signatures, to be verified by whoever verifies. `key`: the one that the address names."""
    match evidence:
        case DoubleVote():
            return [
                (key, _vote_text(chain_id, evidence, evidence.first_id), evidence.first_signature),
                (
                    key,
                    _vote_text(chain_id, evidence, evidence.second_id),
                    evidence.second_signature,
                ),
            ]
        case DoubleProposal():
            return [
                (key, _proposal_text(chain_id, evidence, proposed), proposed.signature)
                for proposed in (evidence.first, evidence.second)
            ]
        case DoubleHistory():
            return [
                (key, _precommit_text(chain_id, voted), voted.signature)
                for voted in (evidence.first, evidence.second)
            ]
        case _:
            assert_never(evidence)


def _vote_text(chain_id: str, evidence: DoubleVote, block_id: bytes) -> bytes:
    return vote_message(chain_id, evidence.kind, evidence.height, evidence.round, block_id)


def _proposal_text(chain_id: str, evidence: DoubleProposal, proposed: Proposed) -> bytes:
    return proposal_message(
        chain_id,
        evidence.height,
        evidence.round,
        proposed.pol_round,
        proposed.block_id,
        proposed.time_ms,
    )


def _precommit_text(chain_id: str, voted: Precommitted) -> bytes:
    block_id = id_of_parts(voted.header, voted.parts, voted.part_root)
    return vote_message(chain_id, PRECOMMIT, voted.header.height, voted.round, block_id)


def _in_order(evidence: Evidence) -> bool:
    match evidence:
        case DoubleVote():
            return evidence.first_id < evidence.second_id
        case DoubleProposal():
            return order_of(evidence.first) < order_of(evidence.second)
        case DoubleHistory():
            return _are_at_odds(evidence.first, evidence.second)
        case _:
            assert_never(evidence)


def _are_at_odds(first: Precommitted, second: Precommitted) -> bool:
    """Of one height, and no history has both. Within a round they are a `DoubleVote`."""
    one, other = first.header, second.header
    if first.round >= second.round or one.height != other.height:
        return False
    return given_of(one) != given_of(other)


def order_of(proposed: Proposed) -> tuple[bytes, int, int]:
    """What two proposals of a pair are ordered by."""
    return proposed.block_id, proposed.pol_round, proposed.time_ms
