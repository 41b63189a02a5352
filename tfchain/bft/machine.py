"""One height as one validator sees it: Tendermint by the paper's rules, as a pure state machine.

It is told what happened and says what to do; it knows no clock, wire, disk or key, so that a test or
a replayed log can lead it anywhere. The numbers are those of consensus 1.1. Three additions to the
paper: a polka that comes later than its round still sets the valid value (scenario 11), two thirds
of precommits decide without the proposal of their round (1.1.13), and proposals are timed (P3).
"""

from dataclasses import dataclass
from typing import Final, assert_never

from tfchain.base.units import Height, Millis, Round
from tfchain.bft import events
from tfchain.bft.blocks import Blocks
from tfchain.bft.events import (
    BlockChecked,
    Build,
    Built,
    Conflict,
    Decide,
    Effect,
    Event,
    ProposalReceived,
    Send,
    SetTimer,
    Sign,
    Signed,
    Started,
    TimedOut,
    VoteReceived,
    WantBlock,
)
from tfchain.bft.messages import Message, Proposal, Vote, same_statement, well_formed
from tfchain.bft.rounds import RoundLog, Rounds
from tfchain.bft.timing import is_timely, timeout_ms
from tfchain.bft.votes import weights_of
from tfchain.errors import Divergence
from tfchain.ledger.commit import NIL, NO_POL, PRECOMMIT, PREVOTE, Commit
from tfchain.ledger.params import Consensus
from tfchain.ledger.validators import ValidatorSet

NO_ROUND: Final = -1
"""Where no round is locked or valid yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What a height begins with."""

    height: Height
    validators: ValidatorSet
    index: int | None
    """Our place in the set; None where this node only follows, and then it never signs."""
    params: Consensus
    last_block_time_ms: Millis


class Machine:
    """The state of one height. `receive` is the only thing that changes it."""

    __slots__ = (
        "_asked_to_propose",
        "_blocks",
        "_effects",
        "config",
        "decided",
        "locked_id",
        "locked_round",
        "round",
        "rounds",
        "step",
        "valid_id",
        "valid_round",
    )

    def __init__(self, config: Config) -> None:
        self.config = config
        self.rounds = Rounds(weights_of(config.validators))
        self.round = Round(0)
        self.step = events.NEW
        self.locked_id, self.locked_round = NIL, NO_ROUND
        self.valid_id, self.valid_round = NIL, NO_ROUND
        self.decided: tuple[Round, bytes] | None = None
        """Round and block id of the decision."""
        self._blocks = Blocks()
        self._asked_to_propose = NO_ROUND
        self._effects: list[Effect] = []

    def receive(self, event: Event) -> tuple[Effect, ...]:
        """What to do about `event`; the driver does it in this order.

        Messages of other heights, rounds too far off and ones that make no sense change nothing.

        Raises:
            Divergence: two thirds precommitted a block that this node found invalid.
        """
        self._effects = []
        self._take(event)
        while self._advance():
            pass
        return tuple(self._effects)

    @property
    def wanted(self) -> tuple[bytes, ...]:
        """Blocks asked for with `WantBlock` and not checked yet; the driver asks again in time."""
        return self._blocks.wanted()

    def proposal_at(self, round: Round) -> Proposal | None:  # noqa: A002 -- the paper's word
        """The proposal accepted in a round."""
        log = self.rounds.get(round)
        return log.proposal if log else None

    def holds_valid(self, block_id: bytes) -> bool:
        """Whether this block is here and was found valid."""
        verdict = self._blocks.verdict(block_id)
        return verdict is not None and verdict.valid

    def commit(self) -> Commit:
        """The proof of the decision with all precommits so far, late ones too (1.1.16)."""
        assert self.decided is not None, "nothing is decided yet"
        round_, block_id = self.decided
        return self._commit(round_, block_id)

    # What each event changes by itself; the rules below draw the conclusions.

    def _take(self, event: Event) -> None:
        match event:
            case Started():
                if self.step == events.NEW:
                    self._start_round(Round(0))
            case ProposalReceived():
                self._take_proposal(event.proposal, event.arrival_ms)
            case BlockChecked():
                self._take_verdict(event)
            case VoteReceived():
                self._take_vote(event.vote)
            case TimedOut():
                self._take_timeout(event)
            case Built():
                self._take_built(event)
            case Signed():
                self._take_signed(event.message)
            case _:
                assert_never(event)

    def _take_proposal(self, proposal: Proposal, arrival_ms: Millis) -> None:
        if not self._concerns_us(proposal):
            return
        index = self.config.validators.proposer_index(proposal.round)
        self.rounds.hear(index, proposal.round)
        if self.rounds.admits(proposal.round, self.round):
            timely = is_timely(self.config.params, proposal, arrival_ms)
            self._note(self.rounds.add_proposal(proposal, timely=timely))

    def _take_vote(self, vote: Vote) -> None:
        """Rounds far ahead are only heard of, not kept (scenario 9)."""
        if not self._concerns_us(vote):
            return
        self.rounds.hear(vote.validator, vote.round)
        if self.rounds.admits(vote.round, self.round):
            self._note(self.rounds.add_vote(vote))

    def _concerns_us(self, message: Message) -> bool:
        ours = message.height == self.config.height
        return ours and well_formed(self.config.validators, message)

    def _note(self, conflict: Conflict | None) -> None:
        if conflict is not None:
            self._effects.append(conflict)

    def _take_verdict(self, verdict: BlockChecked) -> None:
        self._blocks.learn(verdict, needed=(self.locked_id, self.valid_id))

    def _take_timeout(self, timer: TimedOut) -> None:
        """A timer of another place is ignored, never an error (1.1.11)."""
        if (timer.height, timer.round) != (self.config.height, self.round):
            return
        if self.step >= events.COMMIT:
            return
        if timer.step == events.PRECOMMIT_STEP:
            self._start_round(Round(self.round + 1))
        elif timer.step == self.step:
            self._cast(PREVOTE if timer.step == events.PROPOSE else PRECOMMIT, NIL)

    def _take_built(self, built: Built) -> None:
        """Propose the fresh block, unless its round is over or already has a proposal of ours."""
        if built.round != self.round or self._asked_to_propose == self.round:
            return
        if not events.PROPOSE <= self.step < events.COMMIT or not self._is_proposer():
            return
        self._take_verdict(BlockChecked(block_id=built.block_id, valid=True, time_ms=built.time_ms))
        self._propose(NO_POL, built.block_id, built.time_ms)

    def _take_signed(self, message: Message) -> None:
        """Our own words take the way of everybody's; contradicting ourselves stays unsaid (1.9.7)."""
        earlier = self.rounds.earlier(message)
        if earlier is None or same_statement(earlier, message):
            self._effects.append(Send(message=message))
        if isinstance(message, Vote):
            self._take_vote(message)
        else:
            self._take_proposal(message, message.time_ms)

    # The rules. Each says whether it changed something that another rule may wait for.

    def _advance(self) -> bool:
        if self.step == events.DECIDED or self._decide():
            return False
        if self.step in {events.NEW, events.COMMIT}:
            return False
        self._learn_valid()
        log = self.rounds.open(self.round)
        self._set_timers(log)
        return self._skip() or self._prevote(log) or self._precommit(log)

    def _decide(self) -> bool:
        """Two thirds of precommits of any round, whichever step we are in (1.1.9, 1.1.13)."""
        for number in self.rounds.numbers():
            block_id = self.rounds.open(number).precommits.two_thirds_for()
            if block_id:
                return self._decide_on(Round(number), block_id)
        return False

    def _decide_on(self, round_: Round, block_id: bytes) -> bool:
        self.step = events.COMMIT
        verdict = self._verdict(block_id)
        if verdict is None:
            return False
        if not verdict.valid:
            raise Divergence(
                f"height {self.config.height}: two thirds precommitted block {block_id.hex()},"
                " which this node finds invalid"
            )
        self.step = events.DECIDED
        self.decided = (round_, block_id)
        commit = self._commit(round_, block_id)
        self._effects.append(Decide(round=round_, block_id=block_id, commit=commit))
        return True

    def _commit(self, round_: Round, block_id: bytes) -> Commit:
        votes = self.rounds.open(round_).precommits
        return votes.commit(self.config.height, round_, block_id)

    def _skip(self) -> bool:
        """More than a third of the power is further on: follow them (1.1.10)."""
        if self.rounds.reached <= self.round:
            return False
        self._start_round(Round(self.rounds.reached))
        return True

    def _learn_valid(self) -> None:
        """The latest polka for a block that is here and valid: what to propose next (1.1.6).

        However late the polka or the block comes, and whether or not we locked it (scenario 5).
        """
        for number in self.rounds.numbers():
            if not self.valid_round < number <= self.round:
                continue
            block_id = self.rounds.open(number).prevotes.two_thirds_for()
            if not block_id:
                continue
            verdict = self._verdict(block_id)
            if verdict is not None and verdict.valid:
                self.valid_id, self.valid_round = block_id, number

    def _set_timers(self, log: RoundLog) -> None:
        """Two thirds of any votes: give the others a while, once a round (1.1.5, 1.1.8)."""
        if self.step == events.PREVOTE_STEP and log.prevotes.two_thirds_any():
            if not log.prevote_timer:
                self._set_timer(events.PREVOTE_STEP)
            log.prevote_timer = True
        if log.precommits.two_thirds_any():
            if not log.precommit_timer:
                self._set_timer(events.PRECOMMIT_STEP)
            log.precommit_timer = True

    def _prevote(self, log: RoundLog) -> bool:
        """Answer the round's proposal once its block was checked (1.1.3, 1.1.4)."""
        proposal = log.proposal
        if self.step != events.PROPOSE or proposal is None:
            return False
        if proposal.pol_round != NO_POL and not self._has_polka(proposal):
            return False
        verdict = self._blocks.verdict(proposal.block_id)
        if verdict is None:
            return False
        agreed = log.timely and self._is_good(proposal, verdict) and self._lock_allows(proposal)
        self._cast(PREVOTE, proposal.block_id if agreed else NIL)
        return True

    def _has_polka(self, proposal: Proposal) -> bool:
        """Whether the round that a re-proposal names did prevote its block, as far as we saw."""
        votes = self.rounds.open(proposal.pol_round).prevotes
        votes.claim(proposal.block_id)
        return votes.has_two_thirds_for(proposal.block_id)

    def _is_good(self, proposal: Proposal, verdict: BlockChecked) -> bool:
        """The block is valid, and its time is the proposal's and grows (1.5 B1, P3)."""
        grows = proposal.time_ms > self.config.last_block_time_ms
        return verdict.valid and grows and verdict.time_ms == proposal.time_ms

    def _lock_allows(self, proposal: Proposal) -> bool:
        """Whoever precommitted a block prevotes no other, but for a later polka (1.1.3, 1.1.4).

        A fresh proposal's POL round is -1, below any lock: then only the locked block itself passes.
        """
        return self.locked_round <= proposal.pol_round or self.locked_id == proposal.block_id

    def _precommit(self, log: RoundLog) -> bool:
        """Lock and precommit what two thirds prevoted, or nil if that was nil (1.1.6, 1.1.7).

        Nil never unlocks. A block needs this round's proposal (1.1.15) and to be here and valid.
        """
        block_id = log.prevotes.two_thirds_for()
        if self.step != events.PREVOTE_STEP or block_id is None:
            return False
        if block_id != NIL:
            verdict = self._blocks.verdict(block_id)
            if log.proposal is None or log.proposal.block_id != block_id:
                return False
            if verdict is None or not verdict.valid:
                return False
            self.locked_id, self.locked_round = block_id, self.round
        self._cast(PRECOMMIT, block_id)
        return True

    # What the rules do.

    def _start_round(self, round_: Round) -> None:
        """Begin a round; its proposer proposes the valid value before anything fresh (1.1.2)."""
        self.round, self.step = round_, events.PROPOSE
        log = self.rounds.open(round_)
        pinned = (self.locked_round, self.valid_round)
        pol_round = log.proposal.pol_round if log.proposal else NO_POL
        self.rounds.prune(round_, (*pinned, pol_round))
        self._set_timer(events.PROPOSE)
        if not self._is_proposer():
            return
        verdict = self._blocks.verdict(self.valid_id)
        if verdict is None:
            self._effects.append(Build(height=self.config.height, round=round_))
        else:
            self._propose(self.valid_round, self.valid_id, verdict.time_ms)

    def _is_proposer(self) -> bool:
        return self.config.index == self.config.validators.proposer_index(self.round)

    def _propose(self, pol_round: int, block_id: bytes, time_ms: Millis) -> None:
        self._asked_to_propose = self.round
        proposal = Proposal(
            height=self.config.height,
            round=self.round,
            pol_round=pol_round,
            block_id=block_id,
            time_ms=time_ms,
        )
        self._effects.append(Sign(message=proposal))

    def _cast(self, kind: int, block_id: bytes) -> None:
        """Vote, if we may, and go on to the step of that vote in any case."""
        self.step = events.PREVOTE_STEP if kind == PREVOTE else events.PRECOMMIT_STEP
        if self.config.index is None:
            return
        vote = Vote(
            kind=kind,
            height=self.config.height,
            round=self.round,
            block_id=block_id,
            validator=self.config.index,
        )
        self._effects.append(Sign(message=vote))

    def _set_timer(self, step: int) -> None:
        wait = timeout_ms(self.config.params, step, self.round)
        self._effects.append(
            SetTimer(height=self.config.height, round=self.round, step=step, ms=wait)
        )

    def _verdict(self, block_id: bytes) -> BlockChecked | None:
        """How the check of a block ended; one that was never here is asked for, once."""
        verdict = self._blocks.verdict(block_id)
        if verdict is None and self._blocks.want(block_id):
            self._effects.append(WantBlock(block_id=block_id))
        return verdict
