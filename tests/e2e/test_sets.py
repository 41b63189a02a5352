"""A validator set that changes while it runs: one joins, one is voted out, one signs twice and is jailed.

Real processes, and the verbs that an operator would type. The second copy of a validator is made as
people make it: the key is carried over by hand, and every guard that refuses is got out of the way.
"""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 90.0
ANY_PORT = ("--set", "p2p.port=0", "--set", "http.port=0")
BOND = 100 * 10**7
PERSON = "//Alice"
SECTION = "## When the validators change\n"


class Net:
    """A devnet under way, and the processes that were started beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.processes: list[subprocess.Popen[bytes]] = []
        self.typed: list[str] = []
        self.environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"}
        self.start("devnet", "devnet", "--nodes", "2", "--anyone", "--home", str(folder / "net"))
        self.url = self.said("devnet", r"validator-0 answers at (\S+)")
        self.environment["TFCHAIN_NODE"] = self.url

    def home(self, number: int) -> Path:
        return self.folder / "net" / f"validator-{number}"

    def start(self, name: str, *words: str) -> None:
        """A process whose lines go to a file of that name."""
        self.typed.append(" ".join(words))
        with (self.folder / f"{name}.log").open("wb") as sink:
            command = [sys.executable, "-m", "tfchain", *words]
            process = subprocess.Popen(
                command, cwd=self.folder, env=self.environment, stdout=sink, stderr=sink
            )
        self.processes.append(process)

    def said(self, name: str, pattern: str) -> str:
        """What a process said, once it has."""
        log = self.folder / f"{name}.log"
        found = wait(lambda: re.search(pattern, log.read_text("utf-8", "replace")), pattern)
        return str(found[1])

    def call(self, *words: str, code: int = 0) -> str:
        """What a verb says that ends by itself."""
        self.typed.append(" ".join(words))
        done = subprocess.run(
            [sys.executable, "-m", "tfchain", *words],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def show(self, *words: str) -> dict[str, Any]:
        plain: dict[str, Any] = json.loads(self.call("show", *words, "--json"))
        return plain

    def ask(self, path: str) -> dict[str, Any]:
        """The same without a process, for what is asked again and again."""
        answer = httpx.get(f"{self.url}/v1/{path}", timeout=5, trust_env=False)
        plain: dict[str, Any] = answer.json()
        return plain

    def powers(self) -> dict[str, str]:
        """Addresses and power of those who vote on the last block."""
        return {row["address"]: row["power"] for row in self.ask("validators")["validators"]}

    def height(self) -> int:
        return int(self.ask("status")["height"])

    def goes_on(self, blocks: int = 3) -> None:
        start = self.height()
        wait(lambda: self.height() >= start + blocks, "blocks go on")

    def end(self) -> None:
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait(PATIENCE_S)


def wait(condition: Callable[[], Any], what: str) -> Any:
    """What a condition comes to, once it is anything."""
    until = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        assert time.monotonic() < until, f"not within {PATIENCE_S:g} s: {what}"
        time.sleep(0.1)
    return found


@pytest.fixture
def net(tmp_path: Path) -> Iterator[Net]:
    """Four validators that take whoever wants to join."""
    running = Net(tmp_path)
    try:
        running.said("devnet", r"height (\d+), nodes up 2 of 2")
        yield running
    finally:
        running.end()


def told_by(net: Net, number: int, pattern: str) -> re.Match[str]:
    """A line of a devnet's validator, once it stands in its log."""
    log = net.home(number) / "log"
    found: re.Match[str] = wait(lambda: re.search(pattern, log.read_text("utf-8")), pattern)
    return found


def contacts(net: Net) -> str:
    """All four as an operator writes them into a `config.toml`."""
    lines = []
    for number in range(4):
        key, host, port = told_by(net, number, r"p2p: (\S+) at (\S+):(\d+)").groups()
        lines += ["", "[[peer]]", f'key = "{key}"', f'host = "{host}"', f"port = {port}"]
    return "\n".join(lines) + "\n"


def new_home(net: Net, name: str) -> str:
    """A home made by `tfchain init`, which calls all validators; its validator's key."""
    told = net.call("init", "--genesis", str(net.home(0) / "genesis.toml"), "--home", name)
    config = net.folder / name / "config.toml"
    config.write_text(config.read_text("utf-8") + contacts(net), encoding="utf-8")
    found = re.search(r"^validator +(5\w+)$", told, re.MULTILINE)
    assert found is not None, told
    return found[1]


def tx(net: Net, kind: str, key: str, **fields: object) -> None:
    """Signed, handed in and in a block; again where the guardian spent the same nonce meanwhile."""
    options = [
        word for name, value in fields.items() for word in (f"--{name.replace('_', '-')}", value)
    ]
    words = [*map(str, options), "--key", key]
    for _ in range(3):
        try:
            net.call("tx", kind, *words)
        except AssertionError as refused:
            if "nonce" not in str(refused):
                raise
        else:
            return
    pytest.fail(f"{kind}: the nonce was taken three times")


def votes(net: Net, change: int, keys: Sequence[str]) -> None:
    """Each says yes, all at once: they are people of their own."""
    with ThreadPoolExecutor() as people:
        said = [
            people.submit(tx, net, "vote_change", key, change=change, yes="true") for key in keys
        ]
        for one in said:
            one.result()


def guardian(net: Net, number: int) -> str:
    """The account that a devnet's validator votes with."""
    return str(net.home(number) / "guardian.key")


def address_of(net: Net, number: int) -> str:
    """How headers name a validator of the devnet."""
    key = told_by(net, number, r"validator: (5\w+)")[1]
    rows = net.show("validators")["validators"]
    return next(str(row["address"]) for row in rows if row["key"] == key)


def join(net: Net) -> str:
    """A fifth: state from the peers' snapshot, blocks from there, power by a vote. Its address."""
    net.call("snapshot", "make", "--home", str(net.home(1)))

    def complete() -> str:
        listed = json.loads(net.call("snapshot", "list", "--json", "--home", str(net.home(1))))[
            "snapshots"
        ]
        return next((str(row["trust"]) for row in listed if row["complete"]), "")

    trust = wait(complete, "the snapshot and two blocks on it")
    key = new_home(net, "five")
    start = ("start", "--home", "five", "--sync", "snapshot", "--trust", trust, *ANY_PORT)
    net.start("five", *start)
    restored = int(net.said("five", r"restoring height=(\d+)"))
    assert restored == int(trust.partition(":")[0]) - 1
    assert int(net.said("five", r"info block height=(\d+)")) == restored + 1, "no block before it"
    reward = net.call("keys", "show", PERSON).strip()
    tx(
        net,
        "propose_validator",
        PERSON,
        validator_key=key,
        power=1,
        bond=BOND,
        reward_account=reward,
        force="false",
    )
    (opened,) = wait(lambda: net.show("agenda")["open"], "the vote is open")
    known = set(net.powers())
    assert net.show("change", str(opened["id"]))["yes"] == []
    votes(net, opened["id"], [guardian(net, number) for number in range(3)])
    wait(lambda: len(net.powers()) == 5, "the fifth has power")
    (address,) = set(net.powers()) - known
    return address


def vote_out(net: Net, address: str) -> None:
    """Four of five say so."""
    tx(net, "propose_power", guardian(net, 0), validator=address, power=0, force="false")
    (opened,) = wait(lambda: net.show("agenda")["open"], "the vote is open")
    votes(net, opened["id"], [guardian(net, 1), guardian(net, 2), PERSON])
    wait(lambda: address not in net.powers(), "the one voted out has no power")


def start_twin(net: Net, original: Path) -> None:
    """A second home with the key of one that runs, past each guard by hand."""
    new_home(net, "twin")
    twin = net.folder / "twin"
    start = ("start", "--home", "twin", *ANY_PORT)
    (twin / "validator.key").write_bytes((original / "validator.key").read_bytes())
    assert "belongs to another key" in net.call(*start, code=3)
    (twin / "signer.state").unlink()
    assert "signer.state" in net.call(*start, code=3)
    (twin / "signer.state").write_bytes((original / "signer.state").read_bytes())
    (twin / "signer.state").chmod(0o600)
    assert "the store ends at height 0, but this validator signed at" in net.call(*start, code=3)
    net.start("twin", *start, "--allow-old-store")


def advised() -> list[tuple[str, ...]]:
    """The commands of the README's section on this: each its verbs and its options."""
    section = (ROOT / "README.md").read_text("utf-8").partition(SECTION)[2].partition("\n## ")[0]
    commands = re.findall(r"`tfchain ([^`]+)`", section)
    words = [[w for w in one.split() if not re.search(r"[A-Z0-9]", w)] for one in commands]
    return [tuple(one) for one in words]


def proposers(net: Net, since: int) -> set[str]:
    """Who proposed the blocks from a height on."""
    return {
        str(net.ask(f"blocks/{height}")["proposer"]) for height in range(since, net.height() + 1)
    }


def jailed(net: Net, address: str) -> dict[str, Any] | None:
    seat = net.show("validator", address)
    return seat if seat["jailed"] else None


def test_validators_join_leave_and_are_jailed_while_the_chain_runs(net: Net) -> None:
    """1.10 and 1.9 on real disks and sockets."""
    fifth = join(net)
    since = net.height()
    wait(lambda: fifth in proposers(net, since), "the fifth proposes a block")

    leaver, liar = address_of(net, 3), address_of(net, 2)
    vote_out(net, leaver)
    net.goes_on()
    assert len(net.powers()) == 4

    start_twin(net, net.home(2))
    wait(lambda: liar not in net.powers(), "who signs twice has no power any more")
    net.goes_on()
    seat = wait(lambda: jailed(net, liar), "it is jailed")
    assert (seat["power"], seat["bond"]) == (0, "0")
    fault = seat["fault"]
    assert fault["burned"] == str(BOND)
    block = net.show("block", str(fault["committed"]))
    (piece,) = block["evidence"]
    assert (piece["validator"], piece["height"]) == (liar, fault["height"])
    assert len(net.powers()) == 3

    net.call("export", "--out", "chain.tfc")
    told = net.call("audit", "chain.tfc")
    assert f"block {fault['committed']}: validator {liar} signed two {piece['twice']}" in told
    assert "100.0000000 TFT burned" in told
    assert "- burned 100.0000000 TFT = held" in told
    assert "audit: ok" in told

    assert len(advised()) >= 8
    for words in advised():
        assert any(set(words) <= set(line.split()) for line in net.typed), words
