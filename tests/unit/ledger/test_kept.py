"""Rows as at a period's end: the first change after it keeps the old one, for each batch (P8)."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from tfchain.base.shapes import layout
from tfchain.base.units import Address, FarmId, PeriodIndex, ScheduleId, TwinId
from tfchain.ledger import kept, tables
from tfchain.ledger.minting import (
    APPROVED,
    COMMIT,
    DISPUTED,
    OPEN,
    PAID,
    PAYING,
    POST,
    SEALED,
    SETTLING,
    STATES,
    Batch,
)
from tfchain.ledger.params import Params
from tfchain.ledger.records import Farm, FarmRef, ScheduleState
from tfchain.ledger.state import State

KEY = tables.id_key(FarmId(1))


def farm(name: str) -> Farm:
    return Farm(
        id=FarmId(1),
        twin_id=TwinId(1),
        name=name,
        payout_account=Address(bytes(32)),
        stellar_address="",
    )


def put_batches(state: State, stages: Iterable[int], schedule: int = 0) -> list[Batch]:
    """Batches of these states, periods from 0 on, all on their schedule's list."""
    zeros = dict.fromkeys(layout(Batch).names, 0)
    empty = dict.fromkeys(("frontier", "guardians", "answers", "mints_frontier"), ())
    roots = {"root": b"", "mints_root": b"", "schedule": schedule}
    made = []
    for period, stage in enumerate(stages):
        known = {"period": period, "state": stage}
        batch = Batch(**(zeros | empty | roots | known))  # type: ignore[arg-type]
        tables.BATCHES.put(state, name_of(batch), batch)
        made.append(batch)
    live = tuple(batch.period for batch in made)
    row = ScheduleState(running=PeriodIndex(len(made)), live=live)
    tables.SCHEDULES.put(state, tables.schedule_key(ScheduleId(schedule)), row)
    return made


def name_of(batch: Batch) -> bytes:
    return tables.batch_key(batch.schedule, batch.period)


def now(state: State, batch: Batch) -> Batch:
    return tables.BATCHES.need(state, name_of(batch))


def at_end(state: State, batch: Batch) -> str | None:
    row = kept.at_end(state, now(state, batch), tables.FARMS, KEY)
    return None if row is None else row.name


@pytest.mark.parametrize("stage", [POST, COMMIT, SETTLING], ids=lambda stage: STATES[stage])
def test_the_first_change_after_the_end_keeps_the_old_row(state: State, stage: int) -> None:
    kept.put(state, tables.FARMS, KEY, farm("old"))
    (batch,) = put_batches(state, [stage])
    assert at_end(state, batch) == "old"
    kept.put(state, tables.FARMS, KEY, farm("new"))
    kept.put(state, tables.FARMS, KEY, farm("newer"))
    assert at_end(state, batch) == "old"
    assert tables.FARMS.need(state, KEY).name == "newer"
    assert now(state, batch).kept == 1


@pytest.mark.parametrize(
    "stage", [OPEN, SEALED, APPROVED, PAYING, PAID, DISPUTED], ids=lambda stage: STATES[stage]
)
def test_no_other_batch_keeps_anything(state: State, stage: int) -> None:
    kept.put(state, tables.FARMS, KEY, farm("old"))
    (batch,) = put_batches(state, [stage])
    kept.put(state, tables.FARMS, KEY, farm("new"))
    assert (at_end(state, batch), now(state, batch).kept) == ("new", 0)


def test_a_row_that_was_not_there_stays_away(state: State) -> None:
    (batch,) = put_batches(state, [POST])
    kept.put(state, tables.FARMS, KEY, farm("new"))
    kept.put(state, tables.FARMS, KEY, farm("newer"))
    assert (at_end(state, batch), now(state, batch).kept) == (None, 1)


def test_each_batch_keeps_its_own(state: State, params: Params) -> None:
    second = replace(params.schedules[0], id=ScheduleId(1), name="fixed")
    both = replace(params, schedules=(*params.schedules, second))
    tables.PARAMS.put(state, tables.SINGLE, both)
    tables.FARMS.put(state, KEY, farm("old"))
    early, late = put_batches(state, [COMMIT, OPEN])
    (other,) = put_batches(state, [POST], schedule=1)
    kept.put(state, tables.FARMS, KEY, farm("mid"))
    assert [now(state, batch).kept for batch in (early, late, other)] == [1, 0, 1]
    tables.BATCHES.put(state, name_of(late), replace(late, state=POST))
    kept.put(state, tables.FARMS, KEY, farm("new"))
    assert [at_end(state, batch) for batch in (early, late, other)] == ["old", "mid", "old"]
    assert [now(state, batch).kept for batch in (early, late, other)] == [1, 1, 1]


def test_rows_of_two_tables_and_two_keys_are_kept_apart(state: State) -> None:
    tables.FARMS.put(state, KEY, farm("old"))
    tables.FARM_NAMED.put(state, KEY, FarmRef(farm_id=FarmId(1)))
    (batch,) = put_batches(state, [POST])
    kept.put(state, tables.FARMS, KEY, farm("new"))
    kept.put(state, tables.FARM_NAMED, KEY, FarmRef(farm_id=FarmId(2)))
    kept.put(state, tables.FARMS, tables.id_key(2), farm("two"))
    assert now(state, batch).kept == 3
    ref = kept.at_end(state, batch, tables.FARM_NAMED, KEY)
    assert (at_end(state, batch), ref) == ("old", FarmRef(farm_id=FarmId(1)))
    assert kept.at_end(state, batch, tables.FARMS, tables.id_key(2)) is None


def test_a_batch_that_left_the_list_keeps_nothing(state: State) -> None:
    (batch,) = put_batches(state, [POST])
    row = kept.schedule_state(state, ScheduleId(0))
    tables.SCHEDULES.put(state, tables.schedule_key(ScheduleId(0)), replace(row, live=()))
    kept.put(state, tables.FARMS, KEY, farm("new"))
    assert now(state, batch).kept == 0


@pytest.mark.parametrize(("most", "slices"), [(1, 5), (2, 3), (5, 1), (9, 1)])
def test_kept_rows_go_a_bounded_number_at_a_time(state: State, most: int, slices: int) -> None:
    (batch,) = put_batches(state, [POST])
    for number in range(1, 6):
        kept.put(state, tables.FARMS, tables.id_key(number), farm("new"))
    assert len(kept_rows(state)) == 10
    after = now(state, batch)
    for turn in range(1, slices + 1):
        after = kept.drop(state, after, most)
        assert after.kept == max(0, 5 - turn * most)
    assert kept_rows(state) == [], "nothing stays behind"
    assert kept.drop(state, after, most) == after


def kept_rows(state: State) -> list[bytes]:
    lists = (tables.KEPT.name, tables.KEPT_KEYS.name)
    return [key for table, key, value in state.changes() if value and table.name in lists]


def test_no_more_rows_go_than_a_block_allows(state: State) -> None:
    (batch,) = put_batches(state, [POST])
    for number in range(1, 6):
        kept.put(state, tables.FARMS, tables.id_key(number), farm("new"))
    assert kept.drop(state, now(state, batch), 0) == now(state, batch)
    kept.drop(state, now(state, batch), 2)
    entries = [
        tables.KEPT_KEYS.get(state, tables.in_batch(name_of(batch), place)) for place in range(5)
    ]
    assert [entry is None for entry in entries] == [False, False, False, True, True]
