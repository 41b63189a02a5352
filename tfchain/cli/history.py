"""`tfchain simulate --scenario history`: years of farming, held against a second computation.

What is due comes from a script in the project's tests that shares no line with the product: it gets
what was said to the ledger and nothing else. Any difference, and any fault of the audit, ends with 1.
"""

import json
import subprocess
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any, Final

import typer
from rich.console import Console
from rich.progress import Progress

import tfchain
from tfchain.cli.audit import audit_file
from tfchain.errors import TfchainError, Unavailable
from tfchain.sim.history.brief import BRIEF
from tfchain.sim.history.chronicle import chronicle
from tfchain.sim.history.diary import Chain, diary_of, exported, paid_by, stored
from tfchain.sim.history.story import DAY, Story
from tfchain.sim.history.tales import WHOLE
from tfchain.sim.history.telling import REPLICAS, Line, differences, lines_of, world_of
from tfchain.sim.world import World
from tfchain.store.chain import ChainStore
from tfchain.store.export import write_records
from tfchain.store.exporting import export_records_of

HISTORIES: Final[dict[str, Story]] = {"history": WHOLE, "brief history": BRIEF}
ORACLE: Final = Path(tfchain.__file__).resolve().parents[1] / "tests" / "oracle" / "straight.py"
ORACLE_S: Final = 1_800
"""How long the second computation may take."""
YEAR_DAYS: Final = 365
SHOWN_MAX: Final = 40
"""Differences that are listed."""


def tell(story: Story, seed: int, replicas: int = REPLICAS) -> bool:
    """Run a story, print what befell and its table; whether nothing differs."""
    _check_oracle()
    world, started = world_of(story, seed, replicas), monotonic()
    for year in range(1, (story.end - story.start) // (YEAR_DAYS * DAY) + 1):
        world.after(year * YEAR_DAYS * DAY * 1_000, partial(_tell_year, world, year, started))
    report = world.run()
    typer.echo(
        f"from {_day(story.start)} to {_day(story.end)}: {report.heights} blocks of"
        f" {report.players}, {report.events} events"
    )
    typer.echo(f"trace: {report.trace.hex()}")
    if report.violation:
        for line in (report.violation, *report.last):
            typer.echo(f"  {line}")
        return False
    chain = world.nodes[0].machine.chain
    told = stored(chain)
    for line in chronicle(told):
        typer.echo(line)
    pays = _compare(told)
    typer.echo(f"not in it: {', '.join(story.unmentioned) or 'nothing that the rules name'}")
    return _audit(chain) and pays


def _check_oracle() -> None:
    if not ORACLE.is_file():
        raise Unavailable("the second computation is missing", str(ORACLE), "run it from a clone")


def _tell_year(world: World, year: int, started: float) -> None:
    height, seconds = world.watch.fold.tip.height, monotonic() - started
    typer.echo(f"year {year}, height {height}, {seconds:.0f} s", err=True)


def _day(time: int) -> str:
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d")


def hold(path: Path) -> bool:
    """Hold an exported chain against the second computation; whether nothing differs.

    Its blocks are checked and executed again on the way.
    """
    _check_oracle()
    try:
        with path.open("rb") as file:
            chain = exported(file)
    except OSError as fault:
        raise Unavailable("cannot read the export", str(path), "give an exported chain") from fault
    return _compare(chain)


def _compare(chain: Chain) -> bool:
    """Print the table; whether it has no difference."""
    figures, paid = second(diary_of(chain)), paid_by(chain)
    lines = lines_of(figures["nodes"], paid)
    _print_table(lines)
    found = differences(figures["rows"], paid)
    for one in found[:SHOWN_MAX]:
        typer.echo(f"difference: {one}")
    wrong = len(found) + sum(line.expected_locked != line.locked for line in lines)
    batches = len({(row["schedule"], row["period"]) for row in figures["rows"]})
    typer.echo(
        f"{len(lines)} nodes, {batches} batches, {len(figures['rows'])} receipts,"
        f" differences: {wrong}"
    )
    return wrong == 0


def second(diary: Iterable[str]) -> dict[str, Any]:
    """What the second computation makes of the diary; raises `Unavailable` where it fails."""
    said = "".join(f"{line}\n" for line in diary)
    command = [sys.executable, "-I", str(ORACLE)]
    done = subprocess.run(  # noqa: S603 -- our own script, found beside this package
        command, input=said, capture_output=True, text=True, timeout=ORACLE_S, check=False
    )
    if done.returncode:
        reason = done.stderr.strip().rpartition("\n")[2] or f"exit code {done.returncode}"
        raise Unavailable(f"the second computation failed ({reason})", str(ORACLE), "run its tests")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _print_table(lines: list[Line]) -> None:
    """In TFT, all seven decimals."""
    head = ("node", "regime", "expected", "paid", "locked", "is locked", "")
    rows = [head, *[_cells(line) for line in lines]]
    widths = [max(len(row[place]) for row in rows) for place in range(len(head))]
    for row in rows:
        cells = [
            cell.ljust(width) if place == 1 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        typer.echo(" | ".join(cells).rstrip(" |"))


def _cells(line: Line) -> tuple[str, ...]:
    amounts = (line.expected, line.paid, line.expected_locked, line.locked)
    shown = [f"{amount // 10**7}.{amount % 10**7:07d}" for amount in amounts]
    return (str(line.node), line.regime, *shown, "differs" if line.differs() else "")


def _audit(chain: ChainStore) -> bool:
    """Export the chain and audit the file, with both programs."""
    with (
        TemporaryDirectory() as folder,
        Progress(console=Console(stderr=True), disable=True) as progress,
    ):
        path = Path(folder) / "history.tfc"
        with path.open("wb") as file:
            write_records(file, export_records_of(chain))
        try:
            with path.open("rb") as file:
                report = audit_file(file, None, None, progress)
        except TfchainError as fault:
            typer.echo(f"audit: FAILED: {fault}")
            return False
    typer.echo(
        f"audit: ok: {report.transactions} transactions, {report.signatures} signatures,"
        f" {report.receipts_compared} receipts; second program equal in {len(report.second)} batches"
    )
    return True
