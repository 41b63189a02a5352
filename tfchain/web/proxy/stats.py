"""The grid in numbers."""

from collections import Counter
from sqlite3 import Connection
from typing import Final

from tfchain.web.proxy.listing import where_of
from tfchain.web.proxy.nodes import DEDICATED, NODE_FILTERS, NODES
from tfchain.web.proxy.parameters import Asked
from tfchain.web.proxy.shapes import Json

STATS_READS: Final = {"status": NODE_FILTERS["status"].read}
"""Which nodes are counted; farms, twins, contracts and addresses are all counted always."""

_WHOLE: Final = (
    "SELECT (SELECT count(*) FROM farm) AS farms, (SELECT count(*) FROM twin) AS twins"
    ", (SELECT count(*) FROM public_ip) AS ips"
    ", (SELECT count(*) FROM node_contract) + (SELECT count(*) FROM rent_contract)"
    " + (SELECT count(*) FROM name_contract) AS contracts"
)
_NODES: Final = (
    "SELECT coalesce(node.country, '') AS country, total.cru, total.sru, total.mru, total.hru"
    ", coalesce(config.ipv4, '') <> '' OR coalesce(config.ipv6, '') <> '' AS reachable"
    f", coalesce(config.domain, '') <> '' AS named, {DEDICATED} AS dedicated_now"
    f" FROM {NODES.source}"
)


def stats(connection: Connection, asked: Asked, now: int) -> Json:
    """What `/stats` says, `now` in seconds of Unix time."""
    whole = connection.execute(_WHOLE).fetchone()
    where, bound = where_of(NODES, asked.values)
    nodes = connection.execute(f"{_NODES} WHERE {where}", bound | {"now": now}).fetchall()
    countries = Counter(row["country"] for row in nodes)

    def total(unit: str) -> int:
        # Added here: what all disks hold together may be more than a number of SQL can be.
        return sum(row[unit] or 0 for row in nodes)

    return {
        "nodes": len(nodes),
        "farms": whole["farms"],
        "countries": len(countries),
        "totalCru": total("cru"),
        "totalSru": total("sru"),
        "totalMru": total("mru"),
        "totalHru": total("hru"),
        "publicIps": whole["ips"],
        "accessNodes": sum(row["reachable"] for row in nodes),
        "gateways": sum(row["reachable"] and row["named"] for row in nodes),
        "twins": whole["twins"],
        "contracts": whole["contracts"],
        "nodesDistribution": dict(sorted(countries.items())),
        "gpus": 0,
        "dedicatedNodes": sum(row["dedicated_now"] for row in nodes),
        "workloads_number": 0,
    }
