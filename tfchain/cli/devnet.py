"""`tfchain devnet`: a network on this machine, shown as it runs; with `--once`, proved and ended."""

import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Final, cast

import trio
import typer
from rich.progress import Progress

from tfchain.chain.audit_report import Report
from tfchain.cli.audit import audit_file, lines_of
from tfchain.cli.devnet_view import Watch
from tfchain.cli.setting import logged
from tfchain.errors import TfchainError, Unavailable
from tfchain.node.config import FORMATS, LEVELS, NodeConfig
from tfchain.node.devnet.beacon import Beacon, beacons_folder, lit
from tfchain.node.devnet.homes import (
    ALIKE,
    PERSON,
    VALIDATORS_MAX,
    Network,
    Stamp,
    lay_out,
    stamped,
    template_text,
)
from tfchain.node.devnet.network import NODES_MAX, BatchLine, Devnet, Options
from tfchain.node.faults import fault_of
from tfchain.node.settings import settings_of
from tfchain.store.open import Kind

LEAD_S: Final = 3
"""Between the stamp and the beginning of the chain: validators are up by then."""
STORES: Final = ("auto", "leveldb", "sqlite")
INTERRUPTED: Final = 130
"""What a shell expects of a program that Ctrl-C ended before its work was done."""


def devnet(  # noqa: PLR0913, PLR0917 -- one parameter an option
    validators: Annotated[
        int, typer.Option(min=1, max=VALIDATORS_MAX, help="Validators, a process each.")
    ] = 4,
    nodes: Annotated[
        int, typer.Option(min=0, max=NODES_MAX, help="Simulated nodes that report.")
    ] = 12,
    once: Annotated[
        bool, typer.Option("--once", help="End when one period is paid and audited.")
    ] = False,
    export: Annotated[
        Path | None, typer.Option(help="With --once: keep the chain's blocks in this file.")
    ] = None,
    store: Annotated[str, typer.Option(help="auto, leveldb or sqlite.")] = "auto",
    seed: Annotated[int, typer.Option(min=0, help="Decides keys and what farmers do.")] = 1,
    home: Annotated[
        Path | None, typer.Option(help="An empty folder for the homes; they stay there.")
    ] = None,
    anyone: Annotated[
        bool, typer.Option("--anyone", help="Let other nodes connect: who wants to join.")
    ] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Do not delete a temporary folder.")] = False,
    restart: Annotated[
        bool, typer.Option("--restart", help="Start a validator again that ended.")
    ] = False,
    web: Annotated[
        bool, typer.Option(help="Run the web too: receipts, REST, GraphQL, pages. Not with --once.")
    ] = True,
    limit: Annotated[float, typer.Option(help="With --once: give up after so many seconds.")] = 210,
    log_level: Annotated[
        str,
        typer.Option(
            metavar="|".join(LEVELS),
            help="What validators and web log, from here up: in HOME/NAME/log.",
        ),
    ] = "info",
    log_format: Annotated[
        str, typer.Option(metavar="|".join(FORMATS), help="How a line of these logs is written.")
    ] = "text",
) -> None:
    """Run a network on this machine: validators, guardians and farmers whose nodes report.

    A month lasts 60 seconds. With --once, ends with 0 when a period was paid and the audit held, else
    with 1 and what is missing.
    """
    if store not in STORES:
        raise typer.BadParameter(f"one of {', '.join(STORES)} is due", param_hint="--store")
    if export is not None and not once:
        raise typer.BadParameter("it goes with --once", param_hint="--export")
    base = alike(anyone, logged(log_level, log_format))
    with _folder(home, keep=keep) as folder:
        network = _network(folder, seed, validators, cast("Kind", store), base)
        watch = Watch()
        browsed = web and not once
        options = Options(nodes=nodes, again=restart, picture_s=watch.picture_s, web=browsed)
        net = Devnet(network, options, _now, watch.show, watch.log)
        watch.log(f"homes and logs in {folder}")
        with _lit(net, watch):
            if once:
                _run_once(net, watch, export or folder / "chain.export", limit)
            else:
                _run_on(net, watch)


def alike(anyone: bool, flags: Sequence[str]) -> NodeConfig:
    """The settings that all validators of the network have."""
    asked = settings_of("", {}, flags).config
    return replace(ALIKE, anyone=anyone, log=asked.log, log_format=asked.log_format)


def _network(folder: Path, seed: int, validators: int, store: Kind, base: NodeConfig) -> Network:
    stamp = Stamp(time=int(_now()) + LEAD_S, salt=secrets.token_hex(8))
    genesis = stamped(template_text(), stamp, seed, validators)
    return lay_out(folder, genesis, seed, validators, store, base=base)


def _now() -> float:
    """Seconds since 1970: farmers' nodes have clocks of their own, which follow this one."""
    return time.time_ns() / 1e9


@contextmanager
def _folder(home: Path | None, *, keep: bool) -> Iterator[Path]:
    """Where the homes go: a given folder stays, a temporary one goes unless it is kept."""
    if home is not None:
        yield home.resolve()
        return
    folder = Path(tempfile.mkdtemp(prefix="tfchain-devnet-"))
    try:
        yield folder
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _lit(net: Devnet, watch: Watch) -> Iterator[None]:
    """Let the other verbs find this network; it runs all the same where they cannot."""
    beacon = Beacon(
        pid=os.getpid(),
        chain_id=net.mirror.genesis.params.chain_id,
        urls=tuple(member.url for member in net.network.members),
    )
    with ExitStack() as stack:
        try:
            stack.enter_context(lit(beacons_folder(os.environ), beacon))
        except Unavailable as fault:
            watch.log(f"other verbs need --node: {fault}")
        yield


# --- running --------------------------------------------------------------------------------------


def _run_on(net: Devnet, watch: Watch) -> None:
    for line in _welcome(net):
        watch.log(line)
    with watch:
        _run(partial(net.run, _for_ever))
    typer.echo("ended: no process is left")


async def _for_ever(_net: Devnet) -> None:
    await trio.sleep_forever()


def _welcome(net: Devnet) -> Iterator[str]:
    """What people paste."""
    first = net.network.members[0]
    for member in net.network.members:
        yield f"validator-{member.number} answers at {member.url}"
    if net.options.web:
        yield f"the web answers at {net.network.web.url}, for tools and people"
    yield "try: tfchain status, in another terminal: it finds this network by itself"
    yield f"or: curl {first.url}/v1/status"
    yield f"coins for you: the account {PERSON} (the development phrase) has some"
    yield "kill one with kill -9 and its pid; it is started again by a line that is shown then"


def _run_once(net: Devnet, watch: Watch, path: Path, limit: float) -> None:
    found: list[BatchLine] = []

    async def one_period(net: Devnet) -> None:
        with trio.move_on_after(limit):
            line = await net.first_period()
            await net.export(path)
            found.append(line)

    with watch:
        _run(partial(net.run, one_period))
    if net.interrupted:
        raise typer.Exit(INTERRUPTED)
    if not found:
        typer.echo(f"devnet: FAILED: {_missing(net, limit)}", err=True)
        raise typer.Exit(1)
    _prove(found[0], path)


def _run(main: Callable[[], Awaitable[None]]) -> None:
    """One error says it all, out of whatever nurseries it came through."""
    try:
        trio.run(main)
    except BaseExceptionGroup as group:
        fault = fault_of(group)
        if fault is None:
            raise
        raise fault from group


def _missing(net: Devnet, limit: float) -> str:
    """What the first period lacks."""
    picture = net.picture()
    first = next((line for line in picture.batches if line.period == 0), None)
    if first is None:
        return f"no period began within {limit:g} s: height {picture.height}"
    return (
        f"period 0 is {first.state} after {limit:g} s: {first.committed} committed,"
        f" {first.agreeing} attested alike, {first.differing} otherwise, of {first.guardians}"
    )


def _prove(line: BatchLine, path: Path) -> None:
    """Audit the export and say what was shown; ends with 1 where anything is not as it should be."""
    try:
        with path.open("rb") as file, Progress(disable=True) as progress:
            report = audit_file(file, None, None, progress)
    except TfchainError as fault:
        typer.echo(f"audit: FAILED: {fault}", err=True)
        raise typer.Exit(1) from fault
    guardians = line.guardians
    typer.echo(f"period 0 is paid: {line.committed} of {guardians} committed,", nl=False)
    typer.echo(f" {line.agreeing} of {guardians} attested alike")
    for text in lines_of(report):
        typer.echo(text)
    for fault_text in _faults(line, report):
        typer.echo(f"devnet: FAILED: {fault_text}", err=True)
        raise typer.Exit(1)


def _faults(line: BatchLine, report: Report) -> Iterator[str]:
    if (line.committed, line.agreeing) != (line.guardians, line.guardians):
        yield "not every guardian committed and attested alike"
    if not report.minting_blocks:
        yield "no minting block"
