"""Counting votes: one set for each (height, round, kind), one vote for each validator.

A second vote of a validator is evidence and is not counted, with one exception. When a proposer
proposes a block again and names the round whose polka spoke for it, the polka may rest on a liar's
vote that this node holds another version of. Without counting that version too the node would never
accept the block, and those locked on it would never accept another: one liar stops the chain. So a
set counts, for the one block id *claimed* by the current proposal, also votes of validators whose
first vote was another. Quorums of one id still count each validator once (consensus 1.14.2).
"""

from dataclasses import dataclass

from tfchain.base.units import Height, Round
from tfchain.bft.messages import Vote
from tfchain.ledger.commit import ABSENT, FOR_BLOCK, FOR_NIL, NIL, Commit, CommitSlot
from tfchain.ledger.validators import ValidatorSet


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """The powers of a set, in its order, and what is made of them once."""

    powers: tuple[int, ...]
    total: int
    quorum: int


def weights_of(validators: ValidatorSet) -> Weights:
    """The weights that all vote sets of a height share."""
    return Weights(
        powers=tuple(member.power for member in validators.validators),
        total=validators.total_power(),
        quorum=validators.quorum(),
    )


class VoteSet:
    """The votes of one kind in one round."""

    __slots__ = ("_accused", "_claimed", "_extras", "_power", "_tallies", "_votes", "_weights")

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self._votes: list[Vote | None] = [None] * len(weights.powers)
        self._power = 0
        self._tallies: dict[bytes, int] = {}
        self._claimed = NIL
        self._extras: dict[int, Vote] = {}
        self._accused = [False] * len(weights.powers)

    def add(self, vote: Vote) -> Vote | None:
        """Count `vote`; or give the vote that its validator cast before, and count nothing.

        The caller has checked that the vote is of this set's place and kind, and genuine.
        """
        first = self._votes[vote.validator]
        if first is None:
            self._votes[vote.validator] = vote
            self._power += self._weights.powers[vote.validator]
            self._grow(vote)
        elif vote.block_id not in {first.block_id, NIL} and vote.block_id == self._claimed:
            self._add_extra(vote)
        return first

    def _add_extra(self, vote: Vote) -> None:
        if vote.validator not in self._extras:
            self._extras[vote.validator] = vote
            self._grow(vote)

    def _grow(self, vote: Vote) -> None:
        power = self._weights.powers[vote.validator]
        self._tallies[vote.block_id] = self._tallies.get(vote.block_id, 0) + power

    def claim(self, block_id: bytes) -> None:
        """Count second votes for this id from now on, and those for another id no longer."""
        if block_id == self._claimed:
            return
        for vote in self._extras.values():
            self._tallies[vote.block_id] -= self._weights.powers[vote.validator]
        self._extras.clear()
        self._claimed = block_id

    @property
    def claimed(self) -> bytes:
        """The id that the current proposal says a polka here spoke for; `NIL` where there is none."""
        return self._claimed

    def first_of(self, validator: int) -> Vote | None:
        """The first vote of a validator."""
        return self._votes[validator]

    def accuse(self, validator: int) -> bool:
        """Whether this is the first accusation of `validator` here: one proof is enough."""
        first = not self._accused[validator]
        self._accused[validator] = True
        return first

    def two_thirds_any(self) -> bool:
        """Whether more than two thirds voted, for whatever (consensus 1.1.5, 1.1.8)."""
        return self._power >= self._weights.quorum

    def two_thirds_for(self) -> bytes | None:
        """The block id, or `NIL`, that more than two thirds voted for; None while there is none."""
        for block_id, power in self._tallies.items():
            if power >= self._weights.quorum:
                return block_id
        return None

    def has_two_thirds_for(self, block_id: bytes) -> bool:
        """Whether more than two thirds voted for this id."""
        return self._tallies.get(block_id, 0) >= self._weights.quorum

    def votes(self) -> list[Vote]:
        """The first vote of each validator that voted, in the set's order."""
        return [vote for vote in self._votes if vote is not None]

    def votes_for(self, block_id: bytes) -> list[Vote]:
        """All votes that count for this id, in the set's order."""
        chosen = [self._extras.get(index, vote) for index, vote in enumerate(self._votes)]
        if block_id != self._claimed:
            chosen = list(self._votes)
        return [vote for vote in chosen if vote is not None and vote.block_id == block_id]

    def commit(self, height: Height, round_: Round, block_id: bytes) -> Commit:
        """The proof that this round decided `block_id`, with all that precommitted so far.

        Asked again later it may hold more signatures (1.1.16). Votes for another block have no slot.
        """
        slots = tuple(_slot(vote, block_id) for vote in self._votes)
        return Commit(height=height, round=round_, block_id=block_id, slots=slots)


def _slot(vote: Vote | None, block_id: bytes) -> CommitSlot:
    if vote is None or vote.block_id not in {block_id, NIL}:
        return CommitSlot(flag=ABSENT, signature=b"")
    flag = FOR_BLOCK if vote.block_id == block_id else FOR_NIL
    return CommitSlot(flag=flag, signature=vote.signature)


def bitmap(votes: list[Vote], count: int) -> bytes:
    """One bit for each of `count` validators, the first in the lowest bit of the first byte."""
    bits = 0
    for vote in votes:
        bits |= 1 << vote.validator
    return bits.to_bytes(bitmap_bytes(count), "little")


def bitmap_bytes(count: int) -> int:
    """How long a bitmap of `count` validators is."""
    return (count + 7) // 8
