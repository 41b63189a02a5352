"""A chain as a script sees it: connect, read what is proven, follow blocks, wait for receipts.

Everything that is read here comes with a proof and is checked before it is handed on (`proofs`). The
genesis comes from the node; whoever must not trust that one names the chain, or brings the genesis.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, TypeVar

import trio

from tfchain.base.units import (
    Address,
    FarmId,
    Height,
    NodeId,
    PeriodIndex,
    ScheduleId,
    Seconds,
    Utft,
)
from tfchain.chain.export_records import GENESIS, genesis_text
from tfchain.chain.genesis import Genesis, read_genesis
from tfchain.chain.receipts import receipt_id
from tfchain.client.anchors import Anchor, from_genesis
from tfchain.client.batches import BatchStream, ByHeight, ByPeriod
from tfchain.client.http import Client, connected
from tfchain.client.keys import Key, seed_of_uri
from tfchain.client.nodes import next_whole_period_end, now, report_until
from tfchain.client.plain import amount_of, read_record
from tfchain.client.proofs import (
    ProvenReceipt,
    ProvenRow,
    check_mints,
    check_proof,
    check_receipt_proof,
    check_receipts,
)
from tfchain.client.sender import Done, Sender
from tfchain.client.stream import BlockStream, Records
from tfchain.errors import InvalidBlock, Malformed, Rejected, Unavailable
from tfchain.ledger import tables
from tfchain.ledger.minting import Batch, MintRecord, Receipt
from tfchain.ledger.records import Account, Contract, Resources
from tfchain.ledger.state import Table
from tfchain.tx.kinds.register_node import RegisterNode
from tfchain.tx.kinds.transfer import Transfer

R = TypeVar("R")

FAUCET: Final = "//Alice"
"""Everybody's key: a devnet's genesis endows it."""
FAUCET_TRIES: Final = 5
"""Others may use it at the same moment, under the same nonce."""
NONCE_TAKEN: Final = frozenset({"nonce", "underpriced"})
"""How a node says so: spent in a block, or under way in its mempool."""
READ_S: Final = 60.0
"""For a proof that is as fresh as the caller needs."""
SETTLED_S: Final = 600.0
"""For a batch to be sealed, by default; a devnet takes half a minute after the period."""
PAUSE_S: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """A receipt, proven from the genesis down.

    `root`: the proof-of-capacity hash it stands under; `mint`: the coins that it came to, once paid.
    """

    receipt: Receipt
    id: bytes
    root: bytes
    height: Height
    block_id: bytes
    """The proof is of the state after `height`, signed as this block."""
    mint: MintRecord | None


@asynccontextmanager
async def opened(url: str, chain_id: str = "", genesis: str = "") -> "AsyncIterator[Chain]":
    """The chain that the node at `url` is of.

    `chain_id`: the one it must be; `genesis`: the text of the genesis file, which is then not asked for.

    Raises:
        Unavailable: the node does not answer, or is of another chain.
    """
    async with connected(url) as client:
        found = read_genesis(genesis or await _genesis_of(client))
        plain = (await client.status()).get("chain_id")
        for due in {plain, chain_id or plain}:
            if due != found.params.chain_id:
                what = f"the node's chain is {found.params.chain_id}, not {due}"
                raise Unavailable(what, client.url, "name the right node")
        yield Chain(client, found)


async def _genesis_of(client: Client) -> str:
    """The first record of an export; the rest is left."""
    reader, found = Records(), list[tuple[int, bytes]]()

    def take(piece: bytes) -> bool:
        found.extend(reader.take(piece))
        return bool(found)

    await client.stream("/v1/export", take)
    if not found or found[0][0] != GENESIS:
        raise Malformed(f"{client.url}: an export begins with the genesis, this one does not")
    return genesis_text(found[0][1])


class Chain:
    """One chain, by way of one node. `anchor`: what proofs are checked from, else the genesis."""

    def __init__(self, client: Client, genesis: Genesis, anchor: Anchor | None = None) -> None:
        self.client = client
        self.genesis = genesis
        self.params = genesis.params
        self.anchor = anchor or from_genesis(genesis)

    # --- people -----------------------------------------------------------------------------------

    def sender(self, key: Key | str) -> Sender:
        """Whoever signs with `key`, or with the key of a secret URI. One sender a key."""
        owner = key if isinstance(key, Key) else Key(seed_of_uri(key))
        return Sender(self.client, self.params, owner)

    async def faucet(self, to: Address, amount: Utft | str = "100TFT") -> Done:
        """Coins from a devnet's endowment.

        Raises:
            Rejected: `no_faucet` where the genesis endows no such account.
        """
        rich = self.sender(FAUCET)
        if rich.address not in [row.address for row in self.genesis.accounts]:
            raise Rejected("no_faucet", f"the genesis of {self.params.chain_id} endows none")
        body = Transfer(to=to, amount=amount_of(amount) if isinstance(amount, str) else amount)
        for _ in range(FAUCET_TRIES - 1):
            try:
                return await rich.send(body)
            except Rejected as fault:
                if fault.code not in NONCE_TAKEN:
                    raise
            await trio.sleep(PAUSE_S)
        return await rich.send(body)

    # --- reading ----------------------------------------------------------------------------------

    async def height(self) -> Height:
        """The last height that the node has stored."""
        return await self.client.height()

    async def proven(self, table: str, key: bytes, after: int = 0) -> ProvenRow:
        """A row of the state and its proof, checked.

        It is not older than height `after`, nor than any transaction that was waited for here.

        Raises:
            Unavailable: no block came to prove it by.
            InvalidBlock: the proof is false.
        """
        if table not in [one.name for one in tables.IN_TREE]:
            raise Malformed(f"no table {table} is in the tree")
        after = max(after, self.client.seen)
        with trio.move_on_after(READ_S):
            while True:
                plain = await self.client.proof(table, key)
                found = check_proof(self.anchor, table, key, plain)
                if found.height >= after:
                    return found
                await self.client.wait_height(after + 1, READ_S)
        what = f"no proof is of height {after} or later"
        raise Unavailable(what, self.client.url, "ask again later")

    async def read(self, table: Table[R], key: bytes, after: int = 0) -> R | None:
        """The same, as a record; None where it is proven that there is none."""
        row = (await self.proven(table.name, key, after)).row
        return None if row is None else table.decode(row)

    async def account(self, address: Address, after: int = 0) -> Account:
        """Balance and nonce; an address that never had anything has none of both."""
        found = await self.read(tables.ACCOUNTS, address, after)
        return found or Account(balance=Utft(0), nonce=0)

    async def farm_id(self, name: str, after: int = 0) -> FarmId:
        """The farm of this name; `Rejected("unknown_farm")`."""
        found = await self.read(tables.FARM_NAMED, name.encode(), after)
        if found is None:
            raise Rejected("unknown_farm", name)
        return found.farm_id

    async def node_id(self, account: Address, after: int = 0) -> NodeId:
        """The node that the account's twin runs; `Rejected("unknown_node")`."""
        twin = await self.read(tables.TWIN_OF, account, after)
        if twin is None:
            raise Rejected("unknown_node", "this account has no twin")
        node = await self.read(tables.NODE_OF, tables.id_key(twin.twin_id), after)
        if node is None:
            raise Rejected("unknown_node", "this account's twin runs none")
        return node.node_id

    async def join(
        self,
        sender: Sender,
        farm: str,
        resources: Resources,
        owner: Sender | None = None,
        *,
        country: str = "",
        city: str = "",
    ) -> NodeId:
        """The sender's twin runs a node in the farm of this name, and reports with the same key.

        `owner`: the farm's, who accepts it; left out where that is the sender.
        """
        farm_id = await self.farm_id(farm)
        nonce = await sender.next_nonce()
        accept = b"" if owner is None else owner.accept(sender.address, nonce, farm_id, resources)
        body = RegisterNode(
            farm_id=farm_id,
            reporter=sender.address,
            resources=resources,
            country=country,
            city=city,
            virtualized=False,
            acceptance=accept,
        )
        done = await sender.send(body)
        return await self.node_id(sender.address, done.height)

    async def run_node(
        self, reporter: Sender, node_id: NodeId, until: int | None = None
    ) -> PeriodIndex:
        """Report the node's uptime until then; the period that holds the last second of it.

        `until`: seconds since 1970; left out, the end of the next whole period.
        """
        schedule = self.params.schedule((await self.contract(node_id)).schedule)
        end = next_whole_period_end(schedule, now()) if until is None else until
        await report_until(reporter, node_id, end, self.params.uptime.report_interval)
        return schedule.index_of(Seconds(end - 1)) or PeriodIndex(0)

    async def contract(self, node_id: NodeId, after: int = 0) -> Contract:
        """The terms that a node has; `Rejected("unknown_node")`."""
        found = await self.read(tables.CONTRACTS, tables.id_key(node_id), after)
        if found is None:
            raise Rejected("unknown_node", str(node_id))
        return found

    def blocks(self, start: int = 1) -> BlockStream:
        """Blocks from height `start` on, for ever."""
        return BlockStream(self.client, Height(max(1, start)))

    def batches(self, start: int | tuple[int, int] = 1) -> BatchStream:
        """Sealed batches, for ever: those that seal in block `start` or later.

        Or those of a schedule from a period on, where `start` is `(schedule, period)`.
        """
        if isinstance(start, tuple):
            place = ScheduleId(start[0]), PeriodIndex(start[1])
            return BatchStream(ByPeriod(self.client, self._proven_batch, *place))
        return BatchStream(ByHeight(self.client, self._proven_batch, Height(max(1, start))))

    async def _proven_batch(self, key: bytes, after: int) -> ProvenRow:
        return await self.proven(tables.BATCHES.name, key, after)

    # --- minting ----------------------------------------------------------------------------------

    async def wait_receipt(
        self,
        node_id: NodeId,
        period: PeriodIndex,
        *,
        paid: bool = False,
        within_s: float = SETTLED_S,
    ) -> Settled:
        """The node's receipt once its batch is sealed, or once it is `paid`; proof checked.

        Raises:
            Rejected: `no_receipt`: the node has none for this period.
            Unavailable: not within `within_s`.
            InvalidBlock: what the node shows is not what was signed.
        """
        schedule = (await self.contract(node_id)).schedule
        with trio.move_on_after(within_s):
            found = await self._in_batch(node_id, schedule, period, paid=paid)
            return await self._settled(node_id, found)
        state = "paid" if paid else "sealed"
        what = f"batch {schedule}/{period} is not {state} after {within_s:g} s"
        raise Unavailable(what, self.client.url, "ask again later")

    async def proven_receipt(
        self, node_id: NodeId, schedule: ScheduleId, period: PeriodIndex
    ) -> ProvenReceipt:
        """What a batch has for a node, as far as it is by now, its proof checked.

        Raises:
            InvalidBlock: the proof is false.
        """
        name = tables.batch_key(schedule, period)
        key = tables.in_batch(name, node_id)
        plain = await self.client.proof(tables.RECEIPTS.name, key)
        return check_receipt_proof(self.anchor, name, node_id, plain)

    async def _in_batch(
        self, node_id: NodeId, schedule: ScheduleId, period: PeriodIndex, *, paid: bool
    ) -> ProvenReceipt:
        while True:
            found = await self.proven_receipt(node_id, schedule, period)
            batch = found.batch
            if batch is not None and (batch.mints_root if paid else batch.root):
                return found
            await self.client.wait_height(found.proof.height + 2, SETTLED_S)

    async def _settled(self, node_id: NodeId, found: ProvenReceipt) -> Settled:
        assert found.batch is not None, "it was waited for"
        if found.receipt is None:
            await self._check_none(node_id, found.batch)
            name = f"{found.batch.schedule}/{found.batch.period}"
            raise Rejected("no_receipt", f"node {node_id} in batch {name}")
        if found.mint is None and found.batch.mints_root:
            await self._check_unpaid(node_id, found.batch)
        return Settled(
            receipt=found.receipt,
            id=receipt_id(found.receipt),
            root=found.batch.root,
            height=found.proof.height,
            block_id=found.proof.block_id,
            mint=found.mint,
        )

    async def _check_none(self, node_id: NodeId, batch: Batch) -> None:
        """Only all receipts together prove that there is none for this node."""
        receipts = await self._rows(Receipt, "receipts", batch)
        check_receipts(batch, receipts)
        if node_id in [row.node_id for row in receipts]:
            raise InvalidBlock(f"node {node_id}: what answers hides its receipt")

    async def _check_unpaid(self, node_id: NodeId, batch: Batch) -> None:
        """The same for the mint records of a batch that is paid."""
        mints = await self._rows(MintRecord, "mints", batch)
        check_mints(batch, mints)
        if node_id in [row.node_id for row in mints]:
            raise InvalidBlock(f"node {node_id}: what answers hides its mint record")

    async def _rows(self, cls: type[R], name: str, batch: Batch) -> list[R]:
        rows = await self.client.rows_of_batch(name, batch.schedule, batch.period)
        return [read_record(cls, {k: v for k, v in row.items() if k != "id"}) for row in rows]
