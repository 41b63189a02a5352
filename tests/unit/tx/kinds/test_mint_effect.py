"""mint: what its entries say comes into being, is recorded, and is counted (P43)."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tfchain.base import merkle
from tfchain.base.limits import MINT_RUN_MAX, MINT_TX_BYTES_MAX
from tfchain.base.shapes import encode_record, layout
from tfchain.base.units import Address, Height, NodeId, PeriodIndex, ScheduleId, Utft
from tfchain.ledger import tables
from tfchain.ledger.accounts import account_of
from tfchain.ledger.minting import MINT_TAG, PAYING, Batch, MintEntry, MintRecord, Receipt
from tfchain.ledger.state import State
from tfchain.tx.kinds.mint import Mint
from tfchain.tx.transaction import (
    SYSTEM,
    SYSTEM_KIND,
    Envelope,
    decode_transaction,
    encode_transaction,
)

Act = Callable[..., str]
NAME = tables.batch_key(ScheduleId(0), PeriodIndex(3))
ROOT = bytes([1]) * 32
ONE, TWO = Address(bytes([11]) * 32), Address(bytes([12]) * 32)


def entry(node: int, account: Address, amount: int) -> MintEntry:
    return MintEntry(
        node_id=NodeId(node),
        account=account,
        amount=Utft(amount),
        lock=0,
        receipt=bytes([node]) * 32,
    )


def mint(upto: int, *entries: MintEntry) -> Mint:
    return Mint(
        schedule=ScheduleId(0), period=PeriodIndex(3), root=ROOT, upto=upto, entries=entries
    )


def receipt(node: int, amount: int) -> Receipt:
    zeros = dict.fromkeys(layout(Receipt).names, 0)
    texts = {"farm_name": "farm", "stellar_address": "", "reason": "", "text_hash": b""}
    known = {"certified": False, "evidence": (), "account": ONE, "node_id": node, "amount": amount}
    return Receipt(**(zeros | texts | known))  # type: ignore[arg-type]


@pytest.fixture
def paying(state: State) -> State:
    """Batch 3 is being paid: nodes 1, 2 and 4 have receipts of 10, 0 and 30."""
    for node, amount in ((1, 10), (2, 0), (4, 30)):
        tables.RECEIPTS.put(state, tables.in_batch(NAME, node), receipt(node, amount))
    zeros = dict.fromkeys(layout(Batch).names, 0)
    empty = dict.fromkeys(("frontier", "guardians", "answers", "mints_frontier"), ())
    known = {"period": 3, "state": PAYING, "root": ROOT, "mints_root": b"", "pay_cursor": 1}
    batch = Batch(**(zeros | empty | known))  # type: ignore[arg-type]
    tables.BATCHES.put(state, NAME, batch)
    return state


def test_every_entry_is_credited_and_recorded(paying: State, act: Act) -> None:
    supply = tables.TOTALS.need(paying, tables.SINGLE).minted_ever
    assert act(mint(3, entry(1, ONE, 10), entry(2, TWO, 0)), SYSTEM) == "ok"
    assert act(mint(5, entry(4, ONE, 25)), SYSTEM) == "ok"
    assert account_of(paying, ONE).balance == 35
    assert tables.ACCOUNTS.get(paying, TWO) is None, "nothing makes no account"
    records = [tables.MINTS.get(paying, tables.in_batch(NAME, node)) for node in (1, 2, 3, 4)]
    assert records[2] is None
    assert records[3] == MintRecord(
        schedule=ScheduleId(0),
        period=PeriodIndex(3),
        node_id=NodeId(4),
        account=ONE,
        owed=Utft(30),
        amount=Utft(25),
        lock=0,
        receipt=bytes([4]) * 32,
        height=Height(1),
    )
    assert tables.TOTALS.need(paying, tables.SINGLE).minted_ever == supply + 35
    batch = tables.BATCHES.need(paying, NAME)
    assert (batch.pay_cursor, batch.minted, batch.mints_count) == (5, 35, 3)
    leaves = [encode_record(record) for record in records if record is not None]
    assert merkle.frontier_root(MINT_TAG, batch.mints_frontier) == merkle.root(MINT_TAG, leaves)


def test_a_run_without_entries_moves_the_cursor_alone(paying: State, act: Act) -> None:
    before = tables.BATCHES.need(paying, NAME)
    assert act(mint(9), SYSTEM) == "ok"
    assert tables.BATCHES.need(paying, NAME) == replace(before, pay_cursor=9)


def test_the_largest_run_fits_a_transaction() -> None:
    most = (1 << 64) - 1
    full = [replace(entry(1, ONE, most), node_id=NodeId((1 << 32) - 1), lock=255)] * MINT_RUN_MAX
    envelope = Envelope(
        chain_id="x" * 64,
        sender=SYSTEM,
        nonce=0,
        valid_until=Height(most),
        fee=Utft(0),
        kind=SYSTEM_KIND,
    )
    body = layout(Mint).pack(mint((1 << 32) - 1, *full))
    raw = encode_transaction(envelope, body, b"")
    assert len(raw) <= MINT_TX_BYTES_MAX
    assert decode_transaction(raw).size == len(raw)
