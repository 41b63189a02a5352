"""A network on this machine under a load that was signed beforehand, and the start of one node."""

import secrets
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

import trio

from scripts.bench_chain import SEED, genesis_text, signers, transfer_to
from scripts.bench_disk import bytes_in
from scripts.bench_line import Bound, Lines, Sizes
from scripts.figures import cpu_s, fill, height, now, rss_mb, running
from scripts.figures import tree as family
from tfchain.base.limits import SUBMIT_TXS_MAX
from tfchain.client.http import TAKEN, Client, connected
from tfchain.ledger.block import decode_block
from tfchain.node.devnet.homes import Network, Stamp, lay_out
from tfchain.node.devnet.link import Link
from tfchain.store.open import open_store
from tfchain.tx.transaction import transaction_id

BATCH: Final = 250
"""Transactions of one call."""
PAUSE_S: Final = 0.02
"""Before a call for which there was no room is made again."""
UNPACED: Final = 1e9
"""Transactions a second that nobody reaches."""
DRAIN_S: Final = 20.0
"""For what was taken to be committed, once nothing more is handed in."""

assert BATCH <= SUBMIT_TXS_MAX


@dataclass(frozen=True, slots=True)
class Ready:
    """A signed transaction that waits to be handed in."""

    id: bytes
    raw: bytes


BLOCKS_SEEN_MIN: Final = 2
"""So many that there is a time between them, however little the load was."""


@dataclass(slots=True)
class Tally:
    """What was handed in and when, and what was seen in a block and when."""

    sent: dict[bytes, float] = field(default_factory=dict)
    seen: dict[bytes, float] = field(default_factory=dict)
    blocks: list[float] = field(default_factory=list)
    """When each block came, full or not."""
    doubled: int = 0

    @property
    def under_way(self) -> int:
        return len(self.sent) - len(self.seen)

    def rate(self) -> float:
        """Committed a second, from the first block with transactions to the last.

        The transactions of the first block count for nothing: they came before the clock began.
        """
        times = sorted(self.seen.values())
        if not times or times[-1] == times[0]:
            return 0.0
        return sum(1 for at in times if at > times[0]) / (times[-1] - times[0])

    def half_rate(self, load_s: float) -> float:
        """Half of what was committed a second; of what went into one block, in the time of the load."""
        return (self.rate() or len(self.seen) / load_s) / 2

    def latency_ms(self, per_cent: int) -> float:
        """From the call to the block, of so many per cent at most.

        Raises RuntimeError where nothing was committed: then there is no such figure.
        """
        return _most_ms([at - self.sent[tx_id] for tx_id, at in self.seen.items()], per_cent)

    def interval_ms(self, per_cent: int) -> float:
        """From one block to the next, of so many per cent at most; raises as `latency_ms`."""
        return _most_ms([after - at for at, after in pairwise(self.blocks)], per_cent)


def _most_ms(seconds: Sequence[float], per_cent: int) -> float:
    if not seconds:
        raise RuntimeError("nothing was committed under this load: there is no time to tell")
    return 1_000 * sorted(seconds)[min(len(seconds) - 1, len(seconds) * per_cent // 100)]


class Pace(NamedTuple):
    """Transactions a second, and how many of each queue are kept for the load after it."""

    per_s: float
    kept: Sequence[int]


def network(lines: Lines, sizes: Sizes, folder: Path, bounds: tuple[Bound, Bound]) -> None:
    """Committed transfers a second at full load; latency at half of that.

    `bounds`: verifications a second on one core, and on all.
    """
    stamp = Stamp(time=int(now()), salt=secrets.token_hex(8))
    text = genesis_text(sizes.senders, sizes.validators, stamp)
    queues = signed(text, sizes)
    raw_bytes = len(queues[0][0].raw)
    net = lay_out(folder, text, SEED, sizes.validators, "auto")
    with running(net) as processes:
        pids = [process.pid for process in processes]
        for member in net.members:
            height(member.url)
        rss = max(rss_mb([pid]) for pid in pids)
        disk, before, own = bytes_in(folder), _cpu(pids), time.process_time()
        kept = [len(queue) // 2 for queue in queues]
        full = trio.run(loaded, net, queues, sizes, Pace(UNPACED, kept))
        spent, load_cpu = _cpu(pids) - before, time.process_time() - own
        _tell_full(lines, full, sizes, bounds, (spent, load_cpu))
        grown = bytes_in(folder) - disk
        pace = Pace(full.half_rate(sizes.load_s), [0] * len(queues))
        half = trio.run(loaded, net, queues, sizes, pace)
        interval = Bound(name="block_interval", value=1_000.0)
        lines.cost("network_latency_p50", half.latency_ms(50), "ms", interval)
        lines.cost("network_latency_p99", half.latency_ms(99), "ms", interval)
        lines.cost("network_interval_p99", half.interval_ms(99), "ms", interval)
        after = max(rss_mb([pid]) for pid in pids)
        lines.cost("network_memory", after, "MB", Bound(name="rss_before_load", value=rss))
        each = max(1, len(full.seen)) * sizes.validators
        lines.cost(
            "network_disk", grown / each, "bytes/tx", Bound(name="tx_bytes", value=raw_bytes)
        )


def _tell_full(
    lines: Lines,
    tally: Tally,
    sizes: Sizes,
    bounds: tuple[Bound, Bound],
    spent_s: tuple[float, float],
) -> None:
    """`spent_s`: CPU of the validators, and of the load."""
    (one_core, all_cores), done = bounds, max(1, len(tally.seen))
    share = all_cores.value / sizes.validators
    bound = Bound(name=f"verify_all_cores / {sizes.validators}", value=share)
    lines.rate("network", tally.rate(), "committed tx/s", bound)
    once_each = Bound(name="verified once by each", value=1_000 * sizes.validators / one_core.value)
    lines.cost("network_cpu", 1_000 * spent_s[0] / done, "CPU s/1000 tx", once_each)
    lines.cost("network_load_cpu", 1_000 * spent_s[1] / done, "CPU s/1000 tx", once_each)
    lost = tally.under_way + tally.doubled
    whole = Bound(name="taken", value=float(len(tally.sent)))
    lines.rate("network_committed_once", float(len(tally.sent) - lost), "tx", whole)


def signed(genesis: str, sizes: Sizes) -> list[deque[Ready]]:
    """Transfers for each validator; a sender has his own validator and his nonces in order."""
    people = signers(genesis, sizes.senders)
    queues: list[deque[Ready]] = [deque() for _ in range(sizes.validators)]
    for _ in range(sizes.transfers):
        for one in people:
            raw = one.paid(transfer_to(people[one.number - 1]))
            queues[one.number % sizes.validators].append(Ready(transaction_id(raw), raw))
    return queues


async def loaded(net: Network, queues: Sequence[deque[Ready]], sizes: Sizes, pace: Pace) -> Tally:
    """Hand in for `load_s`, no faster than the pace; wait for what was taken, and a second block."""
    tally, until = Tally(), trio.current_time() + sizes.load_s
    async with trio.open_nursery() as nursery:
        await nursery.start(_watch, net.members[0].url, tally)
        async with trio.open_nursery() as senders:
            for member, queue, kept in zip(net.members, queues, pace.kept, strict=True):
                load = _Load(queue, kept, tally, sizes.window, pace.per_s / len(queues), until)
                senders.start_soon(_hand_in, member.url, load)
        with trio.move_on_after(DRAIN_S):
            while tally.under_way > 0 or len(tally.blocks) < BLOCKS_SEEN_MIN:  # noqa: ASYNC110 -- a poll, for the load is measured too
                await trio.sleep(PAUSE_S)
        nursery.cancel_scope.cancel()
    return tally


@dataclass(slots=True)
class _Load:
    """What one validator is given."""

    queue: deque[Ready]
    kept: int
    tally: Tally
    window: int
    per_s: float
    until: float


async def _watch(
    url: str, tally: Tally, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Note when a block with our transactions can be read from one validator."""
    link = Link(url)
    first = await link.height() + 1
    task_status.started()
    async with link.blocks(first) as blocks:
        async for raw in blocks:
            at = trio.current_time()
            tally.blocks.append(at)
            for tx_id in map(transaction_id, decode_block(raw).txs):
                tally.doubled += tx_id in tally.seen
                if tx_id in tally.sent:
                    tally.seen[tx_id] = at


async def _hand_in(url: str, load: _Load) -> None:
    began, handed = trio.current_time(), 0
    async with connected(url) as client:
        while len(load.queue) > load.kept and (at := trio.current_time()) < load.until:
            room = load.window - load.tally.under_way
            room = int(min(BATCH, room, load.per_s * (at - began) - handed))
            taken = await _submitted(client, load, room) if room > 0 else 0
            handed += taken
            if taken < BATCH:
                await trio.sleep(PAUSE_S)


async def _submitted(client: Client, load: _Load, room: int) -> int:
    """Hand in the next few; those that are not taken come again, in their order."""
    batch = [load.queue.popleft() for _ in range(min(room, len(load.queue)))]
    at = trio.current_time()
    load.tally.sent.update((one.id, at) for one in batch)
    results = await client.submit([one.raw for one in batch])
    refused = [one for one, result in zip(batch, results, strict=True) if result.code not in TAKEN]
    for one in refused:
        del load.tally.sent[one.id]
    load.queue.extendleft(reversed(refused))
    return len(batch) - len(refused)


def _cpu(pids: Sequence[int]) -> float:
    return cpu_s([pid for one in pids for pid in family(one)])


# --- start ----------------------------------------------------------------------------------------


def start(lines: Lines, sizes: Sizes, folder: Path) -> None:
    """From nothing to the first answer, without nodes in state and with so many."""
    empty = Bound(name="start_0", value=_start_s(folder / "empty", 0))
    lines.cost("start_0", empty.value, "s", empty)
    lines.cost(
        f"start_{sizes.start_nodes}", _start_s(folder / "full", sizes.start_nodes), "s", empty
    )


def _start_s(folder: Path, nodes: int) -> float:
    stamp = Stamp(time=int(now()), salt=secrets.token_hex(8))
    net = lay_out(folder, genesis_text(0, 1, stamp), SEED, 1, "auto")
    disk = open_store(net.members[0].home.store, "auto")
    try:
        fill(disk, net.genesis, nodes)
    finally:
        disk.close()
    began = time.perf_counter()
    with running(net):
        height(net.members[0].url)
        return time.perf_counter() - began
