"""`tfchain minting`: the receipts of whole periods of the public chain, from files of events.

Reads one period a line (JSON, plain or xz; behind it, where it says so, its columns), writes one line
of receipts for each. Where a line says what is expected, the two are compared and the differences are
named.
"""

import json
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from time import monotonic
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from tfchain.chain.columns.public_receipts import PublicReceipt, receipts
from tfchain.chain.grid import compute
from tfchain.chain.grid_columns import Recorded, read_recorded
from tfchain.cli.imported import import_period
from tfchain.cli.packed import pack_period
from tfchain.cli.recorded import Line, object_of, periods, row_of
from tfchain.cli.written import write, writing
from tfchain.errors import Malformed

QUIET_S: Final = 1.0
"""Work shorter than this shows no progress."""

app = typer.Typer(no_args_is_help=True, help="Receipts of the public chain's minting periods.")
app.command("import")(import_period)
app.command("pack")(pack_period)


@dataclass(slots=True, kw_only=True)
class Tally:
    """How many receipts equal what was expected of them."""

    lines: int = 0
    expected: int = 0
    text: int = 0
    hash: int = 0
    violation: int = 0
    differences: int = 0
    checked: int = 0


@app.command("compute")
def compute_files(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE...", help=".jsonl, .jsonl.xz or - for stdin")
    ],
    out: Annotated[
        str | None, typer.Option("--out", metavar="FILE", help="Write receipts here.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Compute all of it by the other program too.")
    ] = False,
) -> None:
    """Compute the v3 receipts of recorded periods, one line of receipts for each line of events.

    It is done by columns, all nodes at once; --check does it by rows too, event after event.
    """
    tally, progress, started = Tally(), _progress(), monotonic()
    with ExitStack() as stack:
        answers = stack.enter_context(writing(out, files)) if out else sys.stdout.buffer
        stack.callback(_hide, progress)
        for line in periods(files):
            write(answers, _answer(line, tally, check=check), out or "standard output")
            _show(progress, tally, monotonic() - started)
    _report(tally)


def _answer(line: Line, tally: Tally, *, check: bool) -> bytes:
    """The line of receipts for a period; compares them where its line says with what."""
    try:
        seed = _seed(line.plain.get("seed"))
        recorded = read_recorded(line.plain.get("input"), line.columns)
        results = receipts(recorded.period, recorded.known)
        tally.lines += 1
        if check:
            _check(results, recorded, f"seed {json.dumps(seed)}", tally)
        if "expected" in line.plain:
            _compare(results, line.plain["expected"], f"seed {json.dumps(seed)}", tally)
    except Malformed as fault:
        raise Malformed(f"{line.where}: {fault}") from fault
    rows = [row_of(result) for result in results]
    return json.dumps({"seed": seed, "results": rows}).encode() + b"\n"  # safe on any terminal


def _check(results: list[PublicReceipt], recorded: Recorded, seed: str, tally: Tally) -> None:
    """Name every node whose receipt the other program writes otherwise."""
    by_rows = compute(recorded.period)
    tally.checked += len(by_rows)
    assert [one.node_id for one in by_rows] == [one.node_id for one in results]
    for one, other in zip(results, by_rows, strict=True):
        if row_of(one) != row_of(other):
            _differs(tally, f"{seed} node {one.node_id}: rows and columns")


def _seed(plain: object) -> int | str | None:
    """The scenario's number or name, which the answer repeats."""
    if plain is not None and type(plain) is not int and type(plain) is not str:
        raise Malformed("seed: a number or a name is due")
    return plain


def _compare(results: list[PublicReceipt], expected: object, seed: str, tally: Tally) -> None:
    """Count what is equal and name what is not, missing and extra nodes included."""
    if not isinstance(expected, list):
        raise Malformed("expected: a list is due")
    rows = {result.node_id: row_of(result) for result in results}
    for plain in expected:
        due = object_of(plain)
        node = due.get("node_id")
        row = rows.pop(node, None) if type(node) is int else None
        tally.expected += 1
        equal = [_is_equal(row, due, name) for name in ("receipt", "hash", "violation")]
        tally.text, tally.hash = tally.text + equal[0], tally.hash + equal[1]
        tally.violation += equal[2]
        if row is None:
            _differs(tally, f"{seed} node {json.dumps(node)}: no receipt")
        elif not all(equal):
            names = zip(("text", "hash", "violation"), equal, strict=True)
            what = ", ".join(name for name, same in names if not same)
            _differs(tally, f"{seed} node {node}: {what}")
    for node in rows:
        _differs(tally, f"{seed} node {node}: a receipt that is not expected")


def _is_equal(row: dict[str, int | str] | None, due: dict[str, object], name: str) -> bool:
    return row is not None and row[name] == due.get(name)


def _differs(tally: Tally, what: str) -> None:
    tally.differences += 1
    print(f"different: {what}", file=sys.stderr)


def _progress() -> Progress:
    columns = (BarColumn(), TextColumn("{task.completed} periods"), TimeElapsedColumn())
    progress = Progress(*columns, console=Console(stderr=True), transient=True)
    progress.add_task("periods", total=None)
    return progress


def _show(progress: Progress, tally: Tally, elapsed_s: float) -> None:
    """Progress, for a person who has begun to wait."""
    if progress.console.is_terminal and elapsed_s > QUIET_S:
        progress.start()
        progress.update(progress.task_ids[0], completed=tally.lines)


def _hide(progress: Progress) -> None:
    """Stopping what never started would print an empty line."""
    if progress.live.is_started:
        progress.stop()


def _report(tally: Tally) -> None:
    if tally.checked:
        print(f"receipts {tally.checked}, computed by both programs", file=sys.stderr)
    if not tally.expected and not tally.differences:
        return
    counts = f"text {tally.text}, hash {tally.hash}, violation {tally.violation}"
    print(
        f"lines {tally.lines}, receipts {tally.expected}, equal: {counts}, "
        f"different {tally.differences}",
        file=sys.stderr,
    )
    if tally.differences:
        raise typer.Exit(code=1)
