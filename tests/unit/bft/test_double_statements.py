"""From a conflict to evidence: the same piece, whichever of the two came first (1.9.1, 1.2.6)."""

import pytest

from tfchain.base import crypto
from tfchain.base.units import Address, Height, Millis, Power, Round
from tfchain.bft.events import Conflict
from tfchain.bft.evidence import evidence_of
from tfchain.bft.messages import Message, Proposal, Vote, sign_bytes
from tfchain.ledger.commit import NIL, PRECOMMIT, PREVOTE, PROPOSAL
from tfchain.ledger.evidence import DoubleProposal, DoubleVote, checks_of, kind_of
from tfchain.ledger.validators import Validator, genesis_set, validator_address

CHAIN = "test-00000000"
SEEDS = {crypto.public_key(bytes([n]) * 32): bytes([n]) * 32 for n in range(1, 5)}
SET = genesis_set(
    [
        Validator(
            address=validator_address(Address(key)),
            key=Address(key),
            power=Power(n),
            reward_account=Address(key),
        )
        for n, key in enumerate(SEEDS, start=1)
    ]
)


def _vote(index: int, block_id: bytes, kind: int) -> Vote:
    vote = Vote(kind=kind, height=Height(5), round=Round(3), block_id=block_id, validator=index)
    seed = SEEDS[SET.validators[index].key]
    return Vote(
        kind=kind,
        height=Height(5),
        round=Round(3),
        block_id=block_id,
        validator=index,
        signature=crypto.sign(seed, sign_bytes(CHAIN, vote)),
    )


def _proposal(block_id: bytes, pol_round: int = -1, time_ms: int = 8) -> Proposal:
    plain = Proposal(
        height=Height(5),
        round=Round(3),
        pol_round=pol_round,
        block_id=block_id,
        time_ms=Millis(time_ms),
    )
    seed = SEEDS[SET.proposer(Round(3)).key]
    return Proposal(
        height=Height(5),
        round=Round(3),
        pol_round=pol_round,
        block_id=block_id,
        time_ms=Millis(time_ms),
        signature=crypto.sign(seed, sign_bytes(CHAIN, plain)),
    )


A, B = b"a" * 32, b"b" * 32
PAIRS: dict[str, tuple[int, Message, Message]] = {
    "prevotes": (PREVOTE, _vote(2, A, PREVOTE), _vote(2, B, PREVOTE)),
    "precommits, one nil": (PRECOMMIT, _vote(0, A, PRECOMMIT), _vote(0, NIL, PRECOMMIT)),
    "proposals": (PROPOSAL, _proposal(A), _proposal(B)),
    "proposals of one block": (PROPOSAL, _proposal(A), _proposal(A, pol_round=1)),
    "proposals of one block at two times": (PROPOSAL, _proposal(A), _proposal(A, time_ms=9)),
}


@pytest.mark.parametrize("name", PAIRS)
def test_a_conflict_makes_one_piece_that_anybody_can_check(name: str) -> None:
    """1.9.1, 1.9.2, equivocation."""
    kind, first, second = PAIRS[name]
    piece = evidence_of(SET, Conflict(kind=kind, first=first, second=second))
    assert piece == evidence_of(SET, Conflict(kind=kind, first=second, second=first))
    assert isinstance(piece, DoubleProposal if kind == PROPOSAL else DoubleVote)
    assert (piece.height, piece.round, kind_of(piece)) == (5, 3, kind)
    member = next(row for row in SET.validators if row.address == piece.validator)
    assert all(crypto.verify(*check) for check in checks_of(CHAIN, member.key, piece))
