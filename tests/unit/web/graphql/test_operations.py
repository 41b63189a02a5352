"""Errors in the server's form: the status, the code, and whether there is data."""

import sqlite3
from collections.abc import Callable
from typing import Any

import pytest

from tfchain.web.graphql.operations import NO_QUERY, ONLY_QUERIES, Asked, answer, too_slow

Ask = Callable[..., Any]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        pytest.param("{ nodes { id }", "GRAPHQL_PARSE_FAILED", id="an open brace"),
        pytest.param("{ ; }", "GRAPHQL_PARSE_FAILED", id="a letter that is none"),
        pytest.param("{}", "GRAPHQL_PARSE_FAILED", id="nothing asked"),
        pytest.param("{ nobodies { id } }", "GRAPHQL_VALIDATION_FAILED", id="unknown field"),
        pytest.param("{ nodes }", "GRAPHQL_VALIDATION_FAILED", id="nothing selected"),
        pytest.param(
            "{ nodes(where: {nodeID_eq: 4294967296}) { id } }",
            "GRAPHQL_VALIDATION_FAILED",
            id="too large for an Int",
        ),
        pytest.param(
            '{ nodes(where: {uptime_eq: "five"}) { id } }',
            "GRAPHQL_VALIDATION_FAILED",
            id="no big number",
        ),
        pytest.param(
            "{ nodesConnection { totalCount } }", "GRAPHQL_VALIDATION_FAILED", id="no order"
        ),
        pytest.param(
            "{ nodes { ...A } } fragment A on Node { ...A }",
            "GRAPHQL_VALIDATION_FAILED",
            id="a fragment inside itself",
        ),
        pytest.param("mutation { __typename }", "INTERNAL_SERVER_ERROR", id="a change"),
        pytest.param(
            "query A { __typename } query B { __typename }", "INTERNAL_SERVER_ERROR", id="2"
        ),
        pytest.param(
            "query ($n: Int!) { nodes(limit: $n) { id } }", "BAD_USER_INPUT", id="missing"
        ),
    ],
)
def test_what_is_refused_has_no_data(query: str, code: str, ask: Ask) -> None:
    told = ask(query)
    assert (told.status, told.data, told.code) == (400, None, code)
    stack = told.errors[0]["extensions"]["exception"]["stacktrace"]
    assert stack == [f"GraphQLError: {told.errors[0]['message']}"]


def test_a_wrong_variable_is_the_callers(ask: Ask) -> None:
    told = ask("query ($n: Int) { nodes(limit: $n) { id } }", n="many")
    assert (told.status, told.code) == (400, "BAD_USER_INPUT")
    assert told.errors[0]["locations"] == [{"line": 1, "column": 8}]


def test_what_may_be_null_is_and_the_rest_stays(ask: Ask, database: sqlite3.Connection) -> None:
    """A row by its id may be missing; a list never is, so its failure is the whole answer's."""
    half = 'a: nodeById(id: "n1") { id publicConfig { id } interfaces(limit: -1) { id } }'
    told = ask(f'{{ {half} b: farmById(id: "f1") {{ id }} }}')
    assert (told.status, told.data) == (200, {"a": None, "b": {"id": "f1"}})
    assert (told.code, told.errors[0]["path"]) == ("INTERNAL_SERVER_ERROR", ["a"])
    told = ask(f"{{ {half} nodes(limit: -1) {{ id }} }}")
    assert (told.status, told.data, len(told.errors)) == (200, None, 2)


def test_a_long_message_is_cut(ask: Ask) -> None:
    told = ask("{ " + "x" * 9_000 + " }")
    assert len(told.errors[0]["message"]) == 1_000


def _asked(query: str, *, name: str | None = None, safe: bool = False) -> Asked:
    return Asked(query=query, variables={}, operation_name=name, safe=safe)


def test_an_operation_is_chosen_by_its_name(database: sqlite3.Connection) -> None:
    query = "query A { a: __typename } query B { b: __typename }"
    assert answer(_asked(query, name="B"), database).body == b'{"data":{"b":"Query"}}'
    told = answer(_asked(query, name="C"), database)
    assert (told.status, b"INTERNAL_SERVER_ERROR" in told.body) == (400, True)


@pytest.mark.parametrize(
    ("asked", "status", "words"),
    [
        pytest.param(_asked("mutation { __typename }", safe=True), 405, ONLY_QUERIES, id="by GET"),
        pytest.param(_asked("{ __typename }", safe=True), 200, "Query", id="a query by GET"),
        pytest.param(_asked(""), 400, NO_QUERY, id="no query"),
    ],
)
def test_what_a_request_may_ask(
    asked: Asked, status: int, words: str, database: sqlite3.Connection
) -> None:
    told = answer(asked, database)
    assert told.status == status
    assert words.encode() in told.body


def test_a_query_that_takes_too_long_is_told_so() -> None:
    told = too_slow()
    assert told.status == 200
    assert b'"data":null' in told.body


def test_an_interruption_is_not_swallowed(database: sqlite3.Connection) -> None:
    """Whoever lent the connection stops the clock, and knows what to say."""
    database.set_progress_handler(lambda: 1, 1)
    try:
        with pytest.raises(sqlite3.OperationalError, match="interrupted"):
            answer(_asked("{ nodes { id } }"), database)
    finally:
        database.set_progress_handler(None, 0)
    assert not database.in_transaction


def test_a_question_about_the_schema_stands_beside_others(ask: Ask) -> None:
    told = ask('{ __schema { queryType { name } } __type(name: "Farm") { kind } farms { id } }')
    assert told.data["__schema"] == {"queryType": {"name": "Query"}}
    assert told.data["__type"] == {"kind": "OBJECT"}
    assert len(told.data["farms"]) == 3
