"""Who is who: the questions that several kinds ask before they do anything."""

from dataclasses import replace

from tfchain.base.codec import encode
from tfchain.base.crypto import verify
from tfchain.base.units import Address, FarmId, NodeId
from tfchain.errors import Rejected
from tfchain.ledger import tables
from tfchain.ledger.records import Farm, Node, Resources, Totals, Twin, Uptime
from tfchain.ledger.state import State
from tfchain.tx.kind import Context

ACCEPTANCE_DOMAIN = b"tfchain/acceptance/1\x00"


def twin_of(state: State, account: Address) -> Twin:
    """The account's twin; `Rejected("no_twin")`."""
    ref = tables.TWIN_OF.get(state, account)
    if ref is None:
        raise Rejected("no_twin", "create_twin comes first")
    return tables.TWINS.need(state, tables.id_key(ref.twin_id))


def farm_at(state: State, farm_id: FarmId) -> Farm:
    """The farm; `Rejected("unknown_farm")`."""
    farm = tables.FARMS.get(state, tables.id_key(farm_id))
    if farm is None:
        raise Rejected("unknown_farm", str(farm_id))
    return farm


def owner_of(state: State, farm: Farm) -> Address:
    """The account that a farm answers to."""
    return tables.TWINS.need(state, tables.id_key(farm.twin_id)).account


def own_farm(state: State, farm_id: FarmId, account: Address) -> Farm:
    """The farm, if the account owns it; `Rejected("not_the_owner")`."""
    farm = farm_at(state, farm_id)
    if owner_of(state, farm) != account:
        raise Rejected("not_the_owner", f"farm {farm_id} is another's")
    return farm


def node_at(state: State, node_id: NodeId) -> Node:
    """The node, unless it was deleted; `Rejected("unknown_node")`."""
    node = tables.NODES.get(state, tables.id_key(node_id))
    if node is None or tables.GONE.get(state, tables.id_key(node_id)) is not None:
        raise Rejected("unknown_node", str(node_id))
    return node


def reported_row(state: State, node_id: NodeId, sender: Address) -> Uptime:
    """The node's running account, if the sender is its reporter; `Rejected`."""
    row = tables.UPTIMES.get(state, tables.id_key(node_id))
    if row is None:
        raise Rejected("unknown_node", str(node_id))
    if row.reporter != sender:
        raise Rejected("not_the_reporter", f"node {node_id} reports with another key")
    return row


def check_enabled(state: State, node_id: NodeId) -> None:
    """`Rejected("disabled")` for a node that was flagged a fraud (rules.md 6)."""
    if tables.FRAUDS.get(state, tables.of_node(node_id)) is not None:
        raise Rejected("disabled", f"node {node_id} is flagged")


def acceptance_message(
    chain_id: str, sender: Address, nonce: int, farm_id: FarmId, resources: Resources
) -> bytes:
    """What a farm's owner signs to take a node, or its new size, into the farm (P21).

    Bound to one transaction of the sender by its nonce, so that it cannot be used again.
    """
    size = [resources.cru, resources.mru, resources.hru, resources.sru]
    return ACCEPTANCE_DOMAIN + encode([chain_id, sender, nonce, farm_id, size])


def check_acceptance(
    state: State, context: Context, farm: Farm, resources: Resources, acceptance: bytes
) -> None:
    """`Rejected("not_accepted")` unless the farm's owner sent or signed this."""
    owner = owner_of(state, farm)
    if owner == context.sender:
        return
    message = acceptance_message(
        context.params.chain_id, context.sender, context.nonce, farm.id, resources
    )
    if not verify(owner, message, acceptance):
        raise Rejected("not_accepted", f"the owner of farm {farm.id} has not signed this")


def check_resources(context: Context, resources: Resources) -> None:
    """`Rejected("resources")` outside the genesis bounds (P21)."""
    row = context.params.resources
    bounds = (
        ("cru", resources.cru, row.cru_min, row.cru_max),
        ("mru", resources.mru, row.mru_min, row.mru_max),
        ("hru", resources.hru, row.hru_min, row.hru_max),
        ("sru", resources.sru, row.sru_min, row.sru_max),
    )
    for name, value, least, most in bounds:
        if not least <= value <= most:
            raise Rejected("resources", f"{name} {value} is not within {least} to {most}")


def totals(state: State) -> Totals:
    """Last ids and supply."""
    return tables.TOTALS.need(state, tables.SINGLE)


def next_ids(state: State, *, twins: int = 0, farms: int = 0, nodes: int = 0) -> Totals:
    """Totals with that many more ids given; written, and returned."""
    now = totals(state)
    after = replace(now, twins=now.twins + twins, farms=now.farms + farms, nodes=now.nodes + nodes)
    tables.TOTALS.put(state, tables.SINGLE, after)
    return after
