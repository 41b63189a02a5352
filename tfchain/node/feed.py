"""Streams of blocks: the whole chain as an export, or block after block as they come.

A stream is read from the store by a worker, piece by piece, as fast as its client takes it; nothing
is queued for anybody. A client that takes nothing is dropped by its connection (`serving`).
"""

from collections import deque
from collections.abc import Awaitable, Callable, Generator, Iterator
from contextlib import closing
from typing import Final

import trio
from starlette.types import Receive, Scope, Send

from tfchain.base.units import Height
from tfchain.errors import Unavailable
from tfchain.node.node import Node
from tfchain.store.chain import ChainStore
from tfchain.store.export import frames
from tfchain.store.exporting import Record, export_records_of
from tfchain.store.sound import Spoiled

STREAMS_MAX: Final = 8
"""Streams at once; each may hold a thread and a piece."""
PIECE_BYTES: Final = 256 * 1024
"""What is read in one turn; a piece ends with a whole record."""

Give = Callable[[bytes], Awaitable[None]]
Write = Callable[[Give], Awaitable[None]]


class Streams:
    """The streams of a node, counted."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._seats = trio.CapacityLimiter(STREAMS_MAX)

    def take_seat(self) -> trio.CapacityLimiter:
        """Room for one more, to be held with `async with`; raises `Unavailable` if there is none."""
        if self._seats.available_tokens < 1:
            what = f"{STREAMS_MAX} streams are being read"
            raise Unavailable(what, "the stream of blocks", "try again later")
        return self._seats

    async def export(self, give: Give) -> None:
        """The chain up to its present height, as `audit` reads it."""
        with closing(_exported(self._node.disk.chain)) as pieces:
            try:
                while piece := await trio.to_thread.run_sync(_gathered, pieces):
                    await give(piece)
            except Spoiled as fault:
                self._node.pump.mender.want(fault.height)
                raise

    async def blocks(self, give: Give, start: int, *, follow: bool) -> None:
        """BLOCK records from `start` on; with `follow` for ever, else up to the present height."""
        waiting: deque[Record] = deque()
        pieces = frames(_popped(waiting))
        await give(next(pieces))
        heads = self._node.heads
        height = start
        while follow or height <= heads.current:
            await heads.wait_for(height)
            waiting.append(await self._node.pump.mender.record(Height(height)))
            await give(next(pieces))
            height += 1
        await give(next(pieces))


def _exported(chain: ChainStore) -> Generator[bytes, None, None]:
    """Closing it closes what it reads from."""
    yield from frames(export_records_of(chain))


def _gathered(pieces: Iterator[bytes]) -> bytes:
    """The next pieces, joined; empty at the end."""
    joined = bytearray()
    for piece in pieces:
        joined += piece
        if len(joined) >= PIECE_BYTES:
            break
    return bytes(joined)


def _popped(waiting: deque[Record]) -> Iterator[Record]:
    while waiting:
        yield waiting.popleft()


class Stream:
    """An answer that is written while it is read, and ends when its client goes."""

    def __init__(self, write: Write, seats: trio.CapacityLimiter) -> None:
        self._write = write
        self._seats = seats

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, as an ASGI application."""

        async def give(piece: bytes) -> None:
            await send({"type": "http.response.body", "body": piece, "more_body": True})

        headers = [(b"content-type", b"application/octet-stream")]
        async with self._seats, trio.open_nursery() as nursery:
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            nursery.start_soon(_until_gone, receive, nursery.cancel_scope)
            await self._write(give)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            nursery.cancel_scope.cancel()


async def _until_gone(receive: Receive, scope: trio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()
