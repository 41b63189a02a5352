"""Snapshots that a running node makes: at set heights, or when somebody asks for one.

One is made from a view that holds still, in short turns on a thread, so that votes are not kept
waiting. Who cannot open a running node's store leaves a request beside the snapshots instead.
"""

from contextlib import closing
from pathlib import Path
from typing import Final

import trio

from tfchain.base.units import Height
from tfchain.errors import Unavailable
from tfchain.node.home import Home
from tfchain.node.node import Node
from tfchain.store.files import replace_file, told
from tfchain.store.snapshot import Shelf

PAUSE_S: Final = 0.005
"""Between two steps: what else runs in the process goes first."""
_REQUEST: Final = "request"


def request_snapshot(home: Home) -> Path:
    """Ask the node that runs in this home for a snapshot; raises `Unavailable`."""
    path = _request(Shelf(home.snapshots))
    with told("cannot ask for a snapshot", path):
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, b"")
    return path


def _request(shelf: Shelf) -> Path:
    return shelf.folder / _REQUEST


async def keep_snapshots(node: Node) -> None:
    """Make, complete and tidy, after every height, for as long as the node runs.

    A disk that refuses costs the snapshot, never the node: it is told, and tried again later.
    """
    shelf, every = node.disk.shelf, node.config.snapshot_every
    height = last = node.heads.current
    while True:
        height = await node.heads.wait_for(height + 1)
        asked = _request(shelf).exists()
        due = bool(every) and height // every > last // every
        try:
            if asked or due:
                with told("cannot take up the request", _request(shelf)):
                    _request(shelf).unlink(missing_ok=True)
                await _make(node, shelf)
            await trio.to_thread.run_sync(shelf.complete, node.disk.chain)
        except Unavailable as refusal:
            node.journal.warning("no snapshot", reason=refusal)
        last = height


async def _make(node: Node, shelf: Shelf) -> None:
    made = Height(0)
    with closing(node.disk.store.snapshot()) as rows:
        steps = shelf.make(rows, node.disk.store.where)
        try:
            while (height := await trio.to_thread.run_sync(next, steps, None)) is not None:
                made = height
                await trio.sleep(PAUSE_S)
        finally:
            steps.close()
    await trio.to_thread.run_sync(shelf.tidy)
    node.journal.info("snapshot", height=made)
