"""A where-input as SQL: what each filter means, the quirks of the public server among them.

Fields that stand beside an `OR` are one more branch of it. `eq: null` and `in: []` find nothing,
`not_in: []` and an empty filter ask nothing. What is null matches no comparison, nor its opposite.
"""

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from tfchain.index.entities import ENTITIES
from tfchain.web.graphql.errors import INTERNAL, fault
from tfchain.web.graphql.filters import Filter, Op, filters_of
from tfchain.web.graphql.names import KEY
from tfchain.web.graphql.statements import Place, Statement, Value, among

Where: TypeAlias = Mapping[str, Any]
"""A where-input as graphql-core hands it on: of the schema's types, nulls where they were written."""

LOWER: Final = "lower_case"
"""Our own function: SQLite's `lower` knows ASCII alone."""

_SIGNS: Final[Mapping[Op, str]] = MappingProxyType(
    {"eq": "=", "not_eq": "!=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
)
_TEXT: Final[Mapping[str, Callable[[str, str], str]]] = MappingProxyType(
    {
        "contains": lambda text, part: f"instr({text}, {part}) > 0",
        "containsInsensitive": lambda text, part: f"instr({LOWER}({text}), {LOWER}({part})) > 0",
        "startsWith": lambda text, part: f"substr({text}, 1, length({part})) = {part}",
        "endsWith": lambda text, part: (
            f"substr({text}, length({text}) - length({part}) + 1) = {part}"
        ),
    }
)


def conditions(place: Place, where: Where | None) -> list[str]:
    """What must hold together; nothing where nothing is asked."""
    if where is None:
        return []
    filters = filters_of(place.row.name)
    found = [
        text
        for key, value in where.items()
        if key not in ("AND", "OR")
        for text in _condition(place, filters[key], value)
    ]
    for branch in where.get("AND") or ():
        found += conditions(place, branch)
    if where.get("OR") is None:
        return found
    branches = [found, *(conditions(place, branch) for branch in where["OR"])]
    texts = [f"({' AND '.join(branch)})" for branch in branches if branch]
    return [f"({' OR '.join(texts)})"] if texts else []


def _condition(place: Place, one: Filter, value: Any) -> list[str]:
    place.statement.shared.count_condition()
    match one.op:
        case "inside":
            return conditions(place.inside(one.field), value) if value else []
        case "every":
            return [_every(place, one, value)] if value else []
        case "some" | "none":
            there = _there(place, one, value)
            return [f"NOT {there}" if one.op == "none" else there]
        case "isNull":
            if value is None:
                raise fault(f"{one.key} is true or false", INTERNAL)
            return [place.missing(one.field) if value else f"NOT {place.missing(one.field)}"]
        case "in" | "not_in":
            return _among(place, one, value)
        case _:
            return [_compared(place, one, value)]


def _compared(place: Place, one: Filter, value: Value) -> str:
    bound = place.statement.shared.bind(value)
    if one.op in _SIGNS:
        return f"{place.compared(one.field)} {_SIGNS[one.op]} {bound}"
    name = one.op.removeprefix("not_")
    text = _TEXT[name](place.column(one.field), bound)
    return text if name == one.op else f"NOT ({text})"


def _among(place: Place, one: Filter, values: list[Value] | None) -> list[str]:
    """One parameter holds the whole list, as JSON."""
    listed: list[Value] = [None] if values is None else values
    if not listed:
        return ["FALSE"] if one.op == "in" else []
    sql = "IN" if one.op == "in" else "NOT IN"
    bound = place.statement.shared.bind(json.dumps(listed))
    return [f"{place.compared(one.field)} {sql} {among(bound)}"]


def _many(place: Place, one: Filter) -> Statement:
    """The rows that hold this row's id."""
    inner = Statement(ENTITIES[one.field.type], place.statement.shared)
    holder = inner.root.column(inner.root.field(one.field.by))
    inner.conditions.append(f"{holder} = {place.column(KEY)}")
    return inner


def _there(place: Place, one: Filter, where: Where | None) -> str:
    inner = _many(place, one)
    inner.conditions += conditions(inner.root, where)
    return f"EXISTS (SELECT 1 {inner.source()})"


def _every(place: Place, one: Filter, where: Where) -> str:
    """None of them fails it; one of which it cannot be said fails it."""
    inner = _many(place, one)
    texts = conditions(inner.root, where) or ["TRUE"]
    inner.conditions.append(f"({' AND '.join(texts)}) IS NOT TRUE")
    return f"NOT EXISTS (SELECT 1 {inner.source()})"
