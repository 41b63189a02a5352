"""`tfchain init --network`: the homes that it makes are started as they are, and become a network."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from tfchain.client.http import connected
from tfchain.node.devnet.homes import free_ports

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

ROOT: Final = Path(__file__).resolve().parents[2]
PATIENCE_S: Final = 90
VALIDATORS: Final = 4

Run = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """`run("start", ...)` in the test's folder; none outlives the test."""
    running: list[subprocess.Popen[str]] = []

    def start(*words: str) -> subprocess.Popen[str]:
        one = subprocess.Popen(
            [sys.executable, "-m", "tfchain", *words],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
        )
        running.append(one)
        return one

    yield start
    for one in running:
        one.kill()
        one.communicate()


def founded(run: Run) -> str:
    hosts = [f"--host=127.0.0.1:{port}" for port in free_ports(VALIDATORS)]
    genesis = str(ROOT / "genesis" / "devnet.toml")
    made = run("init", "--network", str(VALIDATORS), "--genesis", genesis, "--home", "net", *hosts)
    said, told = made.communicate(timeout=PATIENCE_S)
    assert (made.returncode, told) == (0, "")
    return said


def url_of(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if found := re.match(r"http: (\S+)", line):
            return found[1]
    raise AssertionError(process.communicate()[1])


async def test_homes_that_were_carried_away_become_a_network(run: Run, tmp_path: Path) -> None:
    """Each goes to a folder of its own, as to a machine of its own, and is started by its line."""
    said = founded(run)
    assert re.search(rf"^network    devnet-[0-9a-f]{{8}}: {VALIDATORS} validators", said)
    started = []
    for number in range(VALIDATORS):
        assert f"  here: tfchain start --home net/validator-{number}\n" in said
        machine = tmp_path / f"machine-{number}"
        machine.mkdir()
        shutil.move(tmp_path / "net" / f"validator-{number}", machine)
        home = str(machine / f"validator-{number}")
        started.append(run("start", "--home", home, "--set", "http.port=0"))
    for process in started:
        async with connected(url_of(process)) as client:
            assert await client.wait_height(3, PATIENCE_S) >= 3
            status = await client.status()
            assert status["validator"]
            peers = status["peers"]
            assert isinstance(peers, list)
            assert len(peers) == VALIDATORS - 1


def test_no_key_is_printed(run: Run, tmp_path: Path) -> None:
    said = founded(run)
    files = list((tmp_path / "net").rglob("*.key"))
    assert len(files) == 3 * VALIDATORS + 1
    assert not [path for path in files if path.read_text("utf-8").strip() in said]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        pytest.param(["--host", "a"], "--host: it goes with --network", id="a host alone"),
        pytest.param(["--network", "2", "--host", "a"], "2 are due, one for", id="too few hosts"),
        pytest.param(["--network", "1", "--host", "a:0"], "HOST or HOST:PORT", id="no port"),
        pytest.param(["--network", "0"], "--network", id="nobody"),
    ],
)
def test_a_wrong_call_is_one_line_and_makes_nothing(
    words: list[str], says: str, run: Run, tmp_path: Path
) -> None:
    genesis = str(ROOT / "genesis" / "devnet.toml")
    process = run("init", "--genesis", genesis, "--home", "net", *words)
    _, told = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 2
    assert says in told and told.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
