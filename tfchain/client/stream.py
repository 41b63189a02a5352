"""Blocks as they come, from any height on: each stands on the one before, however often the line broke."""

import struct
from collections import deque
from typing import Final, Self

from tfchain.base.crypto import ZERO_HASH
from tfchain.base.units import Height
from tfchain.chain.export_records import BLOCK
from tfchain.client.http import Client
from tfchain.errors import InvalidBlock, Malformed
from tfchain.ledger.block import Block, decode_block
from tfchain.store.export import END, MAGIC, PAYLOAD_BYTES_MAX

AHEAD_MAX: Final = 64
"""Blocks fetched at once, or one piece more: the rest is asked for again."""
BLOCK_WAIT_S: Final = 3_600.0
"""For the next block; a chain may stand still."""
_HEAD: Final = struct.Struct(">BI")


class Records:
    """Kind and payload of each record of a stream that comes in pieces, and may be left any time."""

    def __init__(self) -> None:
        self.ended = False
        self._held = bytearray()
        self._opened = False

    def take(self, piece: bytes) -> list[tuple[int, bytes]]:
        """The records that are whole with this piece.

        Raises:
            Malformed: not an export, or a record over its bound.
        """
        self._held += piece
        if not self._opened and len(self._held) >= len(MAGIC):
            if not self._held.startswith(MAGIC):
                raise Malformed("this is not a stream of blocks of version 1")
            del self._held[: len(MAGIC)]
            self._opened = True
        found: list[tuple[int, bytes]] = []
        while self._opened and not self.ended and (whole := _record(self._held)) is not None:
            if whole[0] == END:
                self.ended = True
            else:
                found.append(whole)
        return found


def _record(held: bytearray) -> tuple[int, bytes] | None:
    """The first record, taken off; None where it is not all there."""
    if len(held) < _HEAD.size:
        return None
    kind, length = _HEAD.unpack_from(held)
    if length > PAYLOAD_BYTES_MAX:
        raise Malformed(f"a record of {length} bytes in a stream of blocks")
    if len(held) < _HEAD.size + length:
        return None
    payload = bytes(held[_HEAD.size : _HEAD.size + length])
    del held[: _HEAD.size + length]
    return kind, payload


class BlockStream:
    """`async for block in stream`: for ever, from `next_height` on.

    A fault leaves it where it was: go on with the same stream, or with a new one from `next_height`.
    """

    def __init__(self, client: Client, start: Height) -> None:
        self.next_height = start
        self._client = client
        self._ready: deque[Block] = deque()
        self._last = ZERO_HASH if start == 1 else b""

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Block:
        """The next block, once it is there.

        Raises:
            Unavailable: the node does not answer.
            InvalidBlock: it shows a block that does not stand on the one before.
        """
        return await self.next_block()

    async def next_block(self, within_s: float = BLOCK_WAIT_S) -> Block:
        """The same, or `Unavailable` after so long."""
        while not self._ready:
            await self._client.wait_height(self.next_height, within_s)
            await self._fetch()
        block = self._ready.popleft()
        header = block.header
        if header.height != self.next_height or self._last not in {b"", header.last_block_id}:
            self._ready.clear()
            raise InvalidBlock(f"block {self.next_height}: it does not stand on the one before")
        self.next_height, self._last = Height(header.height + 1), block.id
        return block

    async def _fetch(self) -> None:
        reader = Records()

        def take(piece: bytes) -> bool:
            blocks = [payload for kind, payload in reader.take(piece) if kind == BLOCK]
            self._ready.extend(decode_block(payload) for payload in blocks)
            return len(self._ready) >= AHEAD_MAX

        await self._client.stream(f"/v1/blocks?from={self.next_height}", take)


async def raw_block(client: Client, height: int) -> bytes | None:
    """The bytes of one block, of whatever they are; None where the node has not come so far."""
    reader, found = Records(), list[bytes]()

    def take(piece: bytes) -> bool:
        found.extend(payload for kind, payload in reader.take(piece) if kind == BLOCK)
        return bool(found)

    await client.stream(f"/v1/blocks?from={height}", take)
    return found[0] if found else None
