"""Requests to `/graphql`: both ways of asking, and bytes that ask nothing."""

import json
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

import httpx
import pytest
import trio
from starlette.applications import Starlette

from tfchain.errors import Unavailable
from tfchain.web.graphql import http, routes
from tfchain.web.graphql.bounds import BODY_BYTES_MAX

T = TypeVar("T")

JSON: Final = {"content-type": "application/json"}
QUERY: Final = "query Q($n: Int) { nodes(where: {nodeID_eq: $n}) { id } }"


class Direct:
    """Asks the tests' database, here and now."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    async def __call__(self, question: Callable[[sqlite3.Connection], T]) -> T:
        return question(self._database)


class Busy:
    async def __call__(self, question: Callable[[sqlite3.Connection], T]) -> T:
        raise Unavailable("took too long", "the read model", "ask for less")


@asynccontextmanager
async def _client(ask: Any) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(Starlette(routes=routes(ask)))
    async with httpx.AsyncClient(transport=transport, base_url="http://web") as client:
        yield client


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"query": QUERY, "variables": {"n": 2}}, id="variables"),
        pytest.param({"query": QUERY, "variables": '{"n": 2}'}, id="variables as text"),
        pytest.param({"query": QUERY, "variables": {"n": 2}, "operationName": "Q"}, id="by name"),
        pytest.param({"query": QUERY, "variables": {"n": 2}, "operationName": ""}, id="empty name"),
        pytest.param({"query": QUERY.replace("$n}", "2}").replace("($n: Int)", "")}, id="none"),
    ],
)
async def test_both_ways_ask_the_same(body: dict[str, Any], database: sqlite3.Connection) -> None:
    async with _client(Direct(database)) as client:
        posted = await client.post("/graphql", json=body)
        words = {key: one if isinstance(one, str) else json.dumps(one) for key, one in body.items()}
        got = await client.get("/graphql", params=words)
    assert posted.json() == got.json() == {"data": {"nodes": [{"id": "n2"}]}}
    for answer in (posted, got):
        assert answer.headers["content-type"] == "application/json; charset=utf-8"
        assert answer.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param(b"", 400, id="nothing"),
        pytest.param(b"{", 400, id="half of something"),
        pytest.param(b"\xff\xfe", 400, id="no text"),
        pytest.param(b"7", 400, id="a number"),
        pytest.param(b"null", 400, id="null"),
        pytest.param(b"[]", 400, id="a batch of nothing"),
        pytest.param(b'[{"query": "{ __typename }"}]', 400, id="a batch"),
        pytest.param(b"{}", 400, id="an empty object"),
        pytest.param(b'{"query": 7}', 400, id="a query that is no text"),
        pytest.param(b'{"query": null}', 400, id="no query"),
        pytest.param(b'{"query": "{a}", "variables": "{"}', 400, id="variables that are no JSON"),
        pytest.param(b'{"query": "{a}", "variables": [1]}', 400, id="variables in a list"),
        pytest.param(b'{"query": "{a}", "variables": 7}', 400, id="variables that are a number"),
        pytest.param(b'{"query": "{a}", "operationName": 7}', 400, id="a name that is no text"),
        pytest.param(b"[" * 100_000, 400, id="brackets without end"),
        pytest.param(b'{"a":' * 70 + b"1" + b"}" * 70, 400, id="objects in objects"),
        pytest.param(b'{"query": "' + b" " * BODY_BYTES_MAX + b'"}', 413, id="too large"),
        pytest.param(b'{"query": "{ __typename }\\ud800"}', 400, id="half a letter"),
        pytest.param(b'{"query": "\\u0000"}', 400, id="a zero"),
        pytest.param(b'{"query": "{ __typename }", "variables": {"n": NaN}}', 200, id="no number"),
    ],
)
async def test_bytes_that_ask_nothing(
    body: bytes, status: int, database: sqlite3.Connection
) -> None:
    async with _client(Direct(database)) as client:
        told = await client.post("/graphql", content=body, headers=JSON)
        assert told.status_code == status
        assert len(told.content) < 4_000
        assert (await client.get("/graphql")).status_code == 400


@pytest.mark.parametrize("kind", ["", "text/plain", "application/graphql", "application/jsonp"])
async def test_only_json_is_read(kind: str, database: sqlite3.Connection) -> None:
    async with _client(Direct(database)) as client:
        body = b'{"query": "{ __typename }"}'
        told = await client.post("/graphql", content=body, headers={"content-type": kind})
        assert (told.status_code, told.text[:17]) == (400, "POST body missing")
        good = {"content-type": "Application/JSON; charset=utf-8"}
        assert (await client.post("/graphql", content=body, headers=good)).status_code == 200


async def test_a_browser_may_ask_first(database: sqlite3.Connection) -> None:
    async with _client(Direct(database)) as client:
        told = await client.options("/graphql", headers={"origin": "http://elsewhere"})
        assert (told.status_code, told.headers["access-control-allow-methods"]) == (204, "GET,POST")
        assert (await client.delete("/graphql")).status_code == 405


async def test_a_question_over_its_time_is_told_in_the_servers_form() -> None:
    async with _client(Busy()) as client:
        told = await client.post("/graphql", json={"query": "{ nodes { id } }"})
    assert told.status_code == 200
    assert told.json()["data"] is None
    assert told.json()["errors"][0]["extensions"]["code"] == "INTERNAL_SERVER_ERROR"


@pytest.mark.parametrize("length", ["x", "-1", "²", "9" * 13])
async def test_a_length_that_is_none_is_too_much(length: str, database: sqlite3.Connection) -> None:
    headers = [*JSON.items(), ("content-length", length)]
    assert await _status(database, headers, b"", wait_s=0) == 413


async def test_a_body_without_a_length_is_measured(database: sqlite3.Connection) -> None:
    piece = b" " * (BODY_BYTES_MAX // 2)
    assert await _status(database, [*JSON.items()], piece, wait_s=0) == 413


async def test_a_body_that_never_ends_is_given_up(
    autojump_clock: trio.testing.MockClock, database: sqlite3.Connection
) -> None:
    assert await _status(database, [*JSON.items()], b"{", wait_s=http.BODY_S / 2) == 408


async def _status(
    database: sqlite3.Connection, headers: list[tuple[str, str]], piece: bytes, *, wait_s: float
) -> int:
    """What a client is told that sends one piece after the other."""

    async def receive() -> dict[str, Any]:
        await trio.sleep(wait_s)
        return {"type": "http.request", "body": piece, "more_body": True}

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "POST", "path": "/graphql", "raw_path": b"/graphql",
        "query_string": b"", "root_path": "",
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers],
    }  # fmt: skip
    await Starlette(routes=routes(Direct(database)))(scope, receive, send)
    status: int = sent[0]["status"]
    return status
