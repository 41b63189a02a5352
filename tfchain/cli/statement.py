"""`tfchain statement`: what a farmer asks for: a node's period line by line, and what it came to."""

import csv
import json
from collections.abc import Iterator
from dataclasses import asdict, fields
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import trio
import typer
from rich.console import Console
from rich.table import Table

from tfchain.base.units import U32_MAX, NodeId, PeriodIndex
from tfchain.chain.statement import Follower, Statement
from tfchain.chain.statement_lines import Line
from tfchain.cli.audit import DictRows, tft
from tfchain.cli.nearby import NODE_VARIABLE, named
from tfchain.client.http import connected
from tfchain.ledger.minting import STATES
from tfchain.ledger.uptime import VIOLATIONS
from tfchain.node.answers import Json, receipt, record
from tfchain.store.export import read_records
from tfchain.store.files import told


def statement(
    node: Annotated[int, typer.Option(min=1, max=U32_MAX, help="The node's number.")],
    source: Annotated[
        str,
        typer.Argument(
            envvar=NODE_VARIABLE,
            help="An exported chain, or a node's URL; by default the devnet that runs here.",
        ),
    ] = "",
    period: Annotated[
        int | None, typer.Option(min=0, max=U32_MAX, help="By default the running one.")
    ] = None,
    to_csv: Annotated[
        Path | None, typer.Option("--csv", help="Also write the lines to this file.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Show every report of a node in a period, what it was credited, and what that was worth.

    The blocks are executed again; their signatures are for `audit` to check.
    """
    number = None if period is None else PeriodIndex(period)
    chain = source or named("")
    if chain.startswith(("http://", "https://")):
        with TemporaryDirectory() as folder:
            path = Path(folder) / "chain"
            trio.run(_fetch, chain, path)
            found = statement_of(path, NodeId(node), number)
    else:
        found = statement_of(Path(chain), NodeId(node), number)
    if to_csv is not None:
        _write_csv(to_csv, found)
    if as_json:
        typer.echo(json.dumps(plain_of(found)))
    else:
        _show(found)


async def _fetch(url: str, path: Path) -> None:
    async with connected(url) as client:
        await client.export(path)


def statement_of(path: Path, node: NodeId, period: PeriodIndex | None) -> Statement:
    """A statement from an exported chain; raises what `Follower` raises, and `Unavailable`."""
    follower = Follower(DictRows(), (node,))
    with told("cannot read the export", path):
        file = path.open("rb")
    with file:
        for _, kind, payload in read_records(file):
            follower.take(kind, payload)
    return follower.statement(node, period)


def _write_csv(path: Path, found: Statement) -> None:
    names = [field.name for field in fields(Line)]
    with told("cannot write the lines", path), path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(asdict(line) for line in found.lines)


def plain_of(found: Statement) -> dict[str, Json]:
    """The statement for scripts."""
    batch = found.batch
    return {
        "chain_id": found.chain_id,
        "height": found.height,
        "batch": {
            "schedule": batch.schedule,
            "period": batch.period,
            "start": batch.start,
            "end": batch.end,
            "state": STATES[batch.state],
        },
        "settled": found.settled,
        "credited": found.credited,
        "lines": [asdict(line) for line in found.lines],
        "receipt": receipt(found.receipt),
        "mint": None if found.mint is None else record(found.mint),
    }


def _show(found: Statement) -> None:
    console, batch = Console(), found.batch
    title = f"node {found.receipt.node_id}, period {batch.schedule}/{batch.period}"
    console.print(f"{title} ({STATES[batch.state]}), {_utc(batch.start)} to {_utc(batch.end)}")
    table = Table()
    for name in ("block", "at", "what", "uptime", "credited", "total", "down", "verdict"):
        table.add_column(name, justify="left" if name in ("what", "verdict") else "right")
    for line in found.lines:
        table.add_row(
            str(line.height),
            f"+{line.at - batch.start}",
            line.what,
            "" if line.uptime is None else str(line.uptime),
            str(line.credited),
            str(line.total),
            str(line.down or ""),
            line.verdict,
        )
    console.print(table)
    for text in lines_of(found):
        console.print(text, soft_wrap=True, highlight=False, markup=False)


def lines_of(found: Statement) -> Iterator[str]:
    """What the lines came to, as people read it."""
    row, length = found.receipt, found.receipt.end - found.receipt.start
    if not found.settled:
        yield f"if the period ended here (block {found.height}):"
    yield f"credited    {found.credited} s of {length} s, {row.uptime_permille} per mille"
    yield f"least paid  {row.floor_permille} per mille"
    if row.violation:
        evidence = ", ".join(str(number) for number in row.evidence)
        yield f"violation   {VIOLATIONS[row.violation]}: {evidence}"
    yield f"units       CU {_millionths(row.cu)}, SU {_millionths(row.su)}, NU {_millionths(row.nu)}"
    yield f"price       {_musd(row.connection_price)} USD a TFT"
    yield f"owed        {_musd(row.base_musd)} USD, by uptime {_musd(row.musd)} USD"
    yield f"receipt     {tft(row.amount)}" + (f", because: {row.reason}" if row.reason else "")
    if found.mint is not None:
        yield f"minted      {tft(found.mint.amount)} in block {found.mint.height}"


def _musd(amount: int) -> str:
    return f"{amount // 1_000}.{amount % 1_000:03d}"


def _millionths(units: int) -> str:
    return f"{units // 1_000_000}.{units % 1_000_000:06d}"


def _utc(time: int) -> str:
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M:%S")
