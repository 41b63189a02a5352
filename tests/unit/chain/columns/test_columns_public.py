"""Uptime on the public chain, at the edges of its rules: by columns, and node by node."""

import numpy as np
import pytest

from tfchain.chain.columns.public_rows import (
    AFTER,
    REPORT,
    STATE_DOWN,
    STATE_UP,
    TARGET_DOWN,
    TARGET_UP,
    Happened,
    Row,
    Rows,
)
from tfchain.chain.columns.public_uptime import Span, uptimes
from tfchain.chain.columns.public_walk import Walk
from tfchain.ledger.uptime import (
    CLOCK_SKEW,
    INVALID_REBOOT,
    NONE,
    UPTIME_TOO_HIGH,
    UPTIME_TOO_LOW,
)

START, LENGTH = 1_680_353_800, 2_630_880
END = START + LENGTH


def _rows(rows: list[Row]) -> Rows:
    """One node's, between two that say nothing out of the ordinary."""
    plain = [(REPORT, START + 10, 5), (REPORT, START + 20, 15)]
    table = np.array([*plain, *rows, *plain], dtype=np.int64)
    return Rows(
        nodes=np.array([1, 2, 3], dtype=np.int64),
        begins=np.cumsum([0, 2, len(rows), 2], dtype=np.int64),
        times=table[:, 1].astype(np.uint32),
        uptimes=table[:, 2].astype(np.uint32),
        kinds=table[:, 0].astype(np.uint8),
    )


def _report(at: int, uptime: int) -> Row:
    return REPORT, START + at, uptime


def _late(at: int, uptime: int) -> Row:
    """Past the end, by its block."""
    return REPORT | AFTER, END + at, uptime


def _move(kind: int, at: int) -> Row:
    return kind, START + at, 0


FIRST = _report(100, 5_000)
LAST = _report(LENGTH - 1_000, 5_000)
SLEEPS = (FIRST, _move(TARGET_DOWN, 200), _move(STATE_DOWN, 300))
ASKED = (*SLEEPS, _move(TARGET_UP, 10_000))


@pytest.mark.parametrize(
    ("rows", "total", "violation"),
    [
        pytest.param([FIRST], 100, NONE, id="first: no more than the period has"),
        pytest.param([_report(9_000, 7)], 7, NONE, id="first: no more than it is up"),
        pytest.param([_report(9_000, 9_000)], 2_460, NONE, id="first: no more than an interval"),
        pytest.param([_report(-50, 9_000)], 0, NONE, id="first: nothing before the start"),
        pytest.param([FIRST, _report(2_500, 7_400)], 2_500, NONE, id="on time"),
        pytest.param([FIRST, _report(9_100, 14_000)], 2_560, NONE, id="late: an interval"),
        pytest.param([FIRST, _report(2_500, 7_460)], 2_560, NONE, id="ahead by the grace"),
        pytest.param([FIRST, _report(2_500, 7_340)], 2_440, NONE, id="behind by the grace"),
        pytest.param([FIRST, _report(2_500, 7_461)], 100, UPTIME_TOO_HIGH, id="ahead of it"),
        pytest.param(
            [FIRST, _report(2_500, 7_461), _report(4_900, 9_861)],
            2_500,
            UPTIME_TOO_HIGH,
            id="too high: the next is counted from it",
        ),
        pytest.param([FIRST, _report(2_500, 7_339)], 100, UPTIME_TOO_LOW, id="behind it"),
        pytest.param(
            [FIRST, _report(2_500, 6_000), _report(4_900, 9_800)],
            2_560,
            UPTIME_TOO_LOW,
            id="too low: the next is counted from the one before",
        ),
        pytest.param([FIRST, _report(2_500, 5_000)], 100, INVALID_REBOOT, id="not a second more"),
        pytest.param([FIRST, _report(2_500, 2_401)], 100, INVALID_REBOOT, id="up for too long"),
        pytest.param([FIRST, _report(2_500, 2_400)], 2_500, NONE, id="a reboot right away"),
        pytest.param([FIRST, _report(9_100, 9_000)], 2_560, NONE, id="a reboot: an interval"),
        pytest.param(
            [_report(100, 50), _report(2_500, 2_390)],
            2_390,
            NONE,
            id="no reboot, though it could be",
        ),
        pytest.param(
            [_report(100, 50), _report(2_500, 2_389)], 2_439, NONE, id="a reboot, though hardly"
        ),
        pytest.param(
            [FIRST, _report(1_000, 5_840), _report(2_000, 6_780)],
            100 + 840 + 940,
            CLOCK_SKEW,
            id="a boot that moved by two minutes",
        ),
        pytest.param(
            [FIRST, _report(1_000, 5_840), _report(2_000, 6_781)],
            100 + 840 + 941,
            NONE,
            id="a boot that moved by a second less",
        ),
        pytest.param([FIRST, _report(90, 5_020)], 120, NONE, id="back in time: as if none passed"),
        pytest.param([_late(0, 9_000)], 0, NONE, id="past the end only: nothing"),
        pytest.param([LAST, _late(500, 6_500)], 3_460, NONE, id="past the end: what was left"),
        pytest.param(
            [LAST, _late(500, 6_500), _late(2_900, 8_900)], 3_460, NONE, id="only the first of them"
        ),
        pytest.param([LAST, _late(500, 900)], 2_860, NONE, id="a reboot before the end"),
        pytest.param([LAST, _late(500, 400)], 2_460, NONE, id="a reboot past it"),
        pytest.param([LAST, _late(500, 9_000)], 2_460, UPTIME_TOO_HIGH, id="too high past the end"),
        pytest.param([LAST, _late(500, 5_500)], 2_460, UPTIME_TOO_LOW, id="too low past the end"),
        pytest.param(
            [_report(LENGTH, 5_000), _late(500, 400)], 2_460, NONE, id="at the end itself: the last"
        ),
        pytest.param(
            [LAST, _late(-500, 5_500), _late(500, 6_500)],
            2_460 + 1_000 + 500,
            NONE,
            id="past the end by its block alone: another counts",
        ),
        pytest.param([*SLEEPS, _report(2_500, 7_400)], 300, NONE, id="asleep and not asked"),
        pytest.param([*ASKED, _report(10_100, 50)], 10_100, NONE, id="asleep, asked, awake"),
        pytest.param([*ASKED, _report(400, 100)], 300, NONE, id="told before it went down"),
        pytest.param([*ASKED, _report(400, 99)], 400, NONE, id="booted right after"),
        pytest.param([*ASKED, _report(86_700, 76_000)], 86_700, NONE, id="a day"),
        pytest.param([*ASKED, _report(86_701, 76_000)], 300, NONE, id="more than a day"),
        pytest.param([*ASKED, _late(0, LENGTH - 10_100)], 300, NONE, id="asleep past the end"),
        pytest.param(
            [FIRST, _move(STATE_DOWN, 200), _move(STATE_UP, 300)], 100, NONE, id="down unasked"
        ),
    ],
)
def test_what_a_node_is_credited(rows: list[Row], total: int, violation: int) -> None:
    walk = Walk(start=START, end=END)
    walk.go(rows)
    assert (walk.total, walk.violation) == (total, violation)
    found = uptimes(Happened(_rows(rows), {}, ()), {}, Span(START, END, START))
    assert (found[2].total, found[2].violation) == (total, violation)
    assert (found[1].total, found[3].total) == (15, 15)


def test_columns_that_were_spelled_are_read_again() -> None:
    rows = _rows([FIRST, LAST])
    again = Rows.decode(rows.encode(), 3, 6)
    assert [list(again.of(place)) for place in range(3)] == [list(rows.of(n)) for n in range(3)]
    assert again.encode() == rows.encode()
