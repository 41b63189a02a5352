"""A period whose uptime stands in columns pays what its events pay; columns that lie are refused."""

import copy
import json
import lzma
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfchain.chain.columns.public_receipts import receipts
from tfchain.chain.columns.public_rows import bytes_of
from tfchain.chain.grid import compute
from tfchain.chain.grid_columns import as_columns, columns_due, read_recorded
from tfchain.chain.grid_input import read_period
from tfchain.errors import Malformed

Plain = dict[str, Any]
START = 1_522_501_000 + 2_630_880 * 60


@pytest.fixture(scope="module")
def recorded(golden_folder: Path) -> list[Plain]:
    """The inputs of the recorded periods that come with the repository."""
    with lzma.open(golden_folder / "period_v3_small.jsonl.xz") as lines:
        return [json.loads(line)["input"] for line in lines]


@pytest.fixture(scope="module")
def packed(recorded: list[Plain]) -> tuple[Plain, bytes]:
    """One of them, in columns."""
    return as_columns(recorded[0], read_period(recorded[0]))


def test_every_recorded_period_pays_the_same_in_columns(recorded: list[Plain]) -> None:
    rows = 0
    for plain in recorded:
        period = read_period(plain)
        due = [(one.receipt_text, one.violation) for one in compute(period)]
        head, columns = as_columns(plain, period)
        assert columns_due(head) == len(columns)
        found = read_recorded(json.loads(json.dumps(head)), columns)
        assert found.known is not None
        assert [
            (one.receipt_text, one.violation) for one in receipts(found.period, found.known)
        ] == due
        assert [(one.receipt_text, one.violation) for one in compute(found.period)] == due
        assert [(one.receipt_text, one.violation) for one in compute(found.period)] == due, "again"
        rows += found.known.rows.kinds.size
    assert rows > 10_000


def test_what_has_no_columns_is_read_as_it_stands(recorded: list[Plain]) -> None:
    assert columns_due(recorded[0]) == 0
    found = read_recorded(recorded[0], b"")
    assert (found.period, found.known) == (read_period(recorded[0]), None)


@pytest.mark.parametrize(
    ("t", "uptime"), [(1 << 32, 5), (START + 9, 1 << 32)], ids=["a time", "an uptime"]
)
def test_what_takes_more_than_32_bits_stays_in_its_lines(
    t: int, uptime: int, recorded: list[Plain]
) -> None:
    plain = copy.deepcopy(recorded[0])
    plain["blocks"][0]["events"] = [{"NodeUptimeReported": [1, t, uptime]}]
    with pytest.raises(Malformed, match="node 1: columns hold no number of more than 32 bits"):
        as_columns(plain, read_period(plain))


def _with(head: Plain, **changes: Any) -> Plain:
    return head | changes


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        pytest.param({"columns": 5}, "columns: an object is due", id="a number"),
        pytest.param({"columns": {"nodes": 1}}, "rows is missing", id="no rows"),
        pytest.param({"columns": {"nodes": 1, "rows": -1}}, "rows: an integer", id="fewer than 0"),
        pytest.param(
            {"columns": {"nodes": 1, "rows": 1 << 30}}, "rows: an integer", id="without end"
        ),
        pytest.param({"columns": {"nodes": True, "rows": 1}}, "nodes: an integer", id="true"),
        pytest.param({"columns": {"nodes": 2, "rows": 3}}, "another length", id="other counts"),
        pytest.param({"blocks": []}, "blocks beside columns", id="blocks too"),
        pytest.param({"post": []}, "post beside columns", id="a post window too"),
        pytest.param({"events": 5}, "events: a list is due", id="events of another kind"),
        pytest.param(
            {"events": [{"NodeUptimeReported": [1, 2, 3]}]}, "stand in the columns", id="a report"
        ),
    ],
)
def test_a_line_that_breaks_the_rules_is_malformed(
    changes: Plain, why: str, packed: tuple[Plain, bytes]
) -> None:
    head, columns = packed
    with pytest.raises(Malformed, match=why):
        read_recorded(head | changes, columns)


def _columns(ids: list[int], counts: list[int], kinds: list[int]) -> bytes:
    words = [*ids, *counts, *range(2 * len(kinds))]
    return b"".join(word.to_bytes(4, "little") for word in words) + bytes(kinds)


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        pytest.param(_columns([2, 1], [1, 1], [0, 0]), "out of order", id="order"),
        pytest.param(_columns([1, 1], [1, 1], [0, 0]), "out of order", id="a node twice"),
        pytest.param(_columns([1, 2], [1, 2], [0, 0]), "not the rows'", id="too many"),
        pytest.param(_columns([1, 2], [2, 0], [0, 0]), "not the rows'", id="a node without rows"),
        pytest.param(_columns([1, 2], [1, 1], [0, 5]), "a kind", id="an unknown kind"),
        pytest.param(_columns([1, 2], [1, 1], [0x85, 0]), "a kind", id="another, past the end"),
        pytest.param(_columns([1], [2], [0x80, 0]), "after its end", id="back from past the end"),
    ],
)
def test_columns_that_lie_are_malformed(
    columns: bytes, why: str, packed: tuple[Plain, bytes]
) -> None:
    rows = columns[-2:]
    head = packed[0] | {"columns": {"nodes": (len(columns) - 18) // 8, "rows": len(rows)}}
    with pytest.raises(Malformed, match=why):
        read_recorded(head, columns)


def test_each_node_has_an_end_of_its_own(packed: tuple[Plain, bytes]) -> None:
    head = packed[0] | {"columns": {"nodes": 2, "rows": 2}}
    assert read_recorded(head, _columns([1, 2], [1, 1], [0x80, 0])).known is not None


def test_a_period_may_be_without_a_word(packed: tuple[Plain, bytes]) -> None:
    head = packed[0] | {"columns": {"nodes": 0, "rows": 0}, "events": []}
    found = read_recorded(head, b"")
    [receipt] = receipts(found.period, found.known)
    assert '"measured_uptime":0' in receipt.receipt_text


@given(st.integers(0, 3), st.integers(0, 9), st.data())
def test_no_bytes_break_the_reader(nodes: int, rows: int, data: st.DataObject) -> None:
    size = bytes_of(nodes, rows)
    columns = data.draw(st.binary(min_size=size, max_size=size))
    head = {"period": 60, "start_block_ts": START, "nodes": [], "power": [], "farms": []}
    head |= {"twins": [], "payouts": {}, "policies": [], "contracts": [], "events": []}
    try:
        found = read_recorded(head | {"columns": {"nodes": nodes, "rows": rows}}, columns)
    except Malformed:
        return
    assert receipts(found.period, found.known) == [] == compute(found.period)
