"""The verbs of an operator, through the command line: what each says, and what it leaves on the disk."""

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tfchain.cli import front
from tfchain.cli.main import VERBS
from tfchain.node.config import NodeConfig, Place, read_config
from tfchain.node.devnet.homes import Stamp, stamped, template_text
from tfchain.node.disk import opened_parts
from tfchain.node.home import Home, Seeds, create_home, load_config

ROOT: Final = Path(__file__).resolve().parents[3]
TEMPLATE: Final = str(ROOT / "genesis" / "devnet.toml")


def call(line: str) -> None:
    assert front.called(shlex.split(line), {}, VERBS) == 0


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home whose database has its genesis."""
    genesis = stamped(template_text(), Stamp(time=1_700_000_000, salt="s"), 1, 1)
    config = NodeConfig(p2p=Place(), http=Place())
    seeds = Seeds(node=bytes([1]) * 32, validator=bytes([2]) * 32)
    made = create_home(tmp_path / "home", genesis, config, seeds)
    with opened_parts(made, load_config(made)):
        return made


def test_a_home_alone_has_its_keys_and_no_peers(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call(f"init --genesis {home.genesis} --home {tmp_path}/other")
    said = capsys.readouterr().out
    assert re.search(r"^validator  5\w+$", said, re.MULTILINE)
    assert load_config(Home(tmp_path / "other")).peers == ()


def test_a_network_says_how_each_home_gets_to_its_machine(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    net = tmp_path / "net"
    call(f"init --network 2 --genesis {TEMPLATE} --home {net} --host a --host 127.0.0.1:9000")
    said = capsys.readouterr().out
    assert f"  scp -rp {net}/validator-0 a: and there: tfchain start --home validator-0\n" in said
    assert f"  here: tfchain start --home {net}/validator-1\n" in said
    assert f"  rm -r {net}/validator-*: a key on two machines" in said
    config = read_config((net / "validator-0" / "config.toml").read_text("utf-8"))
    assert [(peer.host, peer.port) for peer in config.peers] == [("127.0.0.1", 9000)]


def test_a_network_on_this_machine_is_not_carried_away(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call(f"init --network 3 --genesis {TEMPLATE} --home {tmp_path}/net")
    said = capsys.readouterr().out
    assert "scp" not in said and "rm -r" not in said
    assert said.count("  here: tfchain start --home ") == 3


@pytest.mark.parametrize(
    ("more", "kept"),
    [
        pytest.param("", "left out   all keys, and signer.state", id="no keys"),
        pytest.param("--with-keys", "keys       node.key, validator.key: whoever", id="keys"),
    ],
)
def test_a_backup_says_what_is_not_in_it(
    more: str, kept: str, home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call(f"backup {tmp_path}/kept.tar --home {home.folder} {more}")
    said = capsys.readouterr().out
    assert "height 0" in said
    assert kept in said
    assert "signer.state" in said
    assert (tmp_path / "kept.tar").stat().st_size > 1_000


def test_a_unit_is_printed_and_nothing_is_started(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    call(f"start --home {home.folder} --print-unit --log-level warning")
    said = capsys.readouterr().out
    assert f"--home {home.folder} --set log.level=warning\n" in said
    assert not home.wal.exists()


def test_what_ends_a_node_is_told_as_its_log_is_written(home: Home) -> None:
    """As a process of its own: it sets up the interpreter as a node needs it."""
    start = [sys.executable, "-m", "tfchain", "start", "--home", str(home.folder)]
    home.validator_key.unlink()
    done = subprocess.run(
        [*start, "--log-format", "json"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (3, "")
    assert '"event": "ended", "reason": "a signer state stands here' in done.stderr
    plain = subprocess.run(start, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (plain.returncode, plain.stdout) == (3, "")
    assert plain.stderr.startswith("tfchain: a signer state stands here")
