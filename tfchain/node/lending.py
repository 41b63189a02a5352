"""Light blocks and snapshots for peers: read from the disk on a thread, one question a kind and peer."""

from collections.abc import Callable
from typing import Final, TypeAlias

import trio

from tfchain.base.shapes import encode_record
from tfchain.base.units import Height
from tfchain.errors import Unavailable
from tfchain.ledger.light import LightBlock
from tfchain.node.journal import Journal
from tfchain.replica import snapshot_messages as wire
from tfchain.replica.effects import Lend
from tfchain.store.chain import ChainStore
from tfchain.store.snapshot import Shelf

PAUSE_S: Final = 0.002
"""Between two answers: what else runs in the process goes first."""

Send: TypeAlias = Callable[[bytes, int, bytes], object]
Answer: TypeAlias = tuple[int, bytes]


class Lender:
    """Answers `Lend`. Of one peer only the newest question of a kind counts."""

    def __init__(self, chain: ChainStore, shelf: Shelf, send: Send, journal: Journal) -> None:
        self._chain = chain
        self._shelf = shelf
        self._send = send
        self._journal = journal
        self._asked: dict[tuple[bytes, type], Lend] = {}
        self._any = trio.Event()

    def ask(self, effect: Lend) -> None:
        """Answer soon."""
        self._asked[effect.peer, type(effect.request)] = effect
        self._any.set()

    async def run(self) -> None:
        """Answer until cancelled. What cannot be read is told, and stays without an answer."""
        while True:
            await self._any.wait()
            self._any = trio.Event()
            while self._asked:
                effect = self._asked.pop(next(iter(self._asked)))
                try:
                    answer = await trio.to_thread.run_sync(self._answer, effect.request)
                except Unavailable as refusal:
                    self._journal.warning("not lent", reason=refusal)
                    continue
                if answer is not None:
                    self._send(effect.peer, *answer)
                await trio.sleep(PAUSE_S)

    def _answer(self, request: wire.Request) -> Answer | None:
        return answer_to(request, self._chain, self._shelf)


def answer_to(request: wire.Request, chain: ChainStore, shelf: Shelf) -> Answer | None:
    """Kind and payload of the answer; None where there is nothing to answer with.

    Raises:
        Unavailable: the disk refuses, or holds something damaged.
    """
    match request:
        case wire.GetLights():
            blocks = _lights(request, chain, shelf)
            return (wire.LIGHTS, wire.encode_lights(blocks)) if blocks else None
        case wire.GetSnapshots():
            return wire.SNAPSHOTS, wire.encode_offers(_offers(shelf, chain.base()))
        case wire.GetManifest():
            manifest = shelf.manifest(request.height)
            return None if manifest is None else (wire.MANIFEST, encode_record(manifest))
        case wire.GetChunk():
            raw = shelf.chunk(request.height, request.index)
            if raw is None:
                return None
            return wire.CHUNK, wire.encode_chunk(request.height, request.index, raw)


def _offers(shelf: Shelf, base: Height) -> list[wire.Offer]:
    """Complete ones, for nobody can prove the others yet, from which our blocks lead on."""
    kept = [one for one in shelf.kept() if one.complete and base <= one.height + 1]
    kept = kept[: wire.OFFERS_MAX]
    return [wire.Offer(height=one.height, id=one.id, chunks=one.chunks) for one in kept]


def _lights(request: wire.GetLights, chain: ChainStore, shelf: Shelf) -> list[LightBlock]:
    """Consecutive ones, as many as are here and fit; a snapshot's own stand beside it."""
    blocks: list[LightBlock] = []
    size = 0
    for height in range(request.height, request.height + request.count):
        block = chain.light_block(Height(height)) or _beside(shelf, height)
        if block is None:
            break
        size += len(encode_record(block))
        if blocks and size > wire.LIGHTS_BYTES_MAX:
            break
        blocks.append(block)
    return blocks


def _beside(shelf: Shelf, height: int) -> LightBlock | None:
    for above in range(min(3, height)):
        headers = shelf.headers(Height(height - above))
        if headers is not None:
            return (headers.at, headers.above, headers.beyond)[above]
    return None
