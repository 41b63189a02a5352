"""What a connection needs before it can answer: our comparisons, and one moment for all it reads."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal

from tfchain.web.graphql.conditions import LOWER
from tfchain.web.graphql.statements import DECIMAL_COLLATION, Value


@contextmanager
def reading(database: sqlite3.Connection) -> Iterator[None]:
    """All statements inside see the same blocks, however many come meanwhile."""
    begun = not database.in_transaction
    if begun:
        database.execute("BEGIN")
    try:
        yield
    finally:
        if begun:
            database.rollback()


def execute(database: sqlite3.Connection, sql: str, values: Sequence[Value]) -> sqlite3.Cursor:
    """Rows as plain tuples.

    What a connection is taught makes SQLite forget every statement that it has ready: it is taught
    what this statement needs, and nothing for nothing.
    """
    if LOWER in sql:
        database.create_function(LOWER, 1, lower, deterministic=True)
    if DECIMAL_COLLATION in sql:
        database.create_collation(DECIMAL_COLLATION, compare_decimals)
    cursor = database.cursor()
    cursor.row_factory = None
    return cursor.execute(sql, values)


def lower(text: str | None) -> str | None:
    """Small letters, each by itself, as PostgreSQL makes them."""
    if text is None or text.isascii():
        return text if text is None else text.lower()
    return "".join(letter.lower() for letter in text)


def compare_decimals(one: str, other: str) -> int:
    """`1.50` is `1.5`: below, equal or above, as -1, 0 or 1."""
    first, second = Decimal(one), Decimal(other)
    return (first > second) - (first < second)
