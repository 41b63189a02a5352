"""The web as a process: killed again and again while it follows, rebuilt, and beside a devnet."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from pathlib import Path
from random import Random
from typing import Any, Final

import httpx
import pytest

from tfchain.index.database import FILE
from tfchain.index.own import CONTENT
from tfchain.index.sheet import counted

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

TFCHAIN: Final = (sys.executable, "-m", "tfchain")
KILLS: Final = 20
FEW: Final = 6
"""What every run does; the rebuild is among them."""
PATIENCE_S: Final = 60.0

Begin = Callable[..., AbstractContextManager[Any]]


def wait(condition: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < until, f"not within {PATIENCE_S} s: {what}"
        time.sleep(0.05)


class Web:
    """A web that answers."""

    def __init__(self, node: str, home: Path, *options: str) -> None:
        command = [*TFCHAIN, "web", "--node", node, "--home", str(home), "--port", "0", "--json"]
        self.process = subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        said = self.process.stdout.readline()
        self.url = str(json.loads(said)["url"])

    def status(self) -> dict[str, Any]:
        return dict(httpx.get(f"{self.url}/v1/web/status", timeout=20, trust_env=False).json())

    def caught_up(self, height: int) -> dict[str, Any]:
        found: list[dict[str, Any]] = []

        def is_there() -> bool:
            found.append(self.status())
            return bool(found[-1]["height"] >= height and found[-1]["agrees"])

        wait(is_there, f"height {height}, and that it agrees: {found[-1:]}")
        return found[-1]

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        code = self.process.wait(PATIENCE_S)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


def checksums(home: Path) -> dict[int, str]:
    with closing(sqlite3.connect(home / FILE)) as file:
        return dict(file.execute("SELECT height, checksum FROM checksums").fetchall())


@pytest.mark.parametrize(
    "kills",
    [
        FEW,
        pytest.param(
            KILLS,
            marks=pytest.mark.skipif(
                "TFCHAIN_TEST_WEB_KILLS" not in os.environ,
                reason=f"{KILLS} kills take minutes: TFCHAIN_TEST_WEB_KILLS=1 makes them all",
            ),
        ),
    ],
)
def test_killed_and_rebuilt_it_has_the_same_checksums(
    kills: int, devnet: Begin, tmp_path: Path
) -> None:
    chance = Random(20)
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    with devnet(tmp_path / "net", "--validators", "1", "--nodes", "3", "--no-web") as running:
        node = running.said(r"validator-0 answers at (\S+)")
        for number in range(kills):
            begins = ["--rebuild"] if number % 4 == 3 else []
            web = Web(node, killed, *begins)
            time.sleep(chance.random())
            assert web.end(signal.SIGKILL) == -signal.SIGKILL
        web = Web(node, killed)
        height = web.caught_up(20)["height"]
        other = Web(node, whole)
        other.caught_up(height)
        assert [one.end(signal.SIGTERM) for one in (web, other)] == [0, 0]
    first, second = checksums(killed), checksums(whole)
    both = sorted(first.keys() & second.keys())
    assert both == list(range(len(both))) and len(both) > height
    assert [first[at] for at in both] == [second[at] for at in both]
    with closing(sqlite3.connect(killed / FILE)) as file:
        assert counted(file, CONTENT).hex() == first[max(first)]
    rebuilt = Web("http://127.0.0.1:1", killed, "--rebuild")
    assert rebuilt.status()["height"] == 0
    assert "does not answer" in rebuilt.status()["trouble"]
    assert rebuilt.end(signal.SIGINT) == 0


def test_a_devnet_runs_its_web_and_takes_it_along(devnet: Begin, tmp_path: Path) -> None:
    with devnet(tmp_path / "net", "--validators", "1", "--nodes", "1") as running:
        url = running.said(r"the web answers at (\S+),")
        pid = int(running.said(r"web runs as process (\d+)"))

        def answers() -> bool:
            try:
                status = httpx.get(f"{url}/v1/web/status", timeout=20, trust_env=False).json()
            except httpx.HTTPError:
                return False
            return bool(status["height"] >= 3 and status["agrees"])

        wait(answers, "the web agrees with the ledger")
        assert httpx.get(f"{url}/api/v1/node/99", trust_env=False).status_code == 404
    assert not Path(f"/proc/{pid}").exists()


@pytest.mark.parametrize(
    ("options", "word"),
    [
        pytest.param(["--port", "99999"], "less than or equal to 65535", id="a port that is none"),
        pytest.param(["--export", "nothing.tfc"], "cannot read the export", id="no such export"),
    ],
)
def test_a_wrong_call_is_one_line(options: list[str], word: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [*TFCHAIN, "web", "--home", str(tmp_path / "home"), *options],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode in {2, 3}
    assert word in done.stderr and "Traceback" not in done.stderr


def test_a_port_that_is_taken_is_one_line(golden_folder: Path, tmp_path: Path) -> None:
    command = [*TFCHAIN, "web", "--export", str(golden_folder / "devnet.tfc"), "--home"]
    first = subprocess.Popen(
        [*command, str(tmp_path / "first"), "--port", "0", "--json"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert first.stdout is not None
    port = str(json.loads(first.stdout.readline())["url"]).rpartition(":")[2]
    for home, word in (("second", "cannot listen"), ("first", "in use")):
        done = subprocess.run(
            [*command, str(tmp_path / home), "--port", port],
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert done.returncode == 3
        assert word in done.stderr and "Traceback" not in done.stderr
    first.terminate()
    assert first.wait(PATIENCE_S) == 0
    first.stdout.close()
