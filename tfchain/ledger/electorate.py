"""What farms weigh in a vote: counted as coins are minted, never searched for (rules.md 9, P21).

A farm weighs by the nodes that were paid in a batch, as they were when its period ended. A proposal
keeps the batches that it was opened by, so that a node that moves to another farm meanwhile is not
counted twice.
"""

from dataclasses import replace

from tfchain.base.units import FarmId, PeriodIndex, ScheduleId
from tfchain.ledger import tables
from tfchain.ledger.minting import Receipt
from tfchain.ledger.proposals import Electorate, Electorates, FarmStanding, FarmWeight
from tfchain.ledger.state import State

CU_VOTES = 2
"""A compute unit weighs twice a storage unit."""
NOBODY = Electorates(paid=(), paying=())
UNKNOWN = FarmStanding(gold=False, frauds=0, paid_batches=0, limits=None)
"""What is said of a farm that nobody has said anything of."""


def electorates(state: State) -> Electorates:
    """Which batches farms weigh by."""
    return tables.ELECTORATES.get(state, tables.SINGLE) or NOBODY


def standing_of(state: State, farm_id: FarmId) -> FarmStanding:
    """What the others say of a farm."""
    return tables.STANDINGS.get(state, tables.id_key(farm_id)) or UNKNOWN


def weight_of(state: State, batches: tuple[Electorate, ...], farm_id: FarmId) -> int:
    """What a farm weighs by these batches, in millionths of a unit."""
    rows = [tables.WEIGHTS.get(state, _place(one, farm_id)) for one in batches]
    return sum(row.weight for row in rows if row is not None)


def count_paid(state: State, receipt: Receipt) -> None:
    """A node was paid: its farm weighs that much more by the batch."""
    known = electorates(state)
    others = tuple(one for one in known.paying if not _is_of(one, receipt))
    mine = [one for one in known.paying if _is_of(one, receipt)]
    batch = mine[0] if mine else _blank(receipt)
    weight = CU_VOTES * receipt.cu + receipt.su
    place = _place(batch, receipt.farm_id)
    row = tables.WEIGHTS.get(state, place)
    if row is None:
        _count_batch(state, receipt.farm_id)
        batch = replace(batch, farms=batch.farms + 1)
    now = weight if row is None else row.weight + weight
    tables.WEIGHTS.put(state, place, FarmWeight(weight=now))
    batch = replace(batch, weight=batch.weight + weight)
    paying = tuple(sorted((*others, batch), key=lambda one: (one.schedule, one.period)))
    tables.ELECTORATES.put(state, tables.SINGLE, replace(known, paying=paying))


def batch_paid(state: State, schedule: ScheduleId, period: PeriodIndex) -> None:
    """All of a batch is paid: new proposals are voted on by it, unless a newer one was paid."""
    known = electorates(state)
    place = (schedule, period)
    done = [one for one in known.paying if (one.schedule, one.period) == place]
    if not done:
        return
    paying = tuple(one for one in known.paying if one is not done[0])
    before = [one for one in known.paid if one.schedule == schedule]
    paid = known.paid
    if not before or before[0].period < period:
        others = tuple(one for one in paid if one.schedule != schedule)
        paid = tuple(sorted((*others, done[0]), key=lambda one: one.schedule))
    tables.ELECTORATES.put(state, tables.SINGLE, Electorates(paid=paid, paying=paying))


def _count_batch(state: State, farm_id: FarmId) -> None:
    standing = standing_of(state, farm_id)
    after = replace(standing, paid_batches=standing.paid_batches + 1)
    tables.STANDINGS.put(state, tables.id_key(farm_id), after)


def _blank(receipt: Receipt) -> Electorate:
    return Electorate(schedule=receipt.schedule, period=receipt.period, farms=0, weight=0)


def _is_of(batch: Electorate, receipt: Receipt) -> bool:
    return (batch.schedule, batch.period) == (receipt.schedule, receipt.period)


def _place(batch: Electorate, farm_id: FarmId) -> bytes:
    return tables.in_batch(tables.batch_key(batch.schedule, batch.period), farm_id)
