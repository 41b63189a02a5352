"""Five minutes for an operator, a script writer and a guardian: each command as the README has it.

A shell runs the lines in their order, in a folder that looks like a clone. The blocks in Python are
run by `test_scripts`.
"""

import lzma
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Final

import httpx
import pytest

from tfchain.base.units import PeriodIndex, ScheduleId
from tfchain.chain import export_records as records
from tfchain.chain.review import Reviewer
from tfchain.cli.audit import DictRows
from tfchain.client import keys
from tfchain.ledger import tables
from tfchain.ledger.minting import SEALED
from tfchain.ledger.state import State
from tfchain.node.devnet.homes import seed_of
from tfchain.store.export import read_records, write_records

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

ROOT: Final = Path(__file__).resolve().parents[2]
GOLDEN: Final = ROOT / "tests" / "golden"
README: Final = (ROOT / "README.md").read_text(encoding="utf-8")
PATIENCE_S: Final = 120
MIA: Final = "5CbpuJis3qjX2TcGAquMeh7BfVvq19q2w3mzT9cVKyrdbf3U"
ADDRESS: Final = "http://127.0.0.1:7480"
"""What a validator's address is in the README."""


def lines_of(reader: str) -> list[str]:
    """The commands of a section, as they stand there."""
    section = README.partition(f"## Five minutes for {reader}\n")[2].partition("\n## ")[0]
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    return [line for name, block in blocks if not name for line in block.splitlines()]


@dataclass(frozen=True)
class Line:
    """What a command says. `code`: how it ends; `until`: it goes on until this stands there."""

    says: str
    code: int = 0
    until: bool = False
    typed: str = ""
    elsewhere: bool = False
    """A devnet of the test stands for it, or another test runs it."""


OPERATOR: Final = {
    "scripts/devnet": Line("answers at", elsewhere=True),
    "scripts/tfchain status": Line("height"),
    "scripts/tfchain doctor": Line("clock"),
    "scripts/tfchain show validators": Line("power"),
    f"curl {ADDRESS}/metrics": Line("tfchain_height "),
    "scripts/devnet --once --validators 4 --nodes 12 --export blocks.tfc": Line("", elsewhere=True),
    "scripts/tfchain audit blocks.tfc": Line("audit: ok"),
    "scripts/tfchain init --network 4 --genesis genesis/testnet.toml --home net --host a.example"
    " --host b.example --host c.example --host d.example": Line(
        "scp -rp net/validator-3 d.example:"
    ),
    "scripts/tfchain config show --home net/validator-0 --explain": Line("log.format"),
    "scripts/tfchain start --home net/validator-0": Line("http: ", until=True),
    "scripts/tfchain start --home net/validator-0 --log-format json --print-unit"
    " > tfchain.service": Line(""),
    f"scripts/tfchain web --home web --node {ADDRESS} --port 7490": Line(
        "web answers at", until=True
    ),
    "scripts/tfchain backup validator-0.tar --home net/validator-0": Line("left out   all keys"),
}
WRITER: Final = {
    "scripts/tfchain keys new --plain farmer.key": Line("mnemonic: "),
    "scripts/tfchain keys show //Mia": Line(MIA),
    f"scripts/tfchain tx transfer --to {MIA} --amount 1.5TFT --key //Alice --dry-run": Line("fee"),
    f"scripts/tfchain tx transfer --to {MIA} --amount 1.5TFT --key //Alice"
    " --offline signed.tx": Line("signed.tx"),
    "scripts/tfchain tx send signed.tx": Line("ok"),
    f"scripts/tfchain show account {MIA} --json": Line('"15000000"'),
    "scripts/tfchain tx create_farm --help": Line("--name"),
    f"curl {ADDRESS}/v1/status": Line('"height"'),
}
GUARDIAN: Final = {
    "scripts/tfchain audit blocks.tfc --report report": Line("audit: ok"),
    "scripts/tfchain guardian review 0 blocks.tfc": Line("differences: none"),
    "scripts/tfchain statement blocks.tfc --node 1 --period 0": Line("credited"),
    "scripts/tfchain guardian sign-offline 0 blocks.tfc --key guardian.key --to signed": Line(
        "signed", typed="y\n"
    ),
    "scripts/tfchain minting compute period.jsonl.xz": Line('"receipt"'),
    "scripts/tfchain minting pack period.jsonl.xz --out month": Line(""),
}
READERS: Final = {"an operator": OPERATOR, "a script writer": WRITER, "a guardian": GUARDIAN}


@pytest.mark.parametrize("reader", READERS)
def test_every_command_of_a_reader_is_run_below(reader: str) -> None:
    bare = [line.partition(" #")[0].rstrip() for line in lines_of(reader)]
    assert bare == list(READERS[reader])


# --- a folder like a clone, and a devnet ----------------------------------------------------------


def shim(path: Path, verb: str) -> None:
    """As the script of this name, but for the environment that it would make first."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m tfchain {verb} "$@"\n', "utf-8")
    path.chmod(0o755)


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clone")
    shim(folder / "scripts" / "tfchain", "")
    shim(folder / "scripts" / "devnet", "devnet")
    shutil.copytree(ROOT / "genesis", folder / "genesis")
    shutil.copy(GOLDEN / "devnet.tfc", folder / "blocks.tfc")
    with lzma.open(GOLDEN / "period_v3_small.jsonl.xz") as months:
        (folder / "period.jsonl.xz").write_bytes(lzma.compress(months.readline()))
    keys.save_plain(folder / "guardian.key", seed_of(1, "guardian/0"))
    (folder / "runtime").mkdir()
    return folder


@pytest.fixture(scope="module")
def environ(clone: Path) -> dict[str, str]:
    """Nobody names a node: the devnet in this folder is found. Ports are the system's to give."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("TFCHAIN_")}
    places = {"XDG_RUNTIME_DIR": str(clone / "runtime"), "PYTHONPATH": str(ROOT)}
    ports = {"TFCHAIN_P2P_PORT": "0", "TFCHAIN_HTTP_PORT": "0"}
    return {**own, **places, **ports, "COLUMNS": "160", "PYTHONUNBUFFERED": "1"}


@pytest.fixture(scope="module")
def address(clone: Path, environ: dict[str, str]) -> Iterator[str]:
    """The first validator of `scripts/devnet`, once there are blocks."""
    with (clone / "said").open("wb") as said:
        process = subprocess.Popen(["scripts/devnet"], cwd=clone, env=environ, stdout=said)
    try:
        yield _answering(clone / "said", process)
    finally:
        process.terminate()
        assert process.wait(PATIENCE_S) == 0


def _answering(said: Path, process: "subprocess.Popen[bytes]") -> str:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        found = re.search(r"validator-0 answers at (\S+)", said.read_text("utf-8"))
        if found and _height(found[1]) > 1:
            return found[1]
        assert process.poll() is None
        time.sleep(0.3)
    pytest.fail("no blocks")


def _height(url: str) -> int:
    try:
        return int(httpx.get(f"{url}/v1/status", timeout=5, trust_env=False).json()["height"])
    except httpx.HTTPError:
        return 0


Run = Callable[[str, Line], None]


@pytest.fixture
def run(clone: Path, environ: dict[str, str]) -> Run:
    """`run(command, line)`: by a shell, as a person would."""

    def call(command: str, line: Line) -> None:
        if line.until:
            _watch(command, line.says, clone, environ)
            return
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=clone,
            env=environ,
            input=line.typed,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert done.returncode == line.code, done.stdout + done.stderr
        assert line.says in done.stdout

    return call


def _watch(command: str, says: str, clone: Path, environ: dict[str, str]) -> None:
    process = subprocess.Popen(
        ["/bin/sh", "-c", f"exec {command}"],
        cwd=clone,
        env=environ,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        assert any(says in line for line in process.stdout)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_the_operator_s_five_minutes(run: Run, address: str, clone: Path) -> None:
    for command, line in OPERATOR.items():
        if not line.elsewhere:
            run(command.replace(ADDRESS, address).replace("7490", "0"), line)
    assert "ExecStart=" in (clone / "tfchain.service").read_text("utf-8")


def test_the_script_writer_s_five_minutes(run: Run, address: str) -> None:
    for command, line in WRITER.items():
        run(command.replace(ADDRESS, address), line)


def test_the_guardian_s_five_minutes(run: Run, clone: Path) -> None:
    for command, line in GUARDIAN.items():
        if "sign-offline" in command:
            shutil.copy(waiting_chain(clone), clone / "blocks.tfc")
        run(command, line)
    assert (clone / "report" / "index.html").exists()
    assert (clone / "signed").exists()
    assert (clone / "month").exists()


def waiting_chain(clone: Path) -> Path:
    """The recorded chain up to where its first batch waits for guardians."""
    place = ScheduleId(0), PeriodIndex(0)
    stored = DictRows()
    reviewer = Reviewer(stored, *place)
    kept: list[tuple[int, bytes]] = []
    for _, kind, payload in read_records(BytesIO((GOLDEN / "devnet.tfc").read_bytes())):
        batch = tables.BATCHES.get(State(stored), tables.batch_key(*place))
        if kind == records.BLOCK and batch is not None and batch.state == SEALED:
            break
        kept.append((kind, payload))
        reviewer.take(kind, payload)
    path = clone / "waiting.tfc"
    with path.open("wb") as file:
        write_records(file, kept)
    return path
