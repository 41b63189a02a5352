"""Scenario 29 on real files: a bit that flipped in a stored block shows when the block is read."""

from pathlib import Path

import pytest

from tfchain.base.crypto import ZERO_HASH, digest
from tfchain.base.shapes import encode_record
from tfchain.base.units import Height, Millis, Round
from tfchain.ledger.block import Block, make_block, tx_root
from tfchain.ledger.commit import Commit
from tfchain.ledger.evidence import evidence_root
from tfchain.ledger.header import Header
from tfchain.store.chain import ChainStore
from tfchain.store.kv import Row
from tfchain.store.layout import block_key, commit_key
from tfchain.store.open import Kind, open_store
from tfchain.store.sound import Spoiled, is_block, sound_block

HEIGHT = Height(7)


def needle(height: int) -> bytes:
    """A transaction's bytes, which no compression touches."""
    return b"".join(digest(b"tf/test", bytes([height, number])) for number in range(32))


def a_block(height: Height = HEIGHT) -> Block:
    txs = (needle(height),)
    header = Header(
        chain_id="test-00000000",
        height=height,
        time=Millis(1),
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


def commit_of(block: Block) -> Commit:
    return Commit(height=block.header.height, round=Round(0), block_id=block.id, slots=())


def rows_of(block: Block) -> list[Row]:
    height = block.header.height
    return [(block_key(height), block.raw), (commit_key(height), encode_record(commit_of(block)))]


def flip_on_disk(folder: Path) -> int:
    """Flip a bit of the block of `HEIGHT` wherever a file of the store holds it; in how many."""
    found = 0
    for path in sorted(folder.rglob("*")):
        content = bytearray(path.read_bytes()) if path.is_file() else bytearray()
        at = content.find(needle(HEIGHT)[100:116])
        if at >= 0:
            content[at] ^= 1
            path.write_bytes(content)
            found += 1
    return found


@pytest.mark.parametrize("kind", ["leveldb", "sqlite"])
def test_a_bit_that_flipped_on_the_disk_is_noticed_and_can_be_mended(
    kind: Kind, tmp_path: Path
) -> None:
    if kind == "leveldb":
        pytest.importorskip("plyvel")
    store = open_store(tmp_path, kind)
    for number in range(1, 41):  # LevelDB's pages: what it needs to open is on another one
        store.write(rows_of(a_block(Height(number))))
    store.close()
    open_store(tmp_path).close()  # LevelDB moves what its log holds into a table
    assert flip_on_disk(tmp_path) > 0
    store = open_store(tmp_path)
    with pytest.raises(Spoiled, match="the store spoils block 7") as refusal:
        sound_block(ChainStore(store), HEIGHT)
    assert refusal.value.height == HEIGHT
    store.write(rows_of(a_block()))  # as it comes from a peer
    assert sound_block(ChainStore(store), HEIGHT) == (a_block().raw, commit_of(a_block()))
    store.close()


def test_a_block_that_is_not_here_is_not_spoiled(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    assert sound_block(ChainStore(store), HEIGHT) is None
    store.write([(block_key(HEIGHT), a_block().raw)])
    with pytest.raises(Spoiled):
        sound_block(ChainStore(store), HEIGHT)
    store.close()


@pytest.mark.parametrize(
    ("raw", "height"),
    [
        pytest.param(b"\xff", HEIGHT, id="no block"),
        pytest.param(a_block().raw, Height(8), id="asked for at another height"),
        pytest.param(a_block(Height(8)).raw, HEIGHT, id="a block of another height"),
    ],
)
def test_only_the_block_that_the_commit_names_is_it(raw: bytes, height: Height) -> None:
    assert not is_block(raw, height, commit_of(a_block()))
    assert is_block(a_block().raw, HEIGHT, commit_of(a_block()))
