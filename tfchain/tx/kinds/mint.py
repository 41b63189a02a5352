"""mint: coins come into being, in plain sight (P43). Nobody signs it; everybody derives it."""

from dataclasses import dataclass, replace
from typing import Annotated

from tfchain.base import merkle
from tfchain.base.limits import MINT_RUN_MAX
from tfchain.base.shapes import U32, Hash, Many, Nested, encode_record
from tfchain.base.units import PeriodIndex, ScheduleId, Utft
from tfchain.ledger import tables
from tfchain.ledger.accounts import credit
from tfchain.ledger.electorate import count_paid
from tfchain.ledger.locks import lock, release
from tfchain.ledger.minting import MINT_TAG, Batch, MintEntry, MintRecord, Receipt
from tfchain.ledger.state import State
from tfchain.rules.regime import FREE, UNCHANGED, WITHHELD
from tfchain.tx import payouts
from tfchain.tx.kind import Context
from tfchain.tx.lookup import totals


@dataclass(frozen=True, slots=True, kw_only=True)
class Mint:
    """A bounded run of a batch's nodes, in order.

    `root`: the proof-of-capacity hash that the guardians approved; `upto`: the next node to pay.
    A block without one that is due, or with another one than everybody derives, is invalid.
    """

    schedule: ScheduleId
    period: PeriodIndex
    root: Hash
    upto: U32
    entries: Annotated[tuple[MintEntry, ...], Many(Nested(MintEntry), MINT_RUN_MAX)]

    def apply(self, state: State, context: Context) -> None:
        """Credit every entry and leave its mint record. Never refused."""
        name = tables.batch_key(self.schedule, self.period)
        batch = tables.BATCHES.need(state, name)
        for entry in self.entries:
            batch = self._pay(state, context, batch, entry)
        tables.BATCHES.put(state, name, replace(batch, pay_cursor=self.upto))
        minted = sum(entry.amount for entry in self.entries)
        now = totals(state)
        after = replace(now, minted_ever=Utft(now.minted_ever + minted))
        tables.TOTALS.put(state, tables.SINGLE, after)

    def _pay(self, state: State, context: Context, batch: Batch, entry: MintEntry) -> Batch:
        name = tables.batch_key(self.schedule, self.period)
        place = tables.in_batch(name, entry.node_id)
        receipt = tables.RECEIPTS.need(state, place)
        taken = self._taken(state, batch, entry, receipt)
        if taken:
            payouts.settle_debt(state, batch, entry.node_id, taken)
        _give(state, entry)
        if entry.amount:
            count_paid(state, receipt)
        record = MintRecord(
            schedule=self.schedule,
            period=self.period,
            node_id=entry.node_id,
            account=entry.account,
            owed=receipt.amount,
            amount=entry.amount,
            lock=entry.lock,
            receipt=entry.receipt,
            height=context.height,
        )
        tables.MINTS.put(state, place, record)
        leaf = merkle.leaf_hash(MINT_TAG, encode_record(record))
        frontier = merkle.append(MINT_TAG, batch.mints_frontier, batch.mints_count, leaf)
        return replace(
            batch,
            minted=batch.minted + entry.amount,
            mints_count=batch.mints_count + 1,
            mints_frontier=frontier,
        )

    def _taken(self, state: State, batch: Batch, entry: MintEntry, receipt: Receipt) -> int:
        """What of the node's pay goes to its debt: all that is due and not in the entry (P16)."""
        owed = payouts.debt_of(state, entry.node_id)
        if not owed or payouts.is_withheld(state, batch, entry.node_id):
            return 0
        taken = payouts.cut(batch, receipt.amount) - entry.amount
        assert 0 <= taken <= owed, "the entry is what everybody derives"
        return taken


def _give(state: State, entry: MintEntry) -> None:
    """Coins are locked or free; where they are free, so is what the node had locked before."""
    if entry.lock == FREE:
        release(state, entry.node_id)
        if entry.amount:
            credit(state, entry.account, entry.amount)
    elif entry.lock in (WITHHELD, UNCHANGED):
        assert not entry.amount, "nothing is minted where nothing is due"
    elif entry.amount:
        lock(state, entry.node_id, entry.lock, entry.account, entry.amount)
