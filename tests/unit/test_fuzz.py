"""The fuzzer runs on every target, counts its inputs, and notices a reader that breaks."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
TARGETS: Final = {
    "codec",
    "frames",
    "handshake",
    "wal",
    "blocks",
    "peer",
    "http",
    "attacks",
    "chunks",
    "light",
}
RUNS: Final = 300

BROKEN: Final = """
import sys
from scripts import fuzz, fuzz_targets
def take(raw):
    if len(raw) % 7 == 3:
        raise KeyError("not a refusal")
fuzz_targets.TARGETS["codec"] = lambda: fuzz_targets.Target(take, (b"genuine",))
sys.exit(fuzz.main())
"""
HUNGRY: Final = """
import sys
from scripts import fuzz, fuzz_targets
eaten = []
fuzz_targets.TARGETS["codec"] = lambda: fuzz_targets.Target(
    lambda raw: eaten.append(b"x" * 300_000 + raw), (b"genuine",)
)
sys.exit(fuzz.main())
"""


def _python(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", *words],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["own", "hypothesis"])
def test_no_reader_of_a_strangers_bytes_breaks_or_grows(engine: str) -> None:
    done = _python("-m", "scripts.fuzz", "all", "--runs", str(RUNS), "--engine", engine)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert {row["target"] for row in rows} == TARGETS
    assert all(row["inputs"] >= RUNS for row in rows)


@pytest.mark.slow
def test_a_reader_that_breaks_is_noticed() -> None:
    done = _python("-c", BROKEN, "codec", "--runs", "500")
    assert done.returncode != 0
    assert "not a refusal" in done.stderr


@pytest.mark.slow
def test_a_reader_that_grows_is_noticed() -> None:
    done = _python("-c", HUNGRY, "codec", "--runs", "400")
    assert done.returncode == 1
    assert "it grew by" in done.stderr
