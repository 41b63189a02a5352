"""Laws of consensus over random schedules: any order, loss, repetition and one liar (S1, S4, S5, L1).

Four machines at one height. Hypothesis plays the network: it delivers what it likes when it likes,
fires timers at will and speaks for the liar. Then the network turns fair and must decide.
"""

from dataclasses import dataclass, field, replace
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st

from tfchain.base.crypto import digest
from tfchain.base.units import Address, Height, Millis, Power, Round
from tfchain.bft import events
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
from tfchain.bft.gossip import lacking, view_of
from tfchain.bft.machine import Config, Machine
from tfchain.bft.messages import Message, Proposal, Vote
from tfchain.ledger.commit import FOR_BLOCK, NIL, PRECOMMIT, PREVOTE, PROPOSAL, check_tally
from tfchain.ledger.params import Consensus
from tfchain.ledger.validators import Validator, ValidatorSet, genesis_set, validator_address

NOW: Final = Millis(1_000)
SIGNED: Final = bytes(64)
PARAMS: Final = Consensus(
    precision=Millis(500),
    delay=Millis(2_000),
    propose=Millis(1_000),
    vote=Millis(500),
    growth=Millis(500),
    timeout_max=Millis(60_000),
    interval=Millis(1_000),
    block_bytes=1_000_000,
)


def members() -> ValidatorSet:
    keys = [Address(bytes([seed]) * 32) for seed in range(1, 5)]
    return genesis_set(
        [
            Validator(address=validator_address(key), key=key, power=Power(1), reward_account=key)
            for key in keys
        ]
    )


FOUR: Final = members()
LIES: Final = [digest(b"test", name) for name in (b"x", b"y")]


@dataclass
class Seat:
    """A correct validator and all it was told and did."""

    machine: Machine
    events: list[Event] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)
    inbox: list[Message] = field(default_factory=list)
    timers: list[TimedOut] = field(default_factory=list)
    locks: list[tuple[int, bytes]] = field(default_factory=list)
    """(round, block id) of each precommit for a block."""


class Game:
    """Three correct validators and a liar, under a scheduler that wishes them ill."""

    def __init__(self, liar: int) -> None:
        self.liar = liar
        self.correct = [index for index in range(4) if index != liar]
        self.seats = {index: Seat(_machine(index)) for index in self.correct}
        self.spoken: dict[tuple[int, int, int], Message] = {}
        self.blocks = list(LIES)
        self.decided: dict[int, bytes] = {}

    def tell(self, index: int, event: Event) -> None:
        seat = self.seats[index]
        queue = [event]
        while queue:
            seat.events.append(queue[0])
            for effect in seat.machine.receive(queue.pop(0)):
                seat.effects.append(effect)
                queue += self._do(index, effect)

    def _do(self, index: int, effect: Effect) -> list[Event]:
        seat = self.seats[index]
        match effect:
            case Sign():
                self._check_own_words(index, effect.message)
                return [Signed(message=replace(effect.message, signature=SIGNED))]
            case Send():
                for other in self.correct:
                    if other != index:
                        self.seats[other].inbox.append(effect.message)
            case SetTimer():
                timer = TimedOut(height=effect.height, round=effect.round, step=effect.step)
                seat.timers.append(timer)
            case Build():
                block_id = digest(b"test", bytes([index]), bytes([effect.round % 256]))
                self.blocks.append(block_id)
                return [Built(round=effect.round, block_id=block_id, time_ms=NOW)]
            case WantBlock():
                return [_checked(effect.block_id)]
            case Decide():
                assert index not in self.decided, "S3: a height is decided once"
                self.decided[index] = effect.block_id
                check_tally(FOUR, effect.commit)
                heads = sum(slot.flag == FOR_BLOCK for slot in effect.commit.slots)
                assert 3 * heads > 2 * 4, "S6: more than two thirds, counted here by hand"
                assert len(set(self.decided.values())) == 1, "S1: agreement"
            case Conflict():
                first = effect.first
                accused = first.validator if isinstance(first, Vote) else first.round % 4
                assert accused == self.liar, "S11: no false evidence"
        return []

    def _check_own_words(self, index: int, message: Message) -> None:
        kind = PROPOSAL if isinstance(message, Proposal) else message.kind
        said = self.spoken.setdefault((index, message.round, kind), message)
        assert said == message, "S4: one statement a place"
        if kind == PRECOMMIT and message.block_id != NIL:
            self.seats[index].locks.append((message.round, message.block_id))
        if kind == PREVOTE and message.block_id != NIL:
            self._check_lock_rule(self.seats[index], message)

    def _check_lock_rule(self, seat: Seat, vote: Message) -> None:
        """S5: a prevote against a lock needs a polka for the new block later than the lock."""
        held = [block_id for round_, block_id in seat.locks if round_ < vote.round]
        if not held or held[-1] == vote.block_id:
            return
        locked = max(round_ for round_, _ in seat.locks)
        polkas = [
            number
            for number in seat.machine.rounds.numbers()
            if seat.machine.rounds.open(number).prevotes.has_two_thirds_for(vote.block_id)
        ]
        assert any(locked < number < vote.round for number in polkas), "S5: the lock rule"

    # What the scheduler may do.

    def play(self, action: tuple[int, int, int, int]) -> None:
        what, who, which, more = action
        index = self.correct[who % 3]
        seat = self.seats[index]
        if what < 6 and seat.inbox:
            self._deliver(index, seat.inbox.pop(which % len(seat.inbox)))
        elif what == 6 and seat.inbox:
            self._deliver(index, seat.inbox[which % len(seat.inbox)])
        elif what == 7 and seat.inbox:
            seat.inbox.pop(which % len(seat.inbox))
        elif what in {8, 9} and seat.timers:
            self.tell(index, seat.timers.pop(which % len(seat.timers)))
        elif what >= 10:
            self._lie(index, which, more)

    def _deliver(self, index: int, message: Message) -> None:
        if isinstance(message, Vote):
            self.tell(index, VoteReceived(vote=message))
            return
        self.tell(index, _checked(message.block_id))
        self.tell(index, ProposalReceived(proposal=message, arrival_ms=NOW))

    def _lie(self, index: int, which: int, more: int) -> None:
        """The liar says anything to one of the correct, near the round that one is in."""
        round_ = max(0, self.seats[index].machine.round + which % 3 - 1)
        block_id = [NIL, *self.blocks][more % (len(self.blocks) + 1)]
        if which % 5 == 0 and block_id and round_ % 4 == self.liar:
            pol_round = min(more % 4, round_) - 1
            self._deliver(index, _proposal(round_, pol_round, block_id))
            return
        kind = PRECOMMIT if which % 2 else PREVOTE
        self._deliver(
            index,
            Vote(
                kind=kind,
                height=Height(1),
                round=Round(round_),
                block_id=block_id,
                validator=self.liar,
                signature=SIGNED,
            ),
        )

    def turn_fair(self) -> None:
        """L1: repair and timers alone, the liar silent, and somebody decides before long."""
        for _ in range(40):
            for _ in range(8):
                self._repair()
            if self.decided:
                return
            for index in self.correct:
                machine = self.seats[index].machine
                step = min(machine.step, events.PRECOMMIT_STEP)
                self.tell(index, TimedOut(height=Height(1), round=machine.round, step=step))
        raise AssertionError("L1: nobody decided in forty fair rounds of timers")

    def _repair(self) -> None:
        for sender in self.correct:
            for receiver in self.correct:
                if sender != receiver:
                    view = view_of(self.seats[receiver].machine)
                    for message in lacking(self.seats[sender].machine, view):
                        self._deliver(receiver, message)


def _machine(index: int) -> Machine:
    return Machine(
        Config(
            height=Height(1),
            validators=FOUR,
            index=index,
            params=PARAMS,
            last_block_time_ms=Millis(0),
        )
    )


def _checked(block_id: bytes) -> BlockChecked:
    return BlockChecked(block_id=block_id, valid=True, time_ms=NOW)


def _proposal(round_: int, pol_round: int, block_id: bytes) -> Proposal:
    return Proposal(
        height=Height(1),
        round=Round(round_),
        pol_round=pol_round,
        block_id=block_id,
        time_ms=NOW,
        signature=SIGNED,
    )


ACTIONS: Final = st.lists(
    st.tuples(st.integers(0, 12), st.integers(0, 2), st.integers(0, 60), st.integers(0, 60)),
    min_size=40,
    max_size=250,
)


@settings(max_examples=120, deadline=None)
@given(liar=st.integers(0, 3), actions=ACTIONS)
def test_no_schedule_and_no_liar_splits_three_correct_validators(
    liar: int, actions: list[tuple[int, int, int, int]]
) -> None:
    """S1, S3, S4, S5, S6, S11 throughout; L1 once the network is fair; D1 by replay."""
    game = Game(liar)
    for index in game.correct:
        game.tell(index, Started())
    for action in actions:
        game.play(action)
    game.turn_fair()
    for index, seat in game.seats.items():
        again = _machine(index)
        assert [effect for event in seat.events for effect in again.receive(event)] == seat.effects


@settings(max_examples=60, deadline=None)
@given(
    powers=st.lists(st.integers(1, 50), min_size=1, max_size=6),
    start=st.integers(0, 200),
)
def test_turns_are_proportional_to_power_over_any_window(powers: list[int], start: int) -> None:
    """Consensus 1.3.1: over as many turns as there is power, within one turn of the exact share."""
    rows = []
    for seed, power in enumerate(powers, start=1):
        key = Address(bytes([seed]) * 32)
        address = validator_address(key)
        rows.append(Validator(address=address, key=key, power=Power(power), reward_account=key))
    current = genesis_set(rows)
    for _ in range(start):
        current = current.stepped()
    turns = [0] * len(powers)
    for _ in range(current.total_power()):
        turns[current.proposer_index(Round(0))] += 1
        current = current.stepped()
    assert turns == [member.power for member in current.validators]
