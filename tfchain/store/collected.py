"""What a node-status-bot collected of the public chain: reports, power targets and power states.

The collector keeps them in an SQLite file of its own schema, whose columns have no types: anything
may stand anywhere. The file is a stranger's. It is opened for reading only, every value is checked
as it comes, and rows are never gathered: SQLite sorts them on disk, so that a month of a whole grid
needs no more memory than a day of it.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from heapq import merge
from pathlib import Path
from typing import Final, TypeAlias

from tfchain.base.units import U32_MAX, NodeId, Seconds
from tfchain.chain.grid_events import Event, StateMoved, TargetMoved, UptimeSaid
from tfchain.chain.grid_merge import Placed
from tfchain.errors import Malformed, Unavailable
from tfchain.ledger.uptime import PowerState

MAGIC: Final = b"SQLite format 3\0"
EVENTS_MAX: Final = 32_000_000
"""Rows of a period. Ten thousand nodes that report every 40 minutes write 11 million a month."""
NODES_MAX: Final = 1_000_000
"""Power states at a period's start."""
VALUE_BYTES_MAX: Final = 4_096
"""Longest value that SQLite hands over; the longest word that is due has four letters."""
STATEMENT_BYTES_MAX: Final = 4_096
"""Longest statement of ours, and longest of the schema's that we let SQLite read."""
START_SLACK_S: Final = 30
"""The collector notes power in the first block of a period, a block or two from its start."""
_INTEGER_MAX: Final = (1 << 63) - 1
"""SQLite's own."""
_UP: Final = {"Up": True, "Down": False}
_TABLES: Final = {
    "NodeUptimeReported": ("node_id", "uptime", "timestamp_hint"),
    "PowerTargetChanged": ("node_id", "target"),
    "PowerStateChanged": ("node_id", "state"),
}
"""The tables of events, and the columns that are read of them beside their places."""
_PLACE: Final = ("block", "event_index", "timestamp")
_POWER: Final = ("node_id", "state", "down_time", "target", "timestamp")
_SEEN: Final = "processed_blocks"

Value: TypeAlias = "int | float | str | bytes | None"
Values: TypeAlias = dict[str, Value]


def is_collected(path: Path) -> bool:
    """Whether a file begins as SQLite's do; raises `Unavailable` if it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError as fault:
        reason = fault.strerror or "the system refused"
        raise Unavailable(f"cannot read ({reason})", str(path), "name a file of events") from fault


@dataclass(frozen=True, slots=True)
class Collected:
    """An open file. Every method raises `Malformed`, naming the table and what is wrong there."""

    _rows: sqlite3.Connection

    def power_at(self, start: Seconds) -> dict[NodeId, PowerState]:
        """What the farmerbot wanted of nodes and what they said, as a period started."""
        found: dict[NodeId, PowerState] = {}
        window = (start - START_SLACK_S, start + START_SLACK_S)
        for values in self._read("PowerState", _POWER, window, ""):
            if len(found) == NODES_MAX:
                raise Malformed(f"PowerState: more than {NODES_MAX} rows of one start")
            node = NodeId(_integer(values, "node_id", "PowerState", U32_MAX))
            if node in found:
                raise Malformed(f"PowerState: node {node} stands there twice")
            up = _is_up(values, "state", "PowerState")
            since = 0 if up else _integer(values, "down_time", "PowerState")
            target = _is_up(values, "target", "PowerState")
            found[node] = PowerState(target_up=target, state_up=up, down_at=Seconds(since))
        return found

    def count(self, start: Seconds, end: Seconds) -> int:
        """How many events stand in the blocks from `start` to `end`, both of them included."""
        found = 0
        for table in _TABLES:
            _known(self._rows, table, _PLACE)
            query = f"SELECT count(*) FROM {table} WHERE timestamp BETWEEN ? AND ?"  # noqa: S608
            found += int(self._rows.execute(query, (start, end)).fetchone()[0])
        if found > EVENTS_MAX:
            raise Malformed(f"{found} events of one period: at most {EVENTS_MAX} are read")
        return found

    def events(self, start: Seconds, end: Seconds) -> Iterator[Placed]:
        """The events of the blocks from `start` to `end`, both included, in the chain's order."""
        last, time = (-1, -1), -1
        streams = [self._events(table, start, end) for table in _TABLES]
        for placed in merge(*streams, key=_place):
            if placed.place == last:
                raise Malformed(f"block {last[0]}: event {last[1]} stands there twice")
            if placed.height == last[0] and placed.time != time:
                raise Malformed(f"block {placed.height}: two times, {time} and {placed.time}")
            if placed.height != last[0] and placed.time <= time:
                raise Malformed(f"block {placed.height}: not later than block {last[0]}")
            last, time = placed.place, placed.time
            yield placed

    def missing(self, start: Seconds, end: Seconds) -> int:
        """How many blocks, from the first event to the last of this time, were never looked at."""
        edges = [edge for table in _TABLES for edge in self._edges(table, start, end)]
        if not edges:
            return 0
        _known(self._rows, _SEEN, ("block_number",))
        low, high = min(edges), max(edges)
        query = (
            f"SELECT count(DISTINCT block_number) FROM {_SEEN} WHERE block_number"  # noqa: S608
            " BETWEEN ? AND ? AND typeof(block_number) = 'integer'"
        )
        return high - low + 1 - int(self._rows.execute(query, (low, high)).fetchone()[0])

    def _edges(self, table: str, start: Seconds, end: Seconds) -> list[int]:
        """The lowest and the highest block of a table's events, where there are any."""
        _known(self._rows, table, _PLACE)
        query = f"SELECT min(block), max(block) FROM {table} WHERE timestamp BETWEEN ? AND ?"  # noqa: S608
        edges = self._rows.execute(query, (start, end)).fetchone()
        return [_integer({"block": edge}, "block", table) for edge in edges if edge is not None]

    def _events(self, table: str, start: Seconds, end: Seconds) -> Iterator[Placed]:
        names = (*_TABLES[table], *_PLACE)
        for values in self._read(table, names, (start, end), "ORDER BY block, event_index"):
            yield Placed(
                height=_integer(values, "block", table),
                index=_integer(values, "event_index", table),
                time=Seconds(_integer(values, "timestamp", table)),
                event=_event(table, values),
            )

    def _read(
        self, table: str, names: tuple[str, ...], window: tuple[int, int], order: str
    ) -> Iterator[Values]:
        """Rows of a time; one whose time is no integer is read too, and refused by its reader."""
        _known(self._rows, table, names)
        query = (
            f"SELECT {', '.join(names)} FROM {table} WHERE timestamp BETWEEN ? AND ?"  # noqa: S608
            f" OR typeof(timestamp) <> 'integer' {order}"
        )
        for row in self._rows.execute(query, window):
            yield dict(zip(names, row, strict=True))


@contextmanager
def collected(path: Path) -> Iterator[Collected]:
    """A collector's file, open for reading at one moment of it: it may go on collecting.

    Raises:
        Unavailable: the file cannot be read.
        Malformed: it is no SQLite file, is damaged, or holds what no collector writes.
    """
    if not is_collected(path):
        raise Malformed(f"{path}: not an SQLite file")
    try:
        with closing(_connected(path)) as rows:
            rows.execute("BEGIN")
            yield Collected(rows)
    except Malformed as fault:
        raise Malformed(f"{path}: {fault}") from fault
    except sqlite3.Error as fault:
        raise Malformed(f"{path}: SQLite cannot read it ({fault})") from fault


def _connected(path: Path) -> sqlite3.Connection:
    rows = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
    rows.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, VALUE_BYTES_MAX)
    rows.setlimit(sqlite3.SQLITE_LIMIT_SQL_LENGTH, STATEMENT_BYTES_MAX)
    for pragma in ("query_only=ON", "trusted_schema=OFF", "cell_size_check=ON"):
        rows.execute(f"PRAGMA {pragma}")
    return rows


def _known(rows: sqlite3.Connection, table: str, names: tuple[str, ...]) -> None:
    """Whether a real table has real columns of these names: a view could compute for ever."""
    query = "SELECT 1 FROM sqlite_schema WHERE name = ? AND type = 'table' AND rootpage > 0"
    if rows.execute(query, (table,)).fetchone() is None:
        raise Malformed(f"there is no table {table}")
    columns = "SELECT name FROM pragma_table_xinfo(?) WHERE hidden = 0"
    found = {name for (name,) in rows.execute(columns, (table,))}
    for name in names:
        if name not in found:
            raise Malformed(f"table {table} has no column {name}")


def _event(table: str, values: Values) -> Event:
    node = NodeId(_integer(values, "node_id", table, U32_MAX))
    if table == "NodeUptimeReported":
        return UptimeSaid(
            node_id=node,
            t=Seconds(_integer(values, "timestamp_hint", table)),
            uptime=Seconds(_integer(values, "uptime", table)),
        )
    if table == "PowerTargetChanged":
        return TargetMoved(node_id=node, up=_is_up(values, "target", table))
    return StateMoved(node_id=node, up=_is_up(values, "state", table))


def _integer(values: Values, name: str, table: str, most: int = _INTEGER_MAX) -> int:
    value = values[name]
    if type(value) is not int or not 0 <= value <= most:
        shown = "NULL" if value is None else ascii(value)[:40]
        raise Malformed(f"{table}.{name}: an integer from 0 to {most} is due, not {shown}")
    return value


def _is_up(values: Values, name: str, table: str) -> bool:
    value = values[name]
    if type(value) is not str or value not in _UP:
        shown = "NULL" if value is None else ascii(value)[:40]
        raise Malformed(f"{table}.{name}: Up or Down is due, not {shown}")
    return _UP[value]


def _place(placed: Placed) -> tuple[int, int]:
    return placed.place
