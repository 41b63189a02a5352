"""What each route asks the read model: plain functions of a connection, parameters and the time."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from sqlite3 import Connection, Row
from typing import Final

from tfchain.web.proxy import shapes, twins
from tfchain.web.proxy.contracts import BILLS, CONTRACTS
from tfchain.web.proxy.farms import FARMS, PUBLIC_IPS
from tfchain.web.proxy.listing import Listing, Page, page_of
from tfchain.web.proxy.nodes import (
    CONTRACTS_COUNT,
    GATEWAYS,
    LAST_CONTRACT,
    LENT_IPS,
    NODES,
    OWN_MRU,
    OWN_SRU,
)
from tfchain.web.proxy.parameters import I64_MAX, Asked, asked
from tfchain.web.proxy.replies import Reply, missing
from tfchain.web.proxy.shapes import Json
from tfchain.web.proxy.stats import STATS_READS, stats
from tfchain.web.proxy.twins import TWINS

Query = Mapping[str, Sequence[str]]
Shape = Callable[[Row], Json]

LISTS: Final[Mapping[str, tuple[Listing, Shape]]] = {
    "farms": (FARMS, shapes.farm),
    "nodes": (NODES, shapes.node),
    "gateways": (GATEWAYS, shapes.node),
    "twins": (TWINS, shapes.twin),
    "contracts": (CONTRACTS, shapes.contract),
    "public_ips": (PUBLIC_IPS, shapes.public_ip),
    "ips": (PUBLIC_IPS, shapes.public_ip),
}
"""Every list: `/ips` is how the public server's own description calls `/public_ips`."""

NODE_MISSING: Final = "node not found"
GATEWAY_MISSING: Final = "gateway not found"
CONTRACT_MISSING: Final = "contract not found"

_STATISTICS: Final = replace(
    NODES,
    columns=f"{NODES.columns}, {CONTRACTS_COUNT} AS contracts, {OWN_MRU} AS own_mru"
    f", {OWN_SRU} AS own_sru, {LAST_CONTRACT} AS last_contract, {LENT_IPS} AS lent_ips",
)


def rows(connection: Connection, name: str, query: Query, now: int) -> Reply:
    """A page of the list of that name.

    Raises:
        Malformed: a parameter that it does not take.
    """
    listing, shape = LISTS[name]
    wanted = asked(query, listing.reads(), listing.sorts)
    return _listed(page_of(connection, listing, wanted, now), shape)


def _listed(page: Page, shape: Shape) -> Reply:
    """The rows, and headers with their number if it was asked for."""
    headers: dict[str, str] = {}
    if page.count is not None:
        size = page.limit.size
        pages = -(-page.count // size) if size else 0
        headers = {"count": str(page.count), "size": str(size), "pages": str(pages)}
    return Reply(content=[shape(row) for row in page.rows], headers=headers)


def node(connection: Connection, number: int, now: int) -> Reply:
    """A node by its number."""
    row = _one(connection, NODES, "node_id", number, now)
    return Reply(content=shapes.node_alone(row)) if row else missing(NODE_MISSING, 404)


def gateway(connection: Connection, number: int, now: int) -> Reply:
    """A node by its number, if it has a public domain."""
    row = _one(connection, NODES, "node_id", number, now)
    if row is None:
        return missing(NODE_MISSING, 404)
    if not row["domain"]:
        return missing(GATEWAY_MISSING, 404)
    return Reply(content=shapes.node_alone(row))


def status(connection: Connection, number: int, now: int) -> Reply:
    """Whether a node is up. The public server calls a missing one its own fault, and clients know it."""
    row = _one(connection, NODES, "node_id", number, now)
    return Reply(content={"status": row["status"]}) if row else missing(NODE_MISSING, 500)


def statistics(connection: Connection, number: int, now: int) -> Reply:
    """What a node has and what is used of it, as the ledger knows it, whether the node is up or not."""
    row = _one(connection, _STATISTICS, "node_id", number, now)
    return Reply(content=shapes.statistics(row)) if row else missing(NODE_MISSING, 404)


def gpus(connection: Connection, number: int, now: int) -> Reply:
    """A node's graphics cards: the ledger knows of none."""
    row = _one(connection, NODES, "node_id", number, now)
    return Reply(content=[]) if row else missing(NODE_MISSING, 404)


def contract(connection: Connection, number: int, now: int) -> Reply:
    """A contract by its number."""
    row = _one(connection, CONTRACTS, "contract_id", number, now)
    return Reply(content=shapes.contract(row)) if row else missing(CONTRACT_MISSING, 500)


def bills(connection: Connection, number: int, query: Query, now: int) -> Reply:
    """A contract's bills, the latest first; of one that never was, none.

    Raises:
        Malformed: a parameter that is not of a page.
    """
    wanted = replace(asked(query, {}), values={"contract_id": min(number, I64_MAX)})
    return _listed(page_of(connection, BILLS, wanted, now), shapes.bill)


def consumption(connection: Connection, number: int) -> Reply:
    """What a twin's contracts cost it."""
    hourly, overall = twins.consumption(connection, min(number, I64_MAX))
    shown = {"last_hour_consumption": hourly, "overall_consumption": overall}
    return Reply(content={name: shapes.plain(value) for name, value in shown.items()})


def summary(connection: Connection, query: Query, now: int) -> Reply:
    """The grid in numbers.

    Raises:
        Malformed: a parameter that it does not take.
    """
    return Reply(content=stats(connection, asked(query, STATS_READS), now))


def _one(connection: Connection, listing: Listing, key: str, number: int, now: int) -> Row | None:
    """The row of that number."""
    found = page_of(connection, listing, Asked(values={key: min(number, I64_MAX)}), now).rows
    return found[0] if found else None
