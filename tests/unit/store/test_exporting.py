"""A stored chain as an export: receipts stand right after the block that sealed their batch."""

from dataclasses import replace
from pathlib import Path

import pytest

from tfchain.base import crypto
from tfchain.base.address import to_text
from tfchain.base.shapes import decode_record, encode_record
from tfchain.base.units import (
    Address,
    Height,
    Millis,
    NodeId,
    PeriodIndex,
    Round,
    ScheduleId,
    Seconds,
)
from tfchain.chain import export_records as records
from tfchain.chain.execute import execute, params_of
from tfchain.chain.tip import input_of, next_block, next_tip
from tfchain.errors import Unavailable
from tfchain.ledger import tables
from tfchain.ledger.commit import FOR_BLOCK, Commit, CommitSlot
from tfchain.ledger.minting import APPROVED, PAID, SEALED, SETTLING, Batch
from tfchain.ledger.state import State
from tfchain.replica.effects import Save
from tfchain.store import layout
from tfchain.store.chain import ChainStore
from tfchain.store.exporting import block_record, export_records_of
from tfchain.store.memory import MemoryStore

TEMPLATE = Path(__file__).resolve().parents[3] / "genesis" / "devnet.toml"
FIRST = tables.batch_key(ScheduleId(0), PeriodIndex(7))
SECOND = tables.batch_key(ScheduleId(1), PeriodIndex(0))
Row = tuple[bytes, bytes]


@pytest.fixture
def chain() -> ChainStore:
    name = to_text(Address(crypto.public_key(bytes([5]) * 32)))
    text = TEMPLATE.read_text(encoding="utf-8").replace("time = 0", "time = 1700000000") + (
        f'[[account]]\naddress = "{name}"\nbalance = 1000000000\n'
        f'[[validator]]\nkey = "{name}"\npower = 1\nreward_account = "{name}"\n'
        f'[[guardian]]\naccount = "{name}"\n'
    )
    made = ChainStore(MemoryStore())
    made.begin(text)
    return made


def add(chain: ChainStore, *rows: Row) -> None:
    """Another block, which also writes `rows`."""
    tip = chain.tip()
    params, proposer = params_of(State(chain.store)), tip.validators.proposer(Round(0)).address
    time = Millis(tip.time + 1)
    block = next_block(tip, params, time, proposer, (), chain.commit(tip.height))
    slot = CommitSlot(flag=FOR_BLOCK, signature=bytes(64))
    commit = Commit(height=block.header.height, round=Round(0), block_id=block.id, slots=(slot,))
    outcome = execute(chain.store, input_of(tip, block))
    after = next_tip(tip, block, outcome)
    outcome = replace(outcome, rows=(*outcome.rows, *rows))
    chain.save(Save(block=block, commit=commit, outcome=outcome, tip=after))


def batch(name: bytes, state: int) -> Row:
    row = Batch(
        schedule=ScheduleId(name[0]),
        period=PeriodIndex(int.from_bytes(name[1:], "big")),
        start=Seconds(0),
        end=Seconds(60),
        state=state,
        commit_until=Seconds(0),
        attest_until=Seconds(0),
        pay_at=Seconds(0),
        node_last=NodeId(0),
        cursor=1,
        count=0,
        total=0,
        frontier=(),
        root=b"",
        kept=0,
        guardians=(),
        answers=(),
        payable=0,
        pay_cursor=1,
        minted=0,
        mints_count=0,
        mints_frontier=(),
        mints_root=b"",
    )
    return tables.BATCHES.stored_at(name), encode_record(row)


def receipt(name: bytes, node: int) -> Row:
    """Not a real one: an export does not look into it."""
    return tables.RECEIPTS.stored_at(tables.in_batch(name, node)), b"receipt %d" % node


def test_a_new_chain_is_its_genesis_alone(chain: ChainStore) -> None:
    assert list(export_records_of(chain)) == [
        (records.GENESIS, records.genesis_record(chain.genesis_text()))
    ]


def test_receipts_follow_the_block_that_sealed_their_batch(chain: ChainStore) -> None:
    add(chain, batch(FIRST, SETTLING), receipt(FIRST, 2))
    add(chain, batch(FIRST, SEALED), receipt(FIRST, 9))
    add(chain, batch(FIRST, APPROVED))
    add(chain, batch(FIRST, PAID), batch(SECOND, SEALED), receipt(SECOND, 1))
    add(chain)
    rows = list(export_records_of(chain))
    assert [kind for kind, _ in rows] == [1, 2, 2, 3, 2, 2, 3, 2, 4]
    first, second = (decode_record(records.ReceiptRun, rows[at][1]) for at in (3, 6))
    assert (first.schedule, first.period) == (0, 7)
    assert first.receipts == (b"receipt 2", b"receipt 9")
    assert (second.schedule, second.period, second.receipts) == (1, 0, (b"receipt 1",))
    assert rows[2] == block_record(chain, Height(2))
    assert decode_record(Commit, rows[-1][1]) == chain.commit(Height(5))


def test_a_batch_of_nobody_has_no_receipts(chain: ChainStore) -> None:
    add(chain, batch(FIRST, SEALED))
    assert [kind for kind, _ in export_records_of(chain)] == [1, 2, 4]


def test_many_receipts_come_in_bounded_runs(chain: ChainStore) -> None:
    most = records.RECEIPTS_RUN_MAX
    add(chain, batch(FIRST, SEALED), *[receipt(FIRST, node) for node in range(1, most + 2)])
    rows = list(export_records_of(chain))
    runs = [decode_record(records.ReceiptRun, row) for kind, row in rows if kind == 3]
    assert [len(run.receipts) for run in runs] == [most, 1]
    assert runs[1].receipts == (b"receipt %d" % (most + 1),)


def test_a_chain_that_grows_meanwhile_is_exported_as_it_was(chain: ChainStore) -> None:
    add(chain)
    rows = export_records_of(chain)
    next(rows)
    add(chain, batch(FIRST, SEALED), receipt(FIRST, 1))
    assert [kind for kind, _ in rows] == [2, 4]


def test_a_block_that_is_lost_is_named(chain: ChainStore) -> None:
    add(chain)
    chain.store.write([(layout.block_key(Height(1)), None)])
    with pytest.raises(Unavailable, match="the store lacks block 1"):
        list(export_records_of(chain))
