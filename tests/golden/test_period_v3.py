"""Recorded periods of the public chain, from events to receipts: text, hash and violation."""

import json
import lzma
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tfchain.chain.columns.public_receipts import PublicReceipt, receipts
from tfchain.chain.grid import Result, compute
from tfchain.chain.grid_events import PeriodInput
from tfchain.chain.grid_input import read_period

Program = Callable[[PeriodInput], Sequence[Result | PublicReceipt]]
BOTH = pytest.mark.parametrize(
    "program", [pytest.param(compute, id="rows"), pytest.param(receipts, id="columns")]
)
SMALL, LARGE = "period_v3_small.jsonl.xz", "period_v3.jsonl.xz"


def _periods(file: Path) -> Iterator[dict[str, object]]:
    with lzma.open(file) as lines:
        for line in lines:
            yield json.loads(line)


def _differences(file: Path, program: Program) -> tuple[int, int, list[object]]:
    """Periods, receipts, and whatever differs from what was recorded."""
    periods, receipts, different = 0, 0, list[object]()
    for period in _periods(file):
        got = [
            (result.node_id, result.receipt_text, result.hash.hex(), result.violation)
            for result in program(read_period(period["input"]))
        ]
        expected = period["expected"]
        assert isinstance(expected, list)
        due = [(e["node_id"], e["receipt"], e["hash"], e["violation"]) for e in expected]
        periods, receipts = periods + 1, receipts + len(due)
        different += [(period["seed"], got, due)] if got != due else []
    return periods, receipts, different


@BOTH
def test_the_small_vectors_come_out_to_the_byte(program: Program, golden_folder: Path) -> None:
    assert _differences(golden_folder / SMALL, program) == (40, 47, [])


@BOTH
@pytest.mark.slow
def test_the_large_vectors_come_out_to_the_byte(program: Program, vectors_folder: Path) -> None:
    assert _differences(vectors_folder / LARGE, program) == (116, 243, [])
