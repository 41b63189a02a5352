"""What a question may be: each bound from its good side and its bad one."""

import sqlite3
from collections.abc import Callable
from typing import Any, Final

import pytest
from graphql import get_introspection_query, parse

from tfchain.web.graphql import bounds
from tfchain.web.graphql.bounds import (
    CELLS_MAX,
    DEFINITIONS_MAX,
    EXPANDED_MAX,
    ROOTS_MAX,
    SELECTION_DEPTH_MAX,
    SELECTIONS_MAX,
    TOKENS_MAX,
    check_document,
)
from tfchain.web.graphql.loading import DEPTH_MAX
from tfchain.web.graphql.operations import Asked, answer
from tfchain.web.graphql.statements import CONDITIONS_MAX, JOINS_MAX

Ask = Callable[..., Any]

TOKENS: Final = "{ nodes(where: {nodeID_in: [%s]}) { id } }"


def _nested(count: int) -> str:
    """Fields so deep: an interface, its node, the node's interfaces..."""
    names = ["interfaces" if place % 2 else "node" for place in range(count - 2)]
    inner = "".join(f"{{ {name} " for name in names) + "{ id }" + " }" * len(names)
    return f"{{ interfaces {inner} }}"


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        pytest.param(
            TOKENS % ("1 " * (TOKENS_MAX - 17)), TOKENS % ("1 " * (TOKENS_MAX - 16)), id="tokens"
        ),
        pytest.param(_nested(SELECTION_DEPTH_MAX), _nested(SELECTION_DEPTH_MAX + 1), id="depth"),
        pytest.param(
            '{ nodeById(id: "1") {' + " id" * (SELECTIONS_MAX - 1) + " } }",
            '{ nodeById(id: "1") {' + " id" * SELECTIONS_MAX + " } }",
            id="selections",
        ),
        pytest.param(
            "{ ...A } fragment A on Query { __typename }",
            "{ __typename }" + " fragment A on Query { __typename }" * DEFINITIONS_MAX,
            id="definitions",
        ),
    ],
)
def test_a_query_is_measured_before_it_is_judged(good: str, bad: str, ask: Ask) -> None:
    assert ask(good).status == 200
    told = ask(bad)
    assert (told.status, told.code) == (400, "GRAPHQL_VALIDATION_FAILED")
    assert told.errors[0]["message"].startswith("the query ")


@pytest.mark.parametrize("open_", ["{", "[", "("])
def test_nesting_is_counted_before_it_is_parsed(open_: str, ask: Ask) -> None:
    """A parser that goes down with every brace would end in a RecursionError."""
    assert ask("{a" * DEPTH_MAX).code == "GRAPHQL_PARSE_FAILED"
    told = ask("{ a(b: " + open_ * 5_000)
    assert told.errors[0]["message"] == f"the query nests deeper than {DEPTH_MAX}"


def test_fragments_count_where_they_are_spread() -> None:
    """Each doubles the one before it: short to write, long to answer."""
    chain = "".join(
        f" fragment F{n} on Interfaces {{ node {{ interfaces {{ ...F{n + 1} }} }} }}"
        for n in range(20)
    )
    query = f"{{ interfaces {{ ...F0 }} }}{chain} fragment F20 on Interfaces {{ id }}"
    with pytest.raises(Exception, match="selects deeper"):
        check_document(parse(query))


def test_a_fragment_inside_itself_ends_the_counting() -> None:
    check_document(parse("{ ...A } fragment A on Query { ...A ...B } fragment B on Query { ...A }"))
    check_document(parse("{ ...Missing }"))


def test_fields_count_once_they_are_written_out(ask: Ask) -> None:
    wide = " ".join(f"f{n}: id" for n in range(100))
    many = " ".join(f"n{n}: interfaces {{ ...W }}" for n in range(EXPANDED_MAX // 100 + 1))
    told = ask(f"{{ nodes {{ {many} }} }} fragment W on Interfaces {{ {wide} }}")
    assert (told.status, told.code) == (200, "BAD_USER_INPUT")
    assert told.errors[0]["message"] == "the query selects too many fields"


def test_roots_are_counted(ask: Ask) -> None:
    def query(count: int) -> str:
        return "{" + " ".join(f'f{n}: farmById(id: "x") {{ id }}' for n in range(count)) + "}"

    assert ask(query(ROOTS_MAX)).status == 200
    told = ask(query(ROOTS_MAX + 1))
    assert (told.status, told.code) == (400, "BAD_USER_INPUT")


def test_conditions_are_counted(ask: Ask) -> None:
    def query(count: int) -> str:
        branches = ", ".join(f"{{nodeID_eq: {n}}}" for n in range(count))
        return f"{{ nodes(where: {{OR: [{branches}]}}) {{ id }} }}"

    assert len(ask(query(CONDITIONS_MAX)).data["nodes"]) == 4
    assert ask(query(CONDITIONS_MAX + 1)).code == "BAD_USER_INPUT"
    where = {"AND": [{"secure_isNull": False}] * (CONDITIONS_MAX + 1)}
    told = ask("query ($w: NodeWhereInput) { nodes(where: $w) { id } }", w=where)
    assert told.code == "BAD_USER_INPUT"


def test_a_list_of_ids_is_one_condition(ask: Ask) -> None:
    told = ask("query ($n: [Int!]) { nodes(where: {nodeID_in: $n}) { id } }", n=list(range(20_000)))
    assert len(told.data["nodes"]) == 4


def test_joins_are_counted(ask: Ask) -> None:
    def query(count: int) -> str:
        inner = " ".join(f"a{n}: publicConfig {{ id }}" for n in range(2))
        where = ", ".join(
            "{publicConfig: {node: {resourcesTotal: {node: {nodeID_gt: 0}}}}}" for _ in range(count)
        )
        return f"{{ nodes(where: {{AND: [{where}]}}) {{ {inner} }} }}"

    assert ask(query(50)).status == 200, "one way is joined once"
    there_and_back: dict[str, Any] = {"node": {"nodeID_gt": 0}}
    for _ in range(JOINS_MAX // 2):
        there_and_back = {"node": {"publicConfig": there_and_back}}
    told = ask(
        "query ($w: NodeWhereInput) { nodes(where: $w) { id } }", w={"publicConfig": there_and_back}
    )
    assert told.code == "BAD_USER_INPUT"


@pytest.fixture
def crowd(fill_grid: Callable[..., None]) -> sqlite3.Connection:
    """One farm of many addresses."""
    database = sqlite3.connect(":memory:")
    farm = {
        "id": "f", "gridVersion": 1, "farmID": 1, "name": "f", "twinID": 1, "pricingPolicyID": 1,
        "certification": None, "stellarAddress": None, "dedicatedFarm": None,
    }  # fmt: skip
    ips = [
        {"id": f"{n:05}", "farm": "f", "gateway": "", "ip": "i" * 64, "contractId": n}
        for n in range(700)
    ]
    fill_grid(database, {"Farm": [farm], "PublicIp": ips})
    return database


@pytest.mark.parametrize(
    ("query", "fits"),
    [
        pytest.param("{ publicIps { id ip farm { id } } }", True, id="700 rows"),
        pytest.param("{ farms { publicIPs { id } } }", True, id="700 rows below one"),
        pytest.param(
            "{ publicIps { farm { publicIPs { id } } } }", False, id="700 rows below each of 700"
        ),
        pytest.param(
            "{ publicIps(limit: 9) { farm { publicIPs { farm { publicIPs { id } } } } } }",
            False,
            id="that below nine",
        ),
        pytest.param(
            "{ publicIpsConnection(orderBy: id_ASC, first: 700) { edges { node {"
            + " ".join(f"a{n}: contractId" for n in range(300))
            + " } } } }",
            True,
            id="300 selections of 700 rows",
        ),
        pytest.param(
            "{ publicIps { " + " ".join(f"a{n}: ip" for n in range(300)) + " } }",
            False,
            id="300 times a long text",
        ),
        pytest.param("{ publicIps { " + "a" * 50_000 + ": id } }", False, id="a long key"),
        pytest.param(
            "{ publicIpsConnection(orderBy: id_ASC, first: 700) { edges { "
            + "a" * 50_000
            + ": cursor } } }",
            False,
            id="a long key of an edge",
        ),
    ],
)
def test_cells_are_counted_where_they_are_shown(
    query: str, fits: bool, crowd: sqlite3.Connection
) -> None:
    assert 700 * 300 < CELLS_MAX < 700 * 700
    told = answer(Asked(query=query, variables={}, operation_name=None, safe=False), crowd)
    assert told.status == 200
    assert (b"response might exceed the size limit" in told.body) != fits
    assert len(told.body) < 4 * 1024 * 1024
    crowd.close()


@pytest.mark.parametrize(
    ("query", "fits"),
    [
        pytest.param(get_introspection_query(), True, id="what tools ask"),
        pytest.param(
            get_introspection_query(
                specified_by_url=True, directive_is_repeatable=True, schema_description=True
            ),
            True,
            id="and all they could",
        ),
        pytest.param(
            "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }",
            False,
            id="lists in lists in lists",
        ),
        pytest.param(
            "{ "
            + " ".join(
                f"s{n}: __schema {{ types {{ inputFields {{ name }} }} }}" for n in range(49)
            )
            + " }",
            True,
            id="one list often",
        ),
        pytest.param(
            "{ __schema {"
            + " ".join(f"a{n}: types {{ ...T }}" for n in range(150))
            + " } } fragment T on __Type { inputFields { name defaultValue } }",
            False,
            id="one list much too often",
        ),
    ],
)
def test_the_schema_is_not_asked_for_too_often(query: str, fits: bool, ask: Ask) -> None:
    if fits:
        check_document(parse(query))
    else:
        told = ask(query)
        assert (told.status, told.errors[0]["message"]) == (
            400,
            "the query asks too much of the schema",
        )


def test_a_row_of_the_own_tables_is_no_question_about_the_schema() -> None:
    """`interfaces` and `args` are words of the schema too."""
    size = bounds._Scale(parse("{ nodes { interfaces { id } } }")).weigh(
        parse("{ nodes { interfaces { id } } }").definitions[0].selection_set  # type: ignore[attr-defined]
    )
    assert size.schema_cost == 0
