"""Orders, pages, selections and what lies behind a row: what a list answers."""

import sqlite3
from collections.abc import Callable
from typing import Any

import pytest

from tfchain.web.graphql.operations import Asked, answer


@pytest.mark.parametrize(
    ("arguments", "ids"),
    [
        pytest.param("orderBy: id_DESC", "4321", id="by id, down"),
        pytest.param("orderBy: [uptime_ASC, id_ASC]", "1243", id="nulls are the largest"),
        pytest.param("orderBy: [uptime_DESC, id_ASC]", "3421", id="also downwards"),
        pytest.param("orderBy: [power_state_ASC, id_ASC]", "2314", id="by what an object holds"),
        pytest.param("orderBy: [power_state_DESC, id_DESC]", "4132", id="that downwards"),
        pytest.param("orderBy: [publicConfig_ipv4_DESC, id_ASC]", "2431", id="by who leads here"),
        pytest.param("orderBy: farmID_ASC", "1234", id="equal ones by id"),
        pytest.param(
            "orderBy: created_ASC, where: {twinID_gt: 0}",
            "1234",
            id="by id, however they were found",
        ),
        pytest.param("orderBy: [nodeID_ASC, nodeID_DESC]", "1234", id="the first word counts"),
        pytest.param(
            "orderBy: [power_state_DESC, id_ASC, power_target_DESC]",
            "4132",
            id="what an object holds stands together",
        ),
        pytest.param("orderBy: id_ASC, limit: 2", "12", id="the first two"),
        pytest.param("orderBy: id_ASC, limit: 2, offset: 1", "23", id="two from the second"),
        pytest.param("orderBy: id_ASC, offset: 3", "4", id="all from the fourth"),
        pytest.param("orderBy: id_ASC, limit: 0", "", id="none"),
        pytest.param("orderBy: id_ASC, limit: null, offset: null", "1234", id="null is no bound"),
        pytest.param("limit: 3", "123", id="pages without an order go by id"),
        pytest.param("offset: 9", "", id="past the end"),
    ],
)
def test_a_list_is_ordered_and_cut(arguments: str, ids: str, ask: Callable[..., Any]) -> None:
    told = ask(f"{{ nodes({arguments}) {{ id }} }}")
    assert "".join(node["id"][1:] for node in told.data["nodes"]) == ids


@pytest.mark.parametrize(
    ("query", "answer"),
    [
        pytest.param(
            '{ nodeById(id: "n1") { nodeID uptime created secure country } }',
            {"nodeID": 1, "uptime": "5", "created": 0, "secure": True, "country": None},
            id="big numbers are strings, small ones numbers",
        ),
        pytest.param('{ farmById(id: "nobody") { id } }', None, id="an unknown id"),
        pytest.param(
            '{ nodeByUniqueInput(where: {id: "n2"}) { a: nodeID b: nodeID nodeID } }',
            {"a": 2, "b": 2, "nodeID": 2},
            id="one field under three keys",
        ),
        pytest.param(
            '{ nodeById(id: "n2") { power { s: state target __typename } __typename } }',
            {
                "power": {"s": "Down", "target": "Down", "__typename": "NodePower"},
                "__typename": "Node",
            },
            id="an object, and names of types",
        ),
        pytest.param(
            '{ nodeById(id: "n4") { power { state } publicConfig { ipv4 } interfaces { id } } }',
            {"power": None, "publicConfig": None, "interfaces": []},
            id="nothing of all that",
        ),
        pytest.param(
            '{ nodeById(id: "n1") { publicConfig { ipv4 node { id publicConfig { id } } } } }',
            {
                "publicConfig": {
                    "ipv4": "1.1.1.9",
                    "node": {"id": "n1", "publicConfig": {"id": "c1"}},
                }
            },
            id="there and back",
        ),
        pytest.param(
            '{ farmById(id: "f1") { publicIPs(orderBy: ip_DESC) { ip contractId } } }',
            {
                "publicIPs": [
                    {"ip": "1.1.1.2", "contractId": "7"},
                    {"ip": "1.1.1.1", "contractId": "0"},
                ]
            },
            id="many, in an order",
        ),
        pytest.param(
            '{ farmById(id: "f1") { a: publicIPs(limit: 1) { id } b: publicIPs(offset: 1) { id }'
            " c: publicIPs(limit: 0) { id } d: publicIPs(where: {contractId_gt: 0}) { id } } }",
            {"a": [{"id": "i1"}], "b": [{"id": "i2"}], "c": [], "d": [{"id": "i2"}]},
            id="many, cut and filtered, each for itself",
        ),
        pytest.param(
            '{ publicIpById(id: "i3") { farm { id publicIPs { farm { name } } } } }',
            {"farm": {"id": "f2", "publicIPs": [{"farm": {"name": "green_farm"}}]}},
            id="many behind a link",
        ),
        pytest.param(
            '{ nodeContractById(id: "k1") { state resourcesUsed { cru mru } } }',
            {"state": "Created", "resourcesUsed": {"cru": "3", "mru": "1099511627776"}},
            id="behind a link",
        ),
        pytest.param(
            '{ nodeContractById(id: "k2") { resourcesUsed { cru } } }',
            {"resourcesUsed": None},
            id="behind no link",
        ),
        pytest.param(
            '{ solutionProviderById(id: "s1") { providers { name: who take __typename } } }',
            {"providers": [{"name": "A", "take": 5, "__typename": "Provider"}]},
            id="a list of objects",
        ),
        pytest.param(
            '{ solutionProviderById(id: "s2") { providers { who } } }',
            {"providers": [None]},
            id="a list with nobody in it",
        ),
        pytest.param(
            '{ solutionProviderById(id: "s3") { providers { who } } }',
            {"providers": None},
            id="no list",
        ),
        pytest.param(
            '{ pricingPolicyById(id: "p1") { su { value unit } cu { value } } }',
            {"su": {"value": 5, "unit": None}, "cu": {"value": None}},
            id="objects of nulls",
        ),
        pytest.param('{ priceStoredById(id: "e3") { newPrice } }', {"newPrice": "9"}, id="9.00"),
        pytest.param(
            '{ nodeById(id: "n1") { __typename } }', {"__typename": "Node"}, id="a name alone"
        ),
        pytest.param(
            '{ nodeById(id: "n1") { ...A ... on Node { twinID } ... @include(if: false) { id } } }'
            " fragment A on Node { nodeID id @skip(if: true) }",
            {"nodeID": 1, "twinID": 14},
            id="fragments, taken and left out",
        ),
    ],
)
def test_a_row_is_answered(query: str, answer: Any, ask: Callable[..., Any]) -> None:
    told = ask(query)
    assert not told.errors
    assert list(told.data.values()) == [answer]


def test_several_questions_are_one_answer(ask: Callable[..., Any]) -> None:
    told = ask('{ a: farmById(id: "f1") { id } __typename b: farms(limit: 1) { id } }')
    assert told.data == {"a": {"id": "f1"}, "__typename": "Query", "b": [{"id": "f1"}]}


@pytest.mark.parametrize("arguments", ["limit: -1", "offset: -1"])
def test_no_page_is_negative(arguments: str, ask: Callable[..., Any]) -> None:
    told = ask(f"{{ nodes({arguments}) {{ id }} }}")
    assert (told.status, told.data, told.code) == (200, None, "INTERNAL_SERVER_ERROR")
    assert told.errors[0]["path"] == ["nodes"]
    assert told.errors[0]["locations"] == [{"line": 1, "column": 3}]


def test_rows_never_multiply_the_questions(database: sqlite3.Connection) -> None:
    query = "{ farms { publicIPs { farm { publicIPs { id } } } nodes: name } }"
    asked = Asked(query=query, variables={}, operation_name=None, safe=False)
    statements: list[str] = []
    database.set_trace_callback(statements.append)
    answer(asked, database)
    database.set_trace_callback(None)
    assert [line[:6] for line in statements] == ["BEGIN", *["SELECT"] * 3, "ROLLBA"]


def test_a_transaction_under_way_stays(database: sqlite3.Connection) -> None:
    database.execute("BEGIN")
    asked = Asked(query="{ farms { id } }", variables={}, operation_name=None, safe=False)
    assert answer(asked, database).status == 200
    assert database.in_transaction
    database.rollback()
