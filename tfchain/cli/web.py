"""`tfchain web`: what people and tools browse, from a read model that follows a validator (P39)."""

import json
import signal
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import trio
import typer

from tfchain.cli.audit import DictRows
from tfchain.cli.keys import PassphraseFile, key_of
from tfchain.cli.nearby import NODE_VARIABLE, named
from tfchain.cli.setting import OwnFormatOption, OwnLevelOption, logged
from tfchain.node.config import LOOPBACK, Place
from tfchain.node.faults import one_fault
from tfchain.node.journal import Journal
from tfchain.node.running import journal_of, wall_clock
from tfchain.node.settings import settings_of
from tfchain.web.parts import Web
from tfchain.web.rates import RATE, rate_of
from tfchain.web.serving import Guardian, Options, run_web

PORT: Final = 7490
HOME_VARIABLE: Final = "TFCHAIN_WEB_HOME"


def web(  # noqa: PLR0913, PLR0917 -- one parameter an option
    home: Annotated[
        Path,
        typer.Option(envvar=HOME_VARIABLE, help="The folder of the read model; made if need be."),
    ],
    node: Annotated[
        str,
        typer.Option(
            "--node",
            envvar=NODE_VARIABLE,
            help="The validator to follow; else the devnet that runs on this machine.",
        ),
    ] = "",
    host: Annotated[str, typer.Option(help="The address to answer at.")] = LOOPBACK,
    port: Annotated[
        int, typer.Option(min=0, max=65_535, help="The port to answer at; 0: any free one.")
    ] = PORT,
    export: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Take the blocks of an exported chain first; without --node, those alone.",
        ),
    ] = None,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Remove the read model and make it anew.")
    ] = False,
    guardian_key: Annotated[
        str,
        typer.Option(
            metavar="FILE",
            help="A guardian's key: /guardian signs with it, for this machine alone.",
        ),
    ] = "",
    passphrase_file: PassphraseFile = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Say where it answers as one JSON object.")
    ] = False,
    rate: Annotated[
        int,
        typer.Option(
            min=0, max=1_000_000, help="Requests a second of one client; 0: as many as it likes."
        ),
    ] = RATE.per_s,
    log_level: OwnLevelOption = "info",
    log_format: OwnFormatOption = "text",
) -> None:
    """Serve receipts, REST, GraphQL and pages from a read model that follows a validator.

    The read model is one SQLite file, made from the validator's blocks and never trusted: each one
    is executed here and checked against the next one's header. It goes on where it was; --rebuild
    makes it anew. GET /v1/web/status says how far it is, and whether it agrees with the ledger.

    People find the chain under /explorer, and a guardian its desk under /guardian: a period computed
    here once more, and its signature under it with --guardian-key.
    """
    follows = node if node or export is not None else named(node)
    key = key_of(guardian_key, passphrase_file) if guardian_key else None
    options = Options(
        folder=home,
        place=Place(host=host, port=port),
        node=follows,
        export=export,
        rebuild=rebuild,
        rate=rate_of(rate),
        guardian=Guardian(key=key, rows=DictRows),
    )
    log = settings_of("", {}, logged(log_level, log_format)).config
    trio.run(_until_told, options, journal_of(log, wall_clock), as_json)


async def _until_told(options: Options, journal: Journal, as_json: bool) -> None:
    """Serve; a signal ends it cleanly."""
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals, one_fault():
        async with trio.open_nursery() as nursery:
            ready = partial(_tell, options, as_json=as_json)
            nursery.start_soon(run_web, options, journal.info, ready)
            await anext(signals)
            nursery.cancel_scope.cancel()


def _tell(options: Options, web: Web, port: int, *, as_json: bool) -> None:
    """Where it answers, for a person or for a program that waits for the port."""
    host = f"[{options.place.host}]" if ":" in options.place.host else options.place.host
    url, height = f"http://{host}:{port}", web.watch.heads.current
    if as_json:
        told = {"url": url, "node": options.node, "home": str(options.folder), "height": height}
        typer.echo(json.dumps(told))
        return
    typer.echo(f"web answers at {url}, read model at height {height}")
    typer.echo(f"it follows {options.node}" if options.node else "it follows no validator")
