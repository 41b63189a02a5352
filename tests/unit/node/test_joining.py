"""Joining late, over real sockets: after a power cut, from pruned peers, after an hour without a line."""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, closing, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
import trio

from tfchain.base.address import to_text
from tfchain.base.units import Height
from tfchain.errors import Unavailable
from tfchain.ledger.light import id_of
from tfchain.ledger.validators import validator_address
from tfchain.net.surface import Contact
from tfchain.node import pruning
from tfchain.node.config import NodeConfig, Place
from tfchain.node.faults import one_fault
from tfchain.node.home import Home, Seeds, create_home, load_config
from tfchain.node.journal import Journal
from tfchain.node.lending import answer_to
from tfchain.node.node import Node
from tfchain.node.pruning import most_kept, pruned
from tfchain.node.restoring import Trust, restore
from tfchain.node.running import _mesh, run_node, wall_clock
from tfchain.node.snapshots import request_snapshot
from tfchain.replica import snapshot_messages as wire
from tfchain.store.chain import RESTORING, ChainStore
from tfchain.store.kv import Row, Store
from tfchain.store.open import open_store
from tfchain.store.restoring import begun

if TYPE_CHECKING:
    from tests.unit.node.conftest import Keys, RunNode

CONFIG: Final = NodeConfig(p2p=Place(), http=Place(), log="warning", anyone=True)
DONE: Final = RESTORING + b"/done/"


@pytest.fixture
def config() -> NodeConfig:
    """Whoever is asked takes anyone."""
    return CONFIG


Joining = Callable[..., Home]


@pytest.fixture
def joining(tmp_path: Path, genesis: str, people: "type[Keys]") -> Joining:
    """`joining(name, source)`: the home of a new node that knows one peer."""

    def make(name: str, source: Node) -> Home:
        peer = Contact(key=source.mesh.key, host="127.0.0.1", port=source.p2p_port)
        seeds = Seeds(node=people.nodes[1], validator=None)
        return create_home(tmp_path / name, genesis, replace(CONFIG, peers=(peer,)), seeds)

    return make


async def _until(done: Callable[[], bool]) -> None:
    with trio.fail_after(30):
        while not done():  # noqa: ASYNC110 -- what it waits for has no event of its own
            await trio.sleep(0.02)


async def _with_snapshot(node: Node) -> Trust:
    """Have it make one, and wait until it is complete; a block to trust, some way above it."""
    request_snapshot(node.home)
    await _until(lambda: any(kept.complete for kept in node.disk.shelf.kept()))
    await node.heads.wait_for(node.heads.current + 3)
    block = node.disk.chain.light_block(Height(node.heads.current))
    assert block is not None
    return block.height, id_of(block)


@dataclass
class Cut:
    """A store whose power fails before the chunk after `left` more; `done` are those that it took."""

    inner: Store
    left: int
    done: list[bytes] = field(default_factory=list)

    def write(self, rows: Iterable[Row]) -> None:
        batch = list(rows)
        marks = [key for key, value in batch if key.startswith(DONE) and value is not None]
        if marks and len(self.done) == self.left:
            raise Unavailable("the power failed", self.inner.where, "switch it on")
        self.inner.write(batch)
        self.done += marks

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


async def _restored(
    home: Home, chain_id: str, trust: Trust, left: int, *, fails: bool
) -> list[bytes]:
    """One run of a restore; the marks of the chunks that it stored."""
    mesh, journal = _mesh(home, load_config(home), chain_id), Journal("warning", wall_clock)
    with closing(open_store(home.store)) as inner:
        store: Any = Cut(inner, left)
        ends = pytest.raises(Unavailable, match="the power failed") if fails else nullcontext()
        with ends, one_fault():
            await restore(home, store, mesh, trust, wall_clock, journal)
        return list(store.done)


async def test_a_start_from_a_snapshot_goes_on_where_the_power_failed(
    home: Home, running: "RunNode", joining: Joining
) -> None:
    """Scenario 48: every chunk is fetched once, whatever was cut short, and never half a chain runs."""
    async with running(home) as source:
        trust = await _with_snapshot(source)
        (kept,) = source.disk.shelf.kept()
        assert kept.chunks > 4
        joiner = joining("joiner", source)
        runs = []
        for left in (1, 0, 2):
            runs.append(await _restored(joiner, source.chain_id, trust, left, fails=True))
            with closing(open_store(joiner.store)) as store:
                assert begun(store) is not None
            with pytest.raises(Unavailable, match="snapshot"):
                await run_node(joiner.folder)
        runs.append(await _restored(joiner, source.chain_id, trust, kept.chunks, fails=False))
        assert [len(run) for run in runs] == [1, 0, 2, kept.chunks - 3]
        assert len({mark for run in runs for mark in run}) == kept.chunks
        async with running(joiner) as node:
            await node.heads.wait_for(trust[0] + 2)
            assert node.disk.chain.base() == kept.height + 1


async def test_peers_that_pruned_send_away_who_begins_at_genesis_and_take_who_has_a_snapshot(
    home: Home,
    running: "RunNode",
    joining: Joining,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(pruning, "STRANDED_EVERY_S", 0.05)
    async with running(home) as source:
        await source.heads.wait_for(6)
        trust = await _with_snapshot(source)
        chain, shelf = source.disk.chain, source.disk.shelf
        await trio.to_thread.run_sync(pruned, chain, 2, shelf, 1_000)
        (kept,) = shelf.kept()
        assert chain.base() == kept.height, "no further than the snapshot leads on from"
        async with running(joining("from-genesis", source)) as node:
            replica = node.pump.replica
            await _until(lambda: replica.sync.stranded(replica.tip.height))
            told = ""
            with trio.fail_after(30):
                while "stranded" not in told:
                    await trio.sleep(0.02)
                    told += capsys.readouterr().err
            assert "start with --sync snapshot" in told
            assert node.heads.current == 0
            assert replica.sync.bases[source.mesh.key] == chain.base()
        joiner = joining("from-snapshot", source)
        async with trio.open_nursery() as nursery:
            node = await nursery.start(partial(run_node, joiner.folder, trust=trust))
            await node.heads.wait_for(trust[0] + 2)
            nursery.cancel_scope.cancel()


async def test_an_old_snapshot_holds_no_blocks_back_and_is_offered_no_more(
    home: Home, running: "RunNode"
) -> None:
    """What a node keeps has a bound, whatever somebody once had it make (complaint 8)."""
    async with running(home) as node:
        trust = await _with_snapshot(node)
        (kept,) = node.disk.shelf.kept()
        chain, shelf = node.disk.chain, node.disk.shelf
        await node.heads.wait_for(trust[0] + 4)

        def offered() -> list[wire.Offer]:
            answer = answer_to(wire.GetSnapshots(), chain, shelf)
            assert answer is not None
            return wire.decode_offers(answer[1])

        assert [offer.height for offer in offered()] == [kept.height]
        await trio.to_thread.run_sync(pruned, chain, 4, shelf, 100)
        assert chain.base() <= kept.height + 1
        assert [offer.height for offer in offered()] == [kept.height]
        while await trio.to_thread.run_sync(pruned, chain, 4, shelf, 0):
            pass
        assert chain.height() - chain.base() + 1 <= most_kept(4, 0) + 1
        assert offered() == []


# A line that is cut, and comes back.


@dataclass
class Line:
    """A relay on the way to a node's port, which may be cut."""

    target: int
    port: int = 0
    is_cut: bool = False
    _open: list[trio.CancelScope] = field(default_factory=list)

    def cut(self) -> None:
        self.is_cut = True
        for scope in self._open:
            scope.cancel()

    async def relay(self, near: trio.SocketStream) -> None:
        if self.is_cut:
            return
        far = await trio.open_tcp_stream("127.0.0.1", self.target)
        async with far, trio.open_nursery() as nursery:
            self._open.append(nursery.cancel_scope)
            nursery.start_soon(_carry, near, far, nursery.cancel_scope)
            nursery.start_soon(_carry, far, near, nursery.cancel_scope)


async def _carry(
    source: trio.SocketStream, sink: trio.SocketStream, ends: trio.CancelScope
) -> None:
    try:
        async for piece in source:
            await sink.send_all(piece)
    except trio.BrokenResourceError:
        pass
    ends.cancel()


@asynccontextmanager
async def _line_to(node: Node) -> AsyncIterator[Line]:
    line = Line(target=node.p2p_port)
    async with trio.open_nursery() as nursery:
        serve = partial(trio.serve_tcp, line.relay, 0, host="127.0.0.1")
        listeners = await nursery.start(serve)
        line.port = listeners[0].socket.getsockname()[1]
        yield line
        nursery.cancel_scope.cancel()


async def test_a_validator_goes_from_votes_to_blocks_and_back_to_votes_without_a_restart(
    tmp_path: Path, genesis: str, running: "RunNode", people: "type[Keys]"
) -> None:
    """1.11.6: it proposes, is cut off, fetches what it missed, and proposes again."""
    small = people.validators[1]
    name = to_text(people.address(small))
    text = genesis.replace("power = 1", "power = 3")
    text += f'[[validator]]\nkey = "{name}"\npower = 1\nreward_account = "{name}"\n'
    seeds = Seeds(node=people.nodes[0], validator=people.validators[0])
    first = create_home(tmp_path / "large", text, CONFIG, seeds)
    async with running(first) as large, _line_to(large) as line:
        peer = Contact(key=large.mesh.key, host="127.0.0.1", port=line.port)
        seeds = Seeds(node=people.nodes[1], validator=small)
        home = create_home(tmp_path / "small", text, replace(CONFIG, peers=(peer,)), seeds)
        async with running(home) as node:
            address = validator_address(people.address(small))
            await _proposed(large, address, Height(1))
            line.cut()
            cut_at = node.heads.current
            await large.heads.wait_for(cut_at + 8)
            assert node.heads.current <= cut_at + 1
            line.is_cut = False
            await node.heads.wait_for(large.heads.current)
            await _proposed(large, address, Height(large.heads.current + 1))
            assert _blocks_alike(large.disk.chain, node.disk.chain)


async def _proposed(node: Node, address: bytes, start: Height) -> None:
    """Wait for a block from `start` on that this validator proposed in time."""
    height = start
    with trio.fail_after(30):
        while True:
            await node.heads.wait_for(height)
            block, commit = node.disk.chain.block(height), node.disk.chain.commit(height)
            assert block is not None and commit is not None
            if block.header.proposer == address:
                return
            height = Height(height + 1)


def _blocks_alike(one: ChainStore, other: ChainStore) -> bool:
    heights = range(1, min(one.height(), other.height()) + 1)
    return all(one.block(Height(h)) == other.block(Height(h)) for h in heights)
