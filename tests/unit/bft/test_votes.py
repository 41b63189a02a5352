"""Counting votes (consensus 1.1.12, 1.8, 1.14.2)."""

from dataclasses import replace

import pytest

from tfchain.base.units import Height, Power, Round
from tfchain.bft.messages import Vote
from tfchain.bft.rounds import Rounds
from tfchain.bft.votes import VoteSet, bitmap, bitmap_bytes, weights_of
from tfchain.ledger.commit import ABSENT, FOR_BLOCK, FOR_NIL, NIL, PREVOTE
from tfchain.ledger.validators import ValidatorSet

V, W, X = (bytes([letter]) * 32 for letter in b"vwx")


def vote(whose: int, block_id: bytes) -> Vote:
    return Vote(
        kind=PREVOTE,
        height=Height(1),
        round=Round(0),
        block_id=block_id,
        validator=whose,
        signature=bytes([whose]) * 64,
    )


@pytest.fixture
def votes(four: ValidatorSet) -> VoteSet:
    return VoteSet(weights_of(four))


def test_power_counts_and_not_heads(four: ValidatorSet) -> None:
    heavy = replace(four.validators[0], power=Power(100))
    votes = VoteSet(weights_of(replace(four, validators=(heavy, *four.validators[1:]))))
    for whose in (1, 2, 3):
        votes.add(vote(whose, V))
    assert not votes.two_thirds_any()
    votes.add(vote(0, V))
    assert votes.two_thirds_for() == V


def test_two_thirds_of_anything_are_not_two_thirds_for_something(votes: VoteSet) -> None:
    for whose, block_id in enumerate((V, W, NIL)):
        assert not votes.two_thirds_any()
        assert votes.add(vote(whose, block_id)) is None
    assert votes.two_thirds_any()
    assert votes.two_thirds_for() is None


def test_two_thirds_for_nil_are_told_from_none(votes: VoteSet) -> None:
    assert votes.two_thirds_for() is None
    for whose in range(3):
        votes.add(vote(whose, NIL))
    assert votes.two_thirds_for() == NIL
    assert votes.has_two_thirds_for(NIL)


def test_a_second_vote_changes_nothing_and_gives_the_first(votes: VoteSet) -> None:
    first = vote(0, V)
    votes.add(first)
    for block_id in (V, W, NIL, X):
        assert votes.add(vote(0, block_id)) is first
    votes.add(vote(1, W))
    assert votes.votes() == [first, vote(1, W)]
    assert not votes.two_thirds_any()
    assert votes.first_of(0) is first
    assert votes.first_of(2) is None


def test_one_accusation_a_validator(votes: VoteSet) -> None:
    assert votes.accuse(2)
    assert not votes.accuse(2)
    assert votes.accuse(3)


def test_second_votes_for_the_claimed_id_count_for_it_alone(votes: VoteSet) -> None:
    """1.14.2."""
    votes.add(vote(0, NIL))
    votes.add(vote(1, V))
    votes.claim(V)
    for _ in range(3):
        votes.add(vote(0, V))
        votes.add(vote(0, NIL))
        votes.add(vote(0, W))
    assert not votes.has_two_thirds_for(V), "two validators, however often they say it"
    assert not votes.two_thirds_any()
    votes.add(vote(2, V))
    assert votes.has_two_thirds_for(V)
    assert votes.votes_for(V) == [vote(0, V), vote(1, V), vote(2, V)]
    assert votes.votes_for(NIL) == [vote(0, NIL)]
    assert votes.votes()[0] == vote(0, NIL)


def test_the_first_vote_for_the_claimed_id_counts_once(votes: VoteSet) -> None:
    votes.claim(V)
    votes.add(vote(0, V))
    votes.add(vote(0, V))
    votes.add(vote(1, V))
    assert not votes.has_two_thirds_for(V)


def test_another_claim_drops_the_second_votes_of_the_one_before(votes: VoteSet) -> None:
    """1.14.2, S10: at most one second vote a validator is kept, whatever is proposed."""
    votes.claim(V)
    votes.add(vote(0, NIL))
    votes.add(vote(0, V))
    votes.claim(V)
    assert votes.votes_for(V) == [vote(0, V)]
    votes.claim(W)
    assert votes.claimed == W
    assert votes.votes_for(V) == []
    votes.add(vote(1, V))
    votes.add(vote(2, V))
    assert not votes.has_two_thirds_for(V)


def test_a_commit_has_a_slot_for_each_validator(votes: VoteSet) -> None:
    """Consensus 1.8.2: for the block, for nil, absent; a vote for another block has no slot."""
    votes.add(vote(0, V))
    votes.add(vote(1, NIL))
    votes.add(vote(2, W))
    commit = votes.commit(Height(1), Round(0), V)
    assert [slot.flag for slot in commit.slots] == [FOR_BLOCK, FOR_NIL, ABSENT, ABSENT]
    assert [slot.signature for slot in commit.slots] == [bytes(64), b"\x01" * 64, b"", b""]


@pytest.mark.parametrize(
    ("whose", "count", "bits"),
    [
        pytest.param((), 4, b"\x00", id="nobody of four"),
        pytest.param((0, 3), 4, b"\x09", id="first and last of four"),
        pytest.param((7,), 8, b"\x80", id="eight fit a byte"),
        pytest.param((8,), 9, b"\x00\x01", id="nine need two"),
    ],
)
def test_a_bitmap_has_a_bit_for_each_validator(
    whose: tuple[int, ...], count: int, bits: bytes
) -> None:
    assert bitmap([vote(one, V) for one in whose], count) == bits
    assert bitmap_bytes(count) == len(bits)


def test_exactly_a_third_further_on_is_not_enough_to_follow(four: ValidatorSet) -> None:
    """Consensus 1.1.10: more than a third, so that an honest one is among them."""
    three = replace(four, validators=four.validators[:3], priorities=four.priorities[:3])
    rounds = Rounds(weights_of(three))
    rounds.hear(0, 9)
    assert rounds.reached == -1
    rounds.hear(1, 4)
    rounds.hear(1, 3)
    assert rounds.reached == 4
