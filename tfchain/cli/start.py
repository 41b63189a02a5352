"""`tfchain start`: one node, until Ctrl-C or SIGTERM."""

import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated

import trio
import typer

from tfchain.cli.endings import code_of
from tfchain.cli.setting import (
    HOME_VARIABLE,
    LogFormatOption,
    LogLevelOption,
    SetOption,
    flags_of,
    logged,
)
from tfchain.cli.unit import unit_of
from tfchain.errors import TfchainError
from tfchain.node.config import NodeConfig
from tfchain.node.disk import opened_parts
from tfchain.node.faults import one_fault
from tfchain.node.guardian.seat import sit
from tfchain.node.home import Home, load_config
from tfchain.node.journal import Journal
from tfchain.node.node import Node
from tfchain.node.restoring import Trust, read_trust
from tfchain.node.running import journal_of, run_node, wall_clock


def start(  # noqa: PLR0913, PLR0917 -- one parameter an option
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
    log_level: LogLevelOption = "",
    log_format: LogFormatOption = "",
    print_unit: Annotated[
        bool,
        typer.Option(
            "--print-unit",
            help="Start nothing: print the systemd unit that starts this home with these options.",
        ),
    ] = False,
) -> None:
    """Run a validator, or a node that follows, until Ctrl-C or SIGTERM.

    The log goes to stderr. stdout has the addresses, once it answers; with --log-format json they are
    in the log too, and stdout stays empty.
    """
    flags = flags_of(setting, logged(log_level, log_format))
    trusted = _trusted(sync, trust)
    config = load_config(Home(home), flags)
    if print_unit:
        typer.echo(unit_of(home, flags), nl=False)
        return
    run = partial(run_node, home, allow_old_store=allow_old_store, flags=flags, trust=trusted)
    with one_ending(config):
        if halt_height is not None and _stored(home, config) >= halt_height:
            say(journal_of(config, wall_clock), config, f"height {halt_height} is stored already")
            return
        trio.run(run_until_told, run, halt_height)


@contextmanager
def one_ending(config: NodeConfig) -> Iterator[None]:
    """Where the log is JSON, so is the line about what ended the node."""
    try:
        yield
    except TfchainError as fault:
        if config.log_format == "text":
            raise
        journal_of(config, wall_clock).error("ended", reason=fault)
        raise typer.Exit(code_of(fault)) from fault


def _trusted(sync: str, trust: str) -> Trust | None:
    if sync not in {"blocks", "snapshot"}:
        raise typer.BadParameter("blocks or snapshot is due", param_hint="--sync")
    if (sync == "snapshot") != bool(trust):
        raise typer.BadParameter("--sync snapshot and --trust HEIGHT:HASH go together")
    return read_trust(trust) if trust else None


def _stored(home: Path, config: NodeConfig) -> int:
    """The height that a stopped node has."""
    with opened_parts(Home(home), config) as (chain, _):
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
    say(node.journal, node.config, f"height {height} is stored")
    scope.cancel()


def say(journal: Journal, config: NodeConfig, why: str) -> None:
    """That the node halted: on stdout, or in a log for programs."""
    if config.log_format == "text":
        typer.echo(f"halted: {why}")
    else:
        journal.info("halted", reason=why)


async def told(node: Node) -> None:
    """What a person, or a program that waits for the ports, reads once the node answers."""
    if node.config.log_format == "json":
        node.journal.info("started", **node.facts())
        return
    for line in node.lines():
        typer.echo(line)
