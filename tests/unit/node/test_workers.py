"""Work in threads: every answer belongs to its question, and nothing is read without a bound."""

from collections.abc import Callable

import pytest
import trio

from tfchain.base import crypto
from tfchain.base.crypto import ZERO_HASH
from tfchain.base.limits import BLOCK_BYTES_MAX, SYNC_BYTES_MAX
from tfchain.base.shapes import encode_record
from tfchain.base.units import Height, Millis, Round
from tfchain.ledger.block import (
    Block,
    decode_block,
    make_block,
    tx_root,
)
from tfchain.ledger.commit import Commit
from tfchain.ledger.evidence import evidence_root
from tfchain.ledger.header import Header
from tfchain.node.workers import CHECKS_AT_ONCE, Librarian, Verifiers, blocks_payload
from tfchain.replica.effects import Serve, Verify
from tfchain.replica.messages import decode_blocks
from tfchain.store import layout
from tfchain.store.chain import ChainStore
from tfchain.store.memory import MemoryStore
from tfchain.tx.transaction import Check

SEED = bytes([1]) * 32
KEY = crypto.public_key(SEED)


def check(number: int) -> Check:
    """Genuine where the number is even."""
    message = number.to_bytes(4, "big")
    return (KEY, message, crypto.sign(SEED, message if number % 2 == 0 else b"other"))


async def test_every_answer_is_its_question_s() -> None:
    answers: dict[int, tuple[bool, ...]] = {}
    done = trio.Event()

    def told(effect: Verify, good: tuple[bool, ...]) -> None:
        answers[effect.number] = good
        if len(answers) == len(sizes):
            done.set()

    verifiers = Verifiers(told)
    sizes = [0, 1, 3, 0, CHECKS_AT_ONCE + 1, 2, 7]
    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            for number, size in enumerate(sizes):
                checks = tuple(check(number + place) for place in range(size))
                verifiers.ask(Verify(number=number, checks=checks))
            nursery.start_soon(verifiers.run)
            await done.wait()
            nursery.cancel_scope.cancel()
    for number, size in enumerate(sizes):
        assert answers[number] == tuple((number + place) % 2 == 0 for place in range(size))


def a_block(number: int, size: int) -> Block:
    """A block whose one transaction has `size` bytes of its number."""
    txs = (bytes([number]) * size,)
    header = Header(
        chain_id="test-00000000",
        height=Height(number),
        time=Millis(number),
        last_block_id=ZERO_HASH,
        last_commit_hash=ZERO_HASH,
        tx_root=tx_root(txs),
        evidence_root=evidence_root(),
        validators_hash=ZERO_HASH,
        next_validators_hash=ZERO_HASH,
        priorities_hash=ZERO_HASH,
        params_hash=ZERO_HASH,
        state_root=ZERO_HASH,
        results_root=ZERO_HASH,
        proposer=bytes(20),
    )
    return make_block(header, txs, None)


def rows_of(block: Block) -> list[tuple[bytes, bytes | None]]:
    height = block.header.height
    commit = Commit(height=height, round=Round(0), block_id=block.id, slots=())
    return [
        (layout.block_key(height), block.raw),
        (layout.commit_key(height), encode_record(commit)),
    ]


@pytest.fixture
def chain() -> ChainStore:
    """Four blocks of 700,000 bytes each."""
    store = MemoryStore()
    for number in range(1, 5):
        store.write(rows_of(a_block(number, 700_000)))
    return ChainStore(store)


def heights_in(payload: bytes) -> list[int]:
    return [decode_block(raw).header.height for raw, _ in decode_blocks(payload)]


def spoil(chain: ChainStore, key: bytes, at: int) -> None:
    row = bytearray(chain.store.get(key) or b"")
    row[at] ^= 1
    chain.store.write([(key, bytes(row))])


@pytest.mark.parametrize(
    ("height", "count", "served"),
    [
        pytest.param(1, 1, [1], id="one"),
        pytest.param(3, 32, [3, 4], id="up to the tip"),
        pytest.param(1, 32, [1, 2], id="up to the bound"),
        pytest.param(5, 1, [], id="none that is not there"),
    ],
)
def test_blocks_are_served_within_the_bound(
    chain: ChainStore, height: int, count: int, served: list[int]
) -> None:
    payload = blocks_payload(chain, Serve(peer=b"p", height=Height(height), count=count))
    assert isinstance(payload, bytes)
    assert len(payload) < SYNC_BYTES_MAX
    assert heights_in(payload) == served if served else payload == b""


def test_one_block_is_served_however_large() -> None:
    store = MemoryStore()
    store.write(rows_of(a_block(1, BLOCK_BYTES_MAX - 1_000)))
    payload = blocks_payload(ChainStore(store), Serve(peer=b"p", height=Height(1), count=9))
    assert isinstance(payload, bytes)
    assert heights_in(payload) == [1]


@pytest.mark.parametrize("at", [10, 90, -1], ids=["its header", "its ids", "its body"])
@pytest.mark.parametrize("row", [layout.block_key, layout.commit_key], ids=["block", "commit"])
async def test_a_block_that_the_disk_spoiled_is_never_served(
    chain: ChainStore, row: Callable[[Height], bytes], at: int
) -> None:
    """Scenario 29."""
    key = row(Height(2))
    spoil(chain, key, at % len(chain.store.get(key) or b""))
    before = blocks_payload(chain, Serve(peer=b"p", height=Height(1), count=9))
    assert isinstance(before, bytes)
    assert heights_in(before) == [1]
    spoiled: list[int] = []
    librarian = Librarian(chain, lambda *_: None, spoiled.append)
    librarian.ask(Serve(peer=b"p", height=Height(2), count=9))
    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(librarian.run)
            while not spoiled:
                await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()
    assert spoiled == [2]


def sent_nothing_for(height: Height) -> None:
    raise AssertionError(f"block {height} is sound")


async def test_of_one_peer_only_the_newest_question_is_answered(chain: ChainStore) -> None:
    sent: list[tuple[bytes, int]] = []
    done = trio.Event()

    def send(peer: bytes, payload: bytes) -> None:
        sent.append((peer, heights_in(payload)[0]))
        if len(sent) == 2:
            done.set()

    librarian = Librarian(chain, send, sent_nothing_for)
    for height in (1, 2, 3):
        librarian.ask(Serve(peer=b"often", height=Height(height), count=1))
    librarian.ask(Serve(peer=b"late", height=Height(9), count=1))
    librarian.ask(Serve(peer=b"once", height=Height(4), count=1))
    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(librarian.run)
            await done.wait()
            nursery.cancel_scope.cancel()
    assert sent == [(b"often", 3), (b"once", 4)]
