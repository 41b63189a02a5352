"""What a block, a start, the disk and memory come to as state grows, and as the chain does.

State and blocks are planted in the store; then a fresh process opens it and makes blocks as a node
does: executed, tree updated, one synced batch. Each figure is held against that of the smallest size.
Nothing is remembered from block to block, so that small and large are alike.
"""

import os
import statistics
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from random import Random  # noqa: TID251 -- seeded: the bytes are the same in every run
from typing import Final

from scripts.bench_chain import GENESIS_TIME, VALID_FOR, Maker, month_genesis
from scripts.bench_disk import bytes_in, compact
from scripts.bench_line import Bound, Lines, Sizes
from scripts.figures import fill, rss_mb
from tfchain.base.crypto import SIGNATURE_BYTES, digest
from tfchain.base.shapes import encode_record, layout
from tfchain.base.units import Address, Height, Millis, NodeId, Seconds, Utft
from tfchain.chain.execute import OK, outcome_of
from tfchain.chain.tip import Tip
from tfchain.cli.collecting import collect_seldom
from tfchain.ledger import roster, tables
from tfchain.ledger.block import Block
from tfchain.ledger.seats import PAST_BLOCKS, Past, PastBlock
from tfchain.ledger.state import State
from tfchain.replica.effects import Save
from tfchain.store.chain import SET_EVERY, TIP_KEY, ChainStore, Results, set_row
from tfchain.store.kv import Row
from tfchain.store.layout import (
    META_HEIGHT,
    TxPlace,
    block_key,
    commit_key,
    encode_height,
    encode_place,
    results_key,
    tx_key,
)
from tfchain.store.open import open_store
from tfchain.tx.kinds.report_uptime import ReportUptime
from tfchain.tx.registry import NUMBERS
from tfchain.tx.transaction import Envelope, encode_transaction

TURNS: Final = 5
"""Blocks in which every reporter reports once."""
ROUNDS: Final = 4
"""Of such turns are measured, after one that is not: a first report writes more."""
BLOCK_S: Final = 6
PAST_ROWS: Final = 12
"""Of the past that state remembers: evidence must be younger than 600 blocks."""
PLANTED_TXS: Final = 2
PLANTED_AT_ONCE: Final = 2_000
COLUMNS: Final[Mapping[str, str]] = {
    "block": "CPU ms/block",
    "rows": "rows/block",
    "start": "CPU ms",
    "disk": "bytes each",
    "memory": "MB",
}
"""What is measured of each size, and its unit. Rows are what a block writes, nodes of the tree among
them: there are more where reports stand further apart, and a block's time may grow as they do."""

Point = tuple[float, ...]
"""The figures of one size, in the order of `COLUMNS`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A chain on a disk: so many nodes in its state, so many blocks behind it."""

    nodes: int
    blocks: int
    reporters: int
    """Nodes that report, spread over all of them."""


def growth(lines: Lines, sizes: Sizes, folder: Path) -> None:
    """By nodes in state at height 0, and by blocks with the fewest nodes."""
    few = sizes.grown_nodes[0]
    reporters = min(few, sizes.crowd, 1_000)
    for axis, counts in (("nodes", sizes.grown_nodes), ("blocks", sizes.grown_blocks)):
        first: Point = ()
        for count in counts:
            nodes, blocks = (count, 0) if axis == "nodes" else (few, count)
            case = Case(nodes=nodes, blocks=blocks, reporters=reporters)
            point = measured(folder / f"{axis}-{count}", case, count)
            first = first or point
            for name, value, least in zip(COLUMNS, point, first, strict=True):
                bound = Bound(name=f"growth_{axis}_{counts[0]}_{name}", value=least)
                lines.cost(f"growth_{axis}_{count}_{name}", value, COLUMNS[name], bound)


def measured(folder: Path, case: Case, count: int) -> Point:
    """Plant it, and look at it from a process of its own; `count`: of what the disk is shared by."""
    text = month_genesis(0, 1)
    store = open_store(folder)
    try:
        fill(store, text, case.nodes)
        if case.blocks:
            plant(ChainStore(store), text, case)
    finally:
        store.close()
    kind = store.kind
    compact(folder, kind)
    disk = bytes_in(folder) / count
    with ProcessPoolExecutor(1, get_context("spawn")) as alone:
        block, rows, start, memory = alone.submit(looked_at, folder, text, case).result()
    return block, rows, start, disk, memory


def plant(chain: ChainStore, text: str, case: Case) -> None:
    """So many blocks, with bytes that compress as little as signatures do; nobody reads them."""
    maker = Maker(text, 1)
    maker.rows, maker.tip = chain.store, chain.tip()
    block = maker.block(
        GENESIS_TIME + 1, _reports(maker, range(1, PLANTED_TXS + 1), GENESIS_TIME + 1)
    )
    maker.follow(block, maker.outcome(block))
    assert maker.commit is not None
    fixed = (
        block.raw,
        encode_record(maker.commit),
        encode_record(Results(codes=(OK,) * PLANTED_TXS)),
    )
    tip = chain.tip()
    for first in range(1, case.blocks + 1, PLANTED_AT_ONCE):
        last = min(case.blocks, first + PLANTED_AT_ONCE - 1)
        rows = [row for number in range(first, last + 1) for row in _planted(number, fixed)]
        sets = [number for number in range(first, last + 1) if number % SET_EVERY == 0]
        chain.store.write([*rows, *[set_row(Height(number), tip.validators) for number in sets]])
    _plant_tip(chain, tip, Height(case.blocks))


def _plant_tip(chain: ChainStore, tip: Tip, height: Height) -> None:
    """The tip at a height, and the blocks before it that state remembers."""
    state = State(chain.store)
    genesis = roster.past_block(state, Height(0))
    assert genesis is not None, "it is remembered until it is long past"
    lowest = max(0, height // PAST_BLOCKS - PAST_ROWS + 1)
    for row in range(lowest, height // PAST_BLOCKS + 1):
        numbers = range(row * PAST_BLOCKS, min(height + 1, (row + 1) * PAST_BLOCKS))
        blocks = [PastBlock(time=_time_ms(number), members=genesis.members) for number in numbers]
        tables.PAST.put(state, tables.height_key(row), Past(blocks=tuple(blocks)))
    known = replace(roster.roster_of(state), past_first=lowest)
    tables.ROSTER.put(state, tables.SINGLE, known)
    if lowest:
        tables.PAST.drop(state, tables.height_key(0))
    outcome = outcome_of(chain.store, state, [])
    moved = replace(tip, height=height, time=_time_ms(height), state_root=outcome.state_root)
    chain.store.write(
        [
            *outcome.rows,
            set_row(Height(height + 1), tip.validators),
            (TIP_KEY, encode_record(moved)),
            (META_HEIGHT, encode_height(height)),
        ]
    )


def _time_ms(height: int) -> Millis:
    """A second a block: a million of them fit into one period."""
    return Millis((GENESIS_TIME + height) * 1_000)


def _planted(number: int, fixed: tuple[bytes, bytes, bytes]) -> Iterable[Row]:
    height, (block, commit, results) = Height(number), fixed
    yield block_key(height), Random(number).randbytes(len(block))
    yield commit_key(height), commit
    yield results_key(height), results
    for position in range(PLANTED_TXS):
        place = TxPlace(height=height, position=position, code=OK)
        name = digest(b"tf/bench-planted", bytes([position]), encode_height(height))
        yield tx_key(name), encode_place(place)


def looked_at(folder: Path, text: str, case: Case) -> tuple[float, float, float, float]:
    """CPU of a block, rows that it writes, CPU of opening, memory at the end: milliseconds, megabytes."""
    collect_seldom()
    began = time.process_time()
    store = open_store(folder)
    try:
        chain = ChainStore(store)
        chain.begin(text)
        tip = chain.tip()
        chain.commit(tip.height)
        chain.validators_at(Height(tip.height + 1))
        start = time.process_time() - began
        maker = Maker(text, 1)
        maker.rows, maker.tip = store, tip
        spent, rows = zip(*_blocks(chain, maker, case), strict=True)
        block = 1_000 * statistics.median(spent)
        return block, statistics.median(rows), 1_000 * start, rss_mb([os.getpid()])
    finally:
        store.close()


def _blocks(chain: ChainStore, maker: Maker, case: Case) -> list[tuple[float, int]]:
    """CPU seconds of each block after the first turn, and the rows that it wrote."""
    step, spent = max(1, case.nodes // case.reporters), []
    reporters = range(1, case.nodes + 1, step)[: case.reporters]
    now = GENESIS_TIME + case.blocks
    for number in range(TURNS * (1 + ROUNDS)):
        now += BLOCK_S
        txs = _reports(maker, reporters[number % TURNS :: TURNS], now)
        block = maker.block(now, txs)
        used = _saved(chain, maker, block)
        if number >= TURNS:
            spent.append(used)
    return spent


def _saved(chain: ChainStore, maker: Maker, block: Block) -> tuple[float, int]:
    """Execute a block and store it; CPU seconds, without the commit's signature, and rows."""
    began = time.process_time()
    outcome = maker.outcome(block)
    used = time.process_time() - began
    assert set(outcome.codes) == {OK}, set(outcome.codes)
    maker.follow(block, outcome)
    assert maker.commit is not None
    began = time.process_time()
    chain.save(Save(block=block, commit=maker.commit, outcome=outcome, tip=maker.tip))
    return used + time.process_time() - began, len(outcome.rows)


def _reports(maker: Maker, numbers: Sequence[int], now: int) -> list[bytes]:
    """Of nodes as `figures.register` plants them; nobody holds their keys, and execution asks for none."""
    chain_id, plain = maker.chain_id, layout(ReportUptime)
    made = []
    for number in numbers:
        envelope = Envelope(
            chain_id=chain_id,
            sender=Address(number.to_bytes(32, "big")),
            nonce=0,
            valid_until=Height(maker.tip.height + VALID_FOR),
            fee=Utft(0),
            kind=NUMBERS[ReportUptime],
        )
        body = ReportUptime(
            node_id=NodeId(number), t=Seconds(now), uptime=max(0, now - GENESIS_TIME)
        )
        made.append(encode_transaction(envelope, plain.pack(body), bytes(SIGNATURE_BYTES)))
    return made


def table(rows: Iterable[Mapping[str, object]]) -> str:
    """The figures of a run as lines of a table: a size a line, and how much of each the smallest has.

    A run of before something was measured has a dash there.
    """
    cells: dict[tuple[str, int], dict[str, str]] = {}
    for row in rows:
        words = str(row["name"]).split("_")
        if words[0] != "growth":
            continue
        times = float(str(row["value"])) / float(str(row["bound_value"]))
        shown = f"{row['value']} (x {times:.2f})"
        cells.setdefault((words[1], int(words[2])), {})[words[3]] = shown
    heads = [f"{name}, {unit}" for name, unit in COLUMNS.items()]
    lines = [f"| of | count | {' | '.join(heads)} |", "|---" * (len(heads) + 2) + "|"]
    for (axis, count), found in cells.items():
        lines.append(
            f"| {axis} | {count} | {' | '.join(found.get(name, '-') for name in COLUMNS)} |"
        )
    return "\n".join(lines)
