"""What a node answers about batches: every field of a receipt, amounts as text, a page at a time."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import fields, replace
from typing import Any

import httpx
import pytest
import trio
import trio.testing
from starlette.types import Message, Receive, Scope, Send

from tfchain.base.address import to_text
from tfchain.base.shapes import encode_record
from tfchain.base.units import (
    Address,
    FarmId,
    Height,
    MilliUsd,
    NodeId,
    PeriodIndex,
    PolicyId,
    ScheduleId,
    Seconds,
    TwinId,
    Utft,
)
from tfchain.chain.receipts import receipt_id
from tfchain.client.http import connected
from tfchain.ledger import tables
from tfchain.ledger.minting import PAID, Answer, Attestation, Batch, Commitment, MintRecord, Receipt
from tfchain.ledger.records import Resources, ScheduleState
from tfchain.node.config import NodeConfig
from tfchain.node.disk import opened_disk
from tfchain.node.home import Home
from tfchain.node.http import REQUESTS_MAX, Bounded
from tfchain.node.node import Node

RunNode = Callable[..., AbstractAsyncContextManager[Node]]
HUGE = (1 << 64) - 1
PAYEE = Address(bytes([8]) * 32)
NAME = tables.batch_key(ScheduleId(0), PeriodIndex(0))


def batch(guardian: Address) -> Batch:
    return Batch(
        schedule=ScheduleId(0),
        period=PeriodIndex(0),
        start=Seconds(15),
        end=Seconds(75),
        state=PAID,
        commit_until=Seconds(97),
        attest_until=Seconds(127),
        pay_at=Seconds(100),
        node_last=NodeId(3),
        cursor=4,
        count=3,
        total=HUGE,
        frontier=(bytes(32), bytes(32)),
        root=bytes([1]) * 32,
        kept=0,
        guardians=(guardian,),
        answers=(Answer(guardian=guardian, agrees=True, late=False),),
        payable=7,
        pay_cursor=4,
        minted=5,
        mints_count=3,
        mints_frontier=(),
        mints_root=b"",
    )


def receipt(node: int) -> Receipt:
    return Receipt(
        schedule=ScheduleId(0),
        period=PeriodIndex(0),
        node_id=NodeId(node),
        twin_id=TwinId(2),
        farm_id=FarmId(1),
        farm_name="farm",
        stellar_address="G",
        account=PAYEE,
        regime=3,
        start=Seconds(15),
        end=Seconds(75),
        uptime=Seconds(60),
        uptime_permille=1_000,
        floor_permille=950,
        cru=8,
        mru=HUGE,
        hru=0,
        sru=1,
        cu=4_000_000,
        su=0,
        nu=0,
        ip_seconds=0,
        policy_id=PolicyId(1),
        price_cu=2_400,
        price_su=1_000,
        price_nu=30,
        price_ipv4=5,
        minimal_uptime=95,
        certified=False,
        connection_price=MilliUsd(80),
        base_musd=9_600,
        musd=9_600,
        violation=0,
        evidence=(1, HUGE),
        slow_boots=0,
        reason="",
        amount=Utft(HUGE),
        text_hash=bytes(32),
        in_use=Resources(cru=0, mru=0, hru=0, sru=0),
    )


def mint(node: int) -> MintRecord:
    return MintRecord(
        schedule=ScheduleId(0),
        period=PeriodIndex(0),
        node_id=NodeId(node),
        account=PAYEE,
        owed=Utft(HUGE),
        amount=Utft(5),
        lock=0,
        receipt=bytes(32),
        height=Height(9),
    )


@pytest.fixture
def guardian(people: Any) -> Address:
    address: Address = people.address(people.validators[0])
    return address


@pytest.fixture
def paid(home: Home, config: NodeConfig, guardian: Address) -> Home:
    """A home whose store has a batch that is over: rows as a block would have left them."""
    said = tables.of_guardian(NAME, guardian)
    commitment = Commitment(digest=bytes([2]) * 32, height=Height(4))
    attestation = Attestation(root=bytes([1]) * 32, total=HUGE, count=3, height=Height(6))
    rows = {
        tables.BATCHES.stored_at(NAME): batch(guardian),
        tables.COMMITMENTS.stored_at(said): commitment,
        tables.ATTESTATIONS.stored_at(said): attestation,
        tables.SCHEDULES.stored_at(tables.schedule_key(ScheduleId(0))): ScheduleState(
            running=PeriodIndex(0), live=()
        ),
    }
    for node in (1, 2, 3):
        key = tables.in_batch(NAME, node)
        rows[tables.RECEIPTS.stored_at(key)] = receipt(node)
        rows[tables.MINTS.stored_at(key)] = mint(node)
    with opened_disk(home, config, allow_old_store=False) as disk:
        disk.store.write([(key, encode_record(row)) for key, row in rows.items()])
    return home


async def test_a_batch_shows_what_its_guardians_said(
    paid: Home, running: RunNode, guardian: Address
) -> None:
    name = to_text(guardian)
    async with running(paid) as node, connected(f"http://127.0.0.1:{node.http_port}") as client:
        shown = await client.batch(ScheduleId(0), PeriodIndex(0))
        assert shown is not None
        assert shown["state"] == "paid"
        assert (shown["total"], shown["payable"], shown["minted"]) == (str(HUGE), "7", "5")
        assert (shown["start"], shown["count"]) == (15, 3)
        assert shown["guardians"] == [name]
        assert shown["answers"] == [{"guardian": name, "agrees": True, "late": False}]
        assert shown["commitments"] == [{"guardian": name, "digest": "02" * 32, "height": 4}]
        assert shown["attestations"] == [
            {"guardian": name, "root": "01" * 32, "total": str(HUGE), "count": 3, "height": 6}
        ]
        assert "frontier" not in shown
        assert "mints_frontier" not in shown
        status = await client.status()
        assert status["batches"] == [shown]


async def test_receipts_have_every_field_and_their_id(paid: Home, running: RunNode) -> None:
    async with running(paid) as node, connected(f"http://127.0.0.1:{node.http_port}") as client:
        rows = await client.receipts(ScheduleId(0), PeriodIndex(0))
    assert [row["node_id"] for row in rows] == [1, 2, 3]
    first = rows[0]
    assert set(first) == {"id", *(field.name for field in fields(Receipt))}
    assert first["id"] == receipt_id(receipt(1)).hex()
    assert (first["amount"], first["mru"]) == (str(HUGE), str(HUGE))
    assert (first["connection_price"], first["uptime"]) == ("80", 60)
    assert first["account"] == to_text(PAYEE)
    assert first["certified"] is False
    assert first["evidence"] == [1, HUGE]


@pytest.mark.parametrize(
    ("query", "nodes", "after"),
    [
        pytest.param("", [1, 2, 3], None, id="all"),
        pytest.param("?limit=2", [1, 2], 3, id="a first page"),
        pytest.param("?from=3&limit=2", [3], None, id="a last page"),
        pytest.param("?from=4", [], None, id="behind the last"),
        pytest.param("?limit=0", [], None, id="an empty page"),
    ],
)
async def test_rows_come_in_pages(
    paid: Home, running: RunNode, query: str, nodes: list[int], after: int | None
) -> None:
    """1.16.5."""
    async with running(paid) as node, httpx.AsyncClient(trust_env=False) as http:
        for rows in ("receipts", "mints"):
            url = f"http://127.0.0.1:{node.http_port}/v1/batches/0/0/{rows}{query}"
            page = (await http.get(url)).json()
            assert [row["node_id"] for row in page[rows]] == nodes
            assert page["next"] == after


async def test_one_request_too_many_is_told_to_come_again() -> None:
    """1.16.5."""
    said: list[Message] = []
    hold = trio.Event()

    async def slow(_scope: Scope, _receive: Receive, _send: Send) -> None:
        await hold.wait()

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        said.append(message)

    bounded = Bounded(slow)
    scope = {"type": "http"}
    async with trio.open_nursery() as nursery:
        for _ in range(REQUESTS_MAX):
            nursery.start_soon(bounded, scope, receive, send)
        await trio.testing.wait_all_tasks_blocked()
        await bounded(scope, receive, send)
        assert said[0]["status"] == 503
        hold.set()
    said.clear()
    await bounded(scope, receive, send)
    assert said == []


async def test_a_batch_before_its_seal_names_today_s_guardians(
    paid: Home, running: RunNode, config: NodeConfig, guardian: Address
) -> None:
    with opened_disk(paid, config, allow_old_store=False) as disk:
        row = encode_record(replace(batch(guardian), guardians=(), answers=()))
        disk.store.write([(tables.BATCHES.stored_at(NAME), row)])
    async with running(paid) as node, connected(f"http://127.0.0.1:{node.http_port}") as client:
        shown = await client.batch(ScheduleId(0), PeriodIndex(0))
    assert shown is not None
    assert shown["guardians"] == [to_text(guardian)]
