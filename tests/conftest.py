"""What every test may ask for, and what a run says about tests that could not run here."""

import json
import os
import queue
import random
import shutil
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final, NoReturn

import pytest
import trio
from hypercorn.config import Config
from hypercorn.trio import serve
from hypothesis import settings
from starlette.applications import Starlette
from starlette.routing import Route

from tfchain.index.entities import ENTITIES, ENUMS, OBJECTS, Field
from tfchain.index.schema import columns_of, create_entities, snake
from tfchain.web.asking import Ask

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


# --- what a machine may lack ----------------------------------------------------------------------

NPM_OPTIONS: Final = ("--no-audit", "--no-fund", "--ignore-scripts", "--omit=dev")
NPM_S: Final = 240.0


@pytest.fixture(scope="session")
def lacking() -> Callable[[str], NoReturn]:
    """`lacking(what)`: the test is named as not run here; where `.ci/run` brings it, it fails."""

    def told(what: str) -> NoReturn:
        if os.environ.get("CI"):
            pytest.fail(f"{what}: the run was to bring it")
        pytest.skip(what)

    return told


@pytest.fixture(scope="session")
def npm_folder(
    tmp_path_factory: pytest.TempPathFactory, lacking: Callable[[str], NoReturn]
) -> Callable[..., Path]:
    """`npm_folder("name@1.2.3", ...)`: a folder of this run with these packages.

    A registry that does not answer is nobody's fault here: the test is then named as not run.
    """

    def install(*packages: str) -> Path:
        npm = shutil.which("npm")
        if npm is None or shutil.which("node") is None:
            lacking("there is no npm on this machine")
        folder, names = tmp_path_factory.mktemp("npm"), " and ".join(packages)
        words = [npm, "install", *NPM_OPTIONS, *packages]
        try:
            subprocess.run(
                words, cwd=folder, capture_output=True, text=True, timeout=NPM_S, check=True
            )
        except subprocess.TimeoutExpired:
            pytest.skip(f"npm took more than {NPM_S:g} s to install {names}")
        except subprocess.CalledProcessError as fault:
            pytest.skip(f"npm cannot install {names}: {fault.stderr[-200:]}")
        return folder

    return install


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


# --- rows of the read model -----------------------------------------------------------------------

GridRow = dict[str, Any]
GridRows = dict[str, list[GridRow]]
MakeGrid = Callable[[int, int], GridRows]
FillGrid = Callable[[sqlite3.Connection, GridRows], None]

_WORDS: Final = (
    "",
    "a",
    "A",
    "ab",
    "Ab c",
    "b%",
    "b_",
    "é",
    "É",
    "żółw",
    "'; --",
    '"',
    "😀",
    "10",
    "9",
)
_VALUES: Final[dict[str, tuple[Any, ...]]] = {
    "Int": (0, 1, 2, 3, 9, 10, 2**31 - 1),
    "BigInt": (0, 1, 2, 9, 10, 2**40, 2**53 + 1, 2**63 - 1),
    "BigDecimal": ("0", "1.5", "1.50", "9", "10", "0.0000001", "123456789012345678901234567890"),
    "Boolean": (True, False),
}


def _grid_value(chance: random.Random, field: Field, rows: GridRows, taken: set[str]) -> Any:
    """Any value that the field may have; few enough of them that filters find some."""
    if not field.required and field.sort != "link" and chance.random() < 0.25:
        return None
    match field.sort, field.type:
        case "link", other:
            free = [row["id"] for row in rows.get(other, ()) if row["id"] not in taken]
            chosen = (
                chance.choice(free) if free and (field.required or chance.random() < 0.7) else None
            )
            taken |= {chosen} if chosen and field.unique else set()
            return chosen
        case "enum", name:
            return chance.choice(ENUMS[name])
        case "object", name:
            made = [
                {one.name: _grid_value(chance, one, rows, taken) for one in OBJECTS[name].fields}
                for _ in range(chance.randint(0, 2) if field.many else 1)
            ]
            return made if field.many else made[0]
        case _:
            return chance.choice(_VALUES.get(field.type, _WORDS))


def _make_grid(seed: int, count: int) -> GridRows:
    """Up to `count` rows of every entity; what links to one that comes later is linked at the end."""
    chance = random.Random(seed)
    rows: GridRows = {}
    for again in (False, True):
        for entity in ENTITIES.values():
            taken: set[str] = set()
            kept = [field for field in entity.fields if field.sort not in ("back", "backs")]
            made = rows.setdefault(entity.name, [])
            if again:
                links = [field for field in kept if field.sort == "link" and not field.required]
                for row in made:
                    row |= {one.name: _grid_value(chance, one, rows, taken) for one in links}
                continue
            for number in range(count):
                row = {one.name: _grid_value(chance, one, rows, taken) for one in kept}
                if all(row[one.name] is not None for one in kept if one.required):
                    made.append({"id": f"{number:04d}-{chance.choice('abc')}", **row})
    return rows


@pytest.fixture(scope="session")
def make_grid() -> MakeGrid:
    """`make_grid(seed, count)`: rows of every entity, by field names; a link is the other's id."""
    return _make_grid


@pytest.fixture(scope="session")
def fill_grid() -> FillGrid:
    """`fill_grid(database, rows)` makes the entities' tables and puts the rows there."""

    def plain(value: Any) -> Any:
        return json.dumps(value) if isinstance(value, list) else value

    def fill(database: sqlite3.Connection, rows: GridRows) -> None:
        for line in create_entities():
            database.execute(line)
        for name, made in rows.items():
            columns = columns_of(ENTITIES[name])
            marks = ", ".join("?" * len(columns))
            for row in made:
                values = []
                for column in columns:
                    value = row[column.path[0]]
                    inner = value if len(column.path) == 1 else (value or {}).get(column.path[1])
                    values.append(plain(inner))
                database.execute(f'INSERT INTO "{snake(name)}" VALUES ({marks})', values)
        database.commit()

    return fill


# --- a part of the web on a socket ----------------------------------------------------------------

ServePart = Callable[[Callable[[Ask], list[Route]], Path], AbstractContextManager[str]]


def _ask(database: Path) -> Ask:
    """Each question in a thread of its own, with a connection that cannot write."""

    async def ask(question: Callable[[sqlite3.Connection], Any]) -> Any:
        def run() -> Any:
            with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
                connection.row_factory = sqlite3.Row
                return question(connection)

        return await trio.to_thread.run_sync(run)

    return ask


@contextmanager
def _serve_part(routes: Callable[[Ask], list[Route]], database: Path) -> Iterator[str]:
    config = Config()
    config.bind = ["127.0.0.1:0"]
    config.errorlog = None
    application = Starlette(routes=routes(_ask(database)))
    told: queue.Queue[tuple[trio.lowlevel.TrioToken, trio.Event, list[str]]] = queue.Queue()

    async def run() -> None:
        enough = trio.Event()
        async with trio.open_nursery() as nursery:
            trigger = partial(serve, shutdown_trigger=enough.wait)
            bound = await nursery.start(trigger, application, config)
            told.put((trio.lowlevel.current_trio_token(), enough, bound))

    thread = threading.Thread(target=trio.run, args=(run,))
    thread.start()
    token, enough, bound = told.get(timeout=30)
    try:
        yield bound[0]
    finally:
        trio.from_thread.run_sync(enough.set, trio_token=token)
        thread.join()


@pytest.fixture(scope="session")
def serve_part() -> ServePart:
    """`with serve_part(routes, database) as url`: a part of the web on a port of this machine."""
    return _serve_part


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Real processes first: they take longest."""
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
