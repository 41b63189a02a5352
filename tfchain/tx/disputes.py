"""What guardians rule about a batch that they do not agree on: pay it without some, or never (P10)."""

from dataclasses import replace
from typing import Final

from tfchain.base.units import Height, PeriodIndex, ScheduleId, Seconds, Utft
from tfchain.errors import Rejected
from tfchain.ledger import tables
from tfchain.ledger.disputes import Ruling
from tfchain.ledger.kept import schedule_state
from tfchain.ledger.measures import ApproveBatch, VoidBatch
from tfchain.ledger.minting import APPROVED, DISPUTED, VOID, Batch
from tfchain.ledger.state import State
from tfchain.tx.kind import Context
from tfchain.tx.lookup import totals

REVIVED_MAX: Final = 32
"""Batches on their way beside which a disputed one may come back: half of what a schedule's row has
room for. The periods that run need the rest, and a row that is full would stop the chain."""


def batch_at(state: State, schedule: ScheduleId, period: PeriodIndex) -> Batch:
    """The batch; `Rejected("unknown_batch")`."""
    batch = tables.BATCHES.get(state, tables.batch_key(schedule, period))
    if batch is None:
        raise Rejected("unknown_batch", f"{schedule}/{period}")
    return batch


def revive(state: State, schedule: ScheduleId, period: PeriodIndex) -> None:
    """Block time moves the batch again; `Rejected("busy")` where too many are on their way."""
    row = schedule_state(state, schedule)
    if len(row.live) >= REVIVED_MAX:
        raise Rejected("busy", f"{len(row.live)} batches are on their way: try again later")
    live = tuple(sorted({*row.live, period}))
    tables.SCHEDULES.put(state, tables.schedule_key(schedule), replace(row, live=live))


def approve(state: State, context: Context, number: int, measure: ApproveBatch) -> None:
    """Refused with `unknown_batch`, `not_disputed`, `not_in_order`, `not_named`, `busy`."""
    batch = _disputed(state, measure)
    _check_without(state, batch, measure)
    revive(state, batch.schedule, batch.period)
    delay = context.params.schedule(batch.schedule).payout_delay
    after = replace(batch, state=APPROVED, pay_at=Seconds(context.time + delay))
    ruling = Ruling(proposal=number, without=measure.without, void=False, height=context.height)
    _rule(state, after, ruling)


def void(state: State, height: Height, number: int, measure: VoidBatch) -> None:
    """The room that was promised comes back. Refused with `unknown_batch`, `not_disputed`."""
    batch = _disputed(state, measure)
    assert not batch.minted, "nothing was paid before the batch was approved"
    now = totals(state)
    reserved = Utft(now.reserved - batch.payable)
    tables.TOTALS.put(state, tables.SINGLE, replace(now, reserved=reserved))
    ruling = Ruling(proposal=number, without=(), void=True, height=height)
    _rule(state, replace(batch, state=VOID), ruling)


def _disputed(state: State, measure: ApproveBatch | VoidBatch) -> Batch:
    batch = batch_at(state, measure.schedule, measure.period)
    if batch.state != DISPUTED:
        raise Rejected("not_disputed", f"batch {measure.schedule}/{measure.period}")
    return batch


def _check_without(state: State, batch: Batch, measure: ApproveBatch) -> None:
    """Nobody loses his pay that no guardian has named, with another result in hand."""
    if measure.without != tuple(sorted(set(measure.without))):
        raise Rejected("not_in_order", "each node once, in order of id")
    name = tables.batch_key(batch.schedule, batch.period)
    rows = [
        tables.DISPUTES.get(state, tables.of_guardian(name, guardian))
        for guardian in batch.guardians
    ]
    named = frozenset(one.node_id for row in rows if row is not None for one in row.named)
    for node_id in measure.without:
        if node_id not in named:
            raise Rejected("not_named", f"no guardian of the batch has named node {node_id}")


def _rule(state: State, batch: Batch, ruling: Ruling) -> None:
    name = tables.batch_key(batch.schedule, batch.period)
    tables.BATCHES.put(state, name, batch)
    tables.RULINGS.put(state, name, ruling)
