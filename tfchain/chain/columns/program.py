"""The program itself: feed it every block, ask it for a period."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tfchain.base import merkle
from tfchain.base.crypto import plain_digest
from tfchain.base.shapes import encode_record
from tfchain.base.units import MS_PER_S, U32_MAX, Height, Millis, Seconds, Utft
from tfchain.chain.columns import checkpoint, offers
from tfchain.chain.columns.blocks import (
    Enacted,
    Event,
    FarmMade,
    FarmTaken,
    NodeMade,
    NodeMoved,
    PayoutSet,
    Reported,
    StateSet,
    StellarSet,
    TargetSet,
    TwinMade,
    TwinTaken,
    read_block,
)
from tfchain.chain.columns.case import Case
from tfchain.chain.columns.receipt_text import text_of
from tfchain.chain.columns.receipts import TWINS, receipt_of
from tfchain.chain.columns.regular import split
from tfchain.chain.columns.roster import Roster, span_of
from tfchain.chain.columns.routes import Routes
from tfchain.chain.columns.streams import REPORT, TIME_MAX, WAKE, Stream, Table
from tfchain.chain.columns.uptime import (
    Identity,
    Report,
    Tally,
    asked_to_wake,
    close,
    fell_asleep,
    reported,
)
from tfchain.errors import Malformed, Unavailable
from tfchain.ledger.gaps import GAPS_MAX
from tfchain.ledger.measures import CertifyNode
from tfchain.ledger.minting import RECEIPT_TAG, Receipt
from tfchain.ledger.params import Params, ScheduleRow
from tfchain.ledger.records import Policy


@dataclass(frozen=True, slots=True)
class Result:
    """What a guardian attests: proof-of-capacity root, sum in utft, count; and how it came."""

    root: bytes
    total: int
    count: int
    receipts: tuple[Receipt, ...]


class Columns:
    """Recomputes a chain's periods from its blocks alone, each block once and in order."""

    def __init__(self, params: Params, policies: tuple[Policy, ...]) -> None:
        self._params = params
        self._constants = checkpoint.constants_hash(params, policies)
        self._height = 0
        self._time_ms = 0
        self._roster = Roster(params, policies)
        self._routes = Routes(params)
        self._gaps: list[tuple[int, int]] = []

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
        events = read_block(txs, codes)
        self._notice_gap(time_ms)
        for event in events:
            self._apply(event, Seconds(time_ms // MS_PER_S))
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
        end = span_of(row, period)[1]
        tallies = self._tallies(row, period)
        receipts = tuple(
            self._receipt(row, period, machine.contract.node_id, tallies)
            for machine in self._roster.machines
            if machine.contract.schedule == schedule and machine.contract.registered < end
        )
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
        forgotten[schedule] = period + 1
        for place in sorted(self._routes.streams):
            if place[0] == schedule and place[1] <= period:
                del self._routes.streams[place]
        rows = self._params.schedules
        self._roster.drop_before(min(span_of(each, forgotten[each.id])[1] for each in rows))

    def checkpoint(self) -> bytes:
        """All that is remembered, canonical, its hash (32 bytes) in front."""
        kept = checkpoint.checkpoint_of(
            self._constants,
            Height(self._height),
            Millis(self._time_ms),
            self._roster,
            self._routes,
            self._gaps,
        )
        return checkpoint.seal(kept)

    @classmethod
    def resume(cls, params: Params, policies: tuple[Policy, ...], sealed: bytes) -> "Columns":
        """A program that goes on after the checkpoint's block.

        Raises:
            Malformed: the hash does not fit the bytes, or the checkpoint is of another chain.
        """
        program = cls(params, policies)
        kept = checkpoint.unseal(sealed, program._constants)
        checkpoint.restore(kept, program._roster, program._routes)
        program._height, program._time_ms = kept.height, kept.time_ms
        program._gaps = [(gap.since, gap.until) for gap in kept.gaps]
        return program

    def _gaps_known(self, start: int) -> tuple[tuple[int, int], ...]:
        """Those that a report of a period may know: of the ones before it the last few."""
        before = sum(1 for gap in self._gaps if gap[1] <= start)
        return tuple(self._gaps[max(0, before - GAPS_MAX) :])

    def _notice_gap(self, time_ms: int) -> None:
        """From the block before to this one, where that took more than interval and grace."""
        over = self._params.consensus.interval + self._params.uptime.grace * MS_PER_S
        if self._height and time_ms - self._time_ms > over:
            self._gaps.append((self._time_ms // MS_PER_S, time_ms // MS_PER_S))

    def _apply(self, event: Event, block: Seconds) -> None:
        roster, routes = self._roster, self._routes
        match event:
            case Reported():
                routes.report(roster, event, block)
            case TargetSet():
                routes.target(roster, event, block)
            case StateSet():
                routes.state(roster, event, block)
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
            case NodeMade():
                roster.add_node(event, block)
                self._check_regime(roster.machines[-1].contract.regime)
            case Enacted():
                self._enact(event, block)
            case _:  # the last one: another event would not fit here
                roster.change_node(event, block)

    def _enact(self, event: Enacted, block: Seconds) -> None:
        roster = self._roster
        roster.offered = offers.at_once(roster.offered, event.measure, block)
        if isinstance(event.measure, CertifyNode):
            node_id, certified = event.measure.node_id, event.measure.certified
            roster.certify(node_id, block, certified=certified)

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

    def _tallies(self, row: ScheduleRow, period: int) -> dict[int, Tally]:
        """Every node that anything happened to, before the verdict."""
        stream = self._routes.streams.get((row.id, period), Stream())
        start, end = span_of(row, period)
        gaps = self._gaps_known(start)
        parts = split(stream, self._params.uptime, start, end, gaps)
        tallies = {
            node: Tally(start=start, end=end, total=total) for node, total in parts.totals.items()
        }
        for node, rows in parts.others.items():
            tally = Tally(start=start, end=end, gaps=gaps)
            if node in stream.asleep:
                since, asked = stream.asleep[node]
                tally.slept_at, tally.wake_at = since, start if asked else None
            self._go_through(tally, rows)
            tallies[node] = tally
        return tallies

    def _go_through(self, tally: Tally, rows: Table) -> None:
        limits = self._params.uptime
        for kind, _node, time, uptime, block in rows.T.tolist():
            if kind == REPORT:
                reported(tally, limits, Report(time, uptime, block))
            elif kind == WAKE:
                asked_to_wake(tally, block)
            else:
                fell_asleep(tally, limits, block)

    def _receipt(
        self, row: ScheduleRow, period: int, node_id: int, tallies: dict[int, Tally]
    ) -> Receipt:
        start, end = span_of(row, period)
        node = self._roster.node_at(node_id, end)
        twin = self._roster.twins[node.twin_id - 1]
        tally = tallies.get(node_id, Tally(start=start, end=end))
        close(tally, Identity(twin.relay, twin.public_key), pardoned=start)
        contract = self._roster.machine(node_id).contract
        case = Case(
            node=node,
            farm=self._roster.farm_at(node.farm_id, end),
            contract=contract,
            terms=(),
            tally=tally,
        )
        receipt = receipt_of(row.id, period, (case,))
        if offers.is_flagged(self._roster.offered, node_id, end):
            return _unpaid(receipt)
        return receipt


def _unpaid(receipt: Receipt) -> Receipt:
    """The receipt of a node that had been flagged a fraud when the period ended."""
    bare = replace(receipt, musd=0, amount=Utft(0), reason="fraud", text_hash=b"")
    if not receipt.text_hash:
        return bare
    return replace(bare, text_hash=plain_digest(text_of(bare).encode()))
