"""Blocks that the disk spoiled, fetched again from peers and put back (scenario 29).

A stranger's block is believed for its commit alone: two thirds of that height's validators signed it.
"""

from collections.abc import Callable, Sequence
from typing import Final

import trio

from tfchain.base.crypto import verify
from tfchain.base.shapes import encode_record
from tfchain.base.units import Height
from tfchain.errors import InvalidBlock, Malformed, Unavailable
from tfchain.ledger.commit import Commit, check_commit
from tfchain.node.journal import Journal
from tfchain.replica import messages as wire
from tfchain.store import layout
from tfchain.store.chain import ChainStore
from tfchain.store.exporting import block_record
from tfchain.store.sound import Spoiled, is_block

SPOILED_MAX: Final = 64
"""Blocks that are being mended at once; a disk that spoils more needs a person."""
ASK_EVERY_S: Final = 1.0
MENDED_WITHIN_S: Final = 10.0
"""How long a reader waits for a block that is being fetched."""

Send = Callable[[bytes, int, bytes], object]
Peers = Callable[[], Sequence[bytes]]
"""The keys of the connected ones."""


class Mender:
    """Fetches spoiled blocks. Everything but `run` is called on the pump's thread."""

    def __init__(self, chain: ChainStore, send: Send, peers: Peers, journal: Journal) -> None:
        self._chain = chain
        self._send = send
        self._peers = peers
        self._journal = journal
        self._wanted: dict[Height, trio.Event] = {}
        self._turn = 0
        self._any = trio.Event()

    def want(self, height: Height) -> trio.Event | None:
        """Fetch a block again; the event tells that it is back. None where too many are spoiled."""
        if height not in self._wanted:
            if len(self._wanted) >= SPOILED_MAX:
                return None
            self._journal.warning("spoiled block", height=height, remedy="look after the disk")
            self._wanted[height] = trio.Event()
            self._any.set()
        return self._wanted[height]

    async def record(self, height: Height) -> tuple[int, bytes]:
        """The export record of a stored block, mended first if need be.

        Raises:
            Spoiled: no peer has brought it in time.
            Unavailable: it is not here.
        """
        try:
            return await trio.to_thread.run_sync(block_record, self._chain, height)
        except Spoiled as fault:
            back = self.want(height)
            with trio.move_on_after(MENDED_WITHIN_S):
                if back is not None:
                    await back.wait()
                    return await trio.to_thread.run_sync(block_record, self._chain, height)
            raise Spoiled(height, fault.where) from fault

    async def run(self) -> None:
        """Ask one peer after the other, until cancelled."""
        while True:
            await self._any.wait()
            self._any = trio.Event()
            while self._wanted:
                self._ask()
                await trio.sleep(ASK_EVERY_S)

    def _ask(self) -> None:
        peers = self._peers()
        for height in self._wanted if peers else ():
            self._turn += 1
            asked = encode_record(wire.GetBlocks(height=height, count=1))
            self._send(peers[self._turn % len(peers)], wire.GET_BLOCKS, asked)

    def take(self, kind: int, payload: bytes) -> bool:
        """Whether a message from a peer is a block that was wanted here; then it is put back."""
        if kind != wire.BLOCKS or not self._wanted:
            return False
        try:
            ((raw, commit),) = wire.decode_blocks(payload)
        except (Malformed, ValueError):
            return False  # the replica judges it, and whoever sent it
        back = self._wanted.get(commit.height)
        if back is None or not self._is_genuine(raw, commit):
            return False
        rows = [
            (layout.block_key(commit.height), raw),
            (layout.commit_key(commit.height), encode_record(commit)),
        ]
        self._chain.store.write(rows)
        self._journal.info("mended block", height=commit.height)
        del self._wanted[commit.height]
        back.set()
        return True

    def _is_genuine(self, raw: bytes, commit: Commit) -> bool:
        if not is_block(raw, commit.height, commit):
            return False
        try:
            members = self._chain.validators_at(commit.height)
            if members is None:
                return False
            check_commit(self._chain.genesis().params.chain_id, members, commit, verify)
        except (InvalidBlock, Unavailable):
            return False
        return True
