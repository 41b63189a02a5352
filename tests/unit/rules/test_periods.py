"""Standard periods: where they start and end."""

import json
from pathlib import Path

from tfchain.base.units import PeriodIndex
from tfchain.rules.periods import standard_bounds


def test_published_bounds_recompute(golden_folder: Path) -> None:
    lines = (golden_folder / "receipts.jsonl").read_bytes().split(b"\n")
    rows = [json.loads(line) for line in lines if line.startswith(b'{"end"')]
    assert len(rows) == 8
    for row in rows:
        bounds = standard_bounds(PeriodIndex(row["period"]))
        assert bounds == (row["start"], row["end"])
