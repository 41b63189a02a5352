"""Half a year in which all happens that ever did, against the second computation."""

import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from tfchain.cli import history
from tfchain.cli import simulate as verb
from tfchain.errors import Unavailable
from tfchain.sim.history.brief import BRIEF
from tfchain.sim.history.diary import Paid
from tfchain.sim.history.story import Act, Story, day
from tfchain.sim.history.telling import differences, lines_of, world_of
from tfchain.sim.history.wishes import renews

APP = typer.Typer()
APP.command()(verb.simulate)

BEFELL = (
    "farming_2018 pays",
    "farming_2019 pays",
    "farming_v2 pays",
    "farming_v3 pays",
    "farming_v3_lockup pays",
    "batch 0/1 is paid after a dispute",
    "a guardian names node 8 in batch 2/1",
    "voted: batch 2/1, without node 8",
    "voted: batch 1/1, is void",
    "voted: batch 2/1, node 8: 2607.9500000 is right",
    "node 8 gets 2607.9500000 more for batch 2/1",
    "node 11 pays 200.0000000 of its debt",
    "voted: node 2 is certified",
    "what node 2 had locked comes free: it is certified",
    "what node 1 had locked comes free: it is used",
    "what node 1 is paid is locked again",
    "what node 16 had locked comes free: it is used",
    "what node 16 is paid is locked again",
    "what node 13 had locked comes free: it is old enough",
    "node 14 is deleted",
    "what node 14 had locked comes free: somebody asked in time",
    "voted: node 12 is a fraud",
    "voted: node 15 is a fraud",
    "node 3 is paid no more: void",
    "node 10 is paid no more: must_register",
    "node 10 registers anew, at 45 mUSD",
    "node 9 is paid nothing: it lied about its uptime",
    "voted: a TFT is 60 mUSD",
    "voted: a TFT is 45 mUSD",
    "voted: policy of-2023",
)
"""What a history is for: by its blocks and rows, each of it came about."""


def told_once(test: Callable[[Result], None]) -> Callable[[Result], None]:
    """All on one worker: it takes its time."""
    return pytest.mark.xdist_group("history")(pytest.mark.slow(test))


@pytest.fixture(scope="module")
def told() -> Result:
    """On one replica: that four come to the same is held by every other simulation."""
    return CliRunner().invoke(APP, ["--scenario", "brief history", "--validators", "1"])


@told_once
def test_nodes_of_all_regimes_are_paid_what_is_due(told: Result) -> None:
    assert told.exit_code == 0, told.output
    rows = [line.split("|") for line in told.stdout.splitlines() if " | farming_" in line]
    assert len(rows) == 16
    for row in rows:
        expected, paid, due, locked = (cell.strip() for cell in row[2:6])
        assert (expected, due) == (paid, locked) and paid != "0.0000000"
    assert "differences: 0" in told.stdout


@told_once
def test_all_of_it_came_about(told: Result) -> None:
    came = [row[len("2020-04-20  ") :] for row in told.stdout.splitlines()]
    assert [line for line in BEFELL if line not in came] == []


@told_once
def test_its_export_passes_an_audit_by_both_programs(told: Result) -> None:
    assert "audit: ok: " in told.stdout
    assert "not in it: the supply cap's cut" in told.stdout


@pytest.mark.slow
@pytest.mark.skipif(
    "TFCHAIN_TEST_HISTORY" not in os.environ,
    reason="eight years take minutes: TFCHAIN_TEST_HISTORY=1 runs them",
)
def test_eight_years_are_paid_what_is_due() -> None:
    whole = CliRunner().invoke(APP, ["--scenario", "history"])
    assert whole.exit_code == 0, whole.output
    assert "differences: 0" in whole.stdout and "audit: ok: " in whole.stdout


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
    assert differences(rows, Paid(coins={(0, 1, 1): 5}, free={}, locked={}, nodes=1)) == []
    [less] = differences(rows, Paid(coins={(0, 1, 1): 4}, free={}, locked={}, nodes=1))
    [more] = differences(
        rows, Paid(coins={(0, 1, 1): 5, (0, 2, 1): 1}, free={}, locked={}, nodes=1)
    )
    assert "5 was due, 4 was paid" in less
    assert "0 was due, 1 was paid; nothing was due" in more


@pytest.mark.parametrize("free", [True, False])
def test_coins_that_are_locked_where_they_are_free_are_a_difference(free: bool) -> None:
    place = (0, 1, 1)
    row: dict[str, object] = {"schedule": 0, "period": 1, "node": 1, "amount": 5, "reason": ""}
    row["free"] = free
    as_due, otherwise = (
        Paid(coins={place: 5}, free={place: one}, locked={}, nodes=1) for one in (free, not free)
    )
    assert differences([row], as_due) == []
    assert differences([row], otherwise) == [
        f"batch 0/1, node 1: it was {'locked' if free else 'free'}"
    ]


def test_a_node_that_one_side_does_not_know_is_a_difference() -> None:
    node: dict[str, object] = {"node": 1, "regime": "farming_v3", "expected": 7, "locked": 0}
    [line] = lines_of([node], Paid(coins={}, free={}, locked={}, nodes=0))
    assert line.differs()
    known, other = lines_of(
        [node], Paid(coins={(0, 0, 1): 7, (0, 0, 2): 1}, free={}, locked={}, nodes=2)
    )
    assert (known.differs(), other.differs(), other.regime) == (False, True, "?")


def _cut(story: Story, *acts: Act) -> Story:
    """Its first days."""
    first = story.farmers[:1]
    return replace(story, end=day("2020-04-29"), farmers=first, acts=acts, doubts=(), leases=())


def test_an_answer_that_the_story_does_not_tell_ends_it() -> None:
    report = world_of(_cut(BRIEF, Act(at=day("2020-04-28"), who="ann", wish=renews)), 0).run()
    assert report.violation == "H1: ann at 1588032000 is answered void, ok was due"


def test_a_history_has_no_more_validators_than_guardians() -> None:
    asked = CliRunner().invoke(APP, ["--scenario", "history", "--validators", "5"])
    assert asked.exit_code == 2 and "4 validators at most" in asked.output


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
