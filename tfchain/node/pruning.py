"""Pruning beside a running node, and one line where only a snapshot leads on."""

from typing import Final

import trio

from tfchain.errors import Unavailable
from tfchain.node.node import Node
from tfchain.store.chain import ChainStore
from tfchain.store.pruning import prune_batches, prune_blocks
from tfchain.store.snapshot import KEPT, Shelf

BATCHES_EVERY: Final = 64
"""Blocks between two looks at paid batches."""
STRANDED_EVERY_S: Final = 30.0


async def keep_pruned(node: Node) -> None:
    """Keep what the settings say, after every height, for as long as the node runs."""
    config, chain = node.config, node.disk.chain
    height = node.heads.current
    while config.keep_blocks or config.keep_batches:
        height = await node.heads.wait_for(height + 1)
        if config.keep_blocks:
            keep, shelf = config.keep_blocks, node.disk.shelf
            await trio.to_thread.run_sync(pruned, chain, keep, shelf, config.snapshot_every)
        if config.keep_batches and height % BATCHES_EVERY == 0:
            await trio.to_thread.run_sync(prune_batches, chain, config.keep_batches)


def pruned(chain: ChainStore, keep: int, shelf: Shelf, every: int = 0) -> int:
    """Prune blocks, but none above a snapshot that is offered here; how many went.

    Whoever starts from a snapshot needs the blocks that follow it. One that is older than `keep`
    blocks and all that a home keeps at one `every` blocks holds nothing back: what is left is never
    more than `most_kept` blocks, and what is more than that goes 16 at a height.
    """
    oldest = chain.height() - most_kept(keep, every)
    held = [height for height in shelf.heights() if height > oldest]
    return prune_blocks(chain, keep, held[0] if held else None)


def most_kept(keep: int, every: int) -> int:
    """How many blocks a store has at most that was told to keep `keep`, once it has caught up."""
    return keep + KEPT * every


def check_keeping(node: Node) -> None:
    """A guardian recomputes from the blocks: it keeps them (P37).

    Raises:
        Unavailable: the settings say otherwise.
    """
    keeps = node.config.keep_blocks or node.config.keep_batches
    if keeps and node.home.guardian_key.exists():
        what = "a guardian's node keeps all blocks and receipts"
        remedy = "set store.keep_blocks and store.keep_batches to 0, or move the guardian's key"
        raise Unavailable(what, str(node.home.config), remedy)


async def tell_stranded(node: Node) -> None:
    """Say so, now and then, while no peer has the blocks that this node needs next."""
    while True:
        await trio.sleep(STRANDED_EVERY_S)
        replica = node.pump.replica
        if replica.sync.stranded(replica.tip.height):
            remedy = "no peer has the next block: move data aside, start with --sync snapshot"
            node.journal.warning("stranded", height=replica.tip.height, remedy=remedy)
