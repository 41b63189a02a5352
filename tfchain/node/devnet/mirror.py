"""The ledger as the devnet sees it: every block executed again, in memory.

So farmers know their ids and nonces, and the table its batches, without a question to a validator
that has better things to do. It checks headers and roots; signatures are the audit's.
"""

from collections.abc import Iterable
from typing import Final

import trio

from tfchain.base.units import Address, FarmId, Height, NodeId, Seconds, Utft
from tfchain.chain.admit import seconds
from tfchain.chain.execute import execute, params_of
from tfchain.chain.genesis import genesis_outcome, read_genesis
from tfchain.chain.tip import check_header, genesis_tip, input_of, next_tip
from tfchain.errors import Divergence, InvalidBlock
from tfchain.ledger import tables
from tfchain.ledger.accounts import account_of
from tfchain.ledger.block import decode_block
from tfchain.ledger.kept import schedule_state
from tfchain.ledger.minting import Batch
from tfchain.ledger.records import Account, Totals, Uptime
from tfchain.ledger.state import State

PERIODS_SHOWN: Final = 4
"""Batches back that are worth a line."""


class DictRows:
    """Rows in a dictionary."""

    def __init__(self) -> None:
        self._rows: dict[bytes, bytes] = {}

    def get(self, key: bytes, /) -> bytes | None:
        """The value, or None."""
        return self._rows.get(key)

    def write(self, rows: Iterable[tuple[bytes, bytes | None]], /) -> None:
        """Write rows; None deletes."""
        for key, value in rows:
            if value is None:
                self._rows.pop(key, None)
            else:
                self._rows[key] = value


class Mirror:
    """A chain from its genesis on, fed with blocks in order."""

    def __init__(self, genesis_text: str) -> None:
        self.genesis = read_genesis(genesis_text)
        self._rows = DictRows()
        outcome = genesis_outcome(self.genesis)
        self._rows.write(outcome.rows)
        self._tip = genesis_tip(self.genesis, outcome)
        self._news = trio.Event()

    # --- blocks -----------------------------------------------------------------------------------

    def take(self, raw: bytes) -> None:
        """The next block; one that is known already is passed over.

        Raises:
            Malformed: not a block.
            InvalidBlock: it does not follow, or may not be.
            Divergence: another block than the one that is known at this height.
        """
        block = decode_block(raw)
        if block.header.height == self._tip.height and block.id != self._tip.block_id:
            raise Divergence(f"block {self._tip.height}: two validators show different ones")
        if block.header.height <= self._tip.height:
            return
        if block.header.height != self._tip.height + 1:
            raise InvalidBlock(f"block {block.header.height} where {self._tip.height + 1} is due")
        check_header(self._tip, params_of(State(self._rows)), block)
        outcome = execute(self._rows, input_of(self._tip, block))
        self._rows.write(outcome.rows)
        self._tip = next_tip(self._tip, block, outcome)
        self._news.set()
        self._news = trio.Event()

    async def above(self, height: Height) -> None:
        """Wait for a higher block."""
        while self._tip.height <= height:
            await self._news.wait()

    # --- what it shows ----------------------------------------------------------------------------

    @property
    def height(self) -> Height:
        """Of the last block."""
        return self._tip.height

    @property
    def time(self) -> Seconds:
        """Of the last block."""
        return seconds(self._tip.time)

    def account(self, address: Address) -> Account:
        """Balance and nonce; an empty account where there is none."""
        return account_of(self._state(), address)

    def has_twin(self, account: Address) -> bool:
        """Whether the account has its identity on the grid."""
        return tables.TWIN_OF.get(self._state(), account) is not None

    def farm_named(self, name: str) -> FarmId | None:
        """The farm of this name."""
        row = tables.FARM_NAMED.get(self._state(), name.encode())
        return None if row is None else row.farm_id

    def node_of(self, account: Address) -> NodeId | None:
        """The node that the account's twin runs."""
        state = self._state()
        twin = tables.TWIN_OF.get(state, account)
        if twin is None:
            return None
        row = tables.NODE_OF.get(state, tables.id_key(twin.twin_id))
        return None if row is None else row.node_id

    def uptime(self, node_id: NodeId) -> Uptime:
        """The node's running account."""
        return tables.UPTIMES.need(self._state(), tables.id_key(node_id))

    def totals(self) -> Totals:
        """Last ids and supply."""
        return tables.TOTALS.need(self._state(), tables.SINGLE)

    def minted(self) -> Utft:
        """Everything that was minted since genesis."""
        return Utft(self.totals().minted_ever - self.genesis.supply())

    def nodes_up(self) -> int:
        """Nodes that were heard of within a report's interval and its grace."""
        limits = self.genesis.params.uptime
        since = self.time - limits.report_interval - limits.grace
        numbers = range(1, self.totals().nodes + 1)
        return sum(1 for number in numbers if self.uptime(NodeId(number)).last_t >= since)

    def batch(self, period: int) -> Batch | None:
        """A batch of the first schedule."""
        row = self.genesis.params.schedules[0]
        return tables.BATCHES.get(self._state(), _name(row.id, period))

    def batches(self) -> list[Batch]:
        """The last few batches of the first schedule, oldest first."""
        running = schedule_state(self._state(), self.genesis.params.schedules[0].id).running
        if running is None:
            return []
        periods = range(max(0, running + 1 - PERIODS_SHOWN), running + 1)
        found = [self.batch(period) for period in periods]
        return [batch for batch in found if batch is not None]

    def committed(self, batch: Batch) -> int:
        """How many guardians have committed to a result of this batch."""
        state, name = self._state(), _name(batch.schedule, batch.period)
        guardians = tables.GUARDIANS.need(state, tables.SINGLE).accounts
        places = [tables.of_guardian(name, guardian) for guardian in guardians]
        return sum(1 for place in places if tables.COMMITMENTS.get(state, place) is not None)

    def _state(self) -> State:
        return State(self._rows)


def _name(schedule: int, period: int) -> bytes:
    return schedule.to_bytes(1, "big") + period.to_bytes(4, "big")
