"""The web's process: it follows, it answers, and it ends when the following cannot go on."""

import secrets
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import trio

from tfchain.base.units import MS_PER_S
from tfchain.chain.audit_report import Rows
from tfchain.client.http import connected
from tfchain.client.keys import Key
from tfchain.index.following import Watch, follow, take_export
from tfchain.index.model import Model, opened_model
from tfchain.net.rates import Rate
from tfchain.node.config import Place
from tfchain.node.faults import one_fault
from tfchain.node.heads import Heads
from tfchain.node.running import SWITCH_INTERVAL_S, wall_clock
from tfchain.node.serving import Door, serve
from tfchain.web.app import application
from tfchain.web.asking import Asking
from tfchain.web.desk import Desk
from tfchain.web.parts import Web
from tfchain.web.rates import RATE

CONNECTIONS_MAX: Final = 1_024
"""Open connections; hundreds may follow the blocks, each on its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guardian:
    """Whose desk is at `/guardian`, if anybody's, and on what it computes a period."""

    key: Key | None
    rows: Callable[[], Rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the process is told."""

    folder: Path
    place: Place
    node: str
    """The validator to follow; empty for none."""
    export: Path | None
    """A file with blocks to begin with."""
    rebuild: bool
    rate: Rate = RATE
    """Requests of one client."""
    guardian: Guardian | None = None


Ready = Callable[[Web, int], None]
"""Told once, with the port, when the process answers."""


async def run_web(options: Options, log: Callable[[str], None], ready: Ready) -> None:
    """Serve the read model until cancelled.

    Raises:
        Unavailable: the folder, the port or the export cannot be used, or the validator has not the
            blocks that are due.
        InvalidBlock: a block does not fit on the one before.
        Divergence: the blocks say another state than they lead to here.
    """
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    with opened_model(options.folder, rebuild=options.rebuild) as model:
        if options.export is not None:
            await trio.to_thread.run_sync(take_export, model, options.export)
        with closing(Asking(options.folder)) as ask, one_fault():
            await _serve(options, model, ask, log, ready)


async def _serve(
    options: Options, model: Model, ask: Asking, log: Callable[[str], None], ready: Ready
) -> None:
    watch = Watch(Heads(model.height), log)
    async with AsyncExitStack() as stack:
        client = None
        if options.node:
            client = await stack.enter_async_context(connected(options.node))
        web = Web(ask=ask, watch=watch, client=client, now=_now)
        desk = None
        if client is not None and options.guardian is not None:
            token, guardian = secrets.token_hex(16), options.guardian
            desk = Desk(client=client, rows=guardian.rows, token=token, key=guardian.key)
        answering = application(web, desk, options.rate)
        door = Door(answering, partial(_warn, log), CONNECTIONS_MAX)
        nursery = await stack.enter_async_context(trio.open_nursery())
        if desk is not None:
            await nursery.start(desk.serve)
        port = await nursery.start(serve, door, options.place)
        ready(web, port)
        if client is not None:
            nursery.start_soon(follow, model, client, watch)


def _now() -> int:
    return wall_clock() // MS_PER_S


def _warn(log: Callable[[str], None], faults: str) -> None:
    log(f"http connection failed: {faults}")
