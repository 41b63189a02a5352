"""kill -9 on real validators under load: nothing committed is lost, nothing is signed twice."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[2]
KILLS = 6
PATIENCE_S = 400


@pytest.mark.parametrize("store", ["leveldb", "sqlite"])
def test_killed_validators_lose_nothing_and_contradict_nobody(store: str) -> None:
    """Scenarios 21 to 23 on real disks; `scripts/kills` does it a hundred times."""
    if store == "leveldb":
        pytest.importorskip("plyvel")
    options = ["--kills", str(KILLS), "--seed", "2", "--store", store, "--json"]
    done = subprocess.run(
        [sys.executable, "-P", "-m", "scripts.kills", *options],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert told["kills"] == KILLS
    assert told["two_at_once"] > 0
    assert told["double_signatures"] == 0
    assert told["statements"] > told["blocks"] * 2
    assert told["audit"].startswith("audit: ok")
