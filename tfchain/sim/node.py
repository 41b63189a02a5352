"""One simulated node: carries out what its replica asks for, dies before any effect, comes back.

What is carried out here is what `node` carries out on real disks and wires; neither holds a rule.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Final, Protocol

from tfchain.base.units import Height, Millis
from tfchain.bft.messages import Message
from tfchain.errors import Rejected, Unavailable
from tfchain.ledger.evidence import place_of as place_of_evidence
from tfchain.replica import messages as wire
from tfchain.replica.effects import (
    Blame,
    Broadcast,
    Conflict,
    Effect,
    EndLog,
    Execute,
    Log,
    Save,
    SendTo,
    Serve,
    SetTimer,
    Sign,
    SyncLog,
    Verify,
)
from tfchain.replica.events import (
    GOSSIP,
    Event,
    Executed,
    Fired,
    Received,
    Saved,
    Signed,
    Start,
    Timer,
    Verified,
)
from tfchain.replica.replica import Replica
from tfchain.sim.chance import SURE, Chance
from tfchain.sim.faults import LOG, SIGNER, STORE, Crash, Full
from tfchain.sim.invariants import Violation, Watch
from tfchain.sim.machine import Machine, place_of
from tfchain.sim.standing import Standing
from tfchain.store.pruning import prune_blocks

IDLE_MS: Final = 3
"""How long verifying, executing and saving take on a machine with nothing else to do."""

KEPT_BLOCKS: Final = 300
"""So many a node keeps: far more than anybody falls behind, and a week of them is a hundred thousand."""


class Around(Protocol):
    """What a node stands in: time, wire and whoever looks on."""

    @property
    def now_ms(self) -> int:
        """True time."""
        ...

    @property
    def watch(self) -> Watch:
        """Whoever looks on."""
        ...

    def after(self, wait_ms: int, due: Callable[[], None]) -> None:
        """Have something done later."""
        ...

    def carry(
        self, source: int, target: int, kind: int, payload: bytes, word: Message | None
    ) -> None:
        """Put a message on the wire; `word`: what a validator says in it."""
        ...

    def index_of(self, key: bytes) -> int:
        """Which node has this key."""
        ...

    def verify(self, key: bytes, message: bytes, signature: bytes) -> bool:
        """Whether a signature is genuine; remembered, for every node asks."""
        ...

    def stepped(self, node: int, event: Event, effects: list[Effect]) -> None:
        """A replica was told something and answered."""
        ...

    def died(self, node: int, down_ms: int) -> None:
        """A node is down, and is started again after so long."""
        ...


class Node:
    """A machine with its disks. `replica` is None while it is down."""

    def __init__(self, machine: Machine, peers: int, around: Around, chance: Chance) -> None:
        self.machine = machine
        self.who = machine.who
        self.replica: Replica | None = None
        self.standing = Standing()
        self.skew_ms = 0
        self.busy_ms = IDLE_MS
        self.gossip_ms = 0
        """The least time between two words of where it stands; 0: as often as the replica asks."""
        self.keeps_all = False
        self._drift, self._drifts_from = 0, 0
        self._peers = [index for index in range(peers) if index != machine.who.index]
        self._around, self._chance = around, chance
        self._life = 0
        self._crash: Crash | None = None
        self._effects_left = 0
        self._full_down_ms = 0
        self._is_correct = machine.who.index in around.watch.correct

    @property
    def name(self) -> bytes:
        """What its peers know it by."""
        return self.who.name

    def clock(self) -> Millis:
        """What its clock shows."""
        now = self._around.now_ms
        drifted = (now - self._drifts_from) * self._drift // SURE
        return Millis(now + self.skew_ms + drifted)

    def skew(self, ms: int, drift: int = 0) -> None:
        """From now on the clock is so far off, and gains so many milliseconds in a thousand."""
        self.skew_ms, self._drift, self._drifts_from = ms, drift, self._around.now_ms

    def boot(self) -> None:
        """Come up with what the disks hold."""
        self._life += 1
        self.standing = Standing()
        self._around.watch.booted(self.who.index, self.machine.chain.height())
        self.replica, log, helped = self.machine.started()
        if helped and not self.who.forgetful:
            raise Violation("S0", f"node {self.who.index}: its log does not lead to its last word")
        if log:
            self.standing.resumed(self.replica.council.height)
        self.take(Start(now_ms=self.clock(), log=log))

    def doom(self, crash: Crash) -> None:
        """Crash before the effect that many from now."""
        if self.replica is not None:
            self._crash, self._effects_left = crash, crash.effects

    def fill(self, full: Full) -> None:
        """A disk runs full."""
        machine = self.machine
        rooms = {LOG: machine.log.room, SIGNER: machine.memo.room, STORE: machine.rows.room}
        rooms[full.disk].shrink(full.writes)
        self._full_down_ms = full.down_ms

    def spare(self) -> None:
        """It will not crash after all."""
        self._crash = None
        self.machine.free()

    def hear(self, event: Received, word: Message | None) -> None:
        """A message arrives, with what a validator says in it."""
        if self.replica is not None and word is not None:
            self._hear_word(self.replica, word)
        self.take(event)

    def _hear_word(self, replica: Replica, word: Message) -> None:
        if self._is_correct:
            author = self._around.watch.words.arrived(self.who.index, word)
            if author is not None:
                self.standing.heard(replica, author, word)

    def take(self, event: Event) -> None:
        """Tell the replica, and carry out what it asks for, in order. A full disk stops it (1.7.4)."""
        due = deque([event])
        while due and self.replica is not None:
            told = due.popleft()
            if isinstance(told, Signed):
                self._hear_word(self.replica, told.message)
            effects = self.replica.step(told)
            self._around.stepped(self.who.index, told, effects)
            for effect in effects:
                if self._dies_here():
                    return
                try:
                    due.extend(self._carry_out(effect))
                except Unavailable:
                    self._stop(self._full_down_ms)
                    return
            if self._is_correct:
                self._look(self.replica, told)

    def _look(self, replica: Replica, told: Event) -> None:
        """Whether the replica stands where it should after an event."""
        index = self.who.index
        if fault := self.standing.fault(replica, self._around.now_ms):
            number, _, text = fault.partition(": ")
            raise Violation(number, f"node {index} {text}")
        if isinstance(told, Saved):
            pieces = replica.council.evidence.ready(replica.tip.height)
            self._around.watch.kept(index, [place_of_evidence(piece) for piece in pieces])

    def _dies_here(self) -> bool:
        """Between two effects: whether this is the one that it does not live to see."""
        if self._crash is None:
            return False
        self._effects_left -= 1
        if self._effects_left >= 0:
            return False
        crash = self._crash
        if crash.power:
            self.machine.log.lose_power(self._chance)
        self._stop(crash.down_ms)
        return True

    def _stop(self, down_ms: int) -> None:
        self._crash, self.replica = None, None
        self._around.died(self.who.index, down_ms)

    def _carry_out(self, effect: Effect) -> list[Event]:
        """Do it; the answers that are there at once."""
        match effect:
            case Log():
                self.machine.log.append(effect.payload)
            case SyncLog():
                self.machine.log.sync()
            case EndLog():
                self.machine.log.end()
            case Sign():
                return self._sign(effect)
            case SendTo() | Broadcast() | Serve():
                self._speak(effect)
            case SetTimer():
                least = self.gossip_ms if effect.timer.name == GOSSIP else 0
                self._later(max(effect.ms, least), lambda: self._fired(effect.timer))
            case Verify() | Execute() | Save():
                self._later(self._chance.between(0, self.busy_ms), lambda: self._finish(effect))
            case Blame() | Conflict():
                self._judge(effect)
            case _:
                pass
        return []

    def _later(self, wait_ms: int, due: Callable[[], None]) -> None:
        """Have it done in this life, or never."""
        life = self._life

        def if_alive() -> None:
            if self.replica is not None and self._life == life:
                due()

        self._around.after(wait_ms, if_alive)

    def _fired(self, timer: Timer) -> None:
        self.take(Fired(timer=timer, now_ms=self.clock()))

    def _finish(self, effect: Verify | Execute | Save) -> None:
        """What takes its time is done: tell the replica, unless it dies just before."""
        try:
            answer = self._answer(effect)
        except Unavailable:
            self._stop(self._full_down_ms)
            return
        if not self._dies_here():
            self.take(answer)

    def _answer(self, effect: Verify | Execute | Save) -> Event:
        now, disk = self.clock(), self.machine.rows
        match effect:
            case Verify():
                good = tuple(self._around.verify(*check) for check in effect.checks)
                return Verified(number=effect.number, good=good, now_ms=now)
            case Execute():
                outcome = effect.run(disk)
                return Executed(block_id=effect.block.id, outcome=outcome, now_ms=now)
            case Save():
                self.machine.chain.save(effect)
                self._around.watch.stored(self.who.index, effect, self._around.now_ms)
                if not self.keeps_all:
                    prune_blocks(self.machine.chain, KEPT_BLOCKS)
                return Saved(tip=effect.tip, reader=disk.snapshot(), now_ms=now)

    def _sign(self, effect: Sign) -> list[Event]:
        place = place_of(effect.message)
        try:
            signature = self.machine.signer.sign(*place, effect.text)
        except Rejected:
            return []
        signed = replace(effect.message, signature=signature)
        self._around.watch.signed(self.who.index, signed)
        return [Signed(message=signed, now_ms=self.clock())]

    def _judge(self, effect: Blame | Conflict) -> None:
        """What a correct node says of others, somebody looks at."""
        if not self._is_correct:
            return
        watch, index = self._around.watch, self.who.index
        if isinstance(effect, Conflict):
            watch.accused(index, effect)
        else:
            watch.blamed(index, self._around.index_of(effect.peer), effect.reason)

    def _speak(self, effect: SendTo | Broadcast | Serve) -> None:
        match effect:
            case Broadcast():
                if effect.kind == wire.WANT:
                    self.standing.asked(effect.payload)
                self._send(self._peers, effect.kind, effect.payload)
            case SendTo():
                self._send([self._around.index_of(effect.peer)], effect.kind, effect.payload)
            case Serve():
                peer = self._around.index_of(effect.peer)
                self._send([peer], wire.BLOCKS, self._blocks(effect))

    def _blocks(self, effect: Serve) -> bytes:
        chain = self.machine.chain
        last = min(chain.height(), effect.height + effect.count - 1)
        rows = []
        for height in range(effect.height, last + 1):
            raw, commit = chain.raw_block(Height(height)), chain.commit(Height(height))
            assert raw is not None and commit is not None, "a stored height has both"
            rows.append((raw, commit))
        return wire.encode_blocks(rows)

    def _send(self, peers: list[int], kind: int, payload: bytes) -> None:
        watch, index, liar = self._around.watch, self.who.index, self.who.liar
        word = watch.words.word_in(kind, payload)
        if liar is not None:
            for peer in peers:
                for said, twisted in liar.twisted(kind, payload):
                    other = watch.words.word_in(said, twisted)
                    self._around.carry(index, peer, said, twisted, other)
            return
        if word is not None:
            watch.sent(index, word, self.machine.log)
        for peer in peers:
            self._around.carry(index, peer, kind, payload, word)
