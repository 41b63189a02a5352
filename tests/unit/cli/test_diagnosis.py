"""`tfchain diff-state` and `replay`: where chains part, and what one block did, by name and value."""

import json
from collections.abc import Callable
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from tfchain.base.shapes import decode_record, encode_record
from tfchain.base.units import Height, Utft
from tfchain.chain import export_records as records
from tfchain.cli.diff_state import diff_state
from tfchain.cli.replay import replay
from tfchain.errors import Unavailable
from tfchain.ledger import tables
from tfchain.ledger.block import Block, decode_block
from tfchain.ledger.records import Account
from tfchain.node.comparing import row_diffs, row_words, table_name
from tfchain.node.home import Home
from tfchain.node.rebuilding import Rebuilt
from tfchain.node.sources import opened_source
from tfchain.replica.effects import Save
from tfchain.store.chain import ChainStore
from tfchain.store.export import read_records, write_records
from tfchain.store.layout import block_key
from tfchain.store.open import open_store

LOW, HIGH = 20, 24
"""Heights of the homes."""


@pytest.fixture(scope="module")
def recorded(golden_folder: Path) -> Path:
    return golden_folder / "devnet.tfc"


@pytest.fixture(scope="module")
def blocks(recorded: Path) -> list[Block]:
    rows = read_records(BytesIO(recorded.read_bytes()))
    raws = [payload for _, kind, payload in rows if kind == records.BLOCK]
    return [decode_block(raw) for raw in raws[: HIGH + 1]]


@pytest.fixture
def home_at(recorded: Path, blocks: list[Block], tmp_path: Path) -> Callable[[str, int], Home]:
    """`home_at(name, height)`: a stopped node that stored the recorded chain so far."""

    def make(name: str, height: int) -> Home:
        home = Home(tmp_path / name)
        with opened_source(recorded) as source:
            text = source.genesis_text()
        store = open_store(home.store, "sqlite")
        chain, rebuilt = ChainStore(store), Rebuilt(text)
        chain.begin(text)
        for block, following in pairwise(blocks[: height + 1]):
            assert following.last_commit is not None
            outcome = rebuilt.take(block)
            chain.save(
                Save(block=block, commit=following.last_commit, outcome=outcome, tip=rebuilt.tip)
            )
        store.close()
        return home

    return make


HomeAt = Callable[[str, int], Home]


def called(verb: Callable[..., None], *words: object) -> Result:
    app = typer.Typer()
    app.command()(verb)
    return CliRunner().invoke(app, [str(word) for word in words])


def write_row(home: Home, key: bytes, value: bytes | None) -> None:
    store = open_store(home.store)
    store.write([(key, value)])
    store.close()


def an_account(home: Home) -> tuple[bytes, Account]:
    """The first account of a home: its stored key and its row."""
    store = open_store(home.store)
    key, value = next(iter(store.scan(tables.ACCOUNTS.stored_at(b""))))
    store.close()
    return key, decode_record(Account, value)


def richer(home: Home) -> tuple[bytes, Account]:
    """Give an account of a home one unit more."""
    key, row = an_account(home)
    write_row(home, key, encode_record(Account(balance=Utft(row.balance + 1), nonce=row.nonce)))
    return key, row


def test_equal_homes_are_equal(home_at: HomeAt) -> None:
    done = called(diff_state, home_at("a", LOW).folder, home_at("b", LOW).folder)
    assert done.exit_code == 0, done.output
    assert f"blocks     equal up to {LOW}" in done.output
    assert "state      equal" in done.output


def test_a_diverged_row_is_named_with_both_values(home_at: HomeAt) -> None:
    """1.18.4. Complaint 2: block, table, key and both values, and which of them this program
    computes."""
    one, other = home_at("a", LOW), home_at("b", LOW)
    key, row = richer(other)
    done = called(diff_state, one.folder, other.folder)
    assert done.exit_code == 1
    assert f"state      differs after block {LOW}; rows: accounts 1" in done.output
    assert "table      accounts" in done.output
    assert f"key        {key[2:].hex()}" in done.output
    assert f'"balance": "{row.balance}"' in done.output
    assert f'"balance": "{row.balance + 1}"' in done.output
    plain = json.loads(called(diff_state, one.folder, other.folder, "--json").output)
    blamed = [state["between"][0] for state in plain["states"][1:]]
    assert blamed == [str(other.folder)]


def test_homes_of_two_heights_are_held_against_what_is_computed(home_at: HomeAt) -> None:
    low, high = home_at("low", LOW), home_at("high", HIGH)
    assert called(diff_state, low.folder, high.folder).exit_code == 0
    richer(low)
    plain = json.loads(called(diff_state, low.folder, high.folder, "--json").output)
    (state,) = plain["states"]
    assert (state["height"], state["table"]) == (LOW, "accounts")
    assert state["between"] == [str(low.folder), "computed from genesis"]


def test_a_home_is_held_against_an_export(home_at: HomeAt, recorded: Path) -> None:
    home = home_at("a", LOW)
    assert called(diff_state, home.folder, recorded).exit_code == 0
    key, _ = an_account(home)
    write_row(home, key, None)
    done = called(diff_state, recorded, home.folder)
    assert done.exit_code == 1
    assert 'value      "absent" in ' in done.output


def test_the_first_block_that_differs_is_named_with_its_fields(
    home_at: HomeAt, recorded: Path, tmp_path: Path
) -> None:
    rows = [(kind, payload) for _, kind, payload in read_records(BytesIO(recorded.read_bytes()))]
    place = [at for at, (kind, _) in enumerate(rows) if kind == records.BLOCK][LOW - 1]
    raw = rows[place][1]
    root = decode_block(raw).header.state_root
    at = raw.index(root)
    rows[place] = (records.BLOCK, raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :])
    forged = tmp_path / "forged.tfc"
    with forged.open("wb") as file:
        write_records(file, rows)
    done = called(diff_state, recorded, forged)
    assert done.exit_code == 1
    assert f"blocks     equal up to {LOW - 1}" in done.output
    assert f"block      {LOW} differs: state_root" in done.output
    lines = [line for line in done.output.splitlines() if line[:2] in {"A ", "B "}]
    assert "is what this program computes" in lines[2]
    assert f"state_root is not what height {LOW - 1} leads to" in lines[3]


def test_two_chains_are_told_apart_by_their_genesis(recorded: Path, tmp_path: Path) -> None:
    rows = [(kind, payload) for _, kind, payload in read_records(BytesIO(recorded.read_bytes()))]
    text = records.genesis_text(rows[0][1])
    other = tmp_path / "other.tfc"
    with other.open("wb") as file:
        write_records(file, [(records.GENESIS, records.genesis_record(f"{text}\n")), *rows[1:]])
    done = called(diff_state, recorded, other)
    assert done.exit_code == 1
    assert "these are two chains" in done.output


def test_what_is_no_chain_is_named(tmp_path: Path, recorded: Path) -> None:
    for path in (tmp_path, tmp_path / "nowhere"):
        done = called(diff_state, path, recorded)
        assert isinstance(done.exception, Unavailable)


def test_a_block_is_executed_again_and_its_roots_are_compared(
    home_at: HomeAt, recorded: Path
) -> None:
    home = home_at("a", LOW)
    done = called(replay, "--home", home.folder, "--height", LOW - 1)
    assert done.exit_code == 0, done.output
    assert f"roots are those that block {LOW} carries" in done.output
    done = called(replay, "--home", home.folder, "--height", LOW)
    assert "no later block carries its roots" in done.output
    assert called(replay, "--home", recorded, "--height", LOW).exit_code == 0


def test_a_trace_shows_each_transaction_with_the_rows_it_changed(
    recorded: Path, blocks: list[Block]
) -> None:
    founding = next(block for block in blocks[:HIGH] if block.txs)
    height = founding.header.height
    done = called(replay, "--home", recorded, "--height", height, "--trace", "--json")
    plain = json.loads(done.output)
    codes = [step["code"] for step in plain["steps"]]
    assert codes[1:-1] == plain["codes"]
    assert plain["equal"]
    changed = [change for step in plain["steps"][1:-1] for change in step["changes"]]
    assert changed
    assert all(change["before"] != change["after"] for change in changed)
    text = called(replay, "--home", recorded, "--height", height, "--trace").output
    assert "transaction 0 " in text
    assert "before" in text
    assert "after" in text


def test_a_height_that_is_not_there_is_named(recorded: Path) -> None:
    done = called(replay, "--home", recorded, "--height", 10_000_000)
    assert isinstance(done.exception, Unavailable)


def test_a_block_that_is_not_kept_is_named(home_at: HomeAt, recorded: Path) -> None:
    home = home_at("a", LOW)
    write_row(home, block_key(Height(5)), None)
    done = called(replay, "--home", home.folder, "--height", LOW)
    assert "block 5 is not here any more" in str(done.exception)


def test_rows_of_trees_come_after_the_rows_that_they_hash() -> None:
    one = [(b"a\x20x", b"1"), (b"s\x01k", b"1"), (b"t\x01k", b"1")]
    other = [(b"s\x01k", b"2"), (b"t\x01k", b"2"), (b"t\x02k", b"3")]
    found = list(row_diffs(one, other))
    assert [key for key, _, _ in found] == [b"a\x20x", b"s\x01k", b"t\x01k", b"t\x02k"]
    assert found[0][2] is None
    assert found[3][1] is None


@pytest.mark.parametrize(
    ("key", "name"),
    [
        (b"s\x01k", "accounts"),
        (b"t\x01k", "tree of accounts"),
        (b"a\x20k", "receipts"),
        (b"s\xfak", "table fa"),
        (b"s", "table "),
    ],
)
def test_a_table_is_named_by_its_key(key: bytes, name: str) -> None:
    assert table_name(key) == name


def test_a_row_of_no_table_is_shown_in_hex() -> None:
    assert row_words(b"s\xfak", b"\x01") == "01"
    assert row_words(b"t\x01k", b"\x02") == "02"
    assert row_words(b"s\x01k", None) == "absent"
