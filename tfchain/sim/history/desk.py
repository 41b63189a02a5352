"""The guardians of a history: the second program on every block, commitments, attestations.

One program computes for all of them, for they would all come to the same; who doubts, in a story, says
another root, and who is away says nothing until he is asked.
"""

from collections.abc import Iterator
from typing import Final

from tfchain.base.crypto import digest
from tfchain.base.units import Height, NodeId, PeriodIndex, ScheduleId, Seconds, Utft
from tfchain.chain.columns.program import Columns, Result
from tfchain.ledger import tables
from tfchain.ledger.disputes import NamedNode
from tfchain.ledger.measures import ApproveBatch, VoidBatch
from tfchain.ledger.minting import COMMIT, DISPUTED, SEALED, Batch, commitment_digest
from tfchain.ledger.state import State
from tfchain.sim.history.story import DAY, LATE, VOID, Act, Doubt, Story, Wish
from tfchain.sim.history.wishes import GUARDIAN, GUARDIANS, decides
from tfchain.store.chain import ChainStore
from tfchain.tx.kinds.attest_mint import AttestMint
from tfchain.tx.kinds.commit_mint import CommitMint
from tfchain.tx.kinds.dispute_nodes import DisputeNodes

DOUBTS: Final = 3
"""The guardian who says another root."""
IS_AWAY: Final = 2
"""The guardian who says nothing until a batch is disputed."""
WRONG: Final = b"\xff" * 32

Place = tuple[ScheduleId, PeriodIndex]


class Desk:
    """What guardians are to send, as batches come to it."""

    def __init__(self, story: Story, chain: ChainStore, guardians: int) -> None:
        self._story, self._chain, self._guardians = story, chain, guardians
        self._program: Columns | None = None
        self._done: dict[tuple[int, int, int], Place] = {}
        """By batch, and the state that it was found in."""
        self._results: dict[Place, Result] = {}

    def acts(self, state: State, now: Seconds) -> Iterator[Act]:
        """What is due since the last look."""
        self._take_blocks()
        for batch in _moving(state, self._story):
            place = (batch.schedule, batch.period)
            if batch.state not in (COMMIT, SEALED, DISPUTED) or (*place, batch.state) in self._done:
                continue
            self._done[*place, batch.state] = place
            for guardian in self._asked(batch):
                wish = self._wish(batch, guardian)
                yield Act(at=now, who=f"{GUARDIAN} {guardian}", wish=wish)
            doubt = self._doubt(batch)
            if batch.state == DISPUTED and doubt is not None:
                yield from _settled(doubt, now)
            if batch.state == SEALED and doubt is None:
                self._forget(place)

    def _take_blocks(self) -> None:
        """Only the blocks, as anybody sees them."""
        if self._program is None:
            genesis = self._chain.genesis()
            self._program = Columns(genesis.params, genesis.policies, genesis.supply())
        for height in range(self._program.height + 1, self._chain.height() + 1):
            block = self._chain.block(Height(height))
            assert block is not None, "the first node keeps all"
            codes = self._chain.codes(Height(height))
            self._program.take(height, block.header.time, block.txs, codes)

    def _doubt(self, batch: Batch) -> Doubt | None:
        place = (batch.schedule, batch.period)
        return next(
            (one for one in self._story.doubts if (one.schedule, one.period) == place), None
        )

    def _asked(self, batch: Batch) -> list[int]:
        """Who has to say something now."""
        everybody, doubt = range(self._guardians), self._doubt(batch)
        if doubt is None:
            return [] if batch.state == DISPUTED else [*everybody]
        if batch.state == DISPUTED:
            return [IS_AWAY] if doubt.ends == LATE else []
        return [guardian for guardian in everybody if guardian != IS_AWAY]

    def _wish(self, batch: Batch, guardian: int) -> Wish:
        place = (batch.schedule, batch.period)
        if place not in self._results:
            assert self._program is not None, "blocks were taken"
            self._results[place] = self._program.result(*place)
        result = self._results[place]
        wrong = self._doubt(batch) is not None and guardian == DOUBTS
        root = WRONG if wrong else result.root
        salt = digest(b"tf/sim-key", f"salt {guardian} {place}".encode())
        if batch.state == COMMIT:
            sealed = commitment_digest(root, result.total, result.count, salt)
            return lambda _state, _name: CommitMint(
                schedule=place[0], period=place[1], digest=sealed
            )
        return lambda _state, _name: AttestMint(
            schedule=place[0],
            period=place[1],
            root=root,
            total=result.total,
            count=result.count,
            salt=salt,
        )

    def _forget(self, place: Place) -> None:
        """All have what they need of it."""
        assert self._program is not None, "blocks were taken"
        self._results.pop(place, None)
        self._program.forget(*place)


def _settled(doubt: Doubt, now: Seconds) -> list[Act]:
    """Who differs says in what; then all others vote."""
    schedule, period = ScheduleId(doubt.schedule), PeriodIndex(doubt.period)
    if doubt.ends == LATE:
        return []
    if doubt.ends == VOID:
        void = VoidBatch(schedule=schedule, period=period)
        return decides(now, GUARDIANS, lambda _state: void)
    nodes = tuple(NodeId(node) for node in doubt.nodes)
    named = tuple(NamedNode(node_id=node, receipt=WRONG, amount=Utft(0)) for node in nodes)
    says = DisputeNodes(schedule=schedule, period=period, named=named)
    approve = ApproveBatch(schedule=schedule, period=period, without=nodes)
    return [
        Act(at=now, who=f"{GUARDIAN} {DOUBTS}", wish=lambda _state, _name: says),
        *decides(Seconds(now + DAY), GUARDIANS, lambda _state: approve),
    ]


def _moving(state: State, story: Story) -> Iterator[Batch]:
    """Batches on their way, and those that a story says will be disputed."""
    for number in sorted({row.schedule for row in story.regimes}):
        row = tables.SCHEDULES.get(state, tables.schedule_key(ScheduleId(number)))
        live = [] if row is None else list(row.live)
        live += [PeriodIndex(one.period) for one in story.doubts if one.schedule == number]
        for period in sorted({*live}):
            batch = tables.BATCHES.get(state, tables.batch_key(ScheduleId(number), period))
            if batch is not None:
                yield batch
