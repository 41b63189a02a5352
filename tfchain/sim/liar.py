"""A validator that says different things to different peers: its key signs whatever it is asked to."""

from dataclasses import replace
from typing import TypeVar

from tfchain.base.crypto import public_key, sign, verify
from tfchain.base.shapes import decode_record
from tfchain.base.units import Millis
from tfchain.bft.messages import Proposal, Vote, sign_bytes
from tfchain.ledger.block import decode_block, make_block
from tfchain.ledger.commit import NIL, NO_POL
from tfchain.ledger.validators import validator_address
from tfchain.replica import messages as wire
from tfchain.sim.chance import Chance

M = TypeVar("M", Proposal, Vote)


class Liar:
    """Turns one honest message into one for each peer. What others said it passes on as it is."""

    def __init__(self, seed: bytes, chain_id: str, chance: Chance) -> None:
        self._seed, self._chain_id, self._chance = seed, chain_id, chance
        self._address = validator_address(public_key(seed))
        self._key = public_key(seed)
        self._ids = [NIL]
        """Blocks that it knows it could vote for."""

    def twisted(self, kind: int, payload: bytes) -> bytes:
        """What one peer hears in place of `payload`; often the truth."""
        if self._chance.happens(500):
            return payload
        if kind == wire.VOTE:
            return self._other_vote(decode_record(Vote, payload))
        if kind == wire.PROPOSAL:
            return self._other_proposal(payload)
        return payload

    def _other_vote(self, vote: Vote) -> bytes:
        text = sign_bytes(self._chain_id, vote)
        if not verify(self._key, text, vote.signature):
            return wire.encode_vote(vote)
        if vote.block_id not in self._ids:
            self._ids.append(vote.block_id)
        block_id = self._chance.pick(self._ids[-3:])
        return wire.encode_vote(self._signed(replace(vote, block_id=block_id)))

    def _other_proposal(self, payload: bytes) -> bytes:
        """Another block of one millisecond later, as good as the first, and any POL round with it."""
        proposal, raw = wire.decode_proposal(payload)
        block = decode_block(raw)
        if block.header.proposer != self._address:
            return payload
        time = Millis(block.header.time + 1)
        other = make_block(replace(block.header, time=time), block.txs, block.last_commit)
        self._ids.append(other.id)
        pol_round = self._chance.between(NO_POL, proposal.round - 1)
        word = replace(proposal, pol_round=pol_round, block_id=other.id, time_ms=time)
        return wire.encode_proposal(self._signed(word), other.raw)

    def _signed(self, message: M) -> M:
        return replace(message, signature=sign(self._seed, sign_bytes(self._chain_id, message)))
