"""A row of the state as a node tells it: with --proof checked, otherwise taken at its word."""

from typing import TypeVar

from tfchain.cli.show.asking import Session
from tfchain.errors import Unavailable
from tfchain.ledger.state import Table
from tfchain.node.answers import bytes_of

R = TypeVar("R")
ROW_BYTES_MAX = 1 << 20


async def row_at(session: Session, table: Table[R], key: bytes) -> R | None:
    """The row; None where there is none.

    Raises:
        Unavailable: what answers is no node.
        Malformed: the bytes are no such row, or the proof does not hold.
    """
    if session.chain is not None:
        found = (await session.chain.proven(table.name, key)).row
        return None if found is None else table.decode(found)
    plain = await session.client.proof(table.name, key)
    row = plain.get("row")
    if row is None and "table" in plain:
        return None
    if not isinstance(row, str):
        raise Unavailable(
            "what answers is no tfchain node", session.client.url, "check its address"
        )
    return table.decode(bytes_of(row, "row", ROW_BYTES_MAX))
