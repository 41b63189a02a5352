"""Standard periods: where they start and end, and which one holds an instant."""

import json
from pathlib import Path

import pytest

from tfchain.base.units import PeriodIndex, Seconds
from tfchain.rules.periods import STANDARD


@pytest.mark.parametrize(
    ("time", "index"),
    [
        pytest.param(1_522_500_999, None, id="before the first"),
        pytest.param(1_522_501_000, 0, id="the first second"),
        pytest.param(1_525_131_879, 0, id="the last second of the first"),
        pytest.param(1_525_131_880, 1, id="the first second of the next"),
        pytest.param(1_640_890_600, 45, id="TFGrid 3 starts"),
    ],
)
def test_an_instant_lies_in_a_period(time: int, index: int | None) -> None:
    assert STANDARD.index_of(Seconds(time)) == index


def test_published_bounds_recompute(golden_folder: Path) -> None:
    lines = (golden_folder / "receipts.jsonl").read_bytes().split(b"\n")
    rows = [json.loads(line) for line in lines if line.startswith(b'{"end"')]
    assert len(rows) == 8
    for row in rows:
        bounds = STANDARD.bounds(PeriodIndex(row["period"]))
        assert bounds == (row["start"], row["end"])
