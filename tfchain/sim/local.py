"""One machine in a small world: what it can hear, and where that leads, remembered by place.

A place is all that a machine's future depends on; two histories that lead to
one place are one. Messages are numbered, so that sets of them are bits of an integer.
"""

from dataclasses import dataclass, replace
from typing import Final

from tfchain.base.units import Address, Height, Millis, Power, Round
from tfchain.bft import events as bft
from tfchain.bft.machine import NO_ROUND, Config, Machine
from tfchain.bft.messages import Message, Proposal, Vote
from tfchain.ledger.commit import NIL, NO_POL, PRECOMMIT, PREVOTE
from tfchain.ledger.params import Consensus
from tfchain.ledger.validators import Validator, ValidatorSet, genesis_set, validator_address

HEIGHT: Final = Height(1)
ROUNDS: Final = 2
VALIDATORS: Final = 4
FIRST, SECOND, INVALID = b"\x01" * 32, b"\x02" * 32, b"\x03" * 32
"""The fresh blocks of rounds 0 and 1, and one that fails every check."""
TIMES: Final = {FIRST: Millis(1_000), SECOND: Millis(2_000), INVALID: Millis(1_500)}
_SIGNATURE: Final = b"\x00" * 64

_PARAMS: Final = Consensus(
    precision=Millis(500),
    delay=Millis(2_000),
    propose=Millis(1_000),
    vote=Millis(500),
    growth=Millis(500),
    timeout_max=Millis(60_000),
    interval=Millis(1_000),
    block_bytes=1_000_000,
)


def four_validators() -> ValidatorSet:
    """Four of equal power."""
    keys = [Address(bytes([number]) * 32) for number in range(1, VALIDATORS + 1)]
    return genesis_set(
        [
            Validator(address=validator_address(key), key=key, power=Power(1), reward_account=key)
            for key in keys
        ]
    )


class Words:
    """Every message of the world has a number; the liar's menu is the first of them."""

    def __init__(self, validators: ValidatorSet, liar: int) -> None:
        self.validators = validators
        self.liar = liar
        self._numbers: dict[Message, int] = {}
        self.messages: list[Message] = []
        for message in _menu(validators, liar):
            self.number(message)
        self.menu = (1 << len(self.messages)) - 1

    def number(self, message: Message) -> int:
        """The number of a message, given when it is first heard of."""
        if message not in self._numbers:
            self._numbers[message] = len(self.messages)
            self.messages.append(message)
        return self._numbers[message]

    def vote_sets(self, words: list[int]) -> list[list[int]]:
        """The votes among `words`, by round and kind."""
        found: dict[tuple[int, int], list[int]] = {}
        for word in words:
            message = self.messages[word]
            if isinstance(message, Vote):
                found.setdefault((message.round, message.kind), []).append(word)
        return list(found.values())

    def beside(self, words: list[int], idle: tuple[int, ...], current: int) -> list[int]:
        """Which of `words` some rule adds up with the votes in `idle`."""
        votes = self.messages[idle[0]]
        assert isinstance(votes, Vote)
        return [
            word
            for word in words
            if word not in idle and _goes_with(self.messages[word], votes, current)
        ]

    def in_set(self, bits: int) -> list[int]:
        """The numbers in a set."""
        return [number for number in range(bits.bit_length()) if bits >> number & 1]


def _goes_with(message: Message, votes: Vote, current: int) -> bool:
    if isinstance(message, Proposal):
        return True
    if message.round != votes.round:
        return False
    return message.kind == votes.kind or message.round > current


def _menu(validators: ValidatorSet, liar: int) -> list[Message]:
    said: list[Message] = []
    for round_ in range(ROUNDS):
        values = (FIRST, NIL) if round_ == 0 else (FIRST, SECOND, NIL)
        for kind in (PREVOTE, PRECOMMIT):
            said += [_vote(kind, round_, value, liar) for value in values]
        if validators.proposer_index(Round(round_)) == liar:
            said += _proposals(round_)
    return said


def _proposals(round_: int) -> list[Message]:
    fresh = [_proposal(round_, NO_POL, block_id) for block_id in (FIRST, SECOND, INVALID)]
    claimed = [_proposal(round_, 0, block_id) for block_id in (FIRST, SECOND)]
    return [*fresh, *(claimed if round_ else [])]


def _vote(kind: int, round_: int, block_id: bytes, validator: int) -> Vote:
    return Vote(
        kind=kind,
        height=HEIGHT,
        round=Round(round_),
        block_id=block_id,
        validator=validator,
        signature=_SIGNATURE,
    )


def _proposal(round_: int, pol_round: int, block_id: bytes) -> Proposal:
    return Proposal(
        height=HEIGHT,
        round=Round(round_),
        pol_round=pol_round,
        block_id=block_id,
        time_ms=TIMES[block_id],
        signature=_SIGNATURE,
    )


@dataclass(frozen=True, slots=True)
class Place:
    """Where one machine stands: all that its future depends on."""

    index: int
    round: int
    step: int
    locked: tuple[int, bytes]
    valid: tuple[int, bytes]
    decided: bytes
    timers: frozenset[tuple[int, int]]
    said: int
    votes: tuple[tuple[int, int, bytes], ...]
    """Kind, round and block of what was said, once more for people."""
    heard: int
    counted: tuple[tuple[bytes, bytes, int], ...]
    """Of each vote set: the liar's vote that counts, the claimed id, and the votes for that."""

    def visible(self) -> tuple[object, ...]:
        """What others, or the machine itself by doing nothing else, could notice."""
        return (
            self.round,
            self.step,
            self.locked,
            self.valid,
            self.decided,
            self.timers,
            self.said,
        )

    def prevoted(self, round_: int, block_id: bytes) -> bool:
        """Whether it prevoted this in that round."""
        return (PREVOTE, round_, block_id) in self.votes

    def precommitted(self, round_: int, block_id: bytes) -> bool:
        """Whether it precommitted this in that round."""
        return (PRECOMMIT, round_, block_id) in self.votes

    def is_over(self) -> bool:
        """Whether the bound ends here: decided, or past the last round."""
        return self.round >= ROUNDS


class Lives:
    """The places of all machines, numbered, and the moves between them."""

    def __init__(self, words: Words) -> None:
        self.words = words
        self.places: list[Place] = []
        self._numbers: dict[Place, int] = {}
        self._histories: list[tuple[bft.Event, ...]] = []
        self._moves: dict[tuple[int, int], int] = {}
        self._timeouts: dict[tuple[int, int, int], int] = {}
        self._images: dict[tuple[int, int, int], int] = {}

    def start(self, index: int) -> int:
        """The place of a machine that has just begun."""
        return self._go(index, (), bft.Started())

    def story(self, number: int) -> list[str]:
        """One way to a place, an event a line, for people."""
        place = self.places[number]
        return [f"validator {place.index}: {event}" for event in self._histories[number]]

    def hear(self, number: int, word: int) -> int:
        """Where a message leads."""
        move = (number, word)
        if move not in self._moves:
            event = _heard(self.words.messages[word])
            place = self.places[number]
            self._moves[move] = self._go(place.index, self._histories[number], event)
        return self._moves[move]

    def time_out(self, number: int, round_: int, step: int) -> int:
        """Where a timer that runs out leads."""
        move = (number, round_, step)
        if move not in self._timeouts:
            event = bft.TimedOut(height=HEIGHT, round=Round(round_), step=step)
            place = self.places[number]
            self._timeouts[move] = self._go(place.index, self._histories[number], event)
        return self._timeouts[move]

    def image(self, number: int, one: int, other: int) -> int:
        """The place of `other` that mirrors this place of `one`, each validator taken for the other."""
        move = (number, one, other)
        if move not in self._images:
            swap = {one: other, other: one}
            history = tuple(_swapped(event, swap) for event in self._histories[number])
            index = swap.get(self.places[number].index, self.places[number].index)
            self._images[move] = self._go(index, history[:-1], history[-1])
        return self._images[move]

    def _go(self, index: int, past: tuple[bft.Event, ...], event: bft.Event) -> int:
        life = _Life(self.words.validators, index)
        for known in past:
            life.replay(known)
        life.live(event)
        place = life.place(self.words)
        if place not in self._numbers:
            self._numbers[place] = len(self.places)
            self.places.append(place)
            self._histories.append(tuple(life.history))
        return self._numbers[place]


class _Life:
    """A machine whose blocks, signer and clock answer at once."""

    def __init__(self, validators: ValidatorSet, index: int) -> None:
        config = Config(
            height=HEIGHT,
            validators=validators,
            index=index,
            params=_PARAMS,
            last_block_time_ms=Millis(0),
        )
        self.index = index
        self.machine = Machine(config)
        self.history: list[bft.Event] = []
        self._said: list[Message] = []
        self._timers: set[tuple[int, int]] = set()

    def replay(self, event: bft.Event) -> list[bft.Event]:
        """One event; the answers that its effects ask for."""
        self.history.append(event)
        if isinstance(event, bft.TimedOut):
            self._timers.discard((event.round, event.step))
        answers = [self._answer(effect) for effect in self.machine.receive(event)]
        return [answer for answer in answers if answer is not None]

    def live(self, event: bft.Event) -> None:
        """One event and all that follows from it at once."""
        queue = [event] if not isinstance(event, bft.ProposalReceived) else _with_block(event)
        while queue:
            queue += self.replay(queue.pop(0))

    def _answer(self, effect: bft.Effect) -> bft.Event | None:
        match effect:
            case bft.Sign():
                return bft.Signed(message=replace(effect.message, signature=_SIGNATURE))
            case bft.Build():
                fresh = FIRST if effect.round == 0 else SECOND
                return bft.Built(round=effect.round, block_id=fresh, time_ms=TIMES[fresh])
            case bft.WantBlock():
                return _checked(effect.block_id)
            case bft.Send():
                self._said.append(effect.message)
            case bft.SetTimer():
                self._timers.add((effect.round, effect.step))
            case _:
                pass
        return None

    def place(self, words: Words) -> Place:
        """Where the machine stands now."""
        machine = self.machine
        heard = 0
        for event in self.history:
            if isinstance(event, bft.VoteReceived):
                heard |= 1 << words.number(event.vote)
            elif isinstance(event, bft.ProposalReceived):
                heard |= 1 << words.number(event.proposal)
        said = sum(1 << words.number(message) for message in self._said)
        if machine.decided is not None or machine.round >= ROUNDS:
            return _over(self.index, machine.decided[1] if machine.decided else NIL, said)
        return Place(
            index=self.index,
            round=machine.round,
            step=machine.step,
            locked=(machine.locked_round, machine.locked_id),
            valid=(machine.valid_round, machine.valid_id),
            decided=NIL,
            timers=frozenset(timer for timer in self._timers if timer[0] == machine.round),
            said=said,
            votes=tuple((vote.kind, vote.round, vote.block_id) for vote in self._votes()),
            heard=heard,
            counted=tuple(_counted(machine, words.liar)),
        )

    def _votes(self) -> list[Vote]:
        return [message for message in self._said if isinstance(message, Vote)]


def _over(index: int, decided: bytes, said: int) -> Place:
    """Nothing more happens here: only what was said and decided tells two such places apart."""
    return Place(
        index=index,
        round=ROUNDS,
        step=bft.DECIDED,
        locked=(NO_ROUND, NIL),
        valid=(NO_ROUND, NIL),
        decided=decided,
        timers=frozenset(),
        said=said,
        votes=(),
        heard=0,
        counted=(),
    )


def _counted(machine: Machine, liar: int) -> list[tuple[bytes, bytes, int]]:
    rows = []
    for number in machine.rounds.numbers():
        log = machine.rounds.open(Round(number))
        for votes in (log.prevotes, log.precommits):
            first = votes.first_of(liar)
            claimed = votes.claimed
            counted = first.block_id if first is not None else b"-"
            rows.append((counted, claimed, len(votes.votes_for(claimed))))
    return rows


def _heard(message: Message) -> bft.Event:
    if isinstance(message, Vote):
        return bft.VoteReceived(vote=message)
    return bft.ProposalReceived(proposal=message, arrival_ms=message.time_ms)


def _checked(block_id: bytes) -> bft.BlockChecked:
    return bft.BlockChecked(block_id=block_id, valid=block_id != INVALID, time_ms=TIMES[block_id])


def _with_block(event: bft.ProposalReceived) -> list[bft.Event]:
    return [event, _checked(event.proposal.block_id)]


def _swapped(event: bft.Event, swap: dict[int, int]) -> bft.Event:
    if isinstance(event, bft.VoteReceived):
        return bft.VoteReceived(vote=_renamed(event.vote, swap))
    if isinstance(event, bft.Signed) and isinstance(event.message, Vote):
        return bft.Signed(message=_renamed(event.message, swap))
    return event


def _renamed(vote: Vote, swap: dict[int, int]) -> Vote:
    return replace(vote, validator=swap.get(vote.validator, vote.validator))
