"""Blocks and commits that no correct validator accepts, made from ones that it would.

Each is wrong in one thing only, so that whoever leaves out that one check takes it.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from tfchain.base.crypto import public_key, sign, verify
from tfchain.base.units import Height, Millis, Round
from tfchain.bft.messages import Vote
from tfchain.ledger.block import (
    Block,
    last_commit_hash,
    make_block,
    tx_root,
)
from tfchain.ledger.commit import (
    ABSENT,
    FOR_BLOCK,
    FOR_NIL,
    NIL,
    PRECOMMIT,
    PREVOTE,
    Commit,
    CommitSlot,
    vote_message,
)
from tfchain.ledger.evidence import DoubleVote, Evidence, evidence_root
from tfchain.ledger.header import Header
from tfchain.ledger.validators import validator_address
from tfchain.sim.chance import Chance
from tfchain.sim.genesis import key_of

FAR_MS: Final = 3_600_000
HEARD_MAX: Final = 8
OTHERS: Final = (*(key_of("validator", number) for number in range(4)), key_of("sender", 0))
"""Whom a liar accuses: mostly validators."""


class Forger:
    """Forges with one validator's key."""

    def __init__(self, seed: bytes, chain_id: str, chance: Chance) -> None:
        self._seed, self._chain_id, self._chance = seed, chain_id, chance
        self._key = public_key(seed)
        self._heard: list[Vote] = []
        self._spoils: tuple[Callable[[Block], Block], ...] = (
            _of_another_state, _of_another_parent, _late, _early, _by_another, self._with_garbage,
            _with_a_repeat, self.accusing, self._with_commit(_swapped), self._with_commit(self.starved),
            self._with_commit(_unsigned), self._with_commit(_belied),
        )  # fmt: skip

    def spoiled(self, block: Block) -> Block:
        """An invalid block in place of a good one."""
        return self._chance.pick(self._spoils)(block)

    def _with_commit(self, spoil: Callable[[Commit], Commit]) -> Callable[[Block], Block]:
        def spoiled(block: Block) -> Block:
            if block.last_commit is None:
                return _of_another_state(block)
            return _made(block.header, block.txs, spoil(block.last_commit))

        return spoiled

    def heard(self, vote: Vote) -> None:
        """A vote that it may use against its author."""
        self._heard = [*self._heard[1 - HEARD_MAX :], vote]

    def accusation(self) -> Evidence:
        """Evidence that proves nothing (scenario 34): one true vote, and one that nobody cast.

        Or both are false, or it is about somebody who never was a validator.
        """
        vote = self._chance.pick(self._heard) if self._heard else None
        height = Height(1) if vote is None else vote.height
        true = bytes(64) if vote is None else vote.signature
        stranger = self._chance.pick((self._key, *OTHERS))
        return DoubleVote(
            validator=validator_address(stranger),
            kind=PREVOTE if vote is None else vote.kind,
            height=Height(max(1, height - self._chance.between(0, 1))),
            round=Round(0) if vote is None else vote.round,
            first_id=NIL,
            first_signature=self._chance.pick((true, bytes(64))),
            second_id=vote.block_id if vote is not None and vote.block_id else b"\x07" * 32,
            second_signature=true,
        )

    def starved(self, commit: Commit) -> Commit:
        """One vote for the block short of two thirds, with our own word for nil in its place.

        As it is, where our own vote is not in it.
        """
        text = vote_message(self._chain_id, PRECOMMIT, commit.height, commit.round, commit.block_id)
        slots = list(commit.slots)
        here = [at for at, slot in enumerate(slots) if slot.flag == FOR_BLOCK]
        own = [at for at in here if verify(self._key, text, slots[at].signature)]
        others = [at for at in here if at not in own]
        if not own:
            return commit
        for at in others[max(0, 2 * len(slots) // 3) :]:
            slots[at] = CommitSlot(flag=ABSENT, signature=b"")
        nil = vote_message(self._chain_id, PRECOMMIT, commit.height, commit.round, NIL)
        slots[own[0]] = CommitSlot(flag=FOR_NIL, signature=sign(self._seed, nil))
        return replace(commit, slots=tuple(slots))

    def accusing(self, block: Block) -> Block:
        """With evidence that proves nothing."""
        pieces = (self.accusation(),)
        header = replace(block.header, evidence_root=evidence_root(pieces))
        return make_block(header, block.txs, block.last_commit, pieces)

    def _with_garbage(self, block: Block) -> Block:
        """With a transaction that is none."""
        garbage = bytes(self._chance.between(0, 255) for _ in range(40))
        return _made(block.header, (*block.txs, garbage), block.last_commit)


def _made(header: Header, txs: tuple[bytes, ...], commit: Commit | None) -> Block:
    """A block whose own roots fit."""
    fitting = replace(header, tx_root=tx_root(txs), last_commit_hash=last_commit_hash(commit))
    return make_block(fitting, txs, commit)


def _of_another_state(block: Block) -> Block:
    return _made(replace(block.header, state_root=b"\x07" * 32), block.txs, block.last_commit)


def _of_another_parent(block: Block) -> Block:
    return _made(replace(block.header, last_block_id=b"\x07" * 32), block.txs, block.last_commit)


def _late(block: Block) -> Block:
    time = Millis(block.header.time + FAR_MS)
    return _made(replace(block.header, time=time), block.txs, block.last_commit)


def _early(block: Block) -> Block:
    time = Millis(block.header.time - FAR_MS)
    return _made(replace(block.header, time=time), block.txs, block.last_commit)


def _by_another(block: Block) -> Block:
    return _made(replace(block.header, proposer=b"\x07" * 20), block.txs, block.last_commit)


def _with_a_repeat(block: Block) -> Block:
    """With a transaction twice; without any, its second nonce is one that nobody has."""
    if not block.txs:
        return _of_another_state(block)
    return _made(block.header, (*block.txs, block.txs[-1]), block.last_commit)


def _swapped(commit: Commit) -> Commit:
    """Signatures in each other's slots (scenario 38)."""
    return replace(commit, slots=(*commit.slots[1:], commit.slots[0]))


def _unsigned(commit: Commit) -> Commit:
    """Everybody signed, if one believes it."""
    slots = tuple(
        CommitSlot(flag=FOR_BLOCK, signature=slot.signature or b"\x07" * 64)
        for slot in commit.slots
    )
    first = CommitSlot(flag=FOR_BLOCK, signature=b"\x07" * 64)
    return replace(commit, slots=(first, *slots[1:]))


def _belied(commit: Commit) -> Commit:
    """A signature in a slot that says that nobody signed."""
    slots = [replace(slot, flag=ABSENT) for slot in commit.slots[:1]]
    return replace(commit, slots=(*slots, *commit.slots[1:]))
