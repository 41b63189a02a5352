"""The clients of scripts/web_load: HTTP/1.1 by hand, so that many of them cost little beside what they load."""

import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import cycle
from typing import Final

import trio

CONNECTIONS: Final = 64
"""That REST requests go over, each at its own pace."""
PIECE_BYTES: Final = 65_536
ROOTS: Final = 48
_ROOT: Final = """a%d: uptimeEvents(limit: 1000, orderBy: timestamp_DESC,
  where: {nodeID_gt: 0, OR: {timestamp_gt: "0"}}) { id nodeID uptime timestamp }"""
_ROOTS: Final = "\n".join(_ROOT % place for place in range(ROOTS))
HEAVY: Final = json.dumps({"query": "{" + _ROOTS + "}"}).encode()
"""Near the bounds of what one query may ask: up to 192,000 values, megabytes of answer."""


@dataclass(slots=True)
class Seen:
    """What the clients saw."""

    ids: list[list[int]] = field(default_factory=list)
    """Of each subscriber, the heights that came."""
    broken: int = 0
    """Streams that ended by themselves."""
    rest_ms: list[float] = field(default_factory=list)
    codes: Counter[int] = field(default_factory=Counter)
    query_ms: list[float] = field(default_factory=list)
    query_codes: Counter[int] = field(default_factory=Counter)


class Line:
    """A connection that is kept, and one answer after the other."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        self._held = bytearray()

    async def ask(self, path: str, body: bytes = b"") -> int:
        """The status; the answer is read and left."""
        method = "POST" if body else "GET"
        head = f"{method} {path} HTTP/1.1\r\nhost: web\r\ncontent-length: {len(body)}\r\n"
        if body:
            head += "content-type: application/json\r\n"
        await self._stream.send_all(head.encode() + b"\r\n" + body)
        found = await self._until(b"\r\n\r\n")
        length = next(
            int(line.partition(b":")[2])
            for line in found.lower().split(b"\r\n")
            if line.startswith(b"content-length:")
        )
        while len(self._held) < length:
            self._held += await self._more()
        del self._held[:length]
        return int(found[9:12])

    async def follow(self, path: str, heights: list[int]) -> None:
        """Note the height of every event, until the stream ends."""
        head = f"GET {path} HTTP/1.1\r\nhost: web\r\naccept: text/event-stream\r\n\r\n"
        await self._stream.send_all(head.encode())
        await self._until(b"\r\n\r\n")
        while True:
            line = await self._until(b"\n")
            if line.startswith(b"id: "):
                heights.append(int(line[4:].partition(b".")[0]))

    async def _until(self, mark: bytes) -> bytes:
        while (at := self._held.find(mark)) < 0:
            self._held += await self._more()
        found = bytes(self._held[:at])
        del self._held[: at + len(mark)]
        return found

    async def _more(self) -> bytes:
        piece = await self._stream.receive_some(PIECE_BYTES)
        if not piece:
            raise trio.BrokenResourceError("the web hung up")
        return bytes(piece)


async def subscribe(port: int, seen: Seen) -> None:
    """Follow the blocks until cancelled."""
    heights: list[int] = []
    seen.ids.append(heights)
    async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
        try:
            await Line(stream).follow("/v1/events/blocks", heights)
        except trio.BrokenResourceError:
            seen.broken += 1


async def ask_often(port: int, per_s: float, paths: Sequence[str], seen: Seen) -> None:
    """One request after the other at this pace, until cancelled. Who is late does not catch up."""
    async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
        line, due = Line(stream), trio.current_time()
        for path in cycle(paths):
            due = max(due + 1 / per_s, trio.current_time() - 1.0)
            await trio.sleep_until(due)
            began = time.perf_counter()
            seen.codes[await line.ask(path)] += 1
            seen.rest_ms.append(1_000 * (time.perf_counter() - began))


async def query(port: int, seen: Seen) -> None:
    """One heavy query after the other, until cancelled."""
    async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
        line = Line(stream)
        while True:
            began = time.perf_counter()
            seen.query_codes[await line.ask("/graphql", HEAVY)] += 1
            seen.query_ms.append(1_000 * (time.perf_counter() - began))
