"""Toy networks of four machines in virtual time (consensus 2.6, as far as machines alone show it)."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush
from typing import Final

import pytest

from tfchain.base.crypto import digest
from tfchain.base.units import Height, Millis, Round
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
from tfchain.ledger.commit import PREVOTE, PROPOSAL, Commit, check_tally
from tfchain.ledger.params import Consensus
from tfchain.ledger.validators import ValidatorSet

A, B, C, D = range(4)
REPAIR_MS: Final = 400
SIGNED: Final = bytes(64)
Link = Callable[[int, int], list[int]]
"""(sender, receiver) -> delays of the copies that arrive, in ms; none is a loss."""


def always(delay: int) -> Link:
    return lambda sender, receiver: [delay]


@dataclass
class Seat:
    """One validator: its machine, the blocks it holds, what it decided."""

    machine: Machine
    skew: int = 0
    held: dict[bytes, int] = field(default_factory=dict)
    decided: list[tuple[bytes, int, Commit]] = field(default_factory=list)
    """(block id, time, commit) by height from 1."""
    rounds: list[int] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)
    dead: bool = False


class Net:
    """Everybody reaches everybody over `link`; state-based repair runs all the time."""

    def __init__(self, members: ValidatorSet, params: Consensus, link: Link | None = None) -> None:
        self.sets = [members]
        self.params = params
        self.link = link or always(10)
        self.mute = False
        """Whether only repair delivers."""
        self.now = 1_000_000
        self.queue: list[tuple[int, int, int, Height, Event]] = []
        self.count = 0
        self.seats = [Seat(self._machine(index, 1, 0)) for index in range(4)]
        self.signed: dict[tuple[int, int, int, int], Message] = {}

    def _machine(self, index: int, height: int, last_ms: int) -> Machine:
        while len(self.sets) < height:
            self.sets.append(self.sets[-1].stepped())
        config = Config(
            height=Height(height),
            validators=self.sets[height - 1],
            index=index,
            params=self.params,
            last_block_time_ms=Millis(last_ms),
        )
        return Machine(config)

    def start(self) -> "Net":
        for index in range(4):
            self.tell(index, Started())
        return self

    def later(self, index: int, wait: int, event: Event) -> None:
        self.count += 1
        height = self.seats[index].machine.config.height
        heappush(self.queue, (self.now + wait, self.count, index, height, event))

    def tell(self, index: int, event: Event) -> None:
        seat = self.seats[index]
        if not seat.dead:
            for effect in seat.machine.receive(event):
                self.do(index, effect)

    def do(self, index: int, effect: Effect) -> None:
        seat = self.seats[index]
        match effect:
            case Sign():
                self._sign(index, effect.message)
            case Send():
                for other in range(0 if self.mute else 4):
                    self.send(index, other, effect.message)
            case SetTimer():
                timer = TimedOut(height=effect.height, round=effect.round, step=effect.step)
                self.later(index, effect.ms, timer)
            case Build():
                text = f"{effect.height} {effect.round} {index}"
                block_id, time = digest(b"test", text.encode()), Millis(self.now + seat.skew)
                seat.held[block_id] = time
                self.later(index, 1, Built(round=effect.round, block_id=block_id, time_ms=time))
            case WantBlock():
                self._fetch(index, effect.block_id)
            case Decide():
                seat.rounds.append(effect.round)
                self._decided(index, effect.block_id, effect.commit)
            case Conflict():
                seat.conflicts.append(effect)

    def _sign(self, index: int, message: Message) -> None:
        """S4: a correct signer never signs two statements for one place."""
        kind = PROPOSAL if isinstance(message, Proposal) else message.kind
        place = (index, message.height, message.round, kind)
        assert self.signed.setdefault(place, message) == message
        self.later(index, 1, Signed(message=replace(message, signature=SIGNED)))

    def send(self, sender: int, receiver: int, message: Message) -> None:
        if sender == receiver or message.height != self.seats[receiver].machine.config.height:
            return
        for delay in self.link(sender, receiver):
            if isinstance(message, Proposal) and message.block_id in self.seats[sender].held:
                self._give(sender, receiver, message.block_id, delay)
            if isinstance(message, Proposal):
                arrival = Millis(self.now + delay + self.seats[receiver].skew)
                self.later(receiver, delay, ProposalReceived(proposal=message, arrival_ms=arrival))
            else:
                self.later(receiver, delay, VoteReceived(vote=message))

    def _give(self, sender: int, receiver: int, block_id: bytes, delay: int) -> None:
        time = self.seats[sender].held[block_id]
        self.seats[receiver].held[block_id] = time
        checked = BlockChecked(block_id=block_id, valid=True, time_ms=Millis(time))
        self.later(receiver, delay, checked)

    def _fetch(self, index: int, block_id: bytes) -> None:
        for other, seat in enumerate(self.seats):
            for delay in self.link(other, index)[:1] if block_id in seat.held else []:
                self._give(other, index, block_id, delay)

    def _decided(self, index: int, block_id: bytes, commit: Commit) -> None:
        """S1, S3, S6, S8, then the next height."""
        seat = self.seats[index]
        height, time = commit.height, seat.held[block_id]
        assert height == len(seat.decided) + 1
        check_tally(self.sets[height - 1], commit)
        for other in self.seats:
            if len(other.decided) >= height:
                assert other.decided[height - 1][0] == block_id
        assert not seat.decided or time > seat.decided[-1][1]
        seat.decided.append((block_id, time, commit))
        seat.machine = self._machine(index, height + 1, time)
        self.later(index, 500, Started())

    def repair(self) -> None:
        for sender in range(4):
            for receiver in range(4):
                if sender != receiver and self.link(sender, receiver):
                    self._repair(sender, receiver)

    def _repair(self, sender: int, receiver: int) -> None:
        ahead, behind = self.seats[sender], self.seats[receiver]
        if ahead.dead or behind.dead:
            return
        height = behind.machine.config.height
        if ahead.machine.config.height > height:
            block_id, time, commit = ahead.decided[height - 1]
            behind.held[block_id] = time
            self._decided(receiver, block_id, commit)
            return
        for message in lacking(ahead.machine, view_of(behind.machine)):
            self.send(sender, receiver, message)

    def run(self, ms: int) -> "Net":
        """Let virtual time pass."""
        end, repair_at = self.now + ms, self.now
        while self.now < end:
            if not self.queue or self.queue[0][0] > repair_at:
                self.now = repair_at
                self.repair()
                repair_at += REPAIR_MS
                continue
            self.now, _, index, height, event = heappop(self.queue)
            if self.seats[index].machine.config.height == height:
                self.tell(index, event)
        self.now = end
        return self

    @property
    def heights(self) -> list[int]:
        return [len(seat.decided) for seat in self.seats]


@pytest.fixture
def net(four: ValidatorSet, params: Consensus) -> Net:
    return Net(four, params)


def test_four_healthy_validators_decide_every_height_in_round_0(net: Net) -> None:
    net.start().run(10_000)
    assert min(net.heights) >= 10
    assert {number for seat in net.seats for number in seat.rounds} == {0}


def test_a_silent_proposer_costs_one_round(net: Net) -> None:
    """Scenario 1: A is dead, and it proposes round 0 of height 1."""
    net.seats[A].dead = True
    net.start().run(60_000)
    assert min(net.heights[1:]) >= 10
    assert net.seats[B].rounds[:4] == [1, 0, 0, 0]
    assert set(net.seats[B].rounds) == {0, 1}


def test_a_partition_in_halves_decides_nothing_and_heals(net: Net) -> None:
    """Scenario 12: 300 s of {A, B} | {C, D}."""
    net.start().run(3_000)
    before = net.heights
    net.link = lambda sender, receiver: [10] if (sender < C) == (receiver < C) else []
    net.run(1_000)  # what was under way may still end
    split = net.heights
    net.run(299_000)
    assert net.heights == split
    assert max(split) - min(before) <= 1
    net.link = always(10)
    net.run(net.params.timeout_max + 30_000)
    assert min(net.heights) > max(split)


@pytest.mark.parametrize("seed", range(6))
def test_a_lossy_link_that_repeats_and_reorders_slows_but_never_splits(
    seed: int, four: ValidatorSet, params: Consensus
) -> None:
    """Scenario 16: 30 % lost, 20 % twice, 0 to 2 s late; S1, S3, S4, S6, S8 hold throughout."""
    chance = random.Random(seed)

    def link(sender: int, receiver: int) -> list[int]:
        if chance.random() < 0.3:
            return []
        copies = 2 if chance.random() < 0.2 else 1
        return [chance.randrange(2_000) for _ in range(copies)]

    net = Net(four, params, link).start().run(120_000)
    assert min(net.heights) > 0


def test_growing_timeouts_beat_a_slow_network_and_start_again_each_height(
    four: ValidatorSet, params: Consensus
) -> None:
    """Scenario 20: 1.9 s of delay is more than the timeouts of the first rounds."""
    net = Net(four, params, always(1_900)).start().run(200_000)
    assert min(net.heights) >= 2
    rounds = net.seats[A].rounds
    assert max(rounds) > 0
    net.link = always(10)
    net.run(60_000)
    assert net.seats[A].rounds[-1] == 0


def test_a_proposer_with_a_wrong_clock_is_passed_over(net: Net) -> None:
    """Scenario 40: D is 10 s ahead. Its fresh blocks get nil, and no block of its time is decided."""
    net.seats[D].skew = 10_000
    net.start().run(60_000)
    assert min(net.heights) >= 8
    assert max(net.seats[A].rounds) == 1
    for seat in net.seats:
        assert all(time <= net.now for _, time, _ in seat.decided)


def test_halves_in_rounds_far_apart_meet_without_walking_there(net: Net) -> None:
    """Scenario 8: A and B have gone to round 7 while C and D are in round 2."""
    net.link = lambda sender, receiver: []
    net.start()
    for index, rounds in ((A, 7), (B, 7), (C, 2), (D, 2)):
        for number in range(rounds):
            machine = net.seats[index].machine
            for step in (1, 2, 3):
                net.tell(index, TimedOut(height=Height(1), round=Round(number), step=step))
            assert machine.round == number + 1
    net.link = always(10)
    net.run(20_000)
    assert min(net.heights) >= 1
    voted = [round_ for index, height, round_, _ in net.signed if (index, height) == (C, 1)]
    assert not {3, 4, 5} & set(voted)
    assert max(voted) in {6, 7, 8}


def test_one_that_heard_nothing_catches_up(net: Net) -> None:
    """Scenario 14: all hear D, D hears nobody; its votes of old heights do no harm."""
    net.link = lambda sender, receiver: [] if receiver == D else [10]
    net.start().run(20_000)
    assert net.heights[D] == 0
    assert min(net.heights[:D]) >= 10
    net.link = always(10)
    net.run(10_000)
    assert min(net.heights) >= max(net.heights) - 1


def test_a_lost_vote_is_sent_again(four: ValidatorSet, params: Consensus) -> None:
    """Scenario 17: every first sending is lost; only repair delivers, within its period."""
    net = Net(four, params, always(10))
    net.mute = True
    net.start().run(20_000)
    assert min(net.heights) >= 4


def test_a_proposer_with_two_faces_splits_nobody_and_is_seen(net: Net) -> None:
    """Scenario 30: A sends v to B and w to C and D."""
    net.seats[A].dead = True
    net.start()
    ids = [digest(b"test", name) for name in (b"v", b"w")]
    for index, block_id in ((B, ids[0]), (C, ids[1]), (D, ids[1])):
        net.seats[index].held[block_id] = net.now
        proposal = Proposal(
            height=Height(1),
            round=Round(0),
            pol_round=-1,
            block_id=block_id,
            time_ms=Millis(net.now),
            signature=SIGNED,
        )
        net.seats[A].held[block_id] = net.now
        net.send(A, index, proposal)
        for kind in (PREVOTE, PREVOTE + 1):
            vote = Vote(
                kind=kind,
                height=Height(1),
                round=Round(0),
                block_id=block_id,
                validator=A,
                signature=SIGNED,
            )
            net.send(A, index, vote)
            net.send(A, index % 3 + 1, vote)
    net.run(20_000)
    assert min(net.heights[1:]) >= 2
    seen = [conflict for seat in net.seats for conflict in seat.conflicts]
    assert seen
    assert all(isinstance(one.first, Proposal) or one.first.validator == A for one in seen)
