"""Starting a node: its disk, its replica, its peers and its HTTP face, in one nursery."""

import secrets
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Final, TypeAlias

import trio

from tfchain.base import crypto
from tfchain.base.units import Millis
from tfchain.chain.genesis import read_genesis
from tfchain.net.mesh import Mesh
from tfchain.net.surface import MeshConfig
from tfchain.node.config import NodeConfig
from tfchain.node.disk import Disk, opened_disk
from tfchain.node.faults import one_fault
from tfchain.node.home import Home, load_config, load_genesis, load_node_seed
from tfchain.node.journal import Journal
from tfchain.node.node import Node
from tfchain.node.pruning import check_keeping, keep_pruned, tell_stranded
from tfchain.node.pump import Clock, Pump
from tfchain.node.rates import BY_KIND, TOTAL
from tfchain.node.restoring import Trust, is_due, restore
from tfchain.node.serving import serve_http
from tfchain.node.snapshots import keep_snapshots
from tfchain.node.views import Views
from tfchain.replica.messages import LIMITS
from tfchain.replica.replica import Replica
from tfchain.store.open import open_store

SWITCH_INTERVAL_S: Final = 0.0005
"""Beside a thread of pure Python a turn of the event loop takes up to ten times this (P40)."""


def wall_clock() -> Millis:
    """Milliseconds since 1970."""
    return Millis(time.time_ns() // 1_000_000)


def journal_of(config: NodeConfig, clock: Clock) -> Journal:
    """Where a node of these settings tells its operator what happens."""
    return Journal(config.log, clock, form=config.log_format)


Companion: TypeAlias = Callable[[Node], Awaitable[None]]
"""Runs beside a node, for as long as it does."""


async def run_node(  # noqa: PLR0913 -- all that a start may be told
    folder: Path,
    *,
    companions: Sequence[Companion] = (),
    allow_old_store: bool = False,
    flags: Sequence[str] = (),
    trust: Trust | None = None,
    clock: Clock = wall_clock,
    task_status: trio.TaskStatus[Node] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Run the node of a home until cancelled. Reports the `Node` once it answers.

    `flags`: settings that hold for this run, `NAME=VALUE` each. `trust`: fill a store without blocks
    from a snapshot of the peers first, which this block proves.

    Raises:
        Unavailable: something of the home, a port or the disk cannot be used.
        Malformed: the settings or the genesis are none.
        Divergence: what was agreed is not what this node computes.
    """
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    home = Home(folder)
    config = load_config(home, flags)
    if trust is not None:
        with one_fault():
            await _restored(home, config, trust, clock)
    with (
        opened_disk(home, config, allow_old_store=allow_old_store) as disk,
        closing(Views(disk.store)) as views,
    ):
        node = _assembled(home, config, disk, views, clock)
        check_keeping(node)
        with one_fault():
            await _run(node, companions, task_status)


async def _restored(home: Home, config: NodeConfig, trust: Trust, clock: Clock) -> None:
    with closing(open_store(home.store, config.store)) as store:
        if is_due(store):
            chain_id = read_genesis(load_genesis(home)).params.chain_id
            mesh = _mesh(home, config, chain_id)
            await restore(home, store, mesh, trust, clock, journal_of(config, clock))


def _assembled(home: Home, config: NodeConfig, disk: Disk, views: Views, clock: Clock) -> Node:
    tip = disk.chain.tip()
    key = None if disk.signer is None else disk.signer.key
    replica = Replica(tip, views.current, key, disk.chain.commit(tip.height))
    chain_id = replica.council.params.chain_id
    journal = journal_of(config, clock)
    mesh = _mesh(home, config, chain_id)
    pump = Pump(replica, disk, views, mesh, clock, journal)
    return Node(
        home=home,
        config=config,
        chain_id=chain_id,
        disk=disk,
        pump=pump,
        mesh=mesh,
        journal=journal,
    )


def _mesh(home: Home, config: NodeConfig, chain_id: str) -> Mesh:
    """A list of all validators may be everybody's list of peers: we do not call ourselves."""
    seed = load_node_seed(home)
    own = crypto.public_key(seed)
    surface = MeshConfig(
        seed=seed,
        chain_id=chain_id,
        host=config.p2p.host,
        port=config.p2p.port,
        contacts=[peer for peer in config.peers if peer.key != own],
        limits=LIMITS,
        rates=BY_KIND,
        total=TOTAL,
        anyone=config.anyone,
    )
    return Mesh(surface, secrets.token_bytes, secrets.SystemRandom().random)


async def _run(
    node: Node, companions: Sequence[Companion], task_status: trio.TaskStatus[Node]
) -> None:
    """Every task of the node, in one place; if one dies, all stop."""
    async with trio.open_nursery() as nursery:
        node.p2p_port = await nursery.start(node.mesh.run)
        await nursery.start(node.pump.run)
        for task in (keep_snapshots, keep_pruned, tell_stranded):
            nursery.start_soon(task, node)
        node.http_port = await nursery.start(serve_http, node)
        for companion in companions:
            nursery.start_soon(companion, node)
        task_status.started(node)
