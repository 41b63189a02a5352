"""dispute_nodes: a guardian tells on the ledger which receipts it has otherwise, and how (P10)."""

from dataclasses import dataclass

from tfchain.base import merkle
from tfchain.base.shapes import encode_record
from tfchain.base.units import PeriodIndex, ScheduleId
from tfchain.errors import Rejected
from tfchain.ledger import tables
from tfchain.ledger.disputes import Dispute, NamedNode, NamedNodes
from tfchain.ledger.minting import DISPUTED, RECEIPT_TAG, Batch
from tfchain.ledger.state import State
from tfchain.tx.disputes import batch_at
from tfchain.tx.kind import Context


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeNodes:
    """`named`: up to 64 nodes in order of id, each with the sender's own receipt's id and amount.

    Who names none takes back what it named.
    """

    schedule: ScheduleId
    period: PeriodIndex
    named: NamedNodes

    def apply(self, state: State, context: Context) -> None:
        """Write down what the sender has otherwise, over what it named before.

        Refused with `unknown_batch`, `not_disputed`, `not_a_guardian`, `not_attested`, `agreed`,
        `not_in_order`, `unknown_node`, `same_receipt`.
        """
        batch = batch_at(state, self.schedule, self.period)
        self._check_sender(batch, context)
        ids = [one.node_id for one in self.named]
        if ids != sorted(set(ids)):
            raise Rejected("not_in_order", "each node once, in order of id")
        for one in self.named:
            self._check_node(state, batch, one)
        place = tables.of_guardian(tables.batch_key(self.schedule, self.period), context.sender)
        tables.DISPUTES.put(state, place, Dispute(named=self.named, height=context.height))

    def _check_sender(self, batch: Batch, context: Context) -> None:
        """Only who has attested something else has anything to name."""
        if batch.state != DISPUTED:
            raise Rejected("not_disputed", f"batch {self.schedule}/{self.period}")
        if context.sender not in batch.guardians:
            raise Rejected("not_a_guardian", "not one of this batch's")
        said = [answer for answer in batch.answers if answer.guardian == context.sender]
        if not said:
            raise Rejected("not_attested", "say what you computed first")
        if said[0].agrees:
            raise Rejected("agreed", "you have attested the ledger's own root")

    def _check_node(self, state: State, batch: Batch, one: NamedNode) -> None:
        """A node without a receipt may be named as well: that it has none may be what is wrong."""
        if not 1 <= one.node_id <= batch.node_last:
            raise Rejected("unknown_node", str(one.node_id))
        place = tables.in_batch(tables.batch_key(self.schedule, self.period), one.node_id)
        stored = tables.RECEIPTS.get(state, place)
        if stored is not None and one.receipt == _id_of(stored):
            raise Rejected("same_receipt", f"the ledger has the same for node {one.node_id}")


def _id_of(receipt: object) -> bytes:
    return merkle.leaf_hash(RECEIPT_TAG, encode_record(receipt))
