"""What a guardian looks at before it signs: a period as computed here, beside what others say of it.

The blocks are executed once more, and the second program goes along; what it computes for the period
is what is shown and what would be attested, whatever the ledger has (rules.md 8).
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

from tfchain.base.units import (
    Address,
    FarmId,
    Height,
    NodeId,
    PeriodIndex,
    ScheduleId,
    Seconds,
    Utft,
)
from tfchain.chain import export_records as records
from tfchain.chain.admit import seconds
from tfchain.chain.audit_report import Rows, newly_sealed
from tfchain.chain.audit_second import SecondProgram
from tfchain.chain.columns.program import Result
from tfchain.chain.execute import execute, params_of
from tfchain.chain.genesis import genesis_outcome, read_genesis
from tfchain.chain.tip import check_header, genesis_tip, input_of, next_tip
from tfchain.errors import Divergence, Malformed, Rejected
from tfchain.ledger import tables
from tfchain.ledger.block import Block, decode_block
from tfchain.ledger.disputes import NamedNode, Ruling
from tfchain.ledger.minting import PAID, SEALED, VOID, Attestation, Batch, Receipt
from tfchain.ledger.state import State
from tfchain.ledger.uptime import NONE

LARGEST_SHOWN = 10
BACK_MAX = 64
"""Periods back that are looked through for the last one that was settled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """What some nodes come to."""

    nodes: int
    paid: int
    musd: int
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RegimeRow:
    """The nodes of one regime, in this period and in the last one."""

    regime: int
    now: Sum
    before: Sum


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A node whose pay moved by more than half, up or down."""

    node_id: NodeId
    farm_id: FarmId
    before: Utft
    now: Utft


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What one guardian has said of the batch so far."""

    guardian: Address
    committed: bool
    attestation: Attestation | None
    agrees: bool
    """With the ledger's own root."""
    late: bool
    named: tuple[NamedNode, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A node whose receipt is not the same here and on the ledger; None: it has none there."""

    node_id: NodeId
    mine: Receipt | None
    ledger: Receipt | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Supply:
    """Coins that ever came into being, before the batch and after it, and how many there may be."""

    before: Utft
    after: Utft
    cap: Utft


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """All of it. `mine` is the second program's, the rest is told by the ledger."""

    chain_id: str
    height: Height
    time: Seconds
    batch: Batch
    mine: Result
    last: PeriodIndex | None
    """The settled period that this one is compared with."""
    now: Sum
    before: Sum
    regimes: tuple[RegimeRow, ...]
    largest: tuple[Receipt, ...]
    violations: tuple[Receipt, ...]
    moved: tuple[Moved, ...]
    said: tuple[Said, ...]
    differences: tuple[Difference, ...]
    """Once the ledger shows its own."""
    ruling: Ruling | None
    supply: Supply

    @property
    def agrees(self) -> bool:
        """Whether the sealed ledger has what was computed here."""
        mine, batch = self.mine, self.batch
        own = (mine.root, mine.total, mine.count)
        return own == (batch.root, batch.total, batch.count)


class Reviewer:
    """Feed it the records of an export in order, then ask for the review of its one period.

    Every method raises `Malformed` or `InvalidBlock` for an export that does not fit together.
    Signatures are for `audit`.
    """

    def __init__(self, rows: Rows, schedule: ScheduleId, period: PeriodIndex) -> None:
        self._rows = rows
        self._name = schedule, period
        self._mine: Result | None = None
        self._second: SecondProgram | None = None

    @property
    def state(self) -> State:
        """The ledger after the last block."""
        return State(self._rows)

    @property
    def height(self) -> Height:
        """The last block."""
        return self._tip.height

    @property
    def time(self) -> Seconds:
        """Of the last block."""
        return seconds(self._tip.time)

    def take(self, kind: int, payload: bytes) -> None:
        """One record; receipts and the last commit are passed over: they are recomputed."""
        if self._second is None:
            if kind != records.GENESIS:
                raise Malformed("an export begins with its genesis")
            self._begin(records.genesis_text(payload))
        elif kind == records.BLOCK:
            self._take_block(self._second, decode_block(payload))
        elif kind not in (records.RECEIPTS, records.LAST_COMMIT):
            raise Malformed(f"after block {self._tip.height}: nobody knows record kind {kind}")

    def review(self) -> Review:
        """The period as the blocks so far have it.

        Raises:
            Rejected: `unknown_period`: no batch of this chain.
            Unavailable: its post window is open: reports may still change it.
        """
        if self._second is None:
            raise Malformed("an export begins with its genesis")
        schedule, period = self._name
        state = self.state
        batch = tables.BATCHES.get(state, tables.batch_key(schedule, period))
        if batch is None:
            raise Rejected("unknown_period", f"there is no period {schedule}/{period}")
        mine = self._mine or self._second.result(schedule, period)
        return _reviewed(state, mine, batch, self.height, self.time)

    def _begin(self, text: str) -> None:
        genesis = read_genesis(text)
        outcome = genesis_outcome(genesis)
        self._rows.write(outcome.rows)
        self._tip = genesis_tip(genesis, outcome)
        self._second = SecondProgram(genesis.params, genesis.policies, genesis.supply())

    def _take_block(self, second: SecondProgram, block: Block) -> None:
        check_header(self._tip, params_of(State(self._rows)), block)
        outcome = execute(self._rows, input_of(self._tip, block))
        sealed = newly_sealed(self._rows, outcome)
        self._rows.write(outcome.rows)
        second.take(block, outcome)
        self._tip = next_tip(self._tip, block, outcome)
        for batch in sealed:
            self._judge(second, batch)

    def _judge(self, second: SecondProgram, batch: Batch) -> None:
        """A guardian that differs from the ledger looks on: that is what the review is for."""
        if (batch.schedule, batch.period) == self._name:
            self._mine = second.result(batch.schedule, batch.period)
        try:
            second.judge(self._rows, [batch])
        except Divergence:
            return


def _reviewed(state: State, mine: Result, batch: Batch, height: Height, time: Seconds) -> Review:
    last = _last_settled(state, batch)
    before = () if last is None else _receipts(state, last)
    known = {receipt.node_id: receipt for receipt in before}
    name = tables.batch_key(batch.schedule, batch.period)
    return Review(
        chain_id=params_of(state).chain_id,
        height=height,
        time=time,
        batch=batch,
        mine=mine,
        last=None if last is None else last.period,
        now=sum_of(mine.receipts),
        before=sum_of(before),
        regimes=_by_regime(mine.receipts, before),
        largest=_largest(mine.receipts),
        violations=tuple(one for one in mine.receipts if one.violation != NONE),
        moved=tuple(
            Moved(node_id=one.node_id, farm_id=one.farm_id, before=was.amount, now=one.amount)
            for one in mine.receipts
            if (was := known.get(one.node_id)) is not None and has_moved(was.amount, one.amount)
        ),
        said=_said(state, name, batch),
        differences=_differences(state, batch, mine.receipts),
        ruling=tables.RULINGS.get(state, name),
        supply=_supply(state, batch, mine.total),
    )


def differing(row: Difference) -> list[str]:
    """The fields of a receipt that are not the same; none where there is but one receipt."""
    if row.mine is None or row.ledger is None:
        return []
    names = [field.name for field in fields(Receipt)]
    return [name for name in names if getattr(row.mine, name) != getattr(row.ledger, name)]


def has_moved(before: int, now: int) -> bool:
    """Whether pay moved by more than half of what it was: from nothing to something always."""
    return 2 * abs(now - before) > before


def sum_of(receipts: Sequence[Receipt]) -> Sum:
    """What they come to."""
    return Sum(
        nodes=len(receipts),
        paid=sum(1 for one in receipts if one.amount),
        musd=sum(one.musd for one in receipts),
        amount=sum(one.amount for one in receipts),
    )


def _last_settled(state: State, batch: Batch) -> Batch | None:
    """The newest period before that was settled; those without a block have no row."""
    for period in range(batch.period - 1, max(batch.period - 1 - BACK_MAX, -1), -1):
        name = tables.batch_key(batch.schedule, PeriodIndex(period))
        found = tables.BATCHES.get(state, name)
        if found is not None and found.state >= SEALED:
            return found
    return None


def _receipts(state: State, batch: Batch) -> tuple[Receipt, ...]:
    name = tables.batch_key(batch.schedule, batch.period)
    rows = [
        tables.RECEIPTS.get(state, tables.in_batch(name, node))
        for node in range(1, batch.node_last + 1)
    ]
    return tuple(row for row in rows if row is not None)


def _by_regime(now: Sequence[Receipt], before: Sequence[Receipt]) -> tuple[RegimeRow, ...]:
    numbers = sorted({one.regime for one in (*now, *before)})
    return tuple(
        RegimeRow(
            regime=number,
            now=sum_of([one for one in now if one.regime == number]),
            before=sum_of([one for one in before if one.regime == number]),
        )
        for number in numbers
    )


def _largest(receipts: Sequence[Receipt]) -> tuple[Receipt, ...]:
    paid = [one for one in receipts if one.amount]
    paid.sort(key=lambda one: (-one.amount, one.node_id))
    return tuple(paid[:LARGEST_SHOWN])


def _said(state: State, name: bytes, batch: Batch) -> tuple[Said, ...]:
    """Those of the seal; before it, those of today."""
    guardians = batch.guardians or tables.GUARDIANS.need(state, tables.SINGLE).accounts
    answers = {answer.guardian: answer for answer in batch.answers}
    found = []
    for guardian in guardians:
        place = tables.of_guardian(name, guardian)
        answer, dispute = answers.get(guardian), tables.DISPUTES.get(state, place)
        found.append(
            Said(
                guardian=guardian,
                committed=tables.COMMITMENTS.get(state, place) is not None,
                attestation=tables.ATTESTATIONS.get(state, place),
                agrees=answer is not None and answer.agrees,
                late=answer is not None and answer.late,
                named=() if dispute is None else dispute.named,
            )
        )
    return tuple(found)


def _differences(state: State, batch: Batch, mine: Sequence[Receipt]) -> tuple[Difference, ...]:
    if batch.state < SEALED:
        return ()
    own = {one.node_id: one for one in mine}
    ledger = {one.node_id: one for one in _receipts(state, batch)}
    return tuple(
        Difference(node_id=node, mine=own.get(node), ledger=ledger.get(node))
        for node in sorted({*own, *ledger})
        if own.get(node) != ledger.get(node)
    )


def _supply(state: State, batch: Batch, total: int) -> Supply:
    """What the batch added, or may add at most: debts and rulings only lessen it."""
    now, cap = tables.TOTALS.need(state, tables.SINGLE), params_of(state).supply_cap
    before = now.minted_ever - batch.minted
    if batch.state in (PAID, VOID):
        return Supply(before=Utft(before), after=now.minted_ever, cap=cap)
    room = max(0, cap - now.minted_ever - now.reserved)
    more = batch.payable if batch.state >= SEALED else min(total, room)
    return Supply(before=Utft(before), after=Utft(before + more), cap=cap)
