"""What a chain of full blocks takes on a disk, once the store has tidied up: bytes a transaction."""

import sqlite3
from pathlib import Path
from typing import Final

from scripts.bench_chain import (
    GENESIS_TIME,
    REPORT_EVERY_S,
    Maker,
    founding,
    recorded_genesis,
    signers,
)
from scripts.bench_chain import reports as reports_of
from scripts.bench_line import Bound, Lines, Sizes
from tfchain.base.units import Seconds
from tfchain.chain.execute import OK
from tfchain.replica.effects import Save
from tfchain.store.chain import ChainStore
from tfchain.store.kv import Store
from tfchain.store.leveldb import AVAILABLE
from tfchain.store.open import Kind, open_store
from tfchain.store.sqlite import FILE

KINDS: Final[tuple[Kind, ...]] = ("leveldb", "sqlite") if AVAILABLE else ("sqlite",)
PER_MILLE: Final = 1_300
"""What the canonical bytes of transactions may grow to: blocks and index, ..."""
REST: Final = 120
"""... and the bytes that state and results may take beside them, together."""
FIRST_KEY: Final = b"\x00"
LAST_KEY: Final = b"\xff"
"""No column begins with either."""
COLUMNS: Final = {
    "blocks": b"bcm",
    "index": b"x",
    "results": b"r",
    "state": b"sa",
    "tree": b"t",
}
"""Whose rows go where; of each its bytes before the store adds its own or compresses."""


def disk(lines: Lines, sizes: Sizes, folder: Path) -> None:
    """Blocks full of reports, all nodes in each; genesis and registrations count too."""
    stores = {kind: open_store(folder / kind, kind) for kind in KINDS}
    try:
        count, canonical = _grown(list(stores.values()), sizes)
        parts = _parts(stores["sqlite"])
    finally:
        for store in stores.values():
            store.close()
    each = canonical / count
    bound = Bound(
        name=f"{PER_MILLE / 1_000} x tx_bytes + {REST}", value=each * PER_MILLE / 1_000 + REST
    )
    for kind in KINDS:
        left = bytes_in(folder / kind)
        compact(folder / kind, kind)
        lines.cost(f"disk_as_left_{kind}", left / count, "bytes/tx", bound)
        after = bytes_in(folder / kind) / count
        lines.cost(f"disk_after_compaction_{kind}", after, "bytes/tx", bound)
    whole = Bound(name="tx_bytes", value=each)
    for name, size in parts.items():
        lines.cost(f"disk_rows_{name}", size / count, "bytes/tx", whole)


def _grown(stores: list[Store], sizes: Sizes) -> tuple[int, int]:
    """Make the chain in all stores at once; its transactions and their bytes."""
    text = recorded_genesis(sizes.nodes, sizes.validators)
    people, maker = signers(text, sizes.nodes), Maker(text, sizes.validators)
    chains = [ChainStore(store) for store in stores]
    for chain in chains:
        chain.begin(text)
    now, count, canonical = GENESIS_TIME, 0, 0
    first = [txs for _, txs in founding(people)]
    for number in range(len(first) + sizes.disk_blocks):
        now += REPORT_EVERY_S
        height = maker.tip.height
        txs = first[number] if number < len(first) else reports_of(people, Seconds(now), height)
        _saved(chains, maker, now, txs)
        count, canonical = count + len(txs), canonical + sum(map(len, txs))
    return count, canonical


def _saved(chains: list[ChainStore], maker: Maker, now: int, txs: list[bytes]) -> None:
    block = maker.block(now, txs)
    outcome = maker.next_outcome(block)
    assert set(outcome.codes) == {OK}, "everything takes effect"
    maker.take(block, outcome)
    assert maker.commit is not None
    save = Save(block=block, commit=maker.commit, outcome=outcome, tip=maker.tip)
    for chain in chains:
        chain.save(save)


def _parts(store: Store) -> dict[str, int]:
    """Bytes of keys and values, by what they are for."""
    return {
        name: sum(
            len(key) + len(value) for mark in marks for key, value in store.scan(bytes([mark]))
        )
        for name, marks in COLUMNS.items()
    }


def bytes_in(folder: Path) -> int:
    """Of all files below it."""
    return sum(one.stat().st_size for one in folder.rglob("*") if one.is_file())


def compact(folder: Path, kind: str) -> None:
    """What LevelDB does by and by, and SQLite when told to: rows that were overwritten go."""
    if kind == "sqlite":
        _compact_sqlite(folder)
    else:
        _compact_leveldb(folder)


def _compact_leveldb(folder: Path) -> None:
    import plyvel  # noqa: PLC0415 -- not everywhere; the store's kind was asked

    database = plyvel.DB(str(folder))
    database.compact_range(start=FIRST_KEY, stop=LAST_KEY)  # without a range it does nothing
    database.close()
    plyvel.DB(str(folder)).close()  # begins its log anew


def _compact_sqlite(folder: Path) -> None:
    database = sqlite3.connect(folder / FILE, isolation_level=None)
    try:
        database.execute("VACUUM")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    finally:
        database.close()
