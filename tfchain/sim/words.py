"""What validators were heard to say, across all crashes, and what they may not say any more.

S4: one statement for each (height, round, kind) of a correct validator. S5: whoever precommitted a
block prevotes another one only where it saw two thirds prevote that one since, and whoever prevotes a
block that is proposed again saw the polka that the proposal names (consensus 2.5, paper lines 28, 29).
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from tfchain.base.crypto import verify
from tfchain.base.shapes import decode_record
from tfchain.base.units import Height
from tfchain.bft.messages import UNSIGNED, Message, Proposal, Vote, sign_bytes, well_formed
from tfchain.errors import Malformed
from tfchain.ledger.block import decode_block
from tfchain.ledger.commit import NIL, NO_POL, PRECOMMIT, PREVOTE, PROPOSAL
from tfchain.replica import messages as wire
from tfchain.sim.fold import Fold, more_than_two_thirds

DECODED_MAX: Final = 4_000
"""Messages whose decoding is remembered: each is sent to every peer, and told on."""

_Polka: TypeAlias = tuple[int, int, bytes]
"""Height, round, block id."""


def word_in(kind: int, payload: bytes) -> Message | None:
    """The word that a message carries; None for none, or for garbage."""
    try:
        if kind == wire.VOTE:
            return decode_record(Vote, payload)
        if kind == wire.PROPOSAL:
            return wire.decode_proposal(payload)[0]
    except Malformed:
        return None
    return None


def _id_of(raw: bytes) -> bytes:
    """The id of a block; nothing for what is none."""
    try:
        return decode_block(raw).id
    except Malformed:
        return b""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    height: int
    round: int
    kind: int
    validator: int


class Words:
    """All statements by place. `liars`: addresses of those that may say anything."""

    def __init__(self, fold: Fold, liars: Collection[bytes]) -> None:
        self._fold, self._liars = fold, liars
        self._decoded: dict[tuple[int, bytes], Message | None] = {}
        self._blocks: dict[bytes, list[tuple[int, bytes]]] = {}
        """By the id that is claimed: heights, and proposals with their block."""
        self._said: dict[_Place, Message] = {}
        self._genuine: dict[Message, bool] = {}
        self._seen: dict[tuple[int, _Polka], dict[int, None]] = {}
        """By node and polka: the validators of whom that node has the prevote."""
        self._proposed: dict[tuple[int, int, int], list[Proposal]] = {}
        """By node, height and round: the proposals that came to that node."""
        self._locks: dict[tuple[int, int], list[Vote]] = {}
        self._left: dict[Message, None] = {}
        self.convicted: dict[bytes, tuple[Message, Message]] = {}
        """By address: two statements that only somebody who lies makes (S9)."""

    def word_in(self, kind: int, payload: bytes) -> Message | None:
        """As the function of this name, decoded once."""
        if kind not in {wire.VOTE, wire.PROPOSAL}:
            return None
        asked = (kind, payload)
        if asked not in self._decoded:
            if len(self._decoded) >= DECODED_MAX:
                self._decoded.clear()
            self._decoded[asked] = word_in(kind, payload)
            if isinstance(word := self._decoded[asked], Proposal):
                self._blocks.setdefault(word.block_id, []).append((word.height, payload))
        return self._decoded[asked]

    def block(self, block_id: bytes) -> bytes | None:
        """The bytes of the block with this id, if a proposal ever carried it."""
        for _, payload in self._blocks.get(block_id, ()):
            raw = wire.decode_proposal(payload)[1]
            if _id_of(raw) == block_id:
                return raw
        return None

    def heard(self, message: Message) -> str:
        """A genuine message as it leaves a correct node: what is wrong with it, or nothing."""
        self._genuine[message] = True
        return self._said_twice(message)

    def signed(self, node: int, message: Message) -> str:
        """A statement that the signer of `node` gave its signature for: what is wrong with it."""
        self._genuine[message] = True
        self.arrived(node, message)
        return self._said_twice(message)

    def _said_twice(self, message: Message) -> str:
        place = self._place_of(message)
        bare = replace(message, signature=UNSIGNED)
        first = self._said.setdefault(place, bare)
        if first == bare:
            return ""
        author = self.author(message)
        self.convicted.setdefault(author, (first, bare))
        return "" if author in self._liars else f"{first} and {bare}"

    def arrived(self, node: int, message: Message) -> int | None:
        """A message came to a node, whatever became of it there.

        The place of its author in the set of its height; None if it is false.
        """
        if Height(message.height - 1) not in self._fold.tips:
            return None
        if not well_formed(self._fold.validators(message.height), message):
            return None
        if not self._is_genuine(message):
            return None
        if isinstance(message, Proposal):
            place = (node, message.height, message.round)
            self._proposed.setdefault(place, []).append(message)
        elif message.kind == PREVOTE:
            polka = (message.height, message.round, message.block_id)
            self._seen.setdefault((node, polka), {})[message.validator] = None
        return self._place_of(message).validator

    def _is_genuine(self, message: Message) -> bool:
        if message not in self._genuine:
            validators = self._fold.validators(message.height)
            member = validators.validators[self._place_of(message).validator]
            text = sign_bytes(self._fold.chain_id, message)
            self._genuine[message] = verify(member.key, text, message.signature)
        return self._genuine[message]

    def leaves_first(self, message: Message) -> bool:
        """Whether somebody's own word leaves for the first time: later it may come back from peers."""
        first = message not in self._left
        self._left[message] = None
        return first

    def author(self, message: Message) -> bytes:
        """Whose word it is: an address. Places in the set change with the set."""
        validators = self._fold.validators(message.height)
        return validators.validators[self._place_of(message).validator].address

    def _place_of(self, message: Message) -> _Place:
        if isinstance(message, Vote):
            kind, validator = message.kind, message.validator
        else:
            validators = self._fold.validators(message.height)
            kind, validator = PROPOSAL, validators.proposer_index(message.round)
        return _Place(height=message.height, round=message.round, kind=kind, validator=validator)

    def against_rules(self, node: int, vote: Vote) -> str:
        """S5, of the own vote of a correct node as it leaves; or nothing.

        A lock counts once its precommit left the node: before, a crash may undo it.
        """
        if vote.block_id == NIL:
            return ""
        locks = self._locks.setdefault((vote.height, vote.validator), [])
        if vote.kind == PRECOMMIT:
            if vote not in locks:
                locks.append(vote)
            return ""
        return self._against_lock(node, vote, locks) or self._without_polka(node, vote)

    def _against_lock(self, node: int, vote: Vote, locks: list[Vote]) -> str:
        earlier = [lock for lock in locks if lock.round < vote.round]
        lock = max(earlier, key=lambda one: one.round, default=None)
        if lock is None or lock.block_id == vote.block_id:
            return ""
        rounds = range(lock.round, vote.round)
        polka = any(self._has_polka(node, vote, number) for number in rounds)
        return "" if polka else f"{vote} in spite of {lock}"

    def _without_polka(self, node: int, vote: Vote) -> str:
        """Line 28: a block proposed again is prevoted for the sake of a polka that was seen."""
        proposals = self._proposed.get((node, vote.height, vote.round), [])
        named = [one.pol_round for one in proposals if one.block_id == vote.block_id]
        if not named or any(
            round_ == NO_POL or self._has_polka(node, vote, round_) for round_ in named
        ):
            return ""
        return f"{vote} without the polka of round {named[0]} that its proposal names"

    def _has_polka(self, node: int, vote: Vote, round_: int) -> bool:
        """Whether two thirds' prevotes of that round for this block came to the node."""
        validators = self._fold.validators(Height(vote.height))
        seen = self._seen.get((node, (vote.height, round_, vote.block_id)), {})
        power = sum(validators.validators[index].power for index in seen)
        return more_than_two_thirds(power, validators)

    def forget(self, height: int) -> None:
        """All correct nodes are past this height, and so are the words of it."""
        self._blocks = {at: one for at, one in self._blocks.items() if one[0][0] > height}
        self._said = {at: one for at, one in self._said.items() if at.height > height}
        self._left = {one: None for one in self._left if one.height > height}
        self._genuine = {one: is_ for one, is_ in self._genuine.items() if one.height > height}
        self._seen = {at: one for at, one in self._seen.items() if at[1][0] > height}
        self._proposed = {at: one for at, one in self._proposed.items() if at[1] > height}
        self._locks = {at: one for at, one in self._locks.items() if at[0] > height}
