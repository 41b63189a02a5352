"""What a peer lacks (consensus 1.14.1, 1.14.2)."""

from dataclasses import replace

import pytest

from tfchain.base.shapes import decode_record, encode_record
from tfchain.base.units import Height, Millis, Round
from tfchain.bft.events import BlockChecked, Event, ProposalReceived, Started, VoteReceived
from tfchain.bft.gossip import HOLDINGS_MAX, LACKING_MAX, Holding, View, lacking, view_of
from tfchain.bft.machine import Config, Machine
from tfchain.bft.messages import Message, Proposal, Vote
from tfchain.errors import Malformed
from tfchain.ledger.commit import NIL, PRECOMMIT, PREVOTE, PROPOSAL
from tfchain.ledger.params import Consensus
from tfchain.ledger.validators import ValidatorSet

V = bytes([1]) * 32
SIGNED = bytes(64)


def vote(kind: int, round_: int, block_id: bytes, whose: int) -> Vote:
    return Vote(
        kind=kind,
        height=Height(1),
        round=Round(round_),
        block_id=block_id,
        validator=whose,
        signature=SIGNED,
    )


def proposal(round_: int, pol: int = -1) -> Proposal:
    return Proposal(
        height=Height(1),
        round=Round(round_),
        pol_round=pol,
        block_id=V,
        time_ms=Millis(1_000),
        signature=SIGNED,
    )


def event(message: Message) -> Event:
    if isinstance(message, Proposal):
        return ProposalReceived(proposal=message, arrival_ms=Millis(1_000))
    return VoteReceived(vote=message)


@pytest.fixture
def ours(four: ValidatorSet, params: Consensus) -> Machine:
    return follower(four, params)


@pytest.fixture
def theirs(four: ValidatorSet, params: Consensus) -> Machine:
    return follower(four, params)


def follower(four: ValidatorSet, params: Consensus) -> Machine:
    machine = Machine(
        Config(
            height=Height(1),
            validators=four,
            index=None,
            params=params,
            last_block_time_ms=Millis(0),
        )
    )
    machine.receive(Started())
    return machine


def test_a_view_says_who_was_heard_in_each_round(ours: Machine) -> None:
    ours.receive(event(proposal(0)))
    ours.receive(event(vote(PREVOTE, 0, V, 0)))
    ours.receive(event(vote(PREVOTE, 0, NIL, 3)))
    ours.receive(event(vote(PRECOMMIT, 1, V, 1)))
    view = view_of(ours)
    assert (view.height, view.round, view.step) == (1, 0, 1)
    assert view.holdings == (
        Holding(kind=PRECOMMIT, round=Round(1), block_id=NIL, bits=b"\x02"),
        Holding(kind=PROPOSAL, round=Round(0), block_id=NIL, bits=b"\x01"),
        Holding(kind=PREVOTE, round=Round(0), block_id=NIL, bits=b"\x09"),
    )


def test_a_peer_gets_what_it_lacks_and_nothing_else(ours: Machine, theirs: Machine) -> None:
    """1.14.1, scenario 17: what was lost is sent again, whoever sent it once."""
    both = [vote(PREVOTE, 0, V, 0)]
    only_ours: list[Message] = [proposal(0), vote(PREVOTE, 0, V, 1), vote(PRECOMMIT, 0, NIL, 2)]
    for message in [*both, *only_ours]:
        ours.receive(event(message))
    for message in both:
        theirs.receive(event(message))
    assert list(lacking(ours, view_of(theirs))) == only_ours
    assert lacking(theirs, view_of(ours)) == ()
    for message in lacking(ours, view_of(theirs)):
        theirs.receive(event(message))
    assert lacking(ours, view_of(theirs)) == ()


def test_the_deciding_round_comes_first_then_the_peers_own(ours: Machine, theirs: Machine) -> None:
    for whose in range(4):
        ours.receive(event(vote(PRECOMMIT, 2, NIL, whose)))
    assert ours.round == 2
    for whose in range(3):
        ours.receive(event(vote(PRECOMMIT, 0, NIL, whose)))
        ours.receive(event(vote(PRECOMMIT, 1, V, whose)))
    assert [one.round for one in lacking(ours, view_of(theirs))] == [0] * 3 + [2] * 4 + [1] * 3
    ours.receive(BlockChecked(block_id=V, valid=True, time_ms=Millis(1_000)))
    assert ours.decided == (1, V)
    assert [one.round for one in lacking(ours, view_of(theirs))][:3] == [1] * 3


def test_a_proposal_of_a_round_that_is_over_is_not_sent(ours: Machine, theirs: Machine) -> None:
    ours.receive(event(proposal(0)))
    view = replace(view_of(theirs), round=Round(1))
    assert lacking(ours, view) == ()


def test_a_peer_that_was_shown_another_face_gets_the_votes_its_proposal_names(
    ours: Machine, theirs: Machine
) -> None:
    """Validator 0 prevoted v to us and nil to the peer, which now needs v's polka of round 0."""
    for machine, face in ((ours, V), (theirs, NIL)):
        machine.receive(event(vote(PREVOTE, 0, face, 0)))
        machine.receive(event(vote(PREVOTE, 0, V, 1)))
        machine.receive(event(vote(PREVOTE, 0, V, 2)))
        machine.receive(event(vote(PREVOTE, 1, NIL, 1)))
        machine.receive(event(vote(PREVOTE, 1, NIL, 2)))
        assert machine.round == 1
    assert lacking(ours, view_of(theirs)) == ()
    theirs.receive(event(proposal(1, pol=0)))
    claim = Holding(kind=PREVOTE, round=Round(0), block_id=V, bits=b"\x06")
    assert claim in view_of(theirs).holdings
    sent = lacking(ours, view_of(theirs))
    assert sent == (vote(PREVOTE, 0, V, 0),)
    theirs.receive(event(sent[0]))
    assert theirs.rounds.open(0).prevotes.has_two_thirds_for(V)
    assert lacking(ours, view_of(theirs)) == ()
    theirs_view = replace(view_of(ours), holdings=view_of(theirs).holdings)
    assert lacking(ours, theirs_view) == ()


def test_a_vote_that_is_lacking_both_ways_is_sent_once(ours: Machine, theirs: Machine) -> None:
    for whose in (0, 1, 2):
        ours.receive(event(vote(PREVOTE, 0, V, whose)))
    for whose in (1, 2):
        theirs.receive(event(vote(PREVOTE, 1, NIL, whose)))
    theirs.receive(event(proposal(1, pol=0)))
    sent = lacking(ours, view_of(theirs))
    assert [one for one in sent if one.round == 0] == [vote(PREVOTE, 0, V, n) for n in range(3)]


def test_a_peer_of_another_height_gets_nothing_here(ours: Machine, theirs: Machine) -> None:
    ours.receive(event(vote(PREVOTE, 0, V, 1)))
    assert lacking(ours, replace(view_of(theirs), height=Height(2))) == ()


@pytest.mark.parametrize("kind", [PREVOTE, PRECOMMIT, PROPOSAL])
def test_a_bitmap_of_the_wrong_length_is_refused(kind: int, ours: Machine, theirs: Machine) -> None:
    """Scenario 35, consensus 1.2.3."""
    row = Holding(kind=kind, round=Round(0), block_id=NIL, bits=b"\x00\x00")
    with pytest.raises(Malformed, match="bitmap"):
        lacking(ours, replace(view_of(theirs), holdings=(row,)))


def test_answers_and_views_are_bounded(
    ours: Machine, four: ValidatorSet, params: Consensus
) -> None:
    """1.14.2, S10: sixty rounds of votes of four validators and more."""
    for number in range(66):
        ours.receive(event(vote(PREVOTE, number, NIL, 0)))
        ours.receive(event(vote(PREVOTE, number, NIL, 1)))
        for whose in range(4):
            ours.receive(event(vote(PREVOTE, number, NIL, whose)))
            ours.receive(event(vote(PRECOMMIT, number, NIL, whose)))
        ours.receive(event(proposal(number)))
    view = view_of(follower(four, params))
    assert len(lacking(ours, view)) == LACKING_MAX
    assert len(view_of(ours).holdings) <= HOLDINGS_MAX
    assert decode_record(View, encode_record(view_of(ours))) == view_of(ours)


@pytest.mark.parametrize(
    "raw", [b"", b"\x90", b"\x95\x01\x01\x00\x09\x90", b"\x95\x01\x01\x00\x01\xc0"]
)
def test_bad_bytes_are_no_view(raw: bytes) -> None:
    with pytest.raises(Malformed):
        decode_record(View, raw)
