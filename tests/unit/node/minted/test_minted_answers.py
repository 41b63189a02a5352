"""Blocks, validators, lists of batches and proofs in them over HTTP: what is right, and what is bounded."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from tests.unit.node.minted.conftest import Minted


@pytest.fixture
async def http(minted: "Minted") -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=minted.url, trust_env=False) as client:
        yield client


async def ask(http: httpx.AsyncClient, path: str) -> Any:
    answer = await http.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_block_says_what_its_bytes_say(minted: "Minted", http: httpx.AsyncClient) -> None:
    last = await ask(http, "/v1/blocks/last")
    assert last == await ask(http, f"/v1/blocks/{minted.height}")
    assert last["id"] == last["signed"]["id"] == minted.block_id.hex()
    assert last["signatures"] == ["signed", "signed", "signed", "absent"]
    assert last["round"] == 0
    paying = await ask(http, "/v1/blocks/17")
    assert [(tx["kind"], tx["code"]) for tx in paying["txs"]] == [("mint", "ok")]


async def test_sealed_batches_are_named_by_height(
    minted: "Minted", http: httpx.AsyncClient
) -> None:
    page = await ask(http, "/v1/sealed")
    (row,) = page["sealed"]
    assert (row["schedule"], row["period"], page["next"]) == (0, 0, None)
    assert await ask(http, f"/v1/sealed?from={row['height']}") == page
    none: dict[str, Any] = {"sealed": [], "next": None}
    assert await ask(http, f"/v1/sealed?from={row['height'] + 1}") == none
    assert await ask(http, f"/v1/sealed?from={minted.height + 1}") == none


async def test_the_genesis_is_the_file(minted: "Minted", http: httpx.AsyncClient) -> None:
    answer = await http.get("/v1/genesis")
    assert answer.text == minted.genesis


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/v1/blocks/0", 404, "no such thing"),
        ("/v1/blocks/99", 404, "no such thing"),
        ("/v1/blocks/first", 400, "number"),
        ("/v1/blocks/-1", 400, "number"),
        ("/v1/blocks/18446744073709551616", 400, "at most"),
        ("/v1/blocks/" + "9" * 21, 400, "number"),
        ("/v1/validators?height=99", 404, "no such thing"),
        ("/v1/validators?height=x", 400, "number"),
        ("/v1/batches?last=101", 400, "at most"),
        ("/v1/batches?last=x", 400, "number"),
        ("/v1/sealed?from=x", 400, "number"),
        ("/v1/proofs/receipts", 400, "9 bytes"),
        ("/v1/proofs/receipts/0000000000", 400, "9 bytes"),
        ("/v1/proofs/mints/000000000000000000ff", 400, "9 bytes"),
        ("/v1/proofs/receipts/zz", 400, "hex"),
    ],
)
async def test_a_wrong_question_is_named(
    http: httpx.AsyncClient, path: str, status: int, says: str
) -> None:
    answer = await http.get(path)
    assert answer.status_code == status
    assert says in answer.json()["error"]


async def test_a_proof_of_a_batch_that_is_nowhere_says_so(http: httpx.AsyncClient) -> None:
    for batch in ("0000000001", "ff00000000"):
        plain = await ask(http, f"/v1/proofs/receipts/{batch}00000001")
        assert (plain["receipt"], plain["mint"]) == (None, None)
