"""`tfchain start`: one node, until Ctrl-C or SIGTERM."""

import signal
from functools import partial
from pathlib import Path
from typing import Annotated

import trio
import typer

from tfchain.node.faults import one_fault
from tfchain.node.guardian.seat import sit
from tfchain.node.node import Node
from tfchain.node.running import run_node


def start(
    home: Annotated[Path, typer.Option(help="The node's home, made by `tfchain init`.")],
    allow_old_store: Annotated[
        bool,
        typer.Option(
            "--allow-old-store",
            help="Start although the store is older than what this validator signed.",
        ),
    ] = False,
) -> None:
    """Run a validator, or a node that follows."""
    trio.run(partial(run_until_told, home, allow_old_store=allow_old_store))


async def run_until_told(home: Path, *, allow_old_store: bool) -> None:
    """Run the node; a signal ends it cleanly."""
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals, one_fault():
        async with trio.open_nursery() as nursery:
            run = partial(run_node, home, companions=[sit, told], allow_old_store=allow_old_store)
            nursery.start_soon(run)
            await anext(signals)
            nursery.cancel_scope.cancel()


async def told(node: Node) -> None:
    """The lines that a person, or a program that waits for the ports, reads on stdout."""
    for line in node.lines():
        typer.echo(line)
