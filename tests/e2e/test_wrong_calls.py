"""Calls that cannot come to anything: one line each, the right exit code, nothing on stdout.

Most run in this process, through the real front door; some as processes of their own, and those that
need a node ask a real one.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

import pytest

from tfchain.base.address import to_text
from tfchain.base.limits import GENESIS_BYTES_MAX
from tfchain.base.units import Address
from tfchain.cli import main as door
from tfchain.client.key_files import save_sealed
from tfchain.node.config import NodeConfig, Place
from tfchain.node.devnet.homes import Network, Stamp, lay_out, stamped, template_text
from tfchain.node.disk import opened_parts
from tfchain.node.home import Seeds, create_home, load_config

ROOT: Final = Path(__file__).resolve().parents[2]
NO, WRONG, UNREACHABLE = 1, 2, 3
PATIENCE_S: Final = 60
BERT: Final = to_text(Address(bytes([7]) * 32))
TYPO: Final = BERT[:-1] + ("a" if BERT[-1] != "a" else "b")
TRANSFER: Final = "tx transfer --key //Alice --to {bert} --amount 1TFT"
ALONE: Final = "--chain-id c --nonce 0 --valid-until 9 --fee 1"


@dataclass(frozen=True)
class Ended:
    """How a call ended."""

    code: int
    out: str
    err: str


Call = Callable[..., Ended]


def shows(ended: Ended, code: int, says: str) -> None:
    """What every wrong call has in common."""
    assert ended.code == code, ended
    assert ended.out == "", ended
    assert ended.err.endswith("\n"), ended
    assert ended.err.count("\n") == 1, ended
    assert ended.err.startswith(("tfchain", "audit: FAILED: ")), ended
    assert "Traceback" not in ended.err
    assert "unforeseen" not in ended.err
    assert says in ended.err, ended


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """`call(argv, node)`: through the front door, in this process."""

    def through(argv: list[str], node: str = "") -> Ended:
        monkeypatch.setenv("TFCHAIN_NODE", node)
        monkeypatch.setattr(sys, "argv", ["tfchain", *argv])
        with pytest.raises(SystemExit) as end:
            door.main()
        out, err = capsys.readouterr()
        assert type(end.value.code) is int
        return Ended(end.value.code, out, err)

    return through


def run(*argv: str, env: dict[str, str] | None = None) -> Ended:
    """As a process."""
    done = subprocess.run(
        [sys.executable, "-m", "tfchain", *argv],
        cwd=ROOT,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=PATIENCE_S,
        check=False,
        env={**os.environ, "TFCHAIN_NODE": "", **(env or {})},
    )
    return Ended(done.returncode, done.stdout, done.stderr)


# --- what the calls name --------------------------------------------------------------------------


def genesis(salt: str) -> str:
    return stamped(template_text(), Stamp(time=1_700_000_000, salt=salt), 1, 1)


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one of everything that a call should not name."""
    folder = tmp_path_factory.mktemp("wrong")
    (folder / "garbage").write_bytes(b"\x00\xff garbage\n" * 9)
    (folder / "garbage").chmod(0o600)
    (folder / "empty").write_bytes(b"")
    (folder / "folder").mkdir()
    (folder / "full" / "validator-0" / "old").mkdir(parents=True)
    (folder / "loop").symlink_to(folder / "loop")
    (folder / "large").write_bytes(b"#" * (GENESIS_BYTES_MAX + 1))
    (folder / "list.json").write_text("[]", encoding="utf-8")
    (folder / "broken.json").write_text('{"amount": ', encoding="utf-8")
    (folder / "odd.json").write_text('{"amuont": "1TFT"}', encoding="utf-8")
    (folder / "right").write_bytes(b"right\n")
    (folder / "wrong").write_bytes(b"wrong\n")
    save_sealed(folder / "sealed.key", bytes([1]) * 32, b"right", bytes(40))
    (folder / "genesis.toml").write_text(genesis("one"), encoding="utf-8")
    (folder / "period").write_text('{"input": 1}\n', encoding="utf-8")
    config = NodeConfig(p2p=Place(), http=Place())
    seeds = Seeds(node=bytes([1]) * 32, validator=bytes([2]) * 32)
    create_home(folder / "new", genesis("one"), config, seeds)
    other = create_home(folder / "other", genesis("one"), config, seeds)
    with opened_parts(other, load_config(other)):
        pass  # the store begins with this genesis
    other.genesis.write_text(genesis("two"), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def stranger() -> Iterator[str]:
    """The address of a server that speaks HTML."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b"<html><body>It works!</body></html>"
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # type: ignore[explicit-override]  # noqa: A002
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def closed() -> str:
    """An address where nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{held.getsockname()[1]}"


@pytest.fixture
def names(shelf: Path, stranger: str, closed: str) -> dict[str, str]:
    """What the words of a call may stand for."""
    chain = str(ROOT / "tests" / "golden" / "devnet.tfc")
    here = {"bert": BERT, "typo": TYPO, "stranger": stranger, "closed": closed, "chain": chain}
    return {**here, "at": str(shelf)}


ALICE: Final = "--key //Alice"
CALLS: Final = [
    pytest.param("foo", WRONG, "no such command 'foo'", id="a verb nobody knows"),
    pytest.param("", WRONG, "a verb is due: devnet", id="no verb"),
    pytest.param("show", WRONG, "a verb is due: account", id="half a verb"),
    pytest.param("show nod 1", WRONG, "Did you mean 'node'", id="a verb with a typo"),
    pytest.param("--verison", WRONG, "--verison", id="an option with a typo"),
    pytest.param("tx transfer", WRONG, "missing option '--key'", id="an option is missing"),
    pytest.param("audit", WRONG, "missing argument", id="an argument is missing"),
    pytest.param("show node one", WRONG, "number", id="a word where a number is due"),
    pytest.param("show node 0", WRONG, "number", id="a number out of range"),
    pytest.param("show block x", WRONG, "a height is due", id="a height that is none"),
    pytest.param("show batch 0-42", WRONG, "SCHEDULE/PERIOD", id="a batch with a typo"),
    pytest.param("show tx abcd", WRONG, "64 hex digits", id="half a transaction id"),
    pytest.param("show account {typo}", WRONG, "address", id="an address with a typo"),
    pytest.param(f"tx transfer {ALICE} --to {{bert}} --amuont 1", WRONG, "--amuont", id="no field"),
    pytest.param(
        f"tx transfer {ALICE} --to {{bert}} --amount 1.5TTF", WRONG, "amount", id="amount: a typo"
    ),
    pytest.param(
        f"tx transfer {ALICE} --to {{bert}} --amount 0.00000001TFT", WRONG, "amount", id="too fine"
    ),
    pytest.param(
        f"tx transfer {ALICE} --to {{bert}} --amount -1", WRONG, "amount", id="less than nothing"
    ),
    pytest.param(
        f"tx transfer {ALICE} --to {{typo}} --amount 1",
        WRONG,
        "to: the address has a typo",
        id="to nobody",
    ),
    pytest.param(f"tx transfer {ALICE} --amount 1", WRONG, "to", id="a field is missing"),
    pytest.param(f"{TRANSFER} --json {{at}}/broken.json", WRONG, "not JSON", id="bad JSON"),
    pytest.param(f"{TRANSFER} --json {{at}}/list.json", WRONG, "an object", id="JSON: a list"),
    pytest.param(f"{TRANSFER} --json {{at}}/odd.json", WRONG, "amuont", id="JSON: a strange field"),
    pytest.param(f"{TRANSFER} --json {{at}}/large", WRONG, "more than", id="JSON: too large"),
    pytest.param(f"{TRANSFER} --json {{at}}/none", UNREACHABLE, "none", id="JSON: no file"),
    pytest.param(f"{TRANSFER} --fee much", WRONG, "amount", id="a fee that is none"),
    pytest.param(f"{TRANSFER} --offline x --chain-id c", WRONG, "due too", id="offline, half said"),
    pytest.param(
        f"{TRANSFER} {ALONE} --offline {{at}}/no/tx", UNREACHABLE, "no/tx", id="out: no folder"
    ),
    pytest.param(
        f"{TRANSFER} {ALONE} --offline {{at}}/folder", UNREACHABLE, "folder", id="out: a folder"
    ),
    pytest.param(
        "tx transfer --key {at}/garbage --to {bert} --amount 1", WRONG, "--key", id="no key in it"
    ),
    pytest.param("keys show {at}/none", UNREACHABLE, "none", id="a key file that is not there"),
    pytest.param("keys show {at}/folder", UNREACHABLE, "folder", id="a folder for a key"),
    pytest.param("keys show {at}/genesis.toml", UNREACHABLE, "genesis.toml", id="an open key file"),
    pytest.param("keys show {at}/loop", UNREACHABLE, "loop", id="a file that cannot be read"),
    pytest.param(
        "keys show {at}/sealed.key --passphrase-file {at}/wrong", WRONG, "--key", id="wrong words"
    ),
    pytest.param("keys show {at}/sealed.key", WRONG, "--passphrase-file", id="no passphrase"),
    pytest.param(
        "keys show {at}/sealed.key --passphrase-file {at}/empty", WRONG, "bytes", id="an empty one"
    ),
    pytest.param("keys new --plain {at}/empty", UNREACHABLE, "never overwritten", id="keys: there"),
    pytest.param("keys new --plain --words 13 {at}/k", WRONG, "12 or 24", id="13 words"),
    pytest.param("tx send {at}/garbage --node {closed}", WRONG, "garbage", id="send: garbage"),
    pytest.param("tx send {at}/folder --node {closed}", UNREACHABLE, "folder", id="send: a folder"),
    pytest.param("status --node {closed}", UNREACHABLE, "does not answer", id="nobody listens"),
    pytest.param("status --node localhost:1", UNREACHABLE, "localhost:1", id="no URL"),
    pytest.param("status --node http://[", UNREACHABLE, "http://[", id="half a URL"),
    pytest.param("status", UNREACHABLE, "no node was named", id="no node, no devnet"),
    pytest.param("doctor", UNREACHABLE, "no node was named", id="doctor: no node"),
    pytest.param("status --node {stranger}", UNREACHABLE, "no tfchain node", id="an HTML server"),
    pytest.param(
        "show account {bert} --node {stranger}", UNREACHABLE, "no tfchain node", id="HTML: account"
    ),
    pytest.param(
        f"{TRANSFER} --node {{stranger}}", UNREACHABLE, "no tfchain node", id="HTML: a transaction"
    ),
    pytest.param(
        "export --out {at}/x --node {stranger}", UNREACHABLE, "", id="HTML: an export of it"
    ),
    pytest.param(
        "export --out {at}/x --node {closed} --home {at}/new", WRONG, "--home", id="two sources"
    ),
    pytest.param(
        "export --out {at}/x --home {at}/none", UNREACHABLE, "no node's home", id="no home"
    ),
    pytest.param(
        "export --out {at}/x --home {at}/new", UNREACHABLE, "home", id="export of nothing"
    ),
    pytest.param(
        "export --out {at}/folder --home {at}/new", UNREACHABLE, "folder", id="to a folder"
    ),
    pytest.param("audit {at}/none", UNREACHABLE, "none", id="audit: no file"),
    pytest.param("audit {at}/folder", UNREACHABLE, "folder", id="audit: a folder"),
    pytest.param("audit {at}/loop", UNREACHABLE, "loop", id="audit: a file in a circle"),
    pytest.param("audit {at}/garbage", NO, "", id="audit: garbage"),
    pytest.param("audit {at}/empty", NO, "", id="audit: nothing"),
    pytest.param("audit {chain} --trust 7:xyz", WRONG, "HEIGHT:HASH", id="trust with a typo"),
    pytest.param("statement {at}/none --node 1", UNREACHABLE, "none", id="statement: no file"),
    pytest.param("statement {at}/garbage --node 1", UNREACHABLE, "", id="statement: garbage"),
    pytest.param("statement {chain} --node 999", NO, "unknown_node", id="a node nobody knows"),
    pytest.param("statement {chain} --node 1 --period 999", NO, "unknown_period", id="no period"),
    pytest.param("minting compute {at}/none", UNREACHABLE, "none", id="minting: no file"),
    pytest.param("minting compute {at}/folder", UNREACHABLE, "folder", id="minting: a folder"),
    pytest.param("minting compute {at}/period", UNREACHABLE, "line 1", id="minting: no period"),
    pytest.param(
        "minting compute {at}/period --out {at}/no/x", UNREACHABLE, "no/x", id="minting: no place"
    ),
    pytest.param("simulate --seeds 0..x", WRONG, "a seed or a range", id="seeds with a typo"),
    pytest.param("simulate --seeds 9..0", WRONG, "seeds", id="seeds backwards"),
    pytest.param("simulate --seeds 1 --scenario no", WRONG, "no", id="a scenario nobody knows"),
    pytest.param("start --home {at}/none", UNREACHABLE, "no node's home", id="start: no home"),
    pytest.param("start --home {at}/other", UNREACHABLE, "", id="start: another chain's store"),
    pytest.param("start --home {at}/new --set x=1", WRONG, "NAME=VALUE", id="a strange setting"),
    pytest.param("init --home {at}/h --genesis {at}/none", UNREACHABLE, "none", id="no genesis"),
    pytest.param(
        "init --home {at}/h --genesis {at}/folder", UNREACHABLE, "folder", id="init: folder"
    ),
    pytest.param(
        "init --home {at}/h --genesis {at}/large", UNREACHABLE, "more than", id="too large"
    ),
    pytest.param("init --home {at}/h --genesis {at}/garbage", UNREACHABLE, "garbage", id="no text"),
    pytest.param(
        "init --home {at}/new --genesis {at}/genesis.toml",
        UNREACHABLE,
        "not empty",
        id="home: there",
    ),
    pytest.param(
        "config show --home {at}/none", UNREACHABLE, "no node's home", id="config: no home"
    ),
    pytest.param("config show --set http.port=x", WRONG, "a whole number", id="a port in letters"),
    pytest.param("devnet --validators 0", WRONG, "--validators", id="a devnet of nobody"),
    pytest.param("devnet --store paper", WRONG, "leveldb", id="a store nobody knows"),
    pytest.param(
        "devnet --home {at}/full --once", UNREACHABLE, "validator-0", id="devnet: no room"
    ),
    pytest.param("completion tcsh", WRONG, "tcsh", id="a shell nobody knows"),
]


@pytest.mark.parametrize(("line", "code", "says"), CALLS)
def test_a_wrong_call_is_one_line(
    line: str, code: int, says: str, names: dict[str, str], call: Call
) -> None:
    shows(call([word.format(**names) for word in line.split()]), code, says)


@pytest.mark.parametrize(
    ("line", "code", "says"),
    [one for one in CALLS if one.id in {"a verb nobody knows", "nobody listens", "audit: garbage"}],
)
def test_it_is_the_same_as_a_process(
    line: str, code: int, says: str, names: dict[str, str]
) -> None:
    shows(run(*[word.format(**names) for word in line.split()]), code, says)


def test_a_port_that_is_taken_is_named(shelf: Path) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        port = held.getsockname()[1]
        ended = run("start", "--home", str(shelf / "new"), "--set", f"http.port={port}")
    assert ended.code == UNREACHABLE, ended
    assert ended.out == ""
    assert "Traceback" not in ended.err
    last = ended.err.splitlines()[-1]  # before it stand the node's own lines, as JSON
    assert last.startswith("tfchain: cannot listen"), ended
    assert str(port) in last


# --- a reader who goes away, and what nobody foresaw ----------------------------------------------


def test_a_reader_that_goes_away_is_not_told() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as pipe:
        done = subprocess.run(
            [sys.executable, "-m", "tfchain", "reference"],
            stdout=pipe,
            stderr=subprocess.PIPE,
            timeout=PATIENCE_S,
            check=False,
        )
    assert (done.returncode, done.stderr) == (141, b"")


def test_ctrl_c_is_quiet() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        silent.settimeout(PATIENCE_S)
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        asking = subprocess.Popen(
            [sys.executable, "-m", "tfchain", "status", "--node", url],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        with silent.accept()[0]:  # it waits for the answer from now on
            asking.send_signal(signal.SIGINT)
            out, err = asking.communicate(timeout=PATIENCE_S)
    assert (asking.returncode, out, err) == (130, b"", b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no full device")
def test_a_full_disk_is_one_line() -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "tfchain", "--version"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
    shows(Ended(done.returncode, "", done.stderr), UNREACHABLE, "No space left")


# --- calls to a node that answers -----------------------------------------------------------------


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """One validator that runs."""
    stamp = Stamp(time=int(time.time()), salt="wrong")
    text = stamped(template_text(), stamp, 1, 1)
    laid = lay_out(tmp_path_factory.mktemp("net"), text, 1, 1, "sqlite")
    process = subprocess.Popen(
        [sys.executable, "-m", "tfchain", *laid.members[0].verb],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    assert any("http:" in line for line in process.stdout), "it says where it answers"
    yield laid
    process.terminate()
    process.wait(PATIENCE_S)
    process.stdout.close()


ASKED: Final = [
    pytest.param(
        f"{TRANSFER} --chain-id other-00000000", UNREACHABLE, "not other-00000000", id="wrong chain"
    ),
    pytest.param(f"{TRANSFER} --fee 1", NO, "fee", id="a fee that is too small"),
    pytest.param(f"{TRANSFER} --nonce 99999", NO, "nonce", id="a nonce far ahead"),
    pytest.param(f"{TRANSFER} --valid-until 999999999", NO, "far_expiry", id="valid for ever"),
    pytest.param(
        "tx transfer --key //Nobody --to {bert} --amount 1TFT", NO, "balance", id="no coins"
    ),
    pytest.param(
        "tx update_node --key //Alice --node-id 9", WRONG, "", id="an update without its fields"
    ),
    pytest.param("show node 999", NO, "not_found", id="a node nobody knows"),
    pytest.param("show farm 999 --json", NO, "not_found", id="a farm nobody knows"),
    pytest.param("show block 99999999", NO, "", id="a block of tomorrow"),
    pytest.param("show batch 0/99999", NO, "not_found", id="a period of tomorrow"),
    pytest.param(f"show tx {'ab' * 32} --proof", NO, "", id="a proof of nothing"),
    pytest.param("show totals --proof --trust 1:xyz", UNREACHABLE, "1:xyz", id="trust with a typo"),
    pytest.param("export --out {at}/x --home {home}", UNREACHABLE, "in use", id="a locked home"),
    pytest.param("export --out {at}/no/x", UNREACHABLE, "no/x", id="a file in no folder"),
]


@pytest.mark.e2e
@pytest.mark.parametrize(("line", "code", "says"), ASKED)
def test_a_node_that_answers_says_no_in_one_line(
    line: str,
    code: int,
    says: str,
    names: dict[str, str],
    network: Network,
    call: Call,
) -> None:
    member = network.members[0]
    argv = [word.format(home=member.home.folder, **names) for word in line.split()]
    shows(call(argv, "" if "{home}" in line else member.url), code, says)


@pytest.mark.e2e
def test_a_second_process_on_a_home_is_refused(network: Network) -> None:
    ended = run("start", "--home", str(network.members[0].home.folder))
    assert (ended.code, ended.out) == (UNREACHABLE, "")
    assert "in use" in ended.err.splitlines()[-1]
    assert "Traceback" not in ended.err
