"""A block that the disk spoiled is noticed when it is read, and fetched from a peer again (29)."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trio

from tfchain.base.shapes import decode_record, encode_record
from tfchain.base.units import Height
from tfchain.client.http import connected
from tfchain.client.stream import raw_block
from tfchain.errors import Unavailable
from tfchain.ledger.commit import Commit
from tfchain.net.surface import Contact
from tfchain.node.config import NodeConfig, write_config
from tfchain.node.home import Home, Seeds, create_home
from tfchain.node.journal import Journal
from tfchain.node.mending import SPOILED_MAX, Mender
from tfchain.node.node import Node
from tfchain.replica import messages as wire
from tfchain.store import layout
from tfchain.store.chain import ChainStore

RunNode = Callable[..., AbstractAsyncContextManager[Node]]
HEIGHT = Height(2)


@pytest.fixture
def follower(tmp_path: Path, home: Home, config: NodeConfig) -> Callable[[Node], Home]:
    """`follower(validator)`: the home of a node that follows it."""

    def make(validator: Node) -> Home:
        contact = Contact(key=validator.mesh.key, host="127.0.0.1", port=validator.p2p_port)
        settings = replace(config, peers=(contact,))
        seeds = Seeds(node=bytes([102]) * 32, validator=None)
        return create_home(tmp_path / "follower", home.genesis.read_text("utf-8"), settings, seeds)

    return make


def spoil(chain: ChainStore, key: bytes, at: int = 60) -> None:
    row = bytearray(chain.store.get(key) or b"")
    row[at] ^= 1
    chain.store.write([(key, bytes(row))])


@pytest.mark.parametrize("row", [layout.block_key, layout.commit_key], ids=["block", "commit"])
async def test_a_spoiled_block_is_fetched_again_and_then_served(
    home: Home,
    running: RunNode,
    config: NodeConfig,
    follower: Callable[[Node], Home],
    row: Callable[[Height], bytes],
) -> None:
    home.config.write_text(write_config(replace(config, anyone=True)), encoding="utf-8")
    async with running(home) as validator:
        await validator.heads.wait_for(3)
        genuine = validator.disk.chain.raw_block(HEIGHT)
        async with running(follower(validator)) as node:
            await node.heads.wait_for(3)
            spoil(node.disk.chain, row(HEIGHT))
            async with connected(f"http://127.0.0.1:{node.http_port}") as client:
                assert await raw_block(client, HEIGHT) == genuine
            commit = node.disk.chain.commit(HEIGHT)
            assert node.disk.chain.raw_block(HEIGHT) == genuine
            assert commit is not None


async def test_a_peer_that_asks_for_a_spoiled_block_makes_it_whole(
    home: Home, running: RunNode, config: NodeConfig, follower: Callable[[Node], Home]
) -> None:
    """Not what the disk has is sent, and the one after it is asked for again."""
    home.config.write_text(write_config(replace(config, anyone=True)), encoding="utf-8")
    async with running(home) as validator:
        await validator.heads.wait_for(3)
        async with running(follower(validator)) as node:
            await node.heads.wait_for(3)
            chain = validator.disk.chain
            genuine = chain.raw_block(HEIGHT)
            spoil(chain, layout.block_key(HEIGHT))
            back = validator.pump.mender.want(HEIGHT)
            assert back is not None
            await back.wait()
            assert chain.raw_block(HEIGHT) == genuine


@pytest.fixture
async def mender(home: Home, running: RunNode) -> Any:
    """A mender on the chain of a validator that ended, and what it sent."""
    async with running(home) as node:
        await node.heads.wait_for(4)
        chain = node.disk.chain
        sent: list[tuple[bytes, int, bytes]] = []
        journal = Journal("warning", lambda: node.pump.replica.council.now)
        yield Mender(chain, lambda *one: sent.append(one), lambda: [b"peer"], journal), chain, sent


def answer(chain: ChainStore, height: int, *, change: Callable[[Commit], Commit]) -> bytes:
    raw, commit = chain.raw_block(Height(height)), chain.commit(Height(height))
    assert raw is not None
    assert commit is not None
    return wire.encode_blocks([(raw, change(commit))])


def as_it_is(commit: Commit) -> Commit:
    return commit


def unsigned(commit: Commit) -> Commit:
    slots = tuple(replace(slot, signature=bytes(64)) for slot in commit.slots)
    return replace(commit, slots=slots)


def of_another_block(commit: Commit) -> Commit:
    return replace(commit, block_id=bytes(32))


def of_a_far_height(commit: Commit) -> Commit:
    return replace(commit, height=Height(10_000))


@pytest.mark.parametrize("change", [unsigned, of_another_block, of_a_far_height])
async def test_a_strangers_block_is_not_believed(
    mender: Any, change: Callable[[Commit], Commit]
) -> None:
    one, chain, _ = mender
    payload = answer(chain, HEIGHT, change=change)
    genuine = answer(chain, HEIGHT, change=as_it_is)
    one.want(HEIGHT)
    one.want(Height(10_000))
    assert not one.take(wire.BLOCKS, payload)
    assert one.take(wire.BLOCKS, genuine)


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        pytest.param(wire.VOTE, b"", id="another kind"),
        pytest.param(wire.BLOCKS, b"\xff", id="bytes that are none"),
    ],
)
async def test_what_was_not_asked_for_is_left_to_the_replica(
    mender: Any, kind: int, payload: bytes
) -> None:
    one, chain, _ = mender
    assert not one.take(wire.BLOCKS, answer(chain, HEIGHT, change=as_it_is))
    one.want(HEIGHT)
    assert not one.take(kind, payload)
    assert not one.take(wire.BLOCKS, answer(chain, 1, change=as_it_is))


async def test_a_disk_that_spoils_everything_is_not_hidden(mender: Any) -> None:
    one, chain, _ = mender
    events = [one.want(Height(number)) for number in range(1, SPOILED_MAX + 2)]
    assert events[-1] is None
    assert one.want(Height(1)) is events[0]
    spoil(chain, layout.block_key(Height(3)))
    for height in (3,):
        with pytest.raises(Unavailable, match="spoils block 3"):
            with trio.fail_after(60):
                await one.record(Height(height))


async def test_one_peer_after_the_other_is_asked(mender: Any) -> None:
    one, _, sent = mender
    one.want(HEIGHT)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(one.run)
        while len(sent) < 1:
            await trio.lowlevel.checkpoint()
        nursery.cancel_scope.cancel()
    (peer, kind, payload), *_ = sent
    assert (peer, kind) == (b"peer", wire.GET_BLOCKS)
    assert decode_record(wire.GetBlocks, payload) == wire.GetBlocks(height=HEIGHT, count=1)
    assert encode_record(wire.GetBlocks(height=HEIGHT, count=1)) == payload
