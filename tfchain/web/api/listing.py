"""Lists, a page at a time: a page begins behind the last row of the one before, whatever came since.

A cursor is that row's place in the order, so no row is shown twice and none is left out, and the tenth
thousandth page costs what the first does.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from sqlite3 import Connection, Row
from typing import Final

from tfchain.errors import Malformed
from tfchain.index.sheet import SQL_INT_MAX
from tfchain.node.answers import Json
from tfchain.web.api import schemas
from tfchain.web.api.parameters import Number, Parameter, Text, Values
from tfchain.web.api.schemas import Object

LIMIT: Final = 100
LIMIT_MAX: Final = 1_000
CURSOR_CHARS_MAX: Final = 512
PAGING: Final = (
    Parameter(name="cursor", sort=Text(CURSOR_CHARS_MAX), about="`next` of the page before"),
    Parameter(
        name="limit", sort=Number(1, LIMIT_MAX), about="rows of a page at most", default=LIMIT
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """How a row is shown, and the schema of that."""

    make: Callable[[Row], dict[str, Json]]
    schema: Object


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Rows of a table in an order. Names come from our own tables, never from outside."""

    table: str
    """What stands behind FROM."""
    keys: tuple[tuple[str, type], ...]
    """The columns of the order, which together name a row."""
    shown: Shown
    newest: bool = False
    """Whether the last in order comes first."""
    where: str = ""
    """A condition that always holds."""
    filters: tuple[Parameter, ...] = ()
    """Each is equal to the column of its name, where it is given."""

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """All that may be asked."""
        return (*self.filters, *PAGING)

    @property
    def schema(self) -> Object:
        """The schema of a page."""
        text = schemas.maybe(schemas.TEXT)
        return schemas.fields_of(rows=schemas.many(self.shown.schema), next=text)

    def answer(self, connection: Connection, values: Values) -> Json:
        """A page; raises `Malformed` for a cursor that is none of ours."""
        limit = values["limit"]
        assert type(limit) is int, "parameters are read"
        found = connection.execute(*self._query(values, limit + 1)).fetchall()
        page = found[:limit]
        more = self._cursor_of(page[-1]) if len(found) > limit else None
        return {"rows": [self.shown.make(row) for row in page], "next": more}

    def _query(self, values: Values, limit: int) -> tuple[str, list[object]]:
        terms, bound = [self.where] if self.where else [], list[object]()
        for one in self.filters:
            if values[one.name] is not None:
                terms.append(f'"{one.name}" = ?')
                bound.append(values[one.name])
        after = values["cursor"]
        if after is not None:
            names, marks = (", ".join(each) for each in (self._names(), "?" * len(self.keys)))
            terms.append(f"({names}) {'<' if self.newest else '>'} ({marks})")
            bound += self._place_of(str(after))
        where = f" WHERE {' AND '.join(terms)}" if terms else ""
        way = " DESC" if self.newest else ""
        order = ", ".join(name + way for name in self._names())
        text = f"SELECT * FROM {self.table}{where} ORDER BY {order} LIMIT ?"  # noqa: S608
        return text, [*bound, limit]

    def _names(self) -> list[str]:
        return [f'"{name}"' for name, _ in self.keys]

    def _cursor_of(self, row: Row) -> str:
        place = json.dumps([row[name] for name, _ in self.keys], separators=(",", ":"))
        return urlsafe_b64encode(place.encode()).decode().rstrip("=")

    def _place_of(self, cursor: str) -> list[int | str]:
        try:
            place = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        except (ValueError, RecursionError) as fault:
            raise Malformed("cursor: it is none of ours") from fault
        sorts = [sort for _, sort in self.keys]
        if not isinstance(place, list) or [type(part) for part in place] != sorts:
            raise Malformed("cursor: it is of another list")
        if any(type(part) is int and abs(part) > SQL_INT_MAX for part in place):
            raise Malformed("cursor: it is none of ours")
        return place
