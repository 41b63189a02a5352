"""A new node that starts from a snapshot of its peers, in one process, and goes on (1.12, 1.11.6)."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trio

from tfchain.base.units import Height
from tfchain.errors import Malformed, Unavailable
from tfchain.ledger.light import id_of
from tfchain.net.surface import Contact
from tfchain.node.config import NodeConfig, Place
from tfchain.node.home import Home, Seeds, create_home
from tfchain.node.node import Node
from tfchain.node.pruning import check_keeping, keep_pruned, pruned
from tfchain.node.restoring import read_trust
from tfchain.node.running import run_node
from tfchain.node.snapshots import keep_snapshots, request_snapshot
from tfchain.store.chain import RESTORING, ChainStore
from tfchain.store.open import open_store

if TYPE_CHECKING:
    from tests.unit.node.conftest import Keys, RunNode, Transferring

CONFIG = NodeConfig(p2p=Place(), http=Place(), log="warning", anyone=True)


@pytest.fixture
def config() -> NodeConfig:
    """The validator of these tests takes anyone."""
    return CONFIG


def _joiner(path: Path, genesis: str, people: "type[Keys]", peers: list[Contact]) -> Home:
    config = replace(CONFIG, peers=tuple(peers))
    return create_home(path, genesis, config, Seeds(node=people.nodes[1], validator=None))


def _contact(node: Node) -> Contact:
    return Contact(key=node.mesh.key, host="127.0.0.1", port=node.p2p_port)


async def _until(done: Callable[[], bool]) -> None:
    with trio.fail_after(30):
        while not done():  # noqa: ASYNC110 -- what it waits for has no event of its own
            await trio.sleep(0.02)


async def _with_snapshot(node: Node) -> tuple[Height, bytes]:
    """Have it make one, and wait until it is complete; a block to trust, some way above it."""
    request_snapshot(node.home)
    await _until(lambda: any(kept.complete for kept in node.disk.shelf.kept()))
    await node.heads.wait_for(node.heads.current + 3)
    block = node.disk.chain.light_block(Height(node.heads.current))
    assert block is not None
    return block.height, id_of(block)


async def test_a_new_node_starts_from_a_snapshot_and_follows(
    home: Home,
    genesis: str,
    running: "RunNode",
    people: "type[Keys]",
    transfer: "Transferring",
    tmp_path: Path,
) -> None:
    """1.12.5: then blocks, then votes of others."""
    async with running(home) as source:
        await source.submit([transfer(source.chain_id, 0)])
        await source.heads.wait_for(3)
        trust = await _with_snapshot(source)
        joiner = _joiner(tmp_path / "joiner", genesis, people, [_contact(source)])
        async with trio.open_nursery() as nursery:
            start = partial(run_node, joiner.folder, trust=trust)
            node: Node = await nursery.start(start)
            base = node.disk.chain.base()
            (kept,) = source.disk.shelf.kept()
            assert base == kept.height + 1 > 1
            await node.heads.wait_for(trust[0] + 3)
            number = Height(trust[0] + 1)
            assert node.disk.chain.block(number) == source.disk.chain.block(number)
            nursery.cancel_scope.cancel()
    with closing(open_store(joiner.store)) as store:
        assert store.get(RESTORING) is None
        assert ChainStore(store).base() == base


async def test_a_restored_node_starts_again_without_being_told(
    home: Home, genesis: str, running: "RunNode", people: "type[Keys]", tmp_path: Path
) -> None:
    async with running(home) as source:
        trust = await _with_snapshot(source)
        joiner = _joiner(tmp_path / "joiner", genesis, people, [_contact(source)])
        for again in (trust, None, trust):
            async with trio.open_nursery() as nursery:
                node = await nursery.start(partial(run_node, joiner.folder, trust=again))
                await node.heads.wait_for(node.heads.current + 2)
                nursery.cancel_scope.cancel()


async def test_a_node_that_follows_a_pruned_one_is_told_that_only_a_snapshot_leads_on(
    home: Home, genesis: str, running: "RunNode", people: "type[Keys]", tmp_path: Path
) -> None:
    """1.11: whoever lacks the next block says so, and is asked no more."""
    async with running(home) as source:
        await source.heads.wait_for(12)
        assert await trio.to_thread.run_sync(pruned, source.disk.chain, 4, source.disk.shelf) > 0
        joiner = _joiner(tmp_path / "joiner", genesis, people, [_contact(source)])
        async with running(joiner) as node:
            replica = node.pump.replica
            await _until(lambda: replica.sync.stranded(replica.tip.height))
            assert node.heads.current == 0


async def test_a_running_node_prunes_what_its_settings_say(
    home: Home, running: "RunNode", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tfchain.node.pruning.BATCHES_EVERY", 1)
    async with running(home) as node:
        node.config = replace(node.config, keep_blocks=4, keep_batches=1)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(keep_pruned, node)
            await node.heads.wait_for(node.heads.current + 8)
            await _until(lambda: node.disk.chain.base() >= node.heads.current - 4)
            nursery.cancel_scope.cancel()
        home.guardian_key.write_text("anything")
        with pytest.raises(Unavailable, match="a guardian's node keeps all"):
            check_keeping(node)
        node.config = replace(node.config, keep_blocks=0, keep_batches=0)
        check_keeping(node)
        await keep_pruned(node)


async def test_a_snapshot_that_the_disk_refuses_costs_no_node(
    home: Home, running: "RunNode", capsys: pytest.CaptureFixture[str]
) -> None:
    home.snapshots.write_text("a file where a folder is due")
    async with running(home) as node:
        node.config = replace(node.config, snapshot_every=1)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(keep_snapshots, node)
            await node.heads.wait_for(node.heads.current + 3)
            nursery.cancel_scope.cancel()
    assert "no snapshot" in capsys.readouterr().err


@pytest.mark.parametrize(
    "text",
    [
        "",
        "7",
        "7:",
        ":" + "ab" * 32,
        "0:" + "ab" * 32,
        "7:abcd",
        "7:" + "zz" * 32,
        "\u0667:" + "ab" * 32,
    ],
)
def test_a_trusted_block_is_a_height_and_an_id(text: str) -> None:
    assert read_trust("7:" + "ab" * 32) == (7, b"\xab" * 32)
    with pytest.raises(Malformed, match="HEIGHT:HASH"):
        read_trust(text)
