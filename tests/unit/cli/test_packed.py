"""`tfchain minting pack`: a period in columns is worth what its events are worth."""

import json
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tfchain.cli.minting import app
from tfchain.errors import Malformed, Unavailable

Collect = Callable[[Path, dict[str, Any]], None]


@pytest.fixture(scope="module")
def line(golden_folder: Path) -> dict[str, Any]:
    """A recorded period with reports past its end."""
    with lzma.open(golden_folder / "period_v3_small.jsonl.xz") as file:
        lines = (json.loads(text) for text in file)
        return next(one for one in lines if one["input"]["post"] and one["input"]["power"])


@pytest.fixture
def recorded(line: dict[str, Any], tmp_path: Path) -> str:
    path = tmp_path / "period.jsonl"
    path.write_text(json.dumps(line) + "\n", encoding="utf-8")
    return str(path)


@pytest.fixture
def packed(recorded: str, tmp_path: Path) -> Path:
    path = tmp_path / "packed"
    result = _call("pack", recorded, "--out", str(path))
    assert (result.exit_code, result.output) == (0, ""), result.exception
    return path


def _call(*arguments: str, stdin: bytes = b"") -> Result:
    return CliRunner().invoke(app, [*arguments], input=stdin)


def _due(line: dict[str, Any]) -> list[dict[str, Any]]:
    keys = ("node_id", "receipt", "hash", "violation")
    return [{key: one[key] for key in keys} for one in line["expected"]]


def _results(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.exception
    [answer] = result.stdout.splitlines()
    found: list[dict[str, Any]] = json.loads(answer)["results"]
    return found


def test_columns_pay_what_the_events_pay(line: dict[str, Any], packed: Path) -> None:
    assert _results(_call("compute", str(packed))) == _due(line)
    assert _results(_call("compute", "-", stdin=packed.read_bytes())) == _due(line)
    assert _results(_call("import", str(packed), "--json")) == _due(line)


def test_columns_may_be_compressed_and_follow_one_another(
    line: dict[str, Any], packed: Path, tmp_path: Path
) -> None:
    both = tmp_path / "both.jsonl.xz"
    both.write_bytes(lzma.compress(2 * packed.read_bytes()))
    answers = _call("compute", str(both)).stdout.splitlines()
    assert [json.loads(answer)["results"] for answer in answers] == [_due(line)] * 2


def test_what_was_collected_is_packed_too(
    line: dict[str, Any], recorded: str, collect: Collect, tmp_path: Path
) -> None:
    kept, path = tmp_path / "collected.db", tmp_path / "columns"
    collect(kept, line["input"])
    number = str(line["input"]["period"])
    result = _call("pack", str(kept), "--period", number, "--state", recorded, "--out", str(path))
    assert result.exit_code == 0, result.exception
    assert _results(_call("compute", str(path))) == _due(line)


def test_both_programs_can_be_asked(line: dict[str, Any], packed: Path, recorded: str) -> None:
    for file in (str(packed), recorded):
        result = _call("compute", file, "--check")
        assert _results(result) == _due(line)
        assert f"receipts {len(_due(line))}, computed by both programs" in result.stderr


def test_columns_that_are_cut_short_are_malformed(packed: Path) -> None:
    packed.write_bytes(packed.read_bytes()[:-1])
    result = _call("compute", str(packed))
    assert isinstance(result.exception, Malformed)
    assert str(result.exception) == f"{packed} line 1: its columns are cut short"


def test_bytes_behind_the_columns_are_no_line(packed: Path) -> None:
    packed.write_bytes(packed.read_bytes() + b"\0")
    result = _call("compute", str(packed))
    assert isinstance(result.exception, Malformed)
    assert str(result.exception) == f"{packed} line 2: not JSON"


def test_the_input_is_never_overwritten(recorded: str) -> None:
    before = Path(recorded).read_bytes()
    result = _call("pack", recorded, "--out", recorded)
    assert isinstance(result.exception, Unavailable)
    assert Path(recorded).read_bytes() == before


def test_what_is_packed_is_not_packed_again(packed: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    result = _call("pack", str(packed), "--out", str(again))
    assert isinstance(result.exception, Malformed)
    assert "stands in columns already" in str(result.exception)
