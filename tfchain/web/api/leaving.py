"""Answers that are written while they are read, and end when their reader goes.

A reader that takes nothing is hung up on by its connection (`node.serving`): then it is gone here too.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

import trio
from starlette.types import Message, Receive, Scope, Send

from tfchain.node.faults import one_fault

Give: TypeAlias = Callable[[bytes], Awaitable[None]]
Write: TypeAlias = Callable[[Give], Awaitable[None]]


class Written:
    """A body without an end. `seats`: room for one more is held meanwhile."""

    def __init__(
        self, write: Write, seats: trio.CapacityLimiter, headers: Mapping[str, str]
    ) -> None:
        self._write = write
        self._seats = seats
        self._headers = [(name.encode(), value.encode()) for name, value in headers.items()]

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, as an ASGI application."""
        start = {"type": "http.response.start", "status": 200, "headers": self._headers}
        begun = False

        async def give(piece: bytes, *, more: bool = True) -> None:
            nonlocal begun
            if not begun:  # what fails before the first piece can still be told
                begun = True
                await send(start)
            await send(_body(piece, more=more))

        with one_fault():
            async with self._seats, trio.open_nursery() as nursery:
                nursery.start_soon(_until_gone, receive, nursery.cancel_scope)
                await self._write(give)
                await give(b"", more=False)
                nursery.cancel_scope.cancel()


async def _until_gone(receive: Receive, scope: trio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()


def _body(piece: bytes, *, more: bool) -> Message:
    return {"type": "http.response.body", "body": piece, "more_body": more}
