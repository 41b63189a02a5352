"""The read model of a recorded devnet: all that the ledger has, and the same checksum however it came."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tfchain.base.shapes import encode_record
from tfchain.errors import Divergence, InvalidBlock, Malformed, Unavailable
from tfchain.index import own
from tfchain.index.database import FILE, LedgerRows
from tfchain.index.mirrors import MIRRORS
from tfchain.index.model import Model, opened_model
from tfchain.index.sheet import counted
from tfchain.ledger import tables
from tfchain.ledger.block import Block


@pytest.fixture
def rows(shown: Model) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(shown.path)) as connection:
        connection.row_factory = sqlite3.Row
        yield connection


def test_the_checksum_is_the_one_that_all_rows_add_up_to(
    shown: Model, rows: sqlite3.Connection
) -> None:
    assert shown.recounted() == shown.standing().checksum == counted(rows, own.CONTENT)
    assert shown.standing().checksum != bytes(32)


def test_every_row_of_the_ledger_is_shown(rows: sqlite3.Connection) -> None:
    ledger = LedgerRows(rows)
    for mirror in MIRRORS:
        stored = list(ledger.scan(tables.BY_TAG[mirror.tag].stored_at(b"")))
        found = rows.execute(f'SELECT * FROM "{mirror.form.name}"').fetchall()
        assert len(found) == len(stored), mirror.form.name


@pytest.mark.parametrize("run", [1, 7, 93])
def test_runs_of_any_length_come_to_the_same(
    run: int, recorded: Any, shown: Model, tmp_path: Path
) -> None:
    with opened_model(tmp_path) as model:
        recorded.into(model, run)
        assert model.standing() == shown.standing()


def test_it_goes_on_where_it_was(recorded: Any, shown: Model, tmp_path: Path) -> None:
    for upto in (0, 1, 40, 93):
        with opened_model(tmp_path) as model:
            recorded.into(model, upto=upto)
            assert model.height == upto
    with opened_model(tmp_path) as model:
        assert model.standing() == shown.standing()
        assert not model.is_empty


def test_rebuilt_it_is_empty_and_comes_to_the_same(
    recorded: Any, shown: Model, tmp_path: Path
) -> None:
    with opened_model(tmp_path) as model:
        recorded.into(model, upto=50)
    with opened_model(tmp_path, rebuild=True) as model:
        assert model.is_empty
        assert model.height == 0
        recorded.into(model)
        assert model.standing() == shown.standing()


def test_a_block_that_does_not_fit_leaves_nothing_of_its_run(recorded: Any, tmp_path: Path) -> None:
    with opened_model(tmp_path) as model:
        recorded.into(model, upto=10)
        before = model.standing()
        with pytest.raises(InvalidBlock, match="block 13: height is not what height 11 leads to"):
            model.take([recorded.blocks[10], recorded.blocks[12]])
        assert model.standing() == before
        assert model.recounted() == before.checksum
        recorded.into(model)
        assert model.height == 93


def test_another_state_is_a_divergence(recorded: Any, tmp_path: Path) -> None:
    block: Block = recorded.blocks[10]
    other = replace(block, header=replace(block.header, state_root=bytes(32)))
    with opened_model(tmp_path) as model:
        recorded.into(model, upto=10)
        with pytest.raises(Divergence, match="every row fits its tree: the rules differ"):
            model.take([other])
        recorded.into(model)


def test_a_spoiled_row_is_named(recorded: Any, tmp_path: Path) -> None:
    with opened_model(tmp_path) as model:
        recorded.into(model, upto=60)
    key = tables.UPTIMES.stored_at(tables.id_key(7))
    with closing(sqlite3.connect(tmp_path / FILE)) as file, file:
        old = file.execute("SELECT value FROM ledger_rows WHERE key = ?", (key,)).fetchone()[0]
        row = tables.UPTIMES.decode(old)
        assert row.running is not None
        odd = replace(row, running=replace(row.running, last_uptime=1))  # type: ignore[arg-type]
        ledger = LedgerRows(file)
        ledger.write([(key, encode_record(odd))])
    with opened_model(tmp_path) as model:
        with pytest.raises(
            Divergence, match="61: table uptimes, key 00000007 is spoiled; `tfchain"
        ):
            recorded.into(model)
        assert model.height == 60


def test_a_spoiled_row_that_is_only_read_is_named_too(recorded: Any, tmp_path: Path) -> None:
    with opened_model(tmp_path) as model:
        recorded.into(model, upto=85)
    key = tables.CONTRACTS.stored_at(tables.id_key(7))
    with closing(sqlite3.connect(tmp_path / FILE)) as file, file:
        row = tables.CONTRACTS.decode(LedgerRows(file).get(key) or b"")
        LedgerRows(file).write([(key, encode_record(replace(row, price_cu=7)))])
    with opened_model(tmp_path) as model:
        with pytest.raises(Divergence, match="table contracts, key 00000007 is spoiled"):
            recorded.into(model)
        assert model.height < 93


def test_another_chain_is_refused(recorded: Any, tmp_path: Path) -> None:
    other = recorded.genesis.replace('salt = "', 'salt = "x')
    with opened_model(tmp_path) as model:
        recorded.into(model, upto=3)
        with pytest.raises(Unavailable, match=r"holds devnet-\w+, not devnet-\w+"):
            model.begin(other)
        with pytest.raises(Malformed, match="genesis"):
            model.begin("no genesis")
        assert model.height == 3


def test_another_layout_is_refused_with_the_way_on(recorded: Any, tmp_path: Path) -> None:
    with opened_model(tmp_path) as model:
        recorded.into(model, upto=3)
    with closing(sqlite3.connect(tmp_path / FILE)) as file, file:
        file.execute("UPDATE meta SET value = ? WHERE name = 'layout'", (b"0.5-00",))
    with (
        pytest.raises(Unavailable, match=r"layout 0\.5-00, .*`tfchain web --rebuild`"),
        opened_model(tmp_path),
    ):
        pass
    with opened_model(tmp_path, rebuild=True) as model:
        assert model.is_empty


@pytest.mark.parametrize(
    ("spoil", "word"),
    [
        pytest.param("UPDATE meta SET value = x'00' WHERE name = 'tip'", "damaged", id="its tip"),
        pytest.param(
            "UPDATE meta SET value = x'ff' WHERE name = 'genesis'", "damaged", id="its genesis"
        ),
        pytest.param("DROP TABLE checksums", "cannot be used", id="a table is gone"),
    ],
)
def test_a_spoiled_file_is_one_line(spoil: str, word: str, recorded: Any, tmp_path: Path) -> None:
    with opened_model(tmp_path) as model:
        recorded.into(model, upto=3)
    with closing(sqlite3.connect(tmp_path / FILE)) as file, file:
        file.execute(spoil)
    with pytest.raises(Unavailable, match=word), opened_model(tmp_path):
        pass


@pytest.mark.parametrize("content", [b"not a database at all" * 9, b"\x00" * 4096])
def test_what_is_no_database_is_told(content: bytes, tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(Unavailable, match="cannot be used"), opened_model(tmp_path):
        pass


def test_somebody_elses_database_is_left_alone(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / FILE)) as file, file:
        file.execute("CREATE TABLE theirs (a)")
    with pytest.raises(Unavailable, match="is no read model"), opened_model(tmp_path):
        pass


def test_two_never_write_one_file(tmp_path: Path) -> None:
    with (
        opened_model(tmp_path),
        pytest.raises(Unavailable, match="in use"),
        opened_model(tmp_path),
    ):
        pass
