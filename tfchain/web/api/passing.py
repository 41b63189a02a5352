"""What only the validator knows is asked of it, a bounded number of questions at once, and handed on.

Submits, proofs, light headers, whole blocks and streams of them. An answer goes out as it came in, so
that whoever speaks with a validator can speak with this port.
"""

import json
from functools import partial
from typing import Final

import trio
from starlette.requests import Request
from starlette.responses import Response

from tfchain.client.forwarding import forwarded, streamed
from tfchain.client.http import Client
from tfchain.errors import Unavailable
from tfchain.index.following import Watch
from tfchain.web.api.endpoint import STREAM_TYPE
from tfchain.web.api.leaving import Give, Written

PASSED_MAX: Final = 32
"""Questions under way: half of what a validator takes from everybody."""
STREAMS_MAX: Final = 4
"""Streams: half of a validator's."""
NEAR_BLOCKS: Final = 8
NEAR_S: Final = 3.0
"""What was just told of is waited for so long, if the read model is nearly there."""
_AGAIN: Final = "try again later"
_HEADERS: Final = {
    "content-type": STREAM_TYPE,
    "content-encoding": "identity",  # else it is packed, and packing holds blocks back
}


class Passing:
    """The way to the validator. `client`: None where the read model follows none."""

    def __init__(self, client: Client | None, watch: Watch) -> None:
        self._client = client
        self._watch = watch
        self._turns = trio.CapacityLimiter(PASSED_MAX)
        self._seats = trio.CapacityLimiter(STREAMS_MAX)

    async def answer(self, request: Request, *, waits: bool) -> Response:
        """The validator's answer; raises `Unavailable` where there is none."""
        client, body = self._known(), await request.body()
        if self._turns.available_tokens < 1:
            what = f"{PASSED_MAX} questions are with the validator"
            raise Unavailable(what, client.url, _AGAIN)
        async with self._turns:
            found = await forwarded(client, request.method, _target(request), body)
        if waits and found.status == 200:
            await self._until_near(found.content)
        return Response(found.content, found.status, media_type=found.media_type)

    def stream(self, request: Request) -> Written:
        """The validator's stream; raises `Unavailable` where there is no room."""
        client = self._known()
        if self._seats.available_tokens < 1:
            what = f"{STREAMS_MAX} streams are being read"
            raise Unavailable(what, client.url, _AGAIN)
        return Written(partial(_piped, client, _target(request)), self._seats, _HEADERS)

    async def _until_near(self, content: bytes) -> None:
        """Who is told of a block finds it in the read model too: a nonce that is read next is right."""
        heads, height = self._watch.heads, _height_in(content)
        if height - heads.current <= NEAR_BLOCKS:
            with trio.move_on_after(NEAR_S):
                await heads.wait_for(height)

    def _known(self) -> Client:
        if self._client is None:
            what = "this read model follows no validator"
            raise Unavailable(what, "the web", "ask a validator itself")
        return self._client


async def _piped(client: Client, target: str, give: Give) -> None:
    """The pieces of a stream, while it lasts; one that breaks has no end."""
    async with streamed(client, target) as response:
        if response.status_code != 200:
            raise Unavailable("the node has no stream now", client.url, _AGAIN)
        async for piece in response.aiter_bytes():
            await give(piece)


def _target(request: Request) -> str:
    """Path and query as they came."""
    query = request.scope["query_string"].decode("ascii", "replace")
    path: bytes = request.scope["raw_path"]
    return path.decode("ascii", "replace") + (f"?{query}" if query else "")


def _height_in(content: bytes) -> int:
    plain = json.loads(content)
    height = plain.get("height") if isinstance(plain, dict) else None
    return height if type(height) is int else 0
