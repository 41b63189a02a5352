"""The program itself: feed it every block, ask it for a period."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from tfchain.base import merkle
from tfchain.base.shapes import encode_record
from tfchain.base.units import MS_PER_S, U32_MAX, Height, Millis, Seconds, Utft
from tfchain.chain.columns import checkpoint, offers
from tfchain.chain.columns.blocks import (
    Enacted,
    Event,
    FarmMade,
    FarmTaken,
    Minted,
    NodeChanged,
    NodeDeleted,
    NodeMade,
    NodeMoved,
    PayoutSet,
    PoolSet,
    Renewed,
    Reported,
    StateSet,
    StellarSet,
    TargetSet,
    TwinMade,
    TwinTaken,
    read_block,
)
from tfchain.chain.columns.checkpoint import ChunkOf
from tfchain.chain.columns.past import Past
from tfchain.chain.columns.receipts import TWINS
from tfchain.chain.columns.roster import Roster
from tfchain.chain.columns.routes import Place, Routes
from tfchain.chain.columns.settling import Settled, Settling
from tfchain.chain.columns.spans import span_of
from tfchain.chain.columns.streams import TIME_MAX, Stream
from tfchain.chain.columns.users import ContractMade, Told, UsedTold
from tfchain.errors import Malformed, Unavailable
from tfchain.ledger.measures import CertifyNode
from tfchain.ledger.minting import RECEIPT_TAG, Receipt
from tfchain.ledger.params import Params, ScheduleRow
from tfchain.ledger.records import Policy
from tfchain.ledger.terms import Progress

NO_COINS: Final = Utft(0)
OfPeople: TypeAlias = (
    TwinMade | FarmMade | TwinTaken | NodeMoved | PayoutSet | StellarSet | FarmTaken | NodeChanged
)
"""Twins and farms, and nodes in their farmer's hands."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a guardian attests: proof-of-capacity root, sum in utft, count; and how it came."""

    root: bytes
    total: int
    count: int
    receipts: tuple[Receipt, ...]


class Columns:
    """Recomputes a chain's periods from its blocks alone, each block once and in order."""

    def __init__(
        self, params: Params, policies: tuple[Policy, ...], supply: Utft = NO_COINS
    ) -> None:
        """`supply`: every coin of genesis."""
        self._params = params
        self._constants = checkpoint.constants_hash(params, policies, supply)
        self._past = Past(params.schedules, supply)
        self._settled: dict[tuple[int, int], list[Settled]] = {}
        """Answers that no block has changed since."""
        self._height = 0
        self._time_ms = 0
        self._roster = Roster(params, policies)
        self._routes = Routes(params)

    @property
    def height(self) -> int:
        """The last block that was taken; 0 before the first."""
        return self._height

    def take(self, height: int, time_ms: int, txs: Sequence[bytes], codes: Sequence[str]) -> None:
        """The next block: all its transactions, mints included, and what came of each.

        After an error the program has part of the block and must be thrown away.

        Raises:
            Malformed: not the next block, or not the block of a chain.
            Unavailable: a registration under a regime that this program does not know.
        """
        if height != self._height + 1 or time_ms <= self._time_ms:
            raise Malformed(f"block {height} at {time_ms} ms is not the one after {self._height}")
        if time_ms >= TIME_MAX * MS_PER_S:
            raise Malformed(f"block {height}: time {time_ms} ms")
        block, events = Seconds(time_ms // MS_PER_S), read_block(txs, codes)
        self._past.note(block, sum(event.amount for event in events if isinstance(event, Minted)))
        self._settled = {}
        self._notice_gap(time_ms)
        for event in events:
            self._apply(event, block)
        for event in events:
            if isinstance(event, Enacted):
                self._roster.offered = offers.afterwards(self._roster.offered, event.measure)
        self._height, self._time_ms = height, time_ms

    def result(self, schedule: int, period: int) -> Result:
        """The whole period, recomputed.

        Raises:
            Unavailable: an unknown schedule, a period whose post window is still open at the last
                block, or one that was forgotten.
        """
        row = self._schedule(schedule)
        self._check_ready(row, period)
        receipts = tuple(one.receipt for one in self._settle(row, period))
        root = merkle.root(RECEIPT_TAG, [encode_record(receipt) for receipt in receipts])
        total = sum(receipt.amount for receipt in receipts)
        return Result(root, total, len(receipts), receipts)

    def forget(self, schedule: int, period: int) -> None:
        """Drop what only this period and earlier ones of its schedule need.

        Raises:
            Unavailable: an unknown schedule, or a period that still takes events.
        """
        row, forgotten = self._schedule(schedule), self._routes.forgotten
        if period < forgotten[schedule]:
            return
        self._check_ready(row, period)
        for each in self._settle(row, period):
            node = each.receipt.node_id
            known = self._roster.machine(node)
            self._roster.machines[node - 1] = replace(known, progress=each.progress)
        self._settled = {}
        forgotten[schedule] = period + 1
        self._past.forget(schedule, period)
        self._roster.uses.drop(schedule, period)
        for place in sorted(self._routes.streams):
            if place[0] == schedule and place[1] <= period:
                del self._routes.streams[place]
        rows = self._params.schedules
        self._roster.drop_before(min(span_of(each, forgotten[each.id])[1] for each in rows))

    def checkpoint(self) -> bytes:
        """All that is remembered, canonical, its hash (32 bytes) in front."""
        at = Height(self._height), Millis(self._time_ms)
        kept = checkpoint.checkpoint_of(self._constants, at, self._roster, self._routes, self._past)
        return checkpoint.seal(kept)

    def checkpoint_apart(self) -> bytes:
        """The same but for the chunks that streams have packed: `chunks` and `chunk` tell those.

        A chunk never changes: who keeps checkpoints in a row writes each chunk once.
        """
        at = Height(self._height), Millis(self._time_ms)
        past, end = self._past, Stream.encode_end
        kept = checkpoint.checkpoint_of(self._constants, at, self._roster, self._routes, past, end)
        return checkpoint.seal(kept, checkpoint.APART)

    def chunks(self) -> list[tuple[Place, int]]:
        """Every chunk that there is: its stream's place and its number, ascending."""
        streams = sorted(self._routes.streams.items())
        return [(place, number) for place, stream in streams for number in range(stream.chunks)]

    def chunk(self, place: Place, number: int) -> bytes:
        """That chunk's bytes: at most 2.6 MB, in a month of reports 0.9 MB."""
        return self._routes.streams[place].chunk(number)

    @classmethod
    def resume(
        cls,
        params: Params,
        policies: tuple[Policy, ...],
        sealed: bytes,
        supply: Utft = NO_COINS,
        chunk: ChunkOf | None = None,
    ) -> "Columns":
        """A program that goes on after the checkpoint's block.

        `chunk`: for a checkpoint that `checkpoint_apart` made, who has the chunks.

        Raises:
            Malformed: the hash does not fit the bytes, or the checkpoint is of another chain.
        """
        program = cls(params, policies, supply)
        tag = checkpoint.WHOLE if chunk is None else checkpoint.APART
        kept = checkpoint.unseal(sealed, program._constants, tag=tag)
        checkpoint.restore(kept, program._roster, program._routes, program._past, chunk)
        program._height, program._time_ms = kept.height, kept.time_ms
        return program

    def _notice_gap(self, time_ms: int) -> None:
        """From the block before to this one, where that took more than interval and grace."""
        over = self._params.consensus.interval + self._params.uptime.grace * MS_PER_S
        if self._height and time_ms - self._time_ms > over:
            self._past.gaps.append((self._time_ms // MS_PER_S, time_ms // MS_PER_S))

    def _apply(self, event: Event, block: Seconds) -> None:
        roster, routes = self._roster, self._routes
        match event:
            case Reported():
                routes.report(roster, event, block)
            case TargetSet():
                routes.target(roster, event, block)
            case StateSet():
                routes.state(roster, event, block)
            case Minted():
                pass
            case PoolSet():
                roster.set_pool(event)
            case NodeDeleted():
                roster.delete_node(event, block)
            case Renewed():
                roster.renew(event, block)
            case NodeMade():
                roster.add_node(event, block)
                routes.join(roster, len(roster.machines))
                self._check_regime(roster.machines[-1].contract.regime)
            case Enacted():
                self._enact(event, block)
            case ContractMade() | UsedTold() | Told():
                roster.note_use(event, block)
            case _:
                self._apply_people(event, block)

    def _apply_people(self, event: OfPeople, block: Seconds) -> None:
        roster = self._roster
        match event:
            case TwinMade():
                roster.add_twin(event)
            case FarmMade():
                roster.add_farm(event, block)
            case TwinTaken():
                roster.take_twin(event)
            case NodeMoved():
                roster.move_node(event, block)
            case PayoutSet() | StellarSet() | FarmTaken():
                roster.change_farm(event, block)
            case _:  # the last one: another event would not fit here
                roster.change_node(event, block)

    def _enact(self, event: Enacted, block: Seconds) -> None:
        roster = self._roster
        roster.offered = offers.at_once(roster.offered, event.measure, block)
        if isinstance(event.measure, CertifyNode):
            node_id, certified = event.measure.node_id, event.measure.certified
            roster.certify(node_id, block, certified=certified)

    def _settle(self, row: ScheduleRow, period: int) -> list[Settled]:
        """The period, after those of its schedule that were not forgotten: rows of periods count."""
        settling = Settling(self._params, self._roster, self._routes, self._past, row)
        known, standing = self._settled, dict[int, Progress]()
        before = [each for each in self._past.opened[row.id] if each < period]
        for each in [each for each in before if each >= self._routes.forgotten[row.id]] + [period]:
            if (row.id, each) not in known:
                known[row.id, each] = settling.settled(each, standing)
            standing |= {one.progress.node_id: one.progress for one in known[row.id, each]}
        return known[row.id, period]

    def _check_regime(self, regime: int) -> None:
        if regime not in TWINS:
            raise Unavailable(
                f"no second program for regime {regime}", "the block's registration", "update"
            )

    def _schedule(self, schedule: int) -> ScheduleRow:
        rows = [row for row in self._params.schedules if row.id == schedule]
        if not rows:
            raise Unavailable(f"schedule {schedule}", "unknown to this chain", "see its genesis")
        return rows[0]

    def _check_ready(self, row: ScheduleRow, period: int) -> None:
        name = f"period {period} of schedule {row.id}"
        if not 0 <= period <= U32_MAX:
            raise Unavailable(name, "there is none", "periods count from 0")
        if period < self._routes.forgotten[row.id]:
            raise Unavailable(name, "forgotten", "take the blocks again from height 1")
        due = span_of(row, period)[1] + row.post_window
        now = self._time_ms // MS_PER_S
        if now < due:
            raise Unavailable(name, f"last block at {now}", f"take blocks up to {due}")
