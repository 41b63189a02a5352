"""The HTTP face on a socket: hypercorn's connections around the application of `http`.

Each connection is on its own: what a stranger's bytes do to the parser of HTTP/1.1, HTTP/2 or
WebSocket ends that connection, with one line, and never the validator beside it. hypercorn's own
`serve` lets such a fault end the whole server, so its connections are opened here.
"""

import socket
from collections.abc import Callable
from functools import partial
from typing import Final, cast

import trio
from hypercorn.config import Config
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ASGIFramework, ConnectionState
from hypercorn.utils import wrap_app
from starlette.types import ASGIApp

from tfchain.errors import Unavailable
from tfchain.node.config import Place
from tfchain.node.http import application
from tfchain.node.node import Node

BACKLOG: Final = 128
CONNECTIONS_MAX: Final = 256
"""Open connections; the next one is closed at once."""
SLOW_S: Final = 10.0
"""How long a client may take nothing of what it asked for."""
IDLE_S: Final = 15.0
"""How long a connection may stay open between requests."""

MESSAGE_BYTES_MAX: Final = 64 * 1024
"""Of a WebSocket: those that are open here tell and do not listen."""


async def serve_http(
    node: Node, task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED
) -> None:
    """Answer until cancelled. Reports the port.

    Raises:
        Unavailable: the address cannot be listened on.
    """

    def warn(faults: str) -> None:
        node.journal.warning("http connection failed", faults=faults)

    door = Door(application(node), warn, CONNECTIONS_MAX)
    await serve(door, node.config.http, task_status)


async def serve(
    door: "Door", place: Place, task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED
) -> None:
    """Let connections in until cancelled. Reports the port; raises `Unavailable`."""
    listener = listen(place)
    task_status.started(listener.getsockname()[1])
    listeners = [trio.SocketListener(trio.socket.from_stdlib_socket(listener))]
    await trio.serve_listeners(door.converse, listeners)


def _server(face: ASGIApp) -> "partial[TCPServer]":
    config = Config()
    config.errorlog = None
    config.include_server_header = False
    config.keep_alive_timeout = IDLE_S
    config.websocket_max_message_size = MESSAGE_BYTES_MAX
    wrapped = wrap_app(cast(ASGIFramework, face), 0, "asgi")
    return partial(TCPServer, wrapped, config, WorkerContext(None))


class Door:
    """Lets connections in, `most` at once, and lets none of them out of its room.

    `warn` hears which faults a connection ended with.
    """

    def __init__(
        self, face: ASGIApp, warn: Callable[[str], None], most: int, slow_s: float = SLOW_S
    ) -> None:
        self._server = _server(face)
        self._warn = warn
        self._most = most
        self._slow_s = slow_s
        self._open = 0

    async def converse(self, stream: trio.SocketStream) -> None:
        """One connection, from its first byte to its last."""
        if self._open >= self._most:
            await stream.aclose()
            return
        self._open += 1
        patient = cast("trio.SSLStream[trio.SocketStream]", Patient(stream, self._slow_s))
        try:
            await self._server(ConnectionState({}), patient)
        except ExceptionGroup as faults:
            # What the connection's own nursery ended with; a cancellation is never in it.
            kinds = sorted({type(fault).__name__ for fault in faults.exceptions})
            self._warn(",".join(kinds))
        finally:
            self._open -= 1
            await trio.aclose_forcefully(stream)


class Patient:
    """A stream whose writes take `slow_s` at most: hypercorn lets nobody cancel a write."""

    def __init__(self, stream: trio.SocketStream, slow_s: float) -> None:
        self._stream = stream
        self._slow_s = slow_s
        self.socket = stream.socket

    async def send_all(self, content: bytes) -> None:
        """Write; raises `trio.BrokenResourceError` if nobody takes it."""
        with trio.move_on_after(self._slow_s) as patience:
            await self._stream.send_all(content)
        if patience.cancelled_caught:
            await trio.aclose_forcefully(self._stream)  # else whoever reads from it waits on
            raise trio.BrokenResourceError("the client takes nothing")

    async def receive_some(self, bytes_max: int) -> bytes | bytearray:
        """Read."""
        return await self._stream.receive_some(bytes_max)

    async def send_eof(self) -> None:
        """Say that nothing follows."""
        await self._stream.send_eof()

    async def aclose(self) -> None:
        """Hang up."""
        await self._stream.aclose()


def listen(place: Place) -> socket.socket:
    """A socket that listens; raises `Unavailable`."""
    where = f"{place.host}:{place.port}"
    try:
        family = socket.AF_INET6 if ":" in place.host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
    except OSError as fault:
        raise _refused(where, fault) from fault
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.bind((place.host, place.port))
        listener.listen(BACKLOG)
    except OSError as fault:
        listener.close()
        raise _refused(where, fault) from fault
    return listener


def _refused(where: str, fault: OSError) -> Unavailable:
    remedy = f"stop what listens there, or choose another address ({fault.strerror})"
    return Unavailable("cannot listen for HTTP", where, remedy)
