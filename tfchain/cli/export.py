"""`tfchain export`: a chain's blocks as a stream of records, from a running node or a stopped one."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, BinaryIO

import trio
import typer

from tfchain.base.crypto import ZERO_HASH
from tfchain.chain.export_records import BLOCK
from tfchain.cli.nearby import NODE_VARIABLE, named
from tfchain.client.http import connected
from tfchain.errors import Malformed, Unavailable
from tfchain.ledger.block import decode_block
from tfchain.node.home import Home
from tfchain.store.chain import ChainStore
from tfchain.store.export import read_records, write_records
from tfchain.store.exporting import export_records_of
from tfchain.store.files import told
from tfchain.store.open import open_store


def export(
    out: Annotated[Path, typer.Option(help="The file to write; a partial one never stays.")],
    node: Annotated[
        str, typer.Option(envvar=NODE_VARIABLE, help="A running node; else this machine's devnet.")
    ] = "",
    home: Annotated[Path | None, typer.Option(help="The home of a stopped node.")] = None,
) -> None:
    """Write a chain to a file that `tfchain audit` reads: genesis, blocks, receipts, last commit.

    Blocks are decoded and their links are followed as they pass; that they are right is for `audit`.
    """
    if node and home is not None:
        raise typer.BadParameter(f"one of them, --node (or {NODE_VARIABLE}) or --home, is due")
    if out.is_dir():
        raise Unavailable("cannot write the export", str(out), "it is a folder: name a file in it")
    partial = out.with_name(out.name + ".partial")
    try:
        if home is not None:
            _from_home(Home(home), partial)
        else:
            trio.run(_from_node, named(node), partial)
        count = _check(partial)
        with told("cannot write the export", out):
            partial.replace(out)
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
    typer.echo(f"{count} blocks in {out}")


def _from_home(home: Home, out: Path) -> None:
    if not home.store.is_dir():
        raise Unavailable("this is no node's home", str(home.folder), "name one that was started")
    store = open_store(home.store)
    try:
        with _writing(out) as file:
            write_records(file, export_records_of(ChainStore(store)))
    finally:
        store.close()


async def _from_node(url: str, out: Path) -> None:
    async with connected(url) as client:
        await client.export(out)


@contextmanager
def _writing(path: Path) -> Iterator[BinaryIO]:
    with told("cannot write the export", path):
        file = path.open("wb")
    with file:
        yield file


def _check(path: Path) -> int:
    """How many blocks the file holds, each on top of the one before; raises `Malformed`."""
    with told("cannot read the export", path):
        file = path.open("rb")
    height, last = 0, ZERO_HASH
    with file:
        for _, kind, payload in read_records(file):
            if kind != BLOCK:
                continue
            block = decode_block(payload)
            height += 1
            if (block.header.height, block.header.last_block_id) != (height, last):
                raise Malformed(f"block {height}: it does not stand on the one before")
            last = block.id
    return height
