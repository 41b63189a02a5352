"""Batches as they seal, from any period or any block on, each with its proof checked.

By period nothing can be kept back: whether a batch is sealed is proven, period after period. By
height a node says which batches sealed since; each that it names is proven, one that it hides is not
missed. So who must not miss any follows a schedule by its periods.
"""

from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, Self

from tfchain.base.units import Height, PeriodIndex, ScheduleId
from tfchain.client.http import Client, SealedBatch
from tfchain.client.proofs import ProvenRow
from tfchain.client.stream import BLOCK_WAIT_S
from tfchain.errors import InvalidBlock
from tfchain.ledger import tables
from tfchain.ledger.minting import Batch

Prove = Callable[[bytes, int], Awaitable[ProvenRow]]
"""The batch's row of this key, checked, and not older than this height."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenBatch:
    """A sealed batch. `sealed_at`: the block it sealed in, where the node was asked by height."""

    batch: Batch
    proof: ProvenRow
    sealed_at: Height | None


class Source(Protocol):
    """Where the next sealed batch comes from."""

    async def next_batch(self) -> ProvenBatch:
        """The next one, once it is sealed and proven."""
        ...


class BatchStream:
    """`async for found in stream`: for ever. A fault leaves it where it was: go on with the same one.

    Each step raises `Unavailable` where the node does not answer, or nothing seals for
    `BLOCK_WAIT_S`; `InvalidBlock` where it shows what was not signed.
    """

    def __init__(self, source: Source) -> None:
        self.source = source

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ProvenBatch:
        """The next batch, once it is sealed."""
        return await self.source.next_batch()


class ByPeriod:
    """The batches of one schedule, from `next_period` on."""

    def __init__(
        self, client: Client, prove: Prove, schedule: ScheduleId, period: PeriodIndex
    ) -> None:
        self.schedule = schedule
        self.next_period = period
        self._client = client
        self._prove = prove

    async def next_batch(self) -> ProvenBatch:
        """The next one, once it is sealed."""
        key = tables.batch_key(self.schedule, self.next_period)
        while True:
            proof = await self._prove(key, 0)
            batch = _sealed(proof)
            if batch is not None:
                self.next_period = PeriodIndex(self.next_period + 1)
                return ProvenBatch(batch=batch, proof=proof, sealed_at=None)
            await self._client.wait_height(proof.height + 2, BLOCK_WAIT_S)


class ByHeight:
    """The batches of all schedules that sealed in block `next_height` or later."""

    def __init__(self, client: Client, prove: Prove, start: Height) -> None:
        self.next_height = start
        self._client = client
        self._prove = prove
        self._ready: deque[SealedBatch] = deque()

    async def next_batch(self) -> ProvenBatch:
        """The next one, once it is sealed."""
        while not self._ready:
            await self._fetch()
        place = self._ready[0]
        proof = await self._prove(tables.batch_key(place.schedule, place.period), place.height)
        batch = _sealed(proof)
        if batch is None:
            self._ready.clear()
            name = f"batch {place.schedule}/{place.period}"
            raise InvalidBlock(f"{name}: it did not seal in block {place.height}, as the node says")
        self._ready.popleft()
        after = self._ready[0].height if self._ready else place.height + 1
        self.next_height = Height(after)
        return ProvenBatch(batch=batch, proof=proof, sealed_at=place.height)

    async def _fetch(self) -> None:
        known = await self._client.wait_height(self.next_height, BLOCK_WAIT_S)
        rows = await self._client.sealed(self.next_height)
        self._ready.extend(sorted(row for row in rows if row.height >= self.next_height))
        if not self._ready:
            self.next_height = Height(known + 1)


def _sealed(proof: ProvenRow) -> Batch | None:
    batch = None if proof.row is None else tables.BATCHES.decode(proof.row)
    return batch if batch is not None and batch.root else None
