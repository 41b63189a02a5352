"""Laws of GraphQL: a filter chooses what plain Python chooses, and pages give every row once."""

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfchain.index.entities import ENTITIES, ENUMS, OBJECTS, Field
from tfchain.web.graphql.filters import Filter, filters_of
from tfchain.web.graphql.operations import Asked, answer
from tfchain.web.graphql.orders import orders_of

GridRow = Mapping[str, Any]
GridRows = dict[str, list[dict[str, Any]]]

NAMES: Final = ("Node", "Farm", "PublicIp", "NodeContract", "PriceStored", "SolutionProvider")
TEXTS: Final = ("", "a", "A", "ab", "b%", "É", "zz")
NUMBERS: Final = (0, 1, 2, 9, 10, 2**31 - 1)
LARGE: Final = (*NUMBERS, 2**53 + 1, 2**63 - 1, 2**63, -(2**64))
DECIMALS: Final = ("0", "1.5", "1.50", "9.0", "10", "1e-7")


@pytest.fixture(scope="module")
def model(make_grid: Callable[[int, int], GridRows]) -> "Model":
    return Model(make_grid(7, 15))


@pytest.fixture(scope="module")
def database(
    model: "Model", fill_grid: Callable[[sqlite3.Connection, GridRows], None]
) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:")) as connection:
        fill_grid(connection, model.rows)
        yield connection


def _ask(database: sqlite3.Connection, query: str, **variables: Any) -> Any:
    asked = Asked(query=query, variables=variables, operation_name=None, safe=False)
    told = json.loads(answer(asked, database).body)
    assert "errors" not in told, told
    return told["data"]


# --- filters --------------------------------------------------------------------------------------


def _values(field: Field) -> st.SearchStrategy[Any]:
    if field.type in ENUMS:
        return st.sampled_from(ENUMS[field.type])
    found: dict[str, st.SearchStrategy[Any]] = {
        "Int": st.sampled_from(NUMBERS),
        "BigInt": st.sampled_from(LARGE),
        "BigDecimal": st.sampled_from(DECIMALS),
        "Boolean": st.booleans(),
    }
    return found.get(field.type, st.sampled_from(TEXTS))


def _asked_of(one: Filter, depth: int) -> st.SearchStrategy[Any]:
    match one.op:
        case "isNull":
            return st.booleans()
        case "inside" | "every" | "some" | "none":
            return st.none() | wheres(one.field.type, depth - 1)
        case "in" | "not_in":
            return st.none() | st.lists(_values(one.field), max_size=4)
        case _:
            return st.none() | _values(one.field)


@st.composite
def wheres(draw: st.DrawFn, name: str, depth: int) -> dict[str, Any]:
    """A where-input of an entity or object."""
    deeper = ("inside", "every", "some", "none")
    filters = [one for one in filters_of(name).values() if depth or one.op not in deeper]
    chosen = draw(st.lists(st.sampled_from(filters), max_size=2, unique_by=lambda one: one.key))
    where = {one.key: draw(_asked_of(one, depth)) for one in chosen}
    if name in ENTITIES and depth and draw(st.booleans()):
        branches = st.none() | st.lists(wheres(name, depth - 1), max_size=2)
        where[draw(st.sampled_from(("AND", "OR")))] = draw(branches)
    return where


class Model:
    """The filters once more, over rows in Python: nothing here knows of SQL but its nulls."""

    def __init__(self, rows: GridRows) -> None:
        self.rows = rows

    def holds(self, name: str, row: GridRow, where: Mapping[str, Any] | None) -> bool:
        """Whether a row is chosen."""
        return self._branch(name, row, where) in (True, ())

    def _branch(self, name: str, row: GridRow | None, where: Mapping[str, Any] | None) -> Any:
        """True, false, or None where a null has a say in it; an empty tuple where nothing is asked.

        Of no row at all, all fields are null.
        """
        if not where:
            return ()
        filters = filters_of(name)
        parts = [
            self._filter(row, filters[key], value)
            for key, value in where.items()
            if key not in {"AND", "OR"}
        ]
        parts += [self._branch(name, row, one) for one in where.get("AND") or ()]
        own = _all(parts)
        if where.get("OR") is None:
            return own
        return _any([own, *(self._branch(name, row, one) for one in where["OR"])])

    def _filter(self, row: GridRow | None, one: Filter, asked: Any) -> Any:
        held = self._held(row, one.field)
        if one.field.sort == "backs":
            return self._of_many(held, one, asked)
        match one.op:
            case "isNull":
                return (held is None) == asked
            case "inside":
                return self._branch(one.field.type, held, asked)
            case "in" | "not_in":
                return self._among(one, held, asked)
            case _:
                return None if held is None or asked is None else _compare(one, held, asked)

    def _of_many(self, held: list[GridRow], one: Filter, asked: Any) -> Any:
        found = [self.holds(one.field.type, row, asked) for row in held]
        if one.op == "every":
            return all(found) if asked else ()
        return any(found) == (one.op == "some")

    def _among(self, one: Filter, held: Any, asked: Any) -> Any:
        if asked == []:
            return False if one.op == "in" else ()
        if held is None or asked is None:
            return None
        inside = any(_plain(one.field, held) == _plain(one.field, value) for value in asked)
        return inside == (one.op == "in")

    def _held(self, row: GridRow | None, field: Field) -> Any:
        if row is None:
            return [] if field.sort == "backs" else None
        if field.sort not in {"backs", "back", "link"}:
            return row[field.name]
        key, value = ("id", row[field.name]) if field.sort == "link" else (field.by, row["id"])
        found = [one for one in self.rows[field.type] if one[key] == value]
        return found if field.sort == "backs" else next(iter(found), None)


def _all(parts: list[Any]) -> Any:
    asked = [part for part in parts if part != ()]
    if not asked:
        return ()
    return False if False in asked else None if None in asked else True


def _any(parts: list[Any]) -> Any:
    asked = [part for part in parts if part != ()]
    if not asked:
        return ()
    return True if True in asked else None if None in asked else False


def _plain(field: Field, value: Any) -> Any:
    return float(value) if field.type == "BigDecimal" else value


def _compare(one: Filter, held: Any, asked: Any) -> bool:
    name = one.op.removeprefix("not_")
    held, asked = _plain(one.field, held), _plain(one.field, asked)
    found: dict[str, Callable[[], bool]] = {
        "eq": lambda: held == asked,
        "gt": lambda: held > asked,
        "gte": lambda: held >= asked,
        "lt": lambda: held < asked,
        "lte": lambda: held <= asked,
        "contains": lambda: asked in held,
        "containsInsensitive": lambda: asked.lower() in held.lower(),
        "startsWith": lambda: held.startswith(asked),
        "endsWith": lambda: held.endswith(asked),
    }
    return found[name]() == (name == one.op)


@settings(max_examples=150)
@given(case=st.sampled_from(NAMES).flatmap(lambda n: st.tuples(st.just(n), wheres(n, 2))))
def test_a_filter_chooses_what_python_chooses(
    case: tuple[str, dict[str, Any]], model: Model, database: sqlite3.Connection
) -> None:
    name, where = case
    query = (
        f"query ($w: {name}WhereInput, $o: [{name}OrderByInput!]!) {{ rows:"
        f" {_many(name)}Connection(where: $w, orderBy: $o) {{ edges {{ node {{ id }} }} totalCount }} }}"
    )
    found = _ask(database, query, w=where, o=["id_ASC"])["rows"]
    chosen = [row["id"] for row in model.rows[name] if model.holds(name, row, where)]
    assert [edge["node"]["id"] for edge in found["edges"]] == sorted(chosen)
    assert found["totalCount"] == len(chosen)


def _many(name: str) -> str:
    return {"Node": "nodes", "Farm": "farms", "PublicIp": "publicIps"}.get(
        name, f"{name[0].lower()}{name[1:]}s"
    )


# --- pages ----------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(data=st.data())
def test_pages_by_cursors_give_every_row_once(
    data: st.DataObject, model: Model, database: sqlite3.Connection
) -> None:
    name = data.draw(st.sampled_from(NAMES))
    orders = data.draw(st.lists(st.sampled_from(sorted(orders_of(name))), min_size=1, max_size=3))
    first = data.draw(st.integers(1, len(model.rows[name]) + 1))
    query = (
        f"query ($o: [{name}OrderByInput!]!, $f: Int, $a: String) {{ page: {_many(name)}Connection"
        "(orderBy: $o, first: $f, after: $a) { edges { cursor node { id } }"
        " pageInfo { hasNextPage hasPreviousPage endCursor } totalCount } }"
    )
    seen: list[str] = []
    after = None
    for _ in range(len(model.rows[name]) + 1):
        page = _ask(database, query, o=orders, f=first, a=after)["page"]
        seen += [edge["node"]["id"] for edge in page["edges"]]
        assert page["totalCount"] == len(model.rows[name])
        assert page["pageInfo"]["hasPreviousPage"] == (after is not None)
        after = page["pageInfo"]["endCursor"]
        assert after == page["edges"][-1]["cursor"] == str(len(seen))
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert sorted(seen) == sorted(row["id"] for row in model.rows[name])


@settings(max_examples=40)
@given(data=st.data())
def test_a_page_is_a_piece_of_the_whole(
    data: st.DataObject, model: Model, database: sqlite3.Connection
) -> None:
    """At the root and below every row, where all lists are cut by one statement."""
    limit = data.draw(st.none() | st.integers(0, 8))
    offset = data.draw(st.none() | st.integers(0, 8))
    order = data.draw(st.lists(st.sampled_from(sorted(orders_of("PublicIp"))), max_size=2))
    query = (
        "query ($l: Int, $f: Int, $o: [PublicIpOrderByInput!]) {"
        " all: publicIps(orderBy: $o) { id } cut: publicIps(orderBy: $o, limit: $l, offset: $f) { id }"
        " farms { all: publicIPs(orderBy: $o) { id }"
        " cut: publicIPs(orderBy: $o, limit: $l, offset: $f) { id } } }"
    )
    told = _ask(database, query, l=limit, f=offset, o=order)
    start = offset or 0
    end = None if limit is None else start + limit
    if order:
        assert told["cut"] == told["all"][start:end]
    for farm in told["farms"]:
        if order:
            assert farm["cut"] == farm["all"][start:end]
        assert len(farm["cut"]) == len(farm["all"][start:end])
    assert sum(len(farm["all"]) for farm in told["farms"]) == len(model.rows["PublicIp"])


def test_objects_have_filters_here_too() -> None:
    """The model follows the table of entities; what it cannot follow must not be there."""
    assert {field.sort for row in OBJECTS.values() for field in row.fields} <= {"scalar", "enum"}
