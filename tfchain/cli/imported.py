"""`tfchain minting import`: a period of the public chain, from what others kept of it.

The events are a recorded period, or what a node-status-bot collected. Its SQLite file knows reports
and sleeps alone; nodes, farms, twins, policies and contracts then come from a recorded period.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.progress import Progress

from tfchain.base.units import U32_MAX, PeriodIndex, Seconds
from tfchain.chain.grid import Result, compute
from tfchain.chain.grid_columns import read_recorded
from tfchain.chain.grid_events import GridBlock, PeriodInput
from tfchain.chain.grid_merge import POST_WINDOW, with_collected
from tfchain.cli.recorded import STDIN, object_of, periods, row_of
from tfchain.cli.report.folder import TABLES, check_place
from tfchain.cli.report.imported import is_payable, write_tables
from tfchain.errors import Malformed
from tfchain.rules.periods import standard_bounds
from tfchain.store.collected import Collected, collected, is_collected
from tfchain.web.pages.words import period as span
from tfchain.web.pages.words import tft

Advance = Callable[[int], None]
"""Told how many more events were gone through."""
PeriodOption = Annotated[
    int | None, typer.Option("--period", min=0, max=U32_MAX, help="The period's number.")
]
_STEP: Final = 1_000
"""Blocks between two looks at the progress."""


def import_period(
    source: Annotated[
        str,
        typer.Argument(
            metavar="FILE", help="Recorded periods (.jsonl, .jsonl.xz, -) or a collector's SQLite."
        ),
    ],
    number: PeriodOption = None,
    state: Annotated[
        str,
        typer.Option(
            metavar="FILE", help="With SQLite: a recorded period; its nodes and farms are taken."
        ),
    ] = "",
    to_csv: Annotated[
        Path | None, typer.Option("--csv", metavar="DIR", help="Also write tables to this folder.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Compute a period's receipts from events that others recorded; --csv writes them as tables.

    From an SQLite file of a node-status-bot come reports and sleeps; give --period and --state too.
    """
    if to_csv is not None:
        check_place(to_csv, TABLES)
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task("events", total=None)

        def advance(more: int) -> None:
            progress.advance(task, more)

        with taken_from(source, number, state) as taken:
            progress.update(task, total=taken.events)
            results = compute(_watched(taken.period, advance))
            period = taken.period.period
    if to_csv is not None:
        write_tables(to_csv, results)
    if as_json:
        typer.echo(json.dumps(plain_of(period, results)))
    else:
        typer.echo("\n".join(lines_of(period, results)))


@dataclass(frozen=True, slots=True)
class Taken:
    """A period: what states it but for its uptime, as JSON has it, and read."""

    plain: dict[str, object]
    period: PeriodInput
    events: int | None = None
    """How many, where it is known before they are gone through."""


@contextmanager
def taken_from(source: str, number: int | None, state: str) -> Iterator[Taken]:
    """The period of a file of one, or of this number; open for as long as it is gone through.

    Raises:
        typer.BadParameter: a collector's file without a number or a state.
        Malformed: whatever is wrong in a file, which it names.
        Unavailable: a file that cannot be read.
    """
    period = None if number is None else PeriodIndex(number)
    if not state and (source == STDIN or not is_collected(Path(source))):
        yield _recorded_period(source, period)
        return
    if period is None or not state:
        raise typer.BadParameter("an SQLite file needs --period and --state")
    stated = _recorded_period(state, period)
    with collected(Path(source)) as rows:
        count = _checked(rows, period)
        joined = _joined(rows, stated.period)
        yield Taken(stated.plain | {"power": list(_plain_power(joined))}, joined, count)


def _plain_power(period: PeriodInput) -> Iterator[dict[str, object]]:
    words = {True: "Up", False: "Down"}
    for node, power in period.power.items():
        state, target = words[power.state_up], words[power.target_up]
        yield {"node_id": node, "state": state, "target": target, "down_ts": power.down_at}


def _recorded_period(name: str, period: PeriodIndex | None) -> Taken:
    """The one period of a file, or the one of this number. Raises `Malformed`, `Unavailable`."""
    found: Taken | None = None
    for line in periods([name]):
        try:
            plain = object_of(line.plain.get("input"))
            read = read_recorded(plain, line.columns).period
        except Malformed as fault:
            raise Malformed(f"{line.where}: {fault}") from fault
        if period is not None and read.period != period:
            continue
        if found is not None:
            raise Malformed(f"{line.where}: a second period {read.period}: take one at a time")
        found = Taken(plain, read)
    if found is None:
        raise Malformed(f"{name}: there is no period" + ("" if period is None else f" {period}"))
    return found


def _window(period: PeriodIndex) -> tuple[Seconds, Seconds, Seconds]:
    """Start and end of a period, and when nothing counts for it any more."""
    start, end = standard_bounds(period)
    return start, end, Seconds(end + POST_WINDOW)


def _checked(rows: Collected, period: PeriodIndex) -> int:
    """How many events there are, none of them between blocks that nobody looked at."""
    start, _, last = _window(period)
    count = rows.count(start, last)
    if not count:
        raise Malformed(f"there are no events of period {period}")
    missing = rows.missing(start, last)
    if missing:
        raise Malformed(f"{missing} blocks of period {period} were not collected yet")
    return count


def _joined(rows: Collected, taken: PeriodInput) -> PeriodInput:
    start, end, last = _window(taken.period)
    inside, after = rows.events(start, end), rows.events(Seconds(end + 1), last)
    return with_collected(taken, rows.power_at(start), inside, after)


def _watched(period: PeriodInput, advance: Advance) -> PeriodInput:
    return replace(period, blocks=_told(period.blocks, advance), post=_told(period.post, advance))


def _told(blocks: Iterable[GridBlock], advance: Advance) -> Iterator[GridBlock]:
    events = 0
    for number, block in enumerate(blocks, start=1):
        yield block
        events += len(block.events)
        if number % _STEP == 0:
            advance(events)
            events = 0
    advance(events)


def plain_of(period: PeriodIndex, results: Sequence[Result]) -> dict[str, object]:
    """The period for scripts; amounts in units, as text."""
    start, end = standard_bounds(period)
    return {
        "period": period,
        "start": start,
        "end": end,
        "nodes": len(results),
        "owed": str(sum(one.owed.amount for one in results)),
        "payable": str(sum(one.owed.amount for one in results if is_payable(one))),
        "violations": dict(sorted(_violations(results).items())),
        "results": [row_of(one) for one in results],
    }


def _violations(results: Sequence[Result]) -> Counter[str]:
    return Counter(one.violation for one in results if one.violation)


def lines_of(period: PeriodIndex, results: Sequence[Result]) -> Iterator[str]:
    """The period as people read it."""
    owed = [one for one in results if one.owed.amount]
    payable = [one for one in owed if is_payable(one)]
    yield f"period      {period}, {span(*standard_bounds(period))} UTC"
    yield f"receipts    {len(results)}, {len(owed)} of them owed something"
    yield f"owed        {tft(sum(one.owed.amount for one in owed))} TFT"
    if len(payable) < len(owed):
        left = sum(one.owed.amount for one in owed if not is_payable(one))
        yield f"no address  {len(owed) - len(payable)} receipts, {tft(left)} TFT"
    for kind, count in sorted(_violations(results).items()):
        yield f"violation   {kind}: {count}"
