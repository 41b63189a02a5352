"""A grid from a seed: rows as plain values, the database that holds them, and what they mean in Python."""

import random
import sqlite3
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

from tfchain.index.entities import ENTITIES
from tfchain.index.schema import columns_of, create_entities, snake

NOW: Final = 1_700_000_000
GIB: Final = 1024**3
LIVE: Final = ("Created", "GracePeriod")
AGES: Final = (0, 4_799, 4_800, 4_801, 86_399, 86_400, 86_401, 1_000_000)
"""Seconds since a node's last report: beside the bounds of its status, and far from them."""
COUNTRIES: Final = {"Belgium": "Europe", "Türkiye": "Asia", "Egypt": "Northern Africa"}
CITIES: Final = ("Ghent", "ÅLESUND", "İzmir", "100% Cairo", "a_b", None)
NAMES: Final = ("Freefarm", "FREE_farm", "50% off", "Ωmega", "o'clock", '"quoted"')

Row = dict[str, Any]


class Grid:
    """All rows of a grid, by table."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.tables: dict[str, list[Row]] = {snake(name): [] for name in ENTITIES}
        self._make()

    def _put(self, table: str, **row: Any) -> Row:
        made = {"id": f"{table}-{len(self.tables[table]):04d}", **row}
        self.tables[table].append(made)
        return made

    def _make(self) -> None:
        for name, region in COUNTRIES.items():
            self._put("country", country_id=1, code="", name=name, region=region, subregion="")
        for number, (cu, su) in enumerate(((100_000, 50_000), (7, 0)), start=1):
            self._put("pricing_policy", pricing_policy_id=number, cu_value=cu, su_value=su)
        for number in range(1, 10):
            self._twin(number)
        for number in range(1, 7):
            self._farm(number)
        for number in self.chance.sample(range(1, 60), 24):
            self._node(number)
        for number in range(1, 60):
            self._contract(number)

    def _twin(self, number: int) -> None:
        relay = self.chance.choice(["relay.one", "relay.two", None])
        key = self.chance.choice([None, f"0x{number:02x}"])
        self._put("twin", twin_id=number, account_id=f"5{number}", relay=relay, public_key=key)

    def _farm(self, number: int) -> None:
        pick = self.chance.choice
        farm = self._put(
            "farm",
            farm_id=number,
            name=NAMES[number - 1],
            twin_id=pick(range(1, 10)),
            pricing_policy_id=pick([0, 1, 2, 3]),
            certification=pick(["NotCertified", "Gold", None]),
            stellar_address=pick(["", None, "GABC"]),
            dedicated_farm=pick([0, 1, None]),
        )
        for _ in range(pick(range(4))):
            ip = f"185.206.122.{len(self.tables['public_ip'])}/24"
            link = {"farm_id": farm["id"], "contract_id": pick([0, 0, 9])}
            self._put("public_ip", ip=ip, gateway=pick(["185.206.122.1", "1.1.1.1"]), **link)

    def _node(self, number: int) -> None:
        pick = self.chance.choice
        country = pick([*COUNTRIES, "Atlantis", None])
        state, target = pick(
            [(None, None), ("Up", "Up"), ("Down", "Down"), ("Up", "Down"), ("Down", "Up")]
        )
        node = self._put(
            "node",
            node_id=number,
            farm_id=pick(range(1, 7)),
            twin_id=100 + number,
            country=country,
            city=pick(CITIES),
            location_longitude=pick(["4.4699", "-0.5", "", "NaN", "1e5", "10", "east"]),
            location_latitude=pick(["50.503887", "90", "x"]),
            uptime=pick([None, 0, 1_000]),
            created=NOW - number,
            farming_policy_id=pick([1, 2]),
            certification=pick(["Diy", "Certified", None]),
            serial_number=pick([None, "S1"]),
            updated_at=NOW - pick(AGES),
            power_state=state,
            power_target=target,
            dedicated=0,
            extra_fee=pick([None, 0, 0, 5_000_000]),
        )
        if pick([1, 1, 0]):
            units = {
                unit: pick([0, 8, 100]) * GIB + pick([0, 5, 9]) for unit in ("hru", "sru", "mru")
            }
            self._put("node_resources_total", node_id=node["id"], cru=pick([0, 4, 64]), **units)
        if pick([1, 0]):
            config = {
                name: pick([None, "", f"{name}.x"]) for name in ("ipv4", "ipv6", "gw4", "gw6")
            }
            self._put(
                "public_config", node_id=node["id"], domain=pick([None, "", "gent.grid"]), **config
            )

    def _contract(self, number: int) -> None:
        pick = self.chance.choice
        kind = pick(["node", "node", "node", "rent", "name"])
        nodes = [row["node_id"] for row in self.tables["node"]]
        row = {
            "contract_id": number,
            "twin_id": pick(range(1, 10)),
            "state": pick([*LIVE, "Deleted", "OutOfFunds"]),
            "created_at": NOW - number * 5_000,
        }
        if kind == "name":
            self._put("name_contract", name=pick(["alpha", "beta"]), **row)
        elif kind == "rent":
            self._put("rent_contract", node_id=pick(nodes), **row)
        else:
            self._node_contract(row, pick(nodes))
        for _ in range(pick(range(4))):
            amount = pick([0, 12_345, 70_000_000])
            when = NOW - pick(range(1, 5)) * 3_000
            bill = {"discount_received": pick(["None", "Gold"]), "amount_billed": amount}
            self._put("contract_bill_report", contract_id=number, timestamp=when, **bill)

    def _node_contract(self, row: Row, node: int) -> None:
        pick = self.chance.choice
        told = pick(["", '{"a":"<b> & c"}'])
        made = self._put(
            "node_contract",
            node_id=node,
            deployment_data=told,
            deployment_hash=pick(["", "abc"]),
            number_of_public_i_ps=pick([0, 1, 3]),
            resources_used_id=None,
            **row,
        )
        if pick([1, 1, 0]):
            units = {unit: pick([0, GIB, 3 * GIB]) for unit in ("hru", "sru", "mru")}
            part = self._put(
                "contract_resources", contract_id=made["id"], cru=pick([0, 2]), **units
            )
            made["resources_used_id"] = part["id"]

    # --- what rows mean -------------------------------------------------------------------------

    def rows(self, table: str) -> list[Row]:
        return self.tables[table]

    def farm_of(self, node: Row) -> Row:
        return next(row for row in self.rows("farm") if row["farm_id"] == node["farm_id"])

    def of_node(self, table: str, node: Row) -> Row:
        return next((row for row in self.rows(table) if row["node_id"] == node["id"]), {})

    def held(self, node: Row) -> list[Row]:
        rows = self.rows("node_contract")
        return [r for r in rows if r["node_id"] == node["node_id"] and r["state"] in LIVE]

    def rent(self, node: Row) -> Row:
        rows = self.rows("rent_contract")
        held = [r for r in rows if r["node_id"] == node["node_id"] and r["state"] in LIVE]
        return min(held, key=lambda row: row["contract_id"], default={})

    def total(self, node: Row, unit: str) -> int:
        return int(self.of_node("node_resources_total", node).get(unit, 0))

    def used(self, node: Row, unit: str) -> int:
        parts = {row["id"]: row for row in self.rows("contract_resources")}
        used = [
            parts[r["resources_used_id"]][unit] for r in self.held(node) if r["resources_used_id"]
        ]
        own = {"mru": max(int(self.total(node, "mru") / 10 + 0.5), 2 * GIB), "sru": 20 * GIB}
        return int(sum(used)) + own.get(unit, 0)

    def status(self, node: Row) -> str:
        age = NOW - node["updated_at"]
        awake = node["power_state"] in (None, "Up") and node["power_target"] in (None, "Up")
        if awake:
            return "up" if age <= 80 * 60 else "down"
        return "standby" if age <= 24 * 3600 else "down"

    def ips(self, farm: Row, *, free: bool = False) -> list[Row]:
        rows = [row for row in self.rows("public_ip") if row["farm_id"] == farm["id"]]
        return [row for row in rows if not free or row["contract_id"] == 0]

    def whole(self, node: Row) -> bool:
        return bool(self.farm_of(node)["dedicated_farm"]) or not self.held(node)

    def price(self, node: Row) -> float:
        number = self.farm_of(node)["pricing_policy_id"] or 1
        policies = {row["pricing_policy_id"]: row for row in self.rows("pricing_policy")}
        if number not in policies:
            return 0.0
        cru, mru = self.total(node, "cru"), self.total(node, "mru") / GIB
        cu = min(max(mru / 4, cru / 2), max(mru / 8, cru), max(mru / 2, cru / 4))
        su = self.total(node, "hru") / GIB / 1200 + self.total(node, "sru") / GIB / 200
        policy = policies[number]
        hour = cu * policy["cu_value"] + su * policy["su_value"] + (node["extra_fee"] or 0)
        return float(hour) * (1.25 if node["certification"] == "Certified" else 1) * 720 / 1e7

    def contracts(self) -> list[Row]:
        kinds = ("node", "rent", "name")
        found = [{**r, "type": kind} for kind in kinds for r in self.rows(f"{kind}_contract")]
        return sorted(found, key=lambda row: row["contract_id"])

    # --- the database ---------------------------------------------------------------------------

    def database(self, path: str = ":memory:") -> sqlite3.Connection:
        rows = sqlite3.connect(path, check_same_thread=False)
        rows.row_factory = sqlite3.Row
        for line in create_entities():
            rows.execute(line)
        for entity in ENTITIES.values():
            columns = columns_of(entity)
            marks = ", ".join("?" * len(columns))
            for row in self.rows(snake(entity.name)):
                values = [
                    row.get(c.name, _nothing(c.sql_type) if c.required else None) for c in columns
                ]
                rows.execute(f"INSERT INTO {snake(entity.name)} VALUES ({marks})", values)
        rows.commit()
        return rows


def _nothing(sql_type: str) -> int | str:
    return 0 if sql_type == "INTEGER" else ""


@cache
def _grid(seed: int) -> Grid:
    return Grid(seed)


GridOf = Callable[[int], Grid]
Database = Callable[[int], sqlite3.Connection]


@pytest.fixture(scope="session")
def grid() -> GridOf:
    """`grid(seed)`: the rows of a grid."""
    return _grid


@pytest.fixture(scope="session")
def database() -> Iterator[Database]:
    """`database(seed)`: a database that holds that grid; nobody writes to it."""
    opened: dict[int, sqlite3.Connection] = {}

    def of(seed: int) -> sqlite3.Connection:
        if seed not in opened:
            opened[seed] = _grid(seed).database()
        return opened[seed]

    yield of
    for one in opened.values():
        one.close()


@pytest.fixture
def grid_file(tmp_path: Path) -> Path:
    """The first grid in a file."""
    path = tmp_path / "grid.sqlite"
    _grid(0).database(str(path)).close()
    return path
