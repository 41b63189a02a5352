"""Garbage from a stranger and a flood from one sender, and the others go on (consensus 1.15.5, 1.16.2).

No times are judged here: `scripts/flood` does that, on a machine that has nothing else to do.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from tfchain.base.limits import MEMPOOL_SENDER_MAX

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

ROOT: Final = Path(__file__).resolve().parents[2]
SECONDS: Final = 5
FLOOD_S: Final = 180
OTHERS_WAITING_MAX: Final = 8 * 30
"""Eight others who hand in one a second and give up after thirty."""


@pytest.fixture(scope="module")
def figures() -> dict[str, dict[str, Any]]:
    """What a short flood comes to, figure by figure; over its bar it may be on a busy machine."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "scripts.flood", "--seconds", str(SECONDS)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=FLOOD_S,
        check=False,
    )
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert rows, done.stderr
    return {row["figure"]: row for row in rows}


def test_everything_that_others_handed_in_is_committed(figures: dict[str, dict[str, Any]]) -> None:
    assert figures["validators"]["blocks"] > 0
    assert figures["others"]["txs"] > 0
    assert figures["others"]["lost"] == 0


def test_whoever_sends_garbage_is_blamed_banned_and_turned_away(
    figures: dict[str, dict[str, Any]],
) -> None:
    frames = figures["frames"]
    assert frames["sent"] > 0
    assert frames["bans"] >= 1
    assert frames["last_reason"]
    assert frames["refused_at_the_door"] >= 1  # how often it knocks depends on the machine


def test_whoever_sends_too_many_is_told_so_and_fills_no_pool(
    figures: dict[str, dict[str, Any]],
) -> None:
    txs = figures["txs"]
    assert txs["codes"]["ok"] > 0
    assert txs["codes"]["sender_full"] > 0
    assert set(txs["codes"]) <= {"ok", "sender_full", "no room"}
    assert figures["memory_peak"]["waiting_max"] <= MEMPOOL_SENDER_MAX + OTHERS_WAITING_MAX
