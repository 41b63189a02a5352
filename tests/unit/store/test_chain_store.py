"""A chain on a store: what a block writes is what is read back, and damage is called by its name."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tfchain.base import crypto
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
from tfchain.chain.execute import execute, params_of
from tfchain.chain.tip import input_of, next_block, next_tip
from tfchain.errors import Malformed, Unavailable
from tfchain.ledger import tables
from tfchain.ledger.commit import FOR_BLOCK, PRECOMMIT, Commit, CommitSlot, vote_message
from tfchain.ledger.minting import PAID, SEALED, SETTLING, Batch
from tfchain.ledger.state import State
from tfchain.replica.effects import Save
from tfchain.store import layout
from tfchain.store.chain import TIP_KEY, ChainStore, block_rows, genesis_rows
from tfchain.store.memory import MemoryStore
from tfchain.tx.kinds.transfer import Transfer
from tfchain.tx.registry import NUMBERS
from tfchain.tx.transaction import Envelope, encode_transaction, message_of, transaction_id

ROOT = Path(__file__).resolve().parents[3]
SEED = bytes([5]) * 32
GENESIS = 1_700_000_000


@pytest.fixture(scope="module")
def text() -> str:
    """The devnet's genesis with one validator, who has some coins."""
    template = (ROOT / "genesis" / "devnet.toml").read_text(encoding="utf-8")
    name = to_text(Address(crypto.public_key(SEED)))
    return template.replace("time = 0", f"time = {GENESIS}") + (
        f'[[account]]\naddress = "{name}"\nbalance = 1000000000\n'
        f'[[validator]]\nkey = "{name}"\npower = 1\nreward_account = "{name}"\n'
        f'[[guardian]]\naccount = "{name}"\n'
    )


@pytest.fixture
def chain(text: str) -> ChainStore:
    made = ChainStore(MemoryStore())
    made.begin(text)
    return made


def _transfer(chain: ChainStore, nonce: int, amount: int) -> bytes:
    body = Transfer(to=Address(bytes([9]) * 32), amount=Utft(amount))
    envelope = Envelope(
        chain_id=chain.genesis().params.chain_id,
        sender=Address(crypto.public_key(SEED)),
        nonce=nonce,
        valid_until=Height(9),
        fee=Utft(10_000),
        kind=NUMBERS[Transfer],
    )
    plain = shape_of(Transfer).pack(body)
    signature = crypto.sign(SEED, message_of(envelope, plain))
    return encode_transaction(envelope, plain, signature)


def _save(chain: ChainStore, *txs: bytes) -> Save:
    """The next block and what it comes to."""
    tip = chain.tip()
    params = params_of(State(chain.store))
    time, proposer = Millis(tip.time + 1_000), tip.validators.proposer(Round(0)).address
    block = next_block(tip, params, time, proposer, txs, chain.commit(tip.height))
    text = vote_message(params.chain_id, PRECOMMIT, block.header.height, Round(0), block.id)
    slot = CommitSlot(flag=FOR_BLOCK, signature=crypto.sign(SEED, text))
    commit = Commit(height=block.header.height, round=Round(0), block_id=block.id, slots=(slot,))
    outcome = execute(chain.store, input_of(tip, block))
    return Save(block=block, commit=commit, outcome=outcome, tip=next_tip(tip, block, outcome))


def test_a_new_store_holds_the_genesis(chain: ChainStore, text: str) -> None:
    assert chain.height() == 0
    assert chain.tip().height == 0
    assert chain.genesis_text() == text
    assert chain.genesis().name == "devnet"
    assert chain.block(Height(1)) is None
    assert chain.commit(Height(0)) is None


def test_what_a_block_writes_is_read_back(chain: ChainStore) -> None:
    good, refused = _transfer(chain, 0, 1_000), _transfer(chain, 1, 1)
    poor = _transfer(chain, 2, 10**12)
    save = _save(chain, good, refused, poor)
    chain.store.write(block_rows(save))
    assert chain.height() == 1
    assert chain.tip() == save.tip
    assert chain.block(Height(1)) == save.block
    assert chain.raw_block(Height(1)) == save.block.raw
    assert chain.commit(Height(1)) == save.commit
    assert chain.codes(Height(1)) == save.outcome.codes == ("ok", "ok", "balance")
    place = chain.place(transaction_id(poor))
    assert place == layout.TxPlace(height=Height(1), position=2, code="balance")
    assert chain.place(bytes(32)) is None
    assert chain.place(bytes(16) + transaction_id(poor)[16:]) is None


def test_the_next_block_stands_on_what_was_written(chain: ChainStore) -> None:
    for nonce in range(3):
        chain.store.write(block_rows(_save(chain, _transfer(chain, nonce, 1_000))))
    assert chain.height() == 3
    second = chain.block(Height(2))
    assert second is not None
    assert second.last_commit == chain.commit(Height(1))


def _batch(state: int) -> bytes:
    batch = Batch(
        schedule=ScheduleId(0),
        period=PeriodIndex(7),
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
    return encode_record(batch)


def test_the_store_knows_in_which_block_a_batch_sealed(chain: ChainStore) -> None:
    name = tables.batch_key(ScheduleId(0), PeriodIndex(7))
    key = tables.BATCHES.stored_at(name)
    moves: tuple[bytes | None, ...] = (_batch(SETTLING), _batch(SEALED), _batch(PAID), None)
    for value in moves:
        save = _save(chain)
        rows = (*save.outcome.rows, (key, value))
        chain.save(replace(save, outcome=replace(save.outcome, rows=rows)))
    assert [chain.sealed_at(Height(height)) for height in range(1, 5)] == [[], [name], [], []]
    assert chain.height() == 4


def test_beginning_again_with_the_same_genesis_changes_nothing(
    chain: ChainStore, text: str
) -> None:
    chain.store.write(block_rows(_save(chain)))
    chain.begin(text)
    assert chain.height() == 1


def test_another_genesis_is_refused(chain: ChainStore, text: str) -> None:
    with pytest.raises(Unavailable, match="the store holds another chain: memory; use the genesis"):
        chain.begin(text + "# a word more\n")


def test_a_store_of_another_layout_is_refused(chain: ChainStore, text: str) -> None:
    chain.store.write([(layout.META_LAYOUT, bytes([0, 0, 0, 9]))])
    with pytest.raises(Unavailable, match="layout 9, this program knows layout 6"):
        chain.check_layout()
    with pytest.raises(Unavailable, match="layout 9"):
        chain.begin(text)


def test_a_new_store_has_no_layout_yet() -> None:
    ChainStore(MemoryStore()).check_layout()


def test_a_genesis_that_is_none_begins_nothing() -> None:
    with pytest.raises(Malformed):
        genesis_rows("name = 5")
    chain = ChainStore(MemoryStore())
    with pytest.raises(Unavailable, match="lacks or spoils its genesis"):
        chain.genesis()


H1 = Height(1)
SPOILT: dict[str, tuple[bytes, Callable[[ChainStore], object]]] = {
    "its tip": (TIP_KEY, lambda chain: chain.tip()),
    "its height": (layout.META_HEIGHT, lambda chain: chain.height()),
    "its genesis": (layout.META_GENESIS, lambda chain: chain.genesis()),
    "block 1": (layout.block_key(H1), lambda chain: chain.block(H1)),
    "the commit of block 1": (layout.commit_key(H1), lambda chain: chain.commit(H1)),
    "the results of block 1": (layout.results_key(H1), lambda chain: chain.codes(H1)),
}


@pytest.mark.parametrize("what", SPOILT)
@pytest.mark.parametrize("row", [b"", b"\xc1", b"\xff\xfe junk"], ids=["empty", "byte", "junk"])
def test_a_damaged_row_is_named(chain: ChainStore, what: str, row: bytes) -> None:
    chain.store.write(block_rows(_save(chain)))
    key, read = SPOILT[what]
    chain.store.write([(key, row)])
    with pytest.raises(Unavailable, match=f"lacks or spoils {what}: memory; restore it"):
        read(chain)


def test_a_lost_row_is_named(chain: ChainStore) -> None:
    chain.store.write([(TIP_KEY, None), (layout.META_HEIGHT, None)])
    with pytest.raises(Unavailable, match="its tip"):
        chain.tip()
    with pytest.raises(Unavailable, match="its height"):
        chain.height()


def test_a_damaged_place_names_the_transaction(chain: ChainStore) -> None:
    raw = _transfer(chain, 0, 1_000)
    chain.store.write(block_rows(_save(chain, raw)))
    tx_id = transaction_id(raw)
    chain.store.write([(layout.tx_key(tx_id), b"\xc1")])
    with pytest.raises(Unavailable, match=f"the place of transaction {tx_id.hex()}"):
        chain.place(tx_id)


def test_a_flipped_bit_in_a_stored_block_is_found_when_it_is_read(chain: ChainStore) -> None:
    """Scenario 29: its own roots are checked again."""
    chain.store.write(block_rows(_save(chain, _transfer(chain, 0, 1_000))))
    raw = chain.raw_block(H1)
    assert raw is not None
    tx = raw.index(b"devnet", raw.index(b"devnet") + 1)
    chain.store.write([(layout.block_key(H1), raw[:tx] + b"D" + raw[tx + 1 :])])
    with pytest.raises(Unavailable, match="block 1"):
        chain.block(H1)
