"""As at the period's end: rows kept for batches that have ended but not settled (P8).

A node, farm, twin or contract that changes after a period's end keeps its old row under the batch's
key; settlement reads kept rows first. They go once the batch is sealed, a bounded number a block.
"""

from dataclasses import replace
from typing import TypeVar

from tfchain.base.shapes import encode_record
from tfchain.base.units import PeriodIndex, ScheduleId, Seconds
from tfchain.ledger import tables
from tfchain.ledger.minting import SEALED, SETTLING, UNSEALED_ENDED, Batch
from tfchain.ledger.records import KeptKey, KeptRow, ScheduleState, Uptime
from tfchain.ledger.state import State, Table
from tfchain.ledger.uptime import UptimeAccount

R = TypeVar("R")


def put(state: State, table: Table[R], key: bytes, row: R) -> None:
    """Write a row that settlement reads, keeping what it was for each batch that still needs it."""
    before = table.get(state, key)
    for batch in _ended_unsealed(state):
        _keep(state, batch, table, key, before)
    table.put(state, key, row)


def put_account(state: State, key: bytes, before: Uptime, row: Uptime) -> None:
    """Write a node's running account; one that gives way before its batch settled is kept (P8).

    Only after a halt: a node then reports for a period while two earlier ones are not settled yet.
    """
    if before.ended is not None:
        stays = (row.running, row.ended)
        if not any(one is not None and one.start == before.ended.start for one in stays):
            _keep_own(state, key, row, before.ended)
            for batch in _ended_unsealed(state):
                if (batch.schedule, batch.start) == (row.schedule, before.ended.start):
                    _keep(state, batch, tables.UPTIMES, key, before)
    tables.UPTIMES.put(state, key, row)


def _keep_own(state: State, key: bytes, row: Uptime, account: UptimeAccount) -> None:
    """A period of the node's own may end long before its batch does: it waits in a row of its own."""
    schedule = tables.PARAMS.need(state, tables.SINGLE).schedule(row.schedule)
    period = schedule.index_of(Seconds(account.end - 1)) if schedule.own else None
    if period is None:
        return
    batch = _settling_batch(state, schedule.id, period)
    if batch is not None and not _is_settled(batch, key):
        tables.OWN_ENDED.put(state, tables.own_key(key, account.start), account)


def _settling_batch(state: State, schedule: ScheduleId, period: PeriodIndex) -> Batch | None:
    """The batch of a period; of one that was skipped the next, while that is on its way."""
    batch = tables.BATCHES.get(state, tables.batch_key(schedule, period))
    later = [each for each in schedule_state(state, schedule).live if each > period]
    if batch is not None or not later:
        return batch
    batch = tables.BATCHES.need(state, tables.batch_key(schedule, later[0]))
    return batch if ended_before(state, batch) <= _start_of(state, schedule, period) else None


def _start_of(state: State, schedule: ScheduleId, period: PeriodIndex) -> Seconds:
    return tables.PARAMS.need(state, tables.SINGLE).schedule(schedule).start_of(period)


def note_skipped(state: State, schedule: ScheduleId, period: PeriodIndex) -> None:
    """A batch opens and periods before it had no block: how the schedule stood goes under its key."""
    known = schedule_state(state, schedule)
    tables.SCHEDULES.put(state, tables.batch_key(schedule, period), known)


def ended_before(state: State, batch: Batch) -> Seconds:
    """Where the batch before this one ended: this one's start, unless periods were skipped."""
    name = tables.batch_key(batch.schedule, batch.period)
    before = tables.SCHEDULES.get(state, name)
    if before is None or before.running is None:
        return batch.start
    last = tables.batch_key(batch.schedule, before.running)
    return tables.BATCHES.need(state, last).end


def _is_settled(batch: Batch, key: bytes) -> bool:
    """Whether the node has its receipt already."""
    passed = batch.state == SETTLING and int.from_bytes(key, "big") < batch.cursor
    return passed or batch.state >= SEALED


def at_end(state: State, batch: Batch, table: Table[R], key: bytes) -> R | None:
    """The row as it was at the batch's end."""
    row = tables.KEPT.get(state, _place(batch, table, key))
    if row is None:
        return table.get(state, key)
    return table.decode(row.value) if row.value else None


def drop(state: State, batch: Batch, most: int) -> Batch:
    """Drop up to `most` rows that a sealed batch kept, the last first."""
    name = tables.batch_key(batch.schedule, batch.period)
    left = max(0, batch.kept - most)
    for place in range(left, batch.kept):
        entry = tables.KEPT_KEYS.need(state, tables.in_batch(name, place))
        tables.KEPT.drop(state, tables.kept_key(name, entry.table, entry.key))
        tables.KEPT_KEYS.drop(state, tables.in_batch(name, place))
    return replace(batch, kept=left)


def _keep(state: State, batch: Batch, table: Table[R], key: bytes, before: R | None) -> None:
    place = _place(batch, table, key)
    if tables.KEPT.get(state, place) is not None:
        return
    name = tables.batch_key(batch.schedule, batch.period)
    tables.KEPT.put(state, place, KeptRow(value=b"" if before is None else encode_record(before)))
    entry = KeptKey(table=table.tag, key=key)
    tables.KEPT_KEYS.put(state, tables.in_batch(name, batch.kept), entry)
    tables.BATCHES.put(state, name, replace(batch, kept=batch.kept + 1))


def _ended_unsealed(state: State) -> list[Batch]:
    params = tables.PARAMS.need(state, tables.SINGLE)
    found = []
    for row in params.schedules:
        for period in schedule_state(state, row.id).live:
            batch = tables.BATCHES.need(state, tables.batch_key(row.id, period))
            if batch.state in UNSEALED_ENDED:
                found.append(batch)
    return found


def schedule_state(state: State, schedule: ScheduleId) -> ScheduleState:
    """Where a schedule stands."""
    return tables.SCHEDULES.need(state, tables.schedule_key(schedule))


def _place(batch: Batch, table: Table[R], key: bytes) -> bytes:
    name = tables.batch_key(batch.schedule, batch.period)
    return tables.kept_key(name, table.tag, key)
