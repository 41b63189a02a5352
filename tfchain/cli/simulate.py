"""`tfchain simulate`: whole networks in virtual time, a seed each; a broken invariant ends with 1."""

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from hashlib import blake2b
from multiprocessing import get_context
from pathlib import Path
from time import monotonic
from typing import Annotated, Final, TypeAlias

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tfchain.cli.exhaustive import STATES_MAX, tell_all
from tfchain.cli.history import HISTORIES, hold, tell
from tfchain.errors import Unavailable
from tfchain.sim.history.telling import REPLICAS
from tfchain.sim.plan import Plan, Report
from tfchain.sim.scenarios import HOUR_MS, SCENARIOS, WEEK
from tfchain.sim.world import World
from tfchain.sim.world import simulate as run

SEEDS_MAX: Final = 1_000_000
VALIDATORS_MAX: Final = 64
SECONDS_MAX: Final = 7 * 24 * 3_600
JOBS_MAX: Final = 256
CHUNK: Final = 4
"""Runs that a worker process takes at once."""
BROKEN: Final = 1

Run: TypeAlias = Callable[[Plan], Report]


def simulate(  # noqa: PLR0913, PLR0917 -- one parameter an option
    seeds: Annotated[
        str | None,
        typer.Option(help="One seed, or a range like 0..999. [default: 0..99; a week: 0]"),
    ] = None,
    validators: Annotated[
        int | None, typer.Option(min=1, max=VALIDATORS_MAX, help="How many; else as drawn.")
    ] = None,
    scenario: Annotated[str, typer.Option(help=", ".join((*SCENARIOS, *HISTORIES)))] = "mixed",
    ticks: Annotated[
        int | None,
        typer.Option(min=1, max=SECONDS_MAX, help="Virtual seconds until all faults heal."),
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, max=JOBS_MAX, help="Processes that share it.")] = 1,
    exhaustive: Annotated[
        int | None,
        typer.Option(
            min=1, max=STATES_MAX, help="Instead: every state of one height, so many at most."
        ),
    ] = None,
    recorded: Annotated[
        Path | None,
        typer.Option(help="Instead: hold what an exported chain paid against what was due."),
    ] = None,
) -> None:
    """Run networks with faults drawn from seeds, and check every invariant after every event.

    The same seeds give the same trace hash. A broken invariant is named, with what came before it.
    """
    if exhaustive is not None:
        raise typer.Exit(0 if tell_all(exhaustive, jobs) else BROKEN)
    if recorded is not None:
        raise typer.Exit(0 if hold(recorded) else BROKEN)
    if seeds is None:
        seeds = "0" if scenario in {WEEK, *HISTORIES} else "0..99"
    first, last = _range(seeds)
    if scenario in HISTORIES:
        replicas = REPLICAS if validators is None else validators
        if replicas > REPLICAS:
            raise typer.BadParameter(f"a history has {REPLICAS} validators at most")
        raise typer.Exit(0 if tell(HISTORIES[scenario], first, replicas) else BROKEN)
    if scenario not in SCENARIOS:
        known = ", ".join((*SCENARIOS, *HISTORIES))
        raise typer.BadParameter(f"{scenario}: known are {known}")
    plans = [
        Plan(
            seed=seed,
            scenario=scenario,
            validators=validators,
            heal_ms=None if ticks is None else ticks * 1_000,
        )
        for seed in range(first, last + 1)
    ]
    run_all(plans, min(jobs, len(plans)), run_week if scenario == WEEK else run)


def run_week(plan: Plan) -> Report:
    """One long run; each hour of it is a line on stderr."""
    world = World(plan)
    started, last_ms = monotonic(), plan.heal_ms or SCENARIOS[WEEK].heal_ms

    def tell(hour: int) -> None:
        height, seconds = world.watch.fold.tip.height, monotonic() - started
        line = f"seed {plan.seed}: hour {hour} of {last_ms // HOUR_MS}, height {height}, {seconds:.0f} s"
        typer.echo(line, err=True)

    for hour in range(1, last_ms // HOUR_MS + 1):
        world.after(hour * HOUR_MS, partial(tell, hour))
    return world.run()


def run_all(plans: list[Plan], jobs: int, one: Run) -> None:
    """Run `one` for each plan and tell what came of it; `typer.Exit(1)` for a broken invariant."""
    started = monotonic()
    reports = _all(plans, jobs, one)
    _tell(reports, monotonic() - started)
    if any(report.violation for report in reports):
        raise typer.Exit(BROKEN)


def _range(text: str) -> tuple[int, int]:
    """First and last seed of `7` or `0..999`."""
    first, dots, last = text.partition("..")
    bounds = (first, last if dots else first)
    if not all(part.isascii() and part.isdigit() and len(part) <= 18 for part in bounds):
        raise typer.BadParameter(f"{text}: a seed or a range like 0..999 is due")
    low, high = int(bounds[0]), int(bounds[1])
    if not low <= high < low + SEEDS_MAX:
        raise typer.BadParameter(f"{text}: 1 to {SEEDS_MAX} seeds in rising order are due")
    return low, high


def _all(plans: list[Plan], jobs: int, one: Run) -> list[Report]:
    """The reports in order of seed, up to the first that breaks an invariant."""
    reports = list[Report]()
    console = Console(stderr=True)
    columns = (TextColumn("simulating"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not _watched()) as progress:
        task = progress.add_task("", total=len(plans))
        for report in reports_of(plans, jobs, one):
            reports.append(report)
            progress.advance(task)
            if report.violation:
                break
    return reports


def _watched() -> bool:
    return sys.stderr.isatty()


def reports_of(plans: list[Plan], jobs: int, one: Run) -> Iterator[Report]:
    """The reports in order; raises `Unavailable` where a process that shares the work ends."""
    if jobs == 1:
        yield from map(one, plans)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        try:
            yield from pool.map(one, plans, chunksize=CHUNK)
        except BrokenProcessPool as fault:
            remedy = "give it more memory, or fewer --jobs"
            raise Unavailable("a simulating process ended", "--jobs", remedy) from fault
        finally:
            pool.shutdown(cancel_futures=True)


def _tell(reports: list[Report], seconds: float) -> None:
    broken = [report for report in reports if report.violation]
    for report in broken:
        _tell_broken(report)
    heights = sum(report.heights for report in reports)
    events = sum(report.events for report in reports)
    rate = f"{len(reports) / max(seconds, 0.001):.1f}"
    seeds = f"seed {reports[0].plan.seed}" if len(reports) == 1 else f"{len(reports)} seeds"
    forks = sum(bool(report.forked) for report in reports)
    waits = max(report.longest_ms for report in reports)
    if waits:
        typer.echo(f"longest wait of a node for a block while links were whole: {waits} ms")
    forked = f", forks that named their makers: {forks}" if forks else ""
    typer.echo(f"{seeds}: {heights} heights, {events} events, violations: {len(broken)}{forked}")
    typer.echo(f"trace: {_combined(reports)}")
    typer.echo(f"{seconds:.1f} s, {rate} seeds a second", err=True)


def _tell_broken(report: Report) -> None:
    plan = report.plan
    typer.echo(f"seed {plan.seed} of {plan.scenario}, {report.players}:")
    typer.echo(f"  {report.violation}")
    for line in report.last:
        typer.echo(f"  {line}")


def _combined(reports: list[Report]) -> str:
    """One hash over the runs, in order of seed; of one run, its own."""
    if len(reports) == 1:
        return reports[0].trace.hex()
    return blake2b(b"".join(report.trace for report in reports), digest_size=32).hexdigest()
