"""Work that leaves the pump's thread: signatures, execution, and blocks for peers that catch up.

Each worker is a task with a bounded channel; the pump never waits for one. libsodium and the disk
run outside the interpreter's lock, so two threads are worth two cores for them (P40).
"""

from collections.abc import Callable
from typing import Final

import trio

from tfchain.base import crypto
from tfchain.base.limits import MEMPOOL_TXS_MAX, SYNC_BYTES_MAX
from tfchain.base.shapes import encode_record
from tfchain.base.units import Height
from tfchain.chain.execute import Outcome
from tfchain.ledger.commit import Commit
from tfchain.node.metrics import Metrics
from tfchain.replica.effects import Execute, Save, Serve, Verify
from tfchain.replica.messages import encode_blocks
from tfchain.store.chain import ChainStore
from tfchain.store.sound import Spoiled, sound_block
from tfchain.tx.transaction import Check

VERIFIERS: Final = 2
"""Threads that verify."""
CHECKS_AT_ONCE: Final = 256
"""Signatures of one turn: ten milliseconds, so that a small batch never waits long."""
VERIFIES_MAX: Final = MEMPOOL_TXS_MAX + 1_024
"""Batches that wait: the replica has at most a pool's worth of transactions under way, one a batch
at worst, and a few blocks."""


class Verifiers:
    """Answers `Verify`: `told(effect, good)` comes on the pump's thread, in any order."""

    def __init__(self, told: Callable[[Verify, tuple[bool, ...]], None]) -> None:
        self._told = told
        self._in, self._out = trio.open_memory_channel[Verify](VERIFIES_MAX)
        self._threads = trio.CapacityLimiter(VERIFIERS)

    def ask(self, effect: Verify) -> None:
        """Verify soon."""
        self._in.send_nowait(effect)

    async def run(self) -> None:
        """Verify until cancelled."""
        async with trio.open_nursery() as nursery:
            for _ in range(VERIFIERS):
                nursery.start_soon(self._run_one)

    async def _run_one(self) -> None:
        while True:
            batch = self._batch(await self._out.receive())
            checks = [check for effect in batch for check in effect.checks]
            good = await trio.to_thread.run_sync(verify_all, checks, limiter=self._threads)
            for effect in batch:
                mine, good = good[: len(effect.checks)], good[len(effect.checks) :]
                self._told(effect, tuple(mine))

    def _batch(self, first: Verify) -> list[Verify]:
        """What waits, up to about a turn's worth: a thread's turn costs as much as many checks."""
        batch, count = [first], len(first.checks)
        while count < CHECKS_AT_ONCE:
            try:
                batch.append(self._out.receive_nowait())
            except trio.WouldBlock:
                break
            count += len(batch[-1].checks)
        return batch


def verify_all(checks: list[Check]) -> list[bool]:
    """Which signatures are genuine, in order."""
    return [crypto.verify(*check) for check in checks]


class Archivist:
    """Runs decided blocks and stores them, one at a time, in order."""

    def __init__(
        self,
        chain: ChainStore,
        executed: Callable[[Execute, Outcome], None],
        saved: Callable[[Save], None],
        metrics: Metrics,
    ) -> None:
        self._chain = chain
        self._metrics = metrics
        self._executed = executed
        self._saved = saved
        self._in, self._out = trio.open_memory_channel[Execute | Save](1)

    def ask(self, effect: Execute | Save) -> None:
        """Do it next; a replica decides one height at a time, so there is room for one."""
        self._in.send_nowait(effect)

    async def run(self) -> None:
        """Work until cancelled; a write that has begun ends first."""
        while True:
            effect = await self._out.receive()
            if isinstance(effect, Execute):
                outcome = await trio.to_thread.run_sync(self._run, effect)
                self._executed(effect, outcome)
            else:
                await trio.to_thread.run_sync(self._save, effect)
                self._saved(effect)

    def _run(self, effect: Execute) -> Outcome:
        with self._metrics.execute.time():
            return effect.run(self._chain.store)

    def _save(self, effect: Save) -> None:
        with self._metrics.commit.time():
            self._chain.save(effect)
        self._metrics.count_saved(effect)


class Librarian:
    """Reads stored blocks for peers. Of one peer only the newest question counts."""

    def __init__(
        self,
        chain: ChainStore,
        send: Callable[[bytes, bytes], None],
        spoiled: Callable[[Height], object],
    ) -> None:
        self._chain = chain
        self._send = send
        self._spoiled = spoiled
        self._asked: dict[bytes, Serve] = {}
        self._any = trio.Event()

    def ask(self, effect: Serve) -> None:
        """Answer the peer soon."""
        self._asked[effect.peer] = effect
        self._any.set()

    async def run(self) -> None:
        """Answer until cancelled."""
        while True:
            await self._any.wait()
            self._any = trio.Event()
            while self._asked:
                effect = self._asked.pop(next(iter(self._asked)))
                served = await trio.to_thread.run_sync(blocks_payload, self._chain, effect)
                if isinstance(served, Spoiled):
                    self._spoiled(served.height)
                elif served:
                    self._send(effect.peer, served)


def blocks_payload(chain: ChainStore, asked: Serve) -> bytes | Spoiled:
    """Stored blocks with their commits, up to `SYNC_BYTES_MAX`, one at least; empty for none.

    A block that the disk spoiled ends the answer (scenario 29); as the first one it is the answer.
    """
    blocks: list[tuple[bytes, Commit]] = []
    size = 0
    for height in range(asked.height, asked.height + asked.count):
        try:
            found = sound_block(chain, Height(height))
        except Spoiled as spoiled:
            if not blocks:
                return spoiled
            break
        if found is None:
            break
        size += len(found[0]) + len(encode_record(found[1]))
        if blocks and size > SYNC_BYTES_MAX:
            break
        blocks.append(found)
    return encode_blocks(blocks) if blocks else b""
