"""The pump: tells one replica what happened, and carries out what it asks for, in order (P40).

`tell` never waits: the replica steps on the pump's thread, and its effects are done before the next
event. What takes long goes to a worker, whose answer is an event. So there is no queue of events to
fill up, and each source is held back by its own turn.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

import trio

from tfchain.base.shapes import encode_record
from tfchain.base.units import Millis
from tfchain.chain.execute import Outcome
from tfchain.errors import Rejected, Unavailable
from tfchain.net import surface
from tfchain.net.mesh import Mesh
from tfchain.node.disk import Disk
from tfchain.node.heads import Heads
from tfchain.node.journal import Journal
from tfchain.node.lending import Lender
from tfchain.node.mending import Mender
from tfchain.node.metrics import Metrics
from tfchain.node.recovery import place_of
from tfchain.node.timers import Timers
from tfchain.node.views import Views
from tfchain.node.workers import Archivist, Librarian, Verifiers
from tfchain.replica import effects, events
from tfchain.replica import messages as wire
from tfchain.replica.replica import Replica

SUBMISSIONS_MAX: Final = 16
"""Submissions that wait for their turn; one more is told to come again."""
UNDER_WAY_MAX: Final = 8
"""Submissions whose signatures are being verified."""

Clock = Callable[[], Millis]
"""The wall clock: milliseconds since 1970."""


@dataclass(slots=True)
class _Submission:
    raws: tuple[bytes, ...]
    done: trio.Event = field(default_factory=trio.Event)
    replies: tuple[effects.Reply, ...] = ()


class Pump:
    """Drives `replica`, whose reader is `views.current`. `run` once."""

    def __init__(
        self, replica: Replica, disk: Disk, views: Views, mesh: Mesh, clock: Clock, journal: Journal
    ) -> None:
        self.replica = replica
        self.views = views
        self.heads = Heads(replica.tip.height)
        self._disk = disk
        self._mesh = mesh
        self._clock = clock
        self._journal = journal
        self._told: deque[events.Event] = deque()
        self._telling = False
        self._timers = Timers(self._fired)
        self._verifiers = Verifiers(self._verified)
        self.metrics = Metrics()
        self._archivist = Archivist(disk.chain, self._executed, self._saved, self.metrics)
        self.mender = Mender(disk.chain, mesh.send, self._connected, journal)
        self._librarian = Librarian(disk.chain, self._send_blocks, self.mender.want)
        self._lender = Lender(disk.chain, disk.shelf, mesh.send, journal)
        self._submissions_in, self._submissions = trio.open_memory_channel[_Submission](
            SUBMISSIONS_MAX
        )
        self._tickets: dict[int, _Submission] = {}
        self._room = trio.Semaphore(UNDER_WAY_MAX)

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Drive the replica until cancelled.

        Raises:
            Divergence, Unavailable, InvalidBlock: in a group; the node cannot go on.
        """
        async with trio.open_nursery() as nursery:
            tasks = (self._timers, self._verifiers, self._archivist, self._librarian, self.mender)
            for task in tasks:
                nursery.start_soon(task.run)
            nursery.start_soon(self._lender.run)
            self.tell(events.Start(now_ms=self._clock(), log=tuple(self._disk.wal.replay())))
            nursery.start_soon(self._take_submissions)
            nursery.start_soon(self._take_mesh_events)
            task_status.started()

    async def submit(self, raws: tuple[bytes, ...]) -> tuple[effects.Reply, ...]:
        """Hand in transactions; an answer for each, in order.

        Raises:
            Unavailable: too many are being handed in.
        """
        submission = _Submission(raws)
        try:
            self._submissions_in.send_nowait(submission)
        except trio.WouldBlock:
            what = "the node has more submissions than it can take"
            raise Unavailable(what, "its intake", "try again in a moment") from None
        await submission.done.wait()
        return submission.replies

    def tell(self, event: events.Event) -> None:
        """Step, and carry out what it leads to. Raises what makes a node stop."""
        self._told.append(event)
        if self._telling:
            return
        self._telling = True
        while self._told:
            for effect in self.replica.step(self._told.popleft()):
                self._carry(effect)
        self._telling = False

    def hear(self, kind: int, payload: bytes) -> None:
        """Something that came another way than from a peer, in a message's words."""
        peer, now = self._mesh.key, self._clock()
        self.tell(events.Received(peer=peer, kind=kind, payload=payload, now_ms=now))

    def _carry(self, effect: effects.Effect) -> None:  # noqa: PLR0912 -- one row an effect
        match effect:
            case effects.Log():
                self._disk.wal.append(effect.payload)
            case effects.SyncLog():
                self._disk.wal.sync()
            case effects.EndLog():
                self._disk.wal.reset()
            case effects.Sign():
                self._sign(effect)
            case effects.SendTo():
                self._mesh.send(effect.peer, effect.kind, effect.payload)
            case effects.Broadcast():
                self._mesh.broadcast(effect.kind, effect.payload)
            case effects.Serve():
                self._serve(effect)
            case effects.Lend():
                self._lender.ask(effect)
            case effects.SetTimer():
                self._timers.set(effect.timer, effect.ms)
            case effects.Verify():
                self._verifiers.ask(effect)
            case effects.Execute():
                self._archivist.ask(effect)
            case effects.Save():
                self.views.hold()
                self._archivist.ask(effect)
            case effects.Committed():
                self._timers.drop(effect.height)
                self.heads.advance(effect.height)
            case effects.Answer():
                self._answer(effect)
            case effects.Blame():
                self._journal.warning("blame", peer=effect.peer.hex(), reason=effect.reason)
                self._mesh.blame(effect.peer, effect.reason)
            case effects.Conflict():
                word = "another node signs with this key" if effect.own else "conflict"
                self._journal.warning(word, first=effect.first, second=effect.second)

    def _serve(self, effect: effects.Serve) -> None:
        base = self._disk.chain.base()
        if effect.height < base:
            payload = encode_record(wire.Base(height=base))
            self._mesh.send(effect.peer, wire.BASE, payload)
        else:
            self._librarian.ask(effect)

    def _sign(self, effect: effects.Sign) -> None:
        """Here and now: nothing may overtake a word that is being written down."""
        assert self._disk.signer is not None, "only a validator is asked to sign"
        try:
            signature = self._disk.signer.sign(*place_of(effect.message), effect.text)
        except Rejected as refusal:  # the signer knows better than a log that lost its end
            self._journal.warning("not signed", reason=refusal)
            return
        message = replace(effect.message, signature=signature)
        self.tell(events.Signed(message=message, now_ms=self._clock()))

    def _answer(self, effect: effects.Answer) -> None:
        submission = self._tickets.pop(effect.ticket)
        submission.replies = effect.replies
        submission.done.set()
        self._room.release()

    # What workers, timers, peers and submitters bring.

    def _fired(self, timer: events.Timer) -> None:
        self.tell(events.Fired(timer=timer, now_ms=self._clock()))

    def _verified(self, effect: effects.Verify, good: tuple[bool, ...]) -> None:
        self.tell(events.Verified(number=effect.number, good=good, now_ms=self._clock()))

    def _executed(self, effect: effects.Execute, outcome: Outcome) -> None:
        block_id = effect.block.id
        self.tell(events.Executed(block_id=block_id, outcome=outcome, now_ms=self._clock()))

    def _saved(self, effect: effects.Save) -> None:
        reader = self.views.advance()
        self.metrics.count_votes(self.replica.tip, effect.block)
        header = effect.block.header
        self._journal.info(
            "block",
            height=header.height,
            txs=len(effect.block.txs),
            round=effect.commit.round,
            id=effect.block.id.hex()[:16],
        )
        self.tell(events.Saved(tip=effect.tip, reader=reader, now_ms=self._clock()))

    def _send_blocks(self, peer: bytes, payload: bytes) -> None:
        self._mesh.send(peer, wire.BLOCKS, payload)

    async def _take_submissions(self) -> None:
        ticket = 0
        async for submission in self._submissions:
            await self._room.acquire()
            ticket += 1
            self._tickets[ticket] = submission
            self.tell(events.Submitted(ticket=ticket, raws=submission.raws, now_ms=self._clock()))

    async def _take_mesh_events(self) -> None:
        async for event in self._mesh.events:
            mended = isinstance(event, surface.Received) and self.mender.take(
                event.kind, event.payload
            )
            if not mended:
                self.tell(self._from_mesh(event))

    def _connected(self) -> list[bytes]:
        return [peer.key for peer in self._mesh.peers() if peer.connected]

    def _from_mesh(self, event: surface.Event) -> events.Event:
        match event:
            case surface.PeerUp(key):
                self._journal.info("peer up", key=key.hex())
                return events.PeerUp(peer=key)
            case surface.PeerDown(key):
                self._journal.info("peer down", key=key.hex())
                return events.PeerDown(peer=key)
            case surface.Received(key, kind, payload):
                now = self._clock()
                return events.Received(peer=key, kind=kind, payload=payload, now_ms=now)
