"""The web's outer walls: bounds, headers, words for what is not there, and its own status."""

from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Message

from tfchain.base.limits import HTTP_BODY_BYTES_MAX
from tfchain.index.following import Watch
from tfchain.index.model import Model, opened_model
from tfchain.node.heads import Heads
from tfchain.web.app import BODY_BYTES_MAX, URL_BYTES_MAX, Bounded


async def test_an_unknown_path_is_told_in_the_words_of_existing_tools(
    shown: Model, browse: Any
) -> None:
    async with browse(shown) as http:
        answer = await http.get("/nothing/here")
    assert (answer.status_code, answer.text) == (404, "404 page not found\n")
    assert answer.headers["content-type"].startswith("text/plain")


async def test_any_page_may_read_and_browsers_are_told_so(shown: Model, browse: Any) -> None:
    async with browse(shown) as http:
        for path in ("/v1/web/status", "/nothing"):
            answer = await http.get(path)
            assert answer.headers["access-control-allow-origin"] == "*"
            assert answer.headers["access-control-expose-headers"] == "*"
        asked = await http.options("/api/v1/node/1", headers={"origin": "http://elsewhere"})
        assert asked.status_code == 204
        assert "POST" in asked.headers["access-control-allow-methods"]
        desk = await http.get("/guardian")
        assert "access-control-allow-origin" not in desk.headers


@pytest.mark.parametrize("path", ["/" + "a" * URL_BYTES_MAX, "/nodes?x=" + "a" * URL_BYTES_MAX])
async def test_a_url_has_its_bound(path: str, shown: Model, browse: Any) -> None:
    async with browse(shown) as http:
        assert (await http.get(path)).status_code == 414


@pytest.mark.parametrize(
    "headers",
    [
        {"content-length": str(BODY_BYTES_MAX + 1)},
        {"content-length": "9" * 30},
        {"content-length": "-1"},
    ],
)
async def test_a_body_that_says_it_is_too_long_is_refused(
    headers: dict[str, str], shown: Model, browse: Any
) -> None:
    async with browse(shown) as http:
        answer = await http.post("/v1/web/status", headers=headers)
    assert answer.status_code == 413


@pytest.mark.parametrize(("more", "code"), [(0, 503), (1, 413)])
async def test_transactions_may_be_as_long_as_for_a_validator(
    more: int, code: int, shown: Model, browse: Any
) -> None:
    headers = {"content-length": str(HTTP_BODY_BYTES_MAX + more)}
    async with browse(shown) as http:  # which follows no validator
        answer = await http.post("/v1/txs", headers=headers)
    assert answer.status_code == code


async def echo(request: Request) -> Response:
    return Response(str(len(await request.body())))


@pytest.mark.parametrize(("pieces", "code"), [(4, 200), (5, 413)])
async def test_a_body_that_grows_too_long_is_refused(pieces: int, code: int) -> None:
    said: list[Message] = []
    left = [
        {"type": "http.request", "body": bytes(BODY_BYTES_MAX // 4), "more_body": True}
    ] * pieces

    async def receive() -> Message:
        return left.pop() if left else {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        said.append(message)

    scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": []}
    inner = Starlette(routes=[Route("/", echo, methods=["POST"])])
    await Bounded(inner)(scope, receive, send)
    assert said[0]["status"] == code


async def test_one_request_too_many_is_told_to_come_again() -> None:
    going, enough = trio.Event(), trio.Event()

    async def slow(_request: Request) -> Response:
        going.set()
        await enough.wait()
        return Response("done")

    transport = httpx.ASGITransport(Bounded(Starlette(routes=[Route("/", slow)]), most=1))
    async with httpx.AsyncClient(transport=transport, base_url="http://web") as http:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(http.get, "/")
            await going.wait()
            assert (await http.get("/")).status_code == 503
            enough.set()
        assert (await http.get("/")).text == "done"


async def test_the_status_says_where_the_read_model_stands(shown: Model, browse: Any) -> None:
    standing = shown.standing()
    watch = Watch(Heads(shown.height), print)
    watch.node_height, watch.node_root = 93, standing.state_root.hex()
    async with browse(shown, watch) as http:
        plain = (await http.get("/v1/web/status")).json()
        assert plain["height"] == 93
        assert plain["checksum"] == standing.checksum.hex()
        assert plain["state_root"] == standing.state_root.hex()
        assert (plain["behind"], plain["agrees"], plain["trouble"]) == (0, True, "")
        watch.node_root = "00" * 32
        assert (await http.get("/v1/web/status")).json()["agrees"] is False
        watch.node_height = 100
        watch.note("nobody answers")
        plain = (await http.get("/v1/web/status")).json()
        assert (plain["behind"], plain["agrees"]) == (7, None)
        assert plain["trouble"] == "nobody answers"


async def test_an_empty_read_model_answers_too(tmp_path: Path, browse: Any) -> None:
    with opened_model(tmp_path) as model:
        async with browse(model) as http:
            plain = (await http.get("/v1/web/status")).json()
            assert (plain["height"], plain["chain_id"], plain["agrees"]) == (0, None, None)
            assert (await http.get("/api/v1/node/1")).status_code == 404


async def test_every_part_answers_at_the_root_of_one_port(shown: Model, browse: Any) -> None:
    """Three tools, one node: each sees it in its own words."""
    async with browse(shown) as http:
        query = "{ nodes(where: {nodeID_eq: 1}) { nodeID farmID power { state } } }"
        asked = await http.post("/graphql", json={"query": query})
        assert asked.json() == {"data": {"nodes": [{"nodeID": 1, "farmID": 1, "power": None}]}}
        node = (await http.get("/nodes/1")).json()
        assert (node["nodeId"], node["farmId"], node["status"]) == (1, 1, "up")
        [held] = (await http.get("/api/v1/node/1")).json()
        assert held["receipt"]["Minting"]["node_id"] == 1
        farms = await http.get("/farms?ret_count=true")
        assert farms.headers["count"] == "3"
        assert farms.headers["access-control-allow-origin"] == "*"
