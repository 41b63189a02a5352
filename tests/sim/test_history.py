"""A spring in which all regimes begin, on four replicas, against the second computation."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from tfchain.cli import history
from tfchain.cli import simulate as verb
from tfchain.errors import Unavailable
from tfchain.sim.history.diary import Paid
from tfchain.sim.history.story import Act, Story, day
from tfchain.sim.history.tales import BRIEF
from tfchain.sim.history.telling import differences, lines_of, world_of
from tfchain.sim.history.wishes import renews

APP = typer.Typer()
APP.command()(verb.simulate)


@pytest.fixture(scope="module")
def told() -> Result:
    return CliRunner().invoke(APP, ["--scenario", "brief history"])


@pytest.mark.slow
def test_nodes_of_all_regimes_are_paid_what_is_due(told: Result) -> None:
    assert told.exit_code == 0, told.output
    rows = [line.split("|") for line in told.stdout.splitlines() if " | farming_" in line]
    paid = {row[1].strip(): (row[2].strip(), row[3].strip()) for row in rows}
    assert [row[1].strip() for row in rows] == [
        "farming_2018", "farming_2019", "farming_v2", "farming_v3", "farming_v3", "farming_v3_lockup",
    ]  # fmt: skip
    assert all(expected == got for expected, got in paid.values())
    assert rows[3][3].strip() != "0.0000000" == rows[4][3].strip()  # and who lied is paid nothing
    assert "differences: 0" in told.stdout


@pytest.mark.slow
def test_its_export_passes_an_audit_by_both_programs(told: Result) -> None:
    assert "audit: ok: " in told.stdout
    assert "not in it: votes" in told.stdout


def test_a_recorded_network_of_real_processes_paid_what_was_due(golden_folder: Path) -> None:
    result = CliRunner().invoke(APP, ["--recorded", str(golden_folder / "devnet.tfc")])
    assert result.exit_code == 0, result.output
    assert re.search(
        r"^12 nodes, \d+ batches, \d+ receipts, differences: 0$", result.stdout, re.MULTILINE
    )
    assert "278.3250000 |  278.3250000" in result.stdout


def test_a_unit_too_much_is_a_difference() -> None:
    rows: list[dict[str, object]] = [
        {"schedule": 0, "period": 1, "node": 1, "amount": 5, "reason": ""}
    ]
    assert differences(rows, Paid(coins={(0, 1, 1): 5}, locked={}, nodes=1)) == []
    [less] = differences(rows, Paid(coins={(0, 1, 1): 4}, locked={}, nodes=1))
    [more] = differences(rows, Paid(coins={(0, 1, 1): 5, (0, 2, 1): 1}, locked={}, nodes=1))
    assert "5 was due, 4 was paid" in less
    assert "0 was due, 1 was paid; nothing was due" in more


def test_a_node_that_one_side_does_not_know_is_a_difference() -> None:
    node: dict[str, object] = {"node": 1, "regime": "farming_v3", "expected": 7, "locked": 0}
    [line] = lines_of([node], Paid(coins={}, locked={}, nodes=0))
    assert line.differs()
    known, other = lines_of([node], Paid(coins={(0, 0, 1): 7, (0, 0, 2): 1}, locked={}, nodes=2))
    assert (known.differs(), other.differs(), other.regime) == (False, True, "?")


def _cut(story: Story, *acts: Act) -> Story:
    """Its first days."""
    return replace(story, end=day("2020-04-29"), farmers=story.farmers[:1], acts=acts, doubts=())


def test_an_answer_that_the_story_does_not_tell_ends_it() -> None:
    report = world_of(_cut(BRIEF, Act(at=day("2020-04-28"), who="ann", wish=renews)), 0).run()
    assert report.violation == "H1: ann at 1588032000 is answered void, ok was due"


def test_one_seed_is_one_history() -> None:
    runs = [world_of(_cut(BRIEF), seed).run() for seed in (3, 3, 4)]
    assert [run.violation for run in runs] == ["", "", ""]
    assert runs[0] == runs[1]
    assert runs[0].trace != runs[2].trace


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        pytest.param(None, "is missing", id="none there"),
        pytest.param("raise SystemExit('no')", "failed", id="one that gives up"),
    ],
)
def test_no_second_computation_is_no_answer(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str | None, reason: str
) -> None:
    path = tmp_path / "oracle.py"
    if script is not None:
        path.write_text(script)
    monkeypatch.setattr(history, "ORACLE", path)
    with pytest.raises(Unavailable, match=reason):
        history.tell(_cut(BRIEF), 0)
