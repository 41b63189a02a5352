"""By what rows can be ordered: values of the `OrderByInput` enums, and what each means.

A value names a field of the row, or one of a row or object that it leads to, and no further.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Final

from tfchain.index.entities import ENTITIES, OBJECTS, Entity
from tfchain.web.graphql.names import fields_of

DIRECTIONS: Final[Mapping[str, str]] = MappingProxyType(
    {"ASC": "ASC NULLS LAST", "DESC": "DESC NULLS FIRST"}
)
"""Ending of the enum's value: the SQL of it. Nulls count as the largest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A field, or the field and the one behind it; and how."""

    path: tuple[str, ...]
    direction: str
    """In SQL."""


@cache
def orders_of(name: str) -> Mapping[str, Order]:
    """The orders of an entity by the enum's values."""
    paths = _paths(ENTITIES[name], deeper=True)
    return MappingProxyType(
        {
            "_".join((*path, ending)): Order(path=path, direction=direction)
            for path in paths
            for ending, direction in DIRECTIONS.items()
        }
    )


def _paths(row: Entity, *, deeper: bool) -> Iterator[tuple[str, ...]]:
    for field in fields_of(row):
        if field.sort in ("scalar", "enum"):
            yield (field.name,)
        elif deeper and not field.many:
            other = ENTITIES[field.type] if field.type in ENTITIES else OBJECTS[field.type]
            yield from ((field.name, *rest) for rest in _paths(other, deeper=False))


def merged(orders: list[Order]) -> list[Order]:
    """The orders as they count: the public server's own reading of a list.

    The first word on a field holds. What lies behind one field stands together, where that field
    was first named.
    """
    groups: dict[str, dict[tuple[str, ...], Order]] = {}
    for order in orders:
        groups.setdefault(order.path[0], {}).setdefault(order.path, order)
    return [order for group in groups.values() for order in group.values()]
