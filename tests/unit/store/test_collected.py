"""A collector's file: what it holds is read in the chain's order, and a stranger's nonsense is named."""

import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Final

import pytest

from tfchain.base.units import NodeId, Seconds
from tfchain.chain.grid_events import StateMoved, TargetMoved, UptimeSaid
from tfchain.errors import Malformed, Unavailable
from tfchain.ledger.uptime import PowerState
from tfchain.store import collected as store
from tfchain.store.collected import collected, is_collected

START: Final = Seconds(1_522_501_000)
END: Final = Seconds(START + 2_630_880)
PERIOD: Final[dict[str, Any]] = {
    "period": 0,
    "power": [
        {"node_id": 1, "state": "Up", "target": "Down", "down_ts": None},
        {"node_id": 2, "state": "Down", "target": "Down", "down_ts": START - 500},
    ],
    "blocks": [
        {
            "height": 10,
            "ts": START + 100,
            "events": [
                {"PowerTargetChanged": {"node_id": 1, "power_target": "Up"}},
                {"NodeUptimeReported": [1, START + 99, 60]},
            ],
        },
        {
            "height": 12,
            "ts": START + 200,
            "events": [{"PowerStateChanged": {"node_id": 2, "power_state": "Up"}}],
        },
    ],
    "post": [],
}

Collect = Callable[[Path, dict[str, Any]], None]


@pytest.fixture
def kept(tmp_path: Path, collect: Collect) -> Path:
    """A small file that is as it should be."""
    path = tmp_path / "a file?.db"
    collect(path, PERIOD)
    return path


def _alter(path: Path, script: str) -> None:
    with closing(sqlite3.connect(path)) as rows, rows:
        rows.executescript(script)


def _read(path: Path) -> None:
    with collected(path) as rows:
        rows.count(START, END)
        rows.missing(START, END)
        rows.power_at(START)
        list(rows.events(START, END))


def test_events_come_in_the_order_of_the_chain(kept: Path) -> None:
    with collected(kept) as rows:
        assert rows.count(START, END) == 3
        assert rows.missing(START, END) == 0
        found = [(one.place, one.time, one.event) for one in rows.events(START, END)]
    assert found == [
        ((10, 0), START + 100, TargetMoved(node_id=NodeId(1), up=True)),
        (
            (10, 1),
            START + 100,
            UptimeSaid(node_id=NodeId(1), t=Seconds(START + 99), uptime=Seconds(60)),
        ),
        ((12, 0), START + 200, StateMoved(node_id=NodeId(2), up=True)),
    ]


def test_power_is_read_as_it_was_at_the_start(kept: Path) -> None:
    with collected(kept) as rows:
        assert rows.power_at(START) == {
            1: PowerState(target_up=False, state_up=True, down_at=Seconds(0)),
            2: PowerState(target_up=False, state_up=False, down_at=Seconds(START - 500)),
        }
        assert rows.power_at(END) == {}


def test_events_of_another_time_are_left_out(kept: Path) -> None:
    with collected(kept) as rows:
        assert list(rows.events(END, Seconds(END + 1_000))) == []
        assert (rows.count(END, END), rows.missing(END, END)) == (0, 0)


def test_a_file_is_never_written_to(kept: Path) -> None:
    before = kept.read_bytes()
    kept.chmod(0o400)
    with collected(kept) as rows:
        list(rows.events(START, END))
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            rows._rows.execute("DELETE FROM kv")
    assert kept.read_bytes() == before
    assert [one.name for one in kept.parent.iterdir()] == [kept.name]


def test_blocks_that_were_never_looked_at_are_counted(kept: Path) -> None:
    _alter(kept, "DELETE FROM processed_blocks WHERE block_number > 10")
    with collected(kept) as rows:
        assert rows.missing(START, END) == 2


PLACE: Final = f"20, 0, {START + 300}"


@pytest.mark.parametrize(
    ("script", "told"),
    [
        pytest.param("DROP TABLE PowerState", "there is no table PowerState", id="no table"),
        pytest.param(
            "DROP TABLE NodeUptimeReported", "no table NodeUptimeReported", id="no reports"
        ),
        pytest.param(
            "DROP TABLE processed_blocks", "no table processed_blocks", id="no list of blocks"
        ),
        pytest.param(
            "ALTER TABLE NodeUptimeReported RENAME uptime TO up",
            "table NodeUptimeReported has no column uptime",
            id="no column",
        ),
        pytest.param(
            "ALTER TABLE PowerState DROP down_time", "has no column down_time", id="an old schema"
        ),
        pytest.param(
            "DROP TABLE PowerState; CREATE VIEW PowerState AS SELECT 1 AS node_id",
            "there is no table PowerState",
            id="a view, which could compute for ever",
        ),
        pytest.param(
            "ALTER TABLE PowerState RENAME TO Old; CREATE TABLE PowerState(node_id, state, target,"
            " timestamp, down_time AS (7))",
            "has no column down_time",
            id="a column that is computed",
        ),
        pytest.param(
            f"INSERT INTO NodeUptimeReported VALUES (1, -5, 7, {PLACE})",
            "NodeUptimeReported.uptime: an integer from 0 to 9223372036854775807 is due, not -5",
            id="a negative uptime",
        ),
        pytest.param(
            f"INSERT INTO NodeUptimeReported VALUES (1, NULL, 7, {PLACE})",
            "NodeUptimeReported.uptime: an integer .* not NULL",
            id="an uptime that is not there",
        ),
        pytest.param(
            f"INSERT INTO NodeUptimeReported VALUES (1, 5.5, 7, {PLACE})",
            "not 5.5",
            id="half a second",
        ),
        pytest.param(
            f"INSERT INTO NodeUptimeReported VALUES ('1', 5, 7, {PLACE})",
            "NodeUptimeReported.node_id: an integer from 0 to 4294967295 is due, not '1'",
            id="a number as text",
        ),
        pytest.param(
            f"INSERT INTO NodeUptimeReported VALUES (4294967296, 5, 7, {PLACE})",
            "not 4294967296",
            id="a node beyond all numbers",
        ),
        pytest.param(
            "INSERT INTO NodeUptimeReported VALUES (1, 5, 7, 20, 0, NULL)",
            "NodeUptimeReported.timestamp: .* not NULL",
            id="no time",
        ),
        pytest.param(
            f"INSERT INTO NodeUptimeReported VALUES (1, 5, 7, 20, 0, '{START + 300}')",
            "NodeUptimeReported.timestamp: ",
            id="a time as text",
        ),
        pytest.param(
            f"INSERT INTO NodeUptimeReported VALUES (1, 5, 7, NULL, 0, {START + 300})",
            "NodeUptimeReported.block: .* not NULL",
            id="no block",
        ),
        pytest.param(
            f"INSERT INTO PowerStateChanged VALUES (1, 2, NULL, 7, {PLACE})",
            "PowerStateChanged.state: Up or Down is due, not NULL",
            id="no state",
        ),
        pytest.param(
            f"INSERT INTO PowerTargetChanged VALUES (1, 2, x'ff', {PLACE})",
            "PowerTargetChanged.target: Up or Down is due, not b'.xff'",
            id="a target of bytes",
        ),
        pytest.param(
            f"INSERT INTO PowerTargetChanged VALUES (1, 2, CAST(x'ff' AS TEXT), {PLACE})",
            "SQLite cannot read it",
            id="text that is none",
        ),
        pytest.param(
            f"INSERT INTO PowerTargetChanged VALUES (1, 2, zeroblob(5000), {PLACE})",
            "SQLite cannot read it",
            id="a value that is too long",
        ),
        pytest.param(
            f"INSERT INTO PowerTargetChanged VALUES (1, 2, 'Up', 10, 1, {START + 100})",
            "block 10: event 1 stands there twice",
            id="an event twice",
        ),
        pytest.param(
            f"INSERT INTO PowerTargetChanged VALUES (1, 2, 'Up', 10, 7, {START + 101})",
            f"block 10: two times, {START + 100} and {START + 101}",
            id="a block of two times",
        ),
        pytest.param(
            f"INSERT INTO PowerTargetChanged VALUES (1, 2, 'Up', 11, 0, {START + 100})",
            "block 11: not later than block 10",
            id="a block that is not later",
        ),
        pytest.param(
            f"INSERT INTO PowerState VALUES (2, 'Up', NULL, NULL, 'Up', 3, {START + 12})",
            "PowerState: node 2 stands there twice",
            id="a node's power twice",
        ),
        pytest.param(
            f"INSERT INTO PowerState VALUES (3, 'Down', 1, NULL, 'Up', 3, {START + 12})",
            "PowerState.down_time: .* not NULL",
            id="down, nobody knows since when",
        ),
    ],
)
def test_what_no_collector_writes_is_named(script: str, told: str, kept: Path) -> None:
    _alter(kept, script)
    with pytest.raises(Malformed, match=told) as fault:
        _read(kept)
    assert str(fault.value).startswith(f"{kept}: ")
    assert "\n" not in str(fault.value)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"a letter", id="text"),
        pytest.param(bytes(5_000), id="zeros"),
    ],
)
def test_another_file_is_no_sqlite_file(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "other"
    path.write_bytes(content)
    assert not is_collected(path)
    with pytest.raises(Malformed, match="not an SQLite file"), collected(path):
        pass


@pytest.mark.parametrize("cut", [16, 100, 5_000, 9_000])
def test_a_damaged_file_is_malformed(cut: int, kept: Path) -> None:
    kept.write_bytes(kept.read_bytes()[:cut])
    with pytest.raises(Malformed, match="SQLite cannot read it"):
        _read(kept)


@pytest.mark.parametrize("place", range(0, 24_000, 1_501))
def test_flipped_bytes_are_malformed_or_read(place: int, kept: Path) -> None:
    content = bytearray(kept.read_bytes())
    for offset in range(place, min(place + 40, len(content))):
        content[offset] ^= 0x5A
    kept.write_bytes(content)
    with suppress(Malformed):
        _read(kept)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="No such file"):
        is_collected(tmp_path / "nowhere.db")


def test_rows_are_bounded(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "EVENTS_MAX", 2)
    with pytest.raises(Malformed, match="3 events of one period: at most 2"):
        _read(kept)
    monkeypatch.setattr(store, "EVENTS_MAX", 3)
    monkeypatch.setattr(store, "NODES_MAX", 1)
    with pytest.raises(Malformed, match="PowerState: more than 1 rows"):
        _read(kept)
