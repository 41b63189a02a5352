"""Lists, a bounded run at a time: each goes on behind the keys of the last row that was shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from sqlite3 import Connection, Row
from typing import Final
from urllib.parse import urlencode

from tfchain.index.sheet import Cell
from tfchain.web.explorer.asked import Asked
from tfchain.web.pages.parts import Table
from tfchain.web.pages.sections import Link, Section

ROWS: Final = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A query without its order and bound, and the keys that both go by."""

    select: str
    keys: tuple[str, ...]
    sorts: str
    """Of each key: `i` for a number, `t` for a word."""
    where: str = "1"
    values: tuple[Cell, ...] = ()
    newest_first: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Rows of a list, and the links that turn its pages."""

    rows: Sequence[Row]
    pager: tuple[Link, ...]
    first: bool
    """Whether this is where the list begins."""


def run(
    rows: Connection, listing: Listing, asked: Asked, name: str = "at", most: int = ROWS
) -> Run:
    """The run that the parameter `name` asks for; raises `Malformed` for no place in the list."""
    place = asked.cursor(name, listing.sorts)
    order = "DESC" if listing.newest_first else "ASC"
    keys = ", ".join(listing.keys)
    marks = ", ".join("?" * len(listing.keys))
    beyond = f" AND ({keys}) {'<' if listing.newest_first else '>'} ({marks})" if place else ""
    ordered = ", ".join(f"{key} {order}" for key in listing.keys)
    text = f"{listing.select} WHERE {listing.where}{beyond} ORDER BY {ordered} LIMIT ?"
    found = rows.execute(text, (*listing.values, *(place or ()), most + 1)).fetchall()
    return Run(
        rows=found[:most],
        pager=_pager(asked, listing, name, found, most),
        first=place is None,
    )


def section_of(found: Run, table: Table, title: str, told: str) -> Section:
    """The run as a section: its table under this title, or what is told where it has no rows."""
    name = table.id.removesuffix("-table")
    if not found.rows:
        return Section(id=name, title=title, told=told, pager=found.pager)
    return Section(id=name, title=title, table=table, pager=found.pager)


def _pager(
    asked: Asked, listing: Listing, name: str, found: Sequence[Row], most: int
) -> tuple[Link, ...]:
    kept = {key: text for key, text in asked.query.items() if key in _KEPT and key != name}
    back, on = ("Newest", "Older") if listing.newest_first else ("First", "Next")
    links = []
    if asked.query.get(name):
        links.append(Link(label=back, href=_query(kept)))
    if len(found) > most:
        last = found[most - 1]
        place = ".".join(str(last[key.rpartition(".")[2].strip('"')]) for key in listing.keys)
        links.append(Link(label=on, href=_query({**kept, name: place})))
    return tuple(links)


_KEPT: Final = ("kind", "country", "farm")
"""Filters, which stay while pages turn."""


def _query(parts: dict[str, str]) -> str:
    return f"?{urlencode(parts)}"
