"""A devnet's chain in memory, one validator, made block by block; farmers and guardians are real."""

from collections.abc import Callable, Sequence

import pytest

from tfchain.base import crypto
from tfchain.base.units import Millis, PeriodIndex, Round, ScheduleId
from tfchain.chain.execute import execute
from tfchain.chain.tip import input_of, next_tip
from tfchain.ledger import tables
from tfchain.ledger.commit import FOR_BLOCK, PRECOMMIT, Commit, CommitSlot, vote_message
from tfchain.ledger.minting import Batch, Receipt
from tfchain.ledger.state import State
from tfchain.ledger.validators import validator_address
from tfchain.node.devnet.farmers import Grid, Running
from tfchain.node.devnet.hands import Purse, farmers_of
from tfchain.node.devnet.homes import Stamp, key_of, seed_of, stamped, template_text
from tfchain.node.devnet.mirror import Mirror
from tfchain.node.devnet.plan import roster
from tfchain.replica.building import build_block
from tfchain.replica.effects import Save
from tfchain.store.chain import ChainStore, block_rows
from tfchain.store.memory import MemoryStore
from tfchain.tx.transaction import decode_transaction

GENESIS = 1_700_000_000
SEED = 7
MakeLedger = Callable[..., "Ledger"]


class Ledger:
    """The chain. Seconds count from genesis; period 0 lasts from 15 to 75."""

    def __init__(self, nodes: int, guardians: int) -> None:
        self.text = stamped(template_text(), Stamp(time=GENESIS, salt="s"), SEED, guardians)
        self.store = MemoryStore()
        self.chain = ChainStore(self.store)
        self.chain.begin(self.text)
        self.mirror = Mirror(self.text)
        self.second = 0
        self.pool: list[bytes] = []
        self.refused: list[str] = []
        self.lines: list[str] = []
        self.grid = Grid(
            faucet=Purse(key_of(SEED, "faucet")),
            operators=farmers_of(SEED, roster(SEED, nodes)),
            mirror=self.mirror,
            submit=self.submit,
            clock=self.now,
            log=self.lines.append,
        )
        self.machines: list[Running] = []

    def now(self) -> float:
        return GENESIS + self.second

    async def submit(self, raws: Sequence[bytes]) -> list[tuple[str, str]]:
        """Into the next block, if it admits them."""
        assert all(crypto.verify(*decode_transaction(raw).check()) for raw in raws)
        self.pool += raws
        return [("ok", "")] * len(raws)

    def step(self) -> None:
        """The next second's block, with what the farmers send by then and what waits."""
        self.second += 1
        self.pool += [raw for machine in self.machines for raw in self.grid._due(machine)]
        waiting = [(decode_transaction(raw), raw) for raw in self.pool]
        self.pool = []
        tip = self.chain.tip()
        proposer = validator_address(key_of(SEED, "validator/0").address)
        time = Millis(self.second * 1_000 + GENESIS * 1_000)
        params = self.mirror.genesis.params
        last = self.chain.commit(tip.height)
        block = build_block(tip, self.store, time, proposer, last, waiting)
        outcome = execute(self.store, input_of(tip, block))
        self.refused += [code for code in outcome.codes if code != "ok"]
        text = vote_message(params.chain_id, PRECOMMIT, block.header.height, Round(0), block.id)
        slots = tuple(
            CommitSlot(flag=FOR_BLOCK, signature=crypto.sign(_seed_at(member.key), text))
            for member in tip.validators.validators
        )
        commit = Commit(height=block.header.height, round=Round(0), block_id=block.id, slots=slots)
        save = Save(block=block, commit=commit, outcome=outcome, tip=next_tip(tip, block, outcome))
        self.store.write(block_rows(save))
        self.mirror.take(block.raw)

    def found(self) -> None:
        """Coins, twins and farms, nodes: a block each. Then the machines work."""
        grid = self.grid
        for step in (grid._gifts, grid._identities, grid._registrations):
            self.pool += [make() for make in step()]
            self.step()
        self.machines = [grid._running(operator) for operator in grid.operators]

    def until(self, second: int) -> None:
        while self.second < second:
            self.step()

    def batch(self, period: int = 0) -> Batch:
        batch = self.mirror.batch(period)
        assert batch is not None
        return batch

    def receipt(self, node: int, period: int = 0) -> Receipt:
        place = tables.in_batch(tables.batch_key(ScheduleId(0), PeriodIndex(period)), node)
        return tables.RECEIPTS.need(State(self.store), place)


def _seed_at(key: bytes) -> bytes:
    seeds = (seed_of(SEED, f"validator/{number}") for number in range(8))
    return next(seed for seed in seeds if crypto.public_key(seed) == key)


@pytest.fixture(scope="session")
def make_any_ledger() -> MakeLedger:
    """A chain with so many nodes and guardians, nothing founded yet."""
    return Ledger


@pytest.fixture
def make_ledger(make_any_ledger: MakeLedger) -> MakeLedger:
    """A chain with so many nodes and guardians, its farms founded."""

    def make(nodes: int = 5, guardians: int = 1) -> Ledger:
        ledger = make_any_ledger(nodes, guardians)
        ledger.found()
        return ledger

    return make
