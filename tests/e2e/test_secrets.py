"""Nothing secret is ever printed: keys that the test knows, in a validator that does all it can do.

A validator logs everything as JSON, a node that follows it as text; the guardian beside the validator
attests a month of 14 seconds. Meanwhile verbs are called rightly and wrongly with keys, words and
passphrases. Then all that was printed or logged is searched for each secret, however it is spelled.
"""

import base64
import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx
import pytest

from tfchain.base.address import from_text, to_text
from tfchain.base.crypto import digest
from tfchain.cli import main as door
from tfchain.client.keys import Key
from tfchain.net.surface import Contact
from tfchain.node.config import NodeConfig, Place
from tfchain.node.devnet.homes import free_ports
from tfchain.node.home import Home, Seeds, create_home

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

ROOT: Final = Path(__file__).resolve().parents[2]
PATIENCE_S: Final = 120
PASSPHRASE: Final = "correct horse battery staple 8"
SHORT: Final = {
    "interval = 1000": "interval = 200",
    "start = 15\n": "start = 1\n",
    "length = 60": "length = 14",
    "post_window = 12": "post_window = 10",
    "commit_window = 10": "commit_window = 3",
    "attest_window = 30": "attest_window = 5",
    "payout_delay = 4": "payout_delay = 2",
    "sleep_max = 20": "sleep_max = 10",
}
"""The devnet's month, made shorter."""


def seed(name: str) -> bytes:
    return digest(b"tf/test", name.encode())


VALIDATOR, NODE, GUARDIAN, RICH, FOLLOWER = map(
    seed, ("validator", "node", "guardian", "rich", "follower")
)
SEEDS: Final = {
    "validator": VALIDATOR,
    "node": NODE,
    "guardian": GUARDIAN,
    "rich": RICH,
    "follower": FOLLOWER,
}


# --- how a secret may be spelled ------------------------------------------------------------------


def spellings(secret: bytes) -> Iterator[str]:
    """Hex, base64 at any place in other bytes, Python's bytes and a list of numbers; cut too."""
    for part in (secret[:12], secret[-12:]):
        yield part.hex()
        yield part.hex().upper()
        yield ", ".join(map(str, part))
        yield repr(part)[2:-1]
        for before in range(3):
            text = base64.b64encode(bytes(before) + part).decode()
            inner = text[4 if before else 0 : -4]
            yield inner
            yield inner.translate(str.maketrans("+/", "-_"))


def words_of(phrase: str) -> Iterator[str]:
    """Any four words in a row: others may stand in the text by chance."""
    words = phrase.split()
    for first in range(len(words) - 3):
        yield " ".join(words[first : first + 4])


def seen(text: str, seeds: dict[str, bytes], phrase: str = "") -> list[str]:
    """The names of the secrets that a text tells."""
    found = {name for name, raw in seeds.items() if any(one in text for one in spellings(raw))}
    if PASSPHRASE in text or any(one in text for one in spellings(PASSPHRASE.encode())):
        found.add("passphrase")
    flat = " ".join(text.replace('"', " ").replace(",", " ").replace("'", " ").split())
    if phrase and any(words in flat for words in words_of(phrase)):
        found.add("words")
    return sorted(found)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"key {RICH.hex()}", id="hex"),
        pytest.param(f"key {RICH.hex()[:30].upper()}...", id="half of it, in capitals"),
        pytest.param(f"Key(seed={RICH!r})", id="a repr"),
        pytest.param(str(list(RICH)), id="numbers"),
        pytest.param(base64.b64encode(RICH).decode(), id="base64"),
        pytest.param(base64.b64encode(b"{" + RICH).decode(), id="base64 of more"),
        pytest.param(base64.urlsafe_b64encode(b"{}" + RICH + b"}").decode(), id="for addresses"),
    ],
)
def test_a_secret_that_is_told_is_seen(text: str) -> None:
    assert seen(text, SEEDS) == ["rich"]


def test_words_and_passphrases_are_seen() -> None:
    phrase = "abandon ability able about above absent"
    assert seen("['able', 'about', 'above', 'absent']", {}, phrase) == ["words"]
    assert seen(f"tried {PASSPHRASE!r}", {}, phrase) == ["passphrase"]
    assert seen("about above: able", {}, phrase) == []


# --- a network that is asked for everything -------------------------------------------------------


@dataclass
class World:
    """A validator and a node that follows it, and all that was printed."""

    folder: Path
    validator: Home
    follower: Home
    url: str
    p2p_port: int
    printed: list[str] = field(default_factory=list)
    processes: "list[subprocess.Popen[str]]" = field(default_factory=list)

    def start(self, home: Home, form: str) -> "subprocess.Popen[str]":
        """Both streams go to a file beside the home."""
        words = ["start", "--home", str(home.folder), "--log-level", "debug", "--log-format", form]
        with (self.folder / f"{home.folder.name}.log").open("ab") as sink:
            process = subprocess.Popen(
                [sys.executable, "-m", "tfchain", *words],
                cwd=ROOT,
                stdout=sink,
                stderr=sink,
                text=True,
                env={**os.environ, "PYTHONUNBUFFERED": "1", "TFCHAIN_TRACEBACK": "1"},
            )
        self.processes.append(process)
        return process

    def logged(self, home: Home) -> str:
        return (self.folder / f"{home.folder.name}.log").read_text(encoding="utf-8")

    def wait(self, what: str, happened: Callable[[], bool]) -> None:
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            assert self.processes[0].poll() is None, self.logged(self.validator)[-4_000:]
            with suppress(httpx.HTTPError, KeyError):
                if happened():
                    return
            time.sleep(0.2)
        pytest.fail(f"{what}: {self.logged(self.validator)[-4_000:]}")

    def batch(self) -> str:
        answer = httpx.get(f"{self.url}/v1/batches/0/0", trust_env=False)
        return str(answer.json()["state"])


def genesis() -> str:
    text = (ROOT / "genesis" / "devnet.toml").read_text(encoding="utf-8")
    for old, new in SHORT.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    names = {one: to_text(Key(seed(one)).address) for one in ("validator", "guardian", "rich")}
    return text.replace("time = 0", f"time = {int(time.time())}") + (
        f'[[account]]\naddress = "{names["rich"]}"\nbalance = 100000000000\n'
        f'[[account]]\naddress = "{names["guardian"]}"\nbalance = 10000000000\n'
        f'[[validator]]\nkey = "{names["validator"]}"\npower = 1\n'
        f'reward_account = "{names["guardian"]}"\n'
        f'[[guardian]]\naccount = "{names["guardian"]}"\n'
    )


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    p2p_port, http_port = free_ports(2)
    text = genesis()
    config = NodeConfig(
        p2p=Place(port=p2p_port), http=Place(port=http_port), anyone=True, guardian_automatic=True
    )
    seeds = Seeds(node=NODE, validator=VALIDATOR, guardian=GUARDIAN)
    validator = create_home(tmp_path / "validator", text, config, seeds)
    contact = Contact(key=Key(NODE).address, host="127.0.0.1", port=p2p_port)
    follows = NodeConfig(p2p=Place(), http=Place(), peers=(contact,))
    follower = create_home(
        tmp_path / "follower", text, follows, Seeds(node=FOLLOWER, validator=None)
    )
    (tmp_path / "right").write_text(f"{PASSPHRASE}\n", encoding="utf-8")
    (tmp_path / "wrong").write_text(f"{PASSPHRASE} not\n", encoding="utf-8")
    (tmp_path / "damaged.key").write_text(f"{RICH.hex()}zz\n", encoding="utf-8")
    (tmp_path / "damaged.key").chmod(0o600)
    made = World(tmp_path, validator, follower, f"http://127.0.0.1:{http_port}", p2p_port)
    yield made
    for process in made.processes:
        process.kill()
        process.wait()


Call = Callable[..., str]


@pytest.fixture
def call(world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """`call(words, typed=..., code=...)`: through the front door; what it printed is kept."""
    monkeypatch.setenv("TFCHAIN_NODE", world.url)
    monkeypatch.setenv("TFCHAIN_TRACEBACK", "1")
    monkeypatch.chdir(world.folder)

    def run(*words: str, typed: str = "", code: int = 0) -> str:
        monkeypatch.setattr(sys, "argv", ["tfchain", *words])
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        with pytest.raises(SystemExit) as end:
            door.main()
        said = "".join(capsys.readouterr())
        assert end.value.code == code, said
        world.printed.append(said)
        return said

    return run


def make_a_key(world: World, call: Call) -> tuple[str, str]:
    """The words are shown once: here, and nowhere else. Words and address."""
    said = call("keys", "new", "farmer.key", "--passphrase-file", "right")
    world.printed.remove(said)
    rows = dict(line.split(":", 1) for line in said.splitlines())
    return rows["mnemonic"].strip(), rows["address"].strip()


def call_with_keys(call: Call, phrase: str, address: str) -> None:
    """What opens keys, rightly and wrongly."""
    opened = ("--passphrase-file", "right")
    call("keys", "show", "farmer.key", *opened)
    call("keys", "show", "farmer.key", "--passphrase-file", "wrong", code=2)
    call("keys", "show", "0x" + RICH.hex())
    call("keys", "show", "0x" + RICH.hex()[:-1], code=2)
    call("keys", "show", phrase)
    call("keys", "show", phrase + " zebra", code=2)
    call("keys", "show", f"{phrase}/soft", code=2)
    call("keys", "show", "damaged.key", code=2)
    call("keys", "import", "--plain", "rich.key", typed=f"0x{RICH.hex()}\n")
    call("keys", "import", "--plain", "no.key", typed=f"{phrase} zebra\n", code=2)
    to = ("--to", address, "--amount", "100TFT")
    call("tx", "transfer", *to, "--key", "0x" + RICH.hex())
    call("tx", "transfer", *to, "--key", "rich.key", "--dry-run")
    call("tx", "transfer", *to, "--key", "rich.key", "--offline", "signed.tx")
    call("tx", "send", "signed.tx")
    call("tx", "transfer", "--to", address, "--amount", "99999TFT", "--key", "rich.key", code=1)
    call("tx", "transfer", "--to", "nobody", "--amount", "1", "--key", "0x" + RICH.hex(), code=2)
    call("tx", "transfer", *to, "--key", "damaged.key", code=2)
    call("tx", "transfer", *to, "--key", phrase + " zebra", code=2)
    farmer = ("--key", "farmer.key", *opened)
    call("tx", "create_twin", "--relay", "a", "--public-key", "", *farmer)
    call("tx", "create_farm", "--name", "secret", *farmer)
    call("tx", "create_farm", "--name", "secret", "--key", phrase, code=1)


def ask_everything(call: Call, world: World, address: str) -> None:
    call("status", "--json")
    call("doctor", "--json")
    call("show", "account", address, "--proof", "--json")
    call("show", "validators", "--json")
    call("config", "show", "--home", str(world.validator.folder), "--explain")
    world.printed.append(httpx.get(f"{world.url}/metrics", trust_env=False).text)
    for body in (b"\x00" * 100, RICH, b'{"txs": ["' + RICH.hex().encode() + b'"]}'):
        httpx.post(f"{world.url}/v1/txs", content=body, trust_env=False)
    with socket.create_connection(("127.0.0.1", world.p2p_port)) as stranger:
        stranger.sendall(bytes(200))
    again = world.start(world.validator, "text")
    assert again.wait(PATIENCE_S) == 3, "the home is in use"


def ask_at_rest(call: Call, world: World) -> None:
    """Verbs that need a stopped node, and files that are damaged."""
    home = str(world.validator.folder)
    call("wal", "show", "--home", home, "--json")
    call("wal", "check", "--home", home)
    call("backup", "kept.tar", "--home", home, "--with-keys")
    call("validator", "move-out", "moved", "--home", home)
    call("start", "--home", home, "--log-format", "json", code=3)
    call("validator", "move-in", "moved", "--home", home)
    for path in (world.validator.node_key, world.validator.guardian_key):
        line = path.read_text(encoding="utf-8").strip()
        path.write_text(f"{line[:-1]}x\n", encoding="utf-8")
        call("start", "--home", home, code=3)
        call("start", "--home", home, "--log-format", "json", code=3)
        path.write_text(f"{line}\n", encoding="utf-8")
    world.validator.validator_key.write_text(f"{VALIDATOR.hex()}00\n", encoding="utf-8")
    call("start", "--home", home, code=3)


def test_nothing_secret_is_ever_printed(world: World, call: Call) -> None:
    validator = world.start(world.validator, "json")
    follower = world.start(world.follower, "text")
    world.wait("an answer", lambda: bool(httpx.get(f"{world.url}/v1/status", trust_env=False)))
    phrase, address = make_a_key(world, call)
    from_text(address)
    call_with_keys(call, phrase, address)
    ask_everything(call, world, address)
    world.wait("a paid month", lambda: world.batch() == "paid")
    call("guardian", "attest", "0", "--key", "0x" + GUARDIAN.hex(), "--yes", code=1)
    for process in (validator, follower):
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0
    logs = [world.logged(home) for home in (world.validator, world.follower)]
    ask_at_rest(call, world)
    assert " info block " in logs[1] and "attest" in logs[0], "they did what they can do"
    events = [json.loads(line) for line in logs[0].splitlines() if line.startswith("{")]
    assert {"block", "started", "peer up", "guardian"} <= {one["event"] for one in events}
    everything = "\n".join([*world.printed, *logs])
    assert len(everything) > 10_000
    assert seen(everything, SEEDS, phrase) == []
