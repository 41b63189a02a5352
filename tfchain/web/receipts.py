"""`/api/v1`: minting receipts, as the public server of the grid answers them.

A receipt is there under the hash of its text, to the byte as the public minting program writes it, once
its batch is approved; a node's are a list, minted ones first. What is not there is 404 with an empty
body. Retries stand under their hash alone.
"""

from collections.abc import Sequence
from functools import partial
from sqlite3 import Connection
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from tfchain.base.units import U32_MAX
from tfchain.ledger.minting import APPROVED, PAID, PAYING
from tfchain.web.asking import Ask

HASH_CHARS: Final = 64
_HEX: Final = frozenset("0123456789abcdef")
_DIGITS: Final = frozenset("0123456789")
NUMBER_CHARS_MAX: Final = 32
NOT_FOUND: Final = 404

_MINTED: Final = f"""
SELECT 'Minting' AS tag, receipts.text_hash AS hash, receipts.text AS text
FROM receipts JOIN batches USING (schedule, period)
WHERE batches.state IN ({APPROVED}, {PAYING}, {PAID})
AND NOT EXISTS (
    SELECT 1 FROM rulings, json_each(rulings.json, '$.without') AS left_out
    WHERE rulings.schedule = receipts.schedule AND rulings.period = receipts.period
    AND left_out.value = receipts.node_id)
"""  # noqa: S608 -- numbers of ours
"""Those of batches that the guardians approved; a ruling may leave nodes out."""
_OF_NODE: Final = (
    f"{_MINTED} AND receipts.node_id = ? ORDER BY receipts.start, receipts.schedule",
    "SELECT 'Fixup' AS tag, text_hash AS hash, text FROM fixups WHERE node_id = ? ORDER BY fixup",
)
_BY_HASH: Final = (
    f"{_MINTED} AND receipts.text_hash = ?",
    f"{_MINTED} AND receipts.id = ?",
    "SELECT 'Fixup' AS tag, text_hash AS hash, text FROM fixups WHERE text_hash = ?",
    "SELECT 'Retry' AS tag, hash, text FROM retries WHERE hash = ?",
)
"""By the hash of the text, or by the receipt's id on the ledger."""


def routes(ask: Ask) -> list[Route]:
    """Both routes."""

    async def receipt(request: Request) -> Response:
        name = request.path_params["hash"]
        if len(name) != HASH_CHARS or not _HEX.issuperset(name):
            return Response(status_code=NOT_FOUND)
        return _answer(await ask(partial(by_hash, name=name)))

    async def node(request: Request) -> Response:
        number = u32(request.path_params["node_id"])
        if number is None:
            return PlainTextResponse("Invalid URL: a node's number is due", 400)
        return _answer(await ask(partial(of_node, node_id=number)))

    return [
        Route("/api/v1/receipt/{hash}", receipt, methods=["GET"]),
        Route("/api/v1/node/{node_id}", node, methods=["GET"]),
    ]


def by_hash(connection: Connection, name: str) -> str:
    """The receipt, behind its tag; empty where there is none."""
    for query in _BY_HASH:
        row = connection.execute(query, (name,)).fetchone()
        if row is not None:
            return _tagged(row)
    return ""


def of_node(connection: Connection, node_id: int) -> str:
    """All receipts of a node, each with its hash; empty where it has none."""
    rows = [row for query in _OF_NODE for row in connection.execute(query, (node_id,))]
    items = [f'{{"hash":"{row["hash"]}","receipt":{_tagged(row)}}}' for row in rows]
    return f"[{','.join(items)}]" if items else ""


def _tagged(row: "Sequence[str]") -> str:
    """The text as it is: another program's JSON would write its numbers otherwise."""
    tag, _, text = row
    return f'{{"{tag}":{text}}}'


def u32(text: str) -> int | None:
    """The number as the public server reads it: digits, perhaps behind a plus; None for anything else."""
    digits = text.removeprefix("+")
    if not digits or len(digits) > NUMBER_CHARS_MAX or not _DIGITS.issuperset(digits):
        return None
    number = int(digits)
    return number if number <= U32_MAX else None


def _answer(body: str) -> Response:
    if not body:
        return Response(status_code=NOT_FOUND)
    return Response(body, media_type="application/json")
