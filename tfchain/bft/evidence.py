"""From a conflict that a machine saw to evidence that anybody can check, whoever was there."""

from tfchain.bft.events import Conflict
from tfchain.bft.messages import Proposal, Vote
from tfchain.ledger.evidence import DoubleProposal, DoubleVote, Evidence, Proposed, order_of
from tfchain.ledger.validators import ValidatorSet


def evidence_of(validators: ValidatorSet, conflict: Conflict) -> Evidence:
    """The two statements, in their one order, under the address of who signed them.

    `validators`: the set of the height. The machine has had both signatures checked.
    """
    first, second = conflict.first, conflict.second
    if isinstance(first, Vote):
        assert isinstance(second, Vote), "a conflict is of one kind"
        return _double_vote(validators, first, second)
    assert isinstance(second, Proposal), "a conflict is of one kind"
    pair = sorted((_proposed(first), _proposed(second)), key=order_of)
    return DoubleProposal(
        validator=validators.proposer(first.round).address,
        height=first.height,
        round=first.round,
        first=pair[0],
        second=pair[1],
    )


def _double_vote(validators: ValidatorSet, one: Vote, other: Vote) -> Evidence:
    first, second = sorted((one, other), key=lambda vote: vote.block_id)
    return DoubleVote(
        validator=validators.validators[one.validator].address,
        kind=one.kind,
        height=one.height,
        round=one.round,
        first_id=first.block_id,
        first_signature=first.signature,
        second_id=second.block_id,
        second_signature=second.signature,
    )


def _proposed(proposal: Proposal) -> Proposed:
    return Proposed(
        pol_round=proposal.pol_round,
        block_id=proposal.block_id,
        time_ms=proposal.time_ms,
        signature=proposal.signature,
    )
