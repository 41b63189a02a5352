"""On which nodes the ledger and the second program differ: for the log, and to be named there (P10)."""

from dataclasses import dataclass

import trio

from tfchain.base.shapes import decode_record
from tfchain.base.units import NodeId, Utft
from tfchain.chain.receipts import receipt_id
from tfchain.ledger import tables
from tfchain.ledger.disputes import NAMED_MAX, NamedNode
from tfchain.ledger.minting import Batch, Receipt
from tfchain.node.guardian import columns_wire as wire
from tfchain.node.guardian.columns_parent import Program
from tfchain.store.chain import ChainStore
from tfchain.tx.kinds.dispute_nodes import DisputeNodes

NO_RECEIPT = bytes(32)
"""What is named where a node should have no receipt at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Differing:
    """A node with its receipt here and on the ledger; None where there is none."""

    node_id: NodeId
    mine: Receipt | None
    theirs: Receipt | None


async def differing(
    chain: ChainStore, program: Program, batch: Batch, count: int, most: int
) -> list[Differing]:
    """The first nodes, up to `most`, whose receipts are not the same; `count`: receipts of ours."""
    found, after = list[Differing](), 0
    for first in range(0, count, wire.SHOWN_MAX):
        show = wire.Show(schedule=batch.schedule, period=batch.period, first=first)
        answer = await program.ask(show)
        if not isinstance(answer, wire.Shown) or not answer.receipts:
            break
        mine = [decode_record(Receipt, raw) for raw in answer.receipts]
        last = mine[-1].node_id
        found += await trio.to_thread.run_sync(_between, chain, batch, mine, (after, last))
        after = last
        if len(found) >= most:
            return found[:most]
    rest = after, batch.node_last
    return [*found, *await trio.to_thread.run_sync(_between, chain, batch, [], rest)][:most]


async def named(chain: ChainStore, program: Program, batch: Batch, count: int) -> DisputeNodes:
    """What a guardian says of a disputed batch: as many of its nodes as there is room for."""
    rows = await differing(chain, program, batch, count, NAMED_MAX)
    return DisputeNodes(
        schedule=batch.schedule,
        period=batch.period,
        named=tuple(_named(row) for row in rows),
    )


def _between(
    chain: ChainStore, batch: Batch, mine: list[Receipt], span: tuple[int, int]
) -> list[Differing]:
    """Of the nodes after the first and up to the last, those that differ; runs in a thread."""
    name, own = tables.batch_key(batch.schedule, batch.period), {row.node_id: row for row in mine}
    found = []
    for number in range(span[0] + 1, span[1] + 1):
        node_id = NodeId(number)
        stored = chain.store.get(tables.RECEIPTS.stored_at(tables.in_batch(name, node_id)))
        theirs = None if stored is None else tables.RECEIPTS.decode(stored)
        if theirs != own.get(node_id):
            found.append(Differing(node_id=node_id, mine=own.get(node_id), theirs=theirs))
    return found


def _named(row: Differing) -> NamedNode:
    if row.mine is None:
        return NamedNode(node_id=row.node_id, receipt=NO_RECEIPT, amount=Utft(0))
    receipt = receipt_id(row.mine)
    return NamedNode(node_id=row.node_id, receipt=receipt, amount=row.mine.amount)
