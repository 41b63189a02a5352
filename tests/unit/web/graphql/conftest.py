"""A few rows for every test of GraphQL, and what its server says of them."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any, Final, NamedTuple

import pytest

from tfchain.index.entities import ENTITIES, ENUMS, OBJECTS, Field
from tfchain.web.graphql.operations import Asked, answer

GridRows = dict[str, list[dict[str, Any]]]
FillGrid = Callable[[sqlite3.Connection, GridRows], None]

PLAIN: Final = {"Int": 0, "BigInt": 0, "BigDecimal": "0", "Boolean": False}


def _default(field: Field) -> Any:
    """What a field holds that a test says nothing of."""
    if not field.required:
        return None
    if field.sort == "object":
        return {one.name: _default(one) for one in OBJECTS[field.type].fields}
    return ENUMS[field.type][0] if field.sort == "enum" else PLAIN.get(field.type, "")


def _row(name: str, key: str, /, **said: Any) -> dict[str, Any]:
    kept = [one for one in ENTITIES[name].fields if one.sort not in ("back", "backs")]
    assert set(said) <= {one.name for one in kept}, said
    return {"id": key, **{one.name: _default(one) for one in kept}, **said}


UP: Final = {"state": "Up", "target": "Up"}
ASLEEP: Final = {"state": "Down", "target": "Down"}
WAKING: Final = {"state": "Down", "target": "Up"}

FEW: Final[GridRows] = {
    "Farm": [
        _row("Farm", "f1", farmID=1, name="Green Farm", certification="Gold", dedicatedFarm=True),
        _row("Farm", "f2", farmID=2, name="green_farm", stellarAddress="GA", dedicatedFarm=False),
        _row("Farm", "f3", farmID=3, name="Élan 100%", certification="NotCertified"),
    ],
    "PublicIp": [
        _row("PublicIp", "i1", farm="f1", ip="1.1.1.1", contractId=0),
        _row("PublicIp", "i2", farm="f1", ip="1.1.1.2", contractId=7),
        _row("PublicIp", "i3", farm="f2", ip="2.2.2.2", contractId=0),
    ],
    "Node": [
        _row("Node", "n1", nodeID=1, farmID=1, twinID=14, uptime=5, power=UP, secure=True),
        _row("Node", "n2", nodeID=2, farmID=1, twinID=13, uptime=2**53 + 1, power=ASLEEP),
        _row("Node", "n3", nodeID=3, farmID=2, twinID=12, power=WAKING, secure=False),
        _row("Node", "n4", nodeID=4, farmID=3, twinID=11, uptime=2**63 - 1, country="BE"),
    ],
    "PublicConfig": [
        _row("PublicConfig", "c1", node="n1", ipv4="1.1.1.9", domain="one.example"),
        _row("PublicConfig", "c3", node="n3", ipv4="3.3.3.3"),
    ],
    "NodeContract": [
        _row("NodeContract", "k1", contractID=7, nodeID=1, state="Created", resourcesUsed="r1"),
        _row("NodeContract", "k2", contractID=8, nodeID=1, state="Deleted"),
        _row("NodeContract", "k3", contractID=9, nodeID=2, state="GracePeriod"),
    ],
    "ContractResources": [
        _row("ContractResources", "r1", contract="k1", hru=1, sru=2, cru=3, mru=2**40)
    ],
    "SolutionProvider": [
        _row("SolutionProvider", "s1", solutionProviderID=1, providers=[{"who": "A", "take": 5}]),
        _row("SolutionProvider", "s2", solutionProviderID=2, providers=[None]),
        _row("SolutionProvider", "s3", solutionProviderID=3),
    ],
    "PricingPolicy": [_row("PricingPolicy", "p1", su={"value": 5, "unit": None})],
    "PriceStored": [
        _row("PriceStored", "e1", newPrice="9", block=1),
        _row("PriceStored", "e2", newPrice="10", block=2),
        _row("PriceStored", "e3", newPrice="9.00", block=3),
    ],
}


class Told(NamedTuple):
    status: int
    data: Any
    errors: list[dict[str, Any]]

    @property
    def code(self) -> str:
        code: str = self.errors[0]["extensions"]["code"]
        return code


AskGraphQL = Callable[..., Told]


@pytest.fixture(scope="session")
def few() -> GridRows:
    return FEW


@pytest.fixture(scope="session")
def database(fill_grid: FillGrid) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.row_factory = sqlite3.Row
        fill_grid(connection, FEW)
        yield connection


@pytest.fixture(scope="session")
def ask(database: sqlite3.Connection) -> AskGraphQL:
    """`ask(query, name=value, ...)`: status, data and errors."""

    def run(query: str, /, **variables: Any) -> Told:
        asked = Asked(query=query, variables=variables, operation_name=None, safe=False)
        told = answer(asked, database)
        body = json.loads(told.body)
        assert not database.in_transaction
        return Told(told.status, body.get("data"), body.get("errors", []))

    return run
