"""attest_mint: a guardian reveals what it computed; more than 2/3 equal approve a batch (P9, P10)."""

from dataclasses import dataclass, replace

from tfchain.base.shapes import U32, U64, Hash
from tfchain.base.units import PeriodIndex, ScheduleId, Seconds
from tfchain.errors import Rejected
from tfchain.ledger import tables
from tfchain.ledger.minting import (
    APPROVED,
    DISPUTED,
    PAID,
    SEALED,
    VOID,
    Answer,
    Attestation,
    Batch,
    commitment_digest,
)
from tfchain.ledger.state import State
from tfchain.tx.disputes import revive
from tfchain.tx.kind import Context


@dataclass(frozen=True, slots=True, kw_only=True)
class AttestMint:
    """What the sender's commitment said, opened with its `salt`.

    Without a fitting commitment it counts only after the deadline, and is marked late.
    """

    schedule: ScheduleId
    period: PeriodIndex
    root: Hash
    total: U64
    count: U32
    salt: Hash

    def apply(self, state: State, context: Context) -> None:
        """Count the answer, and approve the batch where it is the one that was wanting.

        Refused with `unknown_batch`, `not_sealed`, `not_a_guardian`, `closed`, `too_early`, `busy`.
        """
        name = tables.batch_key(self.schedule, self.period)
        batch = tables.BATCHES.get(state, name)
        if batch is None:
            raise Rejected("unknown_batch", f"{self.schedule}/{self.period}")
        self._check(context, batch)
        place = tables.of_guardian(name, context.sender)
        late = not self._was_committed(state, place)
        if late and context.time < batch.attest_until:
            raise Rejected("too_early", "without a fitting commitment it counts after the deadline")
        said = Attestation(
            root=self.root, total=self.total, count=self.count, height=context.height
        )
        tables.ATTESTATIONS.put(state, place, said)
        self._count(state, context, self._answered(batch, context, late))

    def _check(self, context: Context, batch: Batch) -> None:
        if batch.state < SEALED:
            raise Rejected("not_sealed", "the ledger has not shown its own root yet")
        if context.sender not in batch.guardians:
            raise Rejected("not_a_guardian", "not one of this batch's")
        if batch.state == VOID:
            raise Rejected("closed", "the batch is void")
        answered = any(answer.guardian == context.sender for answer in batch.answers)
        if APPROVED <= batch.state <= PAID and answered:
            raise Rejected("closed", "an answer cannot change once the batch is approved")

    def _was_committed(self, state: State, place: bytes) -> bool:
        commitment = tables.COMMITMENTS.get(state, place)
        opened = commitment_digest(self.root, self.total, self.count, self.salt)
        return commitment is not None and commitment.digest == opened

    def _answered(self, batch: Batch, context: Context, late: bool) -> Batch:
        agrees = (self.root, self.total, self.count) == (batch.root, batch.total, batch.count)
        others = tuple(row for row in batch.answers if row.guardian != context.sender)
        answer = Answer(guardian=context.sender, agrees=agrees, late=late)
        answers = tuple(sorted((*others, answer), key=lambda row: row.guardian))
        return replace(batch, answers=answers)

    def _count(self, state: State, context: Context, batch: Batch) -> None:
        """Approve at more than 2/3; a disputed batch comes back to life."""
        equal = sum(1 for answer in batch.answers if answer.agrees)
        if batch.state in (SEALED, DISPUTED) and 3 * equal > 2 * len(batch.guardians):
            if batch.state == DISPUTED:
                revive(state, self.schedule, self.period)
            delay = context.params.schedule(self.schedule).payout_delay
            batch = replace(batch, state=APPROVED, pay_at=Seconds(context.time + delay))
        tables.BATCHES.put(state, tables.batch_key(self.schedule, self.period), batch)
