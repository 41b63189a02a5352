"""Connections: a cursor is the number of rows up to it."""

from collections.abc import Callable
from typing import Any

import pytest

Ask = Callable[..., Any]


@pytest.mark.parametrize(
    ("arguments", "ids", "info"),
    [
        pytest.param("", "1234", (False, False, "1", "4"), id="all"),
        pytest.param("first: 2", "12", (True, False, "1", "2"), id="the first two"),
        pytest.param('first: 2, after: "2"', "34", (False, True, "3", "4"), id="the next two"),
        pytest.param('first: 1, after: "2"', "3", (True, True, "3", "3"), id="one in the middle"),
        pytest.param("first: 4", "1234", (False, False, "1", "4"), id="just all"),
        pytest.param("first: 0", "", (True, False, "1", "0"), id="none, though there are some"),
        pytest.param('after: "4"', "", (False, False, "", ""), id="past the end"),
        pytest.param("where: {nodeID_gt: 2}", "34", (False, False, "1", "2"), id="some"),
        pytest.param("where: {nodeID_gt: 9}", "", (False, False, "", ""), id="nothing"),
        pytest.param("first: null, after: null", "1234", (False, False, "1", "4"), id="nulls"),
    ],
)
def test_a_page(arguments: str, ids: str, info: tuple[Any, ...], ask: Ask) -> None:
    page = "pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"
    for edges in ("edges { cursor node { id } }", "edges { cursor }", ""):
        told = ask(f"{{ nodesConnection(orderBy: id_ASC, {arguments}) {{ {edges} {page} }} }}")
        found = told.data["nodesConnection"]
        assert tuple(found["pageInfo"].values()) == info
        cursors = [edge["cursor"] for edge in found.get("edges", ())]
        assert not edges or len(cursors) == len(ids)
        assert not cursors or (cursors[0], cursors[-1]) == info[2:]
        if "node" in edges:
            assert "".join(edge["node"]["id"][1:] for edge in found["edges"]) == ids


@pytest.mark.parametrize("arguments", ["", "first: 1", "first: 0", 'after: "3"', 'after: "9"'])
def test_the_total_counts_every_page(arguments: str, ask: Ask) -> None:
    told = ask(f"{{ nodesConnection(orderBy: id_ASC, {arguments}) {{ count: totalCount }} }}")
    assert told.data == {"nodesConnection": {"count": 4}}


def test_a_page_has_a_hundred_rows_unless_it_is_said(ask: Ask) -> None:
    """Four rows do not show it; the bound of what is read does."""
    told = ask("{ nodesConnection(orderBy: id_ASC, first: 2147483647) { edges { cursor } } }")
    assert len(told.data["nodesConnection"]["edges"]) == 4


def test_names_of_types_may_be_asked_for(ask: Ask) -> None:
    told = ask(
        "{ nodesConnection(orderBy: id_ASC, first: 1)"
        " { __typename edges { __typename a: cursor b: cursor } pageInfo { __typename } } }"
    )
    assert told.data["nodesConnection"] == {
        "__typename": "NodesConnection",
        "edges": [{"__typename": "NodeEdge", "a": "1", "b": "1"}],
        "pageInfo": {"__typename": "PageInfo"},
    }


@pytest.mark.parametrize(
    ("call", "message"),
    [
        pytest.param('(orderBy: id_ASC, after: "0")', "invalid cursor value: 0", id="nought"),
        pytest.param('(orderBy: id_ASC, after: "-1")', "invalid cursor value: -1", id="negative"),
        pytest.param('(orderBy: id_ASC, after: "")', "invalid cursor value: ", id="nothing"),
        pytest.param('(orderBy: id_ASC, after: "x")', "invalid cursor value: x", id="a letter"),
        pytest.param('(orderBy: id_ASC, after: "٣")', "invalid cursor value: ٣", id="other digits"),
        pytest.param(
            '(orderBy: id_ASC, after: "9007199254740992")',
            "invalid cursor value: 9007199254740992",
            id="past what JavaScript counts",
        ),
        pytest.param(
            "(orderBy: id_ASC, first: -1)",
            "'first' argument of connection can't be less than 0",
            id="fewer than none",
        ),
        pytest.param("(orderBy: [])", "orderBy argument is required for connection", id="no order"),
    ],
)
def test_a_page_that_cannot_be(call: str, message: str, ask: Ask) -> None:
    told = ask(f"{{ nodesConnection{call} {{ totalCount }} }}")
    assert (told.status, told.data, told.code) == (200, None, "BAD_USER_INPUT")
    assert told.errors[0]["message"] == message
    assert told.errors[0]["path"] == ["nodesConnection"]


@pytest.mark.parametrize(
    ("name", "selected"),
    [
        ("edges", "{ a: edges { cursor } b: edges { cursor } }"),
        ("node", "{ edges { a: node { id } b: node { id } } }"),
    ],
)
def test_edges_go_under_one_key(name: str, selected: str, ask: Ask) -> None:
    told = ask(f"{{ nodesConnection(orderBy: id_ASC) {selected} }}")
    assert told.code == "BAD_USER_INPUT"
    assert told.errors[0]["message"] == f"multiple aliases for field '{name}' are not supported"
