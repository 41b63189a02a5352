"""What users took of a node in a period: what reports add, and what a receipt asks (rules.md 2.2).

A report counts in the period that its block falls into, whole: what is known of a period when it
ends never changes afterwards.
"""

from typing import Final

from tfchain.base.units import U64_MAX, U128_MAX, NodeId, Seconds
from tfchain.ledger import tables
from tfchain.ledger.cultivation import RENT_CONTRACT, CapacityContract, Consumption
from tfchain.ledger.records import Node
from tfchain.ledger.state import State
from tfchain.tx.kind import Context

NONE: Final = Consumption(cru=0, mru=0, hru=0, sru=0, traffic=0, ip_seconds=0)


def add(
    state: State,
    context: Context,
    node: Node,
    contract: CapacityContract,
    window: Seconds,
    traffic: int,
) -> None:
    """Count a report of a contract of somebody else's than the farmer's."""
    key = tables.id_key(node.id)
    schedule = context.params.schedule(tables.CONTRACTS.need(state, key).schedule)
    period = schedule.index_of(context.time)
    if period is None:
        return
    place = tables.in_batch(tables.batch_key(schedule.id, period), node.id)
    row = tables.CONSUMED.get(state, place) or NONE
    used = node.resources if contract.type == RENT_CONTRACT else contract.used
    after = Consumption(
        cru=min(row.cru + used.cru * window, U128_MAX),
        mru=min(row.mru + used.mru * window, U128_MAX),
        hru=min(row.hru + used.hru * window, U128_MAX),
        sru=min(row.sru + used.sru * window, U128_MAX),
        traffic=min(row.traffic + traffic, U64_MAX),
        ip_seconds=min(row.ip_seconds + contract.public_ips * window, U64_MAX),
    )
    tables.CONSUMED.put(state, place, after)


def drop(state: State, batch: bytes, node_id: NodeId) -> None:
    """Forget what a receipt now says."""
    if consumed(state, batch, node_id) != NONE:
        tables.CONSUMED.drop(state, tables.in_batch(batch, node_id))


def consumed(state: State, batch: bytes, node_id: NodeId) -> Consumption:
    """What was told of a node in a batch's period; nothing where nobody told."""
    return tables.CONSUMED.get(state, tables.in_batch(batch, node_id)) or NONE
