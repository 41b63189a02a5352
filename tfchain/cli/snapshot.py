"""`tfchain snapshot`: the state after one height as files, made here and restored elsewhere."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from time import time_ns
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track

from tfchain.base.crypto import verify
from tfchain.base.units import Height, Millis
from tfchain.bft.light import Terms
from tfchain.chain.genesis import read_genesis
from tfchain.cli.setting import HOME_VARIABLE
from tfchain.errors import Malformed, Unavailable
from tfchain.ledger.light import id_of
from tfchain.node.home import Home, load_config, load_genesis
from tfchain.node.restoring import read_trust
from tfchain.node.snapshots import request_snapshot
from tfchain.replica.trusting import check_headers
from tfchain.store.chain import ChainStore
from tfchain.store.files import told
from tfchain.store.open import open_store
from tfchain.store.restoring import Restoration, begin
from tfchain.store.snapshot import Kept, Shelf

app = typer.Typer(help="Make, list and restore snapshots of the state.")

HomeOption = Annotated[Path, typer.Option(envvar=HOME_VARIABLE, help="The node's home.")]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object.")]

ANY_AGE = Millis(1 << 62)
"""A person who names a block names its age."""


@app.command("list")
def listed(home: HomeOption, as_json: JsonOption = False) -> None:
    """Show the snapshots of a home, and what to trust them by."""
    shelf = Shelf(Home(home).snapshots)
    rows = [_row(shelf, kept) for kept in shelf.kept()]
    if as_json:
        typer.echo(json.dumps({"snapshots": rows}))
        return
    for row in rows:
        proof = f"--trust {row['trust']}" if row["trust"] else "complete two blocks later"
        typer.echo(f"height {row['height']}: {row['chunks']} chunks in {row['path']}; {proof}")
    if not rows:
        typer.echo("no snapshots; `tfchain snapshot make` makes one")


def _row(shelf: Shelf, kept: Kept) -> dict[str, object]:
    headers = shelf.headers(kept.height)
    trust = "" if headers is None else f"{headers.above.height}:{id_of(headers.above).hex()}"
    return {
        "height": kept.height,
        "id": kept.id.hex(),
        "chunks": kept.chunks,
        "complete": kept.complete,
        "trust": trust,
        "path": str(shelf.of(kept.height)),
    }


@app.command()
def make(home: HomeOption) -> None:
    """Make a snapshot of a stopped node's last height, or have a running node make one."""
    at = Home(home)
    config = load_config(at)
    try:
        store = open_store(at.store, config.store)
    except Unavailable as refusal:
        if not refusal.what.endswith("in use"):
            raise
        request_snapshot(at)
        typer.echo("the node runs: it makes one after its next block")
        return
    shelf = Shelf(at.snapshots)
    with closing(store):
        chain = ChainStore(store)
        chain.begin(load_genesis(at))
        with closing(store.snapshot()) as rows:
            _watch(shelf.make(rows, store.where), "sorting and cutting", None)
        shelf.complete(chain)
        shelf.tidy()
        height = chain.height()
    typer.echo(f"height {height} in {shelf.of(height)}")
    if shelf.headers(height) is None:
        typer.echo("it is complete once the node has stored two more blocks")


@app.command()
def restore(
    home: HomeOption,
    trust: Annotated[
        str, typer.Option(metavar="HEIGHT:HASH", help="The block that proves it, as you were told.")
    ],
    source: Annotated[
        Path, typer.Option("--from", help="The folder of one snapshot, from another home.")
    ],
) -> None:
    """Fill a home that has no blocks from a snapshot's files; after a crash it goes on.

    From peers, without any files: `tfchain start --sync snapshot --trust HEIGHT:HASH`.
    """
    at, named = Home(home), read_trust(trust)
    config, genesis = load_config(at), load_genesis(at)
    shelf, height = Shelf(source.parent), _height_of(source)
    manifest, headers = shelf.manifest(height), shelf.headers(height)
    if manifest is None or headers is None:
        remedy = "name one that `tfchain snapshot list` shows as complete"
        raise Unavailable("this is no complete snapshot", str(source), remedy)
    terms = Terms(chain_id=read_genesis(genesis).params.chain_id, period=ANY_AGE)
    check_headers(terms, headers, named, Millis(time_ns() // 1_000_000), verify)
    with closing(open_store(at.store, config.store)) as store:
        work = begin(store, genesis, manifest, headers)
        missing = work.missing()
        _watch(_filled(work, missing, shelf), "restoring", len(missing))
        work.finish()
        tip = ChainStore(store).tip()
    if at.wal.exists():
        with told("cannot move the log of the empty store aside", at.wal):
            at.wal.replace(at.wal.with_name(at.wal.name + ".aside"))
    typer.echo(f"restored at height {tip.height}, block {tip.block_id.hex()}")


def _height_of(source: Path) -> Height:
    name = source.resolve().name
    if not (name.isascii() and name.isdigit()):
        raise Malformed(f"{source}: a snapshot's folder is named by its height")
    return Height(int(name))


def _filled(work: Restoration, missing: list[int], shelf: Shelf) -> Iterator[int]:
    height = work.manifest.height
    for index in missing:
        raw = shelf.chunk(height, index)
        if raw is None:
            remedy = "copy the whole folder again"
            raise Unavailable(f"chunk {index} is missing", str(shelf.of(height)), remedy)
        work.add(index, raw)
        yield index


def _watch(steps: Iterator[int], what: str, total: int | None) -> None:
    """Go through all steps, with a bar where somebody looks on."""
    console = Console(stderr=True)
    for _ in track(
        steps, what, total=total, console=console, transient=True, disable=not console.is_terminal
    ):
        pass
