"""`tfchain statement`: what a farmer asks for: a node's period line by line, and what it came to."""

import csv
import json
from collections.abc import Iterator
from dataclasses import asdict, fields
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Final

import trio
import typer
from rich.console import Console
from rich.table import Table

from tfchain.base.address import to_text
from tfchain.base.units import U32_MAX, NodeId, PeriodIndex
from tfchain.chain.statement import Follower, Statement
from tfchain.chain.statement_lines import Line
from tfchain.cli.audit import DictRows, tft
from tfchain.cli.nearby import NODE_VARIABLE, named
from tfchain.cli.report.statement_page import statement_page
from tfchain.client.http import connected
from tfchain.ledger.minting import STATES
from tfchain.ledger.uptime import VIOLATIONS
from tfchain.node.answers import Json, receipt, record
from tfchain.rules.regime import LOCKS
from tfchain.store.export import read_records
from tfchain.store.files import told
from tfchain.web.pages import words

TOTALS: Final = (
    "cu_millionths",
    "su_millionths",
    "nu_millionths",
    "full_musd",
    "musd",
    "price_musd",
    "utft",
    "minted_utft",
    "paid_in",
    "paid_at",
    "transaction",
)
"""Columns of the CSV that its last row alone has."""
CSV_COLUMNS: Final = (*(field.name for field in fields(Line)), *TOTALS)
SPANS_SHOWN: Final = 10
"""Times without credit that are printed; the CSV and the page have all."""


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
    to_page: Annotated[
        Path | None, typer.Option("--page", help="Also write it as a page, to this file.")
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
    if to_page is not None:
        with told("cannot write the page", to_page):
            to_page.write_text(statement_page(found), encoding="utf-8")
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
    """A row a line, one for each time that nothing is credited for, and last what it came to."""
    with told("cannot write the lines", path), path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, CSV_COLUMNS, restval="")
        writer.writeheader()
        writer.writerows(asdict(line) for line in found.lines)
        for since, until in found.downtimes:
            writer.writerow({"what": "down", "since": since, "until": until})
        writer.writerow(_total_of(found))


def _total_of(found: Statement) -> dict[str, str | int]:
    """The last row of the CSV: the receipt, and its coins where they are there; amounts in units."""
    row, mint, payout = found.receipt, found.mint, found.payout
    return {
        "what": "receipt" if found.settled else "receipt so far",
        "since": row.start,
        "until": row.end,
        "total": row.uptime,
        "verdict": VIOLATIONS[row.violation] or row.reason,
        "cu_millionths": row.cu,
        "su_millionths": row.su,
        "nu_millionths": row.nu,
        "full_musd": row.base_musd,
        "musd": row.musd,
        "price_musd": row.connection_price,
        "utft": row.amount,
        "minted_utft": "" if mint is None else mint.amount,
        "paid_in": "" if mint is None else mint.height,
        "paid_at": "" if payout is None else payout.time,
        "transaction": "" if payout is None else payout.transaction.hex(),
    }


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
        "downtimes": [
            {"since": since, "until": until, "seconds": until - since}
            for since, until in found.downtimes
        ],
        "receipt": receipt(found.receipt),
        "mint": None if found.mint is None else record(found.mint),
        "payout": None
        if found.payout is None
        else {"time": found.payout.time, "transaction": found.payout.transaction.hex()},
    }


def _show(found: Statement) -> None:
    console, batch = Console(), found.batch
    title = f"node {found.receipt.node_id}, period {batch.schedule}/{batch.period}"
    console.print(
        f"{title} ({STATES[batch.state]}), {words.utc(batch.start)} to {words.utc(batch.end)}"
    )
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
    down = sum(until - since for since, until in found.downtimes)
    yield f"down        {down} s" + "".join(_spans(found))
    yield f"least paid  {row.floor_permille} per mille"
    if row.violation:
        evidence = ", ".join(str(number) for number in row.evidence)
        yield f"violation   {VIOLATIONS[row.violation]}: {evidence}"
    yield f"units       CU {words.units(row.cu)}, SU {words.units(row.su)}, NU {words.units(row.nu)}"
    yield f"price       {words.usd(row.connection_price)} USD a TFT"
    yield f"owed        {words.usd(row.base_musd)} USD, by uptime {words.usd(row.musd)} USD"
    yield f"receipt     {tft(row.amount)}" + (f", because: {row.reason}" if row.reason else "")
    if row.lock:
        yield f"locked      {LOCKS[row.lock]}"
    yield f"paid to     {to_text(row.account)}"
    if found.mint is not None:
        yield f"minted      {tft(found.mint.amount)} in block {found.mint.height}"
    if found.payout is not None:
        yield f"paid at     {words.utc(found.payout.time)} UTC"
        yield f"transaction {found.payout.transaction.hex()}"


def _spans(found: Statement) -> Iterator[str]:
    """When nothing was credited, in seconds from the period's start."""
    start = found.batch.start
    for number, (since, until) in enumerate(found.downtimes[:SPANS_SHOWN]):
        yield f"{', ' if number else ': '}+{since - start} to +{until - start}"
    left = len(found.downtimes) - SPANS_SHOWN
    if left > 0:
        yield f", and {left} times more"
