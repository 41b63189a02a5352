"""Where a guardian sits: beside a node, if its home has a guardian's key and its settings ask for it."""

from pathlib import Path
from typing import Final

from tfchain.base.address import to_text
from tfchain.base.units import Height
from tfchain.client import keys
from tfchain.errors import Unavailable
from tfchain.node.guardian.desk import Desk, keep_desk
from tfchain.node.home import Home
from tfchain.node.node import Node

CHECKPOINT: Final = "columns.checkpoint"
"""The second program's memory, in the node's home; without it every block is taken again."""
FULL: Final = "full"


def checkpoint_path(home: Home) -> Path:
    """Where the second program keeps its checkpoint."""
    return home.folder / CHECKPOINT


async def sit(node: Node) -> None:
    """The node's companion: keeps the automatic desk until the node ends, or returns at once.

    Raises:
        Unavailable, Malformed: the guardian's key is there and cannot be used.
    """
    if not node.home.guardian_key.exists():
        return
    key = keys.load(node.home.guardian_key)
    if not node.config.guardian_automatic:
        node.journal.info("guardian waits for a person", account=to_text(key.address))
        return
    node.journal.info("guardian attests by itself", account=to_text(key.address))

    async def submit(raw: bytes) -> str:
        try:
            return (await node.submit([raw]))[0].code
        except Unavailable:
            return FULL

    async def wait_above(height: Height) -> None:
        await node.heads.wait_for(height + 1)

    desk = Desk(
        chain=node.disk.chain,
        key=key,
        checkpoint=checkpoint_path(node.home),
        submit=submit,
        wait_above=wait_above,
        log=lambda line: node.journal.info("guardian", says=line.removeprefix("guardian: ")),
    )
    await keep_desk(desk)
