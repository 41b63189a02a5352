"""A validator that says different things to different peers: its key signs whatever it is asked to.

It runs the true code; what that code sends is twisted on the way to each peer, by the habits that the
liar has. Half of the time it says the truth: whoever lies always is only a stranger.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final, TypeAlias, TypeVar

from tfchain.base.crypto import public_key, sign, verify
from tfchain.base.limits import CATCH_UP_ROUNDS_MAX
from tfchain.base.shapes import decode_record, encode_record
from tfchain.base.units import Height, Millis, Round
from tfchain.bft.messages import Proposal, Vote, sign_bytes
from tfchain.ledger.block import Block, decode_block, make_block
from tfchain.ledger.commit import NIL, NO_POL
from tfchain.ledger.validators import validator_address
from tfchain.replica import messages as wire
from tfchain.replica.evidence import encode_pieces
from tfchain.sim.chance import SURE, Chance
from tfchain.sim.forging import Forger

M = TypeVar("M", Proposal, Vote)
Said: TypeAlias = list[tuple[int, bytes]]
"""Kinds and payloads that a peer hears."""

VOTES: Final = "votes"
PROPOSALS: Final = "proposals"
SILENCE: Final = "silence"
WITHHOLDING: Final = "withholding"
FAR: Final = "far rounds"
INVALID: Final = "invalid blocks"
GARBAGE: Final = "garbage"
TIPS: Final = "tips"
FORGED: Final = "forged blocks"
IMPOSTOR: Final = "false signatures"
ACCUSING: Final = "false evidence"

HABITS: Final = (
    VOTES, PROPOSALS, SILENCE, WITHHOLDING, FAR, INVALID, GARBAGE, TIPS, FORGED, IMPOSTOR, ACCUSING,
)  # fmt: skip
"""Ways to lie."""
FAR_VOTES: Final = 90
"""Votes for as many rounds at once: more than anybody keeps."""
RARE: Final = 100
"""How many of a thousand messages are joined by garbage or a false signature."""


class Liar:
    """Turns one honest message into what one peer hears. What others said it passes on as it is."""

    def __init__(self, seed: bytes, chain_id: str, habits: tuple[str, ...], chance: Chance) -> None:
        self._seed, self._chain_id, self._chance = seed, chain_id, chance
        self._key = public_key(seed)
        self._address = validator_address(self._key)
        self._habits = habits
        self._forger = Forger(seed, chain_id, chance)
        self._ids = [NIL]
        """Blocks that it knows it could vote for."""
        self._accusing: tuple[bytes, Block] | None = None
        """The last good block of its own, by id, and what it made of it to accuse somebody."""
        self._twists: dict[int, tuple[tuple[str, Callable[[bytes], Said]], ...]] = {
            wire.VOTE: (
                (VOTES, self._other_vote), (FAR, self._far_vote), (IMPOSTOR, self._as_impostor),
            ),
            wire.PROPOSAL: (
                (PROPOSALS, self._other_proposal), (INVALID, self._bad_proposal), (SILENCE, _nothing),
                (ACCUSING, self._accusing_proposal),
            ),
            wire.BLOCK: ((WITHHOLDING, _nothing), (INVALID, self._bad_block)),
            wire.BLOCKS: ((WITHHOLDING, _nothing), (FORGED, self._forged_blocks)),
            wire.STATUS: ((TIPS, self._other_tip),),
        }  # fmt: skip

    def twisted(self, kind: int, payload: bytes) -> Said:
        """What one peer hears in place of `payload`; often the truth."""
        said = [(kind, payload), *self._noise()]
        if kind == wire.VOTE:
            self._forger.heard(decode_record(Vote, payload))
        ways = [way for habit, way in self._twists.get(kind, ()) if habit in self._habits]
        if not ways or self._chance.happens(SURE // 2):
            return said
        return [*self._chance.pick(ways)(payload), *said[1:]]

    def _noise(self) -> Said:
        said: Said = []
        if GARBAGE in self._habits and self._chance.happens(RARE):
            kind, size = self._chance.between(0, 10), self._chance.between(0, 90)
            said.append((kind, bytes(self._chance.between(0, 255) for _ in range(size))))
        if ACCUSING in self._habits and self._chance.happens(RARE):
            said.append((wire.EVIDENCE, encode_pieces((self._forger.accusation(),))))
        return said

    def _is_ours(self, vote: Vote) -> bool:
        return verify(self._key, sign_bytes(self._chain_id, vote), vote.signature)

    def _other_vote(self, payload: bytes) -> Said:
        """Another vote, and sometimes both of them."""
        vote = decode_record(Vote, payload)
        if not self._is_ours(vote):
            return [(wire.VOTE, payload)]
        if vote.block_id not in self._ids:
            self._ids.append(vote.block_id)
        block_id = self._chance.pick(self._ids[-3:])
        other = (wire.VOTE, wire.encode_vote(self._signed(replace(vote, block_id=block_id))))
        both = self._chance.happens(SURE // 4)
        return [other, (wire.VOTE, payload)] if both else [other]

    def _as_impostor(self, payload: bytes) -> Said:
        """What another one said, and something else under a signature that is not its own (36)."""
        vote = decode_record(Vote, payload)
        other = replace(vote, block_id=self._chance.pick(self._ids))
        if not self._is_ours(vote):
            return [(wire.VOTE, payload), (wire.VOTE, wire.encode_vote(self._signed(other)))]
        false = replace(vote, signature=self._chance.pick((bytes(64), vote.signature[::-1])))
        return [(wire.VOTE, wire.encode_vote(false))]

    def _far_vote(self, payload: bytes) -> Said:
        """A vote for a round that nobody has reached, near or very far (scenario 9)."""
        vote = decode_record(Vote, payload)
        if not self._is_ours(vote):
            return [(wire.VOTE, payload)]
        least = self._chance.pick((1, CATCH_UP_ROUNDS_MAX + 1, 1_000, 1_000_000_000))
        run = range(least, least + self._chance.pick((1, 1, 1, FAR_VOTES)))
        far = [replace(vote, round=Round(vote.round + ahead)) for ahead in run]
        return [(wire.VOTE, wire.encode_vote(self._signed(one))) for one in far]

    def _own_proposal(self, payload: bytes) -> tuple[Proposal, Block] | None:
        """The proposal and its block, where both are ours."""
        proposal, raw = wire.decode_proposal(payload)
        block = decode_block(raw)
        return (proposal, block) if block.header.proposer == self._address else None

    def _other_proposal(self, payload: bytes) -> Said:
        """Another block of one millisecond later, as good as the first, and any POL round with it."""
        own = self._own_proposal(payload)
        if own is None:
            return [(wire.PROPOSAL, payload)]
        proposal, block = own
        pol_round = self._chance.between(NO_POL, proposal.round - 1)
        return self._proposed(replace(proposal, pol_round=pol_round), _later(block))

    def _bad_proposal(self, payload: bytes) -> Said:
        """A block that is invalid (scenario 38), or a POL round that makes no sense (35)."""
        own = self._own_proposal(payload)
        if own is None:
            return [(wire.PROPOSAL, payload)]
        proposal, block = own
        if self._chance.happens(RARE):
            return self._proposed(replace(proposal, pol_round=int(proposal.round)), block)
        return self._proposed(proposal, self._forger.spoiled(block))

    def _accusing_proposal(self, payload: bytes) -> Said:
        """A block with false evidence, the same for all who hear it: enough of them could decide it (38)."""
        own = self._own_proposal(payload)
        if own is None:
            return [(wire.PROPOSAL, payload)]
        proposal, block = own
        if self._accusing is None or self._accusing[0] != block.id:
            self._accusing = (block.id, self._forger.accusing(block))
        return self._proposed(proposal, self._accusing[1])

    def _proposed(self, proposal: Proposal, block: Block) -> Said:
        self._ids.append(block.id)
        word = replace(proposal, block_id=block.id, time_ms=block.header.time)
        return [(wire.PROPOSAL, wire.encode_proposal(self._signed(word), block.raw))]

    def _bad_block(self, payload: bytes) -> Said:
        """Another block than the one that was asked for (scenario 7)."""
        return [(wire.BLOCK, self._forger.spoiled(decode_block(payload)).raw)]

    def _forged_blocks(self, payload: bytes) -> Said:
        """To somebody who catches up: a block that nobody decided, or a commit that proves nothing."""
        rows = wire.decode_blocks(payload)
        at = self._chance.between(0, len(rows) - 1)
        raw, commit = rows[at]
        sort, block = self._chance.between(0, 2), decode_block(raw)
        if sort == 0:
            rows[at] = (raw, self._forger.starved(commit))
        else:
            other = self._forger.spoiled(block) if sort == 1 else _later(block)
            rows[at] = (other.raw, replace(commit, block_id=other.id))
        return [(wire.BLOCKS, wire.encode_blocks(rows))]

    def _other_tip(self, payload: bytes) -> Said:
        """A tip that is far ahead of everybody's, and lower the next time (scenario 46)."""
        status = decode_record(wire.Status, payload)
        tip = self._chance.pick((0, status.tip + 1, status.tip + 1_000, 1_000_000_000))
        return [(wire.STATUS, encode_record(replace(status, tip=Height(tip))))]

    def _signed(self, message: M) -> M:
        return replace(message, signature=sign(self._seed, sign_bytes(self._chain_id, message)))


def _later(block: Block) -> Block:
    """A block as good as this one, of a millisecond later."""
    header = replace(block.header, time=Millis(block.header.time + 1))
    return make_block(header, block.txs, block.last_commit, block.evidence)


def _nothing(_payload: bytes) -> Said:
    return []
