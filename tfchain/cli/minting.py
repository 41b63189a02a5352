"""`tfchain minting`: the receipts of whole periods of the public chain, from files of events.

Reads one period a line (JSON, plain or xz), writes one line of receipts for each. Where a line says
what is expected, the two are compared and the differences are named.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import IO, Annotated, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from tfchain.chain.grid import Result, compute
from tfchain.chain.grid_input import read_period
from tfchain.cli.imported import import_period
from tfchain.cli.recorded import STDIN, decoded, lines, object_of, row_of
from tfchain.errors import Malformed, Unavailable

QUIET_S: Final = 1.0
"""Work shorter than this shows no progress."""

app = typer.Typer(no_args_is_help=True, help="Receipts of the public chain's minting periods.")
app.command("import")(import_period)


@dataclass(slots=True, kw_only=True)
class Tally:
    """How many receipts equal what was expected of them."""

    lines: int = 0
    expected: int = 0
    text: int = 0
    hash: int = 0
    violation: int = 0
    differences: int = 0


@app.command("compute")
def compute_files(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE...", help=".jsonl, .jsonl.xz or - for stdin")
    ],
    out: Annotated[
        str | None, typer.Option("--out", metavar="FILE", help="Write receipts here.")
    ] = None,
) -> None:
    """Compute the v3 receipts of recorded periods, one line of receipts for each line of events."""
    tally, progress, started = Tally(), _progress(), monotonic()
    with ExitStack() as stack:
        answers = stack.enter_context(_writing(out, files)) if out else sys.stdout
        stack.callback(_hide, progress)
        for where, line in lines(files):
            _write(answers, _answer(line, where, tally), out or "standard output")
            _show(progress, tally, monotonic() - started)
    _report(tally)


@contextmanager
def _writing(name: str, files: list[str]) -> Iterator[IO[str]]:
    if any(source != STDIN and _is_same(source, name) for source in files):
        raise Unavailable("would overwrite what it reads", name, "choose another place with --out")
    try:
        with open(name, "w", encoding="utf-8", newline="\n") as target:  # noqa: PTH123
            yield target
    except OSError as fault:
        raise _unwritable(fault, name) from fault


def _is_same(one: str, other: str) -> bool:
    try:
        return Path(one).samefile(other)
    except OSError:
        return False  # one of them is not there yet


def _write(target: IO[str], answer: str, name: str) -> None:
    try:
        target.write(answer)
        target.flush()
    except BrokenPipeError:
        raise  # whoever reads has enough: nothing to tell
    except OSError as fault:
        raise _unwritable(fault, name) from fault


def _unwritable(fault: OSError, name: str) -> Unavailable:
    return Unavailable(f"cannot write ({fault.strerror})", name, "choose another place with --out")


def _answer(line: bytes, where: str, tally: Tally) -> str:
    """The line of receipts for a line of events; compares them where the line says with what."""
    try:
        period = object_of(decoded(line))
        seed = _seed(period.get("seed"))
        results = compute(read_period(period.get("input")))
        tally.lines += 1
        if "expected" in period:
            _compare(results, period["expected"], f"seed {json.dumps(seed)}", tally)
    except Malformed as fault:
        raise Malformed(f"{where}: {fault}") from fault
    rows = [row_of(result) for result in results]
    return json.dumps({"seed": seed, "results": rows}) + "\n"  # ASCII: safe on any terminal


def _seed(plain: object) -> int | str | None:
    """The scenario's number or name, which the answer repeats."""
    if plain is not None and type(plain) is not int and type(plain) is not str:
        raise Malformed("seed: a number or a name is due")
    return plain


def _compare(results: list[Result], expected: object, seed: str, tally: Tally) -> None:
    """Count what is equal and name what is not, missing and extra nodes included."""
    if not isinstance(expected, list):
        raise Malformed("expected: a list is due")
    rows = {int(result.node_id): row_of(result) for result in results}
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
