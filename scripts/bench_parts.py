"""The parts, one by one: signatures, codec, execution of each kind, tree, and the write of a block."""

import sqlite3
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import chain
from os import cpu_count
from pathlib import Path
from typing import Final

from scripts.bench_chain import (
    GENESIS_TIME,
    Maker,
    founding,
    living,
    recorded_genesis,
    reports,
    signers,
    transfer_to,
)
from scripts.bench_line import Bound, Lines, Sizes, seconds_of
from scripts.figures import register
from tfchain.base.crypto import digest, verify
from tfchain.base.shapes import decode_record, encode_record
from tfchain.base.units import Seconds
from tfchain.chain.execute import OK, check_txs, execute, outcome_of
from tfchain.chain.tip import input_of
from tfchain.cli.audit import DictRows
from tfchain.ledger.state import State
from tfchain.ledger.tree import Change, Tree
from tfchain.replica.effects import Save
from tfchain.store.chain import ChainStore, block_rows
from tfchain.store.kv import Row
from tfchain.store.leveldb import AVAILABLE
from tfchain.store.open import Kind, open_store
from tfchain.tx.kinds.report_uptime import ReportUptime
from tfchain.tx.registry import open_body
from tfchain.tx.transaction import Check, decode_transaction, encode_transaction

TAG: Final = 1
CHUNK: Final = 64
"""Signatures that a thread or a process takes at once."""
REGISTERED_AT_ONCE: Final = 1_000
KINDS: Final[tuple[Kind, ...]] = ("leveldb", "sqlite") if AVAILABLE else ("sqlite",)


# --- signatures -----------------------------------------------------------------------------------


def verified(checks: Sequence[Check]) -> int:
    return sum(verify(*check) for check in checks)


def bounds(lines: Lines, sizes: Sizes) -> tuple[Bound, Bound]:
    """Verifications a second by libsodium alone, on one core and on all of them.

    All cores are tried with threads and with processes; the bound is whichever does more.
    """
    cores = cpu_count() or 1
    one, threads, processes = _speeds(sizes, cores)
    bound = Bound(name="verify_one_core", value=one)
    lines.rate("verify_one_core", one, "signatures/s", bound)
    each_alone = Bound(name=f"{cores} x verify_one_core", value=cores * one)
    lines.rate("verify_all_cores_threads", threads, "signatures/s", each_alone)
    lines.rate("verify_all_cores_processes", processes, "signatures/s", each_alone)
    return bound, Bound(name="verify_all_cores", value=max(threads, processes))


def bounds_again(sizes: Sizes, known: tuple[Bound, Bound]) -> tuple[Bound, Bound]:
    """The bounds, raised if they were measured while something else had a core."""
    one, *all_cores = _speeds(sizes, cpu_count() or 1)
    speeds = (one, max(all_cores))
    first, second = (
        replace(bound, value=max(bound.value, speed))
        for bound, speed in zip(known, speeds, strict=True)
    )
    return first, second


def checks_of(sizes: Sizes) -> list[Check]:
    """The signatures that a bound goes through."""
    people = signers(recorded_genesis(sizes.people, 1), sizes.people)
    raws = reports(people, Seconds(GENESIS_TIME + 1), 0)
    checks = [decode_transaction(raw).check() for raw in raws]
    return (checks * (sizes.checks // len(checks) + 1))[: sizes.checks]


def _speeds(sizes: Sizes, cores: int) -> tuple[float, float, float]:
    """On one core, on all with threads, on all with processes."""
    checks = checks_of(sizes)
    one = sizes.checks / seconds_of(partial(verified, checks), sizes.measure_s)
    threads = _on_all(ThreadPoolExecutor(cores), checks, cores, sizes.measure_s)
    processes = _on_all(ProcessPoolExecutor(cores), checks, cores, sizes.measure_s)
    return one, threads, processes


def _on_all(
    pool: ThreadPoolExecutor | ProcessPoolExecutor,
    checks: list[Check],
    cores: int,
    measure_s: float,
) -> float:
    """Verifications a second; each core goes through all checks, in chunks as the audit's do."""
    share = [checks[at : at + CHUNK] for at in range(0, len(checks), CHUNK)]
    with pool:

        def work() -> int:
            return sum(pool.map(_chunks, [share] * cores))

        work()
        return cores * len(checks) / seconds_of(work, measure_s)


def _chunks(share: list[list[Check]]) -> int:
    return sum(verified(chunk) for chunk in share)


# --- codec ----------------------------------------------------------------------------------------


def codec(lines: Lines, sizes: Sizes, one_core: Bound) -> None:
    """One report: its envelope, its body, and a whole transaction both ways."""
    each = Bound(name="verify_one_core", value=1e6 / one_core.value)
    people = signers(recorded_genesis(sizes.people, 1), sizes.people)
    raws = reports(people, Seconds(GENESIS_TIME + 1), 0)
    opened = [decode_transaction(raw) for raw in raws]
    parts = [(one.envelope, one.body, one.signature) for one in opened]
    bodies = [open_body(one) for one in opened]
    plain = [encode_record(body) for body in bodies]
    works = {
        "codec_decode_report": lambda: [open_body(decode_transaction(raw)) for raw in raws],
        "codec_encode_report": lambda: [encode_transaction(*part) for part in parts],
        "codec_decode_body": lambda: [decode_record(ReportUptime, one) for one in plain],
        "codec_encode_body": lambda: [encode_record(body) for body in bodies],
    }
    for name, work in works.items():
        spent = seconds_of(work, sizes.measure_s / 4)
        lines.cost(name, 1e6 * spent / len(raws), "us", each)


# --- execution ------------------------------------------------------------------------------------


def kinds(lines: Lines, sizes: Sizes, one_core: Bound) -> None:
    """A block of each kind, executed on the same state until it is written: us a transaction.

    Tree and roots are in it; signatures are not. What guardians send once a period is left out.
    """
    each = Bound(name="verify_one_core", value=1e6 / one_core.value)
    text = recorded_genesis(sizes.people, 1)
    people, maker = signers(text, sizes.people), Maker(text, 1)
    now = GENESIS_TIME + 10
    for kind, txs in chain(founding(people), living(people, Seconds(now + 5))):
        now += 1
        block = maker.block(now, txs)
        spent = seconds_of(partial(maker.outcome, block), sizes.measure_s / 4)
        outcome = maker.outcome(block)
        assert set(outcome.codes) == {OK}, (kind, set(outcome.codes))
        maker.take(block, outcome)
        lines.cost(f"execute_{kind}", 1e6 * spent / len(txs), "us", each)


def crowd(lines: Lines, sizes: Sizes, one_core: Bound) -> None:
    """A block of reports where many more nodes are registered than report: us a report.

    Once from its bytes on, once as a validator does after the block was checked and voted for.
    """
    each = Bound(name="verify_one_core", value=1e6 / one_core.value)
    text = recorded_genesis(sizes.people, 1)
    people, maker = signers(text, sizes.people), Maker(text, 1)
    now = GENESIS_TIME
    for _, txs in founding(people):
        now += 1
        block = maker.block(now, txs)
        maker.take(block, maker.outcome(block))
    for least in range(sizes.people + 1, sizes.crowd + 1, REGISTERED_AT_ONCE):
        state = State(maker.rows)
        for number in range(least, min(least + REGISTERED_AT_ONCE, sizes.crowd + 1)):
            register(state, GENESIS_TIME, number)
        maker.rows.write(outcome_of(maker.rows, state, []).rows)
    first = maker.block(now + 5, reports(people, Seconds(now + 5), 0))
    maker.take(first, maker.outcome(first))  # a node's very first report writes a row more
    block = maker.block(now + 10, reports(people, Seconds(now + 10), 0))
    spent = seconds_of(partial(maker.outcome, block), sizes.measure_s)
    assert set(maker.outcome(block).codes) == {OK}
    lines.cost(f"execute_report_of_{sizes.crowd}", 1e6 * spent / len(people), "us", each)
    due = input_of(maker.tip, block)
    checked = check_txs(maker.rows, due)
    spent = seconds_of(lambda: execute(maker.rows, due, checked), sizes.measure_s)
    lines.cost(f"execute_checked_report_of_{sizes.crowd}", 1e6 * spent / len(people), "us", each)


# --- tree -----------------------------------------------------------------------------------------


def tree(lines: Lines, sizes: Sizes, one_core: Bound) -> None:
    """One block's update of a tree that has so many leaves already: us a changed leaf."""
    each = Bound(name="verify_one_core", value=1e6 / one_core.value)
    for leaves in sizes.leaves:
        rows = DictRows()
        for first in range(0, leaves, 10_000):
            grown = Tree(rows, TAG)
            grown.update(_leaves(first, min(leaves, first + 10_000), b"old"))
            rows.write(grown.writes.items())
        step = max(1, leaves // sizes.changed)
        changed = [one for place, one in enumerate(_leaves(0, leaves, b"new")) if place % step == 0]
        spent = seconds_of(lambda: Tree(rows, TAG).update(changed), sizes.measure_s / 2)  # noqa: B023
        lines.cost(f"tree_{leaves}", 1e6 * spent / len(changed), "us", each)


def _leaves(first: int, last: int, what: bytes) -> Iterator[Change]:
    for number in range(first, last):
        spelled = number.to_bytes(8, "big")
        yield digest(b"tf/bench-key", spelled), digest(b"tf/bench-value", what, spelled)


# --- the write of a block -------------------------------------------------------------------------


def commit(lines: Lines, sizes: Sizes, folder: Path, all_cores: Bound) -> None:
    """The one batch of a block full of transfers, in each store, synced and not: us a transaction."""
    each = Bound(name="verify_all_cores", value=1e6 / all_cores.value)
    text = recorded_genesis(sizes.people, 1)
    saves = list(_saves(text, sizes))
    batches = [block_rows(save) for save in saves]
    count = sizes.blocks_written * sizes.people
    for kind in KINDS:
        with_sync = _synced(folder / kind, kind, text, saves)
        lines.cost(f"commit_{kind}_synced", 1e6 * with_sync / count, "us", each)
        unsynced = _UNSYNCED[kind](folder / f"{kind}-unsynced", batches)
        lines.cost(f"commit_{kind}_unsynced", 1e6 * unsynced / count, "us", each)


def _saves(text: str, sizes: Sizes) -> Iterator[Save]:
    people, maker = signers(text, sizes.people), Maker(text, 1)
    for number in range(sizes.blocks_written):
        txs = [one.paid(transfer_to(people[one.number - 1])) for one in people]
        block = maker.block(GENESIS_TIME + 1 + number, txs)
        outcome = maker.outcome(block)
        maker.take(block, outcome)
        assert maker.commit is not None
        yield Save(block=block, commit=maker.commit, outcome=outcome, tip=maker.tip)


def _synced(folder: Path, kind: Kind, text: str, saves: Sequence[Save]) -> float:
    """As a node does it."""
    store = open_store(folder, kind)
    try:
        chain_store = ChainStore(store)
        chain_store.begin(text)
        began = time.perf_counter()
        for save in saves:
            chain_store.save(save)
        return time.perf_counter() - began
    finally:
        store.close()


def _leveldb_unsynced(folder: Path, batches: Sequence[Sequence[Row]]) -> float:
    """The same rows past the store: what the disk's promise costs is the difference."""
    import plyvel  # noqa: PLC0415 -- not everywhere; AVAILABLE was asked

    database = plyvel.DB(str(folder), create_if_missing=True)
    try:
        began = time.perf_counter()
        for batch in batches:
            with database.write_batch(sync=False) as pending:
                for key, value in batch:
                    if value is None:
                        pending.delete(key)
                    else:
                        pending.put(key, value)
        return time.perf_counter() - began
    finally:
        database.close()


def _sqlite_unsynced(folder: Path, batches: Sequence[Sequence[Row]]) -> float:
    folder.mkdir()
    database = sqlite3.connect(folder / "rows", isolation_level=None)
    try:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=OFF")
        database.execute("CREATE TABLE rows (key BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID")
        began = time.perf_counter()
        for batch in batches:
            database.execute("BEGIN")
            gone = [(key,) for key, value in batch if value is None]
            database.executemany("DELETE FROM rows WHERE key = ?", gone)
            kept = [(key, value) for key, value in batch if value is not None]
            database.executemany("INSERT OR REPLACE INTO rows VALUES (?, ?)", kept)
            database.execute("COMMIT")
        return time.perf_counter() - began
    finally:
        database.close()


_UNSYNCED: Final = {"leveldb": _leveldb_unsynced, "sqlite": _sqlite_unsynced}
