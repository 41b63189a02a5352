"""Pruning: what goes, what stays, and that a disk stays bounded (P17, 1.11, the table of complaints 8)."""

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tfchain.base.units import Height
from tfchain.errors import Unavailable
from tfchain.ledger import tables
from tfchain.ledger.minting import APPROVED, PAID
from tfchain.store import layout, pruning
from tfchain.store.chain import SEALED, SET_EVERY, SETS
from tfchain.store.exporting import block_record, export_records_of
from tfchain.store.kv import Store
from tfchain.store.open import Kind, open_store
from tfchain.store.pruning import BLOCKS_AT_ONCE, prune_batches, prune_blocks
from tfchain.tx.transaction import transaction_id

if TYPE_CHECKING:
    from tests.unit.store.conftest import Grown

COLUMNS = (layout.BLOCK, layout.COMMIT, layout.RESULTS, layout.TX)


def _rows(store: Store, column: bytes) -> int:
    return sum(1 for _ in store.scan(column))


def test_the_newest_blocks_stay_with_all_that_belongs_to_them(grown: "type[Grown]") -> None:
    made = grown(grown.genesis_text())
    early = made.transfer(0, 900)
    made.grow(early, count=20)
    late = made.transfer(1, 901)
    made.grow(late)
    chain, tip = made.chain, made.chain.tip()
    made.store.write(
        [(SEALED + layout.encode_height(Height(2)) + b"\x00\x00\x00\x00\x07", b"\x01")]
    )
    assert prune_blocks(chain, 5) == BLOCKS_AT_ONCE
    assert prune_blocks(chain, 5) == 0
    assert chain.base() == 17
    assert chain.block(Height(16)) is None and chain.commit(Height(16)) is None
    assert chain.light_block(Height(17)) is not None
    assert [_rows(made.store, column) for column in COLUMNS] == [5, 5, 5, 1]
    assert chain.place(transaction_id(early)) is None
    assert chain.place(transaction_id(late)) is not None
    assert chain.sealed_at(Height(2)) == []
    assert chain.tip() == tip
    made.grow()
    assert made.chain.height() == 22


def test_a_long_chain_is_pruned_a_few_blocks_at_a_time(grown: "type[Grown]") -> None:
    made = grown(grown.genesis_text()).grow(count=40)
    went = []
    while count := prune_blocks(made.chain, 3):
        went.append(count)
    assert went == [16, 16, 5]
    assert made.chain.base() == 38


def test_blocks_that_prove_a_snapshot_stay(grown: "type[Grown]") -> None:
    made = grown(grown.genesis_text()).grow(count=20)
    assert prune_blocks(made.chain, 3, Height(9)) == 8
    assert prune_blocks(made.chain, 3, Height(9)) == 0
    assert made.chain.light_block(Height(9)) is not None


def test_a_short_chain_is_kept_whole(grown: "type[Grown]") -> None:
    made = grown(grown.genesis_text()).grow(count=5)
    assert prune_blocks(made.chain, 5) == 0
    assert made.chain.base() == 1


def test_what_the_disk_spoiled_goes_as_well(grown: "type[Grown]") -> None:
    made = grown(grown.genesis_text()).grow(count=4)
    made.store.write([(layout.block_key(Height(1)), b"\xc1"), (layout.block_key(Height(2)), None)])
    assert prune_blocks(made.chain, 2) == 2
    assert made.chain.base() == 3


def test_sets_of_blocks_that_are_here_stay(grown: "type[Grown]") -> None:
    """They are written down every so often; the last one below the base is still needed."""
    made = grown(grown.genesis_text()).grow(count=SET_EVERY + 4)
    while prune_blocks(made.chain, 6):
        pass
    assert made.chain.base() == SET_EVERY - 1
    assert made.chain.light_block(Height(SET_EVERY - 1)) is not None
    made.grow(count=4)
    while prune_blocks(made.chain, 6):
        pass
    assert made.chain.base() == SET_EVERY + 3
    assert [layout.decode_height(key[len(SETS) :]) for key, _ in made.store.scan(SETS)] == [256]
    assert made.chain.light_block(Height(SET_EVERY + 3)) is not None


def test_archives_of_batches_long_paid_go(
    grown: "type[Grown]", monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest paid ones stay, those that are not paid always; a bounded number goes at once."""
    made = grown(grown.genesis_text())
    for period, state in enumerate((PAID, PAID, APPROVED, PAID), start=1):
        made.write_batch(bytes(4) + bytes([period]), state, 6, 4)
    monkeypatch.setattr(pruning, "ROWS_AT_ONCE", 12)
    went = []
    while count := prune_batches(made.chain, 1):
        went.append(count)
    assert went == [12, 8]
    for period, left in ((1, 0), (2, 0), (3, 6), (4, 6)):
        name = bytes(4) + bytes([period])
        assert _rows(made.store, tables.RECEIPTS.stored_at(name)) == left
        assert made.store.get(tables.BATCHES.stored_at(name)) is not None


@pytest.mark.parametrize("kind", ["leveldb", "sqlite"])
def test_a_disk_stays_bounded_while_the_chain_grows(
    grown: "type[Grown]", tmp_path: Path, kind: Kind
) -> None:
    """With ten blocks kept, three times the chain takes no more room (complaint 8)."""
    with closing(open_store(tmp_path / "data", kind)) as store:
        made = grown(grown.genesis_text(), store)
        sizes = []
        for _ in range(3):
            for _ in range(40):
                nonce = made.chain.height()
                made.grow(made.transfer(nonce, 900))
                prune_blocks(made.chain, 10)
            store.scan(b"")
            sizes.append(sum(path.stat().st_size for path in (tmp_path / "data").iterdir()))
            assert [_rows(store, column) for column in COLUMNS] == [10, 10, 10, 10]
        rows = sum(len(key) + len(value) for key, value in store.scan(b"b"))
        assert rows < 20_000
        assert sizes[2] < 9 * 1024 * 1024, "buffers of the database, not blocks"


def test_whoever_asks_below_the_base_is_told(grown: "type[Grown]") -> None:
    made = grown(grown.genesis_text()).grow(count=12)
    prune_blocks(made.chain, 3)
    with pytest.raises(Unavailable, match="blocks from 10 on only, not 4: memory; ask an"):
        block_record(made.chain, Height(4))
    with pytest.raises(Unavailable, match="blocks from 10 on only: memory; export from an"):
        next(export_records_of(made.chain))
    made.store.write([(layout.META + b"base", b"1")])
    with pytest.raises(Unavailable, match="first height"):
        made.chain.base()
