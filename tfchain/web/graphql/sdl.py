"""The schema in GraphQL's own language, made from the table of entities."""

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Final

from graphql import GraphQLSchema, build_schema

from tfchain.index.entities import ENTITIES, ENUMS, OBJECTS, Entity, Field
from tfchain.web.graphql.filters import filters_of, rows_with_filters
from tfchain.web.graphql.names import connection_type, fields_of, list_query, singular
from tfchain.web.graphql.orders import orders_of
from tfchain.web.graphql.scalars import install

_FIXED: Final = '''\
"""Big number integer"""
scalar BigInt

"""Big number decimal"""
scalar BigDecimal

type PageInfo {
  hasNextPage: Boolean!
  hasPreviousPage: Boolean!
  startCursor: String!
  endCursor: String!
}

input WhereIdInput {
  id: String!
}
'''


@cache
def schema() -> GraphQLSchema:
    """The schema, with scalars that read what strangers send."""
    built = build_schema(sdl())
    install(built)
    return built


def sdl() -> str:
    """The whole text."""
    return "\n".join(_parts())


def _parts() -> Iterator[str]:
    yield _FIXED
    for name, values in ENUMS.items():
        yield _block(f"enum {name}", values)
    for row in (*OBJECTS.values(), *ENTITIES.values()):
        yield _block(f"type {row.name}", (_field(field) for field in fields_of(row)))
    for row in rows_with_filters():
        yield _block(f"input {row.name}WhereInput", _where_lines(row))
    for entity in ENTITIES.values():
        yield _block(f"enum {entity.name}OrderByInput", orders_of(entity.name))
        edge = ("cursor: String!", f"node: {entity.name}!")
        yield _block(f"type {entity.name}Edge", edge)
        page = (f"edges: [{entity.name}Edge!]!", "pageInfo: PageInfo!", "totalCount: Int!")
        yield _block(f"type {connection_type(entity)}", page)
    queries = (line for entity in ENTITIES.values() for line in _queries(entity))
    yield _block("type Query", queries)


def _block(head: str, lines: Iterable[str]) -> str:
    return "\n".join((f"{head} {{", *(f"  {line}" for line in lines), "}\n"))


def _field(field: Field) -> str:
    plain = "String" if field.type == "ID" else field.type
    match field.sort:
        case "backs":
            return f"{field.name}({_list_arguments(field.type)}): [{plain}!]!"
        case "object" if field.many:
            return f"{field.name}: [{plain}]"
        case _:
            return f"{field.name}: {plain}{'!' if field.required else ''}"


def _where_lines(row: Entity) -> Iterator[str]:
    for one in filters_of(row.name).values():
        yield f"{one.key}: {one.takes}"
    if row.name in ENTITIES:
        yield f"AND: [{row.name}WhereInput!]"
        yield f"OR: [{row.name}WhereInput!]"


def _list_arguments(name: str) -> str:
    return f"where: {name}WhereInput, orderBy: [{name}OrderByInput!], offset: Int, limit: Int"


def _queries(entity: Entity) -> Iterator[str]:
    name, one, many = entity.name, singular(entity.name), list_query(entity)
    yield f"{many}({_list_arguments(name)}): [{name}!]!"
    yield f"{one}ById(id: String!): {name}"
    yield (f'{one}ByUniqueInput(where: WhereIdInput!): {name} @deprecated(reason: "Use {one}ById")')
    yield (
        f"{many}Connection(orderBy: [{name}OrderByInput!]!, after: String, first: Int,"
        f" where: {name}WhereInput): {connection_type(entity)}!"
    )
