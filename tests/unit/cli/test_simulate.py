"""`tfchain simulate`: ranges, one hash for one range, and 1 where an invariant is broken."""

import os
import re

import pytest
import typer
from typer.testing import CliRunner, Result

from tfchain.cli import simulate as verb
from tfchain.errors import Unavailable
from tfchain.sim.plan import Plan, Report

APP = typer.Typer()
APP.command()(verb.simulate)
SHORT = ("--scenario", "quiet", "--ticks", "1")


def _simulate(*arguments: str) -> Result:
    return CliRunner().invoke(APP, [*arguments])


def test_one_seed_tells_its_heights_and_its_trace() -> None:
    result = _simulate("--seeds", "7", *SHORT)
    assert result.exit_code == 0
    assert re.fullmatch(
        r"seed 7: \d+ heights, \d+ events, violations: 0\ntrace: [0-9a-f]{64}\n", result.stdout
    )
    assert "seeds a second" in result.stderr


def test_a_range_has_one_hash_however_many_processes_share_it() -> None:
    alone = _simulate("--seeds", "0..5", *SHORT)
    shared = _simulate("--seeds", "0..5", "--jobs", "2", *SHORT)
    assert alone.exit_code == shared.exit_code == 0
    assert alone.stdout == shared.stdout
    assert alone.stdout.startswith("6 seeds: ")


def test_other_seeds_have_another_hash() -> None:
    assert _simulate("--seeds", "1", *SHORT).stdout != _simulate("--seeds", "2", *SHORT).stdout


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("--seeds", "x"), id="no number"),
        pytest.param(("--seeds", ""), id="nothing"),
        pytest.param(("--seeds", "3..1"), id="falling"),
        pytest.param(("--seeds", "0.."), id="no end"),
        pytest.param(("--seeds", "-1"), id="below zero"),
        pytest.param(("--seeds", "0..1000000"), id="too many"),
        pytest.param(("--seeds", "9" * 40), id="too long"),
        pytest.param(("--scenario", "doom"), id="an unknown scenario"),
        pytest.param(("--validators", "0"), id="nobody"),
        pytest.param(("--jobs", "0"), id="no process"),
        pytest.param(("--ticks", "0"), id="no time"),
    ],
)
def test_a_wrong_call_is_refused(arguments: tuple[str, ...]) -> None:
    assert _simulate(*arguments).exit_code == 2


def _breaks_at_three(plan: Plan) -> Report:
    broken = plan.seed == 3
    return Report(
        plan=plan,
        heights=2,
        events=10,
        trace=bytes(32),
        healed_ms=0,
        violation="S1: height 2: two blocks" if broken else "",
        players="4 validators",
        last=("  1 ms  node 0  Start -> -",) if broken else (),
    )


def test_a_broken_invariant_is_told_with_its_seed_and_ends_with_1(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(typer.Exit) as ended:
        verb.run_all([Plan(seed=seed) for seed in range(9)], 1, _breaks_at_three)
    assert ended.value.exit_code == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["seed 3 of mixed, 4 validators:", "  S1: height 2: two blocks"]
    assert "node 0  Start" in lines[2]
    assert lines[3] == "4 seeds: 8 heights, 40 events, violations: 1", "it ends at the first one"


def test_a_process_that_dies_is_named() -> None:
    """Broken pools have an error of their own, which no front door knows."""
    with pytest.raises(Unavailable, match="a simulating process ended"):
        list(verb.reports_of([1, 2], 2, os._exit))  # type: ignore[list-item,arg-type]


def test_a_week_tells_each_hour_and_its_longest_wait() -> None:
    result = _simulate("--scenario", "week", "--ticks", "30")
    assert result.exit_code == 0
    assert "longest wait of a node for a block" in result.stdout
    assert "violations: 0" in result.stdout
