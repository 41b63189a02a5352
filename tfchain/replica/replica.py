"""One validator, or one follower, as a value: told what happened, it says what to do.

Everything that decides is here or below; a driver only carries out, and node and simulator drive this
very code. Here stands what comes from peers and people; the height under way is the council's.
"""

from typing import Final, assert_never

from tfchain.base.crypto import HASH_BYTES, verify
from tfchain.base.limits import SYNC_BLOCKS_MAX
from tfchain.base.shapes import decode_record, encode_record
from tfchain.base.units import Address, Millis
from tfchain.bft import events as bft
from tfchain.bft.gossip import lacking, view_of
from tfchain.bft.machine import Machine
from tfchain.bft.messages import (
    Message,
    Proposal,
    Vote,
    same_statement,
    sign_bytes,
    signer_of,
)
from tfchain.chain.execute import check_txs
from tfchain.chain.tip import Tip, check_header, input_of
from tfchain.errors import InvalidBlock, Malformed
from tfchain.ledger.block import Block, decode_block
from tfchain.ledger.commit import NO_POL, Commit, check_tally, signatures_of
from tfchain.ledger.state import Reader
from tfchain.replica import messages as wire
from tfchain.replica import snapshot_messages as lent
from tfchain.replica.checks import ForPool, ForProposal, ForSync
from tfchain.replica.council import Council
from tfchain.replica.effects import (
    Blame,
    Broadcast,
    Committed,
    Effect,
    Lend,
    SendTo,
    Serve,
    SetTimer,
)
from tfchain.replica.events import (
    GOSSIP,
    Event,
    Executed,
    Fired,
    PeerDown,
    PeerUp,
    Received,
    Saved,
    Signed,
    Start,
    Submitted,
    Timer,
    Verified,
)
from tfchain.replica.evidence import decode_pieces
from tfchain.replica.intake import Intake
from tfchain.replica.mempool import Mempool
from tfchain.replica.sync import Sync

GOSSIP_EVERY: Final = Millis(500)
"""How often peers are told where we stand: a lost message is sent again within this (1.14.1)."""

REPAIR_EVERY: Final = Millis(200)
"""How often one peer is sent what it lacks, however often it says where it stands (1.16.2)."""


class Replica:
    """A replica between two events. `key`: its validator key; None for one that only follows.

    `tip`, `last_commit`: what the store holds last; `reader`: the state after it.
    """

    def __init__(
        self, tip: Tip, reader: Reader, key: Address | None, last_commit: Commit | None
    ) -> None:
        self._out: list[Effect] = []
        self.council = Council(tip, reader, key, last_commit, self._out)
        self._intake = Intake(self.council.checks)
        self.sync = Sync()
        self._fetching = False
        """Whether a fetched block is being verified."""
        self._repaired: dict[bytes, Millis] = {}
        """When each peer was last sent what it lacks."""

    @property
    def tip(self) -> Tip:
        """The last stored block."""
        return self.council.tip

    @property
    def pool(self) -> Mempool:
        """The transactions that wait."""
        return self.council.pool

    def step(self, event: Event) -> list[Effect]:
        """What to do about `event`, in order.

        Raises:
            Divergence: what was agreed is not what this node computes. The driver stops.
        """
        if not isinstance(event, PeerUp | PeerDown):
            self.council.now = event.now_ms
        match event:
            case Start():
                self.council.start(event.log)
                self._set_gossip_timer()
            case PeerUp():
                self._say(event.peer, wire.STATUS, self._status())
            case PeerDown():
                self.sync.gone(event.peer)
                self._repaired.pop(event.peer, None)
            case Received():
                self._receive(event)
            case Fired():
                self._fire(event.timer)
            case Submitted():
                self._out += self._intake.submitted(
                    self.pool, event.ticket, event.raws, event.now_ms
                )
            case Verified():
                self._take_verified(event)
            case Signed():
                self.council.feed(bft.Signed(message=event.message))
            case Executed():
                self.council.executed(event.block_id, event.outcome)
            case Saved():
                self._take_saved(event)
            case _:
                assert_never(event)
        effects = list(self._out)
        self._out.clear()
        return effects

    def _fire(self, timer: Timer) -> None:
        if timer.name == GOSSIP:
            self._gossip()
        else:
            self.council.fired(timer)

    def _take_saved(self, event: Saved) -> None:
        self.council.saved(event.tip, event.reader)
        self._out.append(Committed(height=self.tip.height))
        self._out.append(Broadcast(kind=wire.STATUS, payload=self._status()))
        self.council.spread_pending()
        self._next_fetched()

    def _take_verified(self, event: Verified) -> None:
        council, good = self.council, all(event.good)
        match council.checks.answered(event.number):
            case ForPool() as purpose:
                now = council.now
                self._out += self._intake.verified(self.pool, purpose, event.good, now)
            case ForProposal() as purpose:
                if good:
                    council.checks.remember_all(purpose.transactions)
                council.verdict(purpose.block, good=good)
            case ForSync() as purpose:
                self._take_fetched(purpose, good=good)
            case None:
                return
            case unknown:
                assert_never(unknown)

    # Gossip: where we stand, and what others lack.

    def _status(self) -> bytes:
        return encode_record(wire.Status(tip=self.tip.height, view=view_of(self.council.machine)))

    def _gossip(self) -> None:
        self._out.append(Broadcast(kind=wire.STATUS, payload=self._status()))
        for block_id in self.council.machine.wanted:
            self._out.append(Broadcast(kind=wire.WANT, payload=block_id))
        self._ask_for_blocks()
        self._set_gossip_timer()

    def _set_gossip_timer(self) -> None:
        timer = Timer(name=GOSSIP, height=self.council.height)
        self._out.append(SetTimer(timer=timer, ms=GOSSIP_EVERY))

    def _say(self, peer: bytes, kind: int, payload: bytes) -> None:
        self._out.append(SendTo(peer=peer, kind=kind, payload=payload))

    # What peers send. Every kind is bounded by the wire, then decoded, then believed in nothing.

    def _receive(self, event: Received) -> None:
        try:
            self._take(event.peer, event.kind, event.payload)
        except (Malformed, InvalidBlock) as fault:
            self._out.append(Blame(peer=event.peer, reason=str(fault)))

    def _take(self, peer: bytes, kind: int, payload: bytes) -> None:  # noqa: PLR0912 -- one row a kind
        match kind:
            case wire.STATUS:
                self._take_status(peer, decode_record(wire.Status, payload))
            case wire.PROPOSAL:
                self._take_proposal(*wire.decode_proposal(payload))
            case wire.VOTE:
                self._take_vote(decode_record(Vote, payload))
            case wire.TXS:
                raws = wire.decode_txs(payload)
                self._out += self._intake.received(self.pool, peer, raws, self.council.now)
            case wire.GET_BLOCKS:
                self._take_request(peer, decode_record(wire.GetBlocks, payload))
            case wire.BLOCKS:
                self._take_blocks(peer, wire.decode_blocks(payload))
            case wire.WANT:
                self._take_want(peer, payload)
            case wire.BLOCK:
                self._take_wanted(payload)
            case wire.BASE:
                self.sync.lacks(peer, decode_record(wire.Base, payload).height)
                self._ask_for_blocks()
            case wire.EVIDENCE:
                self.council.hear_evidence(decode_pieces(payload))
            case _ if kind in lent.REQUESTS:
                self._out.append(Lend(peer=peer, request=lent.decode_request(kind, payload)))
            case _ if kind in lent.ANSWERS:
                return  # to a start from a snapshot, which is over
            case _:
                raise Malformed(f"nobody knows message kind {kind}")

    def _take_status(self, peer: bytes, status: wire.Status) -> None:
        self.sync.heard(peer, status.tip)
        if self._may_repair(peer):
            for message in lacking(self.council.machine, status.view):
                for kind, payload in self.council.worded(message):
                    self._say(peer, kind, payload)
        self._ask_for_blocks()

    def _may_repair(self, peer: bytes) -> bool:
        """A short question draws a block and hundreds of votes: not oftener than it can help."""
        now, last = self.council.now, self._repaired.get(peer)
        if last is not None and 0 <= now - last < REPAIR_EVERY:
            return False
        self._repaired[peer] = now
        return True

    def _take_proposal(self, proposal: Proposal, raw: bytes) -> None:
        council = self.council
        machine = council.machine
        if proposal.height != council.height:
            return
        known = machine.rounds.earlier(proposal)
        if known is not None and same_statement(known, proposal):
            return
        signer = signer_of(machine.config.validators, proposal)
        self._check_signature(signer.key, proposal)
        block = council.blocks.get(proposal.block_id) or decode_block(raw)
        if block.id != proposal.block_id:
            raise Malformed("a proposal with another block than it names")
        if proposal.pol_round == NO_POL and block.header.proposer != signer.address:
            raise Malformed("a fresh block that names another proposer")
        council.feed(bft.ProposalReceived(proposal=proposal, arrival_ms=council.now))
        self._hold_if_due(block, machine.proposal_at(proposal.round))

    def _take_vote(self, vote: Vote) -> None:
        council = self.council
        machine = council.machine
        if vote.height == self.tip.height and council.previous is not None:
            machine = council.previous
        if vote.height != machine.config.height:
            return
        signer = signer_of(machine.config.validators, vote)
        known = machine.rounds.earlier(vote)
        if known is not None and same_statement(known, vote):
            return
        self._check_signature(signer.key, vote)
        if machine is council.machine:
            council.feed(bft.VoteReceived(vote=vote))
        else:
            self._hear_late(machine, vote)

    def _hear_late(self, machine: Machine, vote: Vote) -> None:
        """A precommit of the height before goes into the next commit, or into evidence."""
        for effect in machine.receive(bft.VoteReceived(vote=vote)):
            assert isinstance(effect, bft.Conflict), "a decided height has nothing else to say"
            self.council.notice(effect, machine)

    def _check_signature(self, key: Address, message: Message) -> None:
        text = sign_bytes(self.council.params.chain_id, message)
        if not verify(key, text, message.signature):
            raise Malformed("a false signature on a proposal or vote")

    def _take_want(self, peer: bytes, block_id: bytes) -> None:
        if len(block_id) != HASH_BYTES:
            raise Malformed("a block id is due")
        block = self.council.blocks.get(block_id)
        if block is not None:
            self._say(peer, wire.BLOCK, block.raw)

    def _take_wanted(self, raw: bytes) -> None:
        self._hold_if_due(decode_block(raw), None)

    def _hold_if_due(self, block: Block, accepted: Proposal | None) -> None:
        """One block a round, and those two thirds voted for: a liar's others would push them out."""
        proposed = accepted is not None and accepted.block_id == block.id
        if not proposed and block.id not in self.council.machine.wanted:
            return
        if block.id not in self.council.blocks:
            self.council.keep(block)
            self.council.check(block)

    # Catching up.

    def _take_request(self, peer: bytes, request: wire.GetBlocks) -> None:
        if 0 < request.height <= self.tip.height:
            self._out.append(Serve(peer=peer, height=request.height, count=request.count))

    def _ask_for_blocks(self) -> None:
        if self._fetching or self.council.deciding is not None:
            return
        request = self.sync.ask(self.tip.height, self.council.now)
        if request is not None:
            asked = wire.GetBlocks(height=request.height, count=SYNC_BLOCKS_MAX)
            self._say(request.peer, wire.GET_BLOCKS, encode_record(asked))

    def _take_blocks(self, peer: bytes, blocks: list[tuple[bytes, Commit]]) -> None:
        """Blocks that nobody asked for are dropped, and not for ever (1.11.4)."""
        if self.sync.accepts(peer):
            self.sync.keep(peer, blocks)
            self._next_fetched()
        elif self.sync.unasked(peer):
            raise Malformed("blocks that nobody asked for, again and again")

    def _next_fetched(self) -> None:
        """Check the next fetched block, if there is one and nothing else is being decided."""
        while self.sync.fetched and not self._fetching and self.council.deciding is None:
            peer, raw, commit = self.sync.fetched.pop(0)
            try:
                self._check_fetched(peer, raw, commit)
            except (Malformed, InvalidBlock) as fault:
                self.sync.drop(peer)
                self._out.append(Blame(peer=peer, reason=str(fault)))
        self._ask_for_blocks()

    def _check_fetched(self, peer: bytes, raw: bytes, commit: Commit) -> None:
        council, tip = self.council, self.tip
        block = decode_block(raw)
        if block.header.height <= tip.height:
            return
        if (commit.height, commit.block_id) != (tip.height + 1, block.id):
            raise InvalidBlock(f"block {tip.height + 1}: its commit is for another block")
        check_tally(tip.validators, commit)
        check_header(tip, council.params, block)
        checked = check_txs(council.reader, input_of(tip, block), council.memory)
        unknown = council.checks.unknown(checked.transactions)
        checks = [
            *signatures_of(council.params.chain_id, tip.validators, commit),
            *council.last_commit_checks(block),
            *checked.evidence,
            *[one.check() for one in unknown],
        ]
        purpose = ForSync(
            peer=peer, block=block, commit=commit, checked=checked, transactions=unknown
        )
        self._fetching = True
        self._out.append(council.checks.ask(purpose, checks))

    def _take_fetched(self, purpose: ForSync, *, good: bool) -> None:
        self._fetching = False
        if not good:
            self.sync.drop(purpose.peer)
            self._out.append(Blame(peer=purpose.peer, reason="a block with a false signature"))
        elif purpose.block.header.height == self.council.height:
            self.sync.helped(purpose.peer)
            self.council.checks.remember_all(purpose.transactions)
            self.council.decide(purpose.block, purpose.commit, purpose.checked)
            return
        self._next_fetched()
