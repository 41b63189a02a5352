"""attest_mint: a guardian reveals what it computed; more than 2/3 equal approve a batch (P9, P10)."""

from dataclasses import dataclass, replace
from typing import Final

from tfchain.base.shapes import U32, U64, Hash
from tfchain.base.units import PeriodIndex, ScheduleId, Seconds
from tfchain.errors import Rejected
from tfchain.ledger import tables
from tfchain.ledger.kept import schedule_state
from tfchain.ledger.minting import (
    APPROVED,
    DISPUTED,
    PAID,
    SEALED,
    Answer,
    Attestation,
    Batch,
    commitment_digest,
)
from tfchain.ledger.state import State
from tfchain.tx.kind import Context

REVIVED_MAX: Final = 32
"""Batches on their way beside which a disputed one may come back: half of what a schedule's row has
room for. The periods that run need the rest, and a row that is full would stop the chain."""


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
                self._revive(state)
            delay = context.params.schedule(self.schedule).payout_delay
            batch = replace(batch, state=APPROVED, pay_at=Seconds(context.time + delay))
        tables.BATCHES.put(state, tables.batch_key(self.schedule, self.period), batch)

    def _revive(self, state: State) -> None:
        row = schedule_state(state, self.schedule)
        if len(row.live) >= REVIVED_MAX:
            raise Rejected("busy", f"{len(row.live)} batches are on their way: attest again later")
        live = tuple(sorted({*row.live, self.period}))
        tables.SCHEDULES.put(state, tables.schedule_key(self.schedule), replace(row, live=live))
