"""A node's HTTP face from the other side: hand in transactions, ask, wait, fetch the chain (P39).

What does not work is one line: `Unavailable` says what cannot be reached, `Malformed` what the node
could not read, `Rejected` carries the code of a refusal. Answers are bounded before they are read.
"""

import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import httpx
import trio

from tfchain.base.address import to_text
from tfchain.base.limits import SUBMIT_TXS_MAX
from tfchain.base.units import U64_MAX, Address, Height, PeriodIndex, ScheduleId, Utft
from tfchain.errors import Malformed, Rejected, Unavailable
from tfchain.ledger.records import Account
from tfchain.store.files import told

ANSWER_BYTES_MAX: Final = 16 * 1024 * 1024
"""A page of a thousand receipts has some two."""
ANSWER_S: Final = 30.0
"""For an answer to go on; a proof may wait for the next block."""
WHOLE_ANSWER_S: Final = 120.0
"""For all of an answer: one that comes byte by byte never stands still for long."""
POLL_FIRST_S: Final = 0.1
POLL_MAX_S: Final = 2.0
"""How often a transaction is asked for: twice as long each time, up to a fraction of a block."""
TAKEN: Final = frozenset({"ok", "known", "committed"})
"""Codes of transactions that are on their way, or there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of a transaction that was handed in. `height`: where it stands already."""

    id: bytes
    code: str
    detail: str
    height: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TxStatus:
    """`committed`, `pending` or `unknown`; height, position and code once it is committed."""

    id: bytes
    status: str
    height: int | None
    position: int | None
    code: str | None


class SealedBatch(NamedTuple):
    """Which batch sealed in which block. They sort in this order."""

    height: Height
    schedule: ScheduleId
    period: PeriodIndex


@asynccontextmanager
async def connected(url: str) -> "AsyncIterator[Client]":
    """A client of the node at `url`, like `http://127.0.0.1:7480`."""
    async with httpx.AsyncClient(timeout=ANSWER_S, trust_env=False) as http:
        yield Client(url.rstrip("/"), http)


class Client:
    """Questions to one node. Each raises `Unavailable` where the node cannot be reached or used."""

    def __init__(self, url: str, http: httpx.AsyncClient) -> None:
        self.url = url
        self.seen = Height(0)
        """The highest block that a transaction was waited for in: what is read is not older."""
        self.http = http

    async def submit(self, raws: Sequence[bytes]) -> list[Result]:
        """Hand in transactions, up to `SUBMIT_TXS_MAX`; an answer for each, in order.

        Raises:
            Malformed: the node could not read them.
        """
        assert 0 < len(raws) <= SUBMIT_TXS_MAX, "the caller cuts longer runs"
        body = json.dumps({"txs": [raw.hex() for raw in raws]}).encode()
        plain = _object(await self._ask("POST", "/v1/txs", body))
        rows = plain.get("results")
        if not isinstance(rows, list) or len(rows) != len(raws):
            raise self._odd()
        return [self._result(_object(row)) for row in rows]

    async def submit_one(self, raw: bytes) -> Result:
        """Hand in one transaction.

        Raises:
            Rejected: with the node's code, unless it is taken, known or committed.
        """
        result = (await self.submit([raw]))[0]
        if result.code not in TAKEN:
            raise Rejected(result.code, result.detail)
        return result

    async def tx(self, tx_id: bytes) -> TxStatus:
        """Where a transaction is."""
        plain = _object(await self._ask("GET", f"/v1/txs/{tx_id.hex()}"))
        status = plain.get("status")
        if not isinstance(status, str):
            raise self._odd()
        return TxStatus(
            id=tx_id,
            status=status,
            height=_maybe_number(plain.get("height")),
            position=_maybe_number(plain.get("position")),
            code=_maybe_text(plain.get("code")),
        )

    async def wait_committed(self, tx_id: bytes, within_s: float = 60.0) -> TxStatus:
        """Ask until the transaction is in a block; its code there is in the answer.

        Raises:
            Unavailable: it is not within `within_s`. It may still come.
        """
        pause = POLL_FIRST_S
        with trio.move_on_after(within_s):
            while (found := await self.tx(tx_id)).status != "committed":
                await trio.sleep(pause)
                pause = min(2 * pause, POLL_MAX_S)
            self.seen = Height(max(self.seen, found.height or 0))
            return found
        what = f"transaction {tx_id.hex()} is in no block after {within_s:g} s"
        raise Unavailable(what, self.url, "ask again later, or hand it in again")

    async def status(self) -> dict[str, object]:
        """Where the node stands, as `GET /v1/status` words it."""
        return _object(await self._ask("GET", "/v1/status"))

    async def genesis(self) -> str:
        """The text of the genesis file, by this node's word."""
        async with self._response("GET", "/v1/genesis") as response:
            content = await self._content(response)
        if response.status_code != httpx.codes.OK:
            raise self._odd()
        try:
            return content.decode()
        except UnicodeDecodeError as fault:
            raise self._odd() from fault

    async def account(self, address: Address) -> Account:
        """Balance and nonce."""
        plain = _object(await self._ask("GET", f"/v1/accounts/{to_text(address)}"))
        return Account(
            balance=Utft(self._wide(plain.get("balance"))), nonce=self._wide(plain.get("nonce"))
        )

    async def balances(self, address: Address) -> dict[str, object]:
        """What is free, locked and staked, as `GET /v1/accounts/{address}` words it."""
        plain = _object(await self._ask("GET", f"/v1/accounts/{to_text(address)}"))
        for name in ("balance", "nonce"):
            self._wide(plain.get(name))
        return plain

    async def batch(self, schedule: ScheduleId, period: PeriodIndex) -> dict[str, object] | None:
        """A batch; None where there is none."""
        plain = await self._ask("GET", f"/v1/batches/{schedule}/{period}")
        return None if plain is None else _object(plain)

    async def receipts(self, schedule: ScheduleId, period: PeriodIndex) -> list[dict[str, object]]:
        """All receipts of a batch in node order, fetched page by page."""
        return await self.rows_of_batch("receipts", schedule, period)

    async def rows_of_batch(
        self, name: str, schedule: ScheduleId, period: PeriodIndex
    ) -> list[dict[str, object]]:
        """All `receipts` or `mints` of a batch in node order, fetched page by page."""
        found: list[dict[str, object]] = []
        start: int | None = 0
        while start is not None:
            path = f"/v1/batches/{schedule}/{period}/{name}?from={start}"
            plain = _object(await self._ask("GET", path))
            rows = plain.get(name)
            if not isinstance(rows, list):
                raise self._odd()
            found += [_object(row) for row in rows]
            after = _maybe_number(plain.get("next"))
            if after is not None and after <= start:
                raise self._odd()
            start = after
        return found

    async def row_of_batch(
        self, name: str, schedule: ScheduleId, period: PeriodIndex, node_id: int
    ) -> dict[str, object] | None:
        """One node's row of `receipts` or `mints`; None where it has none."""
        path = f"/v1/batches/{schedule}/{period}/{name}?from={node_id}&limit=1"
        rows = _object(await self._ask("GET", path)).get(name)
        if not isinstance(rows, list):
            raise self._odd()
        return next((row for row in map(_object, rows) if row.get("node_id") == node_id), None)

    async def proof(self, table: str, key: bytes) -> dict[str, object]:
        """That a row stands in a table of the state, or none, as `GET /v1/proofs` words it."""
        path = f"/v1/proofs/{table}/{key.hex()}" if key else f"/v1/proofs/{table}"
        return _object(await self._ask("GET", path))

    async def block(self, height: int | None = None) -> dict[str, object] | None:
        """A block, by default the last one, as `GET /v1/blocks/...` words it; None if there is none."""
        place = "last" if height is None else str(height)
        plain = await self._ask("GET", f"/v1/blocks/{place}")
        return None if plain is None else _object(plain)

    async def validators(self, height: int | None = None) -> dict[str, object] | None:
        """The validators of a height, by default of the last one; None if it is not there."""
        query = "" if height is None else f"?height={height}"
        plain = await self._ask("GET", f"/v1/validators{query}")
        return None if plain is None else _object(plain)

    async def batches(self, last: int) -> list[dict[str, object]]:
        """The newest `last` batches of each schedule, oldest first."""
        plain = _object(await self._ask("GET", f"/v1/batches?last={last}"))
        rows = plain.get("batches")
        if not isinstance(rows, list):
            raise self._odd()
        return [_object(row) for row in rows]

    async def sealed(self, start: int) -> list[SealedBatch]:
        """Batches that sealed in block `start` or later, by height; some of them, if many."""
        plain = _object(await self._ask("GET", f"/v1/sealed?from={start}"))
        rows = plain.get("sealed")
        if not isinstance(rows, list):
            raise self._odd()
        return [self._sealed(_object(row)) for row in rows]

    def _sealed(self, row: dict[str, object]) -> SealedBatch:
        height, schedule, period = (row.get(name) for name in ("height", "schedule", "period"))
        if type(height) is not int or type(schedule) is not int or type(period) is not int:
            raise self._odd()
        return SealedBatch(Height(height), ScheduleId(schedule), PeriodIndex(period))

    async def stream(self, path: str, take: Callable[[bytes], bool]) -> None:
        """Hand on an answer piece by piece, until `take` has enough or it ends.

        Raises:
            Unavailable: no node answers, or not in a form that `take` can read.
        """
        fault: Malformed | None = None
        async with self._response("GET", path) as response:
            if response.status_code != httpx.codes.OK:
                raise self._odd()
            # To be cancelled while it waits for more is the one way out that closes all it stands on.
            with trio.CancelScope() as reading:
                async for piece in response.aiter_bytes():
                    if reading.cancel_called:
                        continue
                    try:
                        enough = take(piece)
                    except Malformed as found:
                        enough, fault = True, found
                    if enough:
                        reading.cancel()
        if fault is not None:
            raise self._odd() from fault

    async def height(self) -> Height:
        """The last stored height."""
        height = (await self.status()).get("height")
        if type(height) is not int:
            raise self._odd()
        return Height(height)

    async def wait_height(self, height: int, within_s: float = 60.0) -> Height:
        """Ask until `height` is stored; the height that is then.

        Raises:
            Unavailable: it is not within `within_s`.
        """
        pause = POLL_FIRST_S
        with trio.move_on_after(within_s):
            while (found := await self.height()) < height:
                await trio.sleep(pause)
                pause = min(2 * pause, POLL_MAX_S)
            return found
        what = f"block {height} is not there after {within_s:g} s"
        raise Unavailable(what, self.url, "ask `status` what it waits for")

    async def export(self, path: Path) -> int:
        """Fetch the whole chain into a file; its size. A fetch that breaks leaves no file at `path`."""
        fresh = path.with_name(path.name + ".part")
        size = 0
        with told("cannot write the export", path), fresh.open("wb") as file:
            async with self._response("GET", "/v1/export") as response:
                async for piece in response.aiter_bytes():
                    file.write(piece)
                    size += len(piece)
        with told("cannot write the export", path):
            fresh.replace(path)
        return size

    async def _ask(self, method: str, path: str, body: bytes = b"") -> object:
        """The answer's JSON; None for what is not there."""
        with trio.move_on_after(WHOLE_ANSWER_S):
            async with self._response(method, path, body) as response:
                content = await self._content(response)
            return None if response.status_code == httpx.codes.NOT_FOUND else self._plain(content)
        what = f"the node's answer is not whole after {WHOLE_ANSWER_S:g} s"
        raise Unavailable(what, self.url, "try again later, or another node")

    async def _content(self, response: httpx.Response) -> bytes:
        """All of an answer; of what is too long, no more is read than it takes to see that."""
        content = bytearray()
        with trio.CancelScope() as reading:  # as in `stream`: the way out that closes everything
            async for piece in response.aiter_bytes():
                if len(content) > ANSWER_BYTES_MAX:
                    reading.cancel()
                else:
                    content += piece
        if len(content) > ANSWER_BYTES_MAX:
            raise self._odd()
        return bytes(content)

    @asynccontextmanager
    async def _response(
        self, method: str, path: str, body: bytes = b""
    ) -> AsyncIterator[httpx.Response]:
        """An answer that is there: 200, or 404."""
        try:
            async with self.http.stream(method, self.url + path, content=body) as response:
                if response.status_code not in {httpx.codes.OK, httpx.codes.NOT_FOUND}:
                    await self._refuse(response)
                yield response
        except (httpx.HTTPError, httpx.InvalidURL) as fault:
            reason = type(fault).__name__
            remedy = f"is it running, and is this its address? ({reason})"
            raise Unavailable("the node does not answer", self.url, remedy) from fault

    async def _refuse(self, response: httpx.Response) -> None:
        """Raise what a refusal means."""
        plain = self._plain(await self._content(response))
        text = str(plain.get("error")) if isinstance(plain, dict) else "no reason given"
        if response.status_code in {httpx.codes.BAD_REQUEST, httpx.codes.REQUEST_ENTITY_TOO_LARGE}:
            raise Malformed(f"{self.url} refuses: {text}")
        raise Unavailable(f"the node cannot answer ({text})", self.url, "try again later")

    def _plain(self, content: bytes) -> object:
        try:
            plain: object = json.loads(content)
        except (ValueError, RecursionError) as fault:
            raise self._odd() from fault
        return plain

    def _result(self, row: dict[str, object]) -> Result:
        tx_id, code, detail = row.get("id"), row.get("code"), row.get("detail")
        if not (isinstance(tx_id, str) and isinstance(code, str) and isinstance(detail, str)):
            raise self._odd()
        try:
            return Result(
                id=bytes.fromhex(tx_id),
                code=code,
                detail=detail,
                height=_maybe_number(row.get("height")),
            )
        except ValueError as fault:
            raise self._odd() from fault

    def _wide(self, value: object) -> int:
        """A 64-bit number, which comes as text."""
        if not isinstance(value, str) or not (value.isascii() and value.isdigit()):
            raise self._odd()
        if len(value) > 20 or int(value) > U64_MAX:
            raise self._odd()
        return int(value)

    def _odd(self) -> Unavailable:
        return Unavailable("what answers is no tfchain node", self.url, "check its address")


def _object(plain: object) -> dict[str, object]:
    return plain if isinstance(plain, dict) else {}


def _maybe_number(value: object) -> int | None:
    return value if type(value) is int else None


def _maybe_text(value: object) -> str | None:
    return value if isinstance(value, str) else None
