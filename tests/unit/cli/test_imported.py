"""`tfchain minting import`: a period from what others kept, as receipts and the public program's tables."""

import csv
import json
import lzma
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tfchain.chain.grid_events import GridBlock
from tfchain.cli import imported
from tfchain.cli.minting import app
from tfchain.cli.report import rows
from tfchain.errors import Malformed, Unavailable

Collect = Callable[[Path, dict[str, Any]], None]


@pytest.fixture(scope="module")
def lines(golden_folder: Path) -> list[dict[str, Any]]:
    """The recorded periods."""
    with lzma.open(golden_folder / "period_v3_small.jsonl.xz") as file:
        return [json.loads(line) for line in file]


@pytest.fixture(scope="module")
def line(lines: list[dict[str, Any]]) -> dict[str, Any]:
    """A period with sleeps and late reports, in which something is paid."""
    return next(
        one
        for one in lines
        if one["input"]["post"]
        and any('"tft":0' not in each["receipt"] for each in one["expected"])
    )


@pytest.fixture
def recorded(line: dict[str, Any], tmp_path: Path) -> str:
    path = tmp_path / "period.jsonl"
    path.write_text(json.dumps(line) + "\n", encoding="utf-8")
    return str(path)


@pytest.fixture
def kept(line: dict[str, Any], collect: Collect, tmp_path: Path) -> str:
    path = tmp_path / "collected.db"
    collect(path, line["input"])
    return str(path)


def _import(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["import", *arguments])


def _due(line: dict[str, Any]) -> list[dict[str, Any]]:
    keys = ("node_id", "receipt", "hash", "violation")
    return [{key: one[key] for key in keys} for one in line["expected"]]


def test_a_recorded_period_becomes_its_receipts(line: dict[str, Any], recorded: str) -> None:
    plain = json.loads(_import(recorded, "--json").stdout)
    assert plain["results"] == _due(line)
    assert plain["period"] == line["input"]["period"]
    rewards = [json.loads(one["receipt"])["reward"]["tft"] for one in line["expected"]]
    assert plain["owed"] == str(sum(rewards))
    assert int(plain["payable"]) <= int(plain["owed"])


def test_what_was_collected_becomes_the_same_receipts(
    line: dict[str, Any], kept: str, recorded: str
) -> None:
    result = _import(kept, "--period", str(line["input"]["period"]), "--state", recorded, "--json")
    assert result.exit_code == 0, result.exception
    assert json.loads(result.stdout)["results"] == _due(line)


def test_people_see_what_it_came_to(line: dict[str, Any], recorded: str) -> None:
    shown = _import(recorded).stdout
    assert f"period      {line['input']['period']}, 20" in shown
    assert f"receipts    {len(line['expected'])}, " in shown
    assert "owed  " in shown


def test_tables_are_as_the_public_program_writes_them(
    lines: list[dict[str, Any]], tmp_path: Path
) -> None:
    """Of a period with use and one whose farm has no address."""
    used = next(one for one in lines if any('"cru":0.0' not in _use(e) for e in one["expected"]))
    source, place = tmp_path / "one.jsonl", tmp_path / "tables"
    source.write_text(json.dumps(used), encoding="utf-8")
    assert _import(str(source), "--csv", str(place)).exit_code == 0
    with (place / "overview.csv").open(encoding="utf-8", newline="") as file:
        overview = list(csv.DictReader(file))
    assert tuple(overview[0]) == rows.OVERVIEW
    for row, due in zip(overview, used["expected"], strict=True):
        receipt = json.loads(due["receipt"])
        assert row["node id"] == str(receipt["node_id"])
        assert row["measured uptime"] == str(receipt["measured_uptime"])
        assert row["TFT reward"].replace(".", "").lstrip("0") == str(receipt["reward"]["tft"] or "")
        assert row["cru used"] == f"{receipt['resource_utilization']['cru']:.2f}%"
        assert row["IP used"] == f"{receipt['resource_utilization']['ip']:.2f} hours"
        assert row["DIY state"] == receipt["node_type"]
        assert row["violation"].partition(" | ")[0] == due["violation"]
    with (place / "payouts.csv").open(encoding="utf-8", newline="") as file:
        payouts = list(csv.reader(file))
    paid = [json.loads(one["receipt"]) | {"hash": one["hash"]} for one in used["expected"]]
    assert [(row[0], row[2]) for row in payouts] == [
        (one["stellar_payout_address"], one["hash"])
        for one in paid
        if one["reward"]["tft"] and one["stellar_payout_address"]
    ]
    kept = (place / "receipts.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(one) for one in kept] == _due(used)


def _use(expected: dict[str, Any]) -> str:
    return json.dumps(
        json.loads(expected["receipt"])["resource_utilization"], separators=(",", ":")
    )


def _is_payable(expected: dict[str, Any]) -> bool:
    receipt = json.loads(expected["receipt"])
    return bool(receipt["reward"]["tft"] and receipt["stellar_payout_address"])


def test_payouts_name_address_amount_and_receipt(
    lines: list[dict[str, Any]], tmp_path: Path
) -> None:
    period = next(one for one in lines if any(map(_is_payable, one["expected"])))
    source, place = tmp_path / "one.jsonl", tmp_path / "tables"
    source.write_text(json.dumps(period), encoding="utf-8")
    assert _import(str(source), "--csv", str(place)).exit_code == 0
    with (place / "payouts.csv").open(encoding="utf-8", newline="") as file:
        payout = next(csv.reader(file))
    due = next(one for one in period["expected"] if _is_payable(one))
    receipt = json.loads(due["receipt"])
    whole, units = divmod(receipt["reward"]["tft"], 10_000_000)
    assert payout == [receipt["stellar_payout_address"], f"{whole}.{units:07d}", due["hash"]]


def test_who_has_no_address_is_told_apart(line: dict[str, Any], tmp_path: Path) -> None:
    source, place = tmp_path / "one.jsonl", tmp_path / "tables"
    bare = line | {"input": line["input"] | {"payouts": {}}}
    source.write_text(json.dumps(bare), encoding="utf-8")
    assert "no address  1 receipts, " in _import(str(source), "--csv", str(place)).stdout
    assert (place / "payouts.csv").read_bytes() == b""


def test_tables_of_an_earlier_import_give_way_to_new_ones(recorded: str, tmp_path: Path) -> None:
    place = tmp_path / "tables"
    for _ in range(2):
        assert _import(recorded, "--csv", str(place)).exit_code == 0
    assert sorted(one.name for one in place.iterdir()) == [
        "overview.csv",
        "payouts.csv",
        "receipts.jsonl",
    ]
    (place / "index.html").write_bytes(b"")
    assert isinstance(_import(recorded, "--csv", str(place)).exception, Unavailable)


def test_violations_are_counted(lines: list[dict[str, Any]], tmp_path: Path) -> None:
    wrong = next(one for one in lines if one["expected"][0]["violation"])
    source = tmp_path / "one.jsonl"
    source.write_text(json.dumps(wrong), encoding="utf-8")
    assert f"violation   {wrong['expected'][0]['violation']}: " in _import(str(source)).stdout


@pytest.mark.parametrize(
    ("options", "told"),
    [
        pytest.param((), "--period and --state", id="neither"),
        pytest.param(("--period", "7"), "--period and --state", id="no state"),
    ],
)
def test_a_collectors_file_needs_more(options: tuple[str, ...], told: str, kept: str) -> None:
    result = _import(kept, *options)
    assert result.exit_code == 2
    assert told in " ".join(result.stderr.replace("│", " ").split())


def test_a_state_is_for_a_collectors_file(line: dict[str, Any], recorded: str) -> None:
    number = str(line["input"]["period"])
    result = _import(recorded, "--period", number, "--state", recorded)
    assert isinstance(result.exception, Malformed)
    assert "not an SQLite file" in str(result.exception)


def test_blocks_that_were_not_collected_are_no_receipt(
    line: dict[str, Any], kept: str, recorded: str
) -> None:
    with closing(sqlite3.connect(kept)) as file, file:
        file.execute("DELETE FROM processed_blocks WHERE block_number % 2 = 1")
    result = _import(kept, "--period", str(line["input"]["period"]), "--state", recorded)
    assert isinstance(result.exception, Malformed)
    assert "were not collected yet" in str(result.exception)


def test_a_period_without_events_is_named(line: dict[str, Any], kept: str, recorded: str) -> None:
    with closing(sqlite3.connect(kept)) as file, file:
        for table in ("NodeUptimeReported", "PowerStateChanged", "PowerTargetChanged"):
            file.execute(f"DELETE FROM {table}")
    result = _import(kept, "--period", str(line["input"]["period"]), "--state", recorded)
    assert "there are no events of period" in str(result.exception)


def test_the_period_is_chosen_by_its_number(
    line: dict[str, Any], lines: list[dict[str, Any]], tmp_path: Path
) -> None:
    number = line["input"]["period"]
    other = next(one for one in lines if one["input"]["period"] != number)
    source = tmp_path / "two.jsonl.xz"
    source.write_bytes(lzma.compress(b"\n".join(json.dumps(one).encode() for one in (other, line))))
    found = _import(str(source), "--period", str(number), "--json")
    assert json.loads(found.stdout)["results"] == _due(line)
    assert "a second period" in str(_import(str(source)).exception)
    assert "there is no period 1" in str(_import(str(source), "--period", "1").exception)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        pytest.param(b"", "there is no period", id="empty"),
        pytest.param(b"\xff\xfe", "line 1: not JSON", id="no text"),
        pytest.param(b"[1]", "line 1: an object with input is due", id="a list"),
        pytest.param(b'{"input": {}}', "line 1: period is missing", id="an empty period"),
    ],
)
def test_another_file_is_named(content: bytes, told: str, tmp_path: Path) -> None:
    path = tmp_path / "other.jsonl"
    path.write_bytes(content)
    result = _import(str(path))
    assert isinstance(result.exception, Malformed)
    assert told in str(result.exception)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert isinstance(_import(str(tmp_path / "nowhere")).exception, Unavailable)


def test_progress_counts_every_event() -> None:
    told: list[int] = []
    blocks = [GridBlock(time=one, events=()) for one in range(2_500)]  # type: ignore[arg-type]
    assert list(imported._told(blocks, told.append)) == blocks
    assert len(told) == 3
