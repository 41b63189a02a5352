"""Uptime one event at a time: each sentence of rules.md 2.1, and the recorded periods."""

import json
import lzma
from pathlib import Path
from typing import Final

import pytest

from tfchain.chain.columns.uptime import (
    Identity,
    Report,
    Tally,
    asked_to_wake,
    close,
    fell_asleep,
    reported,
)
from tfchain.chain.genesis import Genesis
from tfchain.ledger.params import UptimeRow
from tfchain.ledger.uptime import VIOLATIONS

START: Final = 1_000_000
END: Final = START + 2_630_880
Step = tuple[str, int, int]
"""`r`eport, `w`ake, `s`leep: at which second of the period, and with which uptime."""


def _run(limits: UptimeRow, steps: list[Step], slept: int | None, asked: int | None) -> Tally:
    tally = Tally(start=START, end=END, slept_at=slept, wake_at=asked)
    for kind, at, uptime in steps:
        if kind == "r":
            reported(tally, limits, Report(START + at, uptime, START + at + 1))
        elif kind == "w":
            asked_to_wake(tally, START + at)
        else:
            fell_asleep(tally, limits, START + at)
    return tally


LENGTH: Final = END - START
UP: Final = [("r", 1_000, 5_000), ("r", 3_400, 7_400)]
"""Two good reports: 1000 s since the start, then an interval."""
DOWN: Final = [*UP, ("s", 3_500, 0)]
"""... and asleep, credited the 100 s since."""
LATE: Final = [("r", LENGTH - 300, 9_000)]
"""One report shortly before the end: a whole cap for it."""

NAP: Final = [("s", LENGTH + 9, 0), ("w", LENGTH + 9, 0)]
"""Asleep and asked to wake, after the end."""


@pytest.mark.parametrize(
    ("steps", "total", "violation", "slow"),
    [
        pytest.param([("r", 1_000, 5_000)], 1_000, 0, 0, id="first: no more than since the start"),
        pytest.param([("r", 1_000, 300)], 300, 0, 0, id="first: no more than it was up"),
        pytest.param([("r", 9_000, 9_000)], 2_460, 0, 0, id="first: no more than the cap"),
        pytest.param(UP, 3_400, 0, 0, id="an interval later: credit it"),
        pytest.param([*UP, ("r", 6_400, 10_400)], 5_860, 0, 0, id="late: credit the cap"),
        pytest.param([*UP, ("r", 5_800, 9_860)], 5_860, 0, 0, id="grace too much: still good"),
        pytest.param([*UP, ("r", 5_800, 9_861)], 3_400, 1, 0, id="beyond grace: too high"),
        pytest.param([*UP, ("r", 5_800, 2_000)], 5_400, 0, 0, id="a reboot: credit its uptime"),
        pytest.param([*UP, ("r", 9_000, 5_600)], 5_860, 0, 0, id="a reboot: at most the cap"),
        pytest.param([*UP, ("r", 5_800, 8_000)], 3_400, 2, 0, id="more, but too little: too low"),
        pytest.param([*UP, ("r", 5_800, 2_401)], 3_400, 3, 0, id="too new for a reboot"),
        pytest.param([*UP, ("r", 3_430, 7_400)], 3_400, 3, 0, id="no longer up than before"),
        pytest.param([("r", 50, 10), ("r", 60, 10)], 20, 0, 0, id="standing still, but a reboot"),
        pytest.param(
            [*UP, ("r", 5_800, 9_860), ("r", 8_200, 12_320)], 8_320, 4, 0, id="skew, and credit"
        ),
        pytest.param(
            [*UP, ("r", 5_800, 9_859), ("r", 8_200, 12_318)], 8_318, 0, 0, id="a second below skew"
        ),
        pytest.param(
            [*UP, ("r", 5_800, 9_861), ("r", 5_900, 5_000)], 3_400, 1, 0, id="the first one stays"
        ),
        pytest.param(DOWN, 3_500, 0, 0, id="asleep: credit since the last report"),
        pytest.param([*DOWN, ("r", 4_000, 8_000)], 3_500, 0, 0, id="asleep: reports are ignored"),
        pytest.param([*DOWN, ("s", 3_900, 0)], 3_500, 0, 0, id="asleep twice: the first counts"),
        pytest.param([("w", 10, 0), ("r", 20, 20)], 0, 0, 1, id="only asked: reports are ignored"),
        pytest.param(
            [*DOWN, ("w", 5_000, 0), ("r", 5_500, 2_000)], 3_500, 0, 1, id="not rebooted yet"
        ),
        pytest.param(
            [*DOWN, ("w", 5_000, 0), ("r", 5_500, 400)], 5_500, 0, 0, id="woke in time: credit all"
        ),
        pytest.param(
            [*DOWN, ("w", 5_000, 0), ("w", 9_000, 0), ("r", 6_900, 99)], 3_500, 0, 1, id="woke late"
        ),
        pytest.param(
            [*DOWN, ("w", 5_000, 0), ("r", 6_899, 99)], 6_899, 0, 0, id="woke at the limit"
        ),
        pytest.param(
            [*DOWN, ("w", 89_000, 0), ("r", 89_901, 99)], 3_500, 0, 0, id="slept more than a day"
        ),
        pytest.param(
            [*DOWN, ("w", 89_000, 0), ("r", 89_900, 99)], 89_900, 0, 0, id="slept just a day"
        ),
        pytest.param([*DOWN, ("w", 5_000, 0)], 3_500, 0, 1, id="never woke: a slow boot"),
        pytest.param(
            [*DOWN, ("w", 5_000, 0), ("r", 7_000, 9), ("s", 7_100, 0), ("w", 7_200, 0)],
            3_600,
            8,
            2,
            id="two slow boots: expired",
        ),
        pytest.param([*DOWN, ("w", LENGTH + 1, 0)], 3_500, 0, 0, id="asked after the end: no matter"),
        pytest.param([*DOWN, ("w", LENGTH, 0)], 3_500, 0, 1, id="asked at the end: it does"),
        pytest.param([("r", LENGTH + 9, 9_000)], 0, 0, 0, id="only after the end: nothing"),
        pytest.param(
            [*LATE, ("r", LENGTH + 100, 9_400)], 2_760, 0, 0, id="after: credit up to the end"
        ),
        pytest.param(
            [*LATE, ("r", LENGTH + 100, 9_400), ("r", LENGTH + 200, 1)], 2_760, 0, 0, id="only once"
        ),
        pytest.param([*LATE, ("r", LENGTH, 9_300), ("r", LENGTH + 9, 1)], 2_760, 0, 0, id="at the end"),
        pytest.param(
            [*LATE, ("r", LENGTH + 100, 150)], 2_510, 0, 0, id="a reboot: its part before the end"
        ),
        pytest.param([*LATE, ("r", LENGTH + 100, 100)], 2_460, 0, 0, id="a reboot after the end"),
        pytest.param([*LATE, ("r", LENGTH + 100, 9_461)], 2_460, 1, 0, id="after: too high"),
        pytest.param([*LATE, ("s", LENGTH + 50, 0)], 2_460, 0, 0, id="after: sleep credits nothing"),
        pytest.param(
            [*LATE, ("s", LENGTH - 9, 0), ("w", LENGTH + 1, 0), ("r", LENGTH + 99, 50)],
            2_760,
            0,
            0,
            id="woke after the end: credit up to it",
        ),
        pytest.param(
            [*LATE, ("r", LENGTH + 1, 9_301), *NAP, ("r", LENGTH + 9_000, 1)],
            2_760,
            0,
            0,
            id="settled already: a wake-up is ignored",
        ),
        pytest.param(
            [*LATE, ("s", LENGTH + 9, 0), ("w", LENGTH + 9, 0), ("r", LENGTH + 99, 50)],
            2_460,
            0,
            0,
            id="slept and woke after the end: never below 0",
        ),
    ],
)  # fmt: skip
def test_a_story_ends_so(
    public_limits: UptimeRow, steps: list[Step], total: int, violation: int, slow: int
) -> None:
    tally = _run(public_limits, steps, None, None)
    close(tally, Identity("r", b""), pardoned=START)
    assert (tally.total, tally.violation, tally.slow_boots) == (total, violation, slow)


@pytest.mark.parametrize(
    ("steps", "asked", "total", "slow"),
    [
        pytest.param([("r", 100, 99)], START, 100, 0, id="woke: credit since the start"),
        pytest.param([("r", 1_900, 99)], START, 0, 1, id="woke late"),
        pytest.param([], START, 0, 0, id="never woke: asked before the period, pardoned"),
        pytest.param([("r", 100, 99)], None, 0, 0, id="not asked: ignored"),
        pytest.param([("w", -9, 0)], None, 0, 0, id="asked before the start: as at the start"),
    ],
)
def test_a_node_that_came_in_asleep(
    public_limits: UptimeRow, steps: list[Step], asked: int | None, total: int, slow: int
) -> None:
    tally = _run(public_limits, steps, START - 500, asked)
    close(tally, Identity("r", b""), pardoned=START)
    assert (tally.total, tally.slow_boots) == (total, slow)


def test_sleep_is_credited_no_more_than_the_chain_allows(genesis: Genesis) -> None:
    genesis_limits = genesis.params.uptime
    tally = _run(genesis_limits, [("r", 6, 6), ("s", 40, 0)], None, None)
    assert tally.total == 6 + genesis_limits.sleep_credit_max


def test_sleep_before_a_report_dated_ahead_takes_nothing_away(public_limits: UptimeRow) -> None:
    tally = _run(public_limits, [("r", 100, 100), ("s", 95, 0)], None, None)
    assert (tally.total, tally.slept_at) == (100, START + 95)


@pytest.mark.parametrize(
    ("steps", "evidence"),
    [
        pytest.param([*UP, ("r", 5_800, 9_861)], (3_400, 7_400, 5_800, 9_861, 5_801), id="high"),
        pytest.param([*UP, ("r", 5_800, 8_000)], (3_400, 7_400, 5_800, 8_000, 5_801), id="low"),
        pytest.param(
            [*UP, ("r", 5_800, 9_860), ("r", 8_200, 12_320)],
            (5_800, 9_860, 8_200, 12_320, 8_201, 1_000, 5_000),
            id="skew, with the report that showed the boot",
        ),
    ],
)
def test_a_violation_keeps_its_reports(
    public_limits: UptimeRow, steps: list[Step], evidence: tuple[int, ...]
) -> None:
    times = (0, 2, 4, 5)
    due = tuple(START + n if place in times else n for place, n in enumerate(evidence))
    assert _run(public_limits, steps, None, None).evidence == due


def test_expired_boots_keep_their_count() -> None:
    tally = Tally(start=START, end=END, slow_boots=1, wake_at=START + 1)
    close(tally, None, pardoned=START)
    assert (tally.violation, tally.evidence) == (8, (2,))


def test_slow_boots_stop_being_counted_where_a_byte_ends() -> None:
    tally = Tally(start=START, end=END, slow_boots=255)
    tally.slow_boot()
    assert tally.slow_boots == 255


@pytest.mark.parametrize(
    ("identity", "total", "violation"),
    [
        pytest.param(Identity("r", b""), 1, 0, id="no key set"),
        pytest.param(Identity("r", b"k" * 33), 1, 0, id="a key of 33 bytes"),
        pytest.param(Identity("r", b"k" * 32), 1, 7, id="another key"),
        pytest.param(Identity("", b"k" * 32), 1, 6, id="no relay"),
        pytest.param(None, 1, 5, id="no twin"),
        pytest.param(None, 0, 0, id="no uptime: nobody asks"),
    ],
)
def test_who_the_node_is(identity: Identity | None, total: int, violation: int) -> None:
    tally = Tally(start=START, end=END, total=total)
    close(tally, identity, pardoned=START)
    assert tally.violation == violation


# --- the recorded periods -------------------------------------------------------------------------


def _recorded(golden_folder: Path) -> list[dict]:  # type: ignore[type-arg]
    with lzma.open(golden_folder / "period_v3_small.jsonl.xz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def test_recorded_periods_come_out_as_recorded(
    golden_folder: Path, public_limits: UptimeRow
) -> None:
    for story in _recorded(golden_folder):
        tallies = _told(story["input"], public_limits)
        for node in story["expected"]:
            receipt = json.loads(node["receipt"])
            tally = tallies[receipt["node_id"]]
            found = (tally.total, VIOLATIONS[tally.violation])
            assert found == (receipt["measured_uptime"], node["violation"]), story["seed"]


def _told(story: dict, limits: UptimeRow) -> dict[int, Tally]:  # type: ignore[type-arg]
    start = 1_522_501_000 + 2_630_880 * story["period"]
    power = {row["node_id"]: row for row in story["power"]}
    nodes = {row["id"]: row for row in story["nodes"]}
    blocks = [*story["blocks"], *story["post"]]
    events = [(b["ts"], *next(iter(e.items()))) for b in blocks for e in b["events"]]
    nodes |= {told["id"]: told for _, kind, told in events if kind == "NodeStoredEvent"}
    tallies = {}
    for node in nodes:
        row = power.setdefault(node, {"target": "Up", "state": "Up", "down_ts": None})
        tally = tallies[node] = Tally(start=start, end=start + 2_630_880)
        if row["state"] == "Down":
            tally.slept_at = row["down_ts"]
            tally.wake_at = story["start_block_ts"] if row["target"] == "Up" else None
    for time, kind, told in events:
        _tell(tallies, power, limits, time, kind, told)
    twins = {
        row["id"]: Identity(row["relay"] or "", bytes(row["pk"] or ())) for row in story["twins"]
    }
    for node, tally in tallies.items():
        close(tally, twins.get(nodes[node]["twin_id"]), pardoned=story["start_block_ts"])
    return tallies


def _tell(tallies, power, limits, time, kind, told) -> None:  # type: ignore[no-untyped-def]
    if kind == "NodeUptimeReported" and told[0] in tallies:
        reported(tallies[told[0]], limits, Report(told[1], told[2], time))
    elif kind == "PowerTargetChanged":
        row = power[told["node_id"]]
        row["target"] = told["power_target"]
        if row["target"] == "Up" and row["state"] == "Down":
            asked_to_wake(tallies[told["node_id"]], time)
    elif kind == "PowerStateChanged":
        row = power[told["node_id"]]
        if told["power_state"] == "Down" == row["target"] and row["state"] == "Up":
            fell_asleep(tallies[told["node_id"]], limits, time)
        row["state"] = told["power_state"]
