"""`tfchain statement`: every second that was paid for, from the same recorded devnet that audits."""

import csv
import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from tfchain.cli import statement as verb
from tfchain.errors import Malformed, Rejected, Unavailable

APP = typer.Typer()
APP.command()(verb.statement)


@pytest.fixture(scope="module")
def recorded(golden_folder: Path) -> str:
    return str(golden_folder / "devnet.tfc")


def _statement(*arguments: str) -> Result:
    return CliRunner().invoke(APP, [*arguments])


def test_a_paid_period_is_shown_from_the_first_report_to_the_coins(recorded: str) -> None:
    result = _statement(recorded, "--node", "1", "--period", "0")
    assert result.exit_code == 0
    for piece in ("node 1, period 0/0", "report", "credited", "receipt", "minted", "in block 100"):
        assert piece in result.stdout, piece


def test_the_credited_seconds_are_the_receipts(recorded: str) -> None:
    result = _statement(recorded, "--node", "3", "--period", "0", "--json")
    plain = json.loads(result.stdout)
    credited = sum(line["credited"] for line in plain["lines"])
    assert credited == plain["credited"] == plain["receipt"]["uptime"] > 0
    assert plain["settled"]
    assert plain["mint"]["height"] == 100
    assert plain["mint"]["amount"] == plain["receipt"]["amount"]


def test_a_violation_is_shown_with_its_evidence(recorded: str) -> None:
    plain = json.loads(_statement(recorded, "--node", "4", "--period", "0", "--json").stdout)
    before_t, before_up, then_t, then_up, _ = plain["receipt"]["evidence"]
    assert then_up - before_up > then_t - before_t, "it says to have been up for longer than passed"
    shown = _statement(recorded, "--node", "4", "--period", "0").stdout
    told = ", ".join(str(each) for each in plain["receipt"]["evidence"])
    assert f"violation   uptime_too_high: {told}" in shown
    assert "because: violation" in shown


def test_the_running_period_is_the_default(recorded: str) -> None:
    plain = json.loads(_statement(recorded, "--node", "1", "--json").stdout)
    assert (plain["batch"]["period"], plain["settled"], plain["mint"]) == (1, False, None)
    shown = _statement(recorded, "--node", "1").stdout
    assert "if the period ended here" in shown


def test_lines_go_to_a_csv_file(recorded: str, tmp_path: Path) -> None:
    path = tmp_path / "lines.csv"
    result = _statement(recorded, "--node", "1", "--period", "0", "--csv", str(path), "--json")
    plain = json.loads(result.stdout)
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["credited"]) for row in rows] == [row["credited"] for row in plain["lines"]]


def test_a_node_that_is_not_there_is_refused(recorded: str) -> None:
    result = _statement(recorded, "--node", "99")
    assert isinstance(result.exception, Rejected)
    assert result.exception.code == "unknown_node"


def test_what_cannot_be_read_is_one_line(recorded: str, tmp_path: Path) -> None:
    absent = _statement(str(tmp_path / "absent"), "--node", "1")
    assert isinstance(absent.exception, Unavailable)
    nobody = _statement("http://127.0.0.1:1", "--node", "1")
    assert isinstance(nobody.exception, Unavailable)
    spoilt = tmp_path / "spoilt"
    spoilt.write_bytes(Path(recorded).read_bytes()[:5_000])
    assert isinstance(_statement(str(spoilt), "--node", "1").exception, Malformed)
    blocked = _statement(recorded, "--node", "1", "--csv", str(tmp_path / "no" / "folder.csv"))
    assert isinstance(blocked.exception, Unavailable)


def test_a_source_is_due(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("TFCHAIN_NODE", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    result = _statement("--node", "1")
    assert isinstance(result.exception, Unavailable)
