"""The way to the validator has a bound, and what goes wrong on it is told."""

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, closing
from typing import Any

import httpx
import pytest
import trio
import trio.testing

from tfchain.client.http import Client
from tfchain.index.following import Watch
from tfchain.index.model import Model
from tfchain.node.heads import Heads
from tfchain.web.api.passing import PASSED_MAX, STREAMS_MAX
from tfchain.web.app import application
from tfchain.web.asking import Asking
from tfchain.web.parts import Web

Validator = Callable[[httpx.Request], Coroutine[None, None, httpx.Response]]


@asynccontextmanager
async def beside(
    model: Model, validator: Validator, height: int = 93
) -> AsyncIterator[tuple[httpx.AsyncClient, Watch]]:
    """A web whose validator answers as a test wants."""
    watch = Watch(Heads(height), print)
    wire = httpx.MockTransport(validator)
    with closing(Asking(model.path.parent)) as ask:
        async with httpx.AsyncClient(transport=wire) as line:
            web = Web(ask=ask, watch=watch, client=Client("http://node", line), now=lambda: 0)
            inner = httpx.ASGITransport(application(web))
            async with httpx.AsyncClient(transport=inner, base_url="http://web") as http:
                yield http, watch


@pytest.mark.parametrize(
    ("path", "most"),
    [
        pytest.param("/v1/validators", PASSED_MAX, id="questions"),
        pytest.param("/v1/export", STREAMS_MAX, id="streams"),
    ],
)
async def test_one_too_many_is_told_to_come_again(path: str, most: int, shown: Model) -> None:
    enough = trio.Event()

    async def slow(_request: httpx.Request) -> httpx.Response:
        await enough.wait()
        return httpx.Response(200, json={})

    async with beside(shown, slow) as (http, _), trio.open_nursery() as nursery:
        for _ in range(most):
            nursery.start_soon(http.get, path)
        await trio.testing.wait_all_tasks_blocked()
        refused = await http.get(path)
        enough.set()
    assert refused.status_code == 503
    assert f"{most} " in refused.json()["error"]


async def test_a_stream_that_the_validator_refuses_is_refused(shown: Model) -> None:
    async def full(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(503, json={"error": "8 streams are being read"})

    async with beside(shown, full) as (http, _):
        assert (await http.get("/v1/blocks?from=1")).status_code == 503


@pytest.mark.parametrize(
    ("told", "waits"),
    [
        pytest.param(93, False, id="it is here"),
        pytest.param(95, True, id="it is about to be here"),
        pytest.param(200, False, id="it is far"),
    ],
)
async def test_what_is_told_of_is_here_first_where_that_is_near(
    told: int, waits: bool, shown: Model
) -> None:
    async def status(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"height": told})

    answers: list[Any] = []
    async with beside(shown, status) as (http, watch), trio.open_nursery() as nursery:

        async def ask() -> None:
            answers.append((await http.get("/v1/status")).json())

        nursery.start_soon(ask)
        await trio.testing.wait_all_tasks_blocked()
        assert answers == ([] if waits else [{"height": told}])
        watch.heads.advance(told)
    assert answers == [{"height": told}]


async def test_an_answer_without_end_is_no_answer(shown: Model) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            await trio.lowlevel.checkpoint()
            yield bytes(1 << 20)

    async def answer(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=endless())

    async with beside(shown, answer) as (http, _):
        refused = await http.get("/v1/validators")
    assert refused.status_code == 503
    assert "too long" in refused.json()["error"]
