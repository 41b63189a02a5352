"""What the audit asks of the second program: the same answer for every batch (P36).

A batch is compared in the block that seals it. Then the program may forget the period, so that it
never remembers more than the periods whose batches are still open.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from tfchain.base.shapes import U64, Hash
from tfchain.base.units import PeriodIndex, ScheduleId, Utft
from tfchain.chain import batches
from tfchain.chain.audit_report import Rows
from tfchain.chain.columns.checkpoint import ChunkOf
from tfchain.chain.columns.program import NO_COINS, Columns, Result
from tfchain.chain.execute import Outcome, params_of
from tfchain.chain.genesis import Genesis
from tfchain.errors import Divergence
from tfchain.ledger.block import Block
from tfchain.ledger.minting import SEALED, Batch
from tfchain.ledger.params import Params
from tfchain.ledger.records import Policy
from tfchain.ledger.state import State

Sealed: TypeAlias = tuple[ScheduleId, PeriodIndex, Result]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptAnswer:
    """What the program has for a batch that sealed."""

    schedule: ScheduleId
    period: PeriodIndex
    root: Hash
    total: U64
    count: U64


class SecondProgram:
    """The column program beside an audit, fed with every block, and its answers."""

    def __init__(
        self, params: Params, policies: tuple[Policy, ...], supply: Utft = NO_COINS
    ) -> None:
        self._columns = Columns(params, policies, supply)
        self._answers: dict[tuple[ScheduleId, PeriodIndex], tuple[bytes, int, int]] = {}
        """Root, total and count by schedule and period."""
        self.judged: list[Sealed] = []
        """What the last block sealed, as this program has it."""

    @classmethod
    def resume(
        cls, genesis: Genesis, columns: bytes, chunk: ChunkOf, answers: Sequence[KeptAnswer]
    ) -> "SecondProgram":
        """The program after the block at which `columns` and `answers` were kept; raises `Malformed`."""
        params, policies, supply = genesis.params, genesis.policies, genesis.supply()
        program = cls(params, policies, supply)
        program._columns = Columns.resume(params, policies, columns, supply, chunk)
        for row in answers:
            program._answers[row.schedule, row.period] = (row.root, row.total, row.count)
        return program

    @property
    def columns(self) -> Columns:
        """The program itself, for who keeps what it remembers."""
        return self._columns

    def answers(self) -> tuple[KeptAnswer, ...]:
        """What it answered so far."""
        return tuple(
            KeptAnswer(schedule=schedule, period=period, root=root, total=total, count=count)
            for (schedule, period), (root, total, count) in self._answers.items()
        )

    def take(self, block: Block, outcome: Outcome) -> None:
        """The next block, and what came of its transactions; raises `Malformed`, `Unavailable`."""
        header, self.judged = block.header, []
        self._columns.take(header.height, header.time, block.txs, outcome.codes)

    def result(self, schedule: ScheduleId, period: PeriodIndex) -> Result:
        """Its own receipts of a period; raises `Unavailable` where it cannot tell yet, or no more."""
        return self._columns.result(schedule, period)

    def judge(self, rows: Rows, sealed: Sequence[Batch]) -> None:
        """Compare the batches that the last block sealed; raises `Divergence`."""
        for batch in sealed:
            result = self._columns.result(batch.schedule, batch.period)
            self.judged.append((batch.schedule, batch.period, result))
            answer = (result.root, result.total, result.count)
            self._answers[batch.schedule, batch.period] = answer
            self.compare(batch)
            if not _waits(rows, batch):
                self._columns.forget(batch.schedule, batch.period)

    def compare(self, batch: Batch) -> bytes:
        """The root of both programs; raises `Divergence` where the ledger has something else."""
        root, total, count = self._answers[batch.schedule, batch.period]
        if (root, total, count) != (batch.root, batch.total, batch.count):
            raise Divergence(
                f"batch {batch.schedule}/{batch.period}:"
                f" the ledger has {batch.root.hex()} {batch.total} {batch.count},"
                f" the second program {root.hex()} {total} {count}"
            )
        return root


def _waits(rows: Rows, sealed: Batch) -> bool:
    """Whether an earlier batch of the same schedule still needs what the program remembers."""
    state = State(rows)
    return any(
        batch.state < SEALED and row.id == sealed.schedule and batch.period < sealed.period
        for row, batch in batches.live(state, params_of(state))
    )
