"""What the page shows, gathered in one pass over the receipts.

Memory grows with farms and batches, never with receipts: of long lists the first rows are kept, and
how many there were.
"""

from collections import Counter, deque
from dataclasses import dataclass, field
from heapq import nlargest
from typing import Final, Generic, TypeVar

from tfchain.cli.report.settled import Settled
from tfchain.ledger.minting import Batch, Receipt
from tfchain.ledger.uptime import VIOLATIONS

T = TypeVar("T")

LARGEST: Final = 10
"""The payouts that a guardian looks at one by one (rules.md 8)."""
BATCH_ROWS: Final = 60
FARM_ROWS: Final = 25
NODE_ROWS: Final = 60
VIOLATION_ROWS: Final = 40
MOVED_ROWS: Final = 30
MINT_ROWS: Final = 24
FAULT_ROWS: Final = 40
"""Rows of a table on the page at most; each says where the others are."""

UPTIME_BANDS: Final = (
    (1_000, "100 %"),
    (990, "99 % to 100 %"),
    (980, "98 % to 99 %"),
    (950, "95 % to 98 %"),
    (900, "90 % to 95 %"),
    (500, "50 % to 90 %"),
    (1, "up to 50 %"),
    (0, "none"),
)
"""Least per mille of a band, and its name; DIY nodes are paid from 95 %, certified ones from 98 %."""


class Latest(Generic[T]):
    """The last rows of a list, and how many there were in all."""

    __slots__ = ("count", "rows")

    def __init__(self, most: int) -> None:
        self.rows: deque[T] = deque(maxlen=most)
        self.count = 0

    def add(self, row: T) -> None:
        """One more; the oldest gives way."""
        self.count += 1
        self.rows.append(row)


@dataclass(slots=True)
class Farm:
    """A farm's nodes in the newest batch that it has one in, and its pay over all batches."""

    id: int
    name: str = ""
    batch: tuple[int, int] | None = None
    nodes: int = 0
    owed: int = 0
    pay: int = 0


@dataclass(frozen=True, slots=True)
class Moved:
    """A node whose pay moved by more than half against the batch before (rules.md 8)."""

    before: Receipt
    after: Receipt

    @property
    def change(self) -> int:
        """By how many units, whichever way."""
        return abs(self.after.amount - self.before.amount)


@dataclass(slots=True)
class Figures:
    """Everything that is counted over receipts. `begin` a batch, `add` its lines; oldest first."""

    newest: Batch | None = None
    """The batch that `nodes`, `bands` and `moved` are of: the last one begun."""
    nodes: list[Settled] = field(default_factory=list)
    nodes_count: int = 0
    bands: Counter[int] = field(default_factory=Counter)
    moved: list[Moved] = field(default_factory=list)
    """The largest changes first."""
    moved_count: int = 0
    violations: Latest[Receipt] = field(default_factory=lambda: Latest(VIOLATION_ROWS))
    largest: list[Settled] = field(default_factory=list)
    farms: dict[int, Farm] = field(default_factory=dict)
    by_violation: Counter[int] = field(default_factory=Counter)
    by_reason: Counter[str] = field(default_factory=Counter)
    receipts: int = 0
    paid: int = 0
    """Receipts that something is paid for."""
    pay: int = 0

    def begin(self, batch: Batch) -> None:
        """The lines that follow are of this batch."""
        self.newest = batch
        self.nodes, self.nodes_count = [], 0
        self.bands = Counter()
        self.moved, self.moved_count = [], 0

    def add(self, line: Settled, before: Receipt | None) -> None:
        """A receipt, and the node's own of the batch before."""
        receipt = line.receipt
        self.receipts += 1
        self.pay += line.pay
        self.paid += line.pay > 0
        self.nodes_count += 1
        if self.nodes_count <= NODE_ROWS:
            self.nodes.append(line)
        self.bands[band_of(receipt.uptime_permille)] += 1
        self.by_reason[receipt.reason] += 1
        if receipt.violation:
            self.by_violation[receipt.violation] += 1
            self.violations.add(receipt)
        if before is not None and has_moved(before.amount, receipt.amount):
            self._move(Moved(before, receipt))
        self._farm(line)
        self._rank(line)

    def _farm(self, line: Settled) -> None:
        receipt = line.receipt
        farm = self.farms.setdefault(receipt.farm_id, Farm(receipt.farm_id))
        batch = (receipt.schedule, receipt.period)
        if farm.batch != batch:
            farm.name, farm.batch, farm.nodes = receipt.farm_name, batch, 0
        farm.nodes += 1
        farm.owed += receipt.amount
        farm.pay += line.pay

    def _move(self, moved: Moved) -> None:
        self.moved_count += 1
        if len(self.moved) == MOVED_ROWS and moved.change <= self.moved[-1].change:
            return
        self.moved = nlargest(MOVED_ROWS, [*self.moved, moved], key=_change)

    def _rank(self, line: Settled) -> None:
        if not line.pay or (len(self.largest) == LARGEST and line.pay <= self.largest[-1].pay):
            return
        self.largest = nlargest(LARGEST, [*self.largest, line], key=_pay)

    def ranked_farms(self) -> list[Farm]:
        """Farms by their pay, the largest first."""
        return sorted(self.farms.values(), key=lambda farm: (-farm.pay, -farm.owed, farm.id))

    def ranked_violations(self) -> list[tuple[str, int]]:
        """Kinds of violations by how often they were found."""
        kinds = sorted(self.by_violation.items(), key=lambda row: (-row[1], row[0]))
        return [(VIOLATIONS[kind], count) for kind, count in kinds]

    def ranked_reasons(self) -> list[tuple[str, int]]:
        """Why nothing was paid, by how often."""
        reasons = sorted(self.by_reason.items(), key=lambda row: (-row[1], row[0]))
        return [(reason, count) for reason, count in reasons if reason]

    def uptime_bands(self) -> list[tuple[str, int, int]]:
        """Bands of the newest batch: name, least per mille, nodes."""
        return [(name, least, self.bands[least]) for least, name in UPTIME_BANDS]


def band_of(per_mille: int) -> int:
    """The least per mille of the band that an uptime falls into."""
    return next(least for least, _ in UPTIME_BANDS if per_mille >= least)


def has_moved(before: int, after: int) -> bool:
    """Whether pay moved by more than half of what it was; from nothing to something counts."""
    return 2 * abs(after - before) > before


def _pay(line: Settled) -> int:
    return line.pay


def _change(moved: Moved) -> int:
    return moved.change
