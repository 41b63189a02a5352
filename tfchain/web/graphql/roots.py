"""The fields of `Query`: four for each entity."""

from collections.abc import Callable, Mapping
from functools import cache, partial
from types import MappingProxyType
from typing import TypeAlias

from tfchain.index.entities import ENTITIES, Entity
from tfchain.node.answers import Json
from tfchain.web.graphql.connections import read_connection
from tfchain.web.graphql.names import list_query, singular
from tfchain.web.graphql.reading import (
    Arguments,
    Nodes,
    Operation,
    Page,
    level_of,
    page_of,
    read_page,
)

Root: TypeAlias = Callable[[Operation, Nodes, Arguments], Json]


@cache
def roots() -> Mapping[str, Root]:
    """What answers a field of `Query`."""
    found: dict[str, Root] = {}
    for entity in ENTITIES.values():
        one, many = singular(entity.name), list_query(entity)
        found[many] = partial(_list, entity)
        found[f"{one}ById"] = partial(_by_id, entity)
        found[f"{one}ByUniqueInput"] = partial(_by_unique_input, entity)
        found[f"{many}Connection"] = partial(_connection, entity)
    return MappingProxyType(found)


def _list(entity: Entity, operation: Operation, nodes: Nodes, arguments: Arguments) -> Json:
    page = page_of(arguments)
    level = level_of(operation, entity, nodes, arguments, paged=not page.whole)
    return list(read_page(operation, level, page))


def _by_id(entity: Entity, operation: Operation, nodes: Nodes, arguments: Arguments) -> Json:
    where = {"where": {"id_eq": arguments["id"]}}
    level = level_of(operation, entity, nodes, where, paged=False)
    rows = read_page(operation, level, Page(limit=None, offset=0))
    return rows[0] if rows else None


def _by_unique_input(
    entity: Entity, operation: Operation, nodes: Nodes, arguments: Arguments
) -> Json:
    return _by_id(entity, operation, nodes, arguments["where"])


def _connection(entity: Entity, operation: Operation, nodes: Nodes, arguments: Arguments) -> Json:
    return read_connection(operation, entity, nodes, arguments)
