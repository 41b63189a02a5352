"""Every filter and order of grid-proxy, held to a plain Python one over the same rows."""

import json
import sqlite3
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfchain.errors import Malformed
from tfchain.web.proxy import questions
from tfchain.web.proxy.contracts import CONTRACT_FILTERS
from tfchain.web.proxy.farms import FARMS, PUBLIC_IPS
from tfchain.web.proxy.nodes import NODE_FILTERS
from tfchain.web.proxy.parameters import FEATURES, query_of
from tfchain.web.proxy.twins import TWIN_FILTERS

NOW: Final = 1_700_000_000
GIB: Final = 1024**3
SEEDS: Final = st.integers(0, 5)

Row = dict[str, Any]


class Grid(Protocol):
    """What the maker of grids says of its rows."""

    def rows(self, table: str) -> list[Row]: ...
    def farm_of(self, node: Row) -> Row: ...
    def of_node(self, table: str, node: Row) -> Row: ...
    def held(self, node: Row) -> list[Row]: ...
    def rent(self, node: Row) -> Row: ...
    def total(self, node: Row, unit: str) -> int: ...
    def used(self, node: Row, unit: str) -> int: ...
    def status(self, node: Row) -> str: ...
    def ips(self, farm: Row, *, free: bool = False) -> list[Row]: ...
    def whole(self, node: Row) -> bool: ...
    def price(self, node: Row) -> float: ...
    def contracts(self) -> list[Row]: ...


GridOf = Callable[[int], Grid]
Database = Callable[[int], sqlite3.Connection]
Passes = Callable[[Grid, Row, str], bool]


def yes(said: str) -> bool:
    return said == "true"


def listed(said: str) -> list[str]:
    return said.split(",")


def free(grid: Grid, node: Row, unit: str) -> int:
    return grid.total(node, unit) - grid.used(node, unit)


def config(grid: Grid, node: Row, name: str) -> bool:
    return bool(grid.of_node("public_config", node).get(name))


def dedicated(grid: Grid, node: Row) -> bool:
    return grid.whole(node) or bool(grid.rent(node)) or bool(node["extra_fee"])


def rentable(grid: Grid, node: Row) -> bool:
    return grid.whole(node) and not grid.rent(node)


def rented_by(grid: Grid, node: Row, said: str) -> bool:
    return bool(grid.rent(node).get("twin_id", 0) == int(said))


def available(grid: Grid, node: Row, said: str) -> bool:
    shared = not grid.farm_of(node)["dedicated_farm"] and not node["extra_fee"]
    return rented_by(grid, node, said) or (shared and not grid.rent(node))


def region(node: Row, said: str) -> bool:
    regions = {"Belgium": "Europe", "Türkiye": "Asia", "Egypt": "Northern Africa"}
    return said.lower() in regions.get(node["country"] or "", "").lower() and bool(
        regions.get(node["country"] or "")
    )


def alike(held: str | None, said: str) -> bool:
    return (held or "").lower() == said.lower()


def inside(held: str | None, said: str) -> bool:
    return said.lower() in (held or "").lower()


NODE: Final[Mapping[str, Passes]] = {
    "status": lambda g, n, v: g.status(n) in listed(v),
    "free_mru": lambda g, n, v: free(g, n, "mru") >= int(v),
    "free_hru": lambda g, n, v: free(g, n, "hru") >= int(v),
    "free_sru": lambda g, n, v: free(g, n, "sru") >= int(v),
    "total_mru": lambda g, n, v: g.total(n, "mru") >= int(v),
    "total_hru": lambda g, n, v: g.total(n, "hru") >= int(v),
    "total_sru": lambda g, n, v: g.total(n, "sru") >= int(v),
    "total_cru": lambda g, n, v: g.total(n, "cru") >= int(v),
    "country": lambda _, n, v: alike(n["country"], v),
    "country_contains": lambda _, n, v: inside(n["country"], v),
    "city": lambda _, n, v: alike(n["city"], v),
    "city_contains": lambda _, n, v: inside(n["city"], v),
    "region": lambda _, n, v: region(n, v),
    "farm_name": lambda g, n, v: alike(g.farm_of(n)["name"], v),
    "farm_name_contains": lambda g, n, v: inside(g.farm_of(n)["name"], v),
    "farm_ids": lambda _, n, v: str(n["farm_id"]) in listed(v),
    "free_ips": lambda g, n, v: len(g.ips(g.farm_of(n), free=True)) >= int(v),
    "ipv4": lambda g, n, v: config(g, n, "ipv4") == yes(v),
    "ipv6": lambda g, n, v: config(g, n, "ipv6") == yes(v),
    "domain": lambda g, n, v: config(g, n, "domain") == yes(v),
    "dedicated": lambda g, n, v: dedicated(g, n) == yes(v),
    "in_dedicated_farm": lambda g, n, v: bool(g.farm_of(n)["dedicated_farm"]) == yes(v),
    "rentable": lambda g, n, v: rentable(g, n) == yes(v),
    "owned_by": lambda g, n, v: g.farm_of(n)["twin_id"] == int(v),
    "rented": lambda g, n, v: bool(g.rent(n)) == yes(v),
    "rented_by": rented_by,
    "rentable_or_rented_by": lambda g, n, v: rentable(g, n) or rented_by(g, n, v),
    "available_for": available,
    "node_id": lambda _, n, v: n["node_id"] == int(v),
    "node_ids": lambda _, n, v: str(n["node_id"]) in listed(v),
    "excluded": lambda _, n, v: str(n["node_id"]) not in listed(v),
    "twin_id": lambda _, n, v: n["twin_id"] == int(v),
    "certification_type": lambda _, n, v: alike(n["certification"], v),
    "has_gpu": lambda *_: False,
    "num_gpu": lambda _, __, v: int(v) == 0,
    "gpu_device_id": lambda *_: False,
    "gpu_device_name": lambda *_: False,
    "gpu_vendor_id": lambda *_: False,
    "gpu_vendor_name": lambda *_: False,
    "gpu_available": lambda *_: False,
    "healthy": lambda *_: False,
    "has_ipv6": lambda _, __, v: not yes(v),
    "features": lambda *_: False,
    "price_min": lambda g, n, v: g.price(n) >= float(v),
    "price_max": lambda g, n, v: g.price(n) <= float(v),
}

NODE_OF_FARM: Final[Mapping[str, Passes]] = {
    "node_free_mru": NODE["free_mru"],
    "node_free_hru": NODE["free_hru"],
    "node_free_sru": NODE["free_sru"],
    "node_total_cru": NODE["total_cru"],
    "node_status": NODE["status"],
    "node_rented_by": rented_by,
    "node_available_for": available,
    "node_has_gpu": lambda _, __, v: not yes(v),
    "node_has_ipv6": NODE["has_ipv6"],
    "node_features": NODE["features"],
    "node_certified": lambda _, n, v: (n["certification"] == "Certified") == yes(v),
    "country": NODE["country"],
    "region": NODE["region"],
}

FARM: Final[Mapping[str, Passes]] = {
    "free_ips": lambda g, f, v: len(g.ips(f, free=True)) >= int(v),
    "total_ips": lambda g, f, v: len(g.ips(f)) >= int(v),
    "stellar_address": lambda _, f, v: f["stellar_address"] == v,
    "pricing_policy_id": lambda _, f, v: f["pricing_policy_id"] == int(v),
    "farm_id": lambda _, f, v: f["farm_id"] == int(v),
    "twin_id": lambda _, f, v: f["twin_id"] == int(v),
    "name": lambda _, f, v: alike(f["name"], v),
    "name_contains": lambda _, f, v: inside(f["name"], v),
    "certification_type": lambda _, f, v: f["certification"] == v,
    "dedicated": lambda _, f, v: bool(f["dedicated_farm"]) == yes(v),
}

TWIN: Final[Mapping[str, Passes]] = {
    "twin_id": lambda _, t, v: t["twin_id"] == int(v),
    "account_id": lambda _, t, v: t["account_id"] == v,
    "relay": lambda _, t, v: t["relay"] == v,
    "public_key": lambda _, t, v: t["public_key"] == v,
}


def farm_of_contract(grid: Grid, contract: Row) -> Row:
    nodes = {node["node_id"]: node for node in grid.rows("node")}
    node = nodes.get(contract.get("node_id"))
    return grid.farm_of(node) if node else {"name": None, "farm_id": None}


CONTRACT: Final[Mapping[str, Passes]] = {
    "contract_id": lambda _, c, v: c["contract_id"] == int(v),
    "twin_id": lambda _, c, v: c["twin_id"] == int(v),
    "node_id": lambda _, c, v: c.get("node_id", 0) == int(v),
    "type": lambda _, c, v: c["type"] == v,
    "state": lambda _, c, v: c["state"].lower() in listed(v.lower()),
    "name": lambda _, c, v: c.get("name") == v,
    "number_of_public_ips": lambda _, c, v: c.get("number_of_public_i_ps", 0) >= int(v),
    "deployment_data": lambda _, c, v: c.get("deployment_data") == v,
    "deployment_hash": lambda _, c, v: c.get("deployment_hash") == v,
    "farm_name": lambda g, c, v: (
        farm_of_contract(g, c)["name"] is not None and alike(farm_of_contract(g, c)["name"], v)
    ),
    "farm_id": lambda g, c, v: farm_of_contract(g, c)["farm_id"] == int(v),
}


def farm_of_ip(grid: Grid, ip: Row) -> Row:
    return next(farm for farm in grid.rows("farm") if farm["id"] == ip["farm_id"])


IP: Final[Mapping[str, Passes]] = {
    "farm_ids": lambda g, i, v: str(farm_of_ip(g, i)["farm_id"]) in listed(v),
    "free": lambda _, i, v: (i["contract_id"] == 0) == yes(v),
    "ip": lambda _, i, v: i["ip"] == v,
    "gateway": lambda _, i, v: i["gateway"] == v,
}

FLAGS: Final = st.sampled_from(["true", "false"])
SMALL: Final = st.integers(0, 70).map(str)
BYTES: Final = st.one_of(
    st.sampled_from([0, 1, GIB, 8 * GIB, 80 * GIB, 100 * GIB + 5, 2**64 - 1]),
    st.integers(0, 120 * GIB),
).map(str)
LISTS: Final = st.lists(st.integers(0, 60), min_size=1, max_size=9).map(
    lambda numbers: ",".join(map(str, numbers))
)
TEXTS: Final = st.one_of(
    st.sampled_from(
        ["belgium", "TÜRKIYE", "ålesund", "A", "%", "_", "100%", "freefarm", "ωMEGA", "o'clock",
         '"', "diy", "Certified", "Gold", "GABC", "eur", "africa", "52", "relay.one", "0x01",
         "node", "rent", "name", "alpha", "abc", '{"a":"<b> & c"}', "1.1.1.1", "185.206.122.1/24",
         "') OR 1=1 --", "185.206.122.0/24"]
    ),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=5),
)  # fmt: skip
STATES: Final = st.lists(
    st.sampled_from(["Created", "graceperiod", "Deleted", "OUTOFFUNDS", "x"]), min_size=1
).map(",".join)
STATUSES: Final = st.lists(st.sampled_from(["up", "down", "standby"]), min_size=1).map(",".join)
PRICES: Final = st.one_of(st.integers(0, 400).map(str), st.decimals(0, 9, places=3).map(str))

_BY_NAME: Final[Mapping[str, st.SearchStrategy[str]]] = {
    "status": STATUSES,
    "node_status": STATUSES,
    "state": STATES,
    "farm_ids": LISTS,
    "node_ids": LISTS,
    "excluded": LISTS,
    "features": st.sampled_from(FEATURES),
    "node_features": st.sampled_from(FEATURES),
    "price_min": PRICES,
    "price_max": PRICES,
}
_FLAGS: Final = frozenset(
    {"ipv4", "ipv6", "domain", "dedicated", "in_dedicated_farm", "rentable", "rented", "has_gpu",
     "gpu_available", "healthy", "has_ipv6", "node_has_gpu", "node_has_ipv6", "node_certified", "free"}
)  # fmt: skip
_NUMBERS: Final = frozenset(
    {"owned_by", "rented_by", "rentable_or_rented_by", "available_for", "node_id", "twin_id",
     "num_gpu", "free_ips", "total_ips", "total_cru", "node_total_cru", "farm_id", "contract_id",
     "pricing_policy_id", "node_rented_by", "node_available_for", "number_of_public_ips"}
)  # fmt: skip


def values_of(name: str) -> st.SearchStrategy[str]:
    if name in _BY_NAME:
        return _BY_NAME[name]
    if name in _FLAGS:
        return FLAGS
    if name in _NUMBERS:
        return SMALL
    return BYTES if name.endswith(("_mru", "_hru", "_sru")) else TEXTS


RESOURCES: Final[Mapping[str, tuple[Mapping[str, Passes], str]]] = {
    "nodes": (NODE, "nodeId"),
    "farms": ({**FARM, **NODE_OF_FARM}, "farmId"),
    "twins": (TWIN, "twinId"),
    "contracts": (CONTRACT, "contract_id"),
    "public_ips": (IP, "id"),
}


def told(database: sqlite3.Connection, resource: str, **query: str) -> list[Any]:
    """The keys of the rows that the server lists, in its order."""
    asked = {name: [value] for name, value in {"size": "10000", **query}.items()}
    content = json.loads(questions.rows(database, resource, asked, NOW).body())
    return [row[RESOURCES[resource][1]] for row in content]


def expected(grid: Grid, resource: str, query: Mapping[str, str]) -> list[Any]:
    """The keys of the rows that pass in Python."""
    table = {"nodes": "node", "farms": "farm", "twins": "twin", "public_ips": "public_ip"}
    rows = grid.contracts() if resource == "contracts" else grid.rows(table[resource])
    passes = {**RESOURCES[resource][0]}
    inner = {k: v for k, v in query.items() if resource == "farms" and k in NODE_OF_FARM}
    outer = {k: v for k, v in query.items() if k not in inner}
    kept = [row for row in rows if all(passes[k](grid, row, v) for k, v in outer.items())]
    if inner:
        kept = [
            farm
            for farm in kept
            if any(_stays(grid, node, farm, inner) for node in grid.rows("node"))
        ]
    key = {"nodes": "node_id", "farms": "farm_id", "twins": "twin_id", "contracts": "contract_id"}
    return sorted(row[key.get(resource, "id")] for row in kept)


def _stays(grid: Grid, node: Row, farm: Row, inner: Mapping[str, str]) -> bool:
    mine = node["farm_id"] == farm["farm_id"]
    return mine and all(NODE_OF_FARM[k](grid, node, v) for k, v in inner.items())


CASES: Final = [(resource, name) for resource, (rows, _) in RESOURCES.items() for name in rows]


@pytest.mark.parametrize(("resource", "name"), CASES, ids=[f"{r}: {n}" for r, n in CASES])
@given(draw=st.data())
@settings(max_examples=12)
def test_a_filter_leaves_the_rows_that_plain_python_leaves(
    grid: GridOf, database: Database, resource: str, name: str, draw: st.DataObject
) -> None:
    seed, value = draw.draw(SEEDS), draw.draw(values_of(name))
    kept = told(database(seed), resource, **{name: value})
    assert sorted(kept) == expected(grid(seed), resource, {name: value})


@given(seed=SEEDS, draw=st.data())
@settings(max_examples=120)
def test_filters_together_leave_what_all_of_them_leave(
    grid: GridOf, database: Database, seed: int, draw: st.DataObject
) -> None:
    resource = draw.draw(st.sampled_from(list(RESOURCES)))
    names = draw.draw(
        st.lists(st.sampled_from(list(RESOURCES[resource][0])), min_size=2, max_size=4, unique=True)
    )
    query = {name: draw.draw(values_of(name)) for name in names}
    assert sorted(told(database(seed), resource, **query)) == expected(grid(seed), resource, query)


def test_every_filter_of_the_tables_is_tried() -> None:
    assert set(NODE) == set(NODE_FILTERS)
    assert set(FARM) | set(NODE_OF_FARM) == set(FARMS.reads())
    assert set(TWIN) == set(TWIN_FILTERS)
    assert set(CONTRACT) == set(CONTRACT_FILTERS)
    assert set(IP) == set(PUBLIC_IPS.filters)


@pytest.mark.parametrize("resource", list(questions.LISTS))
@given(seed=SEEDS, size=st.integers(1, 70), draw=st.data())
@settings(max_examples=12)
def test_pages_together_are_every_row_once_in_the_order_of_one_page(
    database: Database, resource: str, seed: int, size: int, draw: st.DataObject
) -> None:
    listing, _ = questions.LISTS[resource]
    order = {"sort_order": [draw.draw(st.sampled_from(["asc", "DESC"]))]}
    sort_by = draw.draw(st.sampled_from(["", *listing.sorts]))
    order |= {"sort_by": [sort_by]} if sort_by else {}

    def page(number: int, rows: int) -> list[Any]:
        asked = {"page": [str(number)], "size": [str(rows)], **order}
        shown = json.loads(questions.rows(database(seed), resource, asked, NOW).body())
        assert isinstance(shown, list)
        return shown

    whole = page(1, 10_000)
    pages = -(-len(whole) // size)
    assert [row for number in range(pages) for row in page(number + 1, size)] == whole
    assert page(pages + 1, size) == []
    assert page(2**64 - 1, size) == []


NODE_ORDERS: Final[Mapping[str, Callable[[Grid, Row], Any]]] = {
    "node_id": lambda _, n: n["node_id"],
    "country": lambda _, n: n["country"],
    "uptime": lambda _, n: n["uptime"],
    "status": lambda g, n: ["up", "standby", "down"].index(g.status(n)),
    "rent_contract_id": lambda g, n: g.rent(n).get("contract_id"),
    "rentable": rentable,
    "num_gpu": lambda *_: 0,
    "extra_fee": lambda _, n: n["extra_fee"],
    "price_usd": lambda g, n: round(g.price(n), 6),
    "free_cru": lambda g, n: free(g, n, "cru"),
    "total_mru": lambda g, n: g.total(n, "mru"),
    "used_sru": lambda g, n: g.used(n, "sru"),
}


@pytest.mark.parametrize("descending", [False, True], ids=["asc", "desc"])
@pytest.mark.parametrize("name", NODE_ORDERS)
def test_an_order_is_that_of_the_values_and_nothing_is_more_than_anything(
    grid: GridOf, database: Database, name: str, descending: bool
) -> None:
    value = NODE_ORDERS[name]
    order = "desc" if descending else "asc"
    shown = told(database(1), "nodes", sort_by=name, sort_order=order)
    nodes = sorted(grid(1).rows("node"), key=lambda node: node["node_id"])
    held = [node for node in nodes if value(grid(1), node) is not None]
    none = [node for node in nodes if value(grid(1), node) is None]
    # Equals stay in the order of their numbers: a reversed sort keeps it.
    held.sort(key=lambda node: value(grid(1), node), reverse=descending)
    due = [*none, *held] if descending else [*held, *none]
    by_number = {node["node_id"]: node for node in nodes}
    assert [value(grid(1), by_number[n]) for n in shown] == [value(grid(1), n) for n in due]
    if name != "price_usd":  # whose last digits differ where the price does not
        assert shown == [node["node_id"] for node in due]


@pytest.mark.parametrize("name", ["available_for", "rentable_or_rented_by"])
@pytest.mark.parametrize("twin", range(1, 10))
def test_what_a_twin_rents_comes_before_what_it_could(
    grid: GridOf, database: Database, name: str, twin: int
) -> None:
    nodes = {node["node_id"]: node for node in grid(2).rows("node")}
    rented = [bool(grid(2).rent(nodes[n])) for n in told(database(2), "nodes", **{name: str(twin)})]
    assert rented == sorted(rented, reverse=True)


@pytest.mark.parametrize("twin", range(1, 10))
def test_farms_with_a_node_that_a_twin_rents_come_first(
    grid: GridOf, database: Database, twin: int
) -> None:
    def rents(farm: int) -> bool:
        nodes = [node for node in grid(3).rows("node") if node["farm_id"] == farm]
        return any(available(grid(3), n, str(twin)) and bool(grid(3).rent(n)) for n in nodes)

    shown = [rents(farm) for farm in told(database(3), "farms", node_available_for=str(twin))]
    assert shown == sorted(shown, reverse=True)


def test_a_random_order_has_every_row_and_is_not_always_the_same(database: Database) -> None:
    first, *others = [told(database(0), "nodes", randomize="true") for _ in range(8)]
    assert all(sorted(one) == sorted(first) for one in others)
    assert any(one != first for one in others)


@pytest.mark.parametrize("resource", list(RESOURCES))
@given(draw=st.data())
@settings(max_examples=3)
def test_all_filters_of_a_resource_fit_into_one_question(
    grid: GridOf, database: Database, resource: str, draw: st.DataObject
) -> None:
    query = {name: draw.draw(values_of(name)) for name in RESOURCES[resource][0]}
    assert sorted(told(database(0), resource, **query)) == expected(grid(0), resource, query)


ANY_NAME: Final = st.sampled_from(
    sorted({name for rows, _ in RESOURCES.values() for name in rows}
           | {"size", "page", "ret_count", "randomize", "sort_by", "sort_order", "balance"})
)  # fmt: skip
ANY_VALUE: Final = st.one_of(
    st.text(max_size=12), st.binary(max_size=9), BYTES, TEXTS, LISTS, FLAGS
)
PIECES: Final = st.lists(
    st.tuples(ANY_NAME, ANY_VALUE).map(lambda pair: urlencode([pair])), min_size=1, max_size=4
)


@given(resource=st.sampled_from(list(questions.LISTS)), pieces=PIECES)
@settings(max_examples=300)
def test_whatever_is_asked_is_answered_or_refused(
    database: Database, resource: str, pieces: list[str]
) -> None:
    query = query_of("&".join(pieces).encode())
    try:
        reply = questions.rows(database(0), resource, query, NOW)
    except Malformed:
        return
    assert isinstance(json.loads(reply.body()), list)
