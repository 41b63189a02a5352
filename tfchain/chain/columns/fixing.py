"""Receipts put right after a vote: what is owed, what is a debt, what waits for its coins (P15, P16)."""

from collections.abc import Container
from dataclasses import dataclass

from tfchain.base import merkle
from tfchain.base.shapes import decode_record, encode_record
from tfchain.base.units import MilliUsd, PeriodIndex, ScheduleId
from tfchain.chain.columns.coins import Fixed, Line
from tfchain.chain.columns.receipt_text import memo_of
from tfchain.errors import Divergence, Malformed
from tfchain.ledger.disputes import Sums
from tfchain.ledger.measures import FixReceipt
from tfchain.ledger.minting import RECEIPT_TAG, Receipt


@dataclass(slots=True)
class Coins:
    """All that there ever was, all that is promised, and what there may be."""

    cap: int
    minted: int
    promised: int = 0

    @property
    def room(self) -> int:
        """What may still be promised."""
        return max(self.cap - self.minted - self.promised, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """What a batch comes to, and what of it there was room for."""

    schedule: ScheduleId
    period: PeriodIndex
    root: bytes
    count: int
    total: int
    payable: int

    def cut(self, amount: int) -> int:
        """Pro rata; what is left over of a unit is nobody's."""
        return amount if self.payable >= self.total else amount * self.payable // self.total


@dataclass(frozen=True, slots=True)
class Right:
    """What a receipt should have said, last."""

    sums: Sums
    receipt: bytes
    given: int
    """What the node has had for the batch."""


class Fixing:
    """Debts of nodes, receipts that were put right, and the coins that are due for them."""

    def __init__(self) -> None:
        self.waiting: list[Fixed] = []
        self.debts: dict[int, int] = {}
        self.right: dict[tuple[int, int, int], Right] = {}
        self.last = 0

    def owed_back(self, node_id: int, amount: int) -> int:
        """What of a payout goes to the node's debt; the debt is so much less."""
        taken = min(self.debts.get(node_id, 0), amount)
        if taken:
            self.debts[node_id] -= taken
        return taken

    def debt(self, node_id: int) -> int:
        """What is still to be taken from a node's pay."""
        return self.debts.get(node_id, 0)

    def fix(
        self,
        coins: Coins,
        promise: Promise,
        unpaid: Container[int] | None,
        measure: FixReceipt,
    ) -> None:
        """One more fixup; `unpaid`: the nodes that the batch left out, None where it left out all.

        Raises:
            Divergence: the receipt is none of this program's.
        """
        receipt = _proven(promise, measure)
        place = promise.schedule, promise.period, receipt.node_id
        known = self.right.get(place)
        if known is None:
            had = unpaid is not None and receipt.node_id not in unpaid
            given = promise.cut(receipt.amount) if had else 0
            known = Right(_sums(receipt), _id_of(receipt), given)
        correct = _correct(measure)
        due = promise.cut(correct.amount) - known.given
        offset = self.owed_back(receipt.node_id, max(due, 0))
        payable = min(max(due, 0) - offset, coins.room)
        if due < 0:
            self.debts[receipt.node_id] = self.debt(receipt.node_id) - due
        self.last += 1
        given = known.given + offset + payable + min(due, 0)
        self.right[place] = Right(correct, measure.correct_receipt, given)
        if payable:
            coins.promised += payable
            memo = memo_of(receipt, (known.sums, known.receipt), (correct, measure.correct_receipt))
            line = Line(receipt.node_id, receipt.account, payable, receipt.lock, memo)
            self.waiting.append(Fixed(self.last, promise.schedule, promise.period, line))


def _proven(promise: Promise, measure: FixReceipt) -> Receipt:
    where = f"batch {promise.schedule}/{promise.period}"
    place = measure.index, promise.count
    try:
        proven = merkle.check(RECEIPT_TAG, promise.root, *place, measure.receipt, measure.path)
        receipt = decode_record(Receipt, measure.receipt)
    except Malformed as fault:
        raise Divergence(f"{where}: a fixup of no receipt: {fault}") from fault
    if not proven:
        raise Divergence(f"{where}, node {receipt.node_id}: a fixup of a receipt that is not there")
    return receipt


def _sums(receipt: Receipt) -> Sums:
    return Sums(
        uptime=receipt.uptime,
        cu=receipt.cu,
        su=receipt.su,
        nu=receipt.nu,
        musd=MilliUsd(receipt.musd),
        amount=receipt.amount,
    )


def _correct(measure: FixReceipt) -> Sums:
    return Sums(
        uptime=measure.uptime,
        cu=measure.cu,
        su=measure.su,
        nu=measure.nu,
        musd=measure.musd,
        amount=measure.amount,
    )


def _id_of(receipt: Receipt) -> bytes:
    """Of its text, or of itself where its regime has no text."""
    return receipt.text_hash or merkle.leaf_hash(RECEIPT_TAG, encode_record(receipt))
