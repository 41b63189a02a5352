"""Who gets which coins of a sealed batch, once more: from the blocks and this program's own receipts.

What guardians approved, whom they left out, what is void, flagged, cut at the cap, owed back or locked
is counted here without asking the ledger for any of it but the cap, which validators may lower by
votes that this program does not weigh. A mint that is not what is counted here is a `Divergence`, and
so is one that leaves out a node of its run.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from tfchain.base import merkle
from tfchain.base.shapes import encode_record
from tfchain.base.units import Address, Height, NodeId, PeriodIndex, ScheduleId, Utft
from tfchain.chain.columns.coins import (
    Attested,
    Blamed,
    Came,
    Fixes,
    Freed,
    Line,
    Moved,
    Ruled,
    Run,
    read_coins,
)
from tfchain.chain.columns.fixing import Coins, Fixing, Promise
from tfchain.chain.columns.locked import WITHHELD, Held, Locked
from tfchain.chain.columns.program import Result
from tfchain.chain.columns.spans import span_of
from tfchain.errors import Divergence
from tfchain.ledger.changes import SetConstant
from tfchain.ledger.measures import (
    ApproveBatch,
    FixReceipt,
    FlagFraud,
    Halt,
    LowerCap,
    Measure,
    SeatGuardian,
    VoidBatch,
)
from tfchain.ledger.minting import MINT_TAG, RECEIPT_TAG, MintRecord
from tfchain.ledger.params import Params


@dataclass(frozen=True, slots=True)
class Block:
    """A block as this file reads it."""

    height: int
    time: int
    """In seconds."""
    txs: Sequence[bytes]
    codes: Sequence[str]
    """What came of each."""


@dataclass(slots=True, kw_only=True)
class Pay:
    """A sealed batch on the way to its coins."""

    promise: Promise
    last: int
    """The highest node there was at the period's end."""
    guardians: tuple[Address, ...]
    owed: tuple[Line, ...]
    """By node, as on the receipts: not cut, nothing taken."""
    answer: tuple[bytes, int, int]
    agreed: dict[Address, bool] = field(default_factory=dict)
    blamed: dict[Address, tuple[int, ...]] = field(default_factory=dict)
    without: dict[int, None] = field(default_factory=dict)
    void: bool = False
    pay_at: int | None = None
    """Once it is approved."""
    cursor: int = 1
    """The next node."""
    place: int = 0
    """The next line of `owed`."""
    minted: int = 0
    leaves: list[bytes] = field(default_factory=list)
    """The mint records of nodes that are paid."""
    root: bytes | None = None
    """Of all mint records, once the last node is paid."""

    @property
    def where(self) -> str:
        """Its name in a report."""
        return f"batch {self.promise.schedule}/{self.promise.period}"

    def run(self, upto: int) -> list[Line]:
        """What is owed to the nodes from the cursor on, below `upto`; the cursor moves on."""
        first = self.place
        while self.place < len(self.owed) and self.owed[self.place].node_id < upto:
            self.place += 1
        self.cursor = upto
        return list(self.owed[first : self.place])

    def finish(self) -> int:
        """What of the promise nobody gets, once the last node is paid; else 0."""
        if self.cursor <= self.last:
            return 0
        self.root, self.owed, self.leaves = merkle.root(MINT_TAG, self.leaves), (), []
        return self.promise.payable - self.minted


class Paying:
    """Feed it every block, with the batches that the block sealed."""

    def __init__(self, params: Params, supply: int, guardians: Sequence[Address]) -> None:
        """`supply`: every coin of genesis; `guardians`: those of genesis."""
        self.coins = Coins(params.supply_cap, supply)
        self.locked = Locked()
        self.touched: list[int] = []
        """Nodes whose locked coins the last block moved."""
        self.pays: dict[tuple[int, int], Pay] = {}
        self.paid: dict[tuple[int, int], Pay] = {}
        """Batches that the last block minted for."""
        self._rows = {row.id: row for row in params.schedules}
        self.guardians = tuple(guardians)
        self.fixing = Fixing()
        self.frauds: dict[int, None] = {}
        self.joined: list[int] = []
        """When each node came, by its number."""
        self.halted = False

    def take(
        self, block: Block, cap: int, sealed: Sequence[tuple[ScheduleId, PeriodIndex, Result]]
    ) -> None:
        """The next block, with the cap of all coins that it was held to, and the batches it sealed.

        Raises:
            Divergence: coins that are not due, or go to somebody else, or less of them.
            Malformed: not the block of a chain.
        """
        if cap > self.coins.cap:
            raise Divergence(f"block {block.height}: the cap rises to {cap}")
        self.coins.cap = cap
        self.touched, self.paid = [], {}
        for schedule, period, result in sealed:
            self._seal(schedule, period, result)
        events, halted = read_coins(block.txs, block.codes), self.halted
        self._check_fixes(block, events)
        before = {name: pay.minted for name, pay in self.pays.items()}
        for event in events:
            if halted and isinstance(event, Run | Fixes):
                raise Divergence(f"block {block.height}: coins in a halt")
            self._apply(block, event)
        for name, pay in self.paid.items():
            self.coins.promised -= pay.minted - before[name] + pay.finish()

    def held(self) -> list[tuple[int, Held]]:
        """What waits now of the nodes whose locked coins the last block moved."""
        return [(node_id, self.locked.held(node_id)) for node_id in sorted({*self.touched})]

    def _seal(self, schedule: ScheduleId, period: PeriodIndex, result: Result) -> None:
        """What there is room for is promised, in the order of the batches' keys (P15)."""
        payable = min(result.total, self.coins.room)
        self.coins.promised += payable
        end = span_of(self._rows[schedule], period)[1]
        owed = tuple(
            Line(
                receipt.node_id,
                receipt.account,
                receipt.amount,
                receipt.lock,
                merkle.leaf_hash(RECEIPT_TAG, encode_record(receipt)),
            )
            for receipt in result.receipts
        )
        self.pays[schedule, period] = Pay(
            promise=Promise(
                schedule=schedule,
                period=period,
                root=result.root,
                count=result.count,
                total=result.total,
                payable=payable,
            ),
            last=sum(1 for joined in self.joined if joined < end),
            guardians=self.guardians,
            owed=owed,
            answer=(result.root, result.total, result.count),
        )

    def _check_fixes(self, block: Block, events: Sequence[Moved]) -> None:
        """All that waited, in one transaction, in the very next block that is not halted."""
        told = [event.lines for event in events if isinstance(event, Fixes)]
        due = [] if self.halted or not self.fixing.waiting else [tuple(self.fixing.waiting)]
        if told != due and not self.halted:
            raise Divergence(
                f"block {block.height}: coins for fixups: there are {_shown(told)}, due are {_shown(due)}"
            )

    def _apply(self, block: Block, event: Moved) -> None:
        match event:
            case Run():
                self._mint(block, event)
            case Fixes():
                self._mint_fixes(event)
            case Ruled():
                self._enact(block, event.measure)
            case Attested():
                self._attest(block, event)
            case Blamed():
                self._pay(event.schedule, event.period).blamed[event.sender] = event.nodes
            case Freed():
                self._touch(event.node_id)
                self.locked.freed(event.node_id)
            case _:  # a node came: another event would not fit here
                self._came(event, block)

    def _came(self, _node: Came, block: Block) -> None:
        self.joined.append(block.time)

    def _pay(self, schedule: int, period: int) -> Pay:
        pay = self.pays.get((schedule, period))
        if pay is None:
            raise Divergence(f"batch {schedule}/{period}: nobody has sealed it")
        return pay

    def _mint(self, block: Block, run: Run) -> None:
        """The next nodes of an approved batch, every one of them, with what is due to each."""
        pay = self._pay(run.schedule, run.period)
        if pay.pay_at is None or pay.void or block.time < pay.pay_at:
            raise Divergence(f"{pay.where}: coins in block {block.height} before they are due")
        if run.root != pay.promise.root or not pay.cursor < run.upto <= pay.last + 1:
            raise Divergence(f"{pay.where}: a mint up to node {run.upto} of {run.root.hex()}")
        due = pay.run(run.upto)
        if [line.node_id for line in run.lines] != [line.node_id for line in due]:
            raise Divergence(f"{pay.where}: a mint that leaves out nodes before {run.upto}")
        for told, owed in zip(run.lines, due, strict=True):
            self._mint_line(block, pay, told, owed)
        self.paid[run.schedule, run.period] = pay

    def _mint_line(self, block: Block, pay: Pay, told: Line, owed: Line) -> None:
        line = self._due(pay, owed)
        if told != line:
            raise Divergence(
                f"{pay.where}, node {line.node_id}: minted is {_line(told)}, due is {_line(line)}"
            )
        self.coins.minted += line.amount
        pay.minted += line.amount
        self._touch(line.node_id)
        self.locked.paid(line)
        record = MintRecord(
            schedule=pay.promise.schedule,
            period=pay.promise.period,
            node_id=NodeId(line.node_id),
            account=Address(line.account),
            owed=Utft(owed.amount),
            amount=Utft(line.amount),
            lock=line.lock,
            receipt=line.receipt,
            height=Height(block.height),
        )
        pay.leaves.append(encode_record(record))

    def _due(self, pay: Pay, owed: Line) -> Line:
        """Nothing for whom guardians left out or flagged; else the cut, less the node's debt."""
        if owed.node_id in self.frauds or owed.node_id in pay.without:
            return Line(owed.node_id, owed.account, 0, WITHHELD, owed.receipt)
        amount = pay.promise.cut(owed.amount)
        amount -= self.fixing.owed_back(owed.node_id, amount)
        return Line(owed.node_id, owed.account, amount, owed.lock, owed.receipt)

    def _mint_fixes(self, fixes: Fixes) -> None:
        for one in fixes.lines:
            self.coins.minted += one.line.amount
            self.coins.promised -= one.line.amount
            self._touch(one.line.node_id)
            self.locked.fixed(one.line)
        self.fixing.waiting = []

    def _touch(self, node_id: int) -> None:
        self.touched.append(node_id)

    def _attest(self, block: Block, event: Attested) -> None:
        """More than two thirds of the guardians of the seal, with the answer of this program."""
        pay = self._pay(event.schedule, event.period)
        if event.sender not in pay.guardians:
            raise Divergence(f"{pay.where}: attested by {event.sender.hex()}, no guardian of it")
        pay.agreed[event.sender] = event.answer == pay.answer
        equal = sum(1 for same in pay.agreed.values() if same)
        if pay.pay_at is None and not pay.void and 3 * equal > 2 * len(pay.guardians):
            self._approve(block, pay)

    def _approve(self, block: Block, pay: Pay) -> None:
        pay.pay_at = block.time + self._rows[pay.promise.schedule].payout_delay

    def _enact(self, block: Block, measure: Measure) -> None:
        match measure:
            case FlagFraud():
                self.frauds[measure.node_id] = None
            case SeatGuardian():
                others = [one for one in self.guardians if one != measure.account]
                self.guardians = (*others, measure.account) if measure.seated else tuple(others)
            case Halt():
                self.halted = measure.halted
            case LowerCap():
                self.coins.cap = measure.cap
            case SetConstant():
                if measure.name == "ledger.supply_cap":
                    self.coins.cap = measure.value
            case ApproveBatch() | VoidBatch():
                self._rule(block, measure)
            case FixReceipt():
                self._fix(measure)
            case _:
                pass

    def _rule(self, block: Block, measure: ApproveBatch | VoidBatch) -> None:
        """Only what was not approved, and without no node that no guardian of it has named (P10)."""
        pay = self._pay(measure.schedule, measure.period)
        if pay.pay_at is not None or pay.void:
            raise Divergence(f"{pay.where}: ruled on after it was decided")
        if isinstance(measure, VoidBatch):
            pay.void, pay.owed = True, ()
            self.coins.promised -= pay.promise.payable
            return
        named = [node for nodes in pay.blamed.values() for node in nodes]
        for node in measure.without:
            if node not in named:
                raise Divergence(f"{pay.where}, node {node}: left out, and named by no guardian")
        pay.without = dict.fromkeys(measure.without)
        self._approve(block, pay)

    def _fix(self, measure: FixReceipt) -> None:
        pay = self._pay(measure.schedule, measure.period)
        if not pay.void and pay.root is None:
            raise Divergence(f"{pay.where}: a fixup before it is paid")
        unpaid = None if pay.void else pay.without
        self.fixing.fix(self.coins, pay.promise, unpaid, measure)


def _line(line: Line) -> str:
    return f"{line.amount} to {line.account.hex()}, lock {line.lock}, for {line.receipt.hex()}"


def _shown(runs: Sequence[Sequence[object]]) -> str:
    return str(sum(len(run) for run in runs))
