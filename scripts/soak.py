"""Seeds of every scenario, one after the other, until somebody stops it or an invariant breaks."""

import argparse
import signal
import sys
import threading
from collections.abc import Iterator
from itertools import count
from time import monotonic
from types import FrameType

from tfchain.sim.plan import Plan, Report
from tfchain.sim.scenarios import MIXED, SCENARIOS, WEEK
from tfchain.sim.world import simulate

TOLD_EVERY_S = 60
BROKEN = 1


def plans(first: int) -> Iterator[Plan]:
    """Of each seed a mixed run, and one of the other scenarios in turn."""
    others = [name for name in SCENARIOS if name not in {MIXED, WEEK}]
    for seed in count(first):
        yield Plan(seed=seed)
        yield Plan(seed=seed, scenario=others[seed % len(others)])


class Totals:
    """What was run so far."""

    def __init__(self) -> None:
        self.seeds = self.heights = self.events = self.violations = 0
        self._started = monotonic()

    def add(self, report: Report) -> None:
        """One more run."""
        self.seeds += 1
        self.heights += report.heights
        self.events += report.events
        self.violations += bool(report.violation)

    def told(self) -> str:
        """In one line."""
        seconds = max(monotonic() - self._started, 0.001)
        return (
            f"{self.seeds} seeds, {self.heights} heights, {self.events} events, violations:"
            f" {self.violations}, {seconds:.0f} s, {self.seeds / seconds:.1f} seeds a second"
        )


def soak(first: int, hours: float | None, stopped: threading.Event) -> int:
    """Run until `stopped`, the hours are over, or an invariant is broken; the exit code."""
    totals, started = Totals(), monotonic()
    told_s = started
    for plan in plans(first):
        if stopped.is_set() or (hours is not None and monotonic() - started >= hours * 3_600):
            break
        report = simulate(plan)
        totals.add(report)
        if report.violation:
            print(f"seed {plan.seed} of {plan.scenario}: {report.violation}")
            print(f'again: tfchain simulate --scenario "{plan.scenario}" --seeds {plan.seed}')
            break
        if monotonic() - told_s >= TOLD_EVERY_S:
            told_s = monotonic()
            print(totals.told(), file=sys.stderr, flush=True)
    print(totals.told())
    return BROKEN if totals.violations else 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/soak", description=__doc__)
    parser.add_argument("--first", type=int, default=0, help="the first seed (default: 0)")
    parser.add_argument("--hours", type=float, help="stop after so long (default: never)")
    chosen = parser.parse_args()
    stopped = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        stopped.set()

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    return soak(chosen.first, chosen.hours, stopped)


if __name__ == "__main__":
    sys.exit(main())
