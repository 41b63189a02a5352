"""What can be followed: each topic's rows in the order in which blocks brought them.

An event's id is its row's place in that order, and begins with its height. So whoever has an id goes on
right behind it, whatever broke in between, and whoever has a height begins with that block.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from sqlite3 import Connection
from typing import Final, TypeAlias

from tfchain.base.units import U32_MAX
from tfchain.errors import Malformed
from tfchain.index.sheet import SQL_INT_MAX
from tfchain.web.api import lists, rows
from tfchain.web.api.listing import Shown
from tfchain.web.api.parameters import Account, Number, Parameter, Values

PAGE: Final = 100
"""Events that are read in one turn."""
ID_CHARS_MAX: Final = 128
PREFIX: Final = "/v1/events/"

Place: TypeAlias = tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """Rows that are events."""

    path: str
    event: str
    """What an event is called."""
    summary: str
    source: str
    """What stands behind FROM."""
    order: tuple[str, ...]
    """The numbers that name a row, of which the first is its height."""
    shown: Shown
    parameter: Parameter | None = None
    """Whose rows: the column of that name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One row, ready to be sent."""

    place: Place
    text: str
    """Its fields as JSON, in one line."""

    @property
    def id(self) -> str:
        """How it is named, like `93.4`."""
        return ".".join(map(str, self.place))


BLOCKS: Final = Topic(
    path=f"{PREFIX}blocks",
    event="block",
    summary="Blocks as they come",
    source="blocks",
    order=("height",),
    shown=rows.BLOCK_ALONE,
)
TRANSACTIONS: Final = Topic(
    path=f"{PREFIX}accounts/{{account}}",
    event="transaction",
    summary="Transactions that an account sent, or is named in, as they come",
    source="account_txs JOIN transactions USING (height, position)",
    order=("height", "position"),
    shown=rows.TRANSACTION,
    parameter=lists.named("account", Account(), "the account"),
)
REPORTS: Final = Topic(
    path=f"{PREFIX}nodes/{{node_id}}",
    event="report",
    summary="What each report and sleep of a node did to its account, as they come",
    source="lines",
    order=("height", "position", "start"),
    shown=rows.LINE,
    parameter=lists.named("node_id", Number(0, U32_MAX), "the node's number"),
)
BATCHES: Final = Topic(
    path=f"{PREFIX}batches",
    event="batch",
    summary="Batches as they come to their states",
    source="batch_moves",
    order=("height", "schedule", "period", "state"),
    shown=rows.MOVE,
)
MINTS: Final = Topic(
    path=f"{PREFIX}mints",
    event="mint",
    summary="Coins as they come to be",
    source=lists.MINTS_FROM,
    order=lists.MINTS_ORDER,
    shown=rows.MINT,
)
TOPICS: Final = (BLOCKS, TRANSACTIONS, REPORTS, BATCHES, MINTS)


def before(topic: Topic, height: int) -> Place:
    """The place right before a block's first event."""
    return (height - 1, *(SQL_INT_MAX,) * (len(topic.order) - 1))


def place_of(topic: Topic, event_id: str) -> Place:
    """The place that an event's id names; raises `Malformed`."""
    parts = event_id.split(".") if len(event_id) <= ID_CHARS_MAX else []
    if len(parts) != len(topic.order):
        raise Malformed("Last-Event-ID: it is no id of these events")
    try:
        return tuple(Number().read(part) for part in parts)
    except Malformed as fault:
        raise Malformed(f"Last-Event-ID: {fault}") from fault


def events_after(
    connection: Connection, topic: Topic, values: Values, after: Sequence[int], limit: int = PAGE
) -> list[Event]:
    """The next events of a topic, in order."""
    names = ", ".join(f'"{name}"' for name in topic.order)
    marks = ", ".join("?" * len(topic.order))
    own = f'"{topic.parameter.name}" = ? AND ' if topic.parameter is not None else ""
    bound = [values[topic.parameter.name]] if topic.parameter is not None else []
    query = (
        f"SELECT * FROM {topic.source} WHERE {own}({names}) > ({marks}) ORDER BY {names} LIMIT ?"  # noqa: S608
    )
    found = connection.execute(query, (*bound, *after, limit)).fetchall()
    return [
        Event(
            place=tuple(row[name] for name in topic.order),
            text=json.dumps(topic.shown.make(row), separators=(",", ":")),
        )
        for row in found
    ]
