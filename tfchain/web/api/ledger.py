"""Rows of the ledger as a validator shows them, read from the read model: the same records, the same words."""

import json
from collections.abc import Callable
from sqlite3 import Connection
from typing import Final, TypeVar

from tfchain.base.address import from_text
from tfchain.base.units import PeriodIndex, ScheduleId
from tfchain.errors import Unavailable
from tfchain.index.database import LedgerRows, meta
from tfchain.index.model import GENESIS
from tfchain.ledger import tables
from tfchain.ledger.electorate import UNKNOWN
from tfchain.ledger.state import State, Table
from tfchain.node import answers, balances, ledger_answers, ledger_views, queries
from tfchain.node.answers import Json
from tfchain.rules.regime import POOLS, names_of
from tfchain.rules.schedule import REGIMES
from tfchain.web.api.parameters import Values

R = TypeVar("R")
Question = Callable[[Connection, Values], Json]

_ROWS_OF_BATCH: Final = {
    "receipts": "SELECT id, json, node_id FROM receipts",
    "mints": "SELECT NULL AS id, json, node_id FROM mints",
}
_IN_BATCH: Final = " WHERE schedule = ? AND period = ? AND node_id >= ? ORDER BY node_id LIMIT ?"


def state_of(connection: Connection) -> State:
    """The ledger's state after the last block; raises `Unavailable` while there is no chain."""
    if meta(connection, GENESIS) is None:
        what = "there is no chain here yet"
        raise Unavailable(what, "the read model", "wait until it has found its validator")
    return State(LedgerRows(connection))


def number_of(values: Values, name: str) -> int:
    """A parameter that is a number."""
    value = values[name]
    assert type(value) is int, name
    return value


def row_at(table: Table[R], key: Callable[[Values], bytes]) -> Question:
    """One row of the state, by its record's fields."""

    def question(connection: Connection, values: Values) -> Json:
        row = table.get(state_of(connection), key(values))
        return None if row is None else answers.record(row)

    return question


def by_id(values: Values) -> bytes:
    """The key of a row with a dense id."""
    return tables.id_key(number_of(values, "id"))


def single(_values: Values) -> bytes:
    """The key of the only row of a table."""
    return tables.SINGLE


def account(connection: Connection, values: Values) -> Json:
    """What is free, locked and staked."""
    return balances.account(state_of(connection), from_text(str(values["address"])))


def standing(connection: Connection, values: Values) -> Json:
    """What the others say of a farm; of one of which nobody says anything, the beginning."""
    state = state_of(connection)
    if tables.FARMS.get(state, by_id(values)) is None:
        return None
    return answers.record(tables.STANDINGS.get(state, by_id(values)) or UNKNOWN)


def own_terms(connection: Connection, values: Values) -> Json:
    """What a node's regime froze of its own, with the names that the regime gives its numbers."""
    row = tables.OWN_TERMS.get(state_of(connection), by_id(values))
    if row is None:
        return None
    plain, regime = answers.record(row), REGIMES[row.regime]
    names = names_of(regime.terms)
    numbers: dict[str, Json] = {
        name: str(number) for name, number in zip(names, row.numbers, strict=True)
    }
    return {**plain, "regime": regime.name, "pool": POOLS[row.pool], "numbers": numbers}


def batch(connection: Connection, values: Values) -> Json:
    """A batch and what its guardians said of it."""
    view = queries.batch_view(state_of(connection), *_place_of(values))
    return None if view is None else answers.batch(view)


def batches(connection: Connection, values: Values) -> Json:
    """The newest batches of each schedule, oldest first."""
    rows = ledger_views.newest_batches(state_of(connection), number_of(values, "last"))
    return ledger_answers.batches(rows)


def rows_of_batch(connection: Connection, values: Values) -> Json:
    """Receipts or mint records in node order, a page at a time."""
    name, limit = str(values["rows"]), number_of(values, "limit")
    bound = (*_place_of(values), number_of(values, "from"), limit)
    rows = connection.execute(_ROWS_OF_BATCH[name] + _IN_BATCH, bound).fetchall()
    shown: list[Json] = []
    for row in rows:
        plain = json.loads(row["json"])
        shown.append(plain if row["id"] is None else {"id": row["id"], **plain})
    more = rows[-1]["node_id"] + 1 if rows and len(rows) == limit else None
    return {name: shown, "next": more}


def _place_of(values: Values) -> tuple[ScheduleId, PeriodIndex]:
    schedule, period = number_of(values, "schedule"), number_of(values, "period")
    return ScheduleId(schedule), PeriodIndex(period)
