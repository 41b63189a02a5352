"""A town that grows block by block: every block goes into a read model, and nobody signs anything.

A read model leaves signatures to the validator beside it, so blocks can be made as fast as they are
taken in, at whatever second a test wants.
"""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tfchain.base.crypto import sign
from tfchain.base.shapes import layout
from tfchain.base.units import GIB, Address, FarmId, Height, Millis, NodeId, Round, Seconds, Utft
from tfchain.chain import mints
from tfchain.chain.execute import params_of
from tfchain.chain.tip import Tip, accusing, next_block
from tfchain.client.keys import Key, seed_of_uri
from tfchain.index.database import LedgerRows
from tfchain.index.model import Model, opened_model
from tfchain.ledger import tables
from tfchain.ledger.block import Block
from tfchain.ledger.commit import FOR_BLOCK, Commit, CommitSlot
from tfchain.ledger.evidence import Evidence
from tfchain.ledger.measures import Measure
from tfchain.ledger.records import Resources
from tfchain.ledger.state import State
from tfchain.node.devnet.homes import Stamp, key_of, stamped, template_text
from tfchain.tx.kind import FreeKind, Kind
from tfchain.tx.kinds.create_farm import CreateFarm
from tfchain.tx.kinds.create_twin import CreateTwin
from tfchain.tx.kinds.propose import Propose
from tfchain.tx.kinds.register_node import RegisterNode
from tfchain.tx.kinds.report_uptime import ReportUptime
from tfchain.tx.kinds.transfer import Transfer
from tfchain.tx.kinds.vote_as_guardian import VoteAsGuardian
from tfchain.tx.lookup import acceptance_message
from tfchain.tx.registry import NUMBERS
from tfchain.tx.transaction import Envelope, encode_transaction

START = 1_700_000_000
FEE = 100_000
BIG = Resources(cru=16, mru=64 * GIB, hru=2_000 * GIB, sru=1_000 * GIB)


class Town:
    """Seconds count from the chain's start; the first period lasts from 15 to 75."""

    guardian = key_of(1, "guardian/0")
    farmer = Key(seed_of_uri("//farmer"))
    user = Key(seed_of_uri("//user"))

    def __init__(self, folder: Path, model: Model) -> None:
        self.folder, self.model = folder, model
        stamp = Stamp(time=START, salt="town")
        self.genesis = stamped(template_text(), stamp, 1, 1)
        model.begin(self.genesis)
        self.blocks: list[Block] = []
        self.second = 0
        self._made: dict[Address, int] = {}

    def state(self) -> State:
        return State(LedgerRows(self.model._connection))

    @property
    def tip(self) -> Tip:
        assert self.model._tip is not None
        return self.model._tip

    def at(self, second: int, *txs: bytes, evidence: tuple[Evidence, ...] = ()) -> tuple[str, ...]:
        """The next block at that second; the codes of `txs`."""
        state, now = self.state(), Seconds(START + second)
        params, height = params_of(state), Height(self.tip.height + 1)
        due = mints.due(state, params, height, now)
        member = self.tip.validators.validators[0]
        block = next_block(
            self.tip,
            params,
            Millis(now * 1_000),
            member.address,
            [*due, *txs],
            self._commit(),
        )
        block = accusing(block, evidence)
        self.model.take([block])
        self.blocks.append(block)
        self.second = second
        self._made.clear()
        rows = self.rows("SELECT code FROM transactions WHERE height = ? ORDER BY position", height)
        return tuple(row["code"] for row in rows[len(due) :])

    def run(self, *txs: bytes) -> tuple[str, ...]:
        return self.at(self.second + 1, *txs)

    def until(self, second: int) -> None:
        while self.second < second:
            self.run()

    def decide(self, measure: Measure) -> None:
        """Proposed, and voted for by the one guardian; done in the block after."""
        number = self.all("docket")[0]["last"] + 1 if self.all("docket") else 1
        said = Propose(
            farm_id=FarmId(0),
            measure=measure,
            text_hash=bytes(32),
            link="",
            threshold=0,
            seconds=Seconds(0),
        )
        assert self.run(self.tx(self.guardian, said)) == ("ok",)
        if self.one("proposals", proposal=number)["state"] == 0:
            vote = VoteAsGuardian(proposal=number, yes=True)
            assert self.run(self.tx(self.guardian, vote)) == ("ok",)
        self.run()
        assert self.one("proposals", proposal=number)["state"] == 2

    def _commit(self) -> Commit | None:
        if self.tip.height == 0:
            return None
        slot = CommitSlot(flag=FOR_BLOCK, signature=bytes(64))
        return Commit(
            height=self.tip.height, round=Round(0), block_id=self.tip.block_id, slots=(slot,)
        )

    def tx(self, who: Key, body: Kind) -> bytes:
        """A transaction of somebody; several in one block get growing nonces."""
        free = isinstance(body, FreeKind)
        account = tables.ACCOUNTS.get(self.state(), who.address)
        nonce = 0 if free or account is None else account.nonce + self._made.get(who.address, 0)
        if not free:
            self._made[who.address] = self._made.get(who.address, 0) + 1
        envelope = Envelope(
            chain_id=self.model.chain_id,
            sender=who.address,
            nonce=nonce,
            valid_until=Height(self.tip.height + 10),
            fee=Utft(0 if free else FEE),
            kind=NUMBERS[type(body)],
        )
        return encode_transaction(envelope, layout(type(body)).pack(body), bytes(64))

    def found(self, coins: int = 10**10) -> None:
        """Blocks 1 and 2: coins for farmer and user; twins, farm `town` and node 1 of the farmer's."""
        faucet = key_of(1, "faucet")
        gifts = [Transfer(to=who.address, amount=Utft(coins)) for who in (self.farmer, self.user)]
        assert self.run(*[self.tx(faucet, gift) for gift in gifts]) == ("ok", "ok")
        twin = CreateTwin(relay="relay.town", public_key=b"")
        done = self.run(
            self.tx(self.farmer, twin),
            self.tx(self.farmer, CreateFarm(name="town")),
            self.tx(self.farmer, self.registration(2)),
            self.tx(self.user, CreateTwin(relay="", public_key=b"\x01\x02")),
        )
        assert done == ("ok",) * 4

    def registration(self, nonce: int, size: Resources = BIG) -> RegisterNode:
        message = acceptance_message(
            self.model.chain_id, self.farmer.address, nonce, FarmId(1), size
        )
        return RegisterNode(
            farm_id=FarmId(1),
            reporter=self.farmer.address,
            resources=size,
            country="Belgium",
            city="Gent",
            virtualized=False,
            acceptance=sign(seed_of_uri("//farmer"), message),
        )

    def report(self, second: int, uptime: int, node: int = 1) -> bytes:
        body = ReportUptime(node_id=NodeId(node), t=Seconds(START + second), uptime=uptime)
        return self.tx(self.farmer, body)

    def attend(self, first: int, last: int, step: int = 2) -> None:
        """Blocks in which node 1 says that it has been up since second 0."""
        for second in range(first, last + 1, step):
            self.at(second, self.report(second, second))

    def rows(self, query: str, *values: Any) -> list[sqlite3.Row]:
        cursor = self.model._connection.cursor()
        cursor.row_factory = sqlite3.Row
        return cursor.execute(query, values).fetchall()

    def one(self, table: str, **where: Any) -> dict[str, Any]:
        """The only row of a table that fits."""
        found = self.all(table, **where)
        assert len(found) == 1, found
        return found[0]

    def all(self, table: str, **where: Any) -> list[dict[str, Any]]:
        terms = " AND ".join(f'"{name}" IS ?' for name in where) or "1"
        query = f'SELECT * FROM "{table}" WHERE {terms} ORDER BY 1, 2'
        return [dict(row) for row in self.rows(query, *where.values())]


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """Nobody lives there yet. In the end the checksum must be what all rows add up to."""
    with opened_model(tmp_path / "town") as model:
        grown = Town(tmp_path / "town", model)
        yield grown
        assert model.recounted() == model.standing().checksum
