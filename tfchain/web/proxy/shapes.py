"""Rows as the public server's clients know them: their keys, in order, and what stands for nothing.

What the ledger has no source for has the empty form: graphics cards, hardware lists, speeds, health
and features of a node, its workloads.
"""

import json
import re
from collections.abc import Mapping
from fractions import Fraction
from math import floor
from sqlite3 import Row
from typing import Final

Json = Mapping[str, object]

_PLACE: Final = re.compile(r"[+-]?(?:[0-9]{1,18}(?:\.[0-9]{0,18})?|\.[0-9]{1,18})")


def node(row: Row) -> Json:
    """A node of a list."""
    return _node(
        row, {"total_resources": _units(row, "total"), "used_resources": _units(row, "used")}
    )


def node_alone(row: Row) -> Json:
    """A node asked for by its number: its resources stand one level deeper."""
    nested = {"total_resources": _units(row, "total"), "used_resources": _units(row, "used")}
    return _node(row, {"capacity": nested})


def _node(row: Row, resources: Json) -> Json:
    return {
        "id": row["id"],
        "nodeId": row["node_id"],
        "farmId": row["farm_id"],
        "farmName": row["farm_name"] or "",
        "twinId": row["twin_id"],
        "country": row["country"] or "",
        "gridVersion": row["grid_version"],
        "city": row["city"] or "",
        "uptime": row["uptime"] or 0,
        "created": row["created"],
        "farmingPolicyId": row["farming_policy_id"],
        "updatedAt": row["updated_at"],
        **resources,
        "location": {
            "country": row["country"] or "",
            "city": row["city"] or "",
            "longitude": _degrees(row["location_longitude"]),
            "latitude": _degrees(row["location_latitude"]),
        },
        "publicConfig": {
            name: row[name] or "" for name in ("domain", "gw4", "gw6", "ipv4", "ipv6")
        },
        "status": row["status"],
        "certificationType": row["certification"] or "",
        "dedicated": bool(row["dedicated_now"]),
        "inDedicatedFarm": bool(row["dedicated_farm"]),
        "rentContractId": row["rent_contract"] or 0,
        "rented": row["renter"] is not None,
        "rentable": bool(row["rentable"]),
        "rentedByTwinId": row["renter"] or 0,
        "serialNumber": row["serial_number"] or "",
        "power": {"state": row["power_state"] or "", "target": row["power_target"] or ""},
        "num_gpu": 0,
        "extraFee": row["extra_fee"] or 0,
        "healthy": False,
        "dmi": {
            "bios": {"vendor": "", "version": ""},
            "baseboard": {"manufacturer": "", "product_name": ""},
            "processor": [],
            "memory": [],
        },
        "speed": {"upload": 0, "download": 0},
        "gpus": [],
        "price_usd": plain(Fraction(floor(row["price_usd"] * 1000 + 0.5), 1000)),
        "farm_free_ips": row["farm_free_ips"],
        "features": [],
    }


def _units(row: Row, which: str) -> Json:
    return {unit: row[f"{which}_{unit}"] for unit in ("cru", "sru", "hru", "mru")}


def _degrees(said: str) -> int | float | None:
    """A coordinate as a number; `None` for a text that is none."""
    return plain(Fraction(said)) if _PLACE.fullmatch(said) else None


def plain(value: Fraction) -> int | float:
    """A number as clients with strict types read it: whole ones without a point."""
    return value.numerator if value.denominator == 1 else float(value)


def statistics(row: Row) -> Json:
    """What a node has, uses and keeps for itself, as far as the ledger knows."""
    own = {"cru": 0, "hru": 0, "sru": row["own_sru"], "mru": row["own_mru"]}
    users = {
        "deployments": row["contracts"],
        "workloads": 0,
        "last_deployment_timestamp": row["last_contract"] or 0,
    }
    return {
        "system": _statistic(own, 0),
        "total": _statistic(_units(row, "total"), 0),
        "used": _statistic(_units(row, "used"), row["lent_ips"]),
        "users": users,
    }


def _statistic(units: Json, ips: int) -> Json:
    known = {**units, "ipv4u": ips}
    return {name: known[name] for name in ("cru", "hru", "ipv4u", "mru", "sru")}


def farm(row: Row) -> Json:
    """A farm."""
    return {
        "name": row["name"],
        "farmId": row["farm_id"],
        "twinId": row["twin_id"],
        "pricingPolicyId": row["pricing_policy_id"],
        "certificationType": row["certification"] or "",
        "stellarAddress": row["stellar_address"] or "",
        "dedicated": bool(row["dedicated_farm"]),
        "publicIps": json.loads(row["public_ips"]),
    }


def public_ip(row: Row) -> Json:
    """An address of a farm, whose number is left out if there is no such farm."""
    shown = {name: row[name] for name in ("id", "ip", "gateway", "contract_id")}
    return shown | ({"farm_id": row["farm_number"]} if row["farm_number"] else {})


def twin(row: Row) -> Json:
    """A twin."""
    return {
        "twinId": row["twin_id"],
        "accountId": row["account_id"],
        "relay": row["relay"] or "",
        "publicKey": row["public_key"] or "",
    }


def contract(row: Row) -> Json:
    """A contract; its type says which details it has."""
    return {
        "contract_id": row["contract_id"],
        "twin_id": row["twin_id"],
        "state": row["state"],
        "created_at": row["created_at"],
        "type": row["type"],
        "details": _details(row),
    }


def _details(row: Row) -> Json:
    if row["type"] == "name":
        return {"name": row["name"]}
    farm = {"farm_name": row["farm_name"] or "", "farm_id": row["farm_number"] or 0}
    if row["type"] == "rent":
        return {"nodeId": row["node_id"], **farm}
    return {
        "nodeId": row["node_id"],
        "deployment_data": row["deployment_data"],
        "deployment_hash": row["deployment_hash"],
        "number_of_public_ips": row["ips"],
        **farm,
    }


def bill(row: Row) -> Json:
    """A bill of the contract that was asked for."""
    return {
        "amountBilled": row["amount_billed"],
        "discountReceived": row["discount_received"],
        "timestamp": row["timestamp"],
    }


HEALTH: Final[Json] = {
    "total_state_ok": True,
    "db_conn": "ok",
    "rmb_conn": "",
    "indexers": {
        name: {"updated_at": 0}
        for name in ("gpu", "health", "dmi", "speed", "ipv6", "workloads", "features")
    },
}
"""There is no relay behind this server, and nothing that asks nodes for what the ledger has not."""
