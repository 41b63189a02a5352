"""The web on a recorded devnet, asked as browsers and tools ask it."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing

import httpx
import pytest

from tfchain.index.following import Watch
from tfchain.index.model import Model
from tfchain.node.heads import Heads
from tfchain.web.app import application
from tfchain.web.asking import Asking
from tfchain.web.parts import Web

NOW = 1_795_281_216
"""The second after the last recorded block."""

Browse = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture(scope="session")
def browse() -> Browse:
    """`async with browse(model) as http`: the whole application, asked without a socket."""

    @asynccontextmanager
    async def opened(model: Model, watch: Watch | None = None) -> AsyncIterator[httpx.AsyncClient]:
        with closing(Asking(model.path.parent)) as ask:
            watching = watch or Watch(Heads(model.height), print)
            web = Web(ask=ask, watch=watching, client=None, now=lambda: NOW)
            transport = httpx.ASGITransport(application(web))
            async with httpx.AsyncClient(transport=transport, base_url="http://web") as http:
                yield http

    return opened
