"""grid-proxy over HTTP: each route's shape, its misses, its headers and what it refuses."""

import json
import sqlite3
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import httpx
import pytest
from starlette.applications import Starlette

from tfchain import __version__
from tfchain.errors import Unavailable
from tfchain.index.schema import create_entities
from tfchain.web.proxy import page_not_found, routes

T = TypeVar("T")
NOW: Final = 1_700_000_000
GIB: Final = 1024**3
Row = dict[str, Any]
Database = Callable[[int], sqlite3.Connection]
GridOf = Callable[[int], Any]

NODE_KEYS: Final = [
    "id",
    "nodeId",
    "farmId",
    "farmName",
    "twinId",
    "country",
    "gridVersion",
    "city",
    "uptime",
    "created",
    "farmingPolicyId",
    "updatedAt",
    "total_resources",
    "used_resources",
    "location",
    "publicConfig",
    "status",
    "certificationType",
    "dedicated",
    "inDedicatedFarm",
    "rentContractId",
    "rented",
    "rentable",
    "rentedByTwinId",
    "serialNumber",
    "power",
    "num_gpu",
    "extraFee",
    "healthy",
    "dmi",
    "speed",
    "gpus",
    "price_usd",
    "farm_free_ips",
    "features",
]
ALONE_KEYS: Final = [
    "capacity" if key == "total_resources" else key for key in NODE_KEYS if key != "used_resources"
]
LIST_KEYS: Final[Mapping[str, list[str]]] = {
    "nodes": NODE_KEYS,
    "gateways": NODE_KEYS,
    "farms": [
        "name",
        "farmId",
        "twinId",
        "pricingPolicyId",
        "certificationType",
        "stellarAddress",
        "dedicated",
        "publicIps",
    ],
    "twins": ["twinId", "accountId", "relay", "publicKey"],
    "contracts": ["contract_id", "twin_id", "state", "created_at", "type", "details"],
    "public_ips": ["id", "ip", "gateway", "contract_id", "farm_id"],
    "ips": ["id", "ip", "gateway", "contract_id", "farm_id"],
}


class Client:
    """Asks a server of those rows, and checks what is true of every answer."""

    def __init__(self, rows: sqlite3.Connection) -> None:
        async def ask(question: Callable[[sqlite3.Connection], T]) -> T:
            return question(rows)

        async def missing(*_: object) -> Any:
            return page_not_found()

        self.app = Starlette(routes=routes(ask, lambda: NOW), exception_handlers={404: missing})
        self.app.router.redirect_slashes = False

    async def get(self, path: str) -> httpx.Response:
        transport = httpx.ASGITransport(app=self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://grid") as client:
            return await client.get(path)

    async def json(self, path: str, status: int = 200) -> Any:
        answer = await self.get(path)
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["access-control-expose-headers"] == "*"
        assert answer.text.endswith("\n")
        return answer.json()


@pytest.fixture
def client(database: Database) -> Client:
    return Client(database(0))


@pytest.mark.parametrize("name", LIST_KEYS)
async def test_a_list_is_bare_and_its_rows_have_these_keys_in_this_order(
    client: Client, name: str
) -> None:
    rows = await client.json(f"/{name}?size=9")
    assert rows
    assert all(list(row) == LIST_KEYS[name] for row in rows)


async def test_a_node_alone_keeps_its_resources_one_level_deeper(
    client: Client, grid: GridOf
) -> None:
    [listed, *_] = await client.json("/nodes")
    alone = await client.json(f"/nodes/{listed['nodeId']}")
    assert list(alone) == ALONE_KEYS
    resources = {name: listed.pop(name) for name in ("total_resources", "used_resources")}
    assert alone.pop("capacity") == resources
    assert alone == listed


@pytest.mark.parametrize("seed", range(6))
async def test_a_node_says_what_its_rows_say(database: Database, grid: GridOf, seed: int) -> None:
    shown = {row["nodeId"]: row for row in await Client(database(seed)).json("/nodes?size=999")}
    rows = grid(seed)
    assert sorted(shown) == sorted(node["node_id"] for node in rows.rows("node"))
    for node in rows.rows("node"):
        one, farm, rent = shown[node["node_id"]], rows.farm_of(node), rows.rent(node)
        units = ("cru", "sru", "hru", "mru")
        assert list(one["total_resources"]) == list(units)
        assert one["total_resources"] == {unit: rows.total(node, unit) for unit in units}
        assert one["used_resources"] == {unit: rows.used(node, unit) for unit in units}
        assert one["status"] == rows.status(node)
        assert (one["farmId"], one["farmName"]) == (farm["farm_id"], farm["name"])
        assert one["inDedicatedFarm"] is bool(farm["dedicated_farm"])
        assert one["rented"] is bool(rent)
        assert one["rentedByTwinId"] == rent.get("twin_id", 0)
        assert one["rentContractId"] == rent.get("contract_id", 0)
        assert one["rentable"] is (rows.whole(node) and not rent)
        assert one["farm_free_ips"] == len(rows.ips(farm, free=True))
        assert one["price_usd"] == pytest.approx(rows.price(node), abs=0.0006)
        assert one["country"] == one["location"]["country"] == (node["country"] or "")
        assert list(one["publicConfig"]) == ["domain", "gw4", "gw6", "ipv4", "ipv6"]
        held = rows.of_node("public_config", node)
        assert one["publicConfig"] == {name: held.get(name) or "" for name in one["publicConfig"]}
        assert one["power"] == {
            "state": node["power_state"] or "",
            "target": node["power_target"] or "",
        }


async def test_what_the_ledger_has_no_source_for_has_its_empty_form(client: Client) -> None:
    for node in await client.json("/nodes"):
        assert (node["num_gpu"], node["healthy"], node["gpus"], node["features"]) == (
            0,
            False,
            [],
            [],
        )
        assert node["speed"] == {"upload": 0, "download": 0}
        assert node["dmi"] == {
            "bios": {"vendor": "", "version": ""},
            "baseboard": {"manufacturer": "", "product_name": ""},
            "processor": [],
            "memory": [],
        }


@pytest.mark.parametrize(
    ("text", "number"),
    [("4.4699", 4.4699), ("-0.5", -0.5), ("10", 10), ("", None), ("NaN", None), ("1e5", None), ("east", None)],
)  # fmt: skip
async def test_a_coordinate_is_a_number_or_nothing(
    database: Database, grid: GridOf, text: str, number: float | None
) -> None:
    shown = [
        row for seed in (0, 1, 2) for row in await _placed(Client(database(seed)), grid(seed), text)
    ]
    assert shown
    assert all(one == number and type(one) is type(number) for one in shown)


async def _placed(client: Client, grid: Any, text: str) -> list[object]:
    placed = [row["node_id"] for row in grid.rows("node") if row["location_longitude"] == text]
    if not placed:
        return []
    rows = await client.json(f"/nodes?node_ids={','.join(map(str, placed))}")
    return [row["location"]["longitude"] for row in rows]


@pytest.mark.parametrize(
    ("balance", "share"),
    [("0", 1.0), ("1.4", 1.0), ("1.5", 0.8), ("3", 0.7), ("6", 0.6), ("18", 0.4), ("1e3", 0.4)],
)
async def test_who_could_pay_for_months_pays_less(
    database: Database, grid: GridOf, balance: str, share: float
) -> None:
    """Balances are in months of the dearest node, whose price one month is."""
    node = max(grid(0).rows("node"), key=grid(0).price)
    price = grid(0).price(node)
    said = float(balance) * price * 1.000001
    path = f"/nodes?node_id={node['node_id']}&balance={said:.6f}"
    [row] = await Client(database(0)).json(path)
    assert row["price_usd"] == pytest.approx(price * share, abs=0.001)


@pytest.mark.parametrize(
    ("path", "status", "word"),
    [
        ("/nodes/99", 404, "node not found"),
        ("/nodes/18446744073709551615", 404, "node not found"),
        ("/nodes/99/gpu", 404, "node not found"),
        ("/nodes/99/statistics", 404, "node not found"),
        ("/nodes/99/status", 500, "node not found"),
        ("/gateways/99", 404, "node not found"),
        ("/gateways/99/status", 500, "node not found"),
        ("/contracts/99", 500, "contract not found"),
    ],
)
async def test_a_miss_says_what_is_missing(
    client: Client, path: str, status: int, word: str
) -> None:
    assert await client.json(path, status) == {"error": word}


async def test_a_node_without_a_domain_is_no_gateway(client: Client, grid: GridOf) -> None:
    gateways = {row["nodeId"] for row in await client.json("/gateways?size=99")}
    assert gateways
    for node in (row["node_id"] for row in grid(0).rows("node")):
        if node in gateways:
            assert await client.json(f"/gateways/{node}") == await client.json(f"/nodes/{node}")
        else:
            missing = await client.json(f"/gateways/{node}", 404)
            assert missing == {"error": "gateway not found"}
        status = await client.json(f"/gateways/{node}/status")
        assert status == {"status": (await client.json(f"/nodes/{node}"))["status"]}


@pytest.mark.parametrize("path", ["/nodes/x", "/nodes/-1", "/nodes/1.5", "/contracts/x/bills",
                                  "/twins/x/consumption", "/nodes/1/x", "/farm", "/nodes/"])  # fmt: skip
async def test_an_unknown_page_is_the_very_text_that_clients_compare(
    client: Client, path: str
) -> None:
    answer = await client.get(path)
    assert (answer.status_code, answer.text) == (404, "404 page not found\n")
    assert answer.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize(
    "path",
    [
        "/nodes?size=many",
        "/nodes?size=-1",
        "/nodes?size=18446744073709551616",
        "/nodes?page=x",
        "/nodes?farm_id=1",
        "/nodes?farm_ids=1,x",
        "/nodes?status=asleep",
        "/nodes?free_mru=1GB",
        "/nodes?rented=perhaps",
        "/nodes?price_max=cheap",
        "/nodes?features=flying",
        "/nodes?sort_by=id;DROP",
        "/nodes?sort_by=farm_name",
        "/nodes?sort_order=upwards",
        "/nodes?balance=nan",
        "/nodes?ret_count=maybe",
        "/nodes?country=" + "x" * 9_000,
        "/farms?node_status=x",
        "/farms?country_contains=x",
        "/twins?sort_by=node_id",
        "/contracts?contract_id=-1",
        "/public_ips?free=2",
        "/stats?status=asleep",
        "/stats?country=Belgium",
        "/contracts/1/bills?contract_id=2",
        "/contracts/1/bills?sort_by=timestamp",
        "/nodes/18446744073709551616",
        "/nodes/" + "9" * 5_000,
        "/contracts/" + "9" * 21 + "/bills",
        "/twins/" + "9" * 21 + "/consumption",
    ],
    ids=lambda path: str(path)[:40],
)
async def test_a_bad_request_is_the_askers_fault(client: Client, path: str) -> None:
    refusal = await client.json(path, 400)
    assert list(refusal) == ["error"]
    assert refusal["error"]


@pytest.mark.parametrize("name", LIST_KEYS)
async def test_an_empty_parameter_is_not_there(client: Client, name: str) -> None:
    assert await client.json(f"/{name}?farm_ids=&x=&status=&sort_by=") == await client.json(
        f"/{name}"
    )


@pytest.mark.parametrize(
    ("query", "count", "size", "pages"),
    [
        ("ret_count=true", "24", "50", "1"),
        ("ret_count=true&size=5", "24", "5", "5"),
        ("ret_count=true&size=5&page=99", "24", "5", "5"),
        ("ret_count=true&size=0", "24", "0", "0"),
        ("ret_count=true&size=99999", "24", "10000", "1"),
        ("ret_count=true&status=up,standby,down", "24", "50", "1"),
        ("ret_count=true&node_id=99", "0", "50", "0"),
        ("ret_count=false", None, None, None),
        ("size=5", None, None, None),
    ],
)
async def test_the_count_is_in_the_headers_for_who_asks(
    client: Client, query: str, count: str | None, size: str | None, pages: str | None
) -> None:
    headers = (await client.get(f"/nodes?{query}")).headers
    assert (headers.get("count"), headers.get("size"), headers.get("pages")) == (count, size, pages)


@pytest.mark.parametrize("name", LIST_KEYS)
async def test_pages_before_the_first_and_after_the_last(client: Client, name: str) -> None:
    assert await client.json(f"/{name}?page=0&size=3") == await client.json(f"/{name}?size=3")
    assert await client.json(f"/{name}?page=99") == []
    assert await client.json(f"/{name}?size=0") == []


async def test_lists_come_both_ways(client: Client) -> None:
    both = await client.json("/nodes?farm_ids=1,2")
    assert both == await client.json("/nodes?farm_ids=1&farm_ids=2")
    assert {row["farmId"] for row in both} == {1, 2}


async def test_contracts_say_what_their_type_has(client: Client, grid: GridOf) -> None:
    keys = {
        "node": [
            "nodeId",
            "deployment_data",
            "deployment_hash",
            "number_of_public_ips",
            "farm_name",
            "farm_id",
        ],
        "rent": ["nodeId", "farm_name", "farm_id"],
        "name": ["name"],
    }
    shown = await client.json("/contracts?size=99")
    assert {row["type"] for row in shown} == set(keys)
    for row, due in zip(shown, grid(0).contracts(), strict=True):
        assert list(row["details"]) == keys[row["type"]]
        assert row["contract_id"] == due["contract_id"]
        assert (row["state"], row["created_at"]) == (due["state"], due["created_at"])
        assert row["details"].get("nodeId") == due.get("node_id")
        assert row["details"].get("deployment_data") == due.get("deployment_data")
        assert await client.json(f"/contracts/{row['contract_id']}") == row


async def test_bills_are_the_latest_first(client: Client, grid: GridOf) -> None:
    rows = grid(0).rows("contract_bill_report")
    number = max(range(1, 60), key=lambda n: sum(row["contract_id"] == n for row in rows))
    bills = await client.json(f"/contracts/{number}/bills")
    assert len(bills) > 1
    assert all(list(bill) == ["amountBilled", "discountReceived", "timestamp"] for bill in bills)
    assert [b["timestamp"] for b in bills] == sorted((b["timestamp"] for b in bills), reverse=True)
    assert await client.json(f"/contracts/{number}/bills?size=1&page=2") == bills[1:2]
    headers = (await client.get(f"/contracts/{number}/bills?ret_count=true&size=2")).headers
    assert headers["count"] == str(len(bills))
    assert await client.json("/contracts/99/bills") == []


async def test_a_twins_consumption_is_its_live_contracts_by_the_hour_and_all_it_paid(
    client: Client, grid: GridOf
) -> None:
    for twin in range(1, 11):
        hourly, overall = 0.0, 0.0
        for contract in grid(0).contracts():
            if contract["twin_id"] != twin:
                continue
            bills = [
                b
                for b in grid(0).rows("contract_bill_report")
                if b["contract_id"] == contract["contract_id"]
            ]
            bills.sort(key=lambda bill: (bill["timestamp"], bill["id"]), reverse=True)
            overall += sum(bill["amount_billed"] for bill in bills) / 1e7
            if bills and contract["state"] != "Deleted":
                before = bills[1]["timestamp"] if len(bills) > 1 else contract["created_at"]
                hours = max(bills[0]["timestamp"] - before, 1) / 3600
                hourly += bills[0]["amount_billed"] / hours / 1e7
        shown = await client.json(f"/twins/{twin}/consumption")
        assert list(shown) == ["last_hour_consumption", "overall_consumption"]
        assert shown["last_hour_consumption"] == pytest.approx(hourly)
        assert shown["overall_consumption"] == pytest.approx(overall)


async def test_stats_count_the_grid(client: Client, grid: GridOf) -> None:
    keys = (
        "nodes farms countries totalCru totalSru totalMru totalHru publicIps accessNodes gateways twins"
        " contracts nodesDistribution gpus dedicatedNodes workloads_number"
    )
    rows = grid(0)
    for status in ("", "up", "standby", "down", "up,down"):
        shown = await client.json(f"/stats?status={status}")
        nodes = [n for n in rows.rows("node") if not status or rows.status(n) in status.split(",")]
        configs = [rows.of_node("public_config", node) for node in nodes]
        open_ones = [c for c in configs if c.get("ipv4") or c.get("ipv6")]
        countries = [node["country"] or "" for node in nodes]
        assert list(shown) == keys.split()
        assert shown["nodes"] == len(nodes)
        assert shown["nodesDistribution"] == {c: countries.count(c) for c in countries}
        assert shown["countries"] == len(set(countries))
        for unit in ("cru", "sru", "mru", "hru"):
            assert shown[f"total{unit.title()}"] == sum(rows.total(node, unit) for node in nodes)
        assert shown["accessNodes"] == len(open_ones)
        assert shown["gateways"] == sum(bool(config.get("domain")) for config in open_ones)
        dedicated = [n for n in nodes if rows.whole(n) or rows.rent(n) or n["extra_fee"]]
        assert shown["dedicatedNodes"] == len(dedicated)
        whole = (shown["farms"], shown["twins"], shown["contracts"], shown["publicIps"])
        assert whole == (6, 9, 59, len(rows.rows("public_ip")))
        assert (shown["gpus"], shown["workloads_number"]) == (0, 0)


async def test_a_nodes_statistics_are_what_the_ledger_knows(client: Client, grid: GridOf) -> None:
    rows = grid(0)
    for node in rows.rows("node"):
        shown = await client.json(f"/nodes/{node['node_id']}/statistics")
        assert list(shown) == ["system", "total", "used", "users"]
        assert all(
            list(shown[part]) == ["cru", "hru", "ipv4u", "mru", "sru"] for part in list(shown)[:3]
        )
        for unit in ("cru", "hru", "mru", "sru"):
            assert shown["total"][unit] == rows.total(node, unit)
            assert shown["used"][unit] == rows.used(node, unit)
        assert shown["used"]["ipv4u"] == sum(c["number_of_public_i_ps"] for c in rows.held(node))
        last = max((c["created_at"] for c in rows.held(node)), default=0)
        assert shown["users"] == {
            "deployments": len(rows.held(node)), "workloads": 0, "last_deployment_timestamp": last
        }  # fmt: skip
        assert await client.json(f"/nodes/{node['node_id']}/gpu") == []


async def test_the_server_says_who_it_is(client: Client) -> None:
    assert await client.json("/ping") == {"ping": "pong"}
    assert await client.json("/version") == {"version": __version__}
    assert "/nodes/{id}" in await client.json("/")
    health = await client.json("/health")
    assert list(health) == ["total_state_ok", "db_conn", "rmb_conn", "indexers"]
    assert health["total_state_ok"] is True
    assert list(health["indexers"]) == [
        "gpu",
        "health",
        "dmi",
        "speed",
        "ipv6",
        "workloads",
        "features",
    ]


async def test_letters_that_web_pages_would_read_are_escaped(client: Client) -> None:
    answer = await client.get("/contracts?size=99")
    assert "<" not in answer.text
    assert "\\u003cb\\u003e \\u0026 c" in answer.text
    assert any(
        json.loads(row["details"].get("deployment_data") or "{}").get("a") == "<b> & c"
        for row in answer.json()
    )


async def test_a_question_that_takes_too_long_is_told_to_come_again() -> None:
    async def ask(question: Callable[[sqlite3.Connection], T]) -> T:
        raise Unavailable("the question took too long", "/nodes", "ask for less")

    app = Starlette(routes=routes(ask, lambda: NOW))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://grid") as client:
        for path in ("/nodes", "/nodes/1", "/stats", "/health", "/twins/1/consumption"):
            answer = await client.get(path)
            assert answer.status_code == 503
            assert "took too long" in answer.json()["error"]


async def test_an_empty_ledger_is_a_grid_of_nothing() -> None:
    rows = sqlite3.connect(":memory:")
    rows.row_factory = sqlite3.Row
    for line in create_entities():
        rows.execute(line)
    client = Client(rows)
    for name in LIST_KEYS:
        assert await client.json(f"/{name}") == []
    assert (await client.json("/stats"))["nodesDistribution"] == {}
    nothing = {"last_hour_consumption": 0, "overall_consumption": 0}
    assert await client.json("/twins/1/consumption") == nothing
    rows.close()
