"""A tour of all verbs, as recorded: what each prints for people, and how its JSON is built.

One devnet serves the whole tour. It is asked, and other verbs are called, while its first period goes
by; two of its four guardians have no program, so the period is disputed until they sign by hand; then
what is paid is asked for; then it is stopped and its homes are looked into. Whatever varies from run to
run stands as a word in capitals. After a change that is meant, TFCHAIN_RECORD=1 and a run of this file
record it anew.
"""

import io
import json
import lzma
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from typer.main import get_command

from tfchain.base.address import to_text
from tfchain.cli import main as door
from tfchain.cli.front import front
from tfchain.client.keys import Key, seed_of_uri
from tfchain.ledger.minting import STATES
from tfchain.node.devnet.homes import seed_of

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

ROOT: Final = Path(__file__).resolve().parents[2]
GOLDEN: Final = ROOT / "tests" / "golden"
RECORDED: Final = GOLDEN / "tour.json"
RECORDING: Final = os.environ.get("TFCHAIN_RECORD", "") == "1"
AGAIN: Final = "TFCHAIN_RECORD=1 scripts/test -- tests/e2e/test_tour.py"
PAID_S: Final = 240
"""A devnet's month, its windows, its dispute and its payment."""
STOP_S: Final = 60
ALICE: Final = to_text(Key(seed_of_uri("//Alice")).address)
GUARDIAN: Final = "0x" + seed_of(1, "guardian/0").hex()
"""Of the devnet's first seed; to it goes what the first validator earns, so it may propose."""
BY_HAND: Final = ("//Bob", "//Carol")
"""Guardians beside the devnet's own: what they have to say, a person says."""
ATTEST_S: Final = 12
"""How long they have for it: less than in other devnets, for the tour waits until it is over."""
PINNED: Final = {"reference"}
"""Their JSON is a golden file already, to the byte."""

Plain = dict[str, Any]
CloneWith = Callable[[Path, Mapping[str, int], Sequence[str]], Path]


# --- the network ----------------------------------------------------------------------------------


@dataclass
class Tour:
    """The devnet of the tour, and what its verbs name."""

    folder: Path
    process: subprocess.Popen[bytes]
    url: str = ""
    names: dict[str, str] = field(default_factory=dict)

    @property
    def net(self) -> Path:
        return self.folder / "net"

    def ask(self, path: str) -> Any:
        answer = httpx.get(f"{self.url}{path}", timeout=30, trust_env=False)
        return answer.json() if answer.status_code == httpx.codes.OK else None

    def state_of_batch(self) -> str:
        return str((self.ask("/v1/batches/0/0") or {}).get("state"))

    def wait(self, what: str, happened: Callable[[], object]) -> None:
        until = time.monotonic() + PAID_S
        while time.monotonic() < until:
            assert self.process.poll() is None, (self.folder / "said").read_text(encoding="utf-8")
            with suppress(httpx.HTTPError, OSError, IndexError):
                if happened():
                    return
            time.sleep(0.5)
        pytest.fail(f"not within {PAID_S} s: {what}")

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        assert self.process.wait(STOP_S) == 0


def _url_in(said: Path) -> str:
    return str(re.findall(r"validator-0 answers at (\S+)", said.read_text(encoding="utf-8"))[0])


@pytest.fixture(scope="module")
def tour(tmp_path_factory: pytest.TempPathFactory, clone_with: CloneWith) -> Iterator[Tour]:
    """A devnet with its first blocks."""
    folder = tmp_path_factory.mktemp("tour")
    clone = clone_with(folder / "clone", {"attest_window": ATTEST_S}, BY_HAND)
    command = [sys.executable, "-m", "tfchain", "devnet", "--validators", "2", "--nodes", "2"]
    with (folder / "said").open("wb") as said:
        process = subprocess.Popen(
            [*command, "--home", str(folder / "net")],
            cwd=clone,
            stdout=said,
            env={**os.environ, "PYTHONPATH": str(clone)},
        )
    running = Tour(folder, process)
    try:
        running.wait("an address", lambda: _url_in(folder / "said"))
        running.url = _url_in(folder / "said")
        running.wait("a registered node", lambda: running.ask("/v1/nodes/1"))
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="module")
def disputed(tour: Tour) -> Tour:
    """The same network, its first period disputed: for want of guardians, not of equal results."""
    tour.wait("a dispute", lambda: tour.state_of_batch() == "disputed")
    return tour


@pytest.fixture(scope="module")
def paid(disputed: Tour) -> Tour:
    """The same network, its first period paid."""
    disputed.wait("a paid period", lambda: disputed.state_of_batch() == "paid")
    return disputed


@pytest.fixture(scope="module")
def stopped(paid: Tour) -> Tour:
    """The same network, at rest."""
    paid.stop()
    return paid


# --- what is recorded -----------------------------------------------------------------------------

_MASKS: Final = (
    (r"\x1b\[[0-9;]*m", ""),
    (r"\b[0-9a-f]{16,}\b", "HASH"),
    (r"\b5[1-9A-HJ-NP-Za-km-z]{47}\b", "ADDRESS"),
    (r"\b5\w{5}\.\.\w{4}\b", "KEY"),
    (r"\b(?:LevelDB|SQLite)\b", "STORE"),
    (r"https?://127\.0\.0\.1:\d+", "URL"),
    (r"\b(devnet)-[0-9a-f]{8}\b", "CHAIN"),
    (r"(?:\b[a-z]{3,8} ){11,23}[a-z]{3,8}\b", "WORDS"),
    (r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?Z?", "TIME"),
)
_LIVE: Final = (
    (r"\b(?:new|propose|prevote|precommit)\b", "STEP"),
    (rf"\b(?:{'|'.join(STATES)})\b", "STATE"),
    (r"(?<![A-Za-z_])\d+(?:[.,]\d+)*", "N"),
    (r"proof of capacity (?:HASH, second program: equal|-)", "proof of capacity ROOT"),
    (r"\b(?:KEY|N)(?:,? (?:KEY|N)\b)+", "MANY"),
)


def masked(text: str, folder: Path, *, live: bool) -> list[str]:
    """The lines with words for what varies. `live`: numbers vary too, and so do cells of tables."""
    text = text.replace(str(folder), "FOLDER")
    for pattern, word in (*_MASKS, *(_LIVE if live else ())):
        text = re.sub(pattern, word, text)
    lines: list[str] = []
    for line in text.splitlines():
        shown = _cells(line) if live else line.rstrip()
        if shown.strip() and (not lines or lines[-1] != shown):
            lines.append(shown)
    return lines


def _cells(line: str) -> str:
    """A row of a table is known by its first cell; rules and spaces are as wide as they must be."""
    line = re.sub(r"([━─┄])\1*", r"\1", re.sub(r" +", " ", line)).strip()
    if line.startswith(("┏", "┡", "└", "├", "┌")):
        return "RULE"
    if line.startswith("│"):
        return f"│{line.split('│')[1]}│"
    return line


def keys_of(value: Any) -> Any:
    """How a value is built; null and an empty list say nothing of it."""
    match value:
        case dict():
            return {name: keys_of(inner) for name, inner in sorted(value.items())}
        case list():
            built: Any = None
            for inner in value:
                built = merged(built, keys_of(inner))
            return [] if built is None else [built]
        case None:
            return None
        case _:
            return type(value).__name__


def merged(one: Any, other: Any) -> Any:
    """What is known of either."""
    match one, other:
        case (None | [], _):
            return other
        case (_, None | []):
            return one
        case (dict(), dict()):
            names = sorted({**one, **other})
            return {name: merged(one.get(name), other.get(name)) for name in names}
        case ([first], [second]):
            return [merged(first, second)]
        case _:
            return one if one == other else "any"


def differs(pinned: Any, found: Any, where: str = "") -> list[str]:
    """Where two builds are not the same; what is null or empty in one of them fits."""
    match pinned, found:
        case (None | [] | "any", _) | (_, None | [] | "any"):
            return []
        case (dict(), dict()):
            faults = [f"{where}.{name}" for name in pinned.keys() ^ found.keys()]
            for name in pinned.keys() & found.keys():
                faults += differs(pinned[name], found[name], f"{where}.{name}")
            return sorted(faults)
        case ([first], [second]):
            return differs(first, second, f"{where}[]")
        case _:
            return [] if pinned == found else [f"{where}: {pinned} is {found}"]


@pytest.fixture(scope="module")
def book() -> Iterator[dict[str, Plain]]:
    """The recordings by step; written back where they are made anew."""
    pages: dict[str, Plain] = {}
    if RECORDED.exists():
        pages = json.loads(RECORDED.read_text(encoding="utf-8"))
    if RECORDING:
        wanted = {step.line for step in WALKED} | SERVED
        pages = {line: page for line, page in pages.items() if line in wanted}
    yield pages
    if RECORDING:
        text = json.dumps(pages, indent=1, ensure_ascii=False, sort_keys=True)
        RECORDED.write_text(text + "\n", encoding="utf-8")


# --- the steps ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """A call of the tour."""

    line: str
    live: bool = True
    as_json: bool = False
    typed: str = ""
    """What a person types when asked."""
    only: str = ""
    """The lines that are compared begin so."""
    but: tuple[str, ...] = ()
    """Lines that come and go begin so."""
    words: int = 99
    """How many words of each line are compared."""
    then: str = ""
    """What is remembered of what it said: the named groups."""
    code: int = 0
    """How it ends; what a refusal says on stderr is recorded too."""
    both: bool = False
    """What stands on stderr is recorded where it is no refusal, too."""


def steps(*rows: Step) -> list[Any]:
    return [pytest.param(row, id=row.line.replace("{", "").replace("}", "")) for row in rows]


def tried(kind: str, fields: str) -> Step:
    """A kind of transaction that is signed, and shown with its fee, but not sent."""
    return Step(f"tx {kind} {fields} --dry-run --key //Alice")


FARMER: Final = "--key {at}/farmer.key"
HASH: Final = "ab" * 32
MEMBER: Final = "ab" * 20
SIZE: Final = "--resources cru=8,mru=34359738368,hru=0,sru=536870912000"
BEGUN: Final = steps(
    Step("keys new --plain {at}/farmer.key", live=False, then=r"address: +(?P<farmer>\S+)"),
    Step("keys show {at}/farmer.key", live=False),
    Step("keys show //Alice", live=False),
    Step("keys import --plain {at}/alice.key", live=False, typed="//Alice\n"),
    Step("tx transfer --key //Alice --to {farmer} --amount 100TFT", then=r"ok (?P<tx>\w+)"),
    Step("tx create_twin --relay relay.example --public-key '' " + FARMER),
    Step("tx create_farm --name tour --dry-run " + FARMER),
    Step("tx create_farm --name tour --offline {at}/farm.tx " + FARMER),
    Step("tx send {at}/farm.tx"),
    Step(
        "tx create_contract --node-id 1 --reserved cru=1,mru=1073741824,hru=0,sru=0 --public-ips 0"
        f" --deployment-hash {HASH} --deployment-data '' {FARMER}"
    ),
    tried("set_payout_account", "--farm-id 1 --account {alice}"),
    tried("set_stellar_address", "--farm-id 1 --address ''"),
    tried(
        "register_node",
        f"--farm-id 1 --reporter {{alice}} {SIZE} --country Belgium --city Ghent"
        " --virtualized false --acceptance ''",
    ),
    tried(
        "update_node",
        f"--node-id 1 {SIZE} --country Belgium --city Ghent --virtualized false --acceptance ''",
    ),
    tried("report_uptime", "--node-id 1 --t 2000000000 --uptime 60"),
    tried("set_power_target", "--node-id 1 --up true"),
    tried("set_power_state", "--node-id 1 --t 2000000000 --up true"),
    tried("commit_mint", f"--schedule 0 --period 0 --digest {HASH}"),
    tried(
        "attest_mint",
        f"--schedule 0 --period 0 --root {HASH} --total 10000000 --count 1 --salt {HASH}",
    ),
    tried(
        "propose_validator",
        "--validator-key {alice} --power 1 --bond 1TFT --reward-account {alice} --force false",
    ),
    tried("propose_power", f"--validator {MEMBER} --power 2 --force false"),
    Step("tx propose_constant --name ledger.settle_nodes --value 60 --key {guardian}"),
    tried("propose_upgrade", "--height 1000 --rules 2 --release next"),
    tried("vote_change", "--change 1 --yes true"),
    tried("leave_validators", f"--validator {MEMBER}"),
    Step(
        f"tx propose --farm-id 0 --measure certify_farm:farm_id=1,gold=true --text-hash {HASH} --link ''"
        " --threshold 0 --seconds 0 --key {guardian}"
    ),
    tried("vote_proposal", "--proposal 1 --farm-id 1 --yes true"),
    tried("vote_as_guardian", "--proposal 1 --yes true"),
    tried("veto_proposal", "--proposal 1"),
    tried("rotate_reporter", "--node-id 1 --reporter {alice}"),
    tried("offer_farm", "--farm-id 1 --to {alice}"),
    tried("accept_farm", "--farm-id 1"),
    tried("offer_twin", "--to {alice}"),
    tried("accept_twin", "--twin-id 1"),
    tried("move_node", "--node-id 1 --farm-id 1 --acceptance ''"),
    tried("set_farm_pool", "--farm-id 1 --pool 0 --guarantee 0"),
    tried("delete_node", "--node-id 1"),
    tried("renew_contract", "--node-id 1"),
    tried("release_lock", "--node-id 1"),
    tried("update_contract", f"--contract-id 1 --deployment-hash {HASH} --deployment-data ''"),
    tried("cancel_contract", "--contract-id 1"),
    tried("update_used_resources", "--json {at}/used.json"),
    tried("report_consumption", "--json {at}/consumed.json"),
    tried("rent_node", "--node-id 1"),
    tried("set_dedicated", "--node-id 1 --dedicated true --extra-fee 0"),
    tried("add_farm_ip", "--farm-id 1 --ip 192.0.2.10/24 --gateway 192.0.2.1"),
    tried("remove_farm_ip", "--farm-id 1 --ip 192.0.2.10/24"),
    Step("show account {farmer}", as_json=True),
    Step("show account {farmer} --proof", as_json=True),
    Step("show tx {tx}", as_json=True),
    Step("show block 2", as_json=True, only="│", but=("│ tx N",)),
    Step("show agenda", as_json=True),
    Step("show change 1", as_json=True),
    Step("show validators", as_json=True, then=r"(?P<seat>\b[0-9a-f]{40}\b)"),
    Step("show validator {seat}", as_json=True),
    Step("show twin 1", as_json=True),
    Step("show farm 1", as_json=True),
    Step("show node 1", as_json=True),
    Step("show node 1 --proof", as_json=True),
    Step("show contract 1", as_json=True),
    Step("show terms 1", as_json=True),
    Step("show capacity 1", as_json=True),
    Step("show capacity 1 --proof", as_json=True),
    Step("show load 1", as_json=True),
    Step("show proposal 1", as_json=True),
    Step("show history set_price", as_json=True),
    Step("show standing 1", as_json=True),
    Step("show policy 1", as_json=True),
    Step("snapshot make --home {net}/validator-0"),
    Step("doctor", as_json=True, but=("│ batch",)),
)
ALONE: Final = steps(
    Step("--version", live=False),
    Step("audit {chain}", live=False, as_json=True),
    Step("statement {chain} --node 1 --period 0", live=False, as_json=True),
    Step("statement {chain} --node 10 --period 0 --page {at}/page.html", live=False),
    Step("minting compute {months}", live=False, only="none"),
    Step("minting import {at}/month.jsonl --csv {at}/tables", live=False, as_json=True),
    Step("minting pack {at}/month.jsonl --out {at}/month.packed", live=False, both=True),
    Step("minting compute {at}/month.jsonl --check", live=False, only="receipts", both=True),
    Step("simulate --seeds 3 --validators 4 --ticks 20 --scenario quiet"),
    Step("simulate --exhaustive 50", live=False),
    Step("config show", live=False, as_json=True),
    Step("reference", live=False, only="## "),
    Step("completion bash", live=False),
    Step("web --help", live=False, only=" "),
    Step("init --genesis {at}/genesis.toml --home {at}/home"),
    Step("init --network 2 --genesis {at}/genesis.toml --home {at}/network --host a --host b:9000"),
)
DISPUTED: Final = steps(
    Step("doctor --node {url}", only="│ batch", code=1),
    Step("guardian review 0", as_json=True),
    Step("export --out {at}/before.tfc"),
    Step("guardian sign-offline 0 {at}/before.tfc --key //Carol --to {at}/carol.json --yes"),
    Step("guardian merge {at}/carol.json --to {at}/all.json"),
    Step(
        f"tx attest_mint --schedule 0 --period 0 --root {HASH} --total 10000000 --count 1 --salt {HASH}"
        " --key //Bob"
    ),
    Step("tx dispute_nodes --json {at}/named.json --key //Bob"),
    Step("guardian dispute 0 --key //Bob --yes", code=1),
    Step("show batch 0/0 --proof", as_json=True),
    Step("guardian attest 0 --key //Bob --yes"),
    Step("guardian send {at}/all.json"),
)
"""A guardian who had said something else, and one who had not said anything, put it right."""
PAID: Final = steps(
    Step("status", as_json=True, but=("waits for", "peer KEY")),
    Step("show totals", as_json=True),
    Step("show progress 1", as_json=True),
    Step("show period", as_json=True),
    Step("show period 0/0", as_json=True),
    Step("show batch 0/0", as_json=True),
    Step("show receipt 0/0 1", as_json=True),
    Step("show receipt 0/0 1 --proof", as_json=True),
    Step("show mint 0/0 1", as_json=True),
    Step("statement --node 1 --period 0", as_json=True, but=("down ",)),
    Step("export --out {at}/chain.tfc"),
    Step("audit {at}/chain.tfc", as_json=True),
    Step("audit {at}/chain.tfc --report {at}/report"),
)
GENESIS: Final = "--genesis {net}/validator-0/genesis.toml"
RESTING: Final = steps(
    Step("config show --home {net}/validator-0", as_json=True),
    Step("config show --home {net}/validator-0 --explain"),
    Step("wal show --home {net}/validator-0", as_json=True, only="N records in"),
    Step("wal check --home {net}/validator-0", as_json=True, words=1),
    Step("export --home {net}/validator-0 --out {at}/rest.tfc"),
    Step("diff-state {net}/validator-0 {at}/rest.tfc", as_json=True),
    Step("replay --home {net}/validator-0 --height 5", as_json=True, but=("N ok",)),
    Step("start --home {net}/validator-0 --halt-height 5"),
    Step("start --home {net}/validator-0 --halt-height 5 --log-level warning --log-format json"),
    Step("start --home {net}/validator-0 --print-unit", live=False, but=("ExecStart=", "User=")),
    Step("backup {at}/kept.tar --home {net}/validator-0"),
    Step(
        "snapshot list --home {net}/validator-0",
        as_json=True,
        then=r"in (?P<shot>\S+); --trust (?P<trust>\S+)",
    ),
    Step(f"init {GENESIS} --home {{at}}/filled"),
    Step("snapshot restore --home {at}/filled --from {shot} --trust {trust}"),
    Step("validator move-out --home {net}/validator-1 {at}/moved"),
    Step(f"init {GENESIS} --home {{at}}/other"),
    Step("validator move-in --home {at}/other {at}/moved"),
)


@dataclass
class Guide:
    """Makes the calls of a step and holds them against the recording."""

    patch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]
    book: dict[str, Plain]
    names: dict[str, str]
    folder: Path

    def show(self, step: Step) -> None:
        lines, said = self._text(step)
        if step.then:
            found = re.search(step.then, said)
            assert found is not None, said
            self.names.update(found.groupdict())
        keys = self._keys(step) if step.as_json else None
        if RECORDING:
            self.book[step.line] = {"text": lines, "keys": keys}
            return
        page = self.book.get(step.line)
        assert page is not None, f"not recorded yet: {AGAIN}"
        assert lines == page["text"], f"if that is meant: {AGAIN}"
        assert differs(page["keys"], keys) == [], f"if that is meant: {AGAIN}"

    def _text(self, step: Step) -> tuple[list[str], str]:
        out = self._call(step, step.line)
        lines = masked(out, self.folder, live=step.live)
        kept = [line for line in lines if line.startswith(step.only)]
        kept = [line for line in kept if not line.startswith(step.but)]
        return [" ".join(line.split(" ")[: step.words]) for line in kept], out

    def _keys(self, step: Step) -> Any:
        return keys_of(json.loads(self._call(step, f"{step.line} --json")))

    def _call(self, step: Step, line: str) -> str:
        """What it says; a refusal, what is told of that too."""
        argv = [word.format(**self.names) for word in shlex.split(line)]
        self.patch.setattr(sys, "argv", ["tfchain", *argv])
        self.patch.setattr(sys, "stdin", io.StringIO(step.typed))
        with pytest.raises(SystemExit) as end:
            door.main()
        out, err = self.capsys.readouterr()
        assert end.value.code == step.code, err
        return out + err if step.code or step.both else out


PEOPLE: Final = f"""
[[account]]
address = "{ALICE}"
balance = 1000000

[[validator]]
key = "{ALICE}"
power = 1
reward_account = "{ALICE}"

[[guardian]]
account = "{ALICE}"
"""


@pytest.fixture
def names() -> dict[str, str]:
    """What the calls that need no network name."""
    return {
        "chain": str(GOLDEN / "devnet.tfc"),
        "months": str(GOLDEN / "period_v3_small.jsonl.xz"),
    }


Guided = Callable[[Step, dict[str, str], Path], None]


@pytest.fixture
def guided(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], book: dict[str, Plain]
) -> Guided:
    """`guided(step, names, folder)`: as a person on a wide terminal without a named node."""
    for name in ("TFCHAIN_NODE", "TFCHAIN_HOME"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("COLUMNS", "160")

    def show(step: Step, names: dict[str, str], folder: Path) -> None:
        Guide(monkeypatch, capsys, book, names, folder).show(step)

    return show


def lay_out_lists(folder: Path) -> None:
    """Fields that no option can hold."""
    told = {"node_id": 1, "t": 2_000_000_000}
    size = {"cru": 1, "mru": 1 << 30, "hru": 0, "sru": 0}
    used = told | {"contracts": [{"contract_id": 1, "used": size}]}
    consumed = told | {"contracts": [{"contract_id": 1, "window": 60, "traffic": 1 << 20}]}
    differs = [{"node_id": 1, "receipt": HASH, "amount": "1"}]
    lists = {"used": used, "consumed": consumed}
    lists["named"] = {"schedule": 0, "period": 0, "named": differs}
    for name, fields in lists.items():
        (folder / f"{name}.json").write_text(json.dumps(fields), encoding="utf-8")


@pytest.mark.parametrize("step", BEGUN)
def test_a_verb_asks_the_devnet(step: Step, tour: Tour, guided: Guided) -> None:
    tour.names |= {"at": str(tour.folder), "net": str(tour.net), "alice": ALICE}
    tour.names |= {"guardian": GUARDIAN, "url": tour.url}
    lay_out_lists(tour.folder)
    guided(step, tour.names, tour.folder)


@pytest.mark.parametrize("step", ALONE)
def test_a_verb_needs_nobody(
    step: Step, names: dict[str, str], guided: Guided, tmp_path: Path
) -> None:
    source = ROOT / "genesis" / "devnet.toml"
    text = source.read_text(encoding="utf-8")
    (tmp_path / "genesis.toml").write_text(f"{text}\n{PEOPLE}", encoding="utf-8")
    with lzma.open(names["months"]) as months:
        (tmp_path / "month.jsonl").write_bytes(months.readline())
    guided(step, {**names, "at": str(tmp_path)}, tmp_path)


@pytest.mark.parametrize("step", DISPUTED)
def test_a_guardian_puts_right_what_is_disputed(step: Step, disputed: Tour, guided: Guided) -> None:
    guided(step, disputed.names, disputed.folder)


@pytest.mark.parametrize("step", PAID)
def test_a_verb_asks_what_was_paid(step: Step, paid: Tour, guided: Guided) -> None:
    paid.names |= {"at": str(paid.folder)}
    guided(step, paid.names, paid.folder)


@pytest.mark.parametrize("step", RESTING)
def test_a_verb_looks_into_a_home_at_rest(step: Step, stopped: Tour, guided: Guided) -> None:
    stopped.names |= {"at": str(stopped.folder), "net": str(stopped.net)}
    guided(step, stopped.names, stopped.folder)


def test_the_devnet_says_how_to_go_on(stopped: Tour, book: dict[str, Plain]) -> None:
    said = (stopped.folder / "said").read_text(encoding="utf-8")
    wanted = (
        "homes",
        "validator-0 answers",
        "validator-1 answers",
        "try:",
        "or:",
        "coins",
        "ended:",
    )
    lines = [
        line
        for line in masked(said, stopped.folder, live=True)
        if line.startswith(tuple(re.sub(r"\d", "N", word) for word in wanted))
    ]
    if RECORDING:
        book["devnet"] = {"text": lines}
    assert lines == book["devnet"]["text"], f"if that is meant: {AGAIN}"


WEB: Final = (sys.executable, "-m", "tfchain", "web")


def test_the_web_says_where_it_answers(
    stopped: Tour, book: dict[str, Plain], tmp_path: Path
) -> None:
    """From what the tour exported; the next one goes on from there."""
    command = [*WEB, "--home", str(tmp_path), "--export", str(stopped.folder / "rest.tfc")]
    lines = [_first_of([*command, "--port", "0", *more]) for more in ([], ["--json"])]
    page = {"text": [*masked(lines[0], tmp_path, live=True)], "keys": keys_of(json.loads(lines[1]))}
    if RECORDING:
        book["web"] = page
    assert page == book["web"], f"if that is meant: {AGAIN}"


def _first_of(command: list[str]) -> str:
    """What it says once it answers, and that it ends when it is told to."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        process.terminate()
        said += process.stdout.read()
    assert process.returncode == 0
    return said


# --- whether it is whole --------------------------------------------------------------------------


def leaves(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[str, bool]]:
    """Every verb, those under verbs too, and whether it takes --json as a flag."""
    inner = getattr(command, "commands", {})
    for name in inner:
        yield from leaves(inner[name], (*words, name))
    if not inner:
        flags = [one for one in command.params if getattr(one, "is_flag", False)]
        yield " ".join(words), any("--json" in one.opts for one in flags)


VERBS: Final = dict(leaves(get_command(front(door.VERBS, door.VERBS))))
STAGES: Final = (BEGUN, ALONE, DISPUTED, PAID, RESTING)
WALKED: Final[list[Step]] = [row.values[0] for stage in STAGES for row in stage]
SERVED: Final = {"devnet", "web"}
"""These run until they are told to end, as processes."""


@pytest.mark.parametrize("verb", sorted(VERBS.keys() - SERVED))
def test_the_tour_goes_through_every_verb(verb: str) -> None:
    walked = [step for step in WALKED if f"{step.line} ".startswith(f"{verb} ")]
    assert walked, "a new verb joins the tour with a step"
    if VERBS[verb] and verb not in PINNED:
        assert any(step.as_json for step in walked), "its --json is recorded too"


def test_nothing_is_recorded_that_is_no_step(book: dict[str, Plain]) -> None:
    assert {step.line for step in WALKED} | SERVED >= set(book)


def test_no_two_steps_are_recorded_in_one_place() -> None:
    assert len({step.line for step in WALKED}) == len(WALKED)
