"""A node's answers as they are, for whoever hands them on: bounded in length and time, not understood."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
import trio

from tfchain.client.http import ANSWER_BYTES_MAX, WHOLE_ANSWER_S, Client
from tfchain.errors import Unavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class Forwarded:
    """An answer."""

    status: int
    media_type: str
    content: bytes


async def forwarded(client: Client, method: str, target: str, body: bytes = b"") -> Forwarded:
    """What the node answers, whichever status that has.

    Raises:
        Unavailable: it does not, not in time, or with more than `ANSWER_BYTES_MAX`.
    """
    with trio.move_on_after(WHOLE_ANSWER_S):
        async with streamed(client, target, method, body) as response:
            content = await _content(client, response)
            return Forwarded(
                status=response.status_code,
                media_type=response.headers.get("content-type", "application/octet-stream"),
                content=content,
            )
    what = f"the node's answer is not whole after {WHOLE_ANSWER_S:g} s"
    raise Unavailable(what, client.url, "try again later, or another node")


async def _content(client: Client, response: httpx.Response) -> bytes:
    content = bytearray()
    with trio.CancelScope() as reading:  # the way out that closes everything, as in `Client.stream`
        async for piece in response.aiter_bytes():
            if len(content) > ANSWER_BYTES_MAX:
                reading.cancel()
            else:
                content += piece
    if len(content) > ANSWER_BYTES_MAX:
        raise Unavailable("the node's answer is too long", client.url, "check its address")
    return bytes(content)


@asynccontextmanager
async def streamed(
    client: Client, target: str, method: str = "GET", body: bytes = b""
) -> AsyncIterator[httpx.Response]:
    """The answer, to be read as it comes; raises `Unavailable` where the node does not answer."""
    try:
        async with client.http.stream(method, client.url + target, content=body) as response:
            yield response
    except (httpx.HTTPError, httpx.InvalidURL) as fault:
        reason = type(fault).__name__
        raise Unavailable(
            "the node does not answer", client.url, f"try later ({reason})"
        ) from fault
