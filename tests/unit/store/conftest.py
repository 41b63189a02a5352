"""Another process, for what one process cannot show: locks, kills, full disks."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import tfchain
from tfchain.base import crypto, merkle
from tfchain.base.address import to_text
from tfchain.base.shapes import encode_record
from tfchain.base.shapes import layout as shape_of
from tfchain.base.units import (
    Address,
    Height,
    Millis,
    NodeId,
    PeriodIndex,
    Round,
    ScheduleId,
    Seconds,
    Utft,
)
from tfchain.chain.execute import execute, outcome_of, params_of
from tfchain.chain.tip import Tip, input_of, next_block, next_tip
from tfchain.ledger import tables
from tfchain.ledger.commit import FOR_BLOCK, PRECOMMIT, Commit, CommitSlot, vote_message
from tfchain.ledger.minting import MINT_TAG, OPEN, RECEIPT_TAG, Batch
from tfchain.ledger.state import State
from tfchain.replica.effects import Save
from tfchain.store.chain import TIP_KEY, ChainStore
from tfchain.store.kv import Store
from tfchain.store.memory import MemoryStore
from tfchain.tx.kinds.transfer import Transfer
from tfchain.tx.registry import NUMBERS
from tfchain.tx.transaction import Envelope, encode_transaction, message_of

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def other_process() -> Run:
    """Run a script in a second Python; its arguments are strings or paths.

    It is not measured for coverage: what is killed or may not write would leave broken figures.
    """
    root = Path(tfchain.__file__).parent.parent
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    environment = {**kept, "PYTHONPATH": str(root)}

    def run(script: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", script, *map(str, arguments)],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


# A chain without any consensus: one validator, who signs whatever the test puts into a block.

GENESIS_S = 1_700_000_000
SEED = bytes([5]) * 32
KEY = Address(crypto.public_key(SEED))


def genesis_text(accounts: int = 1) -> str:
    """The devnet's genesis with one validator and so many accounts."""
    root = Path(__file__).resolve().parents[3]
    template = (root / "genesis" / "devnet.toml").read_text(encoding="utf-8")
    name = to_text(KEY)
    rows = [template.replace("time = 0", f"time = {GENESIS_S}")]
    rows.append(f'[[account]]\naddress = "{name}"\nbalance = 1000000000000')
    for number in range(1, accounts):
        other = to_text(Address(number.to_bytes(32, "big")))
        rows.append(f'[[account]]\naddress = "{other}"\nbalance = 2000000')
    rows.append(f'[[validator]]\nkey = "{name}"\npower = 1\nreward_account = "{name}"')
    rows.append(f'[[guardian]]\naccount = "{name}"')
    return "\n".join(rows) + "\n"


_BLANK = Batch(
    schedule=ScheduleId(0),
    period=PeriodIndex(0),
    start=Seconds(0),
    end=Seconds(60),
    state=OPEN,
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


class Grown:
    """A chain on a store, a block at a time."""

    SEED = SEED
    KEY = KEY
    genesis_text = staticmethod(genesis_text)

    def __init__(self, text: str, store: Store | None = None) -> None:
        self.text = text
        self.chain = ChainStore(MemoryStore() if store is None else store)
        self.chain.begin(text)
        self.frozen: tuple[Tip, list[tuple[bytes, bytes]]] = (self.chain.tip(), [])
        """A moment that a test wants to come back to: the tip and the ledger's rows."""

    @property
    def store(self) -> Store:
        return self.chain.store

    def grow(self, *txs: bytes, count: int = 1) -> "Grown":
        """So many blocks; the first has these transactions."""
        for _ in range(count):
            self.chain.save(self.next_save(txs))
            txs = ()
        return self

    def write_batch(self, name: bytes, state: int, receipts: int, mints: int = 0) -> None:
        """A genesis with a batch that has so many rows, whatever led to it.

        The rows are no records: nobody who stores them looks into them.
        """
        assert self.chain.height() == 0
        after, rows = State(self.store), list[tuple[bytes, bytes | None]]()
        batch = replace(_BLANK, schedule=ScheduleId(name[0]), state=state)
        batch = replace(batch, period=PeriodIndex(int.from_bytes(name[1:], "big")))
        for number in range(1, receipts + 1):
            value = b"receipt %d" % number
            rows.append((tables.RECEIPTS.stored_at(tables.in_batch(name, number)), value))
            leaf = merkle.leaf_hash(RECEIPT_TAG, value)
            frontier = merkle.append(RECEIPT_TAG, batch.frontier, batch.count, leaf)
            batch = replace(batch, frontier=frontier, count=batch.count + 1)
        for number in range(1, mints + 1):
            value = b"mint %d" % number
            rows.append((tables.MINTS.stored_at(tables.in_batch(name, number)), value))
            leaf = merkle.leaf_hash(MINT_TAG, value)
            frontier = merkle.append(MINT_TAG, batch.mints_frontier, batch.mints_count, leaf)
            batch = replace(batch, mints_frontier=frontier, mints_count=batch.mints_count + 1)
        tables.BATCHES.put(after, name, batch)
        outcome = outcome_of(self.store, after, [])
        tip = replace(self.chain.tip(), state_root=outcome.state_root)
        self.store.write([*outcome.rows, *rows, (TIP_KEY, encode_record(tip))])

    def next_save(self, txs: tuple[bytes, ...]) -> Save:
        """The next block and what it comes to."""
        tip = self.chain.tip()
        params = params_of(State(self.store))
        time, proposer = Millis(tip.time + 1_000), tip.validators.proposer(Round(0)).address
        block = next_block(tip, params, time, proposer, txs, self.chain.commit(tip.height))
        text = vote_message(params.chain_id, PRECOMMIT, block.header.height, Round(0), block.id)
        slot = CommitSlot(flag=FOR_BLOCK, signature=crypto.sign(SEED, text))
        height = block.header.height
        commit = Commit(height=height, round=Round(0), block_id=block.id, slots=(slot,))
        outcome = execute(self.store, input_of(tip, block))
        return Save(block=block, commit=commit, outcome=outcome, tip=next_tip(tip, block, outcome))

    def transfer(self, nonce: int, to: int) -> bytes:
        """A payment to an account of the genesis, or to a new one."""
        body = Transfer(to=Address(to.to_bytes(32, "big")), amount=Utft(2_000_000))
        envelope = Envelope(
            chain_id=params_of(State(self.store)).chain_id,
            sender=KEY,
            nonce=nonce,
            valid_until=Height(self.chain.height() + 9),
            fee=Utft(10_000),
            kind=NUMBERS[Transfer],
        )
        plain = shape_of(Transfer).pack(body)
        return encode_transaction(envelope, plain, crypto.sign(SEED, message_of(envelope, plain)))


@pytest.fixture(scope="session")
def grown() -> type[Grown]:
    return Grown
