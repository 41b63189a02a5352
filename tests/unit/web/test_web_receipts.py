"""The receipts API, against the ledger's own receipts and the public server's manners."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tfchain.base.crypto import plain_digest
from tfchain.chain.receipts import receipt_id, v3_text
from tfchain.index.database import LedgerRows
from tfchain.index.model import Model, opened_model
from tfchain.ledger import tables
from tfchain.ledger.minting import DISPUTED, PAID, SEALED, Receipt
from tfchain.rules.receipt_text import NO_REWARD, RetryText, retry_text
from tfchain.web.receipts import u32

FIELDS = [
    "period",
    "node_id",
    "twin_id",
    "farm_id",
    "farm_name",
    "stellar_payout_address",
    "measured_uptime",
    "tft_connection_price",
    "cloud_units",
    "resource_units",
    "resource_utilization",
    "reward",
    "carbon_offset",
    "node_type",
    "farming_policy_id",
    "resource_rewards",
]


def receipts_of(model: Model) -> list[Receipt]:
    with closing(sqlite3.connect(model.path)) as file:
        found = LedgerRows(file).scan(tables.RECEIPTS.stored_at(b""))
        return [tables.RECEIPTS.decode(value) for _, value in found]


async def test_every_receipt_of_the_ledger_is_there_to_the_byte(shown: Model, browse: Any) -> None:
    receipts = receipts_of(shown)
    assert len(receipts) == 12
    async with browse(shown) as http:
        for receipt in receipts:
            text = v3_text(receipt)
            name = plain_digest(text.encode()).hex()
            answer = await http.get(f"/api/v1/receipt/{name}")
            assert answer.status_code == 200
            assert answer.text == f'{{"Minting":{text}}}'
            assert list(answer.json()["Minting"]) == FIELDS
            assert receipt.text_hash.hex() == name
            by_id = await http.get(f"/api/v1/receipt/{receipt_id(receipt).hex()}")
            assert by_id.text == answer.text


async def test_a_nodes_receipts_are_a_list_with_their_hashes(shown: Model, browse: Any) -> None:
    async with browse(shown) as http:
        for receipt in receipts_of(shown):
            answer = await http.get(f"/api/v1/node/{receipt.node_id}")
            text = v3_text(receipt)
            due = f'[{{"hash":"{receipt.text_hash.hex()}","receipt":{{"Minting":{text}}}}}]'
            assert answer.text == due
            assert answer.headers["content-type"] == "application/json"
            assert answer.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/node/13",
        "/api/v1/node/4294967295",
        f"/api/v1/receipt/{'0' * 64}",
        f"/api/v1/receipt/{'A' * 64}",
        "/api/v1/receipt/12",
        "/api/v1/receipt/%00",
        "/api/v1/receipt/" + "0" * 5000,
    ],
)
async def test_what_is_not_there_is_404_with_an_empty_body(
    path: str, shown: Model, browse: Any
) -> None:
    async with browse(shown) as http:
        answer = await http.get(path)
    assert (answer.status_code, answer.content) == (404, b"")


@pytest.mark.parametrize(
    "number", ["abc", "-1", "1.0", "4294967296", "9" * 40, "\u0661", "+", "%20"]
)
async def test_what_is_no_number_is_400(number: str, shown: Model, browse: Any) -> None:
    async with browse(shown) as http:
        answer = await http.get(f"/api/v1/node/{number}")
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize(("text", "number"), [("+7", 7), ("007", 7), ("4294967295", 2**32 - 1)])
def test_numbers_are_read_as_the_public_server_reads_them(text: str, number: int) -> None:
    assert u32(text) == number


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
async def test_nobody_writes_receipts(method: str, shown: Model, browse: Any) -> None:
    async with browse(shown) as http:
        assert (await http.request(method, "/api/v1/node/1")).status_code == 405


async def test_answers_are_zipped_for_who_asks(shown: Model, browse: Any) -> None:
    async with browse(shown) as http:
        small = await http.get("/api/v1/node/1", headers={"accept-encoding": "gzip"})
        assert "content-encoding" not in small.headers


@pytest.fixture
def changed(recorded: Any, tmp_path: Path) -> Any:
    """The recorded chain, with something in the read model that no devnet has."""
    with opened_model(tmp_path) as model:
        recorded.into(model)
    with closing(sqlite3.connect(tmp_path / "read.sqlite")) as file, file:
        yield Model(file, tmp_path), file


@pytest.mark.parametrize(("state", "there"), [(SEALED, False), (DISPUTED, False), (PAID, True)])
async def test_receipts_are_there_once_their_batch_is_approved(
    state: int, there: bool, changed: Any, browse: Any
) -> None:
    model, file = changed
    file.execute("UPDATE batches SET state = ?", (state,))
    file.commit()
    async with browse(model) as http:
        assert (await http.get("/api/v1/node/1")).status_code == (200 if there else 404)


async def test_who_a_ruling_left_out_has_no_receipt(changed: Any, browse: Any) -> None:
    model, file = changed
    file.execute("INSERT INTO rulings VALUES (0, 0, 1, 0, 90, ?)", (json.dumps({"without": [2]}),))
    file.commit()
    async with browse(model) as http:
        assert (await http.get("/api/v1/node/1")).status_code == 200
        assert (await http.get("/api/v1/node/2")).status_code == 404


async def test_a_retry_stands_under_its_hash_alone(changed: Any, browse: Any) -> None:
    model, file = changed
    text = retry_text(
        RetryText(
            failed=(1, 2),  # type: ignore[arg-type]
            retried=(2, 3),  # type: ignore[arg-type]
            farm_id=1,  # type: ignore[arg-type]
            previous_stellar_payout_address="GA",
            stellar_payout_address="GB",
            retry_for_receipt=bytes(32),
            reward=NO_REWARD,
        )
    )
    name = plain_digest(text.encode()).hex()
    file.execute("INSERT INTO retries VALUES (?, ?)", (name, text))
    file.commit()
    async with browse(model) as http:
        assert (await http.get(f"/api/v1/receipt/{name}")).text == f'{{"Retry":{text}}}'
        assert "Retry" not in (await http.get("/api/v1/node/1")).text
