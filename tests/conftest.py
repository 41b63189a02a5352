"""What every test may ask for, and what a run says about tests that could not run here."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import settings

settings.register_profile("house", deadline=None, print_blob=True)
settings.register_profile("ci", deadline=None, derandomize=True, database=None)
settings.load_profile("ci" if os.environ.get("CI") else "house")


@pytest.fixture(scope="session", autouse=True)
def own_runtime_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A devnet that runs on this machine is nobody's business here, nor is a test's out there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
        yield


@pytest.fixture(scope="session")
def golden_folder() -> Path:
    """The pinned answers that come with the repository."""
    return Path(__file__).parent / "golden"


@pytest.fixture(scope="session")
def vectors_folder() -> Path:
    """The large vectors, which do not: tests that need them say so where there are none."""
    named = os.environ.get("TFCHAIN_VECTORS", "")
    if not named:
        pytest.skip("TFCHAIN_VECTORS names no folder with the large vectors")
    return Path(named)


COLLECTOR: Final = """
PRAGMA synchronous = OFF;
CREATE TABLE NodeUptimeReported(node_id, uptime, timestamp_hint, block, event_index, timestamp,
    UNIQUE(event_index, block));
CREATE TABLE PowerTargetChanged(farm_id, node_id, target, block, event_index, timestamp,
    UNIQUE(event_index, block));
CREATE TABLE PowerStateChanged(farm_id, node_id, state, down_block, block, event_index, timestamp,
    UNIQUE(event_index, block));
CREATE TABLE PowerState(node_id, state, down_block, down_time, target, block, timestamp,
    UNIQUE(node_id, block));
CREATE TABLE processed_blocks(block_number PRIMARY KEY);
CREATE TABLE kv(key UNIQUE, value);
INSERT INTO kv VALUES ('checkpoint_block', 0), ('checkpoint_time', 0);
"""
"""What the collector of the public node-status-bot makes."""


def _collect(path: Path, period: dict[str, Any]) -> None:
    """A recorded period's `input` as the collector would have kept it."""
    blocks = [*period["blocks"], *period["post"]]
    with closing(sqlite3.connect(path)) as rows, rows:
        rows.executescript(COLLECTOR)
        for power in period["power"]:
            known = (power["node_id"], power["state"], 1, power["down_ts"], power["target"], 1)
            rows.execute(
                "INSERT INTO PowerState VALUES (?, ?, ?, ?, ?, ?, ?)",
                (*known, 1_522_501_000 + 2_630_880 * period["period"] + 6),
            )
        for block in blocks:
            for index, event in enumerate(block["events"]):
                _collect_event(rows, event, (block["height"], index, block["ts"]))
        if blocks:
            rows.execute(
                "WITH RECURSIVE seen(block) AS (SELECT ? UNION ALL"
                " SELECT block + 1 FROM seen WHERE block < ?)"
                " INSERT INTO processed_blocks SELECT block FROM seen",
                (blocks[0]["height"], blocks[-1]["height"]),
            )


def _collect_event(
    rows: sqlite3.Connection, event: dict[str, Any], place: tuple[int, int, int]
) -> None:
    [(name, content)] = event.items()
    if name == "NodeUptimeReported":
        node, t, uptime = content
        row = (node, uptime, t, *place)
        rows.execute("INSERT INTO NodeUptimeReported VALUES (?, ?, ?, ?, ?, ?)", row)
    elif name == "PowerTargetChanged":
        row = (1, content["node_id"], content["power_target"], *place)
        rows.execute("INSERT INTO PowerTargetChanged VALUES (?, ?, ?, ?, ?, ?)", row)
    elif name == "PowerStateChanged":
        state = (1, content["node_id"], content["power_state"], None, *place)
        rows.execute("INSERT INTO PowerStateChanged VALUES (?, ?, ?, ?, ?, ?, ?)", state)


Collect = Callable[[Path, dict[str, Any]], None]


@pytest.fixture(scope="session")
def collect() -> Collect:
    """`collect(path, period)` writes the file that a node-status-bot collects of a period."""
    return _collect


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Real processes first and on one worker: two networks at once would starve each other."""
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.xdist_group("browser"))
        if item.get_closest_marker("e2e"):
            item.add_marker(pytest.mark.xdist_group("e2e"))
    items.sort(key=lambda item: item.get_closest_marker("e2e") is None)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Skipped tests by name, pictures (`scripts/test` repeats both at its end), rows of tables."""
    for report in terminalreporter.getreports("skipped"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        terminalreporter.write_line(f"not run here: {report.nodeid}: {reason}")
    for report in terminalreporter.getreports("passed"):
        for name, path in report.user_properties:
            if name == "picture":
                terminalreporter.write_line(f"picture: {path}")
            elif name == "table":
                terminalreporter.write_line(f"table: {path}")
