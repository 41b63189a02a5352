"""The schema: what it calls things, and which filters and orders each of them has."""

from typing import Final

import pytest
from graphql import GraphQLEnumType, GraphQLInputObjectType, validate_schema

from tfchain.index.entities import ENTITIES, Entity
from tfchain.web.graphql.names import list_query, plural, singular
from tfchain.web.graphql.orders import orders_of
from tfchain.web.graphql.sdl import schema

LIKE: Final = {"contains", "containsInsensitive", "startsWith", "endsWith"}
PLAIN: Final = {"isNull", "eq", "not_eq"}
LISTED: Final = PLAIN | {"in", "not_in"}
NUMBER: Final = LISTED | {"gt", "gte", "lt", "lte"}
TEXT: Final = NUMBER | LIKE | {f"not_{one}" for one in LIKE}


def test_the_schema_is_sound() -> None:
    assert validate_schema(schema()) == []


@pytest.mark.parametrize(
    ("name", "queries"),
    [
        ("Node", ["nodes", "nodeById", "nodeByUniqueInput", "nodesConnection"]),
        ("City", ["cities", "cityById", "cityByUniqueInput", "citiesConnection"]),
        ("Entity", ["entities", "entityById", "entityByUniqueInput", "entitiesConnection"]),
        (
            "Interfaces",
            ["interfaces", "interfacesById", "interfacesByUniqueInput", "interfacesConnection"],
        ),
        ("PublicIp", ["publicIps", "publicIpById", "publicIpByUniqueInput", "publicIpsConnection"]),
    ],
)
def test_an_entity_has_four_queries(name: str, queries: list[str]) -> None:
    query = schema().query_type
    assert query is not None
    assert set(queries) <= set(query.fields)
    assert (list_query(ENTITIES[name]), singular(name)) == (queries[0], queries[1][:-4])


def test_there_are_no_other_queries() -> None:
    query = schema().query_type
    assert query is not None
    assert len(query.fields) == 4 * len(ENTITIES)


@pytest.mark.parametrize(
    ("name", "field", "operators"),
    [
        pytest.param("Node", "id", TEXT, id="an id"),
        pytest.param("Node", "country", TEXT, id="text"),
        pytest.param("Node", "nodeID", NUMBER, id="a number"),
        pytest.param("Node", "uptime", NUMBER, id="a big number"),
        pytest.param("PriceStored", "newPrice", NUMBER, id="a decimal"),
        pytest.param("Node", "secure", PLAIN, id="yes or no"),
        pytest.param("Farm", "certification", LISTED, id="an enum"),
        pytest.param("Node", "power", {"", "isNull"}, id="an object"),
        pytest.param("PublicIp", "farm", {"", "isNull"}, id="a link"),
        pytest.param("Node", "publicConfig", {"", "isNull"}, id="the way back to one"),
        pytest.param("Node", "interfaces", {"every", "some", "none"}, id="the way back to many"),
        pytest.param("SolutionProvider", "providers", {"isNull"}, id="a list of objects"),
        pytest.param("NodePower", "state", LISTED, id="inside an object"),
    ],
)
def test_a_field_has_its_filters(name: str, field: str, operators: set[str]) -> None:
    where = schema().type_map[f"{name}WhereInput"]
    assert isinstance(where, GraphQLInputObjectType)
    found = {
        key.removeprefix(field).removeprefix("_")
        for key in where.fields
        if key == field or key.startswith(f"{field}_")
    }
    assert found == operators


def test_entities_alone_have_branches() -> None:
    for name in ("Node", "NodePower"):
        where = schema().type_map[f"{name}WhereInput"]
        assert isinstance(where, GraphQLInputObjectType)
        assert ({"AND", "OR"} <= set(where.fields)) == (name == "Node")
    assert "ProviderWhereInput" not in schema().type_map


@pytest.mark.parametrize(
    ("value", "there"),
    [
        ("id_ASC", True),
        ("nodeID_DESC", True),
        ("power_state_ASC", True),
        ("location_latitude_DESC", True),
        ("publicConfig_ipv4_ASC", True),
        ("resourcesTotal_cru_DESC", True),
        ("publicConfig_node_id_ASC", False),
        ("interfaces_name_ASC", False),
        ("power_ASC", False),
    ],
)
def test_an_order_crosses_one_step(value: str, there: bool) -> None:
    order = schema().type_map["NodeOrderByInput"]
    assert isinstance(order, GraphQLEnumType)
    assert (value in order.values) == (value in orders_of("Node")) == there


@pytest.mark.parametrize(
    ("one", "many"), [("node", "nodes"), ("country", "countries"), ("interfaces", "interfaces")]
)
def test_plurals(one: str, many: str) -> None:
    assert plural(one) == many


def test_no_filter_is_hidden_by_another() -> None:
    """A field named `x_eq` would be taken for a filter of `x`."""

    def fields(entity: Entity) -> list[str]:
        return [field.name for field in entity.fields]

    assert not [name for entity in ENTITIES.values() for name in fields(entity) if "_" in name]
