"""What a selection reads: a statement for each list in it, and the way from its rows to the answer.

What a row leads to one of is joined to it. What it leads to many of is a statement of its own, asked
once for all rows together, so that their number never is the number of questions.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, TypeAlias

from graphql import FieldNode, FragmentDefinitionNode, GraphQLObjectType, GraphQLSchema
from graphql.execution.collect_fields import collect_sub_fields
from graphql.execution.values import get_argument_values

from tfchain.index.entities import ENTITIES, OBJECTS, Entity, Field
from tfchain.node.answers import Json
from tfchain.web.graphql.bounds import TEXT_PER_CELL, Allowance
from tfchain.web.graphql.conditions import conditions
from tfchain.web.graphql.database import execute
from tfchain.web.graphql.errors import INTERNAL, fault
from tfchain.web.graphql.names import KEY
from tfchain.web.graphql.scalars import decimal_text
from tfchain.web.graphql.statements import Place, Statement, among

Row: TypeAlias = tuple[Any, ...]
Reader: TypeAlias = Callable[[Row], Json]
Nodes: TypeAlias = list[FieldNode]
Arguments: TypeAlias = Mapping[str, Any]

TYPE_NAME: Final = "__typename"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A query under way: what it may name, what it may use up, and whom it asks."""

    schema: GraphQLSchema
    fragments: dict[str, FragmentDefinitionNode]
    variables: dict[str, Any]
    allowance: Allowance
    database: sqlite3.Connection

    def type_of(self, name: str) -> GraphQLObjectType:
        """An object type that the schema has."""
        found = self.schema.type_map[name]
        assert isinstance(found, GraphQLObjectType)
        return found

    def below(self, name: str, nodes: Nodes) -> dict[str, Nodes]:
        """What is selected of a type, by the keys of the answer."""
        of = self.type_of(name)
        found = collect_sub_fields(self.schema, self.fragments, self.variables, of, nodes)
        self.allowance.select(len(found))
        return found

    def arguments(self, name: str, nodes: Nodes) -> Arguments:
        """The arguments of a field of that type."""
        definition = self.type_of(name).fields[nodes[0].name.value]
        return get_argument_values(definition, nodes[0], self.variables)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Which of the rows; none of it asked for means all."""

    limit: int | None
    offset: int

    @property
    def whole(self) -> bool:
        """All rows."""
        return self.limit is None and not self.offset


@dataclass(slots=True)
class Level:
    """Rows of one statement, and what each becomes."""

    statement: Statement
    readers: list[tuple[str, Reader]] = field(default_factory=list)
    lists: list["Many"] = field(default_factory=list)
    width: int = 0
    """Values that a row becomes."""
    letters: int = 0
    """Of their keys."""

    def build(self, row: Row) -> dict[str, Json]:
        """A row's object in the answer."""
        return {key: read(row) for key, read in self.readers}

    def cost(self, row: Row) -> int:
        """Of the row without its lists."""
        shown = zip(row, self.statement.uses, strict=False)
        letters = sum(len(value) * uses for value, uses in shown if type(value) is str)
        return max(1, self.width) + (self.letters + letters) // TEXT_PER_CELL

    def cost_of_lists(self, row: Row) -> int:
        """Of the row's lists with all theirs: a list counts in every row that shows it."""
        return sum(many.costs.get(row[many.above], 0) for many in self.lists)


@dataclass(slots=True)
class Many:
    """A list in each row of a level, read once for all of them."""

    level: Level
    holder: str
    """The column with the id of the row above."""
    above: int
    """Where that id stands in the row above."""
    page: Page
    found: dict[str, list[Json]] = field(default_factory=dict)
    costs: dict[str, int] = field(default_factory=dict)

    def of(self, row: Row) -> Json:
        """The list of a row."""
        return self.found.get(row[self.above], [])


def page_of(arguments: Arguments) -> Page:
    """`limit` and `offset`; raises `GraphQLError` for what a database refuses."""
    limit, offset = arguments.get("limit"), arguments.get("offset") or 0
    if limit is not None and limit < 0:
        raise fault("LIMIT must not be negative", INTERNAL)
    if offset < 0:
        raise fault("OFFSET must not be negative", INTERNAL)
    return Page(limit=limit, offset=offset)


def level_of(
    operation: Operation, entity: Entity, nodes: Nodes, arguments: Arguments, *, paged: bool
) -> Level:
    """A level that reads what `nodes` select of the rows that the arguments choose.

    `paged` rows come in an order, be it only that of their ids.
    """
    level = Level(Statement(entity))
    root = level.statement.root
    level.readers += _readers(operation, level, root, nodes)
    level.statement.conditions += conditions(root, arguments.get("where"))
    if arguments.get("orderBy") or paged:
        level.statement.order_by(arguments.get("orderBy") or [])
    return level


def _readers(
    operation: Operation, level: Level, place: Place, nodes: Nodes
) -> Iterator[tuple[str, Reader]]:
    selected = operation.below(place.row.name, nodes)
    level.width += len(selected)
    level.letters += sum(map(len, selected))
    for key, inner in selected.items():
        name = inner[0].name.value
        if name == TYPE_NAME:
            yield key, partial(_constant, place.row.name)
        else:
            yield key, _reader(operation, level, place, place.field(name), inner)


def _reader(operation: Operation, level: Level, place: Place, found: Field, nodes: Nodes) -> Reader:
    match found.sort:
        case "scalar" | "enum":
            return _plain(found, level.statement.column(place.column(found)))
        case "object" if found.many:
            index = level.statement.column(place.column(found))
            keys = {
                key: one[0].name.value for key, one in operation.below(found.type, nodes).items()
            }
            return partial(_objects, index, found.type, keys)
        case "backs":
            many = _many(operation, level, place, found, nodes)
            level.lists.append(many)
            return many.of
        case _:
            missing = level.statement.column(place.missing(found))
            inside = list(_readers(operation, level, place.inside(found), nodes))
            return partial(_inner, missing, inside)


def _many(operation: Operation, level: Level, place: Place, found: Field, nodes: Nodes) -> Many:
    arguments = operation.arguments(place.row.name, nodes)
    page = page_of(arguments)
    entity = ENTITIES[found.type]
    below = level_of(operation, entity, nodes, arguments, paged=not page.whole)
    root = below.statement.root
    holder = root.column(root.field(found.by))
    below.statement.column(holder)
    above = level.statement.column(place.column(KEY))
    return Many(level=below, holder=holder, above=above, page=page)


def _constant(value: str, _row: Row) -> Json:
    return value


def _plain(found: Field, index: int) -> Reader:
    match found.type:
        case "BigInt":
            return lambda row: None if row[index] is None else str(row[index])
        case "BigDecimal":
            return lambda row: None if row[index] is None else decimal_text(row[index])
        case "Boolean":
            return lambda row: None if row[index] is None else bool(row[index])
        case _:
            return lambda row: row[index]


def _inner(missing: int, readers: list[tuple[str, Reader]], row: Row) -> Json:
    return None if row[missing] else {key: read(row) for key, read in readers}


def _objects(index: int, name: str, keys: Mapping[str, str], row: Row) -> Json:
    """A list of objects out of its JSON text."""
    if row[index] is None:
        return None
    assert name in OBJECTS
    return [
        None
        if one is None
        else {key: name if asked == TYPE_NAME else one.get(asked) for key, asked in keys.items()}
        for one in json.loads(row[index])
    ]


# --- asking ---------------------------------------------------------------------------------------


def read_page(operation: Operation, level: Level, page: Page) -> list[dict[str, Json]]:
    """The rows of a level, and all that hangs on them."""
    statement = level.statement
    columns = ", ".join(statement.columns) or "1"
    text = f"SELECT {columns} {statement.source()}{statement.ordering()}{_cut(statement, page)}"
    rows = list(_rows(operation, level, text))
    _fill(operation, level, rows)
    for row in rows:
        operation.allowance.spend(level.cost_of_lists(row))
    return [level.build(row) for row in rows]


def _cut(statement: Statement, page: Page) -> str:
    if page.whole:
        return ""
    limit = statement.shared.bind(-1 if page.limit is None else page.limit)
    return f" LIMIT {limit} OFFSET {statement.shared.bind(page.offset)}"


def _rows(operation: Operation, level: Level, text: str) -> Iterator[Row]:
    """Rows as they come, each counted before the next is asked for."""
    for row in execute(operation.database, text, level.statement.shared.values):
        operation.allowance.spend(level.cost(row))
        yield row


def _fill(operation: Operation, level: Level, rows: list[Row]) -> None:
    for many in level.lists:
        ids = sorted({row[many.above] for row in rows} - {None})
        below = list(_rows(operation, many.level, _many_text(many, ids)))
        _fill(operation, many.level, below)
        holder = many.level.statement.columns.index(many.holder)
        for row in below:
            key, cost = row[holder], many.level.cost(row) + many.level.cost_of_lists(row)
            many.found.setdefault(key, []).append(many.level.build(row))
            many.costs[key] = many.costs.get(key, 0) + cost


def _many_text(many: Many, ids: list[str]) -> str:
    """All lists in one: each ordered and cut by itself."""
    statement, page = many.level.statement, many.page
    given = statement.shared.bind(json.dumps(ids))
    statement.conditions.append(f"{many.holder} IN {among(given)}")
    columns = [f"{one} AS c{index}" for index, one in enumerate(statement.columns)]
    if page.whole:
        return f"SELECT {', '.join(columns)} {statement.source()}{statement.ordering()}"
    place = f"row_number() OVER (PARTITION BY {many.holder}{statement.ordering()}) AS place"
    inner = f"SELECT {', '.join((*columns, place))} {statement.source()}"
    bind = statement.shared.bind
    last = "" if page.limit is None else f" AND place <= {bind(page.offset + page.limit)}"
    return f"SELECT * FROM ({inner}) WHERE place > {bind(page.offset)}{last} ORDER BY place"  # noqa: S608


def count(operation: Operation, entity: Entity, arguments: Arguments, page: Page) -> int:
    """How many rows the arguments choose, on the page."""
    statement = Statement(entity)
    statement.conditions += conditions(statement.root, arguments.get("where"))
    inner = f"SELECT 1 {statement.source()}{_cut(statement, page)}"
    text = f"SELECT count(*) AS counted FROM ({inner})"  # noqa: S608
    counted: int = execute(operation.database, text, statement.shared.values).fetchone()[0]
    return counted
