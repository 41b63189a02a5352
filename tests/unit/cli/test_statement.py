"""`tfchain statement`: every second that was paid for, from the same recorded devnet that audits."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from tfchain.base.units import NodeId, PeriodIndex, Seconds
from tfchain.cli import statement as verb
from tfchain.errors import Malformed, Rejected, Unavailable
from tfchain.rules.regime import UNTIL_OLD_OR_USED
from tfchain.web.pages.words import utc

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
    for piece in ("node 1, period 0/0", "report", "credited", "receipt", "minted"):
        assert piece in result.stdout, piece
    assert " in block " in result.stdout.rpartition("minted")[2]


def test_the_credited_seconds_are_the_receipts(recorded: str) -> None:
    result = _statement(recorded, "--node", "3", "--period", "0", "--json")
    plain = json.loads(result.stdout)
    credited = sum(line["credited"] for line in plain["lines"])
    assert credited == plain["credited"] == plain["receipt"]["uptime"] > 0
    assert plain["settled"]
    assert plain["lines"][-1]["height"] < plain["mint"]["height"] <= plain["height"]
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
    *lines, total = rows
    assert [int(row["credited"]) for row in lines] == [row["credited"] for row in plain["lines"]]
    assert (total["what"], total["total"]) == ("receipt", str(plain["credited"]))
    assert total["utft"] == total["minted_utft"] == plain["receipt"]["amount"]
    assert total["musd"] == plain["receipt"]["musd"]
    assert total["price_musd"] == plain["receipt"]["connection_price"]
    assert int(total["paid_in"]) == plain["mint"]["height"]
    assert int(total["paid_at"]) == plain["payout"]["time"]
    assert total["transaction"] == plain["payout"]["transaction"]


def test_downtimes_go_to_the_csv_file_too(recorded: str, tmp_path: Path) -> None:
    path = tmp_path / "lines.csv"
    plain = json.loads(
        _statement(recorded, "--node", "5", "--period", "0", "--csv", str(path), "--json").stdout
    )
    with path.open(encoding="utf-8", newline="") as file:
        down = [row for row in csv.DictReader(file) if row["what"] == "down"]
    told = [(int(row["since"]), int(row["until"])) for row in down]
    assert told == [(one["since"], one["until"]) for one in plain["downtimes"]]
    assert sum(one["seconds"] for one in plain["downtimes"]) == 60 - plain["credited"] > 0


def test_the_running_period_goes_to_a_csv_file_without_coins(recorded: str, tmp_path: Path) -> None:
    path = tmp_path / "lines.csv"
    assert _statement(recorded, "--node", "1", "--csv", str(path)).exit_code == 0
    with path.open(encoding="utf-8", newline="") as file:
        *_, total = csv.DictReader(file)
    assert total["what"] == "receipt so far"
    assert total["minted_utft"] == total["paid_in"] == total["transaction"] == ""


def test_the_payout_has_a_date_and_a_transaction(recorded: str) -> None:
    result = _statement(recorded, "--node", "1", "--period", "0")
    plain = json.loads(_statement(recorded, "--node", "1", "--period", "0", "--json").stdout)
    assert f"transaction {plain['payout']['transaction']}" in result.stdout
    assert f"paid at     {utc(plain['payout']['time'])} UTC" in result.stdout
    assert "paid to     5" in result.stdout
    assert json.loads(_statement(recorded, "--node", "1", "--json").stdout)["payout"] is None


def test_locked_coins_say_what_they_wait_for(recorded: str) -> None:
    found = verb.statement_of(Path(recorded), NodeId(5), PeriodIndex(0))
    locked = replace(found, receipt=replace(found.receipt, lock=UNTIL_OLD_OR_USED))
    assert "locked      until_old_or_used" in list(verb.lines_of(locked))
    assert not [line for line in verb.lines_of(found) if line.startswith("locked")]


def test_many_downtimes_are_cut(recorded: str) -> None:
    found = verb.statement_of(Path(recorded), NodeId(5), PeriodIndex(0))
    start = found.batch.start
    spans = tuple((Seconds(start + 4 * one), Seconds(start + 4 * one + 1)) for one in range(13))
    lines = list(verb.lines_of(replace(found, downtimes=spans)))
    [down] = [line for line in lines if line.startswith("down ")]
    assert down.startswith("down        13 s: +0 to +1, +4 to +5")
    assert down.endswith("+36 to +37, and 3 times more")


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
    for option in ("--csv", "--page"):
        blocked = _statement(recorded, "--node", "1", option, str(tmp_path / "no" / "folder"))
        assert isinstance(blocked.exception, Unavailable)


def test_a_source_is_due(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("TFCHAIN_NODE", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    result = _statement("--node", "1")
    assert isinstance(result.exception, Unavailable)
