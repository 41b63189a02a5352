"""The height that is being decided: the machine, the blocks it speaks of, its log and its clock.

The machine says what to do; here it is put in words that a driver understands, and every block is
checked against the state of its parent before the machine may know it.
"""

from typing import Final, assert_never

from tfchain.base.units import Address, Height, Millis, Round
from tfchain.bft import events as bft
from tfchain.bft.evidence import evidence_of
from tfchain.bft.machine import Config, Machine
from tfchain.bft.messages import Message, Proposal, same_statement, sign_bytes
from tfchain.chain.execute import Checked, Outcome, check_txs, params_of
from tfchain.chain.tip import Tip, accusing, check_header, input_of, next_tip
from tfchain.chain.upgrades import check_rules
from tfchain.errors import Divergence, InvalidBlock
from tfchain.ledger.block import Block
from tfchain.ledger.commit import Commit, signatures_of
from tfchain.ledger.evidence import Evidence
from tfchain.ledger.state import Memory, Reader, State
from tfchain.ledger.validators import validator_address
from tfchain.replica import messages as wire
from tfchain.replica.building import build_block
from tfchain.replica.checks import Checks, ForProposal
from tfchain.replica.effects import (
    Broadcast,
    Conflict,
    Effect,
    EndLog,
    Execute,
    Log,
    Save,
    SetTimer,
    Sign,
    SyncLog,
)
from tfchain.replica.events import BEGIN, ROUND, Timer
from tfchain.replica.evidence import EvidencePool, encode_pieces
from tfchain.replica.log import (
    Noticed,
    block_record,
    entries_of,
    event_record,
    evidence_record,
    height_record,
)
from tfchain.replica.mempool import Mempool
from tfchain.tx.transaction import Check, transaction_id

BLOCKS_HELD_MAX: Final = 16
"""Candidate blocks of a height; the oldest that the machine does not point at goes first."""


class Council:
    """One height after the other. `out` takes the effects, in order."""

    def __init__(
        self,
        tip: Tip,
        reader: Reader,
        key: Address | None,
        last_commit: Commit | None,
        out: list[Effect],
    ) -> None:
        self.tip = tip
        self.reader = reader
        self.memory = Memory()
        """Rows that the blocks before read or wrote, so that none is decoded block after block."""
        self.params = params_of(State(reader))
        self.checks = Checks()
        self.pool = Mempool(reader, self.params, Height(tip.height + 1))
        self.blocks: dict[bytes, Block] = {}
        self._checked: dict[bytes, Checked] = {}
        """Candidates whose transactions were admitted, so that nobody decodes them once more."""
        self.deciding: tuple[Block, Commit] | None = None
        self.previous: Machine | None = None
        self.now = tip.time
        """The driver's clock at the event under way."""
        self._address = None if key is None else validator_address(key)
        self.evidence = EvidencePool(reader, self._address)
        self._last_commit = last_commit
        self._out = out
        self._open()

    @property
    def height(self) -> Height:
        """The height that is being decided."""
        return self.machine.config.height

    def _open(self) -> None:
        """A new machine for the height after the tip.

        Raises:
            Unavailable: the height runs by rules that this program does not have (P28).
        """
        check_rules(State(self.reader), Height(self.tip.height + 1))
        validators, address = self.tip.validators, self._address
        config = Config(
            height=Height(self.tip.height + 1),
            validators=validators,
            index=None if address is None else validators.index_of(address),
            params=self.params.consensus,
            last_block_time_ms=self.tip.time,
        )
        self.machine = Machine(config)
        self.blocks, self._checked = {}, {}

    def start(self, log: tuple[bytes, ...]) -> None:
        """Come back to where the log says we were, then go on (P35)."""
        entries = entries_of(log, self.height)
        checked: dict[bytes, None] = {}
        due: list[bft.Effect] = []
        for entry in entries:
            if isinstance(entry, Block):
                self.blocks[entry.id] = entry
                continue
            if isinstance(entry, Noticed):
                self.evidence.add(entry.piece)
                continue
            if isinstance(entry, (bft.BlockChecked, bft.Built)):
                checked[entry.block_id] = None
            due = _still_due(due, entry) + list(self.machine.receive(entry))
        if not entries:
            self._begin_log()
        self._set_begin_timer()
        self._carry(tuple(effect for effect in due if self._is_of_now(effect)))
        for block in list(self.blocks.values()):
            if block.id not in checked:
                self.check(block)

    def _is_of_now(self, effect: bft.Effect) -> bool:
        """Timers, blocks to build and words to say of rounds that are over stay undone."""
        match effect:
            case bft.SetTimer() | bft.Build():
                return effect.round == self.machine.round
            case bft.Sign() | bft.Send():
                return effect.message.round == self.machine.round
            case _:
                return True

    def _set_begin_timer(self) -> None:
        interval = self.params.consensus.interval
        wait = max(0, self.tip.time + interval - self.now)
        timer = Timer(name=BEGIN, height=self.height)
        self._out.append(SetTimer(timer=timer, ms=Millis(min(wait, interval))))

    def fired(self, timer: Timer) -> None:
        """A timer of this height; one of a round that is over says nothing."""
        if timer.height != self.height:
            return
        if timer.name == BEGIN:
            if self.machine.step == bft.NEW:
                self.feed(bft.Started())
        elif timer.round == self.machine.round:
            self.feed(bft.TimedOut(height=timer.height, round=Round(timer.round), step=timer.step))

    def executed(self, block_id: bytes, outcome: Outcome) -> None:
        """The decided block was run: store it."""
        if self.deciding is None or self.deciding[0].id != block_id:
            return
        block, commit = self.deciding
        if self.machine.decided is not None:
            commit = self.machine.commit()
        self.deciding = (block, commit)
        tip = next_tip(self.tip, block, outcome)
        row = self.evidence.row()
        self._out.append(Save(block=block, commit=commit, outcome=outcome, tip=tip, pending=row))

    def saved(self, tip: Tip, reader: Reader) -> None:
        """The decided block is on disk: the next height begins."""
        assert self.deciding is not None and tip.height == self.height, "nothing was being saved"
        block, self._last_commit = self.deciding
        self.previous = self.machine if self.machine.decided is not None else None
        self.tip, self.reader, self.deciding = tip, reader, None
        self.params = params_of(State(reader))
        self._open()
        ids = [transaction_id(raw) for raw in block.txs]
        self.pool.advance(reader, self.params, self.height, self.now, ids)
        self.evidence.advance(reader, self.params, self.next_place())
        self._out.append(EndLog())
        self._begin_log()
        self._set_begin_timer()

    def _begin_log(self) -> None:
        """On disk at once: whoever only follows or catches up signs nothing and so syncs nothing.

        A power cut would leave its log several heights behind its store, which is refused (P35).
        """
        self._out.append(Log(payload=height_record(self.height)))
        late = self.evidence.not_stored()
        self._out += [*[Log(payload=evidence_record(piece)) for piece in late], SyncLog()]

    def feed(self, event: bft.Event) -> None:
        """Log, then tell the machine; our own words are on disk before they leave (1.7.2).

        What led to them is on disk before they are signed: else a crash could lose it, the signer
        would refuse whatever else is asked for that place, and all of us could be silent for ever.
        """
        self._out.append(Log(payload=event_record(event)))
        if isinstance(event, bft.Signed):
            self._out.append(SyncLog())
        self._carry(self.machine.receive(event))

    def _carry(self, effects: tuple[bft.Effect, ...]) -> None:
        for effect in effects:
            match effect:
                case bft.Sign():
                    text = sign_bytes(self.params.chain_id, effect.message)
                    self._out += [SyncLog(), Sign(message=effect.message, text=text)]
                case bft.Send():
                    self._spread(effect.message)
                case bft.SetTimer():
                    timer = Timer(
                        name=ROUND, height=effect.height, round=effect.round, step=effect.step
                    )
                    self._out.append(SetTimer(timer=timer, ms=effect.ms))
                case bft.Build():
                    self._build(effect.round)
                case bft.WantBlock():
                    self._out.append(Broadcast(kind=wire.WANT, payload=effect.block_id))
                case bft.Decide():
                    self._decide_held(effect.block_id, effect.commit)
                case bft.Conflict():
                    self.notice(effect, self.machine)
                case _:
                    assert_never(effect)

    def _build(self, round_: Round) -> None:
        assert self._address is not None, "only a validator is asked to build"
        last = self._last_commit if self.previous is None else self.previous.commit()
        block = build_block(
            self.tip,
            self.reader,
            Millis(max(self.now, self.tip.time + 1)),
            self._address,
            last,
            self.pool.waiting(),
        )
        place = (block.header.height, block.header.time)
        block = accusing(block, self.evidence.chosen(self.reader, self.params, place))
        self.keep(block)
        self.feed(bft.Built(round=round_, block_id=block.id, time_ms=block.header.time))

    def _decide_held(self, block_id: bytes, commit: Commit) -> None:
        """A candidate of long ago may be gone: those locked on it have it, and catch-up fetches it."""
        block = self.blocks.get(block_id)
        if block is not None:
            self.decide(block, commit)

    def decide(self, block: Block, commit: Commit, checked: Checked | None = None) -> None:
        """Run the block that the commit is for, unless that is under way.

        Raises:
            Divergence: another block of this height was decided, too.
        """
        if self.deciding is None:
            self.deciding = (block, commit)
            checked = checked or self._checked.get(block.id)
            due = input_of(self.tip, block)
            self._out.append(Execute(block=block, input=due, checked=checked))
        elif self.deciding[0].id != block.id:
            raise Divergence(
                f"height {self.height}: blocks {self.deciding[0].id.hex()} and {block.id.hex()}"
                " both have two thirds of precommits"
            )

    def notice(self, conflict: bft.Conflict, machine: Machine) -> None:
        """Somebody signed two things for one place in the height of `machine`."""
        piece = evidence_of(machine.config.validators, conflict)
        own = piece.validator == self._address
        self._out.append(Conflict(first=conflict.first, second=conflict.second, own=own))
        if self.evidence.add(piece):
            self._out.append(Log(payload=evidence_record(piece)))

    def hear_evidence(self, pieces: tuple[Evidence, ...]) -> None:
        """Evidence that a peer sent; what is news is passed on. Raises `Malformed`."""
        news = self.evidence.take(pieces, self.reader, self.params, self.next_place())
        self._out += [Log(payload=evidence_record(piece)) for piece in news]
        self._spread_evidence(news)

    def spread_pending(self) -> None:
        """Tell peers what is pending, at every height: whoever was behind may judge it by now."""
        self._spread_evidence(self.evidence.ready(self.tip.height))

    def _spread_evidence(self, pieces: list[Evidence]) -> None:
        if pieces:
            self._out.append(Broadcast(kind=wire.EVIDENCE, payload=encode_pieces(pieces)))

    def next_place(self) -> tuple[Height, Millis]:
        """Height of the block under way, and the least time that it has: what evidence is judged by."""
        return self.height, Millis(self.tip.time + 1)

    def keep(self, block: Block) -> None:
        """Log a candidate and hold it; of too many goes the oldest that nobody is likely to need."""
        self._out.append(Log(payload=block_record(block)))
        self.blocks[block.id] = block
        if len(self.blocks) > BLOCKS_HELD_MAX:
            machine = self.machine
            proposal = machine.proposal_at(machine.round)
            proposed = b"" if proposal is None else proposal.block_id
            kept = (block.id, machine.locked_id, machine.valid_id, proposed)
            gone = next(known for known in self.blocks if known not in kept)
            del self.blocks[gone]
            self._checked.pop(gone, None)

    def check(self, block: Block) -> None:
        """Check a candidate against the state of its parent; the machine hears how it ended."""
        try:
            check_header(self.tip, self.params, block)
            checked = check_txs(self.reader, input_of(self.tip, block), self.memory)
        except InvalidBlock:
            self._hear_of(block, good=False)
            return
        self._checked[block.id] = checked
        unknown = self.checks.unknown(checked.transactions)
        purpose = ForProposal(block=block, transactions=unknown)
        votes = self.last_commit_checks(block)
        checks = [*votes, *checked.evidence, *[one.check() for one in unknown]]
        self._out.append(self.checks.ask(purpose, checks))

    def last_commit_checks(self, block: Block) -> list[Check]:
        if block.last_commit is None:
            return []
        return signatures_of(self.params.chain_id, self.tip.last_validators, block.last_commit)

    def verdict(self, block: Block, *, good: bool) -> None:
        """The signatures of a candidate were looked at; of an earlier height's nobody cares."""
        if block.header.height == self.height:
            self._hear_of(block, good=good)

    def _hear_of(self, block: Block, *, good: bool) -> None:
        time = block.header.time
        self.feed(bft.BlockChecked(block_id=block.id, valid=good, time_ms=time))

    def _spread(self, message: Message) -> None:
        """Our own words to everybody; with a proposal goes its block."""
        self._out += [Broadcast(kind=kind, payload=body) for kind, body in self.worded(message)]

    def worded(self, message: Message) -> list[tuple[int, bytes]]:
        """A message as it goes over the wire; a proposal only while its block is here."""
        if isinstance(message, Proposal):
            block = self.blocks.get(message.block_id)
            return (
                [] if block is None else [(wire.PROPOSAL, wire.encode_proposal(message, block.raw))]
            )
        return [(wire.VOTE, wire.encode_vote(message))]


def _still_due(due: list[bft.Effect], entry: bft.Event) -> list[bft.Effect]:
    """What is left to do of earlier effects once the log shows that this came after them."""
    match entry:
        case bft.Signed():
            return [effect for effect in due if not _answers(effect, entry.message)]
        case bft.Built():
            return [effect for effect in due if not isinstance(effect, bft.Build)]
        case _:
            return due


def _answers(effect: bft.Effect, message: Message) -> bool:
    return isinstance(effect, bft.Sign) and same_statement(effect.message, message)
