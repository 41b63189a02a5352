"""The door of the HTTP face: patience has an end, and so has the number of guests."""

import socket
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest
import trio

from tfchain.errors import Unavailable
from tfchain.node.config import Place
from tfchain.node.home import Home
from tfchain.node.node import Node
from tfchain.node.serving import CONNECTIONS_MAX, IDLE_S, Patient, listen

RunNode = Callable[..., AbstractAsyncContextManager[Node]]


async def test_a_client_that_takes_nothing_is_dropped() -> None:
    """1.16.5."""
    ours, theirs = socket.socketpair()
    with theirs:
        stream = Patient(trio.SocketStream(trio.socket.from_stdlib_socket(ours)), slow_s=0.05)
        with pytest.raises(trio.BrokenResourceError, match="takes nothing"):
            await stream.send_all(bytes(16 * 1024 * 1024))
        await stream.aclose()


async def test_a_client_that_reads_gets_everything() -> None:
    ours, theirs = trio.socket.socketpair()
    stream, reader = Patient(trio.SocketStream(ours), slow_s=30), trio.SocketStream(theirs)
    count = 0
    async with trio.open_nursery() as nursery, reader:
        nursery.start_soon(stream.send_all, bytes(1_000_000))
        while count < 1_000_000:
            count += len(await reader.receive_some())
        await reader.send_all(b"thanks")
        assert await stream.receive_some(100) == b"thanks"
        await stream.send_eof()
        assert await reader.receive_some() == b""
        await stream.aclose()


async def test_one_guest_too_many_is_turned_away(home: Home, running: RunNode) -> None:
    """1.16.5."""
    async with running(home) as node, trio.open_nursery() as nursery:

        async def stay(task_status: trio.TaskStatus[None]) -> None:
            async with await trio.open_tcp_stream("127.0.0.1", node.http_port):
                task_status.started()
                await trio.sleep_forever()

        for _ in range(CONNECTIONS_MAX):
            await nursery.start(stay)
        async with await trio.open_tcp_stream("127.0.0.1", node.http_port) as late:
            with trio.fail_after(IDLE_S / 2):  # or it was only its silence that ended it
                assert await late.receive_some() == b""
        nursery.cancel_scope.cancel()


def test_an_ipv6_address_is_listened_on() -> None:
    if not socket.has_ipv6:
        pytest.skip("there is no IPv6 here")
    listen(Place(host="::1")).close()


def test_a_name_that_is_no_address_is_one_line() -> None:
    with pytest.raises(Unavailable, match="cannot listen for HTTP: no such host"):
        listen(Place(host="no such host"))
