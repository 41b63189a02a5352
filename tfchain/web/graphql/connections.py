"""Pages with cursors: a cursor is how many rows lie up to it, so the next page starts there."""

import re
from dataclasses import dataclass
from typing import Final

from tfchain.index.entities import Entity
from tfchain.node.answers import Json
from tfchain.web.graphql.bounds import TEXT_PER_CELL
from tfchain.web.graphql.errors import BAD_USER_INPUT, fault
from tfchain.web.graphql.names import connection_type
from tfchain.web.graphql.reading import (
    TYPE_NAME,
    Arguments,
    Nodes,
    Operation,
    Page,
    count,
    level_of,
    read_page,
)

FIRST: Final = 100
"""Rows of a page where nobody says how many."""
CURSOR_MAX: Final = (1 << 53) - 1
_CURSOR: Final = re.compile(r"[0-9]{1,16}")
_EVERYTHING: Final = Page(limit=None, offset=0)

Row = dict[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What is known of a page. There may be one row more than fits."""

    page: Page
    first: int
    rows: int

    @property
    def shown(self) -> int:
        return min(self.first, self.rows)


def read_connection(
    operation: Operation, entity: Entity, nodes: Nodes, arguments: Arguments
) -> Row:
    """A connection as it was selected; raises `GraphQLError`."""
    if not arguments["orderBy"]:
        raise fault("orderBy argument is required for connection", BAD_USER_INPUT)
    first = _first(arguments)
    page = Page(limit=first + 1, offset=_offset(arguments))
    selected = operation.below(connection_type(entity), nodes)
    edges = _only(selected, "edges")
    fields = operation.below(f"{entity.name}Edge", edges) if edges else {}
    asked = _only(fields, "node")
    rows: list[Row] = []
    counted = 0
    if asked:
        level = level_of(operation, entity, asked, arguments, paged=True)
        rows = read_page(operation, level, page)
        counted = len(rows)
    elif {"edges", "pageInfo"} & _names(selected):
        counted = count(operation, entity, arguments, page)
    found = _Found(page=page, first=first, rows=counted)
    answer: Row = {}
    for key, inner in selected.items():
        match inner[0].name.value:
            case "edges":
                answer[key] = _edges(operation, entity, fields, rows, found)
            case "pageInfo":
                answer[key] = _page_info(operation, inner, found)
            case "totalCount":
                answer[key] = count(operation, entity, arguments, _EVERYTHING)
            case _:
                answer[key] = connection_type(entity)
    return answer


def _first(arguments: Arguments) -> int:
    first: int | None = arguments.get("first")
    if first is None:
        return FIRST
    if first < 0:
        raise fault("'first' argument of connection can't be less than 0", BAD_USER_INPUT)
    return first


def _offset(arguments: Arguments) -> int:
    after: str | None = arguments.get("after")
    if after is None:
        return 0
    offset = int(after) if _CURSOR.fullmatch(after) else 0
    if not 0 < offset <= CURSOR_MAX:
        raise fault(f"invalid cursor value: {after}", BAD_USER_INPUT)
    return offset


def _names(selected: dict[str, Nodes]) -> set[str]:
    return {inner[0].name.value for inner in selected.values()}


def _only(selected: dict[str, Nodes], name: str) -> Nodes:
    """The field of that name, which may be asked for under one key alone."""
    found = [inner for inner in selected.values() if inner[0].name.value == name]
    if len(found) > 1:
        raise fault(f"multiple aliases for field '{name}' are not supported", BAD_USER_INPUT)
    return found[0] if found else []


def _edges(
    operation: Operation, entity: Entity, fields: dict[str, Nodes], rows: list[Row], found: _Found
) -> Json:
    letters = sum(map(len, fields))
    operation.allowance.spend(found.shown * (len(fields) + letters // TEXT_PER_CELL))
    return [
        {
            key: _edge_value(entity, inner[0].name.value, rows, place, found.page.offset)
            for key, inner in fields.items()
        }
        for place in range(found.shown)
    ]


def _edge_value(entity: Entity, name: str, rows: list[Row], place: int, offset: int) -> Json:
    match name:
        case "cursor":
            return str(offset + place + 1)
        case "node":
            return rows[place]
        case _:
            return f"{entity.name}Edge"


def _page_info(operation: Operation, nodes: Nodes, found: _Found) -> Json:
    offset, there = found.page.offset, found.rows > 0
    values: Row = {
        "hasNextPage": found.rows > found.first,
        "hasPreviousPage": there and offset > 0,
        "startCursor": str(offset + 1) if there else "",
        "endCursor": str(offset + found.shown) if there else "",
        TYPE_NAME: "PageInfo",
    }
    selected = operation.below("PageInfo", nodes)
    return {key: values[inner[0].name.value] for key, inner in selected.items()}
