"""The client and the node's HTTP face mean the same by everything."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from tfchain.base.units import PeriodIndex, ScheduleId
from tfchain.client.http import connected
from tfchain.errors import Malformed, Rejected
from tfchain.node.home import Home
from tfchain.node.node import Node
from tfchain.store.export import read_records

RunNode = Callable[..., AbstractAsyncContextManager[Node]]


async def test_a_client_submits_waits_and_asks(
    home: Home, running: RunNode, transfer: Callable[..., bytes], people: Any, tmp_path: Path
) -> None:
    async with running(home) as node, connected(f"http://127.0.0.1:{node.http_port}") as client:
        raw = transfer(node.chain_id, 0)
        result = await client.submit_one(raw)
        found = await client.wait_committed(result.id)
        assert (found.code, found.status) == ("ok", "committed")
        again = await client.submit_one(raw)
        assert (again.code, again.height) == ("committed", found.height)
        account = await client.account(people.address(people.rich))
        assert account.nonce == 1
        assert account.balance < 1_000_000_000_000
        assert (await client.tx(bytes(32))).status == "unknown"
        assert await client.height() >= (found.height or 0)
        assert await client.batch(ScheduleId(0), PeriodIndex(0)) is None
        assert await client.receipts(ScheduleId(0), PeriodIndex(0)) == []
        size = await client.export(tmp_path / "chain")
        assert size == (tmp_path / "chain").stat().st_size
        with (tmp_path / "chain").open("rb") as file:
            assert sum(1 for _ in read_records(file)) >= 3


async def test_a_refused_transaction_keeps_its_code(
    home: Home, running: RunNode, transfer: Callable[..., bytes]
) -> None:
    async with running(home) as node, connected(f"http://127.0.0.1:{node.http_port}") as client:
        with pytest.raises(Rejected) as refusal:
            await client.submit_one(transfer(node.chain_id, 50))
        assert refusal.value.code == "nonce"
        with pytest.raises(Malformed, match="more than"):
            await client.submit([bytes(20_000)])
