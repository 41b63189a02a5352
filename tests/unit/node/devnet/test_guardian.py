"""A guardian's desk over a real store and a real second program, a block at a time."""

import os
import signal
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from tfchain.base.units import Height, NodeId, Seconds
from tfchain.chain.execute import outcome_of
from tfchain.chain.receipts import receipt_id
from tfchain.client.keys import Key
from tfchain.ledger import tables
from tfchain.ledger.disputes import Dispute
from tfchain.ledger.minting import (
    APPROVED,
    COMMIT,
    DISPUTED,
    OPEN,
    PAID,
    PAYING,
    POST,
    SEALED,
    SETTLING,
    STATES,
    VOID,
    Attestation,
    Commitment,
)
from tfchain.ledger.state import State
from tfchain.node.devnet.homes import key_of
from tfchain.node.guardian import duty as rules
from tfchain.node.guardian import naming
from tfchain.node.guardian.desk import Desk, keep_desk
from tfchain.node.guardian.duty import Case, Mine
from tfchain.tx.kinds.attest_mint import AttestMint
from tfchain.tx.kinds.commit_mint import CommitMint
from tfchain.tx.kinds.dispute_nodes import DisputeNodes
from tfchain.tx.registry import open_body
from tfchain.tx.transaction import decode_transaction

MakeLedger = Callable[..., Any]
KEY: Key = key_of(7, "guardian/0")
MINE = Mine(root=b"r" * 32, total=5, count=2, salt=b"s" * 32)
OTHER = Mine(root=b"q" * 32, total=5, count=2, salt=b"s" * 32)
COMMIT_S, SEALED_S, DISPUTED_S = 90, 100, 131
"""Seconds at which period 0 is in its commit window, is sealed, and is disputed if nobody agrees."""


class Office:
    """A desk in step with its ledger: the next block waits until the desk has seen the last."""

    def __init__(self, ledger: Any, checkpoint: Path) -> None:
        self.ledger = ledger
        self.lines: list[str] = []
        self.sent: list[bytes] = []
        self.answer = "ok"
        self.loses = False
        self._seen = 0
        self._moved = trio.Event()
        self.desk = Desk(
            chain=ledger.chain,
            key=KEY,
            checkpoint=checkpoint,
            submit=self._submit,
            wait_above=self._wait_above,
            log=self.lines.append,
        )

    async def _submit(self, raw: bytes) -> str:
        self.sent.append(raw)
        if not self.loses:
            await self.ledger.submit([raw])
        return self.answer

    async def _wait_above(self, height: Height) -> None:
        self._seen = height
        self._move()
        while self.ledger.chain.height() <= height:
            await self._moved.wait()

    def _move(self) -> None:
        self._moved.set()
        self._moved = trio.Event()

    async def until(self, second: int) -> None:
        await self._attended()
        while self.ledger.second < second:
            self.ledger.step()
            self._move()
            await self._attended()

    async def _attended(self) -> None:
        while self._seen < self.ledger.chain.height():
            await self._moved.wait()

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Office"]:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(keep_desk, self.desk)
            yield self
            nursery.cancel_scope.cancel()

    def kinds(self) -> list[type]:
        return [type(open_body(decode_transaction(raw))) for raw in self.sent]


@pytest.fixture
def office(make_ledger: MakeLedger, tmp_path: Path) -> Office:
    """A guardian's office, the only one of its network."""
    return Office(make_ledger(2), tmp_path / "columns")


async def test_a_batch_is_committed_attested_and_paid_once(office: Office) -> None:
    async with office.open():
        await office.until(115)
    assert office.kinds() == [CommitMint, AttestMint]
    batch = office.ledger.batch()
    assert STATES[batch.state] == "paid"
    assert [answer.agrees for answer in batch.answers] == [True]
    assert office.ledger.refused == []
    assert not any("DISAGREEMENT" in line for line in office.lines)


@pytest.mark.parametrize(
    "stops",
    [pytest.param([89], id="in the commit window"), pytest.param([89, 97, 99, 101], id="often")],
)
async def test_a_desk_that_is_opened_again_says_nothing_twice(
    office: Office, stops: list[int], tmp_path: Path
) -> None:
    offices = []
    for second in [*stops, 115]:
        again = Office(office.ledger, tmp_path / "columns")
        async with again.open():
            await again.until(second)
        offices.append(again)
    kinds = {raw: kind for one in offices for raw, kind in zip(one.sent, one.kinds(), strict=True)}
    assert list(kinds.values()) == [CommitMint, AttestMint]
    assert STATES[office.ledger.batch().state] == "paid"


async def test_a_desk_that_slept_through_the_window_attests_after_the_deadline(
    office: Office,
) -> None:
    office.ledger.until(SEALED_S)
    async with office.open():
        await office.until(SEALED_S + 20)
        assert office.sent == []
        await office.until(SEALED_S + 35)
    assert office.kinds() == [AttestMint]
    assert [answer.late for answer in office.ledger.batch().answers] == [True]


async def test_a_lost_transaction_is_handed_in_again_and_then_made_anew(office: Office) -> None:
    async with office.open():
        await office.until(COMMIT_S - 4)
        office.loses = True
        await office.until(COMMIT_S)
        assert len(set(office.sent)) == 1
        assert len(office.sent) > 1
        office.loses = False
        await office.until(115)
    assert office.kinds()[-1] is AttestMint
    assert STATES[office.ledger.batch().state] == "paid"


async def test_one_that_expired_is_made_anew(office: Office) -> None:
    async with office.open():
        await office.until(COMMIT_S + 5)
        office.loses = True
        await office.until(SEALED_S)
        assert office.kinds()[-1] is AttestMint
        await office.until(SEALED_S + 20)
    assert len(set(office.sent)) > 2
    assert any("was lost" in line for line in office.lines)


async def test_a_refusal_of_the_pool_is_said(office: Office) -> None:
    async with office.open():
        await office.until(COMMIT_S - 4)
        office.answer, office.loses = "balance", True
        await office.until(COMMIT_S)
    assert any("not taken yet: balance" in line for line in office.lines)


async def test_what_a_block_refused_is_given_up(office: Office) -> None:
    ledger = office.ledger
    async with office.open():
        await office.until(COMMIT_S - 4)
        forge(ledger, "guardians", accounts=(key_of(7, "stranger").address,))
        await office.until(SEALED_S + 10)
    assert office.kinds() == [CommitMint]
    assert ledger.refused == ["not_a_guardian"]


def forge(ledger: Any, table: str, **changes: Any) -> None:
    """Write a changed row past all rules."""
    state = State(ledger.store)
    found: Any = next(one for one in tables.TABLES if one.name == table)
    key = tables.SINGLE if table == "guardians" else changes.pop("key")
    found.put(state, key, replace(found.need(state, key), **changes))
    ledger.store.write(outcome_of(ledger.store, state, []).rows)
    ledger.mirror._rows.write(outcome_of(ledger.mirror._rows, state, []).rows)


async def test_a_disagreement_is_said_aloud_and_names_the_nodes(office: Office) -> None:
    ledger = office.ledger
    place = tables.id_key(2)
    async with office.open():
        await office.until(COMMIT_S)
        account = replace(ledger.mirror.uptime(2).ended, total=Seconds(7))
        forge(ledger, "uptimes", key=place, ended=account)
        await office.until(SEALED_S + 5)
    loud = [line for line in office.lines if "DISAGREEMENT" in line]
    assert len(loud) == 2
    assert "batch 0/0" in loud[0]
    assert "node 2: the ledger has 7 s" in loud[1]
    assert [answer.agrees for answer in ledger.batch().answers] == [False]


async def test_in_a_dispute_the_desk_names_its_nodes_once(office: Office) -> None:
    ledger = office.ledger
    async with office.open():
        await office.until(COMMIT_S)
        account = replace(ledger.mirror.uptime(2).ended, total=Seconds(7))
        forge(ledger, "uptimes", key=tables.id_key(2), ended=account)
        await office.until(DISPUTED_S + 9)
    assert ledger.batch().state == DISPUTED
    assert office.kinds().count(DisputeNodes) == 1
    told = [open_body(decode_transaction(raw)) for raw in office.sent]
    (body,) = [body for body in told if isinstance(body, DisputeNodes)]
    (one,) = body.named
    place = tables.of_guardian(tables.batch_key(body.schedule, body.period), KEY.address)
    state = State(ledger.store)
    assert tables.DISPUTES.need(state, place).named == body.named
    assert (one.node_id, one.amount > 0) == (2, True)
    stored = tables.RECEIPTS.need(state, tables.in_batch(place[:5], 2))
    assert one.receipt != receipt_id(stored)


async def test_a_node_that_has_a_receipt_on_one_side_alone_differs(office: Office) -> None:
    ledger = office.ledger
    async with office.open():
        await office.until(SEALED_S + 5)
    batch, name = ledger.batch(), tables.batch_key(ledger.batch().schedule, ledger.batch().period)
    state = State(ledger.store)
    rows = [tables.RECEIPTS.need(state, tables.in_batch(name, node)) for node in (1, 2)]
    more = replace(rows[1], node_id=NodeId(3))
    found = naming._between(ledger.chain, batch, [rows[0], more], (0, 3))
    assert [(row.node_id, row.mine is None, row.theirs is None) for row in found] == [
        (2, True, False),
        (3, False, True),
    ]
    nodes = [naming._named(row) for row in found]
    assert [node.receipt for node in nodes] == [naming.NO_RECEIPT, receipt_id(more)]


async def test_a_killed_program_is_started_again(
    office: Office, autojump_clock: trio.testing.MockClock
) -> None:
    async with office.open():
        await office.until(50)
        os.kill(child_of(os.getpid()), signal.SIGKILL)
        await office.until(115)
    assert any("has ended" in line for line in office.lines)
    assert office.kinds() == [CommitMint, AttestMint]
    assert STATES[office.ledger.batch().state] == "paid"


def child_of(parent: int) -> int:
    """The second program's process, by the system's own list."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        name, _, rest = path.read_text(encoding="utf-8", errors="replace").rpartition(") ")
        fields = rest.split()
        if int(fields[1]) == parent and fields[0] != "Z":
            command = path.with_name("cmdline").read_bytes()
            if b"tfchain.node.guardian.columns_child" in command:
                return int(name.split()[0])
    raise AssertionError("there is no second program")


# --- what is due ----------------------------------------------------------------------------------


def case(
    ledger: Any,
    state: int,
    committed: Mine | None = None,
    said: Mine | None = None,
    guardians: Iterable[bytes] = (KEY.address,),
) -> Case:
    batch = replace(
        ledger.batch(),
        state=state,
        guardians=tuple(guardians),
        attest_until=Seconds(1_000),
    )
    return Case(
        batch=batch,
        commitment=None
        if committed is None
        else Commitment(digest=committed.digest, height=Height(1)),
        attestation=None
        if said is None
        else Attestation(root=said.root, total=said.total, count=said.count, height=Height(1)),
    )


@pytest.mark.parametrize(
    ("state", "committed", "said", "now", "due"),
    [
        pytest.param(OPEN, None, None, 0, None, id="the period runs"),
        pytest.param(POST, None, None, 0, None, id="reports still come"),
        pytest.param(COMMIT, None, None, 0, CommitMint, id="the window is open"),
        pytest.param(COMMIT, OTHER, None, 0, CommitMint, id="another result was committed"),
        pytest.param(COMMIT, MINE, None, 0, None, id="committed already"),
        pytest.param(SETTLING, None, None, 0, None, id="the window is closed"),
        pytest.param(SEALED, MINE, None, 0, AttestMint, id="sealed"),
        pytest.param(SEALED, MINE, MINE, 0, None, id="attested already"),
        pytest.param(SEALED, MINE, OTHER, 0, AttestMint, id="attested wrongly"),
        pytest.param(DISPUTED, MINE, MINE, 0, None, id="attested in a dispute"),
        pytest.param(VOID, MINE, None, 0, None, id="void"),
        pytest.param(SEALED, None, None, 999, None, id="without a commitment: not yet"),
        pytest.param(DISPUTED, None, None, 1_000, AttestMint, id="without one: now"),
        pytest.param(SEALED, OTHER, None, 999, None, id="another commitment: not yet"),
        pytest.param(APPROVED, MINE, None, 0, AttestMint, id="approved without us"),
        pytest.param(APPROVED, MINE, OTHER, 0, None, id="approved: too late to mend"),
        pytest.param(PAYING, MINE, MINE, 0, None, id="paying"),
        pytest.param(PAID, MINE, None, 0, AttestMint, id="paid without us"),
    ],
)
def test_what_is_due(
    make_ledger: MakeLedger,
    state: int,
    committed: Mine | None,
    said: Mine | None,
    now: int,
    due: type | None,
) -> None:
    ledger = make_ledger(1)
    ledger.until(16)
    asked = case(ledger, state, committed, said)
    body = rules.duty(asked, KEY.address, MINE, Seconds(now))
    assert (None if body is None else type(body)) == due


@pytest.mark.parametrize(
    ("state", "said", "ledgers", "due"),
    [
        pytest.param(DISPUTED, MINE, OTHER, True, id="another result, attested"),
        pytest.param(DISPUTED, MINE, MINE, False, id="the ledger's own"),
        pytest.param(DISPUTED, OTHER, OTHER, False, id="an attestation to be mended first"),
        pytest.param(DISPUTED, None, OTHER, False, id="none yet"),
        pytest.param(SEALED, MINE, OTHER, False, id="it may still be approved"),
        pytest.param(VOID, MINE, OTHER, False, id="void"),
    ],
)
def test_who_differs_names_his_nodes_in_a_dispute(
    make_ledger: MakeLedger, state: int, said: Mine | None, ledgers: Mine, due: bool
) -> None:
    ledger = make_ledger(1)
    ledger.until(16)
    asked = case(ledger, state, MINE, said)
    batch = replace(asked.batch, root=ledgers.root, total=ledgers.total, count=ledgers.count)
    asked = replace(asked, batch=batch)
    assert rules.must_name(asked, MINE) == due
    named = replace(asked, dispute=Dispute(named=(), height=Height(1)))
    assert not due or rules.is_settled(named, KEY.address, MINE)
    assert not due or not rules.is_settled(asked, KEY.address, MINE)


def test_a_stranger_owes_nothing(make_ledger: MakeLedger) -> None:
    ledger = make_ledger(1)
    ledger.until(16)
    asked = case(ledger, SEALED, MINE, None, guardians=())
    assert rules.is_settled(asked, KEY.address)
    assert rules.duty(asked, KEY.address, MINE, Seconds(0)) is None


def test_a_salt_is_the_same_again_and_nobody_elses() -> None:
    salt = rules.salt_of(KEY, "devnet-1", (0, 3))
    assert salt == rules.salt_of(KEY, "devnet-1", (0, 3))
    others = [
        rules.salt_of(KEY, "devnet-2", (0, 3)),
        rules.salt_of(KEY, "devnet-1", (0, 4)),
        rules.salt_of(KEY, "devnet-1", (1, 3)),
        rules.salt_of(key_of(7, "guardian/1"), "devnet-1", (0, 3)),
    ]
    assert len({salt, *others}) == 5
