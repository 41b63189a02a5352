"""Rows of the state: as a node tells them, or decoded from bytes whose proof was checked here."""

from collections.abc import Callable
from typing import TypeVar

import typer

from tfchain.base.address import to_text
from tfchain.base.units import Address, NodeId, PeriodIndex, ScheduleId, Utft
from tfchain.cli.show.asking import Plain, Question, Session, Shown, there
from tfchain.cli.show.checking import line
from tfchain.cli.show.tables import account_table, batches_table
from tfchain.client.chain import Chain
from tfchain.client.proofs import ProvenReceipt, ProvenRow
from tfchain.errors import Unavailable
from tfchain.ledger import tables
from tfchain.ledger.records import Account
from tfchain.ledger.state import Table
from tfchain.node.answers import bytes_of, receipt, record
from tfchain.node.ledger_answers import batch_fields

R = TypeVar("R")
Place = tuple[ScheduleId, PeriodIndex]
ROW_BYTES_MAX = 1 << 20


def account_of(key: Address) -> Question:
    """What is free, locked and staked; an address that never had anything has nothing of it.

    A proof is of the account's own row: what is free.
    """

    async def ask(session: Session) -> Shown:
        name: Plain = {"address": to_text(key)}
        if session.chain is None:
            plain = {**name, **await session.client.balances(key)}
            return Shown(plain=plain, table=account_table(plain))
        found = await session.chain.proven(tables.ACCOUNTS.name, key)
        row = Account(balance=Utft(0), nonce=0)
        if found.row is not None:
            row = tables.ACCOUNTS.decode(found.row)
        return _shown(session.chain, {**name, **record(row)}, found)

    return ask


def row_of(
    table: Table[R], key: bytes, what: str, fields: Callable[[R], object] = record
) -> Question:
    """A row by its key; `what`: as people call it, `fields`: as they see it."""

    async def ask(session: Session) -> Shown:
        if session.chain is not None:
            return await _proven_row(session.chain, table, key, what, fields)
        plain = await session.client.proof(table.name, key)
        row = plain.get("row")
        if row is None and "table" in plain:
            there(None, what)
        if not isinstance(row, str):
            url = session.client.url
            raise Unavailable("what answers is no tfchain node", url, "check its address")
        plain_row = fields(table.decode(bytes_of(row, "row", ROW_BYTES_MAX)))
        assert isinstance(plain_row, dict)
        return Shown(plain={**plain_row})

    return ask


def batch_of(place: Place) -> Question:
    """A batch: with a proof its own row, otherwise with what its guardians said."""
    name = f"batch {place[0]}/{place[1]}"

    async def ask(session: Session) -> Shown:
        if session.chain is None:
            return Shown(plain=there(await session.client.batch(*place), name))
        key = tables.batch_key(*place)
        return await _proven_row(session.chain, tables.BATCHES, key, name, batch_fields)

    return ask


def batches(last: int) -> Question:
    """The newest batches of each schedule."""

    async def ask(session: Session) -> Shown:
        if session.chain is not None:
            raise typer.BadParameter("a list has no proof: name one, SCHEDULE/PERIOD")
        rows = await session.client.batches(last)
        return Shown(plain={"batches": rows}, table=batches_table(rows))

    return ask


def of_node(name: str, place: Place, number: int) -> Question:
    """A node's row among the `receipts` or `mints` of a batch."""
    what = f"node {number} among the {name} of batch {place[0]}/{place[1]}"

    async def ask(session: Session) -> Shown:
        if session.chain is None:
            return Shown(plain=there(await session.client.row_of_batch(name, *place, number), what))
        found = await session.chain.proven_receipt(NodeId(number), *place)
        fields = _receipt_fields(found) if name == tables.RECEIPTS.name else _mint_fields(found)
        checked = _receipt_line(session.chain, found)
        return Shown(plain=there(fields, what), proof=found.evidence, checked=checked)

    return ask


def _receipt_fields(found: ProvenReceipt) -> Plain | None:
    if found.receipt is None:
        return None
    fields = receipt(found.receipt)
    assert isinstance(fields, dict)
    return {**fields}


def _mint_fields(found: ProvenReceipt) -> Plain | None:
    return None if found.mint is None else {**record(found.mint)}


def _receipt_line(chain: Chain, found: ProvenReceipt) -> str:
    root = "" if found.batch is None else found.batch.root.hex()
    minted = "" if found.mint is None else " and its mint record"
    what = f"receipt{minted}, proof-of-capacity hash {root}, batch, state root"
    return line(what, found.proof.signed, chain.anchor)


async def _proven_row(
    chain: Chain, table: Table[R], key: bytes, what: str, fields: Callable[[R], object]
) -> Shown:
    found = await chain.proven(table.name, key)
    if found.row is None:
        there(None, f"{what}, as block {found.signed.header.height} proves")
    assert found.row is not None
    plain = fields(table.decode(found.row))
    assert isinstance(plain, dict)
    return _shown(chain, {**plain}, found)


def _shown(chain: Chain, plain: Plain, found: ProvenRow) -> Shown:
    checked = line(f"row, table {found.table}, state root", found.signed, chain.anchor)
    return Shown(plain=plain, proof=found.evidence, checked=checked)
