"""How a devnet talks to one of its validators: the HTTP face that everybody has."""

import struct
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Final

import httpx

from tfchain.base.limits import BLOCK_BYTES_MAX
from tfchain.chain.export_records import BLOCK
from tfchain.client.http import Client
from tfchain.errors import Malformed, Unavailable
from tfchain.store.export import MAGIC

PATIENCE_S: Final = 3.0
"""For an answer."""
SILENCE_S: Final = 30.0
"""For the next block of a stream; then another validator is asked."""

_HEAD: Final = struct.Struct(">BI")


class Link:
    """One validator, by its address."""

    def __init__(self, url: str) -> None:
        self._url = url
        # Nothing stands between a devnet and its own validators: no proxy of the environment.
        self._http = httpx.AsyncClient(timeout=PATIENCE_S, trust_env=False)
        self._client = Client(url, self._http)

    async def height(self) -> int:
        """The last block that it has stored; raises `Unavailable`."""
        return await self._client.height()

    async def submit(self, raws: Sequence[bytes]) -> list[tuple[str, str]]:
        """Code and detail for each transaction; raises `Unavailable`."""
        return [(row.code, row.detail) for row in await self._client.submit(raws)]

    async def export(self, path: Path) -> None:
        """Write the whole chain to a file; raises `Unavailable`."""
        await self._client.export(path)

    @asynccontextmanager
    async def blocks(self, first: int) -> AsyncIterator[AsyncIterator[bytes]]:
        """Blocks from `first` on, as they come; raises `Unavailable` where the stream breaks."""
        url = f"{self._url}/v1/blocks?from={first}&follow=1"
        try:
            async with self._http.stream("GET", url, timeout=SILENCE_S) as response:
                response.raise_for_status()
                async with aclosing(_blocks(response)) as blocks:
                    yield blocks
        except httpx.HTTPError as fault:
            what = f"the stream of blocks broke ({type(fault).__name__})"
            raise Unavailable(what, self._url, "another validator is asked") from fault


async def _blocks(response: httpx.Response) -> AsyncGenerator[bytes, None]:
    """The blocks in a stream of export records; raises `Malformed`."""
    held = bytearray()
    async for piece in response.aiter_bytes():
        held += piece
        while (record := _record(held)) is not None:
            kind, payload = record
            if kind == BLOCK:
                yield payload


def _record(held: bytearray) -> tuple[int, bytes] | None:
    """Cut the next record off; the magic line is passed over."""
    if held.startswith(MAGIC):
        del held[: len(MAGIC)]
    if len(held) < _HEAD.size or MAGIC.startswith(bytes(held)):
        return None
    kind, length = _HEAD.unpack_from(held)
    if length > BLOCK_BYTES_MAX:
        raise Malformed(f"a record of {length} bytes in a stream of blocks")
    end = _HEAD.size + length
    if len(held) < end:
        return None
    payload = bytes(held[_HEAD.size : end])
    del held[:end]
    return kind, payload
