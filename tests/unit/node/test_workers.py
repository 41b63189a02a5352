"""Work in threads: every answer belongs to its question, and nothing is read without a bound."""

import pytest
import trio

from tfchain.base import crypto
from tfchain.base.limits import SYNC_BYTES_MAX
from tfchain.base.shapes import encode_record
from tfchain.base.units import Height, Round
from tfchain.ledger.commit import Commit
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


@pytest.fixture
def chain() -> ChainStore:
    """Four blocks of 700,000 bytes each: not real ones, only their rows."""
    store = MemoryStore()
    for number in range(1, 5):
        height = Height(number)
        commit = Commit(height=height, round=Round(0), block_id=bytes(32), slots=())
        raw = bytes([number]) * 700_000
        store.write([(layout.block_key(height), raw)])
        store.write([(layout.commit_key(height), encode_record(commit))])
    return ChainStore(store)


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
    assert len(payload) < SYNC_BYTES_MAX
    assert [raw[0] for raw, _ in decode_blocks(payload)] == served if served else payload == b""


def test_one_block_is_served_however_large() -> None:
    store = MemoryStore()
    commit = Commit(height=Height(1), round=Round(0), block_id=bytes(32), slots=())
    store.write([(layout.block_key(Height(1)), bytes(SYNC_BYTES_MAX))])
    store.write([(layout.commit_key(Height(1)), encode_record(commit))])
    asked = Serve(peer=b"p", height=Height(1), count=9)
    assert len(decode_blocks(blocks_payload(ChainStore(store), asked))) == 1


async def test_of_one_peer_only_the_newest_question_is_answered(chain: ChainStore) -> None:
    sent: list[tuple[bytes, int]] = []
    done = trio.Event()

    def send(peer: bytes, payload: bytes) -> None:
        sent.append((peer, decode_blocks(payload)[0][0][0]))
        if len(sent) == 2:
            done.set()

    librarian = Librarian(chain, send)
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
