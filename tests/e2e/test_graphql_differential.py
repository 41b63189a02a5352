"""The public GraphQL server and ours, over the same rows: the same questions, the same answers.

The other one is Subsquid's OpenReader as npm has it, on Debian's PostgreSQL. Questions come from a seed:
filters, orders, pages, connections, and all sorts of wrong ones.
"""

import json
import os
import random
import re
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple, NoReturn

import httpx
import pytest
from graphql import (
    build_client_schema,
    get_introspection_query,
    lexicographic_sort_schema,
    print_schema,
)

from tfchain.index.entities import ENTITIES, ENUMS, OBJECTS, Entity, Field
from tfchain.index.schema import snake
from tfchain.web.graphql import routes
from tfchain.web.graphql.filters import Filter, filters_of
from tfchain.web.graphql.names import list_query, singular
from tfchain.web.graphql.orders import orders_of

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

SEED: Final = 20_260
QUERIES: Final = 200
PACKAGES: Final = ("@subsquid/graphql-server@3.3.2", "@subsquid/big-decimal@0.0.0")
START_S: Final = 60

GridRows = dict[str, list[dict[str, Any]]]
ServePart = Callable[[Callable[..., Any], Path], AbstractContextManager[str]]


# --- the other server -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def openreader(npm_folder: Callable[..., Path]) -> Path:
    """Its program, in a folder of this run."""
    return npm_folder(*PACKAGES) / "node_modules" / ".bin" / "openreader"


@pytest.fixture(scope="module")
def postgres(lacking: Callable[[str], NoReturn]) -> Path:
    """The folder of PostgreSQL's programs."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        lacking("there is no PostgreSQL of Debian's on this machine")
    return found[-1].parent


@contextmanager
def _database(programs: Path) -> Iterator[Path]:
    """A PostgreSQL of its own; the folder of its socket. It refuses to run as root."""
    folder = Path(tempfile.mkdtemp(prefix="tfchain-"))
    own = os.geteuid() != 0
    as_postgres = [] if own else ["runuser", "-u", "postgres", "--"]
    if not own:
        shutil.chown(folder, "postgres")

    def run(program: str, *words: str) -> None:
        command = [*as_postgres, str(programs / program), "-D", str(folder / "cluster"), *words]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=folder)

    try:
        run("initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N")
        options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off"
        run("pg_ctl", "start", "-w", "-l", str(folder / "log"), "-o", options)
        try:
            yield folder
        finally:
            run("pg_ctl", "stop", "-w", "-m", "immediate")
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def reference(openreader: Path, postgres: Path, rows: GridRows, tmp_path_factory: Any) -> Any:
    """Its address, over the rows."""
    schema = tmp_path_factory.mktemp("openreader") / "schema.graphql"
    schema.write_text(_model(), encoding="utf-8")
    with _database(postgres) as folder:
        psql = [str(postgres / "psql"), "-q", "-v", "ON_ERROR_STOP=1", "-h", str(folder)]
        script = "\n".join(_tables(rows))
        subprocess.run([*psql, "-U", "postgres"], input=script, check=True, text=True)
        place = f"postgres://postgres@localhost/postgres?host={folder}"
        process = subprocess.Popen(
            [str(openreader), "--schema", str(schema), "--db-url", place, "--port", "0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout is not None
        try:
            said: list[str] = []
            for line in process.stdout:
                said.append(line)
                if found := re.search(r"listening on port (\d+)", line):
                    break
            else:
                pytest.fail("".join(said))
            yield f"http://127.0.0.1:{found[1]}/graphql"
        finally:
            process.terminate()
            process.wait(START_S)
            process.stdout.close()


def _model() -> str:
    """The table of entities in that server's own language."""
    blocks = [f"enum {name} {{ {' '.join(values)} }}" for name, values in ENUMS.items()]
    for row in (*OBJECTS.values(), *ENTITIES.values()):
        entity = row.name in ENTITIES
        lines = ["id: ID!"] if entity else []
        lines += [_model_field(field) for field in row.fields]
        mark = " @entity" if entity else ""
        blocks.append("\n  ".join((f"type {row.name}{mark} {{", *lines)) + "\n}")
    return "\n\n".join(blocks)


def _model_field(field: Field) -> str:
    match field.sort:
        case "back":
            return f'{field.name}: {field.type} @derivedFrom(field: "{field.by}")'
        case "backs":
            return f'{field.name}: [{field.type}!] @derivedFrom(field: "{field.by}")'
        case _:
            pass
    plain = f"[{field.type}]" if field.many else field.type
    unique = " @unique" if field.unique else ""
    return f"{field.name}: {plain}{'!' if field.required else ''}{unique}"


SQL_TYPES: Final = {
    "Int": "int4",
    "BigInt": "numeric",
    "BigDecimal": "numeric",
    "Boolean": "bool",
    "String": "text",
}


def _tables(rows: GridRows) -> Iterator[str]:
    for entity in ENTITIES.values():
        columns, names = ["id text PRIMARY KEY"], {"id": "id"}
        for field in entity.fields:
            if field.sort in ("back", "backs"):
                continue
            name = f"{snake(field.name)}{'_id' if field.sort == 'link' else ''}"
            names[field.name] = name
            sql = "jsonb" if field.sort == "object" else SQL_TYPES.get(field.type, "text")
            columns.append(f'"{name}" {sql}')
        table = f'"{snake(entity.name)}"'
        yield f"CREATE TABLE {table} ({', '.join(columns)});"
        kept = [
            {names[key]: _kept(value) for key, value in row.items()} for row in rows[entity.name]
        ]
        text = json.dumps(kept, ensure_ascii=False)
        yield f"INSERT INTO {table} SELECT * FROM json_populate_recordset(null::{table}, $rows${text}$rows$);"


def _kept(value: Any) -> Any:
    """An object is stored without what it does not have."""
    if isinstance(value, list):
        return [_kept(one) for one in value]
    if isinstance(value, dict):
        return {key: one for key, one in value.items() if one is not None}
    return value


@pytest.fixture(scope="module")
def rows(make_grid: Callable[[int, int], GridRows]) -> GridRows:
    return make_grid(SEED, 20)


@pytest.fixture(scope="module")
def ours(
    rows: GridRows,
    fill_grid: Callable[[sqlite3.Connection, GridRows], None],
    serve_part: ServePart,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    """The address of our server, over the same rows."""
    path = tmp_path_factory.mktemp("graphql") / "index.sqlite"
    with closing(sqlite3.connect(path)) as database:
        fill_grid(database, rows)
    with serve_part(routes, path) as url:
        yield f"{url}/graphql"


# --- questions ------------------------------------------------------------------------------------


class Question(NamedTuple):
    kind: str
    body: Any
    """What is posted: JSON, or bytes; by GET if it is a text."""
    ordered: bool = True


class Asker:
    """Questions without end, each from the chance it was given."""

    def __init__(self, chance: random.Random, rows: GridRows) -> None:
        self._chance = chance
        self._rows = rows

    def question(self) -> Question:
        kinds = [self._list] * 5 + [self._connection] * 4 + [self._single, self._wrong, self._wrong]
        return self._chance.choice(kinds)()

    def _list(self) -> Question:
        entity = self._entity()
        arguments, ordered = self._arguments(entity)
        selected = self._selection(entity, 3)
        text = f"{{ {list_query(entity)}{_braced(arguments, '()')} {selected} }}"
        return Question("list", {"query": text}, ordered)

    def _single(self) -> Question:
        entity, chance = self._entity(), self._chance
        ids = [row["id"] for row in self._rows[entity.name]]
        key = json.dumps(chance.choice([*ids, "nobody"]))
        by = chance.choice([f"ById(id: {key})", f"ByUniqueInput(where: {{id: {key}}})"])
        text = f"{{ {singular(entity.name)}{by} {self._selection(entity, 3)} }}"
        return Question("single", {"query": text})

    def _connection(self) -> Question:
        entity, chance = self._entity(), self._chance
        arguments = [self._order(entity)]
        if chance.random() < 0.6:
            arguments.append(f"where: {self._where(entity, 2)}")
        if chance.random() < 0.7:
            arguments.append(f"first: {chance.choice((0, 1, 2, 5, 20, 100))}")
        if chance.random() < 0.5:
            arguments.append(f'after: "{chance.choice((1, 2, 7, 20, 50))}"')
        parts = [
            "totalCount",
            "pageInfo { hasNextPage hasPreviousPage startCursor endCursor }",
            f"edges {{ cursor node {self._selection(entity, 2)} }}",
        ]
        kept = [part for part in parts if chance.random() < 0.7] or parts
        call = f"{list_query(entity)}Connection{_braced(arguments, '()')}"
        return Question("connection", {"query": f"{{ items: {call} {{ {' '.join(kept)} }} }}"})

    def _wrong(self) -> Question:
        body = self._chance.choice(WRONG)
        return Question("wrong", {"query": body} if isinstance(body, str) else body)

    def _entity(self) -> Entity:
        return self._chance.choice([ENTITIES["Node"], ENTITIES["Farm"], *ENTITIES.values()])

    def _arguments(self, entity: Entity) -> tuple[list[str], bool]:
        """Arguments of a list; whether the order of its rows is said."""
        chance, arguments = self._chance, []
        if chance.random() < 0.7:
            arguments.append(f"where: {self._where(entity, 2)}")
        ordered = chance.random() < 0.8
        if ordered:
            arguments.append(self._order(entity))
            if chance.random() < 0.4:
                arguments.append(f"limit: {chance.choice((0, 1, 3, 10, 100))}")
            if chance.random() < 0.3:
                arguments.append(f"offset: {chance.choice((0, 1, 3, 30))}")
        return arguments, ordered

    def _order(self, entity: Entity) -> str:
        names = sorted(orders_of(entity.name))
        chosen = self._chance.sample(names, self._chance.randint(0, min(3, len(names))))
        return f"orderBy: [{', '.join((*chosen, 'id_ASC'))}]"

    def _selection(self, row: Entity, depth: int) -> str:
        chance = self._chance
        plain = [field.name for field in row.fields if field.sort in ("scalar", "enum")]
        parts = ["id"] if row.name in ENTITIES else []
        parts += chance.sample(plain, chance.randint(0 if parts else 1, min(4, len(plain))))
        for field in row.fields:
            if field.sort in ("scalar", "enum") or not depth or chance.random() < 0.4:
                continue
            other = ENTITIES.get(field.type) or OBJECTS[field.type]
            call = f"{field.name}{self._call(field, other)}"
            parts.append(f"{call} {self._selection(other, depth - 1)}")
        if chance.random() < 0.2:
            parts.append("__typename")
        if chance.random() < 0.2:
            parts.append(f"other: {parts[0]}" if ":" not in parts[0] else parts[0])
        return f"{{ {' '.join(parts)} }}"

    def _call(self, field: Field, other: Entity) -> str:
        if field.sort != "backs":
            return ""
        arguments, ordered = self._arguments(other)
        return _braced(arguments if ordered else [*arguments, "orderBy: id_DESC"], "()")

    def _where(self, row: Entity, depth: int) -> str:
        chance = self._chance
        filters = list(filters_of(row.name).values())
        parts = []
        for one in chance.sample(filters, chance.randint(1, 2)):
            value = self._value(row, one, depth)
            parts.append(f"{one.key}: {value}")
        if row.name in ENTITIES and depth and chance.random() < 0.4:
            inner = [self._where(row, depth - 1) for _ in range(chance.randint(0, 2))]
            parts.append(f"{chance.choice(('AND', 'OR'))}: [{', '.join(inner)}]")
        return f"{{ {', '.join(parts)} }}"

    def _value(self, row: Entity, one: Filter, depth: int) -> str:
        chance, field = self._chance, one.field
        match one.op:
            case "inside" | "every" | "some" | "none":
                other = ENTITIES.get(field.type) or OBJECTS[field.type]
                return self._where(other, depth - 1) if depth else "{}"
            case "isNull":
                return chance.choice(("true", "false"))
            case _ if chance.random() < 0.05:
                return "null"
            case "in" | "not_in":
                values = [self._literal(row, field) for _ in range(chance.randint(0, 4))]
                return f"[{', '.join(values)}]"
            case _:
                return self._literal(row, field)

    def _literal(self, row: Entity, field: Field) -> str:
        """A value that a row has, mostly."""
        held = [
            one[field.name] for one in self._rows.get(row.name, ()) if one[field.name] is not None
        ]
        spare: dict[str, list[Any]] = {
            "Int": [1, -1],
            "BigInt": [2**53 + 1, -(2**70), 2**63],
            "BigDecimal": ["1.50", "-1"],
            "Boolean": [True],
        }
        values = list(ENUMS.get(field.type, ())) or spare.get(field.type, ["a", "É"])
        value = self._chance.choice(values if not held or self._chance.random() < 0.2 else held)
        if field.type in ENUMS:
            return str(value)
        quoted = field.type == "BigInt" and self._chance.random() < 0.5
        return json.dumps(str(value) if quoted else value, ensure_ascii=False)


def _braced(parts: list[str], braces: str) -> str:
    return f"{braces[0]}{', '.join(parts)}{braces[1]}" if parts else ""


PAGE: Final = "{ pageInfo { endCursor } }"
WRONG: Final[tuple[Any, ...]] = (
    "{ nodes(limit: -1) { id } }",
    "{ nodes(offset: -1) { id } }",
    "{ farms { publicIPs(limit: -1) { id } } }",
    "{ nodeById(id: 7) { id } }",
    '{ a: nodeById(id: "nobody") { id } b: nodes(limit: -1) { id } }',
    f"{{ nodesConnection(orderBy: id_ASC, first: -1) {PAGE} }}",
    f'{{ nodesConnection(orderBy: id_ASC, after: "0") {PAGE} }}',
    f'{{ nodesConnection(orderBy: id_ASC, after: "x") {PAGE} }}',
    f'{{ nodesConnection(orderBy: id_ASC, after: "-1") {PAGE} }}',
    f'{{ nodesConnection(orderBy: id_ASC, after: "99999999999999999999") {PAGE} }}',
    f"{{ nodesConnection(orderBy: []) {PAGE} }}",
    f"{{ nodesConnection {PAGE} }}",
    "{ nodesConnection(orderBy: id_ASC) { a: edges { cursor } b: edges { cursor } } }",
    "{ nodesConnection(orderBy: id_ASC) { edges { a: node { id } b: node { id } } } }",
    "{ nodes(where: {secure_isNull: null}) { id } }",
    '{ nodes(where: {nodeID_eq: "1"}) { id } }',
    "{ nodes(where: {nodeID_eq: 4294967296}) { id } }",
    '{ nodes(where: {uptime_eq: "one"}) { id } }',
    "{ nodes(where: {uptime_eq: true}) { id } }",
    "{ nodes(where: {power: {state_eq: Sideways}}) { id } }",
    "{ nodes(where: {nobody_eq: 1}) { id } }",
    "{ nodes(where: {secure_gt: true}) { id } }",
    "{ nodes(orderBy: nobody_ASC) { id } }",
    "{ nodes(orderBy: interfaces_name_ASC) { id } }",
    "{ nodes(order: id_ASC) { id } }",
    "{ nodes { nobody } }",
    "{ nodes }",
    "{ nodes { id { id } } }",
    "{ nodes { ...Missing } }",
    "{ nodes { ...A } } fragment A on Node { ...A }",
    "{ nodes { ...A } } fragment A on Farm { id }",
    "{ nodes { id } } fragment A on Node { id }",
    "{ nodes { id: nodeID id } }",
    "{ nobodies { id } }",
    "{ nodes { id }",
    "{ nodes(where: { id } }",
    "{ ; }",
    "",
    "mutation { nodes { id } }",
    "subscription { nodes { id } }",
    "query A { nodes { id } } query B { nodes { id } }",
    {"query": "query A { __typename } query B { __typename }", "operationName": "B"},
    {"query": "query A { __typename }", "operationName": "C"},
    {"query": "query ($n: Int!) { nodes(where: {nodeID_eq: $n}) { id } }"},
    {"query": "query ($n: Int!) { nodes(where: {nodeID_eq: $n}) { id } }", "variables": {"n": "x"}},
    {"query": "query ($n: Int) { nodes(limit: $n) { id } }", "variables": {"n": 2.5}},
    {"query": "query ($n: Int) { __typename }", "variables": {"n": 2}},
    {"query": "query ($n: String) { nodes(limit: $n) { id } }", "variables": {"n": "2"}},
    {"query": "query ($w: NodeWhereInput) { nodes(where: $w) { id } }", "variables": {"w": {"x": 1}}},
    {"query": "query ($n: BigInt) { nodes(where: {uptime_gt: $n}) { id } }", "variables": {"n": "x"}},
    {"query": "{ __typename }", "variables": "{}"},
    {"query": "{ __typename }", "variables": "{"},
    {"query": 7},
    {"variables": {}},
    {},
    [],
    b"{",
    b"",
    b"7",
    f"?{httpx.QueryParams({'query': '{ __typename }'})}",
    f"?{httpx.QueryParams({'query': 'mutation { a }'})}",
)  # fmt: skip


TOOLS: Final[tuple[Any, ...]] = (
    "query monitoring { __typename }",
    (
        "{ nodes(where: {nodeID_in: [1, 2]}, orderBy: id_ASC)"
        " { nodeID twinID updatedAt power { state target } } }"
    ),
    "{ nodes(where: {farmID_eq: 1}, orderBy: id_ASC) { nodeID } }",
    "{ uptimeEvents(where: {nodeID_eq: 1}, orderBy: [timestamp_ASC, id_ASC]) { timestamp uptime } }",
    (
        "{ nodeContracts(where: {state_eq: Created}, orderBy: id_ASC)"
        " { deploymentData resourcesUsed { cru hru mru sru } nodeID numberOfPublicIPs } }"
    ),
    (
        "query { items: nameContractsConnection(where: {twinID_eq: 1, state_in: [Created, GracePeriod]},"
        " orderBy: twinID_ASC) { count: totalCount } }"
    ),
    {
        "query": "query getContracts($names: Int!, $nodes: Int!) {"
        " nameContracts(where: {twinID_eq: 1, state_in: [Created]}, limit: $names, orderBy: id_ASC)"
        " { contractID state name }"
        " nodeContracts(limit: $nodes, orderBy: id_ASC) { contractID deploymentData state nodeID } }",
        "variables": {"names": 3, "nodes": 2},
    },
    {
        "query": "query getNodeTwinId($nodeId: Int!)"
        " { nodes(where: {nodeID_eq: $nodeId}, orderBy: id_ASC) { twinID } }",
        "variables": {"nodeId": 1},
        "operationName": "getNodeTwinId",
    },
    {
        "query": "query getConsumption($contractId: BigInt!) {"
        " contractBillReports(where: {contractID_eq: $contractId}, limit: 2,"
        " orderBy: [timestamp_DESC, id_ASC]) { amountBilled timestamp }"
        " nodeContracts(where: {contractID_eq: $contractId}, orderBy: id_ASC) { createdAt } }",
        "variables": {"contractId": "9"},
    },
    {
        "query": "query ($where: UptimeEventWhereInput, $orderBy: [UptimeEventOrderByInput!])"
        " { uptimeEvents(orderBy: $orderBy, where: $where) { timestamp uptime } }",
        "variables": {
            "orderBy": ["timestamp_ASC", "id_ASC"],
            "where": {"nodeID_eq": 1, "timestamp_gt": 5},
        },
    },
    {
        "query": "query ($where: NodeContractWhereInput)"
        " { nodeContractsConnection(orderBy: [id_ASC], where: $where) { totalCount } }",
        "variables": {
            "where": {"AND": [{"deploymentData_contains": "a"}], "numberOfPublicIPs_not_eq": 0}
        },
    },
    (
        '{ items: twinsConnection(first: 5, orderBy: id_ASC, after: "5")'
        " { pageInfo { endCursor hasNextPage } }"
        " twins(limit: 5, offset: 10, orderBy: id_ASC) { accountID publicKey twinID relay } }"
    ),
    f"?{httpx.QueryParams({'query': '{ farms(orderBy: id_ASC) { id publicIPs { __typename id } } }'})}",
)
"""What tools that people have ask, with an order where they leave it to chance."""


# --- the comparison -------------------------------------------------------------------------------


class Heard(NamedTuple):
    """What counts of an answer: the words of a message do not."""

    status: int
    data: Any
    code: str


def _heard(client: httpx.Client, url: str, question: Question) -> Heard:
    body = question.body
    headers = {"content-type": "application/json"}
    text = body.get("query") if isinstance(body, dict) else None
    if isinstance(text, str) and text.startswith("?"):
        answer = client.get(url + text)
    else:
        content = body if isinstance(body, bytes) else json.dumps(body)
        answer = client.post(url, content=content, headers=headers)
    if "json" not in answer.headers.get("content-type", ""):
        return Heard(answer.status_code, None, "")
    told = answer.json()
    data = told.get("data", "no data")
    code = told["errors"][0]["extensions"]["code"] if "errors" in told else ""
    if not question.ordered and data:
        data = {key: sorted(map(json.dumps, rows)) for key, rows in data.items()}
    return Heard(answer.status_code, data, code)


def _differences(questions: list[Question], ours: str, reference: str) -> Iterator[str]:
    with httpx.Client(trust_env=False, timeout=START_S) as client:
        for question in questions:
            mine = _heard(client, ours, question)
            theirs = _heard(client, reference, question)
            if mine != theirs:
                yield f"{question.kind}: {question.body}\n  here:  {mine}\n  there: {theirs}"


def test_no_answer_differs_from_the_public_servers(
    ours: str, reference: str, rows: GridRows, record_property: Callable[[str, object], None]
) -> None:
    asker = Asker(random.Random(SEED), rows)
    questions = [asker.question() for _ in range(QUERIES)]
    differences = list(_differences(questions, ours, reference))
    told = f"GraphQL queries tried {len(questions)}, differences {len(differences)}"
    record_property("table", told)
    assert not differences, "\n".join(differences[:10])


@pytest.mark.parametrize(
    "bodies", [pytest.param(TOOLS, id="tools"), pytest.param(WRONG, id="wrong")]
)
def test_every_known_question_is_answered_alike(
    bodies: tuple[Any, ...], ours: str, reference: str
) -> None:
    questions = [
        Question("known", {"query": one} if isinstance(one, str) else one) for one in bodies
    ]
    differences = list(_differences(questions, ours, reference))
    assert not differences, "\n".join(differences)


def _schema(url: str) -> str:
    query = {"query": get_introspection_query(descriptions=False)}
    told = httpx.post(url, json=query, timeout=START_S, trust_env=False).json()
    return print_schema(lexicographic_sort_schema(build_client_schema(told["data"])))


def test_the_schema_is_the_public_servers(ours: str, reference: str) -> None:
    """All its types, fields, arguments and values, and no other."""
    assert _schema(ours) == _schema(reference)
