"""The whole application on a real socket, behind the same door as `tfchain web`."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing

import pytest
import trio
from starlette.types import ASGIApp

from tfchain.client.http import connected
from tfchain.index.following import Watch
from tfchain.index.model import Model
from tfchain.node.config import LOOPBACK, Place
from tfchain.node.heads import Heads
from tfchain.node.serving import SLOW_S, Door, serve
from tfchain.web.app import application
from tfchain.web.asking import Asking
from tfchain.web.parts import Web

Serve = Callable[..., AbstractAsyncContextManager[int]]


@pytest.fixture
def served() -> Serve:
    """`async with served(model, watch, node) as port`; `site`: another application."""

    @asynccontextmanager
    async def opened(
        model: Model,
        watch: Watch | None = None,
        node: str = "",
        site: ASGIApp | None = None,
        slow_s: float = SLOW_S,
    ) -> AsyncIterator[int]:
        watching = watch or Watch(Heads(model.height), print)
        with closing(Asking(model.path.parent)) as ask:
            async with connected(node) as client, trio.open_nursery() as nursery:
                web = Web(ask=ask, watch=watching, client=client if node else None, now=lambda: 0)
                door = Door(site or application(web), print, 64, slow_s)
                port = await nursery.start(serve, door, Place(host=LOOPBACK, port=0))
                yield port
                nursery.cancel_scope.cancel()

    return opened
