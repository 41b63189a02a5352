"""`tfchain start`: one node, until Ctrl-C or SIGTERM."""

import signal
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import trio
import typer

from tfchain.cli.setting import HOME_VARIABLE, SetOption, flags_of
from tfchain.node.disk import opened_parts
from tfchain.node.faults import one_fault
from tfchain.node.guardian.seat import sit
from tfchain.node.home import Home, load_config
from tfchain.node.node import Node
from tfchain.node.restoring import Trust, read_trust
from tfchain.node.running import run_node


def start(
    home: Annotated[
        Path, typer.Option(envvar=HOME_VARIABLE, help="The node's home, made by `tfchain init`.")
    ],
    allow_old_store: Annotated[
        bool,
        typer.Option(
            "--allow-old-store",
            help="Start although store or log is older than what this validator signed: it catches"
            " up from its peers and says nothing more at the heights that it signed.",
        ),
    ] = False,
    halt_height: Annotated[
        int | None,
        typer.Option(min=1, help="Stop once this height is stored, and sign nothing after it."),
    ] = None,
    sync: Annotated[
        str,
        typer.Option(metavar="blocks|snapshot", help="How a node without blocks begins."),
    ] = "blocks",
    trust: Annotated[
        str,
        typer.Option(
            metavar="HEIGHT:HASH",
            help="With --sync snapshot: a block id that you were told by somebody you trust.",
        ),
    ] = "",
    setting: SetOption = None,
) -> None:
    """Run a validator, or a node that follows."""
    flags = flags_of(setting)
    trusted = _trusted(sync, trust)
    if halt_height is not None and _stored(home, flags) >= halt_height:
        typer.echo(f"halted: height {halt_height} is stored already")
        return
    run = partial(run_node, home, allow_old_store=allow_old_store, flags=flags, trust=trusted)
    trio.run(run_until_told, run, halt_height)


def _trusted(sync: str, trust: str) -> Trust | None:
    if sync not in {"blocks", "snapshot"}:
        raise typer.BadParameter("blocks or snapshot is due", param_hint="--sync")
    if (sync == "snapshot") != bool(trust):
        raise typer.BadParameter("--sync snapshot and --trust HEIGHT:HASH go together")
    return read_trust(trust) if trust else None


def _stored(home: Path, flags: tuple[str, ...]) -> int:
    """The height that a stopped node has."""
    at = Home(home)
    with opened_parts(at, load_config(at, flags)) as (chain, _):
        return chain.height()


Run = Callable[..., Awaitable[None]]
"""Runs a node with the companions that it is given."""


async def run_until_told(run: Run, halt_height: int | None) -> None:
    """Run the node; a signal ends it cleanly, and so does the height at which it is to halt."""
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals, one_fault():
        async with trio.open_nursery() as nursery:
            halt = partial(_halt, halt_height, nursery.cancel_scope)
            nursery.start_soon(partial(run, companions=[sit, told, halt]))
            await anext(signals)
            nursery.cancel_scope.cancel()


async def _halt(height: int | None, scope: trio.CancelScope, node: Node) -> None:
    """End the node once `height` is stored. A block under way is not stored any more."""
    if height is None:
        return
    await node.heads.wait_for(height)
    typer.echo(f"halted: height {height} is stored")
    scope.cancel()


async def told(node: Node) -> None:
    """The lines that a person, or a program that waits for the ports, reads on stdout."""
    for line in node.lines():
        typer.echo(line)
