"""The bench runs, and every line that it prints can be read; what it measures is asserted nowhere."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from scripts.bench_chain import ENDOWED_MAX, MONTH_REPORTS, month
from scripts.bench_network import Tally
from tfchain.chain import export_records as records
from tfchain.ledger.block import decode_block

ROOT: Final = Path(__file__).resolve().parent.parent.parent
HISTORY: Final = ROOT / "tests" / "bench" / "history.jsonl"
TEXTS: Final = ("name", "unit", "bound", "commit", "machine")
NUMBERS: Final = ("value", "bound_value", "ratio")


def _rows(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def _bench(*words: str) -> list[dict[str, Any]]:
    rows = _rows(_ran(*words))
    assert len(rows) == len(_named(rows)), "two figures of one name"
    return rows


def _ran(*words: str) -> str:
    ran = _called(*words)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def _called(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "scripts.bench", "--tiny", *words]
    return subprocess.run(
        command,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def _check(rows: list[dict[str, Any]]) -> None:
    assert rows
    for row in rows:
        assert all(type(row[key]) is str and row[key] for key in TEXTS), row
        assert all(type(row[key]) is float and row[key] >= 0 for key in NUMBERS), row


def _named(rows: list[dict[str, Any]]) -> set[str]:
    return {row["name"] for row in rows}


@pytest.mark.slow
def test_every_part_prints_figures_beside_their_bounds() -> None:
    parts = ("codec", "execute", "crowd", "tree", "commit", "audit", "minting", "disk")
    rows = _bench(*[word for part in parts for word in ("--only", part)])
    _check(rows)
    assert {"verify_one_core", "verify_all_cores_threads", "verify_all_cores_processes"} <= _named(
        rows
    )
    assert {"codec_decode_report", "execute_report_uptime", "tree_100", "audit"} <= _named(rows)
    assert {"execute_report_of_100", "audit_month", "audit_month_memory"} <= _named(rows)
    assert {"commit_sqlite_synced", "commit_sqlite_unsynced", "audit_memory"} <= _named(rows)
    assert {"disk_after_compaction_sqlite", "disk_rows_index", "disk_rows_tree"} <= _named(rows)
    assert {"minting_compute_month", "minting_in_memory_month", "columns_to_rows"} <= _named(rows)


@pytest.mark.slow
def test_growth_is_a_table_of_sizes(tmp_path: Path) -> None:
    rows = _bench("--only", "growth")
    _check(rows)
    assert {"growth_nodes_20_block", "growth_nodes_20_start", "growth_blocks_20_disk"} <= _named(
        rows
    )
    kept = tmp_path / "lines"
    kept.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    shown = _ran("--table", str(kept)).splitlines()
    assert [line.split(" | ")[:2] for line in shown[2:]] == [
        [f"| {axis}", count] for axis in ("nodes", "blocks") for count in ("10", "20")
    ]


def test_a_run_of_before_a_column_was_there_is_a_table_too(tmp_path: Path) -> None:
    kept = tmp_path / "lines"
    row = {"name": "growth_nodes_10_block", "value": 3.0, "bound_value": 2.0}
    kept.write_text(json.dumps(row), "utf-8")
    assert (
        _ran("--table", str(kept)).splitlines()[2]
        == "| nodes | 10 | 3.0 (x 1.50) | - | - | - | - |"
    )


@pytest.mark.parametrize("option", ["--table", "--compare"])
@pytest.mark.parametrize(
    "text", ["Sun Nov 22\n", "[1]\n", "{}\n", '{"name": 1, "value": 2}\n', "\xff"]
)
def test_a_file_of_something_else_is_told_by_name_and_line(
    option: str, text: str, tmp_path: Path
) -> None:
    kept = tmp_path / "lines"
    kept.write_bytes(text.encode("latin-1"))
    for path, said in ((kept, f"{kept}"), (tmp_path / "nowhere", "nowhere")):
        ran = _called("--only", "verify", option, str(path))
        assert (ran.returncode, ran.stdout) == (2, "")
        assert said in ran.stderr.splitlines()[-1]
        assert "Traceback" not in ran.stderr


TIMES: Final = ("network_latency", "network_interval")


@pytest.mark.slow
@pytest.mark.e2e
def test_a_network_commits_what_it_took_once_each() -> None:
    rows = _bench("--only", "network", "--only", "start")
    _check(rows)
    assert {"network", "network_cpu", "network_latency_p99", "network_disk"} <= _named(rows)
    assert {"network_load_cpu", "network_memory", "start_0", "start_10"} <= _named(rows)
    once = next(row for row in rows if row["name"] == "network_committed_once")
    assert once["value"] == once["bound_value"] > 0, "some were lost, or stand in two blocks"
    waited = [row["value"] for row in rows if row["name"].startswith(TIMES)]
    assert min(waited) > 0, "the half load had nothing to hand in"


@pytest.mark.parametrize(
    ("seen_at", "half"),
    [
        pytest.param((1.0, 3.0, 5.0), 0.25, id="a rate"),
        pytest.param((2.0, 2.0, 2.0), 0.75, id="one block"),
    ],
)
def test_half_a_load_is_never_none_where_something_was_committed(
    seen_at: tuple[float, ...], half: float
) -> None:
    tally = Tally(seen={bytes([place]): at for place, at in enumerate(seen_at)})
    assert tally.half_rate(load_s=2.0) == half


def test_a_run_can_be_held_against_the_kept_figures() -> None:
    rows = _bench("--only", "verify", "--compare", str(HISTORY))
    _check(rows)
    assert all(row["earlier_value"] > 0 and row["ratio_to_earlier"] > 0 for row in rows)


def test_the_kept_figures_can_be_read() -> None:
    rows = _rows(HISTORY.read_text("utf-8"))
    _check(rows)
    assert {"audit", "network", "execute_report_uptime"} <= _named(rows)


@pytest.mark.slow
def test_a_grid_may_have_more_people_than_a_genesis() -> None:
    chain = list(month(ENDOWED_MAX + 1, 1, 1))
    last = decode_block(next(raw for kind, raw in reversed(chain) if kind == records.BLOCK))
    assert len(last.txs) == MONTH_REPORTS
