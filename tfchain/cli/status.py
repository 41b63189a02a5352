"""`tfchain status`: where a node and its chain stand, in one screen."""

import json
from collections.abc import Iterator
from typing import Annotated

import trio
import typer
from rich.console import Console
from rich.table import Table

from tfchain.base.units import UTFT_PER_TFT
from tfchain.cli.nearby import NODE_VARIABLE, named
from tfchain.client.http import connected
from tfchain.errors import Unavailable

Plain = dict[str, object]

NodeOption = Annotated[
    str,
    typer.Option("--node", envvar=NODE_VARIABLE, help="A node, like http://127.0.0.1:7480."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="The answer as one JSON object.")]


def status(node: NodeOption = "", as_json: JsonOption = False) -> None:
    """Show height, chain, batches with who attested, and peers of a running node."""
    plain = trio.run(ask_status, named(node))
    if as_json:
        typer.echo(json.dumps(plain))
        return
    console = Console()
    for line in lines_of(plain):
        console.print(line, soft_wrap=True, highlight=False, markup=False)
    console.print(batches_table(rows(plain, "batches")))
    console.print(peers_table(rows(plain, "peers")))


async def ask_status(url: str) -> Plain:
    """A node's status; raises `Unavailable` where what answers is no node."""
    async with connected(url) as client:
        plain = await client.status()
    if type(plain.get("height")) is not int or type(plain.get("time_ms")) is not int:
        raise Unavailable("what answers is no tfchain node", url, "check its address")
    return plain


def rows(plain: Plain, name: str) -> list[Plain]:
    """A list of objects in an answer; what is none of that is left out."""
    found = plain.get(name)
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []


def part(plain: Plain, name: str) -> Plain:
    """An object in an answer; empty where there is none."""
    found = plain.get(name)
    return found if isinstance(found, dict) else {}


def lines_of(plain: Plain) -> Iterator[str]:
    """The chain and the node in a few lines."""
    supply, totals, pool = part(plain, "supply"), part(plain, "totals"), part(plain, "mempool")
    yield f"chain      {plain.get('chain_id')}"
    yield f"height     {plain.get('height')}, block {plain.get('block_id')}"
    yield f"round      {plain.get('round')}, {plain.get('step')}"
    yield from waiting_lines(part(plain, "waiting"), plain)
    yield f"validator  {plain.get('validator') or 'none: it follows'}"
    yield (
        f"rows       {totals.get('twins')} twins, {totals.get('farms')} farms,"
        f" {totals.get('nodes')} nodes"
    )
    yield f"supply     {coins(supply.get('minted_ever'))} of at most {coins(supply.get('cap'))}"
    yield f"waiting    {pool.get('count')} transactions"
    yield f"version    {plain.get('version')}, {plain.get('store')}"


def waiting_lines(waiting: Plain, plain: Plain) -> Iterator[str]:
    """For whom the node waits: what the round lacks, and which peers are behind."""
    if not waiting:
        return
    if not waiting.get("proposal"):
        yield f"waits for  the proposal of {waiting.get('proposer')}"
    for kind in ("prevotes", "precommits"):
        silent = texts(waiting.get(f"{kind}_missing"))
        if silent:
            yield f"waits for  {kind} of {' '.join(short(one) for one in silent)}"
    height = plain.get("height")
    for peer in rows(waiting, "peers"):
        tip = peer.get("height")
        if isinstance(tip, int) and isinstance(height, int) and tip != height:
            word = "behind" if tip < height else "ahead"
            yield f"peer       {short(str(peer.get('key')))} is at {tip}, {abs(height - tip)} {word}"


def batches_table(batches: list[Plain]) -> Table:
    """Each batch with its state and who attested it."""
    table = Table(title="batches", title_justify="left")
    for name in (
        "batch",
        "state",
        "receipts",
        "owed",
        "minted",
        "committed",
        "attested",
        "missing",
    ):
        table.add_column(name, justify="right")
    for batch in batches:
        guardians = texts(batch.get("guardians"))
        committed = [str(row.get("guardian")) for row in rows(batch, "commitments")]
        attested = [str(row.get("guardian")) for row in rows(batch, "attestations")]
        silent = missing(batch)
        table.add_row(
            f"{batch.get('schedule')}/{batch.get('period')}",
            str(batch.get("state")),
            str(batch.get("count")),
            coins(batch.get("total")),
            coins(batch.get("minted")),
            f"{len(committed)} of {len(guardians)}",
            f"{len(attested)} of {len(guardians)}",
            " ".join(short(one) for one in silent) or "-",
        )
    return table


def missing(batch: Plain) -> list[str]:
    """The guardians who have not attested a batch that is sealed."""
    if batch.get("state") in ("open", "post", "commit", "settling"):
        return []
    attested = {str(row.get("guardian")) for row in rows(batch, "attestations")}
    return [one for one in texts(batch.get("guardians")) if one not in attested]


def peers_table(peers: list[Plain]) -> Table:
    """Each peer, and why it is not connected."""
    table = Table(title="peers", title_justify="left")
    for name in ("peer", "connected", "where", "reason"):
        table.add_column(name)
    for peer in peers:
        table.add_row(
            short(str(peer.get("key"))),
            "yes" if peer.get("connected") else "no",
            str(peer.get("where") or "-"),
            str(peer.get("reason") or "-"),
        )
    return table


def texts(value: object) -> list[str]:
    """A list of texts in an answer."""
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def short(key: str) -> str:
    """Enough of an address to tell it from others in a table."""
    return key if len(key) <= 12 else f"{key[:6]}..{key[-4:]}"


def coins(value: object) -> str:
    """An amount, which comes as text, in TFT with all seven decimals."""
    if not isinstance(value, str) or not (value.isascii() and value.isdigit()):
        return "-"
    amount = int(value)
    return f"{amount // UTFT_PER_TFT}.{amount % UTFT_PER_TFT:07d} TFT"
