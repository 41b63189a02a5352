"""What validators sign, and the proof that more than two thirds of them signed one block.

Signed bytes are fixed-width fields behind a domain tag and a version, never text joined by
separators, so that no two different statements have the same bytes (consensus 1.6.1, 1.6.2). Votes
carry no time: two different votes of one place and kind are always a fault (P3).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Final

from tfchain.base.codec import Plain
from tfchain.base.crypto import HASH_BYTES, SIGNATURE_BYTES, digest
from tfchain.base.limits import COMMIT_SLOTS_MAX
from tfchain.base.shapes import Hash, Many, Nested, UInt, encode_record
from tfchain.base.units import Height, Millis, Round
from tfchain.errors import InvalidBlock, Malformed
from tfchain.ledger.validators import Validator, ValidatorSet

PREVOTE: Final = 1
PRECOMMIT: Final = 2
PROPOSAL: Final = 32
"""Kinds of signed statement; the numbers are part of the bytes (consensus 1.6.1)."""

NIL: Final = b""
"""The block id of a vote for no block."""
NO_POL: Final = -1
"""The POL round of a fresh proposal: no earlier round's polka speaks for it."""

DOMAIN: Final = b"tfchain/consensus"
SIGN_VERSION: Final = 1
CHAIN_ID_BYTES_MAX: Final = 255

ABSENT: Final = 0
FOR_BLOCK: Final = 1
FOR_NIL: Final = 2
"""Flags of a commit's slots (consensus 1.8.2)."""


@dataclass(frozen=True, slots=True)
class OneLengthOf:
    """Bytes of exactly one of these lengths."""

    lengths: tuple[int, ...]

    def pack(self, value: object) -> Plain:
        assert type(value) is bytes and len(value) in self.lengths, (value, self)
        return value

    def unpack(self, plain: Plain) -> object:
        if type(plain) is not bytes or len(plain) not in self.lengths:
            raise Malformed(f"bytes of a length in {self.lengths} are due")
        return plain


VotedId = Annotated[bytes, OneLengthOf((0, HASH_BYTES))]
"""A block id, or `NIL`."""
MaybeSignature = Annotated[bytes, OneLengthOf((0, SIGNATURE_BYTES))]


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitSlot:
    """What one validator precommitted, in the place it has in the set."""

    flag: Annotated[int, UInt(ABSENT, FOR_NIL)]
    signature: MaybeSignature


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """The precommits of one round that decided a block: a slot for each validator of the height."""

    height: Height
    round: Round
    block_id: Hash
    slots: Annotated[tuple[CommitSlot, ...], Many(Nested(CommitSlot), COMMIT_SLOTS_MAX)]


Verify = Callable[[bytes, bytes, bytes], bool]
"""(key, message, signature): whether it is genuine; `base.crypto.verify` or one that remembers."""


def vote_message(
    chain_id: str,
    kind: int,
    height: Height,
    round: Round,  # noqa: A002 -- the paper's word
    block_id: bytes,
) -> bytes:
    """What a validator signs to prevote or precommit `block_id` or `NIL`."""
    assert kind in {PREVOTE, PRECOMMIT}, kind
    return b"".join([*_opening(kind, height, round), _id_bytes(block_id), _chain_bytes(chain_id)])


def proposal_message(
    chain_id: str,
    height: Height,
    round: Round,  # noqa: A002 -- the paper's word
    pol_round: int,
    block_id: bytes,
    time_ms: Millis,
) -> bytes:
    """What a proposer signs. `pol_round`: `NO_POL` for a fresh block, else an earlier round."""
    assert block_id, "a proposal is for a block"
    parts = [
        *_opening(PROPOSAL, height, round),
        pol_round.to_bytes(8, "big", signed=True),
        _id_bytes(block_id),
        time_ms.to_bytes(8, "big"),
        _chain_bytes(chain_id),
    ]
    return b"".join(parts)


def _opening(kind: int, height: Height, round_: Round) -> list[bytes]:
    head = DOMAIN + bytes([SIGN_VERSION, kind])
    return [head, height.to_bytes(8, "big"), round_.to_bytes(8, "big")]


def _id_bytes(block_id: bytes) -> bytes:
    assert len(block_id) in {0, HASH_BYTES}, block_id
    return b"\x01" + block_id if block_id else b"\x00"


def _chain_bytes(chain_id: str) -> bytes:
    text = chain_id.encode()
    assert len(text) <= CHAIN_ID_BYTES_MAX, chain_id
    return bytes([len(text)]) + text


def commit_hash(commit: Commit) -> bytes:
    """The header's hash of the last block's commit, signatures included."""
    return digest(b"tf/commit", encode_record(commit))


def check_commit(chain_id: str, validators: ValidatorSet, commit: Commit, verify: Verify) -> None:
    """More than two thirds signed this block, and every signature that is there is genuine.

    All of them, not the first two thirds: the others are paid by it too (consensus 1.2.7). That
    height and block id are the ones the caller expects is the caller's to compare.

    Raises:
        InvalidBlock: names the slot, or the power that is missing.
    """
    check_tally(validators, commit)
    for index, member, slot in _present(validators, commit):
        if not verify(member.key, _slot_message(chain_id, commit, slot), slot.signature):
            raise InvalidBlock(f"commit of {commit.height}: slot {index}: the signature is false")


def check_tally(validators: ValidatorSet, commit: Commit) -> None:
    """The half of `check_commit` that needs no signature: slots that fit, and a quorum (1.8.3).

    Raises:
        InvalidBlock: names the slot, or the power that is missing.
    """
    if len(commit.slots) != len(validators.validators):
        raise InvalidBlock(
            f"commit of {commit.height}: {len(commit.slots)} slots"
            f" for {len(validators.validators)} validators"
        )
    power = 0
    for index, (member, slot) in enumerate(zip(validators.validators, commit.slots, strict=True)):
        if (slot.flag == ABSENT) != (not slot.signature):
            raise InvalidBlock(f"commit of {commit.height}: slot {index}: flag belies signature")
        if slot.flag == FOR_BLOCK:
            power += member.power
    if power < validators.quorum():
        raise InvalidBlock(
            f"commit of {commit.height}: power {power} for the block, {validators.quorum()} is due"
        )


def signatures_of(
    chain_id: str, validators: ValidatorSet, commit: Commit
) -> list[tuple[bytes, bytes, bytes]]:
    """(key, message, signature) of every slot that is there, in slot order.

    For a caller that verifies elsewhere; it calls `check_tally` first, so that slots fit the set.
    """
    present = _present(validators, commit)
    ways = {slot.flag: slot for _, _, slot in present}
    words = {flag: _slot_message(chain_id, commit, slot) for flag, slot in ways.items()}
    return [(member.key, words[slot.flag], slot.signature) for _, member, slot in present]


def _present(validators: ValidatorSet, commit: Commit) -> list[tuple[int, Validator, CommitSlot]]:
    pairs = zip(validators.validators, commit.slots, strict=True)
    return [
        (index, member, slot) for index, (member, slot) in enumerate(pairs) if slot.flag != ABSENT
    ]


def _slot_message(chain_id: str, commit: Commit, slot: CommitSlot) -> bytes:
    """The words of all who voted as this slot says."""
    block_id = commit.block_id if slot.flag == FOR_BLOCK else NIL
    return vote_message(chain_id, PRECOMMIT, commit.height, commit.round, block_id)
