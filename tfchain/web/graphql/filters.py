"""Which filters an input has: the one list that the schema prints and that conditions are made from."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Final, Literal

from tfchain.index.entities import ENTITIES, OBJECTS, Entity, Field
from tfchain.web.graphql.names import fields_of

Op = Literal[
    "isNull", "eq", "not_eq", "gt", "gte", "lt", "lte", "in", "not_in",
    "contains", "not_contains", "containsInsensitive", "not_containsInsensitive",
    "startsWith", "not_startsWith", "endsWith", "not_endsWith",
    "every", "some", "none", "inside",
]  # fmt: skip
"""`inside`: the field's own name, a filter of what the field leads to."""

_ORDERED: Final[tuple[Op, ...]] = ("gt", "gte", "lt", "lte")
_LISTED: Final[tuple[Op, ...]] = ("in", "not_in")
_TEXT: Final[tuple[Op, ...]] = (
    "contains", "not_contains", "containsInsensitive", "not_containsInsensitive",
    "startsWith", "not_startsWith", "endsWith", "not_endsWith",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """One field of a where-input."""

    key: str
    field: Field
    op: Op
    takes: str
    """The type of its value, in the schema's language."""


def rows_with_filters() -> Iterator[Entity]:
    """All entities, and the objects that stand alone in a row."""
    yield from ENTITIES.values()
    single = {
        field.type
        for entity in ENTITIES.values()
        for field in entity.fields
        if field.sort == "object" and not field.many
    }
    yield from (row for row in OBJECTS.values() if row.name in single)


@cache
def filters_of(name: str) -> Mapping[str, Filter]:
    """The filters of an entity or object by their keys; `AND` and `OR` are not among them."""
    row = ENTITIES[name] if name in ENTITIES else OBJECTS[name]
    found = (one for field in fields_of(row) for one in _filters(field))
    return MappingProxyType({one.key: one for one in found})


def _filters(field: Field) -> Iterator[Filter]:
    where = f"{field.type}WhereInput"
    if field.sort == "backs":
        for op in ("every", "some", "none"):
            yield Filter(key=f"{field.name}_{op}", field=field, op=op, takes=where)
        return
    yield Filter(key=f"{field.name}_isNull", field=field, op="isNull", takes="Boolean")
    if field.sort in ("scalar", "enum"):
        yield from _plain_filters(field)
    elif not field.many:
        yield Filter(key=field.name, field=field, op="inside", takes=where)


def _plain_filters(field: Field) -> Iterator[Filter]:
    plain = "String" if field.type == "ID" else field.type
    single: list[Op] = ["eq", "not_eq"]
    listed: tuple[Op, ...] = _LISTED
    if field.type == "Boolean":
        listed = ()
    elif field.sort == "scalar":
        single += _ORDERED
    if plain == "String":
        single += _TEXT
    for op in single:
        yield Filter(key=f"{field.name}_{op}", field=field, op=op, takes=plain)
    for op in listed:
        yield Filter(key=f"{field.name}_{op}", field=field, op=op, takes=f"[{plain}!]")
