"""The small HTTP face of a node: hand in transactions, ask for a few records, follow the blocks.

What people browse lives elsewhere (P39). Every request is bounded before it is read; what a request
asks for is read on the pump's thread when it is a few rows, by a worker otherwise. Nothing that goes
wrong here reaches the replica: it hears of submissions through one bounded channel.
"""

from contextlib import aclosing
from functools import partial
from typing import Final, TypeVar

import trio
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from tfchain.base.address import from_text
from tfchain.base.crypto import HASH_BYTES
from tfchain.base.limits import HTTP_BODY_BYTES_MAX
from tfchain.base.shapes import encode_record
from tfchain.base.units import U32_MAX, U64_MAX, Height, PeriodIndex, ScheduleId
from tfchain.errors import Malformed, Unavailable
from tfchain.ledger import tables
from tfchain.ledger.state import Table
from tfchain.node import answers, balances, ledger_answers, ledger_views, queries
from tfchain.node.answers import Json
from tfchain.node.attacks import take_attack
from tfchain.node.feed import Stream, Streams
from tfchain.node.ledger_views import BATCHES_MAX, LAST
from tfchain.node.metrics_page import MEDIA_TYPE, measured, page
from tfchain.node.node import Node
from tfchain.node.queries import BATCHES_SHOWN

R = TypeVar("R")

REQUESTS_MAX: Final = 64
"""Requests under way; one more is told to come again."""
BODY_S: Final = 20.0
"""For a body to arrive."""
PAGE_MAX: Final = 1_000
"""Rows of one page."""
NEXT_BLOCK_S: Final = 15.0
"""How long a proof waits for a block after a start: two intervals of the slowest network."""
NUMBER_CHARS_MAX: Final = 20
"""Digits of a 64-bit number."""

PROVING_MAX: Final = 1
"""Proofs of receipts under way: each reads all receipts of its batch."""
MEASURING_MAX: Final = 1
"""Looks at the files of the database under way."""
SEALED_MAX: Final = 256
"""Rows of a page of sealed batches: more than a block can seal, one a schedule."""

_ARCHIVES: Final[dict[str, queries.Archive]] = {
    "receipts": tables.RECEIPTS,
    "mints": tables.MINTS,
}


def application(node: Node) -> ASGIApp:
    """The ASGI application of a node."""
    face = Face(node)
    routes = [
        Route("/v1/txs", face.submit, methods=["POST"]),
        Route("/v1/txs/{id}", face.tx),
        Route("/v1/status", face.status),
        Route("/v1/accounts/{address}", face.account),
        Route("/v1/genesis", face.genesis),
        Route("/v1/validators", face.validators),
        Route("/v1/sealed", face.sealed),
        Route("/v1/batches", face.batches),
        Route("/v1/batches/{schedule}/{period}", face.batch),
        Route("/v1/batches/{schedule}/{period}/{rows}", face.rows_of_batch),
        Route("/v1/nodes/{id}", face.node),
        Route("/v1/farms/{id}", face.farm),
        Route("/v1/contracts/{id}", face.contract),
        Route("/v1/proofs/{table}", face.proof),
        Route("/v1/proofs/{table}/{key}", face.proof),
        Route("/v1/light/attacks", face.attacks, methods=["POST"]),
        Route("/v1/light/{height}", face.light),
        Route("/v1/export", face.export),
        Route("/v1/blocks", face.blocks),
        Route("/v1/blocks/{height}", face.block),
        Route("/metrics", face.metrics),
    ]
    faults = {Malformed: _malformed, Unavailable: _unavailable, HTTPException: _refused}
    return Bounded(Starlette(routes=routes, exception_handlers=faults))


class Bounded:
    """At most `REQUESTS_MAX` requests at once."""

    def __init__(self, inner: ASGIApp) -> None:
        self._inner = inner
        self._under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on, or say that there is no room."""
        if scope["type"] == "http" and self._under_way >= REQUESTS_MAX:
            await _answer(answers.error("too many requests, try again"), 503)(scope, receive, send)
            return
        self._under_way += 1
        try:
            await self._inner(scope, receive, send)
        finally:
            self._under_way -= 1


class Face:
    """One method a route."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._streams = Streams(node)
        self._proving = trio.CapacityLimiter(PROVING_MAX)
        self._measuring = trio.CapacityLimiter(MEASURING_MAX)

    async def submit(self, request: Request) -> Response:
        """`POST /v1/txs`: idempotent, an answer for each transaction."""
        raws = answers.txs_of(await _body(request))
        replies = await self._node.submit(raws)
        return _answer(answers.submitted(queries.judged(self._node, replies)))

    async def tx(self, request: Request) -> Response:
        """Where a transaction is: committed, pending or unknown."""
        tx_id = answers.bytes_of(request.path_params["id"], "id", HASH_BYTES)
        if len(tx_id) != HASH_BYTES:
            raise Malformed(f"id: {HASH_BYTES} bytes are due")
        return _answer(answers.tx(queries.tx_view(self._node, tx_id)))

    async def status(self, _request: Request) -> Response:
        """Where the node stands."""
        return _answer(answers.status(queries.status(self._node)))

    async def account(self, request: Request) -> Response:
        """What is free, locked and staked; an address that never had anything has nothing of it."""
        address = from_text(request.path_params["address"])
        return _answer(balances.account(self._node.state(), address))

    async def node(self, request: Request) -> Response:
        """A farmer's node."""
        return self._row(request, tables.NODES)

    async def farm(self, request: Request) -> Response:
        """A farm."""
        return self._row(request, tables.FARMS)

    async def contract(self, request: Request) -> Response:
        """A user's contract for capacity, while it stands; `/v1/proofs/capacity` proves it."""
        return self._row(request, tables.CAPACITY)

    def _row(self, request: Request, table: Table[R]) -> Response:
        number = _number(request.path_params["id"], "id", U32_MAX)
        row = table.get(self._node.state(), tables.id_key(number))
        return _answer(answers.record(_found(row)))

    async def batch(self, request: Request) -> Response:
        """A batch and what its guardians said of it."""
        view = queries.batch_view(self._node.state(), *_batch_of(request))
        return _answer(answers.batch(_found(view)))

    async def batches(self, request: Request) -> Response:
        """The newest batches of each schedule, oldest first."""
        last = _query(request, "last", BATCHES_SHOWN, BATCHES_MAX)
        rows = ledger_views.newest_batches(self._node.state(), last)
        return _answer(ledger_answers.batches(rows))

    async def sealed(self, request: Request) -> Response:
        """Batches by the block in which they sealed, from a height on, a page at a time."""
        start = Height(_query(request, "from", 1, U64_MAX))
        read = partial(ledger_views.sealed_from, self._node.disk.chain, start, SEALED_MAX)
        rows = await trio.to_thread.run_sync(read)
        return _answer(ledger_answers.sealed(rows, SEALED_MAX))

    async def rows_of_batch(self, request: Request) -> Response:
        """Receipts or mint records in node order, a page at a time."""
        name = request.path_params["rows"]
        if name not in _ARCHIVES:
            raise _missing()
        start = _query(request, "from", 0, U32_MAX)
        limit = _query(request, "limit", PAGE_MAX, PAGE_MAX)
        read = partial(
            queries.rows_of_batch,
            self._node.disk.chain,
            _ARCHIVES[name],
            tables.batch_key(*_batch_of(request)),
            start,
            limit,
        )
        return _answer(answers.page(name, await trio.to_thread.run_sync(read), limit))

    async def proof(self, request: Request) -> Response:
        """That a row is there, or is not, by the header of the last block."""
        name, text = request.path_params["table"], request.path_params.get("key", "")
        key = answers.bytes_of(text, "key", queries.TREE_KEY_BYTES_MAX)
        if name not in _ARCHIVES:
            return _answer(answers.proof(await self._proven(name, key)))
        batch = await self._proven(tables.BATCHES.name, ledger_views.batch_of_key(key))
        prove = partial(ledger_views.prove_in_batch, self._node.disk.chain, name, key, batch)
        found = await trio.to_thread.run_sync(prove, limiter=self._proving)
        return _answer(ledger_answers.batch_proof(found))

    async def _proven(self, table: str, key: bytes) -> queries.Proof:
        views, heads = self._node.pump.views, self._node.heads
        with trio.move_on_after(NEXT_BLOCK_S):
            while views.previous is None:
                await heads.wait_for(heads.current + 1)
        if views.previous is None:
            raise Unavailable("no block came since the start", "proofs", "try again later")
        height = Height(heads.current)
        return queries.prove(self._node.disk.chain, views.previous, height, table, key)

    async def validators(self, request: Request) -> Response:
        """The validators of a height, by default of the last one, and who signed its block."""
        height = Height(_query(request, "height", self._node.heads.current, U64_MAX))
        read = partial(ledger_views.validators_view, self._node.disk.chain, height)
        found = _found(await trio.to_thread.run_sync(read))
        return _answer(ledger_answers.validators(found))

    async def block(self, request: Request) -> Response:
        """A block by its height, or the `last`."""
        text = request.path_params["height"]
        known = Height(self._node.heads.current)
        height = known if text == LAST else Height(_number(text, "height", U64_MAX))
        read = partial(ledger_views.block_view, self._node.disk.chain, height)
        found = _found(await trio.to_thread.run_sync(read))
        return _answer(await trio.to_thread.run_sync(ledger_answers.block, found))

    async def light(self, request: Request) -> Response:
        """A block's light form, by its height or the `last`, for whoever verifies headers."""
        text = request.path_params["height"]
        known = Height(self._node.heads.current)
        height = known if text == LAST else Height(_number(text, "height", U64_MAX))
        found = _found(await trio.to_thread.run_sync(self._node.disk.chain.light_block, height))
        return _answer({"height": height, "light_block": encode_record(found).hex()})

    async def attacks(self, request: Request) -> Response:
        """`POST /v1/light/attacks`: evidence of a light client's; who is guilty by our chain."""
        return _answer(await take_attack(self._node, await _body(request)))

    async def genesis(self, _request: Request) -> Response:
        """The text of the genesis file."""
        text = self._node.disk.chain.genesis_text()
        return Response(text, media_type="application/toml")

    async def metrics(self, _request: Request) -> Response:
        """What Prometheus fetches: where the node stands and what it counted since its start."""
        home = self._node.home
        sizes = await trio.to_thread.run_sync(measured, home, limiter=self._measuring)
        return Response(page(self._node, sizes), media_type=MEDIA_TYPE)

    async def export(self, _request: Request) -> Stream:
        """The whole chain as an export."""
        return Stream(self._streams.export, self._streams.take_seat())

    async def blocks(self, request: Request) -> Stream:
        """Blocks from a height on."""
        start = _query(request, "from", 1, U64_MAX)
        follow = _query(request, "follow", 0, 1) == 1
        write = partial(self._streams.blocks, start=max(1, start), follow=follow)
        return Stream(write, self._streams.take_seat())


async def _body(request: Request) -> bytes:
    """The body; its length is judged before it is read, and while it is."""
    length = request.headers.get("content-length", "0")
    if _number(length, "content-length", U64_MAX) > HTTP_BODY_BYTES_MAX:
        raise _too_large()
    body = bytearray()
    with trio.move_on_after(BODY_S) as patience:
        async with aclosing(request.stream()) as pieces:
            async for piece in pieces:
                body += piece
                if len(body) > HTTP_BODY_BYTES_MAX:
                    raise _too_large()
    if patience.cancelled_caught:
        raise HTTPException(408, "the body did not arrive")
    return bytes(body)


def _too_large() -> HTTPException:
    return HTTPException(413, f"a body has at most {HTTP_BODY_BYTES_MAX} bytes")


def _number(text: str, where: str, most: int) -> int:
    """A whole number; raises `Malformed`."""
    if not 0 < len(text) <= NUMBER_CHARS_MAX or not (text.isascii() and text.isdigit()):
        raise Malformed(f"{where}: a whole number is due")
    number = int(text)
    if number > most:
        raise Malformed(f"{where}: at most {most} is due")
    return number


def _query(request: Request, name: str, default: int, most: int) -> int:
    text = request.query_params.get(name)
    return default if text is None else _number(text, name, most)


def _batch_of(request: Request) -> tuple[ScheduleId, PeriodIndex]:
    schedule = _number(request.path_params["schedule"], "schedule", 0xFF)
    period = _number(request.path_params["period"], "period", U32_MAX)
    return ScheduleId(schedule), PeriodIndex(period)


def _found(row: R | None) -> R:
    if row is None:
        raise _missing()
    return row


def _missing() -> HTTPException:
    return HTTPException(404, "there is no such thing on this chain")


def _answer(plain: Json, status: int = 200) -> Response:
    return Response(answers.body_of(plain), status, media_type="application/json")


async def _malformed(_request: Request, fault: Exception) -> Response:
    return _answer(answers.error(str(fault)), 400)


async def _unavailable(_request: Request, fault: Exception) -> Response:
    return _answer(answers.error(str(fault)), 503)


async def _refused(_request: Request, fault: Exception) -> Response:
    assert isinstance(fault, HTTPException)
    return _answer(answers.error(fault.detail), fault.status_code)
