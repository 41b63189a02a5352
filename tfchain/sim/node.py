"""One simulated node: carries out what its replica asks for, dies before any effect, comes back.

What is carried out here is what `node` carries out on real disks and wires; neither holds a rule.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Protocol

from tfchain.base.crypto import verify
from tfchain.base.units import Address, Height, Millis
from tfchain.bft.messages import Proposal
from tfchain.chain.execute import execute
from tfchain.errors import Rejected
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
from tfchain.replica.events import Event, Executed, Fired, Saved, Signed, Start, Timer, Verified
from tfchain.replica.replica import Replica
from tfchain.sim.chance import Chance
from tfchain.sim.disk import LogDisk
from tfchain.sim.faults import Crash
from tfchain.sim.invariants import Violation, Watch
from tfchain.sim.liar import Liar
from tfchain.store.chain import ChainStore, block_rows
from tfchain.store.memory import MemoryStore
from tfchain.store.signer import PROPOSAL, Signer

IDLE_MS: Final = 3
"""How long verifying, executing and saving take on a machine with nothing else to do."""


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

    def carry(self, source: int, target: int, kind: int, payload: bytes) -> None:
        """Put a message on the wire."""
        ...

    def index_of(self, key: bytes) -> int:
        """Which node has this key."""
        ...

    def stepped(self, node: int, event: Event, effects: list[Effect]) -> None:
        """A replica was told something and answered."""
        ...

    def died(self, node: int, crash: Crash) -> None:
        """A node has crashed."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who a node is, across all its lives."""

    index: int
    signer: Signer
    liar: Liar | None


class Node:
    """A machine with its disk. `replica` is None while it is down."""

    def __init__(self, who: Identity, peers: int, around: Around, chance: Chance) -> None:
        self.who = who
        self.store = ChainStore(MemoryStore())
        self.log = LogDisk()
        self.replica: Replica | None = None
        self.skew_ms = 0
        self.busy_ms = IDLE_MS
        self._peers = [index for index in range(peers) if index != who.index]
        self._around, self._chance = around, chance
        self._life = 0
        self._crash: Crash | None = None
        self._effects_left = 0

    @property
    def key(self) -> Address:
        """Its name among its peers."""
        return self.who.signer.key

    def clock(self) -> Millis:
        """What its clock shows."""
        return Millis(self._around.now_ms + self.skew_ms)

    def boot(self) -> None:
        """Come up with what the disk holds."""
        self._life += 1
        tip = self.store.tip()
        self._around.watch.booted(self.who.index, tip.height)
        last_commit = self.store.commit(tip.height)
        self.replica = Replica(tip, self.store.store.snapshot(), self.key, last_commit)
        self.take(Start(now_ms=self.clock(), log=self.log.replay()))

    def doom(self, crash: Crash) -> None:
        """Crash before the effect that many from now."""
        if self.replica is not None:
            self._crash, self._effects_left = crash, crash.effects

    def spare(self) -> None:
        """It will not crash after all."""
        self._crash = None

    def take(self, event: Event) -> None:
        """Tell the replica, and carry out what it asks for, in order."""
        due = deque([event])
        while due and self.replica is not None:
            told = due.popleft()
            effects = self.replica.step(told)
            self._around.stepped(self.who.index, told, effects)
            for effect in effects:
                if self._dies_here():
                    return
                due.extend(self._carry_out(effect))

    def _dies_here(self) -> bool:
        """Between two effects: whether this is the one that it does not live to see."""
        if self._crash is None:
            return False
        self._effects_left -= 1
        if self._effects_left >= 0:
            return False
        crash, self._crash, self.replica = self._crash, None, None
        if crash.power:
            self.log.lose_power(self._chance)
        self._around.died(self.who.index, crash)
        return True

    def _carry_out(self, effect: Effect) -> list[Event]:
        """Do it; the answers that are there at once."""
        match effect:
            case Log():
                self.log.append(effect.payload)
            case SyncLog():
                self.log.sync()
            case EndLog():
                self.log.end()
            case Sign():
                return self._sign(effect)
            case SendTo() | Broadcast() | Serve():
                self._speak(effect)
            case SetTimer():
                self._later(effect.ms, lambda: self._fired(effect.timer))
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
        answer = self._answer(effect)
        if not self._dies_here():
            self.take(answer)

    def _answer(self, effect: Verify | Execute | Save) -> Event:
        now, disk = self.clock(), self.store.store
        match effect:
            case Verify():
                good = tuple(verify(*check) for check in effect.checks)
                return Verified(number=effect.number, good=good, now_ms=now)
            case Execute():
                outcome = execute(disk, effect.input)
                return Executed(block_id=effect.block.id, outcome=outcome, now_ms=now)
            case Save():
                disk.write(block_rows(effect))
                self._around.watch.stored(self.who.index, effect, self._around.now_ms)
                return Saved(tip=effect.tip, reader=disk.snapshot(), now_ms=now)

    def _sign(self, effect: Sign) -> list[Event]:
        message = effect.message
        step = PROPOSAL if isinstance(message, Proposal) else PROPOSAL + message.kind
        try:
            signature = self.who.signer.sign(message.height, message.round, step, effect.text)
        except Rejected:
            return []
        signed = replace(message, signature=signature)
        self._around.watch.signed(signed)
        return [Signed(message=signed, now_ms=self.clock())]

    def _judge(self, effect: Blame | Conflict) -> None:
        """Only somebody who lies is ever blamed."""
        if self.who.liar is not None or self._around.watch.liars:
            return
        raise Violation("S0", f"node {self.who.index} accuses somebody correct: {effect}")

    def _speak(self, effect: SendTo | Broadcast | Serve) -> None:
        match effect:
            case Broadcast():
                for peer in self._peers:
                    self._send(peer, effect.kind, effect.payload)
            case SendTo():
                self._send(self._around.index_of(effect.peer), effect.kind, effect.payload)
            case Serve():
                peer = self._around.index_of(effect.peer)
                self._send(peer, wire.BLOCKS, self._blocks(effect))

    def _blocks(self, effect: Serve) -> bytes:
        last = min(self.store.height(), effect.height + effect.count - 1)
        rows = []
        for height in range(effect.height, last + 1):
            raw, commit = self.store.raw_block(Height(height)), self.store.commit(Height(height))
            assert raw is not None and commit is not None, "a stored height has both"
            rows.append((raw, commit))
        return wire.encode_blocks(rows)

    def _send(self, peer: int, kind: int, payload: bytes) -> None:
        if self.who.liar is None:
            self._around.watch.sent(self.who.index, kind, payload, self.log)
        else:
            payload = self.who.liar.twisted(kind, payload)
        self._around.carry(self.who.index, peer, kind, payload)
