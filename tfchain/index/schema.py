"""SQL tables of the entities: names, columns and indexes, all from the table of entities.

Names are the public server's, in snake case. An object stands flattened in its row, a column for
each of its fields; a list of objects is JSON text. A link is a column with the other row's id.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from tfchain.index.entities import ENTITIES, OBJECTS, Entity, Field

SQL_TYPES: Final = {
    "ID": "TEXT",
    "String": "TEXT",
    "Int": "INTEGER",
    "BigInt": "INTEGER",
    "BigDecimal": "TEXT",
    "Boolean": "INTEGER",
}
_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column, and the way to it: the field, or the object's field and the one in it."""

    name: str
    sql_type: str
    path: tuple[str, ...]
    required: bool
    """Never null. The columns of an object that may be missing are null together."""


def snake(name: str) -> str:
    """`nodeID` is `node_id`, `numberOfPublicIPs` is `number_of_public_i_ps`."""
    return _HUMP.sub("_", name).lower()


def columns_of(entity: Entity) -> tuple[Column, ...]:
    """All columns of an entity's table, its `id` first."""
    key = Column(name="id", sql_type="TEXT", path=("id",), required=True)
    return (key, *(column for field in entity.fields for column in _columns(field)))


def _columns(field: Field) -> Iterator[Column]:
    if field.sort in ("back", "backs"):
        return
    name = snake(field.name)
    if field.sort == "link":
        yield Column(
            name=f"{name}_id", sql_type="TEXT", path=(field.name,), required=field.required
        )
    elif field.sort == "object" and not field.many:
        for inner in OBJECTS[field.type].fields:
            yield Column(
                name=f"{name}_{snake(inner.name)}",
                sql_type=SQL_TYPES.get(inner.type, "TEXT"),
                path=(field.name, inner.name),
                required=field.required and inner.required,
            )
    else:
        plain = "TEXT" if field.many else SQL_TYPES.get(field.type, "TEXT")
        yield Column(name=name, sql_type=plain, path=(field.name,), required=field.required)


def create_entities() -> tuple[str, ...]:
    """The statements that make every entity's table and its indexes, where they are not there."""
    return tuple(line for entity in ENTITIES.values() for line in _create(entity))


def _create(entity: Entity) -> Iterator[str]:
    table = snake(entity.name)
    key, *rest = columns_of(entity)
    lines = [f'"{key.name}" TEXT PRIMARY KEY NOT NULL', *map(_column_line, rest)]
    yield f'CREATE TABLE IF NOT EXISTS "{table}" ({", ".join(lines)}) STRICT, WITHOUT ROWID'
    for field in entity.fields:
        if field.sort == "link":
            sort = "UNIQUE INDEX" if field.unique else "INDEX"
            column = f"{snake(field.name)}_id"
            yield f'CREATE {sort} IF NOT EXISTS "{table}_{column}" ON "{table}" ("{column}")'
        elif field.name.endswith("ID"):
            column = snake(field.name)
            yield f'CREATE INDEX IF NOT EXISTS "{table}_{column}" ON "{table}" ("{column}")'


def _column_line(column: Column) -> str:
    return f'"{column.name}" {column.sql_type}{" NOT NULL" if column.required else ""}'
