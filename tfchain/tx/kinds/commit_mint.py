"""commit_mint: a guardian's salted hash of its result, before the ledger shows its own (P9)."""

from dataclasses import dataclass

from tfchain.base.shapes import Hash
from tfchain.base.units import PeriodIndex, ScheduleId
from tfchain.errors import Rejected
from tfchain.ledger import tables
from tfchain.ledger.minting import COMMIT, Commitment
from tfchain.ledger.state import State
from tfchain.tx.kind import Context


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitMint:
    """`digest`: `ledger.minting.commitment_digest` of root, total, count and a salt."""

    schedule: ScheduleId
    period: PeriodIndex
    digest: Hash

    def apply(self, state: State, context: Context) -> None:
        """Refused with `not_a_guardian`, `unknown_batch`, `not_the_commit_window`."""
        guardians = tables.GUARDIANS.need(state, tables.SINGLE)
        if context.sender not in guardians.accounts:
            raise Rejected("not_a_guardian")
        name = tables.batch_key(self.schedule, self.period)
        batch = tables.BATCHES.get(state, name)
        if batch is None:
            raise Rejected("unknown_batch", f"{self.schedule}/{self.period}")
        if batch.state != COMMIT:
            raise Rejected("not_the_commit_window", f"batch {self.schedule}/{self.period}")
        commitment = Commitment(digest=self.digest, height=context.height)
        tables.COMMITMENTS.put(state, tables.of_guardian(name, context.sender), commitment)
