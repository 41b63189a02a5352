"""`scripts/soak`: every scenario has its turn, a signal ends it with totals, a violation with 1."""

import os
import signal
import subprocess
import sys
import threading
from itertools import islice
from pathlib import Path

import pytest

from scripts import soak
from tfchain.sim.plan import Plan, Report
from tfchain.sim.scenarios import SCENARIOS, WEEK

ROOT = Path(soak.__file__).resolve().parents[1]


def test_every_scenario_has_its_turn_but_the_week() -> None:
    drawn = {plan.scenario for plan in islice(soak.plans(5), 2 * len(SCENARIOS))}
    assert drawn == {*SCENARIOS} - {WEEK}


def test_a_signal_ends_it_with_totals() -> None:
    running = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys; sys.stderr.write('up\\n'); sys.stderr.flush()\n" + _RUN,
        ],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert running.stderr is not None and running.stderr.readline() == "up\n"
    assert running.stderr.readline() == "begun\n"
    running.send_signal(signal.SIGTERM)
    told, _ = running.communicate(timeout=60)
    assert running.returncode == 0, told
    assert "seeds" in told and "violations: 0" in told


_RUN = """
from scripts import soak
simulate = soak.simulate
def told(plan):
    report = simulate(plan)
    sys.stderr.write('begun\\n'); sys.stderr.flush()
    return report
soak.simulate = told
sys.argv = ['soak']
sys.exit(soak.main())
"""


def test_hours_that_are_over_end_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert soak.soak(0, 0.0, threading.Event()) == 0
    assert capsys.readouterr().out.startswith("0 seeds, 0 heights, 0 events, violations: 0")


def test_a_violation_ends_it_with_the_line_that_replays_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(plan: Plan) -> Report:
        return Report(
            plan=plan, heights=1, events=2, trace=b"", healed_ms=0, violation="S1: two blocks"
        )

    monkeypatch.setattr(soak, "simulate", broken)
    assert soak.soak(9, None, threading.Event()) == 1
    told = capsys.readouterr().out
    assert 'again: tfchain simulate --scenario "mixed" --seeds 9\n' in told
    assert "violations: 1" in told
