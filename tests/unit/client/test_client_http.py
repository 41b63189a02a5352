"""The client against a real node, and against things that only look like one."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import httpx
import pytest
import trio
from trio.testing import MockClock

from tfchain.base.units import Address, PeriodIndex, ScheduleId
from tfchain.client.http import ANSWER_BYTES_MAX, ANSWER_S, Client, connected
from tfchain.errors import Malformed, Unavailable

ID = bytes(32)
BATCH = ScheduleId(0), PeriodIndex(0)


def response(status: int, body: bytes) -> bytes:
    return b"HTTP/1.1 %d X\r\ncontent-length: %d\r\n\r\n" % (status, len(body)) + body


@asynccontextmanager
async def pretender(answer: bytes) -> AsyncIterator[str]:
    """Says the same to everybody; its address."""

    async def serve(stream: trio.SocketStream) -> None:
        async with stream:
            await stream.receive_some()
            await stream.send_all(answer)

    async with trio.open_nursery() as nursery:
        serving = partial(trio.serve_tcp, serve, 0, host="127.0.0.1")
        listeners: list[trio.SocketListener] = await nursery.start(serving)
        yield f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}/"
        nursery.cancel_scope.cancel()


ODD = [
    pytest.param(response(200, b"<html>"), id="a page"),
    pytest.param(response(200, b"[" * 100_000), id="depths"),
    pytest.param(response(200, b"[]"), id="a list"),
    pytest.param(response(200, b"{}"), id="an empty object"),
    pytest.param(response(200, b'{"results": [{}], "balance": 1}'), id="empty rows"),
    pytest.param(
        response(200, b'{"results": [{"id": "x", "code": "", "detail": ""}], "balance": "-1"}'),
        id="an id that is none",
    ),
    pytest.param(
        response(200, json.dumps({"balance": str(1 << 64), "height": "1"}).encode()),
        id="numbers out of range",
    ),
]


@pytest.mark.parametrize("answer", ODD)
async def test_what_is_no_node_is_one_line(answer: bytes) -> None:
    async with pretender(answer) as url, connected(url) as client:
        with pytest.raises(Unavailable, match="no tfchain node"):
            await client.submit([b"\x00"])
        with pytest.raises(Unavailable, match="no tfchain node"):
            await client.account(Address(ID))
        with pytest.raises(Unavailable, match="no tfchain node"):
            await client.height()
        with pytest.raises(Unavailable, match="no tfchain node"):
            await client.tx(ID)
        with pytest.raises(Unavailable, match="no tfchain node"):
            await client.receipts(*BATCH)


async def test_pages_that_go_nowhere_are_not_followed() -> None:
    answer = response(200, b'{"receipts": [], "next": 0}')
    async with pretender(answer) as url, connected(url) as client:
        with pytest.raises(Unavailable, match="no tfchain node"):
            await client.receipts(*BATCH)


@pytest.mark.parametrize(
    ("status", "kind", "says"),
    [
        (400, Malformed, "too hot"),
        (413, Malformed, "too hot"),
        (500, Unavailable, "too hot"),
        (503, Unavailable, "too hot"),
        (302, Unavailable, "too hot"),
    ],
)
async def test_a_refusal_keeps_the_node_s_reason(
    status: int, kind: type[Exception], says: str
) -> None:
    answer = response(status, b'{"error": "too hot"}')
    async with pretender(answer) as url, connected(url) as client:
        with pytest.raises(kind, match=says):
            await client.status()


@pytest.mark.parametrize("status", [200, 400, 404, 500])
async def test_an_answer_without_an_end_is_left(status: int) -> None:
    """Also one that refuses: what a node sends is measured while it comes."""
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1 << 20
            yield bytes(1 << 20)
            await trio.lowlevel.checkpoint()

    client = _client(lambda: httpx.Response(status, content=endless()))
    with pytest.raises(Unavailable, match="no tfchain node"):
        await client.status()
    assert sent <= ANSWER_BYTES_MAX + (2 << 20)


@pytest.mark.parametrize("status", [200, 500])
async def test_an_answer_that_trickles_is_left(status: int, autojump_clock: MockClock) -> None:
    """Each piece comes within the time for one; all of them together do not."""

    async def trickle() -> AsyncIterator[bytes]:
        while True:
            await trio.sleep(ANSWER_S - 1)
            yield b" "

    client = _client(lambda: httpx.Response(status, content=trickle()))
    with pytest.raises(Unavailable, match="not whole after 120 s"):
        await client.status()


def _client(answer: Callable[[], httpx.Response]) -> Client:
    """Of a node that says this."""
    transport = httpx.MockTransport(lambda request: answer())
    return Client("http://node", httpx.AsyncClient(transport=transport))


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"hello\r\n", id="no HTTP"),
        pytest.param(b"HTTP/1.1 200 X\r\ncontent-length: 9\r\n\r\n{", id="half an answer"),
    ],
)
async def test_a_broken_answer_is_one_line(answer: bytes, tmp_path: Path) -> None:
    async with pretender(answer) as url, connected(url) as client:
        with pytest.raises(Unavailable, match="does not answer"):
            await client.status()
        with pytest.raises(Unavailable, match="does not answer"):
            await client.export(tmp_path / "chain")
    assert not (tmp_path / "chain").exists()


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://[", "ftp://x", "nonsense"])
async def test_an_address_where_nobody_answers_is_one_line(url: str) -> None:
    async with connected(url) as client:
        with pytest.raises(Unavailable, match="does not answer"):
            await client.status()


async def test_a_transaction_that_does_not_come_is_given_up() -> None:
    answer = response(200, b'{"status": "pending"}')
    async with pretender(answer) as url, connected(url) as client:
        with pytest.raises(Unavailable, match=r"in no block after 0\.05 s"):
            await client.wait_committed(ID, within_s=0.05)


async def test_a_height_that_does_not_come_is_given_up() -> None:
    answer = response(200, b'{"height": 6}')
    async with pretender(answer) as url, connected(url) as client:
        assert await client.wait_height(6) == 6
        with pytest.raises(Unavailable, match=r"block 7 is not there after 0\.05 s"):
            await client.wait_height(7, within_s=0.05)


async def test_a_batch_that_is_not_there_is_none() -> None:
    answer = response(404, b'{"error": "no"}')
    async with pretender(answer) as url, connected(url) as client:
        assert await client.batch(*BATCH) is None
