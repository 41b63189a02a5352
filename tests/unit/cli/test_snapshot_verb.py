"""`tfchain snapshot`: made of a stopped home, listed, restored in another; every no is one line."""

import json
import shutil
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tfchain.base import crypto
from tfchain.base.address import to_text
from tfchain.base.units import Address, Height, Millis, Round
from tfchain.chain.execute import execute, params_of
from tfchain.chain.tip import input_of, next_block, next_tip
from tfchain.cli import main as door
from tfchain.cli import snapshot as verb
from tfchain.errors import Malformed, Unavailable
from tfchain.ledger.commit import FOR_BLOCK, PRECOMMIT, Commit, CommitSlot, vote_message
from tfchain.ledger.state import State
from tfchain.node.config import NodeConfig, Place
from tfchain.node.home import Home, Seeds, create_home, load_genesis
from tfchain.replica.effects import Save
from tfchain.store.chain import ChainStore
from tfchain.store.open import open_store
from tfchain.store.restoring import begun
from tfchain.store.snapshot import Shelf

SEED = bytes([5]) * 32
KEY = Address(crypto.public_key(SEED))
TEMPLATE = Path(__file__).resolve().parents[3] / "genesis" / "devnet.toml"


def _genesis() -> str:
    name = to_text(KEY)
    return TEMPLATE.read_text(encoding="utf-8").replace("time = 0", "time = 1700000000") + (
        f'[[account]]\naddress = "{name}"\nbalance = 1000000000\n'
        f'[[validator]]\nkey = "{name}"\npower = 1\nreward_account = "{name}"\n'
        f'[[guardian]]\naccount = "{name}"\n'
    )


def _home(folder: Path) -> Home:
    config = NodeConfig(p2p=Place(), http=Place())
    return create_home(folder, _genesis(), config, Seeds(node=bytes([9]) * 32, validator=None))


def _grow(home: Home, count: int) -> None:
    """Blocks of one validator, without a node."""
    with closing(open_store(home.store)) as store:
        chain = ChainStore(store)
        chain.begin(load_genesis(home))
        for _ in range(count):
            tip, params = chain.tip(), params_of(State(store))
            proposer, time = tip.validators.proposer(Round(0)).address, Millis(tip.time + 1_000)
            block = next_block(tip, params, time, proposer, (), chain.commit(tip.height))
            height = Height(tip.height + 1)
            text = vote_message(params.chain_id, PRECOMMIT, height, Round(0), block.id)
            slot = CommitSlot(flag=FOR_BLOCK, signature=crypto.sign(SEED, text))
            commit = Commit(height=height, round=Round(0), block_id=block.id, slots=(slot,))
            outcome = execute(store, input_of(tip, block))
            after = next_tip(tip, block, outcome)
            chain.save(Save(block=block, commit=commit, outcome=outcome, tip=after))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Five blocks, no snapshot."""
    made = _home(tmp_path / "home")
    _grow(made, 5)
    return made


def _call(*arguments: str | Path) -> Result:
    return CliRunner().invoke(verb.app, [str(one) for one in arguments], env={"COLUMNS": "200"})


def _listed(home: Home) -> list[dict[str, object]]:
    result = _call("list", "--home", home.folder, "--json")
    rows: list[dict[str, object]] = json.loads(result.output)["snapshots"]
    return rows


@pytest.fixture
def made(home: Home) -> dict[str, object]:
    """A complete snapshot of height 5, as `list` shows it."""
    assert "height 5" in _call("make", "--home", home.folder).output
    _grow(home, 2)
    assert _call("make", "--home", home.folder).exit_code == 0
    return _listed(home)[1]


def test_a_snapshot_is_made_and_completed_by_later_blocks(home: Home) -> None:
    assert "no snapshots" in _call("list", "--home", home.folder).output
    first = _call("make", "--home", home.folder)
    assert "it is complete once" in first.output
    assert [(row["height"], row["complete"]) for row in _listed(home)] == [(5, False)]
    assert "two blocks later" in _call("list", "--home", home.folder).output
    _grow(home, 2)
    _call("make", "--home", home.folder)
    rows = _listed(home)
    assert [(row["height"], row["complete"]) for row in rows] == [(7, False), (5, True)]
    assert f"--trust {rows[1]['trust']}" in _call("list", "--home", home.folder).output


def test_a_running_node_is_asked_for_one(home: Home) -> None:
    with closing(open_store(home.store)):
        result = _call("make", "--home", home.folder)
    assert result.exit_code == 0
    assert "the node runs" in result.output
    assert (home.snapshots / "request").exists()


def test_what_is_no_home_has_no_snapshots(tmp_path: Path) -> None:
    result = _call("make", "--home", tmp_path / "none")
    assert isinstance(result.exception, Unavailable)


def _restore(home: Home, trust: object, source: object) -> Result:
    words = ["--home", str(home.folder), "--trust", str(trust), "--from", str(source)]
    return _call("restore", *words)


def test_a_snapshot_is_restored_in_another_home(
    home: Home, made: dict[str, object], tmp_path: Path
) -> None:
    other = _home(tmp_path / "other")
    other.wal.write_bytes(b"of the empty store")
    result = _restore(other, made["trust"], made["path"])
    assert result.exit_code == 0, result.exception
    assert "restored at height 5" in result.output
    assert not other.wal.exists()
    with closing(open_store(other.store)) as store, closing(open_store(home.store)) as source:
        block = ChainStore(source).block(Height(5))
        assert block is not None and ChainStore(store).tip().block_id == block.id
    again = _restore(other, made["trust"], made["path"])
    assert "a chain in the store" in str(again.exception)


def test_a_restore_that_lacks_a_chunk_goes_on_once_it_is_there(
    made: dict[str, object], tmp_path: Path
) -> None:
    other, copy = _home(tmp_path / "other"), tmp_path / "copy" / str(made["height"]).zfill(20)
    shutil.copytree(str(made["path"]), copy)
    chunk = copy / "chunk-00003"
    kept = chunk.read_bytes()
    chunk.unlink()
    assert "chunk 3 is missing" in str(_restore(other, made["trust"], copy).exception)
    chunk.write_bytes(kept[:-1] + b"\x00")
    assert isinstance(_restore(other, made["trust"], copy).exception, Malformed)
    with closing(open_store(other.store)) as store:
        assert begun(store) is not None
    chunk.write_bytes(kept)
    assert _restore(other, made["trust"], copy).exit_code == 0


def test_what_is_not_trusted_is_not_restored(
    home: Home, made: dict[str, object], tmp_path: Path
) -> None:
    other = _home(tmp_path / "other")
    wrong = {
        f"6:{'00' * 32}": "wrong_hash",
        f"3:{'00' * 32}": "the headers 5 to 7, not 3",
        "6": "HEIGHT:HASH",
    }
    for trust, word in wrong.items():
        assert word in str(_restore(other, trust, made["path"]).exception)
    newer = Shelf(home.snapshots).of(Height(7))
    assert "no complete snapshot" in str(_restore(other, made["trust"], newer).exception)
    odd = _restore(other, made["trust"], tmp_path)
    assert "named by its height" in str(odd.exception)
    assert not other.store.exists()


# As a person sees it.

NO, WRONG, UNREACHABLE = 1, 2, 3
Called = Callable[[list[str]], tuple[object, str, str]]


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Called:
    """`called(argv)`: exit code, output and error of `tfchain snapshot`, through the front door."""

    def call(argv: list[str]) -> tuple[object, str, str]:
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["tfchain", "snapshot", *argv])
        with pytest.raises(SystemExit) as end:
            door.main()
        return end.value.code, *capsys.readouterr()

    return call


@pytest.fixture
def names(home: Home, made: dict[str, object], tmp_path: Path) -> dict[str, object]:
    """What the words of a call may stand for."""
    spoiled = _home(tmp_path / "spoiled")
    spoiled.genesis.unlink()
    return {
        "home": home.folder,
        "other": _home(tmp_path / "other").folder,
        "none": tmp_path / "none",
        "spoiled": spoiled.folder,
        "path": made["path"],
        "trust": made["trust"],
        "newer": Shelf(home.snapshots).of(Height(7)),
    }


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        pytest.param(
            "restore --home {other} --from {path} --trust 6:" + "00" * 32,
            NO,
            "wrong_hash: block 6 is",
            id="another block",
        ),
        pytest.param(
            "restore --home {other} --from {path} --trust 99:" + "00" * 32,
            NO,
            "the headers 5 to 7, not 99",
            id="a block that proves nothing here",
        ),
        pytest.param(
            "restore --home {other} --from {path} --trust {trust}0",
            UNREACHABLE,
            "64 hex digits",
            id="no block",
        ),
        pytest.param(
            "restore --home {home} --from {path} --trust {trust}",
            UNREACHABLE,
            "there is a chain in the store already",
            id="a home with blocks",
        ),
        pytest.param(
            "restore --home {other} --from {newer} --trust {trust}",
            UNREACHABLE,
            "this is no complete snapshot",
            id="one that is not complete",
        ),
        pytest.param("restore --home {other} --from {path}", WRONG, "--trust", id="no trust"),
        pytest.param("make --home {none}", UNREACHABLE, "no node's home", id="no home"),
        pytest.param("make --home {spoiled}", UNREACHABLE, "genesis", id="a home without genesis"),
        pytest.param("burn", WRONG, "no such command", id="another verb"),
    ],
)
def test_a_no_is_one_line_and_a_code(
    called: Called, names: dict[str, object], words: str, code: int, says: str
) -> None:
    ended, out, err = called([word.format(**names) for word in words.split()])
    assert (ended, out) == (code, ""), err
    assert err.count("\n") == 1
    assert says in err


def test_a_store_that_cannot_be_opened_is_named(home: Home) -> None:
    """Only one that is in use has a node to ask."""
    shutil.rmtree(home.store)
    home.store.write_text("a file where a folder is due", encoding="utf-8")
    result = _call("make", "--home", home.folder)
    assert isinstance(result.exception, Unavailable)
    assert not (home.snapshots / "request").exists()
