"""All receipts of one period, and how each node stands after it."""

from dataclasses import dataclass, replace

from tfchain.base.crypto import plain_digest
from tfchain.base.units import Seconds, Utft
from tfchain.chain.columns import offers
from tfchain.chain.columns.case import Case
from tfchain.chain.columns.past import Past
from tfchain.chain.columns.receipt_text import text_of
from tfchain.chain.columns.receipts import TWINS, receipt_of
from tfchain.chain.columns.regular import each, split
from tfchain.chain.columns.roster import Machine, Roster, blank_progress
from tfchain.chain.columns.routes import BETWEEN, Routes, created
from tfchain.chain.columns.spans import own_in, own_span, period_of, span_of
from tfchain.chain.columns.streams import REPORT, WAKE, Stream, Table
from tfchain.chain.columns.uptime import (
    Identity,
    Report,
    Tally,
    asked_to_wake,
    close,
    fell_asleep,
    reported,
)
from tfchain.ledger.minting import Receipt
from tfchain.ledger.params import Params, ScheduleRow
from tfchain.ledger.records import Contract
from tfchain.ledger.terms import Progress


@dataclass(frozen=True, slots=True)
class Settled:
    """One node's receipt, and where that leaves it."""

    receipt: Receipt
    progress: Progress


class Settling:
    """One period of one schedule; `standing` says how nodes stood before it."""

    def __init__(
        self, params: Params, roster: Roster, routes: Routes, past: Past, row: ScheduleRow
    ) -> None:
        self._limits = params.uptime
        self._roster = roster
        self._routes = routes
        self._past = past
        self._row = row

    def settled(self, period: int, standing: dict[int, Progress]) -> list[Settled]:
        """In node order, everybody of the schedule who was there before the period's end."""
        start, end = span_of(self._row, period)
        tallies = {} if self._row.own else self._tallies(period)
        found = []
        for machine in self._roster.machines:
            contract, numbers = _in_force(machine, start)
            left = machine.gone is not None and machine.gone < start
            if contract.schedule == self._row.id and created(machine) < end and not left:
                spans = self._spans(machine, period, tallies)
                before = standing.get(contract.node_id, machine.progress)
                found.append(self._one(period, machine, (contract, numbers), spans, before))
        return found

    def _one(
        self,
        period: int,
        machine: Machine,
        terms: tuple[Contract, tuple[int, ...]],
        spans: list[Tally],
        before: Progress,
    ) -> Settled:
        contract, numbers = terms
        start, end = span_of(self._row, period)
        node = self._roster.node_at(contract.node_id, end)
        twin = self._roster.twins[node.twin_id - 1]
        used, mean, traffic, ip_seconds = self._roster.uses.of(
            (self._row.id, period, node.id), node, end - start
        )
        progress = before
        if before.since != contract.registered:
            progress = replace(blank_progress(contract), used=before.used)
        first = machine.first_report
        bare = Case(
            node=node,
            farm=self._roster.farm_at(node.farm_id, end),
            contract=contract,
            terms=numbers,
            tally=Tally(start=start, end=end),
            due=False,
            used=used,
            mean=mean,
            traffic=traffic,
            ip_seconds=ip_seconds,
            age=0 if first is None else max(end - first, 0),
            minted=self._past.minted_before(end + self._row.post_window),
        )
        cases = []
        for tally in spans:
            close(tally, Identity(twin.relay, twin.public_key), pardoned=tally.start)
            index = self._index(machine, contract, period, tally)
            progress = progress if index else replace(progress, first=Seconds(tally.total))
            case = replace(
                bare,
                tally=tally,
                due=True,
                index=index,
                first=progress.first,
                missed=progress.missed,
                used_before=progress.used,
            )
            reward = TWINS[contract.regime].reward_of(case)
            progress = replace(progress, missed=reward.missed, used=reward.used_for)
            cases.append(case)
        receipt = receipt_of(self._row.id, period, cases or [bare])
        if offers.is_flagged(self._roster.offered, node.id, end):
            receipt = _unpaid(receipt)
        return Settled(receipt, progress)

    def _blank(self, start: int, end: int) -> Tally:
        return Tally(start=start, end=end, gaps=self._past.gaps_known(start))

    def _index(self, machine: Machine, contract: Contract, period: int, tally: Tally) -> int:
        """Which of the contract's periods."""
        if self._row.own:
            return (tally.start - created(machine)) // self._row.own
        return max(period - max(period_of(self._row, contract.registered), 0), 0)

    def _spans(self, machine: Machine, period: int, tallies: dict[int, Tally]) -> list[Tally]:
        """The node's tally of the period; or those of its own periods that ended in it."""
        start, end = span_of(self._row, period)
        node = machine.contract.node_id
        if not self._row.own:
            return [tallies.get(node, Tally(start=start, end=end))]
        before = [each for each in self._past.opened[self._row.id] if each < period]
        due = own_in(self._row, created(machine), period, before[-1] if before else None)
        return [self._own_tally(machine, own) for own in due]

    def _own_tally(self, machine: Machine, own: int) -> Tally:
        start, end = own_span(self._row, created(machine), own)
        ended = max(period_of(self._row, end - 1), 0)
        stream = self._routes.streams.get((self._row.id, ended, own + 1), Stream())
        rows = each(stream).get(machine.contract.node_id)
        return self._gone_through(stream, machine.contract.node_id, rows, start, end)

    def _tallies(self, period: int) -> dict[int, Tally]:
        """Every node that anything happened to, before the verdict."""
        stream = self._routes.streams.get((self._row.id, period, BETWEEN), Stream())
        start, end = span_of(self._row, period)
        parts = split(stream, self._limits, start, end, self._past.gaps_known(start))
        tallies = {
            node: Tally(start=start, end=end, total=total) for node, total in parts.totals.items()
        }
        for node, rows in parts.others.items():
            tallies[node] = self._gone_through(stream, node, rows, start, end)
        return tallies

    def _gone_through(
        self, stream: Stream, node: int, rows: Table | None, start: int, end: int
    ) -> Tally:
        tally, limits = self._blank(start, end), self._limits
        if node in stream.asleep:
            since, asked = stream.asleep[node]
            tally.slept_at, tally.wake_at = since, start if asked else None
        for kind, _node, time, uptime, block in [] if rows is None else rows.T.tolist():
            if kind == REPORT:
                reported(tally, limits, Report(time, uptime, block))
            elif kind == WAKE:
                asked_to_wake(tally, block)
            else:
                fell_asleep(tally, limits, block)
        return tally


def _unpaid(receipt: Receipt) -> Receipt:
    """The receipt of a node that had been flagged a fraud when the period ended."""
    bare = replace(receipt, musd=0, amount=Utft(0), reason="fraud", text_hash=b"")
    if not receipt.text_hash:
        return bare
    return replace(bare, text_hash=plain_digest(text_of(bare).encode()))


def _in_force(machine: Machine, start: int) -> tuple[Contract, tuple[int, ...]]:
    """What a node that registered anew is paid by: until the next period, what it had (P5)."""
    former = machine.former
    if former is not None and machine.contract.registered > start:
        return former.contract, former.numbers
    return machine.contract, machine.numbers
