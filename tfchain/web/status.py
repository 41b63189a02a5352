"""`/v1/web/status`: how far the read model is, and whether it agrees with the ledger."""

from dataclasses import dataclass
from functools import partial
from sqlite3 import Connection
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tfchain import __version__
from tfchain.chain.genesis import read_genesis
from tfchain.index.database import layout_text, meta
from tfchain.index.model import GENESIS
from tfchain.web.parts import Web

_LAST: Final = "SELECT * FROM checksums ORDER BY height DESC LIMIT 1"
_AT: Final = "SELECT state_root FROM checksums WHERE height = ?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What the read model says of itself."""

    chain_id: str
    height: int
    block_id: str
    state_root: str
    checksum: str
    root_there: str
    """The ledger's root after the height that the validator said last; empty if it is not here."""


def routes(web: Web) -> list[Route]:
    """The one route."""

    async def answer(_request: Request) -> Response:
        shown = await web.ask(partial(read, node_height=web.watch.node_height))
        return JSONResponse(told(web, shown))

    return [Route("/v1/web/status", answer)]


def read(connection: Connection, node_height: int) -> Shown | None:
    """Where the read model stands; None while it is empty."""
    last, genesis = connection.execute(_LAST).fetchone(), meta(connection, GENESIS)
    if last is None or genesis is None:
        return None
    there = connection.execute(_AT, (node_height,)).fetchone()
    return Shown(
        chain_id=read_genesis(genesis.decode()).params.chain_id,
        height=last["height"],
        block_id=last["block_id"],
        state_root=last["state_root"],
        checksum=last["checksum"],
        root_there="" if there is None else there["state_root"],
    )


def told(web: Web, shown: Shown | None) -> dict[str, object]:
    """The answer. `agrees` is null until the read model has the height of which the validator spoke."""
    watch = web.watch
    height = 0 if shown is None else shown.height
    agrees = None
    if shown is not None and shown.root_there and watch.node_root:
        agrees = shown.root_there == watch.node_root
    return {
        "version": __version__,
        "layout": layout_text(),
        "chain_id": None if shown is None else shown.chain_id,
        "height": height,
        "block_id": None if shown is None else shown.block_id,
        "state_root": None if shown is None else shown.state_root,
        "checksum": None if shown is None else shown.checksum,
        "node": None if web.client is None else web.client.url,
        "node_height": watch.node_height,
        "behind": max(0, watch.node_height - height),
        "agrees": agrees,
        "trouble": watch.trouble,
    }
