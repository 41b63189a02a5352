"""One TCP connection as frames, and the handshake carried out on it.

Whatever goes wrong is one of two errors with one line to keep: `Malformed` when the bytes are at
fault, `Unavailable` when the connection is.
"""

from typing import Final

import trio

from tfchain.errors import Unavailable
from tfchain.net.frames import Unframer, frame
from tfchain.net.handshake import HELLO_BYTES_MAX, PROOF_BYTES, Identity, Role, Session, greet

READ_BYTES: Final = 64 * 1024
"""One read of the socket."""

_REMEDY: Final = "contacts are called again"


class Wire:
    """A stream, and what was read of it and not yet used."""

    def __init__(self, stream: trio.abc.Stream, where: str) -> None:
        self.where = where
        """The other end, for people."""
        self._stream = stream
        self._unframer = Unframer()

    async def receive(self, bytes_max: int) -> bytes:
        """The body of the next frame. Cancelled half-way, it loses nothing.

        Raises:
            Malformed: the frame's length is zero or over `bytes_max`.
            Unavailable: the other end hung up, or the connection broke.
        """
        while (body := self._unframer.take(bytes_max)) is None:
            self._unframer.feed(await self._read())
        return body

    async def send(self, frames: bytes | bytearray) -> None:
        """Write all of it; raises `Unavailable` when the connection is broken."""
        try:
            await self._stream.send_all(frames)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as fault:
            raise Unavailable("the connection broke", self.where, _REMEDY) from fault

    def slow(self, what: str) -> Unavailable:
        """The error for a peer that takes too long."""
        return Unavailable(what, self.where, _REMEDY)

    async def _read(self) -> bytes | bytearray:
        try:
            chunk = await self._stream.receive_some(READ_BYTES)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as fault:
            raise Unavailable("the connection broke", self.where, _REMEDY) from fault
        if not chunk:
            what = "the peer hung up inside a frame" if self._unframer.held else "the peer hung up"
            raise Unavailable(what, self.where, _REMEDY)
        return chunk


def wire_of(stream: trio.SocketStream) -> Wire:
    """The wire on a socket, named after its other end."""
    try:
        host, port = stream.socket.getpeername()[:2]
    except OSError:  # it hung up before we looked
        return Wire(stream, "somebody who is gone")
    return Wire(stream, f"{host}:{port}")


async def shake(
    wire: Wire,
    identity: Identity,
    role: Role,
    secret: bytes,
    within_s: float,
    *,
    expected: bytes | None = None,
) -> Session:
    """Hellos and proofs, both ways. `secret`: 32 fresh bytes; `expected`: whom we called.

    Raises:
        Malformed: the peer is not who it must be, or says what it must not (see `handshake`).
        Unavailable: it hung up, or was not done after `within_s` seconds.
    """
    with trio.move_on_after(within_s):
        greeting = greet(identity, role, secret, expected=expected)
        await wire.send(frame(greeting.hello))
        meeting = greeting.meet(await wire.receive(HELLO_BYTES_MAX))
        await wire.send(meeting.proof)
        return meeting.conclude(await wire.receive(PROOF_BYTES))
    raise wire.slow("the handshake took too long")
