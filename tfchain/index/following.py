"""Follow a validator: its blocks go into the read model as they come, and again after every break.

What cannot be reached is asked again, for ever, and said in `Watch.trouble` meanwhile. What is wrong
with the blocks, or with the file, ends it: nobody should look at a read model that stands still
without a reason.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import trio

from tfchain.base.units import Height
from tfchain.chain import export_records as records
from tfchain.client.http import Client
from tfchain.client.stream import Records
from tfchain.errors import Malformed, Unavailable
from tfchain.index.model import Model
from tfchain.ledger.block import Block, decode_block
from tfchain.node.heads import Heads
from tfchain.store.export import read_records
from tfchain.store.files import told

AHEAD_MAX: Final = 64
"""Blocks that wait to be taken in; 128 MiB if all were as large as may be."""
RUN_MAX: Final = 32
"""Blocks of one transaction while it catches up; a block that comes alone is taken alone."""
RETRY_S: Final = 1.0
ASK_S: Final = 2.0
"""Between two questions how far the validator is."""


@dataclass(slots=True)
class Watch:
    """How the following goes, for whoever is asked. `heads`: the blocks that are taken in."""

    heads: Heads
    log: Callable[[str], None]
    """Told whenever trouble comes or goes."""
    node_height: int = 0
    """How far the validator is, as it said last."""
    node_root: str = ""
    """What it said then of its state."""
    trouble: str = ""
    """Why nothing comes; empty while all is well."""

    def note(self, trouble: str) -> None:
        """What is wrong now; empty for nothing."""
        if trouble != self.trouble:
            self.log(trouble or "the validator answers again")
        self.trouble = trouble


async def follow(
    model: Model,
    client: Client,
    watch: Watch,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Take blocks in until cancelled. Started once there is a chain to show.

    Raises:
        InvalidBlock: a block does not fit on the one before.
        Divergence: the validator's blocks say another state.
        Unavailable: the file cannot be written or holds another chain, or the validator has no
            longer the blocks that come next.
    """
    await _begin(model, client, watch)
    watch.heads.advance(model.height)
    task_status.started()
    send, receive = trio.open_memory_channel[Block](AHEAD_MAX)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_ask, client, watch)
        nursery.start_soon(_fetch, client, model.height, send, watch)
        while True:
            run = [await receive.receive(), *_waiting(receive)]
            await trio.to_thread.run_sync(model.take, run)
            watch.heads.advance(model.height)


def _waiting(receive: "trio.MemoryReceiveChannel[Block]") -> Iterator[Block]:
    for _ in range(RUN_MAX - 1):
        try:
            yield receive.receive_nowait()
        except trio.WouldBlock:
            return


async def _begin(model: Model, client: Client, watch: Watch) -> None:
    """Lay down the genesis, or see that it is the same."""
    while True:
        try:
            text = await client.genesis()
        except Unavailable as fault:
            watch.note(str(fault))
            if not model.is_empty:
                return  # what is here can be shown, whoever answers
            await trio.sleep(RETRY_S)
        else:
            watch.note("")
            model.begin(text)
            return


async def _ask(client: Client, watch: Watch) -> None:
    while True:
        try:
            status = await client.status()
        except (Unavailable, Malformed):
            pass  # the stream says what is wrong
        else:
            height, root = status.get("height"), status.get("state_root")
            if type(height) is int and isinstance(root, str):
                watch.node_height, watch.node_root = height, root
        await trio.sleep(ASK_S)


async def _fetch(
    client: Client, height: Height, send: "trio.MemorySendChannel[Block]", watch: Watch
) -> None:
    """Hand on the blocks after `height`, whatever happens to the line."""
    fetching = _Fetching(client, height, send, watch)
    while True:
        before = fetching.height
        try:
            await fetching.once()
        except (Unavailable, Malformed) as fault:
            watch.note(str(fault))
            await fetching.check_there()
        if fetching.height == before:
            await trio.sleep(RETRY_S)


class _Fetching:
    """One line after the other, each from where the last one broke."""

    def __init__(
        self,
        client: Client,
        height: Height,
        send: "trio.MemorySendChannel[Block]",
        watch: Watch,
    ) -> None:
        self._client = client
        self.height = height
        self._send = send
        self._watch = watch
        self._held: list[Block] = []

    async def once(self) -> None:
        """Read the stream until it breaks, or until nobody takes what it brings."""
        reader = Records()

        def take(piece: bytes) -> bool:
            for kind, payload in reader.take(piece):
                if kind == records.BLOCK:
                    self._hand_on(decode_block(payload))
            return bool(self._held)

        await self._client.stream(f"/v1/blocks?from={self.height + 1}&follow=1", take)
        for block in self._held:
            await self._send.send(block)
        self._held = []

    def _hand_on(self, block: Block) -> None:
        """What finds no room is held back, and nothing more is read."""
        self.height = block.header.height
        self._watch.note("")
        if self._held:
            self._held.append(block)
            return
        try:
            self._send.send_nowait(block)
        except trio.WouldBlock:
            self._held.append(block)

    async def check_there(self) -> None:
        """Raise `Unavailable` where the node is further, and yet has not the block that comes next."""
        due = self.height + 1
        try:
            if await self._client.height() < due or await self._client.block(due) is not None:
                return
        except (Unavailable, Malformed):
            return
        what = (
            f"this validator has no block {due}: it began with a snapshot, or has pruned its blocks"
        )
        remedy = "name one that has all of them, or bring them in with --export FILE"
        raise Unavailable(what, self._client.url, remedy)


def take_export(model: Model, path: Path) -> None:
    """Take in the blocks of an exported chain that the read model has not.

    Raises:
        Malformed: no export, or one that is cut off.
        InvalidBlock: it is of another history.
        Unavailable: it cannot be read, or is of another chain.
    """
    run: list[Block] = []
    with told("cannot read the export", path), path.open("rb") as file:
        for _, kind, payload in read_records(file):
            if kind == records.GENESIS:
                model.begin(records.genesis_text(payload))
            elif kind == records.BLOCK:
                block = decode_block(payload)
                if block.header.height > model.height:
                    run.append(block)
            if len(run) == RUN_MAX:
                model.take(run)
                run = []
    if run:
        model.take(run)
