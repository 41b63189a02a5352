"""`tfchain show`: one thing on the chain, as a running node tells it."""

import json
from collections.abc import Awaitable, Callable
from typing import Annotated, Final, TypeVar

import trio
import typer
from rich.console import Console
from rich.table import Table

from tfchain.base.address import from_text
from tfchain.base.crypto import HASH_BYTES
from tfchain.base.units import U32_MAX, PeriodIndex, ScheduleId
from tfchain.cli.status import JsonOption, NodeOption, named
from tfchain.client.http import Client, connected
from tfchain.errors import Rejected, Unavailable
from tfchain.ledger import tables
from tfchain.ledger.state import Table as Rows
from tfchain.node.answers import bytes_of, record

R = TypeVar("R")
Plain = dict[str, object]

SCHEDULE_MAX: Final = 0xFF

app = typer.Typer(no_args_is_help=True, help="Show one thing on the chain.")

NumberArgument = Annotated[int, typer.Argument(min=1, max=U32_MAX)]
BatchArgument = Annotated[str, typer.Argument(help="SCHEDULE/PERIOD, like 0/42.")]


@app.command()
def account(
    address: Annotated[str, typer.Argument(help="Its address.")],
    url: NodeOption = "",
    as_json: JsonOption = False,
) -> None:
    """Show balance and nonce of an account."""
    key = from_text(address)

    async def ask(client: Client) -> Plain:
        return {"address": address, **record(await client.account(key))}

    _answer(ask, url, as_json)


@app.command()
def node(number: NumberArgument, url: NodeOption = "", as_json: JsonOption = False) -> None:
    """Show a farmer's node."""
    _answer(lambda client: _row(client, tables.NODES, number), url, as_json)


@app.command()
def farm(number: NumberArgument, url: NodeOption = "", as_json: JsonOption = False) -> None:
    """Show a farm."""
    _answer(lambda client: _row(client, tables.FARMS, number), url, as_json)


@app.command()
def tx(
    tx_id: Annotated[str, typer.Argument(metavar="ID", help="64 hex digits.")],
    url: NodeOption = "",
    as_json: JsonOption = False,
) -> None:
    """Show where a transaction is, and its code."""
    wanted = bytes_of(tx_id, "ID", HASH_BYTES)
    if len(wanted) != HASH_BYTES:
        raise typer.BadParameter(f"{2 * HASH_BYTES} hex digits are due", param_hint="ID")

    async def ask(client: Client) -> Plain:
        found = await client.tx(wanted)
        names = ("status", "height", "position", "code")
        return {"id": tx_id, **{name: getattr(found, name) for name in names}}

    _answer(ask, url, as_json)


@app.command()
def batch(name: BatchArgument, url: NodeOption = "", as_json: JsonOption = False) -> None:
    """Show a batch: its state, totals, root, and what its guardians said."""
    place = _batch_of(name)

    async def ask(client: Client) -> Plain:
        return _there(await client.batch(*place), f"batch {name}")

    _answer(ask, url, as_json)


@app.command()
def receipt(
    name: BatchArgument, number: NumberArgument, url: NodeOption = "", as_json: JsonOption = False
) -> None:
    """Show a node's receipt in a batch."""
    place = _batch_of(name)
    _answer(lambda client: _of_node(client, "receipts", place, number), url, as_json)


@app.command()
def mint(
    name: BatchArgument, number: NumberArgument, url: NodeOption = "", as_json: JsonOption = False
) -> None:
    """Show the coins that a node was minted for a batch."""
    place = _batch_of(name)
    _answer(lambda client: _of_node(client, "mints", place, number), url, as_json)


def _answer(ask: Callable[[Client], Awaitable[Plain]], url: str, as_json: bool) -> None:
    async def run() -> Plain:
        async with connected(named(url)) as client:
            return await ask(client)

    plain = trio.run(run)
    if as_json:
        typer.echo(json.dumps(plain))
        return
    table = Table(show_header=False)
    for name, value in plain.items():
        table.add_row(name, value if isinstance(value, str) else json.dumps(value))
    Console().print(table)


async def _row(client: Client, table: Rows[R], number: int) -> Plain:
    """A row of a table of dense ids, from a proof's bytes."""
    plain = await client.proof(table.name, tables.id_key(number))
    row = plain.get("row")
    if row is None and "table" in plain:
        return _there(None, f"{table.name} {number}")
    if not isinstance(row, str):
        raise Unavailable("what answers is no tfchain node", client.url, "check its address")
    return {**record(table.decode(bytes_of(row, "row", 1 << 20)))}


async def _of_node(
    client: Client, rows: str, place: tuple[ScheduleId, PeriodIndex], number: int
) -> Plain:
    found = await client.rows_of_batch(rows, *place)
    own = next((row for row in found if row.get("node_id") == number), None)
    return _there(own, f"node {number} among the {rows} of batch {place[0]}/{place[1]}")


def _there(plain: Plain | None, what: str) -> Plain:
    if plain is None:
        raise Rejected("not_found", f"there is no {what}")
    return plain


def _batch_of(name: str) -> tuple[ScheduleId, PeriodIndex]:
    schedule, _, period = name.partition("/")
    if all(text.isascii() and text.isdigit() and len(text) <= 10 for text in (schedule, period)):
        place = ScheduleId(int(schedule)), PeriodIndex(int(period))
        if place[0] <= SCHEDULE_MAX and place[1] <= U32_MAX:
            return place
    raise typer.BadParameter("SCHEDULE/PERIOD is due, like 0/42", param_hint="BATCH")
