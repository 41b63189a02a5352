"""The receipts of a batch in node order, each with its coins, as they stand in the audited state."""

from collections.abc import Iterator
from dataclasses import dataclass

from tfchain.base.units import NodeId, mul_div_floor
from tfchain.ledger import tables
from tfchain.ledger.minting import DISPUTED, SEALED, Batch, MintRecord, Receipt
from tfchain.ledger.state import Reader


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """A receipt and what becomes of it."""

    receipt: Receipt
    mint: MintRecord | None
    """The coins, once they are there."""
    pay: int
    """What is paid of what is owed: less at the supply cap, nothing while a batch is disputed."""


def is_settled(batch: Batch) -> bool:
    """Whether all receipts of a batch stand."""
    return batch.state >= SEALED


def settled(rows: Reader, batch: Batch) -> Iterator[Settled]:
    """Every receipt of a settled batch."""
    for number in range(1, batch.node_last + 1):
        receipt = receipt_of(rows, batch, NodeId(number))
        if receipt is not None:
            mint = _mint_of(rows, batch, NodeId(number))
            yield Settled(receipt=receipt, mint=mint, pay=_pay(batch, receipt, mint))


def receipt_of(rows: Reader, batch: Batch, node: NodeId) -> Receipt | None:
    """A node's receipt, if the batch has one."""
    stored = rows.get(tables.RECEIPTS.stored_at(_place(batch, node)))
    return None if stored is None else tables.RECEIPTS.decode(stored)


def _mint_of(rows: Reader, batch: Batch, node: NodeId) -> MintRecord | None:
    stored = rows.get(tables.MINTS.stored_at(_place(batch, node)))
    return None if stored is None else tables.MINTS.decode(stored)


def _place(batch: Batch, node: NodeId) -> bytes:
    return tables.in_batch(tables.batch_key(batch.schedule, batch.period), node)


def _pay(batch: Batch, receipt: Receipt, mint: MintRecord | None) -> int:
    """A cut at the supply cap is pro rata, rounded down (P15)."""
    if mint is not None:
        return mint.amount
    if batch.state == DISPUTED:
        return 0
    if batch.payable < batch.total:
        return mul_div_floor(receipt.amount, batch.payable, batch.total)
    return receipt.amount
