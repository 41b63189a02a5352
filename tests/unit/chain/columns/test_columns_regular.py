"""All regular nodes at once: who is regular to the second, and what it comes to."""

import pytest

from tfchain.chain.columns.regular import split
from tfchain.chain.columns.streams import REPORT, SLEEP, Stream
from tfchain.ledger.params import UptimeRow

START = 1_000_000
END = START + 2_630_880
LENGTH = END - START
Row = tuple[int, int]
"""When in the period a report was signed, and the uptime that it stated."""


def _stream(*nodes: list[Row]) -> Stream:
    stream = Stream()
    for node, rows in enumerate(nodes, start=1):
        for at, uptime in rows:
            stream.append(REPORT, node, START + at, uptime, START + at)
    return stream


UP: list[Row] = [(1_000, 5_000), (3_400, 7_400)]


@pytest.mark.parametrize(
    ("rows", "total"),
    [
        pytest.param(UP, 3_400, id="steady"),
        pytest.param([*UP, (9_400, 13_400)], 5_860, id="a report left out: the cap"),
        pytest.param([*UP, (5_800, 9_860)], 5_860, id="just grace too much"),
        pytest.param([*UP, (5_800, 9_861)], None, id="beyond grace"),
        pytest.param([*UP, (5_800, 9_740)], 5_740, id="just grace too little"),
        pytest.param([*UP, (5_800, 9_739)], None, id="below grace"),
        pytest.param([*UP, (5_800, 9_860), (8_200, 12_319)], 8_319, id="just below the skew limit"),
        pytest.param([*UP, (5_800, 9_860), (8_200, 12_320)], None, id="at the skew limit"),
        pytest.param([(50, 10), (60, 10)], None, id="standing still"),
        pytest.param([(50, 10), (50, 11)], None, id="two at one time"),
        pytest.param([*UP, (5_800, 90)], 3_490, id="a reboot"),
        pytest.param([*UP, (5_800, 2_400)], 5_800, id="a reboot right after a report"),
        pytest.param([*UP, (5_800, 2_401)], None, id="no reboot: up for longer than since then"),
        pytest.param([*UP, (9_000, 5_500)], 5_860, id="a reboot long ago: the cap"),
        pytest.param([*UP, (5_800, 90), (8_200, 2_490)], 5_890, id="steady after a reboot"),
        pytest.param(
            [*UP, (5_800, 90), (8_200, 2_550), (10_600, 5_010)], None, id="a skew after a reboot"
        ),
        pytest.param([(50, 10), (60, 11)], 11, id="a reboot, or standing almost still"),
        pytest.param([(LENGTH - 300, 9_000), (LENGTH + 100, 9_400)], 2_760, id="up to the end"),
        pytest.param(
            [(LENGTH - 300, 9_000), (LENGTH + 100, 9_400), (LENGTH + 200, 1)],
            2_760,
            id="whatever follows",
        ),
        pytest.param([(LENGTH - 300, 9_000), (LENGTH + 100, 1)], 2_460, id="a reboot after it"),
        pytest.param(
            [(LENGTH - 300, 9_000), (LENGTH + 100, 350)], 2_710, id="a reboot, told after it"
        ),
    ],
)
def test_one_node(public_limits: UptimeRow, rows: list[Row], total: int | None) -> None:
    parts = split(_stream(rows), public_limits, START, END)
    if total is None:
        assert (parts.totals, list(parts.others)) == ({}, [1])
        assert parts.others[1].shape == (5, len(rows))
    else:
        assert (parts.totals, parts.others) == ({1: total}, {})


def test_nodes_do_not_mix(public_limits: UptimeRow) -> None:
    late = [(LENGTH + 100, 9_400), (LENGTH + 2_500, 11_800)]
    stream = _stream(UP, late, [*UP, (5_800, 2_401)], UP, UP, UP)
    stream.append(SLEEP, 5, START + 9_000, 0, START + 9_000)
    stream.asleep[6] = (START - 9, False)
    stream.asleep[7] = (START - 9, True)
    parts = split(stream, public_limits, START, END)
    assert parts.totals == {1: 3_400, 4: 3_400}
    assert {node: rows.shape[1] for node, rows in parts.others.items()} == {3: 3, 5: 3, 6: 2, 7: 0}


def test_nothing_happened(public_limits: UptimeRow) -> None:
    parts = split(Stream(), public_limits, START, END)
    assert (parts.totals, parts.others) == ({}, {})
