"""`grid3.graphql` as it comes from PyPI, against a server on a socket."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import Any

import pytest
from grid3.graphql import GraphQL

from tfchain.web.graphql import routes

pytestmark = pytest.mark.slow

ServePart = Callable[[Callable[..., Any], Path], AbstractContextManager[str]]


@pytest.fixture(scope="module")
def grid(
    few: dict[str, Any],
    fill_grid: Callable[..., None],
    serve_part: ServePart,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[GraphQL]:
    """The client, with the schema that it fetched."""
    path = tmp_path_factory.mktemp("graphql") / "index.sqlite"
    with closing(sqlite3.connect(path)) as database:
        fill_grid(database, few)
    with serve_part(routes, path) as url:
        client = GraphQL(f"{url}/graphql", fetch_schema=False)
        yield client


def test_rows_by_keywords(grid: GraphQL) -> None:
    found = grid.nodes(["nodeID", "twinID", "uptime"], farmID_eq=1, limit=5, orderBy="nodeID_DESC")
    assert found == [
        {"nodeID": 2, "twinID": 13, "uptime": str(2**53 + 1)},
        {"nodeID": 1, "twinID": 14, "uptime": "5"},
    ]


def test_what_lies_inside_a_row(grid: GraphQL) -> None:
    found = grid.nodes(["nodeID", {"power": ["state"]}, "publicConfig"], nodeID_in=[3, 4])
    assert [node["power"] for node in found] == [{"state": "Down"}, None]
    assert found[0]["publicConfig"]["ipv4"] == "3.3.3.3"


def test_a_query_by_its_text(grid: GraphQL) -> None:
    told = grid.execute(
        "{ nodesConnection(orderBy: id_ASC, first: 1) { totalCount pageInfo { endCursor } } }"
    )
    assert told["nodesConnection"] == {"totalCount": 4, "pageInfo": {"endCursor": "1"}}


def test_every_list_can_be_reached(grid: GraphQL) -> None:
    names = [name for name in grid.client.schema.query_type.fields if "By" not in name]
    lists = [name for name in names if not name.endswith("Connection")]
    for name in lists:
        assert isinstance(getattr(grid, name)(["id"], limit=1), list)
