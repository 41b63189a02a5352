"""What validators were heard to say, across all crashes, and what they may not say any more.

S4: one statement for each (height, round, kind) of a correct validator. S5: whoever precommitted a
block prevotes another one only where two thirds prevoted that one since (consensus 2.5).
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Final

from tfchain.base.shapes import decode_record
from tfchain.base.units import Height
from tfchain.bft.messages import UNSIGNED, Message, Vote
from tfchain.ledger.commit import NIL, PRECOMMIT, PREVOTE, PROPOSAL
from tfchain.replica import messages as wire
from tfchain.sim.fold import Fold, more_than_two_thirds

SPOKEN: Final = (wire.PROPOSAL, wire.VOTE)
"""Kinds of wire message that carry a validator's word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    height: int
    round: int
    kind: int
    validator: int


class Words:
    """All statements by place. `liars`: places in the set of those that may say anything."""

    def __init__(self, fold: Fold, liars: Collection[int]) -> None:
        self._fold, self._liars = fold, liars
        self._said: dict[_Place, Message] = {}
        self._prevoted: dict[tuple[int, int, bytes], dict[int, None]] = {}
        self._locks: dict[tuple[int, int], list[Vote]] = {}
        self._known: dict[bytes, None] = {}

    def heard(self, kind: int, payload: bytes) -> tuple[Message | None, str]:
        """A message as it leaves a node, told on or of its own: the word in it, and what is wrong.

        None where it carries no word, or one that left some node before.
        """
        if kind not in SPOKEN or payload in self._known:
            return None, ""
        self._known[payload] = None
        if kind == wire.VOTE:
            message: Message = decode_record(Vote, payload)
        else:
            message, _ = wire.decode_proposal(payload)
        place = self._place_of(message)
        fault = self.signed(message)
        if not fault and isinstance(message, Vote) and place.validator not in self._liars:
            fault = self._against_lock(message)
        return message, fault

    def signed(self, message: Message) -> str:
        """A statement that a signer gave its signature for: what is wrong with it, or nothing."""
        place = self._place_of(message)
        bare = replace(message, signature=UNSIGNED)
        if place.kind == PREVOTE and isinstance(message, Vote):
            polka = (message.height, message.round, message.block_id)
            self._prevoted.setdefault(polka, {})[place.validator] = None
        first = self._said.setdefault(place, bare)
        if first == bare or place.validator in self._liars:
            return ""
        return f"{first} and {bare}"

    def author(self, message: Message) -> int:
        """Whose word it is: a place in the set."""
        return self._place_of(message).validator

    def _place_of(self, message: Message) -> _Place:
        if isinstance(message, Vote):
            kind, validator = message.kind, message.validator
        else:
            validators = self._fold.validators(message.height)
            kind, validator = PROPOSAL, validators.proposer_index(message.round)
        return _Place(height=message.height, round=message.round, kind=kind, validator=validator)

    def _against_lock(self, vote: Vote) -> str:
        """S5. A lock counts once its precommit left the node: before, a crash may undo it."""
        if vote.block_id == NIL:
            return ""
        locks = self._locks.setdefault((vote.height, vote.validator), [])
        if vote.kind == PRECOMMIT:
            locks.append(vote)
            return ""
        earlier = [lock for lock in locks if lock.round < vote.round]
        lock = max(earlier, key=lambda one: one.round, default=None)
        if lock is None or lock.block_id == vote.block_id:
            return ""
        rounds = range(lock.round, vote.round)
        polka = any(self._has_polka(vote.height, number, vote.block_id) for number in rounds)
        return "" if polka else f"{vote} in spite of {lock}"

    def _has_polka(self, height: int, round_: int, block_id: bytes) -> bool:
        """As far as anybody knows; a liar may have spoken for anything."""
        validators = self._fold.validators(Height(height))
        names = {**self._prevoted.get((height, round_, block_id), {}), **dict.fromkeys(self._liars)}
        power = sum(validators.validators[index].power for index in names)
        return more_than_two_thirds(power, validators)
