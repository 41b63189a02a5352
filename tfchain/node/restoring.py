"""A new home that starts from a snapshot of its peers: before its replica there is one (1.12).

The mesh of the restore ends with it, and the node's own begins: what peers said of snapshots and what
they say of votes never mix. Then blocks are fetched from the snapshot's height on, in this process.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import trio

from tfchain.base.units import Height
from tfchain.bft.light import Terms, period_of
from tfchain.chain.genesis import read_genesis
from tfchain.errors import Malformed
from tfchain.net import surface
from tfchain.net.mesh import Mesh
from tfchain.node.home import Home, load_genesis
from tfchain.node.journal import Journal
from tfchain.node.pump import Clock
from tfchain.replica import effects, snapshot_sync
from tfchain.replica.snapshot_sync import SnapshotSync
from tfchain.store.kv import Store
from tfchain.store.restoring import Restoration, begin, begun, is_fresh

TICK_S: Final = 0.5
"""How long nothing may happen before the machine looks at its waits."""
TOLD_EVERY_MS: Final = 5_000
"""How often the journal says how far it is."""

Trust = tuple[Height, bytes]
"""A height and the id of its block, as a person was told."""


def is_due(store: Store) -> bool:
    """Whether the store waits for a snapshot: it has no block, or was being filled with one."""
    return is_fresh(store) or begun(store) is not None


@dataclass(slots=True)
class Restorer:
    """Fills a store from peers. `run` once."""

    store: Store
    genesis: str
    mesh: Mesh
    clock: Clock
    journal: Journal
    sync: SnapshotSync
    _due: deque[snapshot_sync.Effect] = field(default_factory=deque)
    _work: Restoration | None = None
    _finished: bool = False
    _told: tuple[str, int] = ("", 0)

    async def run(self) -> None:
        """Until the store holds a chain.

        Raises:
            Distrust: the trusted header is too old or too far away.
            Divergence: the state and its headers are at odds.
            Unavailable: the disk refuses.
        """
        await self._resume()
        while not self._finished:
            self._tell()
            with trio.move_on_after(TICK_S):
                self._hear(await self.mesh.events.receive())
            self._due += self.sync.tick(self.clock())
            while self._due and not self._finished:
                await self._carry(self._due.popleft())

    async def _resume(self) -> None:
        known = await trio.to_thread.run_sync(begun, self.store)
        if known is not None:
            self._work = begin(self.store, self.genesis, known.manifest, known.headers)
            missing = await trio.to_thread.run_sync(self._work.missing)
            self._due += self.sync.resumed(known.manifest, missing, self.clock())

    def _hear(self, event: surface.Event) -> None:
        now = self.clock()
        match event:
            case surface.PeerUp(key):
                self._due += self.sync.peer_up(key, now)
            case surface.PeerDown(key):
                self._due += self.sync.peer_down(key, now)
            case surface.Received(key, kind, payload):
                self._due += self.sync.received(key, kind, payload, now)

    async def _carry(self, effect: snapshot_sync.Effect) -> None:
        match effect:
            case effects.SendTo():
                self.mesh.send(effect.peer, effect.kind, effect.payload)
            case effects.Blame():
                self.journal.warning("blame", peer=effect.peer.hex(), reason=effect.reason)
                self.mesh.blame(effect.peer, effect.reason)
            case snapshot_sync.Begin():
                await self._begin(effect)
            case snapshot_sync.Store():
                fault = await self._try(partial(self._filled().add, effect.index, effect.raw))
                self._due += self.sync.stored(effect.index, effect.peer, fault, self.clock())
            case snapshot_sync.CheckArchives():
                fault = await self._try(self._filled().check_archives)
                self._due += self.sync.archives_checked(fault, self.clock())
            case snapshot_sync.Finish():
                await trio.to_thread.run_sync(self._filled().finish)
                self._finished = True

    async def _begin(self, effect: snapshot_sync.Begin) -> None:
        self.journal.info("restoring", height=effect.manifest.height)
        self._work = await trio.to_thread.run_sync(
            begin, self.store, self.genesis, effect.manifest, effect.headers
        )
        missing = await trio.to_thread.run_sync(self._work.missing)
        self._due += self.sync.begun(missing, "", self.clock())

    def _filled(self) -> Restoration:
        assert self._work is not None, "it begins before it is filled"
        return self._work

    async def _try(self, check: Callable[[], None]) -> str:
        """What is wrong with what a peer sent; empty where nothing is."""
        try:
            await trio.to_thread.run_sync(check)
        except Malformed as fault:
            return str(fault)
        return ""

    def _tell(self) -> None:
        phase, since = self._told
        now = self.clock()
        if phase != self.sync.phase and not 0 <= now - since < TOLD_EVERY_MS:
            self.journal.info("snapshot", phase=self.sync.phase)
            self._told = (self.sync.phase, now)


async def restore(
    home: Home, store: Store, mesh: Mesh, trust: Trust, clock: Clock, journal: Journal
) -> None:
    """Fill a home's store from its peers; raises as `Restorer.run`, and for a bad genesis."""
    text = load_genesis(home)
    params = read_genesis(text).params
    terms = Terms(chain_id=params.chain_id, period=period_of(params.evidence.seconds))
    sync = SnapshotSync(terms, trust)
    restorer = Restorer(store, text, mesh, clock, journal, sync)
    async with trio.open_nursery() as nursery:
        await nursery.start(mesh.run)
        await restorer.run()
        nursery.cancel_scope.cancel()


def read_trust(text: str) -> Trust:
    """`HEIGHT:HASH`; raises `Malformed`."""
    height, _, name = text.partition(":")
    if not (height.isascii() and height.isdigit() and len(height) <= 18 and int(height) > 0):
        raise Malformed("HEIGHT:HASH is due, like 1200:5c0f...")
    try:
        block_id = bytes.fromhex(name)
    except ValueError as fault:
        raise Malformed("HEIGHT:HASH: 64 hex digits are due") from fault
    if len(name) != 64 or len(block_id) != 32:
        raise Malformed("HEIGHT:HASH: 64 hex digits are due")
    return Height(int(height)), block_id
