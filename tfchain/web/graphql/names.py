"""What the server calls things: from an entity's name to those of its queries, inputs and types."""

from collections.abc import Iterator
from typing import Final

from tfchain.index.entities import ENTITIES, Entity, Field

KEY: Final = Field(name="id", type="ID", required=True)
"""What every entity has and no row of the table of entities lists."""


def fields_of(row: Entity) -> Iterator[Field]:
    """All fields of an entity, its id first, or of an object, which has none."""
    if row.name in ENTITIES:
        yield KEY
    yield from row.fields


def singular(name: str) -> str:
    """`NodeContract` is `nodeContract`."""
    return name[:1].lower() + name[1:]


def plural(name: str) -> str:
    """`city` is `cities`, `interfaces` stays: English as far as entities need it."""
    if name.endswith("s"):
        return name
    if name.endswith("y"):
        return f"{name[:-1]}ies"
    return f"{name}s"


def list_query(entity: Entity) -> str:
    """`nodes`."""
    return plural(singular(entity.name))


def connection_type(entity: Entity) -> str:
    """`NodesConnection`."""
    return f"{plural(entity.name)}Connection"
