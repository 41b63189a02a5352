"""A resource that is listed: where its rows come from, its filters and its orders, one row each.

SQL is put together of pieces from these tables alone; what a client says is always bound.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from sqlite3 import Connection, Row
from typing import Final

from tfchain.web.proxy.parameters import (
    I64_MAX,
    Asked,
    Limit,
    Read,
    Value,
    flag,
    number,
    numbers,
    text,
)

GIVEN: Final = ":given"
"""Where a filter's SQL takes its value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """How a parameter is read, and which rows it leaves."""

    read: Read
    sql: str
    """True of a row that stays; `GIVEN` stands for the value."""
    first: str = ""
    """Whoever filters so sees rows of which this is true before others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A resource of many rows."""

    columns: str
    source: str
    """What follows FROM."""
    key: str
    """No two rows have the same: the order when none is asked for, and the last word in any other."""
    filters: Mapping[str, Filter]
    sorts: Mapping[str, str]
    always: str = "TRUE"
    """What is true of every row."""
    inner: "Listing | None" = None
    """Rows of another resource that belong to one of this; one of them must pass all its filters."""

    def reads(self) -> dict[str, Read]:
        """All parameters that filter, and how each is read."""
        inner = self.inner.reads() if self.inner else {}
        return inner | {name: one.read for name, one in self.filters.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Rows of one page, and how many there are on all pages if that was asked."""

    rows: list[Row]
    count: int | None
    limit: Limit


def equal(column: str) -> Filter:
    """The column holds this number."""
    return Filter(read=number, sql=f"{column} = {GIVEN}")


def any_of(column: str) -> Filter:
    """The column holds one of these numbers."""
    return Filter(read=numbers, sql=f"{column} IN (SELECT value FROM json_each({GIVEN}))")


def none_of(column: str) -> Filter:
    """The column holds none of these numbers."""
    return Filter(read=numbers, sql=f"{column} NOT IN (SELECT value FROM json_each({GIVEN}))")


def at_least(sql: str) -> Filter:
    """The number is this or more."""
    return Filter(read=number, sql=f"{sql} >= {GIVEN}")


def same(column: str) -> Filter:
    """The column holds exactly this text."""
    return Filter(read=text, sql=f"coalesce({column}, '') = {GIVEN}")


def alike(column: str) -> Filter:
    """The column holds this text, in whatever case."""
    return Filter(read=text, sql=f"{LOWER}(coalesce({column}, '')) = {LOWER}({GIVEN})")


def holding(column: str) -> Filter:
    """The column has this text in it, in whatever case. No letter of it is a wildcard."""
    return Filter(read=text, sql=f"instr({LOWER}(coalesce({column}, '')), {LOWER}({GIVEN})) > 0")


def holds(sql: str) -> Filter:
    """The condition, which is never null, is as true as that."""
    return Filter(read=flag, sql=f"({sql}) = {GIVEN}")


def filled(column: str) -> Filter:
    """Whether the column holds a text that is not empty."""
    return holds(f"coalesce({column}, '') <> ''")


LOWER: Final = "proxy_lower"
"""SQLite's own `lower` knows the letters of English only."""


def _lower(said: str | None) -> str | None:
    return said.lower() if said is not None else None


def teach(connection: Connection, sql: str) -> None:
    """Let SQL on this connection call `LOWER`, if this does.

    What is taught makes SQLite forget every statement that it has ready, so it is not done for nothing.
    """
    if LOWER in sql:
        connection.create_function(LOWER, 1, _lower, deterministic=True)


def page_of(connection: Connection, listing: Listing, asked: Asked, now: int) -> Page:
    """One page of a resource, `now` in seconds of Unix time."""
    limit = asked.limit
    where, bound = where_of(listing, asked.values)
    bound |= {
        "now": now,
        "balance": limit.balance,
        "size": limit.size,
        "offset": min((limit.page - 1) * limit.size, I64_MAX),
    }
    narrowed = f"FROM {listing.source} WHERE {where}"
    ordered = f"{narrowed} ORDER BY {order_of(listing, asked)} LIMIT :size OFFSET :offset"
    teach(connection, ordered)
    rows = connection.execute(f"SELECT {listing.columns} {ordered}", bound).fetchall()
    count = None
    if limit.counted:
        [count] = connection.execute(f"SELECT count(*) {narrowed}", bound).fetchone()
    return Page(rows=rows, count=count, limit=limit)


def where_of(listing: Listing, values: Mapping[str, Value]) -> tuple[str, dict[str, Value]]:
    """The condition of all that was asked, and what is bound in it."""
    parts = [listing.always, *_pieces(listing.filters, values)]
    if inner := _inner(listing, values):
        parts.append(f"EXISTS (SELECT 1 {inner})")
    return " AND ".join(f"({part})" for part in parts), {f"f_{k}": v for k, v in values.items()}


def _inner(listing: Listing, values: Mapping[str, Value]) -> str:
    """The rows of `inner` that belong to a row and pass, if any filter asks for one."""
    if listing.inner is None or not listing.inner.filters.keys() & values.keys():
        return ""
    parts = [listing.inner.always, *_pieces(listing.inner.filters, values)]
    return f"FROM {listing.inner.source} WHERE {' AND '.join(f'({part})' for part in parts)}"


def _pieces(filters: Mapping[str, Filter], values: Mapping[str, Value]) -> Iterator[str]:
    for name in values:
        if name in filters:
            yield filters[name].sql.replace(GIVEN, f":f_{name}")


def order_of(listing: Listing, asked: Asked) -> str:
    """The order of what was asked: no row has a place that another could have."""
    limit = asked.limit
    if limit.shuffled:
        return "random()"
    parts = [
        f"({one.first}) DESC"
        for name, one in listing.filters.items()
        if one.first and name in asked.values
    ]
    if listing.inner:
        parts += [
            f"(SELECT max({one.first}) {_inner(listing, asked.values)}) DESC"
            for name, one in listing.inner.filters.items()
            if one.first and name in asked.values
        ]
    if limit.sort_by:
        # PostgreSQL, which the public server sorts with, takes nothing for more than anything.
        way = "DESC NULLS FIRST" if limit.descending else "ASC NULLS LAST"
        parts.append(f"{listing.sorts[limit.sort_by]} {way}")
    return ", ".join([*parts, listing.key])
