"""Answers that are written while they are read: they end when the reader goes, or takes nothing."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Final, TypeAlias

import trio
from starlette.types import Receive, Scope, Send

SLOW_S: Final = 10.0
"""How long a reader may take nothing of what comes."""

Give: TypeAlias = Callable[[bytes], Awaitable[None]]
Write: TypeAlias = Callable[[Give], Awaitable[None]]


class Slow(Exception):
    """The reader took nothing for too long."""


class Written:
    """A body without an end. `seats`: room for one more is held meanwhile."""

    def __init__(
        self,
        write: Write,
        seats: trio.CapacityLimiter,
        headers: Mapping[str, str],
        slow_s: float = SLOW_S,
    ) -> None:
        self._write = write
        self._seats = seats
        self._headers = [(name.encode(), value.encode()) for name, value in headers.items()]
        self._slow_s = slow_s

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, as an ASGI application."""

        async def give(piece: bytes, *, more: bool = True) -> None:
            await within(self._slow_s, partial(send, _body(piece, more=more)))

        start = {"type": "http.response.start", "status": 200, "headers": self._headers}
        async with self._seats, trio.open_nursery() as nursery:
            nursery.start_soon(until_gone, receive, nursery.cancel_scope)
            try:
                await within(self._slow_s, partial(send, start))
                await self._write(give)
                await give(b"", more=False)
            except Slow:
                pass  # it gets no end, so it knows that something is missing
            nursery.cancel_scope.cancel()


async def within(slow_s: float, send: Callable[[], Awaitable[None]]) -> None:
    """Send; raises `Slow` where nobody takes it in time."""
    with trio.move_on_after(slow_s) as patience:
        await send()
    if patience.cancelled_caught:
        raise Slow


async def until_gone(receive: Receive, scope: trio.CancelScope) -> None:
    """Cancel once the reader has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()


def _body(piece: bytes, *, more: bool) -> dict[str, object]:
    return {"type": "http.response.body", "body": piece, "more_body": more}
