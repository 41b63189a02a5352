"""TFGrid's own clients, unmodified: what each call gives, and whether the ledger says the same.

They are tried on generated rows, of which there are more than a page, and on a devnet that has minted,
held to rows that its validator proves. `grid3` comes from PyPI with the other tools; the two npm
packages are put into a folder of this run.
"""

import json
import os
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import httpx
import pytest
import requests
import trio
from grid3.graphql import GraphQL
from grid3.proxy import GridProxy
from hypercorn.config import Config
from hypercorn.trio import serve
from hypercorn.typing import ASGIFramework
from starlette.applications import Starlette
from starlette.responses import Response

from tfchain.base.address import to_text
from tfchain.client import GIB, Resources, connect
from tfchain.index.entities import ENTITIES
from tfchain.index.schema import columns_of, create_entities, snake
from tfchain.ledger import tables
from tfchain.ledger.cultivation import CapacityContract
from tfchain.ledger.state import Table
from tfchain.web import graphql
from tfchain.web.proxy import page_not_found, routes

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

PACKAGES: Final = ("@threefold/gridproxy_client@2.9.2", "@threefold/monitoring@2.9.2")
SCRIPT: Final = Path(__file__).with_name("grid_clients.js")
CLIENT_S: Final = 60
PAID_S: Final = 240
"""A devnet's month, its windows and its payment."""
SOON: Final = {"length": 30, "post_window": 10, "commit_window": 6}
"""Half a devnet's month, in seconds: it is looked at once it has paid, whatever that was."""
NOW: Final = 1_700_000_000

T = TypeVar("T")
Begin = Callable[..., AbstractContextManager[Any]]
CloneWith = Callable[[Path, Mapping[str, int], Sequence[str]], Path]
Row = dict[str, Any]


# --- the rows, and what clients should say of them ------------------------------------------------


def _rows() -> Iterator[tuple[str, Row]]:
    """More of everything than a page of fifty."""
    for n in range(1, 131):
        yield (
            "twin",
            {"twin_id": n, "account_id": f"5{n:047}", "relay": "relay", "public_key": "0x"},
        )
    for n in range(1, 61):
        yield (
            "farm",
            {
                "id": f"farm-{n}",
                "farm_id": n,
                "name": f"farm {n}",
                "twin_id": n,
                "pricing_policy_id": 1,
            },
        )
        ip = {"ip": f"185.206.122.{n}/24", "gateway": "185.206.122.1", "farm_id": f"farm-{n}"}
        yield "public_ip", {**ip, "contract_id": n % 3}
    for n in range(1, 71):
        yield "node", {
            "id": f"node-{n}", "node_id": n, "farm_id": 1 + n % 60, "twin_id": 60 + n, "country": "Belgium",
            "city": "Ghent", "uptime": 1_000, "updated_at": NOW - n * 100, "location_longitude": "3.7",
            "location_latitude": "51", "certification": "Diy", "farming_policy_id": 1, "created": NOW - 9_000,
        }  # fmt: skip
        units = {"cru": 4, "mru": 16 * GIB, "sru": 512 * GIB, "hru": 0}
        yield "node_resources_total", {"node_id": f"node-{n}", **units}
        domain = "gent.grid" if n % 7 == 0 else ""
        yield (
            "public_config",
            {"node_id": f"node-{n}", "ipv4": "185.206.122.9/24", "domain": domain},
        )
        state = ("Created", "GracePeriod", "Deleted")[n % 3]
        yield "node_contract", {
            "contract_id": n, "twin_id": 1, "node_id": n, "deployment_data": '{"name": "a & b"}',
            "deployment_hash": "ab", "state": state, "created_at": NOW - 7_200,
        }  # fmt: skip
    yield "name_contract", {"contract_id": 71, "twin_id": 2, "name": "alpha", "state": "Created"}
    yield "rent_contract", {"contract_id": 72, "twin_id": 3, "node_id": 3, "state": "Created"}
    bill = {"discount_received": "None", "amount_billed": 20_000_000, "timestamp": NOW}
    yield "contract_bill_report", {"contract_id": 1, **bill}


def _fill(rows: sqlite3.Connection) -> None:
    for line in create_entities():
        rows.execute(line)
    columns = {snake(name): columns_of(entity) for name, entity in ENTITIES.items()}
    for number, (table, row) in enumerate(_rows()):
        values = [
            row.get(c.name, (0 if c.sql_type == "INTEGER" else "") if c.required else None)
            for c in columns[table]
        ]
        values[0] = values[0] or f"{table}-{number:04}"
        rows.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(values))})", values)
    rows.commit()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """What clients are held to: a few facts of every row, sorted."""

    nodes: list[tuple[Any, ...]]
    farms: list[tuple[Any, ...]]
    twins: list[tuple[Any, ...]]
    contracts: list[tuple[Any, ...]]
    ips: list[tuple[Any, ...]]


def _ledger(rows: sqlite3.Connection) -> Ledger:
    def all_of(sql: str) -> list[tuple[Any, ...]]:
        return sorted(tuple(row) for row in rows.execute(sql))

    return Ledger(
        nodes=all_of(
            "SELECT n.node_id, n.farm_id, n.twin_id, t.cru, t.mru, t.sru, t.hru, n.country, n.created"
            " FROM node AS n JOIN node_resources_total AS t ON t.node_id = n.id"
        ),
        farms=all_of("SELECT farm_id, name, twin_id FROM farm"),
        twins=all_of("SELECT twin_id, account_id FROM twin"),
        contracts=all_of(
            "SELECT contract_id, twin_id, state FROM node_contract UNION ALL"
            " SELECT contract_id, twin_id, state FROM name_contract UNION ALL"
            " SELECT contract_id, twin_id, state FROM rent_contract"
        ),
        ips=all_of(
            "SELECT public_ip.ip, farm.farm_id, public_ip.contract_id"
            " FROM public_ip JOIN farm ON farm.id = public_ip.farm_id"
        ),
    )


def nodes(shown: list[Row]) -> list[tuple[Any, ...]]:
    return sorted(
        (
            *(node[key] for key in ("nodeId", "farmId", "twinId")),
            *(node["total_resources"][unit] for unit in ("cru", "mru", "sru", "hru")),
            *(node[key] for key in ("country", "created")),
        )
        for node in shown
    )


def farms(shown: list[Row]) -> list[tuple[Any, ...]]:
    return sorted((farm["farmId"], farm["name"], farm["twinId"]) for farm in shown)


def twins(shown: list[Row]) -> list[tuple[Any, ...]]:
    return sorted((twin["twinId"], twin["accountId"]) for twin in shown)


def contracts(shown: list[Row]) -> list[tuple[Any, ...]]:
    return sorted((c["contract_id"], c["twin_id"], c["state"]) for c in shown)


def ips(shown: list[Row]) -> list[tuple[Any, ...]]:
    return sorted((ip["ip"], ip["farm_id"], ip["contract_id"]) for ip in shown)


# --- a devnet, and what its validator proves ------------------------------------------------------


@contextmanager
def _paying(devnet: Begin, clone: Path) -> Iterator[tuple[str, str]]:
    """Addresses of a validator and of the web, of a network with users that has paid for a period."""
    own = {"cwd": clone, "env": {**os.environ, "PYTHONPATH": str(clone)}}
    with devnet(clone / "net", "--validators", "1", "--nodes", "6", **own) as running:
        validator = running.said(r"validator-0 answers at (\S+)")
        web = running.said(r"the web answers at ([^,\s]+)")
        running.wait(lambda: _get(f"{validator}/v1/status").get("height", 0), "the first block")
        yield validator, web


def _until(condition: Callable[[], T | None], patience_s: float = CLIENT_S) -> T:
    """What it is, once it is something."""
    until = time.monotonic() + patience_s
    while not (found := condition()):
        assert time.monotonic() < until, f"nothing came in {patience_s} s"
        time.sleep(0.2)
    return found


def _get(url: str) -> Any:
    """JSON, or nothing while there is none."""
    try:
        answer = httpx.get(url, timeout=5, trust_env=False)
    except httpx.HTTPError:
        return {}
    return answer.json() if answer.status_code == 200 else {}


def _use(validator: str, web: str) -> None:
    """A farm with addresses, a user with two contracts, one of which is over; and wait for a mint."""
    with connect(validator) as chain:
        farmer, user = chain.sender("//Bert"), chain.sender("//Ute")
        for one in (farmer, user):
            chain.faucet(one.address, "100TFT")
            one.create_twin(relay="relay.example", public_key=b"\x01")
        farmer.create_farm(name="bert")
        size = Resources(cru=8, mru=32 * GIB, hru=0, sru=500 * GIB)
        node = chain.join(farmer, "bert", size, country="Belgium", city="Gent")
        row = chain.read(tables.NODES, tables.id_key(node))
        assert row is not None
        for last in (5, 6):
            ip = f"185.206.122.{last}/24"
            farmer.add_farm_ip(farm_id=row.farm_id, ip=ip, gateway="185.206.122.1")
        for deployed in (b"\x01", b"\x02"):
            user.create_contract(
                node_id=node,
                reserved=Resources(cru=1, mru=GIB, hru=0, sru=GIB),
                public_ips=1,
                deployment_hash=deployed * 32,
                deployment_data=b"{}",
            )
        done = user.cancel_contract(contract_id=2)
    _until(lambda: _get(f"{web}/v1/web/status").get("height", 0) >= done.height)
    _until(lambda: _get(f"{web}/api/v1/node/1"), PAID_S)


def _proven(validator: str) -> Ledger:
    """The rows that the validator proves by the header of a block that more than two thirds signed."""
    with connect(validator) as chain:

        def every(table: Table[T]) -> list[T]:
            found: list[T] = []
            while row := chain.read(table, tables.id_key(len(found) + 1)):
                found.append(row)
            return found

        farms_there = every(tables.FARMS)
        kept = [chain.read(tables.FARM_IPS, tables.id_key(farm.id)) for farm in farms_there]
        made = [chain.read(tables.CAPACITY, tables.id_key(number)) for number in (1, 2)]
        user = chain.read(tables.TWIN_OF, chain.sender("//Ute").address)
        assert user is not None
        return Ledger(
            nodes=[
                (n.id, n.farm_id, n.twin_id, r.cru, r.mru, r.sru, r.hru, n.country, n.created)
                for n in every(tables.NODES)
                for r in [n.resources]
            ],
            farms=[(farm.id, farm.name, farm.twin_id) for farm in farms_there],
            twins=[(twin.id, to_text(twin.account)) for twin in every(tables.TWINS)],
            contracts=[
                (number, user.twin_id, _state(contract)) for number, contract in enumerate(made, 1)
            ],
            ips=[
                (one.ip, farm.id, one.contract_id)
                for farm, row in zip(farms_there, kept, strict=True)
                for one in (row.ips if row else ())
            ],
        )


def _state(contract: CapacityContract | None) -> str:
    """What is not in the ledger any more is over."""
    if contract is None:
        return "Deleted"
    return "GracePeriod" if contract.grace_since else "Created"


# --- the server -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A server that answers."""

    name: str
    url: str
    ledger: Ledger


@pytest.fixture(scope="module", params=["rows", "devnet"])
def served(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    clone_with: CloneWith,
    devnet: Begin,
) -> Iterator[Served]:
    """Generated rows behind a socket, and the web of a devnet."""
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "devnet":
        with _paying(devnet, clone_with(folder / "clone", SOON, ())) as (validator, web):
            _use(validator, web)
            yield Served(name="devnet", url=web, ledger=_proven(validator))
        return
    path = folder / "grid.sqlite"
    with closing(sqlite3.connect(path)) as rows:
        _fill(rows)
        ledger = _ledger(rows)
    server = Server(path)
    thread = threading.Thread(target=trio.run, args=(server.run,))
    thread.start()
    server.ready.wait(CLIENT_S)
    yield Served(name="rows", url=server.url, ledger=ledger)
    server.end()
    thread.join()


class Server:
    """grid-proxy's routes alone, until told to end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.url = ""
        self.ready = threading.Event()

    async def ask(self, question: Callable[[sqlite3.Connection], T]) -> T:
        return await trio.to_thread.run_sync(self._answer, question)

    def _answer(self, question: Callable[[sqlite3.Connection], T]) -> T:
        with closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)) as rows:
            rows.row_factory = sqlite3.Row
            return question(rows)

    async def run(self) -> None:
        async def missing(*_: object) -> Response:
            return page_not_found()

        config = Config()
        config.bind = ["127.0.0.1:0"]
        config.errorlog = None
        parts = [*routes(self.ask, lambda: NOW), *graphql.routes(self.ask)]
        app = Starlette(routes=parts, exception_handlers={404: missing})
        self.ended, self.token = trio.Event(), trio.lowlevel.current_trio_token()
        async with trio.open_nursery() as nursery:
            face = partial(serve, shutdown_trigger=self.ended.wait)
            [self.url] = await nursery.start(face, cast(ASGIFramework, app), config)
            self.ready.set()

    def end(self) -> None:
        self.token.run_sync_soon(self.ended.set)


# --- the clients ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def installed(npm_folder: Callable[..., Path]) -> Path:
    """A folder with the npm packages."""
    return npm_folder(*PACKAGES)


Told = Callable[[str, int, bool], None]


@pytest.fixture
def told(served: Served, record_property: Callable[[str, object], None]) -> Iterator[Told]:
    """`told(call, rows, agrees)`: a row of the table that the run shows at its end."""
    wrong: list[str] = []

    def tell(call: str, rows: int, agrees: bool) -> None:
        record_property(
            "table", f"{served.name:6} | {call:46} | {rows:5} | {'yes' if agrees else 'NO'}"
        )
        if not agrees:
            wrong.append(call)

    yield tell
    assert wrong == []


def test_grid3_sees_the_grid(served: Served, told: Told) -> None:
    grid, ledger = GridProxy(served.url), served.ledger
    listed = grid.get_nodes()
    told("grid3 get_nodes", len(listed), nodes(listed) == ledger.nodes)
    alone = grid.get_node(ledger.nodes[0][0])
    told("grid3 get_node", 1, nodes([alone | alone["capacity"]]) == ledger.nodes[:1])
    shown = grid.get_farms()
    told("grid3 get_farms", len(shown), farms(shown) == ledger.farms)
    told("grid3 get_farm", 1, farms([grid.get_farm(ledger.farms[0][0])]) == ledger.farms[:1])
    shown = grid.get_twins()
    told("grid3 get_twins", len(shown), twins(shown) == ledger.twins)
    told("grid3 get_twin", 1, twins([grid.get_twin(ledger.twins[0][0])]) == ledger.twins[:1])
    stats = grid.get_stats()
    counts = (
        stats["nodes"],
        stats["farms"],
        stats["twins"],
        stats["contracts"],
        stats["publicIps"],
    )
    due = (ledger.nodes, ledger.farms, ledger.twins, ledger.contracts, ledger.ips)
    told("grid3 get_stats", 1, counts == tuple(len(rows) for rows in due))
    told("grid3 get_node of none", 0, grid.get_node(999_999) == {"error": "node not found"})
    with pytest.raises(requests.HTTPError):
        grid.fetch_pages("farmers")


def test_grid3_asks_graphql_of_the_grid(served: Served, told: Told) -> None:
    graph, ledger = GraphQL(f"{served.url}/graphql", fetch_schema=False), served.ledger
    units = ("cru", "mru", "sru", "hru")
    plain = ("nodeID", "farmID", "twinID", "country", "created")
    shown = graph.nodes([*plain, {"resourcesTotal": list(units)}], orderBy="nodeID_ASC")
    rows = [
        (
            *(node[name] for name in plain[:3]),
            *(int(node["resourcesTotal"][unit]) for unit in units),
            *(node[name] for name in plain[3:]),
        )
        for node in shown
    ]
    told("grid3 graphql nodes", len(shown), rows == ledger.nodes)
    shown = graph.farms(["farmID", "name", "twinID"])
    told("grid3 graphql farms", len(shown), sorted(map(_values, shown)) == ledger.farms)
    shown = graph.twins(["twinID", "accountID"], limit=1_000)
    told("grid3 graphql twins", len(shown), sorted(map(_values, shown)) == ledger.twins)
    shown = graph.publicIps(["ip", {"farm": ["farmID"]}, "contractId"])
    rows = [(one["ip"], one["farm"]["farmID"], int(one["contractId"])) for one in shown]
    told("grid3 graphql publicIps", len(shown), sorted(rows) == ledger.ips)
    wanted = ["contractID", "twinID", "state"]
    shown = [
        *graph.nodeContracts(wanted),
        *graph.nameContracts(wanted),
        *graph.rentContracts(wanted),
    ]
    rows = [(int(one["contractID"]), one["twinID"], one["state"]) for one in shown]
    told("grid3 graphql contracts", len(shown), sorted(rows) == ledger.contracts)
    counted = graph.execute("{ nodesConnection(orderBy: id_ASC) { totalCount } }")
    told("grid3 graphql execute", 1, counted["nodesConnection"]["totalCount"] == len(ledger.nodes))
    events = graph.uptimeEvents(["nodeID", "uptime", "timestamp"], nodeID_eq=1)
    told("grid3 graphql uptimeEvents", len(events), bool(events) == (served.name == "devnet"))


def _values(row: Row) -> tuple[Any, ...]:
    return tuple(row.values())


def test_the_npm_clients_see_the_grid(served: Served, installed: Path, told: Told) -> None:
    ledger = served.ledger
    number = ledger.nodes[0][0]
    done = subprocess.run(
        ["node", str(SCRIPT), served.url, str(number)],
        cwd=installed, capture_output=True, text=True, timeout=CLIENT_S, check=True,
    )  # fmt: skip
    answers = json.loads(done.stdout)
    assert [name for name, answer in answers.items() if "error" in answer] == []
    told("npm stats.get", 1, answers["stats.get"]["nodes"] == len(ledger.nodes))
    up = answers["stats.get up"]["nodes"]
    told("npm stats.get up", 1, up <= len(ledger.nodes))
    _whole(told, answers, "nodes.list", nodes, ledger.nodes)
    second = answers["nodes.list page 2"]
    told("npm nodes.list page 2", len(second["data"]), nodes(second["data"]) == ledger.nodes[5:10])
    awake = {node["nodeId"]: node["status"] for node in answers["nodes.list up,standby"]["data"]}
    listed = {node["nodeId"]: node["status"] for node in answers["nodes.list"]["data"]}
    agrees = awake == {n: status for n, status in listed.items() if status != "down"}
    told("npm nodes.list up,standby", len(awake), agrees)
    loaded = answers["nodes.list loadFarm loadTwin loadStats"]["data"]
    told("npm nodes.list loadFarm loadTwin loadStats", len(loaded), _loaded(loaded, ledger))
    alone = answers["nodes.byId"]
    told("npm nodes.byId", 1, nodes([alone]) == ledger.nodes[:1] and _loaded([alone], ledger))
    told("npm nodes.gpuById", 0, answers["nodes.gpuById"] == [])
    gateways = answers["gateways.list"]["data"]
    domains = [
        node["nodeId"] for node in answers["nodes.list"]["data"] if node["publicConfig"]["domain"]
    ]
    told("npm gateways.list", len(gateways), [node["nodeId"] for node in gateways] == domains[:50])
    first = answers["farms.list"]
    agrees = (first["count"], farms(first["data"])) == (len(ledger.farms), ledger.farms[:50])
    told("npm farms.list", len(first["data"]), agrees)
    told("npm farms.listAll", len(ledger.farms), farms(answers["farms.listAll"]) == ledger.farms)
    _whole(told, answers, "twins.list", twins, ledger.twins)
    told("npm twins.getConsumption", 1, set(answers["twins.getConsumption"]) == CONSUMPTION)
    _whole(told, answers, "contracts.list", contracts, ledger.contracts)
    live = [row for row in ledger.contracts if row[2] in {"Created", "GracePeriod"}]
    shown = contracts(answers["contracts.list live"]["data"])
    told("npm contracts.list live", len(shown), shown == live)
    _whole(told, answers, "publicIps.list", ips, ledger.ips)
    told("npm publicIps.listAll", len(ledger.ips), ips(answers["publicIps.listAll"]) == ledger.ips)
    for monitor in ("GridProxyMonitor", "GraphQLMonitor", "TFChainMonitor"):
        told(f"npm {monitor}.isAlive", 1, answers[f"{monitor}.isAlive"] == {"alive": True})


CONSUMPTION: Final = {"last_hour_consumption", "overall_consumption"}


def _whole(
    told: Told,
    answers: dict[str, Any],
    call: str,
    facts: Callable[[list[Row]], list[tuple[Any, ...]]],
    due: list[tuple[Any, ...]],
) -> None:
    """A list that was asked for whole, with its count."""
    data, count = answers[call]["data"], answers[call]["count"]
    told(f"npm {call}", len(data), count == len(due) and facts(data) == due)


def _loaded(shown: list[Row], ledger: Ledger) -> bool:
    """Each node has its farm, its twin and its statistics."""
    by_farm, by_twin = ({row[0]: row for row in rows} for rows in (ledger.farms, ledger.twins))
    return all(
        farms([node["farm"]]) == [by_farm[node["farmId"]]]
        and twins([node["twin"]]) == [by_twin[node["twinId"]]]
        and node["stats"]["total"]["mru"] == node["total_resources"]["mru"]
        for node in shown
    )
