"""A devnet of real processes: one period proved, and what happens when processes are killed."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

DEVNET = (sys.executable, "-m", "tfchain", "devnet")
ONCE_S = 240
"""What a period, its payment and the audit may take."""
PATIENCE_S = 60.0


@pytest.mark.parametrize("store", ["leveldb", "sqlite"])
def test_one_period_is_paid_and_audited(tmp_path: Path, store: str) -> None:
    if store == "leveldb":
        pytest.importorskip("plyvel")
    export = tmp_path / "chain.export"
    done = subprocess.run(
        [*DEVNET, "--once", "--nodes", "4", "--store", store, "--export", str(export)],
        capture_output=True,
        text=True,
        timeout=ONCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 of 4 committed, 4 of 4 attested alike" in done.stdout
    assert re.search(r"mint +block \d+: batch 0/0, 4 nodes, .*[0-9a-f]{64}", done.stdout)
    assert "second program: equal" in done.stdout
    assert "audit: ok" in done.stdout
    assert export.stat().st_size > 10_000
    audit = subprocess.run(
        [sys.executable, "-m", "tfchain", "audit", str(export)],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert audit.returncode == 0, audit.stderr
    second = subprocess.run(
        [sys.executable, "-m", "tfchain", "simulate", "--recorded", str(export)],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert second.returncode == 0, second.stdout + second.stderr
    assert "4 nodes, " in second.stdout and "differences: 0" in second.stdout


class Net:
    """A devnet under way, and those of its validators that were started again by hand."""

    def __init__(self, devnet: Any) -> None:
        self.devnet = devnet
        self.by_hand: list[subprocess.Popen[bytes]] = []

    def pid(self, number: int) -> int:
        return int(self.devnet.said(rf"validator-{number} runs as process (\d+)"))

    def height(self, number: int) -> int:
        """What it says of itself; -1 while it does not answer."""
        url = self.devnet.said(rf"validator-{number} answers at (\S+)")
        try:
            answer = httpx.get(f"{url}/v1/status", timeout=5, trust_env=False)
        except httpx.HTTPError:
            return -1
        return int(answer.json()["height"])

    def kill(self, number: int) -> None:
        os.kill(self.pid(number), signal.SIGKILL)
        self.devnet.wait(lambda: self.height(number) == -1, "a killed validator is silent")

    def start(self, number: int) -> None:
        """By the line that the devnet shows."""
        home = self.devnet.home / f"validator-{number}"
        line = self.devnet.said(rf"start it again with: (.*{re.escape(str(home))})")
        self.by_hand.append(subprocess.Popen(line.split(), stdout=subprocess.DEVNULL))

    def goes_on(self, number: int, blocks: int = 4) -> None:
        start = self.height(number)
        self.devnet.wait(lambda: self.height(number) >= start + blocks, f"blocks go on at {number}")

    def end(self) -> None:
        for process in self.by_hand:
            if process.poll() is None:
                process.terminate()
        for process in self.by_hand:
            process.wait(PATIENCE_S)


def is_there(pid: int) -> bool:
    """Whether the process runs; one that nobody has waited for yet does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return stat.rpartition(") ")[2].split()[0] != "Z"


def family(pid: int) -> list[int]:
    """A process and the second program under it, whichever of its threads started that."""
    lists = Path(f"/proc/{pid}/task").glob("*/children")
    return [pid, *[int(child) for one in lists for child in one.read_text("ascii").split()]]


@pytest.fixture
def net(devnet: Callable[..., AbstractContextManager[Any]], tmp_path: Path) -> Iterator[Net]:
    """Four validators that have made a few blocks."""
    with devnet(tmp_path / "net", "--nodes", "2") as running:
        four = Net(running)
        try:
            running.wait(lambda: four.height(0) >= 3, "the first blocks")
            yield four
        finally:
            four.end()


def test_killed_validators_are_missed_and_come_back(net: Net) -> None:
    net.kill(0)
    net.goes_on(1)
    net.start(0)
    net.devnet.wait(lambda: net.height(0) >= net.height(1) - 1, "it catches up")
    net.kill(1)
    net.goes_on(2)  # three of four: only if the one that came back votes again
    net.kill(2)
    time.sleep(3)
    stopped = net.height(3)
    time.sleep(5)
    assert net.height(3) == stopped, "two of four must not make blocks"
    net.start(2)
    net.goes_on(3)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_everything(net: Net, number: signal.Signals) -> None:
    pids = [pid for place in range(4) for pid in family(net.pid(place))]
    assert len(pids) == 8
    net.devnet.process.send_signal(number)
    assert net.devnet.process.wait(PATIENCE_S) == 0
    assert [pid for pid in pids if is_there(pid)] == []
    assert "no process is left" in "".join(net.devnet.lines)


def test_a_killed_devnet_takes_its_processes_along(net: Net) -> None:
    pids = [pid for place in range(4) for pid in family(net.pid(place))]
    net.devnet.process.kill()
    net.devnet.wait(lambda: not any(is_there(pid) for pid in pids), "everybody notices")
