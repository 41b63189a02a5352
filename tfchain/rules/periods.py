"""Schedules: which period an instant belongs to, and where a period starts and ends (rules.md 1)."""

from dataclasses import dataclass
from typing import Final

from tfchain.base.units import PeriodIndex, ScheduleId, Seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Periods of equal length, end to end from `start` on."""

    id: ScheduleId
    start: Seconds
    length: Seconds

    def index_of(self, time: Seconds) -> PeriodIndex | None:
        """The period that holds `time` (start included, end not); none before the first."""
        if time < self.start:
            return None
        return PeriodIndex((time - self.start) // self.length)

    def bounds(self, index: PeriodIndex) -> tuple[Seconds, Seconds]:
        """Start and end of a period; it ends where the next one starts."""
        start = Seconds(self.start + self.length * index)
        return start, Seconds(start + self.length)


STANDARD_ID: Final = ScheduleId(0)
STANDARD_START: Final = Seconds(1_522_501_000)
STANDARD_LENGTH: Final = Seconds(2_630_880)
"""Five years (two of them leap years), divided by 60."""
STANDARD: Final = Schedule(id=STANDARD_ID, start=STANDARD_START, length=STANDARD_LENGTH)
"""The periods of TFGrid 3; a genesis may state others."""
