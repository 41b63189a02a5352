"""What happened when: the periods that had a block, and how many coins there were.

A period without a single block is no batch (P7), and counts in nobody's row of periods. What there
was when a batch's commit window opened bounds what its nodes may farm (rules.md 5).
"""

from collections.abc import Sequence

from tfchain.chain.columns.spans import period_of, span_of
from tfchain.ledger.gaps import GAPS_MAX
from tfchain.ledger.params import ScheduleRow


class Past:
    """Grows with every block; what is forgotten is dropped."""

    def __init__(self, schedules: Sequence[ScheduleRow], supply: int) -> None:
        self.opened: dict[int, list[int]] = {row.id: [] for row in schedules}
        """By schedule: periods that had a block, in order."""
        self.minted: list[tuple[int, int]] = [(0, supply)]
        """From a second on: coins ever minted, genesis included."""
        self.gaps: list[tuple[int, int]] = []
        """Times in which the chain stood still, oldest first (P4)."""
        self._schedules = tuple(schedules)

    def note(self, block: int, minted: int) -> None:
        """A block of this second, and what it minted."""
        for row in self._schedules:
            period, known = period_of(row, block), self.opened[row.id]
            if period >= 0 and (not known or period > known[-1]):
                known.append(period)
        if minted:
            self.minted.append((block, self.minted[-1][1] + minted))

    def gaps_known(self, start: int) -> tuple[tuple[int, int], ...]:
        """Those that a report of a period may know: of the ones before it the last few."""
        before = sum(1 for gap in self.gaps if gap[1] <= start)
        return tuple(self.gaps[max(0, before - GAPS_MAX) :])

    def minted_before(self, due: int) -> int:
        """Coins ever minted in blocks before the first one of this second or later."""
        return [amount for time, amount in self.minted if time < due or time == 0][-1]

    def forget(self, schedule: int, period: int) -> None:
        """Drop what only periods up to this one need; the last of them tells where the next begins."""
        known = self.opened[schedule]
        last = [each for each in known if each <= period][-1:]
        self.opened[schedule] = [*last, *(each for each in known if each > period)]
        needed = min(span_of(row, (self.opened[row.id] or [0])[0])[0] for row in self._schedules)
        old = sum(1 for time, _ in self.minted[1:] if time < needed)
        self.minted = self.minted[old:]
