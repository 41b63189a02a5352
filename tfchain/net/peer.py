"""One authenticated connection: a task that reads, a task that writes, and a queue that is full.

When the queue is full the message is dropped, and the caller is told (consensus 1.16.3): consensus
repairs by comparing states (1.14.1), so a lost message costs one exchange, while waiting would let
the slowest peer set the pace. A peer that takes nothing at all is hung up on.

Reading is the other way round: while the node is busy the reader waits, the socket fills, and the
sender is held back. Nothing is lost and nothing grows.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import trio

from tfchain.base.limits import FRAME_BYTES_MAX
from tfchain.errors import Malformed, TfchainError
from tfchain.net.frames import Limits, body_bytes_max, join, split
from tfchain.net.handshake import Role, Session
from tfchain.net.rates import UNBOUNDED, Meter, Rate
from tfchain.net.timing import Timing
from tfchain.net.wire import Wire

QUEUE_MESSAGES_MAX: Final = 1_024
"""Messages that wait for one peer: a few rounds of a set of 256."""
QUEUE_BYTES_MAX: Final = 4 * FRAME_BYTES_MAX
"""Bytes that wait for one peer; with every seat taken and stuck, 64 times this."""
BATCH_BYTES: Final = 64 * 1024
"""Small messages leave together: a turn of the event loop costs more than sealing them (P40)."""

PONG: Final = 254
PING: Final = 255
_OWN_LIMITS: Final = {PING: 0, PONG: 0}
_OWN_RATES: Final = {kind: Rate(burst=10, per_s=2) for kind in _OWN_LIMITS}
"""An honest peer asks once in a minute of silence. Nothing else bounds a message without bytes."""

Deliver = Callable[[int, bytes], Awaitable[None]]
"""Takes kind and payload; may wait, and holds the sender back meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """Why a connection ended. `blamed`: the peer itself said what no peer says."""

    reason: str
    blamed: bool = False


@dataclass(slots=True, kw_only=True)
class Counters:
    """What went over one connection, our own pings included."""

    messages_in: int = 0
    bytes_in: int = 0
    messages_out: int = 0
    bytes_out: int = 0
    dropped: int = 0
    held_back: int = 0
    """Times that the peer talked faster than its rate, and was read more slowly."""


class Peer:
    """A connection from the end of its handshake to its own end."""

    def __init__(
        self,
        wire: Wire,
        session: Session,
        limits: Limits,
        timing: Timing,
        meter: Meter | None = None,
    ) -> None:
        assert not limits.keys() & _OWN_LIMITS.keys(), "254 and 255 are the wire's own"
        self.key = session.peer
        self.where = wire.where
        self.dialled = session.role is Role.DIALLER
        self.counters = Counters()
        self.ending: Ending | None = None
        self.gone = trio.Event()
        """Set by the mesh when the seat is free again."""
        self._wire = wire
        self._session = session
        self._limits = {**limits, **_OWN_LIMITS}
        self._body_max = body_bytes_max(self._limits)
        self._timing = timing
        self._meter = meter or Meter({}, UNBOUNDED)
        self._own_meter = Meter(_OWN_RATES, UNBOUNDED)
        self._scope = trio.CancelScope()
        self._queue_in, self._queue_out = trio.open_memory_channel[bytes](QUEUE_MESSAGES_MAX)
        self._queued_bytes = 0

    def offer(self, message: bytes) -> bool:
        """Whether there was room. `message`: kind byte and payload, within its limit."""
        if self.ending is not None:
            return False
        if self._queued_bytes + len(message) > QUEUE_BYTES_MAX:
            self.counters.dropped += 1
            return False
        try:
            self._queue_in.send_nowait(message)
        except trio.WouldBlock:
            self.counters.dropped += 1
            return False
        self._queued_bytes += len(message)
        return True

    def probe(self) -> None:
        """Write something, so that a connection whose other end died shows it."""
        self.offer(join(PING, b"", self._limits))

    def close(self, reason: str, *, blamed: bool = False) -> None:
        """End the connection; the first reason stays."""
        if self.ending is None:
            self.ending = Ending(reason=reason, blamed=blamed)
            self._scope.cancel()

    async def run(self, deliver: Deliver) -> Ending:
        """Read and write until something ends it. The caller closes the stream."""
        with self._scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._until_fault, self._write)
                nursery.start_soon(self._until_fault, self._read, deliver)
        assert self.ending is not None, "only `close` cancels the scope"
        return self.ending

    async def _until_fault(self, task: Callable[..., Awaitable[None]], *arguments: Deliver) -> None:
        try:
            await task(*arguments)
        except TfchainError as fault:
            self.close(str(fault))

    async def _read(self, deliver: Deliver) -> None:
        while True:
            body = await self._next_body()
            # A frame that does not open is somebody on the way, not the peer: no blame.
            message = self._session.unsealer.unseal(body)
            self.counters.messages_in += 1
            self.counters.bytes_in += len(message)
            try:
                kind, payload = split(message, self._limits)
            except Malformed as fault:
                self.close(str(fault), blamed=True)
                return
            if kind == PING:
                self.offer(join(PONG, b"", self._limits))
            elif kind != PONG:
                await deliver(kind, payload)
            await self._hold_back(kind, len(message))

    async def _hold_back(self, kind: int, size: int) -> None:
        """Read on only when the peer's rate allows: meanwhile its own socket fills (1.16.2)."""
        now = trio.current_time()
        wait_s = max(self._meter.take(kind, size, now), self._own_meter.take(kind, size, now))
        if wait_s > 0:
            self.counters.held_back += 1
            await trio.sleep(wait_s)

    async def _next_body(self) -> bytes:
        """The next frame; asks after a silence, and gives up after a longer one."""
        with trio.move_on_after(self._timing.ping_after_s):
            return await self._wire.receive(self._body_max)
        self.probe()
        with trio.move_on_after(self._timing.pong_within_s):
            return await self._wire.receive(self._body_max)
        raise self._wire.slow("the peer is silent")

    async def _write(self) -> None:
        while True:
            batch = self._batch(await self._queue_out.receive())
            with trio.move_on_after(self._timing.pong_within_s) as scope:
                await self._wire.send(batch)
            if scope.cancelled_caught:
                raise self._wire.slow("the peer takes nothing")

    def _batch(self, first: bytes) -> bytearray:
        """The first message and what else waits, sealed in order, up to about `BATCH_BYTES`."""
        frames = bytearray(self._seal(first))
        while len(frames) < BATCH_BYTES:
            try:
                message = self._queue_out.receive_nowait()
            except trio.WouldBlock:
                break
            frames += self._seal(message)
        return frames

    def _seal(self, message: bytes) -> bytes:
        self._queued_bytes -= len(message)
        self.counters.messages_out += 1
        self.counters.bytes_out += len(message)
        return self._session.sealer.seal(message)
