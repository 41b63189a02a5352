"""The life of a batch: what block time alone moves, and how much work a block takes on (P7, P11).

Transitions come first in a block, then one slice of settling, then the mint transactions that are
due. The plan of a block is read from its parent's state, so that everybody knows it before the block
is made.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from tfchain.base import merkle
from tfchain.base.units import NodeId, PeriodIndex, Seconds, Utft
from tfchain.ledger import electorate, kept, tables
from tfchain.ledger.kept import schedule_state
from tfchain.ledger.minting import (
    APPROVED,
    COMMIT,
    DISPUTED,
    MINT_TAG,
    OPEN,
    PAID,
    PAYING,
    POST,
    RECEIPT_TAG,
    SEALED,
    SETTLING,
    VOID,
    Batch,
)
from tfchain.ledger.params import Params, ScheduleRow
from tfchain.ledger.state import State
from tfchain.ledger.terms import Supply
from tfchain.tx.proposals import docket_of

LIVE_MAX: Final = 64
"""Batches of a schedule that move at once, as its row has room for; those that late attestations
revive take up to half of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """How many nodes of a batch this block takes: to settle, or to mint."""

    batch: Batch
    nodes: int


def live(state: State, params: Params) -> Iterator[tuple[ScheduleRow, Batch]]:
    """The batches that still move, in batch-key order."""
    for row in params.schedules:
        for period in schedule_state(state, row.id).live:
            yield row, tables.BATCHES.need(state, tables.batch_key(row.id, period))


def advance(state: State, params: Params, now: Seconds) -> None:
    """Move every batch as far as block time says, and open the period that has begun."""
    for row, batch in list(live(state, params)):
        after = _moved(state, row, batch, now)
        if batch.state < COMMIT <= after.state:
            _note_supply(state, batch)
        _save(state, batch, after)
    for row in params.schedules:
        _open(state, row, now)


def _note_supply(state: State, batch: Batch) -> None:
    """What pay may depend on is fixed before anybody commits to it: all guardians see the same (P9)."""
    minted = tables.TOTALS.need(state, tables.SINGLE).minted_ever
    name = tables.batch_key(batch.schedule, batch.period)
    tables.SUPPLIES.put(state, name, Supply(minted_ever=minted))


def _open(state: State, row: ScheduleRow, now: Seconds) -> None:
    """Periods without a single block inside them are skipped in one step (P7).

    Where batches pile up, the period opens once there is room: nodes keep their accounts meanwhile.
    """
    period, known = row.index_of(now), schedule_state(state, row.id)
    if period is None or (known.running is not None and period <= known.running):
        return
    if len(known.live) >= LIVE_MAX:
        return
    if row.own and known.running is not None and period > known.running + 1:
        kept.note_skipped(state, row.id, period)
    start = row.start_of(period)
    batch = _blank(row, period, start)
    tables.BATCHES.put(state, tables.batch_key(row.id, period), batch)
    after = replace(known, running=period, live=(*known.live, period))
    tables.SCHEDULES.put(state, tables.schedule_key(row.id), after)


def _moved(state: State, row: ScheduleRow, batch: Batch, now: Seconds) -> Batch:
    if batch.state == OPEN and now >= batch.end:
        totals = tables.TOTALS.need(state, tables.SINGLE)
        batch = replace(batch, state=POST, node_last=NodeId(totals.nodes))
    if batch.state == POST and now >= batch.end + row.post_window:
        until = Seconds(now + row.commit_window)
        return replace(batch, state=COMMIT, commit_until=until)
    if batch.state == COMMIT and now >= batch.commit_until:
        return replace(batch, state=SETTLING)
    if batch.state == SEALED and now >= batch.attest_until:
        return replace(batch, state=DISPUTED)
    if batch.state == APPROVED and now >= batch.pay_at:
        return replace(batch, state=PAYING)
    return batch


def plan(state: State, params: Params, now: Seconds) -> tuple[list[Share], list[Share]]:
    """Who is settled and who is minted for in the next block: one budget, oldest batch first (P11).

    `state` is the parent's; a batch counts as what it will be once block time has moved it.
    """
    left, halted = params.settle_nodes, docket_of(state).halted
    settling: list[Share] = []
    minting: list[Share] = []
    for row, stored in live(state, params):
        batch = _moved(state, row, stored, now)
        if batch.state == SETTLING:
            nodes = min(left, batch.node_last + 1 - batch.cursor)
            settling.append(Share(batch=batch, nodes=nodes))
        elif batch.state == PAYING and not halted:
            nodes = min(left, batch.node_last + 1 - batch.pay_cursor)
            minting.append(Share(batch=batch, nodes=nodes))
        else:
            continue
        left -= nodes
    return settling, minting


def seal(state: State, params: Params, batch: Batch, now: Seconds) -> None:
    """All nodes are settled: fix the root, the guardians and what the supply has room for (P15)."""
    row = params.schedule(batch.schedule)
    guardians = tables.GUARDIANS.need(state, tables.SINGLE)
    totals = tables.TOTALS.need(state, tables.SINGLE)
    room = max(0, params.supply_cap - totals.minted_ever - totals.reserved)
    payable = min(batch.total, room)
    sealed = replace(
        batch,
        state=SEALED,
        root=merkle.frontier_root(RECEIPT_TAG, batch.frontier),
        guardians=guardians.accounts,
        attest_until=Seconds(now + row.attest_window),
        payable=payable,
    )
    reserved = Utft(totals.reserved + payable)
    tables.TOTALS.put(state, tables.SINGLE, replace(totals, reserved=reserved))
    _save(state, batch, sealed)


def finish_if_done(state: State, share: Share) -> None:
    """What was minted is promised no longer; after the last node neither is the dust (P15).

    Else coins of a batch half paid would count twice, and cut the next batch that seals.
    """
    name = tables.batch_key(share.batch.schedule, share.batch.period)
    batch = tables.BATCHES.need(state, name)
    _release(state, batch.minted - share.batch.minted)
    if batch.pay_cursor <= batch.node_last:
        return
    _release(state, batch.payable - batch.minted)
    root = merkle.frontier_root(MINT_TAG, batch.mints_frontier)
    _save(state, batch, replace(batch, state=PAID, mints_root=root))
    electorate.batch_paid(state, batch.schedule, batch.period)


def _release(state: State, amount: int) -> None:
    totals = tables.TOTALS.need(state, tables.SINGLE)
    reserved = Utft(totals.reserved - amount)
    tables.TOTALS.put(state, tables.SINGLE, replace(totals, reserved=reserved))


def drop_kept(state: State, params: Params, most: int) -> None:
    """Drop rows that sealed batches kept, up to `most` in this block (P8)."""
    for _, batch in list(live(state, params)):
        if batch.state >= SEALED and batch.kept:
            after = kept.drop(state, batch, most)
            most -= batch.kept - after.kept
            _save(state, batch, after)


def _save(state: State, before: Batch, after: Batch) -> None:
    if after == before:
        return
    tables.BATCHES.put(state, tables.batch_key(after.schedule, after.period), after)
    if after.state in (PAID, DISPUTED, VOID) and not after.kept:
        _rest(state, after)


def _rest(state: State, batch: Batch) -> None:
    """A batch that nothing but a transaction can move leaves the list."""
    row = schedule_state(state, batch.schedule)
    left = tuple(period for period in row.live if period != batch.period)
    tables.SCHEDULES.put(state, tables.schedule_key(batch.schedule), replace(row, live=left))


def _blank(row: ScheduleRow, period: PeriodIndex, start: Seconds) -> Batch:
    return Batch(
        schedule=row.id,
        period=period,
        start=start,
        end=row.end_of(period),
        state=OPEN,
        commit_until=Seconds(0),
        attest_until=Seconds(0),
        pay_at=Seconds(0),
        node_last=NodeId(0),
        cursor=1,
        count=0,
        total=0,
        frontier=(),
        root=b"",
        kept=0,
        guardians=(),
        answers=(),
        payable=0,
        pay_cursor=1,
        minted=0,
        mints_count=0,
        mints_frontier=(),
        mints_root=b"",
    )
