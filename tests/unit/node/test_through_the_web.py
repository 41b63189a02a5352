"""Whoever speaks with a validator can speak with the web beside it: same paths, same words, same proofs."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import jsonschema_rs
import pytest
import trio

from tfchain.base.limits import HTTP_BODY_BYTES_MAX
from tfchain.base.units import Address
from tfchain.client.chain import opened
from tfchain.client.http import Client, connected
from tfchain.client.stream import BlockStream
from tfchain.errors import Malformed, Rejected, Unavailable
from tfchain.ledger import tables
from tfchain.ledger.records import Account
from tfchain.node.config import LOOPBACK, Place
from tfchain.node.home import Home
from tfchain.node.node import Node
from tfchain.store.export import read_records
from tfchain.web.api.table import ENDPOINTS
from tfchain.web.parts import Web
from tfchain.web.serving import Options, run_web

RunNode = Callable[..., AbstractAsyncContextManager[Node]]
ANSWERS: Final = {one.path: one.answer for one in ENDPOINTS if one.method == "GET"}


@asynccontextmanager
async def web_of(node: Node, folder: Path) -> AsyncIterator[tuple[Web, str]]:
    """A web that follows this node, and its URL."""
    found: list[tuple[Web, str]] = []
    there = trio.Event()

    def ready(web: Web, port: int) -> None:
        found.append((web, f"http://{LOOPBACK}:{port}"))
        there.set()

    options = Options(
        folder=folder,
        place=Place(host=LOOPBACK, port=0),
        node=f"http://{LOOPBACK}:{node.http_port}",
        export=None,
        rebuild=False,
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(run_web, options, print, ready)
        await there.wait()
        yield found[0]
        nursery.cancel_scope.cancel()


@pytest.fixture
async def both(
    home: Home, running: RunNode, tmp_path: Path
) -> AsyncIterator[tuple[Node, Web, str]]:
    async with running(home) as node, web_of(node, tmp_path / "web") as (web, url):
        await web.watch.heads.wait_for(3)
        yield node, web, url


async def test_a_client_submits_waits_and_reads_what_it_wrote(
    both: tuple[Node, Web, str], transfer: Callable[..., bytes], people: Any, tmp_path: Path
) -> None:
    node, _, url = both
    async with connected(url) as client:
        height = 0
        for nonce in range(3):
            result = await client.submit_one(transfer(node.chain_id, nonce))
            found = await client.wait_committed(result.id)
            assert found.code == "ok"
            height = found.height or 0
            assert (await client.account(people.address(people.rich))).nonce == nonce + 1
        assert await client.height() >= height > 0
        with pytest.raises(Rejected) as refusal:
            await client.submit_one(transfer(node.chain_id, 50))
        assert refusal.value.code == "nonce"
        with pytest.raises(Malformed, match="more than"):
            await client.submit([bytes(20_000)])
        await client.export(tmp_path / "chain")
        with (tmp_path / "chain").open("rb") as file:
            assert sum(1 for _ in read_records(file)) >= 3
        stream = BlockStream(client, 1)  # type: ignore[arg-type]
        assert [(await stream.next_block()).header.height for _ in range(3)] == [1, 2, 3]


async def test_proofs_hold_from_the_genesis_that_it_gives(
    both: tuple[Node, Web, str], people: Any
) -> None:
    _, _, url = both
    async with opened(url) as chain:
        rich: Address = people.address(people.rich)
        row = (await chain.proven(tables.ACCOUNTS.name, rich)).row
        assert row is not None
        found: Account = tables.ACCOUNTS.decode(row)
        assert found == await chain.client.account(rich)


SAME: Final = [
    ("/v1/genesis", "/v1/genesis"),
    ("/v1/blocks/{height}", "/v1/blocks/2"),
    ("/v1/light/{height}", "/v1/light/2"),
    ("/v1/validators", "/v1/validators?height=2"),
    ("/v1/sealed", "/v1/sealed?from=1"),
    ("/v1/batches", "/v1/batches?last=2"),
    ("/v1/txs/{id}", "/v1/txs/" + "00" * 32),
    ("", "/v1/blocks/999999"),
    ("", "/v1/validators?height=999999"),
    ("", "/v1/nodes/1"),
    ("", "/v1/farms/1"),
    ("", "/v1/batches/0/999"),
    ("", "/v1/batches/0/999/receipts"),
    ("", "/v1/proofs/receipts/00"),
]


async def test_every_answer_is_the_validators(both: tuple[Node, Web, str], people: Any) -> None:
    node, _, url = both
    direct = f"http://{LOOPBACK}:{node.http_port}"
    async with httpx.AsyncClient(trust_env=False) as http:
        for path, asked in SAME:
            one, other = await http.get(direct + asked), await http.get(url + asked)
            assert (other.status_code, other.text) == (one.status_code, one.text), asked
            if path and path != "/v1/genesis":
                jsonschema_rs.Draft202012Validator(ANSWERS[path]).validate(other.json())
        status = (await http.get(f"{url}/v1/status")).json()
        jsonschema_rs.Draft202012Validator(ANSWERS["/v1/status"]).validate(status)
        proof = (await http.get(f"{url}/v1/proofs/params")).json()
        jsonschema_rs.Draft202012Validator(ANSWERS["/v1/proofs/{table}"]).validate(proof)
        again = await http.get(f"{url}/v1/blocks/2")
        tag = {"if-none-match": again.headers["etag"]}
        assert (await http.get(f"{url}/v1/blocks/2", headers=tag)).status_code == 304
        assert (await http.head(f"{url}/v1/export")).content == b""


async def test_a_body_is_as_long_as_a_validator_takes_it(both: tuple[Node, Web, str]) -> None:
    _, _, url = both
    async with httpx.AsyncClient(trust_env=False) as http:
        long = json.dumps({"txs": ["00" * 16_384] * 60})
        assert 1 << 20 < len(long) < HTTP_BODY_BYTES_MAX
        taken = await http.post(f"{url}/v1/txs", content=long)
        assert [row["code"] for row in taken.json()["results"]] == ["malformed"] * 60
        odd = await http.post(f"{url}/v1/light/attacks", content=b"{}")
        assert odd.status_code == 400


async def test_while_nobody_answers_it_says_so(both: tuple[Node, Web, str], tmp_path: Path) -> None:
    _, web, url = both
    assert web.client is not None
    web.client.url = f"http://{LOOPBACK}:1"
    async with connected(url) as client:
        with pytest.raises(Unavailable, match="does not answer"):
            await client.status()
        assert await client.genesis()
        with pytest.raises(Unavailable, match=r"cannot answer .the node does not answer"):
            await client.export(tmp_path / "chain")
    assert isinstance(web.client, Client)
