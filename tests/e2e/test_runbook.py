"""The runbook in the README, line by line: each command is run as it stands there."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import time

import pytest
import trio

from tfchain.base.address import from_text, to_text
from tfchain.base.crypto import public_key
from tfchain.base.units import Address
from tfchain.client.http import connected
from tfchain.net.surface import Contact
from tfchain.node.config import NodeConfig, Place
from tfchain.node.home import Seeds, create_home
from tfchain.store.layout import META_LAYOUT
from tfchain.store.open import open_store
from tfchain.store.signer_files import create_signer_files

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[2]
SECTION = "## When something is wrong\n"
SEED = bytes([1]) * 32
HEIGHT = 4
PATIENCE_S = 60


@dataclass(frozen=True)
class Line:
    """What a command of the runbook does in a sound world."""

    code: int
    says: str
    before: str = ""
    """Commands of the runbook that come first."""


WAITS = -1
"""It runs until it is told to end."""

LINES = {
    "tfchain doctor --node URL": Line(1, "peers"),
    "tfchain status --node URL": Line(0, "waits for  precommits of"),
    "tfchain wal check --home HOME": Line(0, "it would replay height"),
    "tfchain wal show --home HOME": Line(0, "height    height"),
    "tfchain start --home HOME --allow-old-store": Line(
        WAITS, "http: ", before="mv HOME/data HOME/data.old"
    ),
    "tfchain init --genesis HOME/genesis.toml --home NEW": Line(0, "validator  5"),
    "tfchain validator move-out FILE --home HOME": Line(0, "carry"),
    "tfchain validator move-in FILE --home NEW": Line(
        0, "it votes from the next height on", before="tfchain validator move-out FILE --home HOME"
    ),
    "tfchain start --home HOME --set p2p.port=7401": Line(WAITS, ":7401"),
    "mv HOME/data HOME/data.old": Line(0, ""),
    "tfchain backup BACKUP --home HOME": Line(0, "left out   all keys, and signer.state"),
    "tar -xf BACKUP -C HOME data": Line(0, "", before="tfchain backup BACKUP --home HOME"),
    "tar -xf BACKUP -C NEW data": Line(
        0,
        "",
        before="tfchain init --genesis HOME/genesis.toml --home NEW"
        " && tfchain backup BACKUP --home HOME",
    ),
    "tfchain diff-state HOME OTHER": Line(0, "state      equal"),
    "tfchain replay --home HOME --height HEIGHT --trace": Line(0, "verdict    roots are those"),
    "tfchain export --home HOME --out FILE": Line(0, "blocks in"),
    "tfchain audit FILE": Line(0, "audit: ok", before="tfchain export --home HOME --out FILE"),
    "tfchain start --home HOME --halt-height HEIGHT": Line(0, "halted: height 4 is stored"),
}


def commands() -> list[str]:
    """The commands between backticks in the runbook's table, in their order, each once."""
    text = (ROOT / "README.md").read_text("utf-8")
    section = text[text.index(SECTION) + len(SECTION) :].partition("\n## ")[0]
    found = re.findall(r"`((?:tfchain|mv|tar) [^`]+)`", section)
    return list(dict.fromkeys(found))


def test_every_line_of_the_runbook_is_run_below() -> None:
    assert commands() == list(dict.fromkeys(commands()))
    assert sorted(commands()) == sorted(LINES)


@dataclass(frozen=True)
class World:
    """A validator that ran, one that follows it, and the folder they stand in."""

    folder: Path


def genesis() -> str:
    name = to_text(Address(public_key(SEED)))
    text = (ROOT / "genesis" / "devnet.toml").read_text(encoding="utf-8")
    return text.replace("time = 0", f"time = {int(time())}").replace(
        "interval = 1000", "interval = 300"
    ) + (
        f'[[account]]\naddress = "{name}"\nbalance = 1000000000\n'
        f'[[validator]]\nkey = "{name}"\npower = 1\nreward_account = "{name}"\n'
        f'[[guardian]]\naccount = "{name}"\n'
    )


def called(command: str, folder: Path) -> subprocess.Popen[str]:
    words = shlex.split(command)
    words = [sys.executable, "-m", *words] if words[0] == "tfchain" else words
    return subprocess.Popen(
        words,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", "COLUMNS": "200"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def read_until(process: subprocess.Popen[str], pattern: str) -> re.Match[str]:
    """The first line that fits; fails when the process ends before."""
    assert process.stdout is not None
    seen = []
    for line in process.stdout:
        seen.append(line)
        found = re.search(pattern, line)
        if found:
            return found
    raise AssertionError("".join(seen))


def ended(process: subprocess.Popen[str]) -> str:
    process.send_signal(signal.SIGTERM)
    return process.communicate(timeout=PATIENCE_S)[0]


async def reach(url: str, height: int) -> None:
    async with connected(url) as client:
        await client.wait_height(height, PATIENCE_S)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Both stopped after a few blocks; the validator died, the other one was told to end."""
    folder = tmp_path_factory.mktemp("runbook")
    config = NodeConfig(p2p=Place(), http=Place(), anyone=True)
    seeds = Seeds(node=bytes([2]) * 32, validator=SEED)
    home = create_home(folder / "HOME", genesis(), config, seeds)
    validator = called("tfchain start --home HOME", folder)
    url = read_until(validator, r"http: (\S+)")[1]
    peer = read_until(validator, r"p2p: (\S+) at (\S+):(\d+)")
    contact = Contact(key=from_text(peer[1]), host=peer[2], port=int(peer[3]))
    follows = NodeConfig(p2p=Place(), http=Place(), peers=(contact,))
    text = home.genesis.read_text("utf-8")
    create_home(folder / "OTHER", text, follows, Seeds(node=bytes([3]) * 32, validator=None))
    trio.run(reach, url, HEIGHT + 2)
    other = called(f"tfchain start --home OTHER --halt-height {HEIGHT + 1}", folder)
    other.communicate(timeout=PATIENCE_S)
    validator.kill()
    validator.communicate(timeout=PATIENCE_S)
    return World(folder)


@pytest.fixture
def folder(world: World, tmp_path: Path) -> Path:
    """A copy of the world for one command."""
    shutil.copytree(world.folder, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.fixture
def url(folder: Path) -> Iterator[str]:
    """A node that runs and waits for a validator that does not."""
    process = called("tfchain start --home OTHER", folder)
    yield read_until(process, r"http: (\S+)")[1]
    ended(process)


@pytest.mark.parametrize("command", list(LINES))
def test_a_line_of_the_runbook_does_what_it_says(
    command: str, folder: Path, request: pytest.FixtureRequest
) -> None:
    line = LINES[command]
    if "--home NEW" in command and command != "tfchain init --genesis HOME/genesis.toml --home NEW":
        run("tfchain init --genesis HOME/genesis.toml --home NEW", folder)
    for before in filter(None, line.before.split(" && ")):
        run(before, folder)
    filled = command.replace("HEIGHT", str(HEIGHT))
    if "URL" in filled:
        filled = filled.replace("URL", request.getfixturevalue("url"))
    if line.code == WAITS:
        process = called(filled, folder)
        read_until(process, re.escape(line.says))
        told = ended(process)
        assert process.returncode == 0, told
    else:
        assert line.says in run(filled, folder, line.code)


def with_a_store_of_layout_1(folder: Path) -> None:
    store = open_store(folder / "HOME" / "data")
    store.write([(META_LAYOUT, (1).to_bytes(4, "big"))])
    store.close()


def with_the_store_of_an_old_backup(folder: Path) -> None:
    """The follower was told to halt before the validator died."""
    shutil.rmtree(folder / "HOME" / "data")
    shutil.copytree(folder / "OTHER" / "data", folder / "HOME" / "data")


def with_the_signer_of_an_old_backup(folder: Path) -> None:
    (folder / "HOME" / "signer.state").unlink()
    create_signer_files(folder / "spare.key", folder / "HOME" / "signer.state", SEED)


def without_the_signer_state(folder: Path) -> None:
    (folder / "HOME" / "signer.state").unlink()


def without_the_log(folder: Path) -> None:
    (folder / "HOME" / "wal").unlink()
    with_the_store_of_an_old_backup(folder)


def with_the_validator_moved_out(folder: Path) -> None:
    run("tfchain validator move-out FILE --home HOME", folder)


@pytest.mark.parametrize(
    ("harm", "says", "way_on"),
    [
        pytest.param(
            with_a_store_of_layout_1,
            "the store has layout 1, this program knows layout",
            "tfchain start --home HOME --allow-old-store",
            id="a store of an older program",
        ),
        pytest.param(
            with_the_store_of_an_old_backup,
            f"the store ends at height {HEIGHT + 1}, but this validator signed at",
            "tfchain start --home HOME --allow-old-store",
            id="an old backup of the store",
        ),
        pytest.param(
            without_the_log,
            "but this validator signed at",
            "tfchain start --home HOME --allow-old-store",
            id="an old backup without a log",
        ),
        pytest.param(
            with_the_signer_of_an_old_backup,
            "the signer state is older than the rest of the home",
            "",
            id="an old backup of the signer state",
        ),
        pytest.param(
            without_the_signer_state, "signer.state", "", id="a signer state that is lost"
        ),
        pytest.param(
            with_the_validator_moved_out,
            "this home's validator was moved out",
            "tfchain validator move-in FILE --home HOME",
            id="a validator that was moved away",
        ),
    ],
)
def test_what_could_sign_twice_is_refused_with_the_way_on(
    harm: Callable[[Path], None], says: str, way_on: str, folder: Path
) -> None:
    harm(folder)
    for allowed in ("", " --allow-old-store") if not way_on else ("",):
        told = run(f"tfchain start --home HOME{allowed}", folder, 3)
        assert says in told
        assert told.count("\n") == 1, "a refusal is one line"
    if harm is with_a_store_of_layout_1:
        run("mv HOME/data HOME/data.old", folder)
    if way_on.startswith("tfchain validator"):
        run(way_on, folder)
        way_on = "tfchain start --home HOME"
    if way_on:
        process = called(way_on, folder)
        read_until(process, "http: ")
        ended(process)
        assert process.returncode == 0


def test_a_lost_database_comes_back_from_its_backup(folder: Path) -> None:
    """What was signed after the backup was made is remembered: the signer's state never left."""
    run("tfchain backup BACKUP --home OTHER", folder)
    run("mv HOME/data HOME/data.old", folder)
    run("tar -xf BACKUP -C HOME data", folder)
    assert "but this validator signed at" in run("tfchain start --home HOME", folder, 3)
    process = called("tfchain start --home HOME --allow-old-store", folder)
    read_until(process, "http: ")
    ended(process)
    assert process.returncode == 0


def test_on_a_new_machine_another_goes_on_from_a_backup(folder: Path) -> None:
    run("tfchain backup BACKUP --home HOME", folder)
    run("tar -xf BACKUP genesis.toml", folder)
    run("tfchain init --genesis genesis.toml --home NEW", folder)
    run("tar -xf BACKUP -C NEW data", folder)
    ports = "--set p2p.port=0 --set http.port=0"
    process = called(f"tfchain start --home NEW {ports}", folder)
    said = read_until(process, r"height (\d+)")
    ended(process)
    assert process.returncode == 0
    assert int(said[1]) > HEIGHT


def test_a_node_that_waits_names_the_validator_that_is_not_there(url: str) -> None:
    told = run(f"tfchain status --json --node {url}", ROOT)
    waiting = json.loads(told)["waiting"]
    name = to_text(Address(public_key(SEED)))
    assert waiting["proposer"] == name
    assert (waiting["prevotes_missing"], waiting["precommits_missing"]) == ([name], [name])
    assert waiting["height"] > HEIGHT
    assert waiting["round"] == 0


def run(command: str, folder: Path, code: int = 0) -> str:
    process = called(command, folder)
    told, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == code, told
    return told
