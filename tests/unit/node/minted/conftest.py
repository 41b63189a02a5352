"""A chain that minted, on real disks behind real sockets: made here, fetched by one node from another.

Four validators sign every block with their keys, but nobody waits for the time between two blocks:
a period with its reports, its seal and its coins is thirty blocks. The node that the tests ask caught
up with it over the wire, so that each block it shows was checked and executed by it.
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import time
from typing import Final

import pytest
import trio

from tfchain.base import crypto
from tfchain.base.address import to_text
from tfchain.base.units import (
    GIB,
    Address,
    FarmId,
    Height,
    Millis,
    NodeId,
    PeriodIndex,
    Round,
    ScheduleId,
    Seconds,
    Utft,
)
from tfchain.chain import mints
from tfchain.chain.execute import execute
from tfchain.chain.tip import Tip, input_of, next_block, next_tip
from tfchain.client.keys import Key
from tfchain.client.sender import sign
from tfchain.ledger import tables
from tfchain.ledger.block import Block
from tfchain.ledger.commit import FOR_BLOCK, PRECOMMIT, Commit, CommitSlot, vote_message
from tfchain.ledger.minting import APPROVED, PAID, SEALED, Batch
from tfchain.ledger.records import Resources
from tfchain.ledger.state import State
from tfchain.net.surface import Contact
from tfchain.node.config import NodeConfig, Place
from tfchain.node.disk import opened_disk
from tfchain.node.home import Home, Seeds, create_home
from tfchain.node.node import Node
from tfchain.node.running import run_node
from tfchain.replica.effects import Save
from tfchain.store.chain import ChainStore
from tfchain.tx.kind import Kind
from tfchain.tx.kinds.attest_mint import AttestMint
from tfchain.tx.kinds.create_farm import CreateFarm
from tfchain.tx.kinds.create_twin import CreateTwin
from tfchain.tx.kinds.register_node import RegisterNode
from tfchain.tx.kinds.report_uptime import ReportUptime
from tfchain.tx.kinds.transfer import Transfer

TEMPLATE: Final = Path(__file__).resolve().parents[4] / "genesis" / "devnet.toml"
START: Final = 1_700_000_000
FARMERS: Final = tuple(Key(bytes([number]) * 32) for number in (21, 22, 23))
"""One twin, farm and node each: three receipts make a tree whose halves differ."""
PAID_NODES: Final = (1, 2)
"""The third has no relay, which forfeits the period."""
VALIDATORS: Final = tuple(bytes([number]) * 32 for number in (1, 2, 3, 4))
SIZE: Final = Resources(cru=8, mru=32 * GIB, hru=0, sru=500 * GIB)
EVERY_S: Final = 6
"""From one report to the next: what interval and grace of the devnet allow."""
PATIENCE_S: Final = 60
AGO_S: Final = 300
"""Its last block is some minutes old then: later than any of it, within a devnet's trust period."""


def genesis_text(start: int = START) -> str:
    rows = [TEMPLATE.read_text(encoding="utf-8").replace("time = 0", f"time = {start}")]
    names = [to_text(farmer.address) for farmer in FARMERS]
    rows += [f'[[account]]\naddress = "{name}"\nbalance = 1000000000' for name in names]
    for seed in VALIDATORS:
        name = to_text(Key(seed).address)
        rows.append(f'[[account]]\naddress = "{name}"\nbalance = 1000000000')
        rows.append(f'[[validator]]\nkey = "{name}"\npower = 1\nreward_account = "{name}"')
        rows.append(f'[[guardian]]\naccount = "{name}"')
    return "\n".join(rows) + "\n"


class Mint:
    """Where validators agree at once: each block is made, signed by all, and stored."""

    def __init__(self, chain: ChainStore) -> None:
        self.chain = chain
        self.genesis = chain.genesis()
        self.start = self.genesis.time
        self.tip: Tip = chain.tip()
        self.commit: Commit | None = None

    def state(self) -> State:
        return State(self.chain.store)

    def batch(self) -> Batch:
        return tables.BATCHES.need(self.state(), tables.batch_key(ScheduleId(0), PeriodIndex(0)))

    def at(self, second: int, *txs: bytes) -> None:
        """The next block, so many seconds after the genesis."""
        params, now = self.genesis.params, Seconds(self.start + second)
        due = mints.due(self.state(), params, Height(self.tip.height + 1), now)
        proposer = self.tip.validators.proposer(Round(0)).address
        time = Millis(now * 1_000)
        block = next_block(self.tip, params, time, proposer, [*due, *txs], self.commit)
        outcome = execute(self.chain.store, input_of(self.tip, block))
        assert set(outcome.codes) <= {"ok"}, outcome.codes
        self.commit = self._signed(block)
        self.tip = next_tip(self.tip, block, outcome)
        save = Save(block=block, commit=self.commit, outcome=outcome, tip=self.tip)
        self.chain.save(save)

    def _signed(self, block: Block) -> Commit:
        """Three of four; the slot of the last is empty, as of one who was late."""
        seeds = {Key(seed).address: seed for seed in VALIDATORS}
        chain_id, height = self.genesis.params.chain_id, block.header.height
        message = vote_message(chain_id, PRECOMMIT, height, Round(0), block.id)
        members = self.tip.validators.validators
        slots = [
            CommitSlot(flag=FOR_BLOCK, signature=crypto.sign(seeds[member.key], message))
            for member in members[:-1]
        ]
        slots.append(CommitSlot(flag=0, signature=b""))
        return Commit(height=height, round=Round(0), block_id=block.id, slots=tuple(slots))

    def tx(self, key: Key, body: Kind, nonce: int = 0) -> bytes:
        until = Height(self.tip.height + 10)
        return sign(key, self.genesis.params, body, nonce, until).raw

    def report(self, second: int) -> list[bytes]:
        moment = Seconds(self.start + second)
        return [
            self.tx(farmer, ReportUptime(node_id=NodeId(number), t=moment, uptime=Seconds(second)))
            for number, farmer in enumerate(FARMERS, start=1)
        ]

    def join(self) -> list[bytes]:
        txs = []
        for number, farmer in enumerate(FARMERS, start=1):
            node = RegisterNode(
                farm_id=FarmId(number),
                reporter=farmer.address,
                resources=SIZE,
                country="BE",
                city="Gent",
                virtualized=False,
                acceptance=b"",
            )
            relay = "relay.example" if number in PAID_NODES else ""
            bodies: list[Kind] = [
                CreateTwin(relay=relay, public_key=b""),
                CreateFarm(name=f"farm-{number}"),
                node,
            ]
            txs += [self.tx(farmer, body, nonce) for nonce, body in enumerate(bodies)]
        return txs

    def attest(self) -> list[bytes]:
        batch = self.batch()
        body = AttestMint(
            schedule=batch.schedule,
            period=batch.period,
            root=batch.root,
            total=batch.total,
            count=batch.count,
            salt=bytes(32),
        )
        return [self.tx(Key(seed), body) for seed in VALIDATORS]

    def run(self, *, paid: bool) -> None:
        """One period, from its nodes' first report to its seal, or to its coins and on."""
        self.at(1, *self.join())
        for second in range(16, 77, EVERY_S):
            self.at(second, *self.report(second))
        for second in (88, 98, 99):
            self.at(second)
        assert self.batch().state == SEALED
        if not paid:
            self.at(100)
            return
        self.at(self.batch().attest_until - self.start + 1, *self.attest())
        assert self.batch().state == APPROVED
        second = self.batch().pay_at - self.start
        for more in range(3):
            self.at(second + more)
        gift = Transfer(to=FARMERS[1].address, amount=Utft(500))
        self.at(second + 3, self.tx(FARMERS[2], gift, nonce=3))
        assert self.batch().state == PAID


@dataclass(frozen=True, slots=True, kw_only=True)
class Minted:
    """A node that can be asked, and what it should know."""

    url: str
    genesis: str
    height: int
    block_id: bytes
    farmer: Address
    """Of node 1, whose receipt and mint record are those of period 0/0."""


class Asked:
    """Two nodes in a thread of their own: one has the chain, the other fetched it."""

    def __init__(self, folder: Path, *, paid: bool, start: int = START) -> None:
        self._folder = folder
        self._paid = paid
        self._start = start
        self._ready = threading.Event()
        self._thread = threading.Thread(target=trio.run, args=(self._run,))
        self.minted: Minted | None = None

    def start(self) -> Minted:
        self._thread.start()
        assert self._ready.wait(PATIENCE_S)
        assert self.minted is not None
        return self.minted

    def stop(self) -> None:
        trio.from_thread.run_sync(self._scope.cancel, trio_token=self._token)
        self._thread.join()

    async def _run(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        try:
            with trio.CancelScope() as self._scope:
                await self._nodes()
        finally:
            self._ready.set()

    async def _nodes(self) -> None:
        text = genesis_text(self._start)
        quiet = NodeConfig(p2p=Place(), http=Place(), anyone=True, log="warning")
        first = create_home(
            self._folder / "a", text, quiet, Seeds(node=bytes([31]) * 32, validator=None)
        )
        tip = self._filled(first, quiet)
        async with trio.open_nursery() as nursery:
            source: Node = await nursery.start(run_node, first.folder)
            contact = Contact(key=source.mesh.key, host="127.0.0.1", port=source.p2p_port)
            config = NodeConfig(p2p=Place(), http=Place(), peers=(contact,), log="warning")
            seeds = Seeds(node=bytes([32]) * 32, validator=None)
            home = create_home(self._folder / "b", text, config, seeds)
            asked: Node = await nursery.start(run_node, home.folder)
            with trio.fail_after(PATIENCE_S):
                await asked.heads.wait_for(tip.height)
            self.minted = Minted(
                url=f"http://127.0.0.1:{asked.http_port}",
                genesis=text,
                height=tip.height,
                block_id=tip.block_id,
                farmer=FARMERS[0].address,
            )
            self._ready.set()

    def _filled(self, home: Home, config: NodeConfig) -> Tip:
        with opened_disk(home, config, allow_old_store=False) as disk:
            mint = Mint(disk.chain)
            mint.run(paid=self._paid)
            return mint.tip


@pytest.fixture(scope="session")
def minted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Minted]:
    """A node of a chain that paid its first period."""
    asked = Asked(tmp_path_factory.mktemp("minted"), paid=True)
    yield asked.start()
    asked.stop()


@pytest.fixture(scope="session")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Minted]:
    """A node of a chain that has sealed its first period, and not paid it yet."""
    asked = Asked(tmp_path_factory.mktemp("sealed"), paid=False)
    yield asked.start()
    asked.stop()


@pytest.fixture(scope="session")
def recent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Minted]:
    """A node of a chain that paid its first period minutes ago: light clients may begin there."""
    asked = Asked(tmp_path_factory.mktemp("recent"), paid=True, start=int(time()) - AGO_S)
    yield asked.start()
    asked.stop()
