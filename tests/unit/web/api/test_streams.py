"""Both ways to carry events, over sockets and through everything that stands before them."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from typing import Any, Final

import httpx
import pytest
import trio
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    CloseConnection,
    RejectConnection,
    RejectData,
    Request,
    TextMessage,
)

from tfchain.errors import Unavailable
from tfchain.index.following import Watch
from tfchain.index.model import Model, opened_model
from tfchain.node.config import LOOPBACK
from tfchain.node.heads import Heads
from tfchain.web.api import events
from tfchain.web.api.leaving import Written
from tfchain.web.api.topics import BLOCKS, TOPICS
from tfchain.web.asking import Asking

NODE: Final = "/v1/events/nodes/1"


async def sse(port: int, path: str, count: int, **headers: str) -> list[dict[str, str]]:
    """The first events of a stream; then the reader goes."""
    found: list[dict[str, str]] = []
    async with httpx.AsyncClient(base_url=f"http://{LOOPBACK}:{port}", trust_env=False) as http:
        with trio.CancelScope() as enough:
            async with http.stream("GET", path, headers=headers) as answer:
                assert answer.status_code == 200
                assert answer.headers["content-type"].startswith("text/event-stream")
                fields: dict[str, str] = {}
                async for line in answer.aiter_lines():
                    if line:
                        name, _, value = line.partition(": ")
                        fields[name] = value
                        continue
                    found += [fields] if "data" in fields else []
                    fields = {}
                    if len(found) >= count:
                        enough.cancel()
    return found[:count]


class Socket:
    """A WebSocket's other end."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        self.wire = WSConnection(ConnectionType.CLIENT)

    async def send(self, event: Any) -> None:
        await self.stream.send_all(self.wire.send(event))

    async def next(self, *kinds: type) -> Any:
        while True:
            for event in self.wire.events():
                if isinstance(event, kinds):
                    return event
            self.wire.receive_data(await self.stream.receive_some(65_536) or None)


@asynccontextmanager
async def socket(port: int, path: str) -> AsyncIterator[Socket]:
    stream = await trio.open_tcp_stream(LOOPBACK, port)
    async with stream:
        one = Socket(stream)
        await one.send(Request(host="web", target=path))
        yield one


async def test_events_come_in_order_and_go_on_behind_the_last_id(shown: Model, served: Any) -> None:
    async with served(shown) as port:
        first = await sse(port, "/v1/events/blocks?from=1", 40)
        rest = await sse(port, "/v1/events/blocks?from=1", 53, **{"last-event-id": first[-1]["id"]})
    heights = [json.loads(one["data"])["height"] for one in first + rest]
    assert heights == list(range(1, 94))
    assert [int(one["id"]) for one in first + rest] == heights
    assert {one["event"] for one in first} == {"block"}


async def test_a_stream_waits_for_the_next_block(recorded: Any, tmp_path: Any, served: Any) -> None:
    with opened_model(tmp_path) as model:
        recorded.into(model, upto=50)
        watch = Watch(Heads(50), print)
        async with served(model, watch) as port, trio.open_nursery() as nursery:
            found: list[Any] = []

            async def read(path: str) -> None:
                found.append(await sse(port, path, 2))

            nursery.start_soon(read, "/v1/events/blocks")
            nursery.start_soon(read, "/v1/events/blocks?from=51")
            while len(found) < 2:
                await trio.sleep(0.02)  # nobody can say that both are waiting by now
                if model.height < 93:
                    recorded.into(model, run=1, upto=model.height + 1)
                    watch.heads.advance(model.height)
    starts = [[int(one["id"]) for one in each] for each in found]
    assert all(ids[1] == ids[0] + 1 and ids[0] > 50 for ids in starts)
    assert [51, 52] in starts


@asynccontextmanager
async def feeding(model: Model, **given: Any) -> AsyncIterator[Starlette]:
    """The events alone, with other figures."""
    with closing(Asking(model.path.parent)) as ask:
        feed = replace(events.feed_of(ask, Heads(model.height)), **given)
        faults: Any = {Unavailable: full}
        yield Starlette(routes=events.routes(feed), exception_handlers=faults)


async def full(_request: Any, fault: Exception) -> Response:
    return JSONResponse({"error": str(fault)}, 503)


async def test_a_sign_of_life_comes_when_nothing_else_does(shown: Model, served: Any) -> None:
    async with feeding(shown, quiet_s=0.01) as site, served(shown, site=site) as port:
        async with httpx.AsyncClient(base_url=f"http://{LOOPBACK}:{port}") as http:
            with trio.CancelScope() as enough:
                async with http.stream("GET", "/v1/events/mints") as answer:
                    async for line in answer.aiter_lines():
                        if line.startswith(":") and not enough.cancel_called:
                            assert line == ": at 93"
                            enough.cancel()
        async with socket(port, "/v1/events/mints") as one:
            told = json.loads((await one.next(TextMessage)).data)
    assert told == {"event": "idle", "fields": {"height": 93}}


async def test_a_socket_carries_the_same_events(shown: Model, served: Any) -> None:
    async with served(shown) as port:
        lines = await sse(port, f"{NODE}?from=1", 30)
        async with socket(port, f"{NODE}?last_event_id={lines[9]['id']}") as one:
            await one.next(AcceptConnection)
            told = [json.loads((await one.next(TextMessage)).data) for _ in range(20)]
    assert [row["id"] for row in told] == [line["id"] for line in lines[10:]]
    assert [row["fields"] for row in told] == [json.loads(line["data"]) for line in lines[10:]]
    assert {row["event"] for row in told} == {"report"}


async def test_a_socket_that_speaks_is_closed(shown: Model, served: Any) -> None:
    async with served(shown) as port, socket(port, "/v1/events/blocks") as one:
        await one.next(AcceptConnection)
        await one.send(TextMessage(data="hello"))
        assert (await one.next(CloseConnection)).code == 1008


@pytest.mark.parametrize(
    "path",
    [
        "/v1/events/blocks?from=x",
        "/v1/events/blocks?since=1",
        "/v1/events/blocks?last_event_id=1.2",
        "/v1/events/nodes/x",
        "/v1/events/accounts/5abc",
    ],
)
async def test_what_does_not_fit_is_refused_on_both_ways(
    path: str, shown: Model, served: Any
) -> None:
    async with served(shown) as port:
        async with httpx.AsyncClient(base_url=f"http://{LOOPBACK}:{port}") as http:
            answer = await http.get(path)
        async with socket(port, path) as one:
            refused = await one.next(RejectConnection)
            told = await one.next(RejectData)
    assert answer.status_code == refused.status_code == 400
    assert json.loads(told.data) == answer.json()


async def test_when_all_seats_are_taken_the_next_one_is_told(shown: Model, served: Any) -> None:
    one_seat = trio.CapacityLimiter(1)
    async with (
        feeding(shown, seats=one_seat) as site,
        served(shown, site=site) as port,
        socket(port, "/v1/events/blocks") as first,
    ):
        await first.next(AcceptConnection)
        async with httpx.AsyncClient(base_url=f"http://{LOOPBACK}:{port}") as http:
            answer = await http.get("/v1/events/blocks")
        async with socket(port, "/v1/events/blocks") as one:
            refused = await one.next(RejectConnection)
    assert answer.status_code == refused.status_code == 503
    assert "1 subscribers follow" in answer.json()["error"]


async def test_one_who_reads_nothing_is_hung_up_on(shown: Model, served: Any) -> None:
    """More and more to a socket that nobody reads: its connection ends, its seat is free."""
    seats, over = trio.CapacityLimiter(1), trio.Event()

    async def endless(give: Any) -> None:
        try:
            while True:
                await give(bytes(1 << 16))
        finally:
            over.set()

    async def stream(_request: Any) -> Written:
        return Written(endless, seats, {"content-type": "x/y"})

    site = Starlette(routes=[Route("/", stream)])
    async with (
        served(shown, site=site, slow_s=0.2) as port,
        await trio.open_tcp_stream(LOOPBACK, port) as reader,
    ):
        await reader.send_all(b"GET / HTTP/1.1\r\nhost: web\r\n\r\n")
        with trio.fail_after(30):
            await over.wait()
            while await _some(reader):
                pass
    assert seats.available_tokens == 1


async def _some(reader: trio.SocketStream) -> bytes | bytearray:
    """What is left; nothing where the other end is gone, in whichever way."""
    try:
        return await reader.receive_some(1 << 20)
    except trio.BrokenResourceError:
        return b""


def test_every_topic_has_both_ways() -> None:
    assert BLOCKS in TOPICS
    assert len({topic.path for topic in TOPICS}) == len(TOPICS)
