"""Every endpoint on a recorded devnet: what it shows is in the ledger, and fits its own schema."""

import json
import re
from collections.abc import Callable
from typing import Any, Final

import httpx
import jsonschema_rs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tfchain.base.units import PeriodIndex, ScheduleId
from tfchain.index.database import LedgerRows
from tfchain.index.model import Model, opened_model
from tfchain.ledger import tables
from tfchain.ledger.block import Block
from tfchain.ledger.state import State
from tfchain.node import answers, ledger_answers, ledger_views, queries
from tfchain.tx.transaction import decode_transaction
from tfchain.web.api.endpoint import Endpoint, Passed, Read
from tfchain.web.api.openapi import document
from tfchain.web.api.table import ENDPOINTS

FARMER: Final = "5DR2AMFR8BQ9ZhW33NaEDH7uqrsVzu7zpXoDR6Kk7PcLPuUd"
NAMES: Final = {
    "id": "1",
    "height": "5",
    "account": FARMER,
    "address": FARMER,
    "node_id": "1",
    "start": "1795281129",
    "schedule": "0",
    "period": "0",
    "rows": "receipts",
    "proposal": "1",
    "validator": "777f6ff9cff9584fd40d983036ab36b73bcee6ee",
    "table": "nodes",
    "key": "00000001",
}
OTHERS: Final = {
    "/v1/transactions/{id}": "809ee3658300d1d11d64ff4d4e2fdc393f21087a3742803c02b09e2f1d598bdc",
    "/v1/receipts/{id}": "bf53cc6763548d9452da6958d834bcda6ae7a42ac75dd03d08e9be5258e3647f",
}
READS: Final = [one for one in ENDPOINTS if isinstance(one.does, Read)]
LISTS: Final = [one for one in READS if any(known.name == "cursor" for known in one.parameters)]


def path_of(one: Endpoint) -> str:
    def name(found: re.Match[str]) -> str:
        return OTHERS.get(one.path, NAMES[found[1]])

    return re.sub(r"\{(\w+)\}", name, one.path)


def state_of(model: Model) -> State:
    return State(LedgerRows(model._connection))


async def ask(http: httpx.AsyncClient, path: str, code: int = 200) -> Any:
    answer = await http.get(path)
    assert answer.status_code == code, answer.text
    return answer.json()


@pytest.mark.parametrize("one", READS, ids=[one.path for one in READS])
async def test_an_answer_fits_the_schema_that_is_told(
    one: Endpoint, shown: Model, browse: Any
) -> None:
    async with browse(shown) as http:
        answer = await http.get(path_of(one))
    assert answer.headers["content-type"].startswith(one.media)
    if answer.status_code == 404:
        assert one.finds
        assert answer.json() == {"error": "there is no such thing on this chain"}
        return
    assert answer.status_code == 200, answer.text
    if one.media == "application/json":
        jsonschema_rs.Draft202012Validator(one.answer).validate(answer.json())


ROWS: Final[list[tuple[str, Callable[[State], Any]]]] = [
    ("/v1/nodes/1", lambda state: tables.NODES.get(state, tables.id_key(1))),
    ("/v1/nodes/12/contract", lambda state: tables.CONTRACTS.get(state, tables.id_key(12))),
    ("/v1/nodes/3/uptime", lambda state: tables.UPTIMES.get(state, tables.id_key(3))),
    ("/v1/farms/3", lambda state: tables.FARMS.get(state, tables.id_key(3))),
    ("/v1/twins/15", lambda state: tables.TWINS.get(state, tables.id_key(15))),
    ("/v1/policies/1", lambda state: tables.POLICIES.get(state, tables.id_key(1))),
    ("/v1/params", lambda state: tables.PARAMS.get(state, tables.SINGLE)),
    ("/v1/totals", lambda state: tables.TOTALS.get(state, tables.SINGLE)),
    ("/v1/guardians", lambda state: tables.GUARDIANS.get(state, tables.SINGLE)),
    ("/v1/farms/1/standing", lambda state: tables.STANDINGS.get(state, tables.id_key(1))),
]


@pytest.mark.parametrize(("path", "read"), ROWS, ids=[path for path, _ in ROWS])
async def test_a_row_is_the_ledgers(
    path: str, read: Callable[[State], Any], shown: Model, browse: Any
) -> None:
    async with browse(shown) as http:
        assert await ask(http, path) == answers.record(read(state_of(shown)))


async def test_batches_are_worded_as_a_validator_words_them(shown: Model, browse: Any) -> None:
    state = state_of(shown)
    view = queries.batch_view(state, ScheduleId(0), PeriodIndex(0))
    assert view is not None
    async with browse(shown) as http:
        assert await ask(http, "/v1/batches/0/0") == answers.batch(view)
        found = await ask(http, "/v1/batches?last=1")
        assert found == ledger_answers.batches(ledger_views.newest_batches(state, 1))
        await ask(http, "/v1/batches/0/9", 404)


async def test_receipts_and_mints_of_a_batch_come_in_node_order(shown: Model, browse: Any) -> None:
    batch = tables.batch_key(ScheduleId(0), PeriodIndex(0))
    rows = LedgerRows(shown._connection)
    for name, table in (("receipts", tables.RECEIPTS), ("mints", tables.MINTS)):
        found = [table.decode(value) for _, value in rows.scan(table.stored_at(batch))]
        async with browse(shown) as http:
            whole = await ask(http, f"/v1/batches/0/0/{name}")
            assert whole == answers.page(name, found, 1_000)
            first = await ask(http, f"/v1/batches/0/0/{name}?limit=5")
            assert first == answers.page(name, found[:5], 5)
            rest = await ask(http, f"/v1/batches/0/0/{name}?from={first['next']}")
        assert first[name] + rest[name] == whole[name]


async def test_every_transaction_is_there_with_its_fields(
    shown: Model, recorded: Any, browse: Any
) -> None:
    block: Block = recorded.blocks[9]
    async with browse(shown) as http:
        listed = await ask(http, f"/v1/summaries/{block.header.height}/transactions?limit=1000")
        assert [row["id"] for row in listed["rows"]] == [
            decode_transaction(raw).id.hex() for raw in block.txs
        ]
        for row in listed["rows"]:
            assert await ask(http, f"/v1/transactions/{row['id']}") == row
        summary = await ask(http, f"/v1/summaries/{block.header.height}")
    assert (summary["id"], summary["txs"]) == (block.id.hex(), len(block.txs))


async def test_genesis_is_the_text_itself(shown: Model, recorded: Any, browse: Any) -> None:
    async with browse(shown) as http:
        answer = await http.get("/v1/genesis")
    assert answer.text == recorded.genesis


async def test_a_receipt_is_found_by_either_of_its_names(shown: Model, browse: Any) -> None:
    row = shown._connection.execute("SELECT id, text_hash FROM receipts WHERE node_id = 7")
    names = row.fetchone()
    async with browse(shown) as http:
        by_id, by_text = [await ask(http, f"/v1/receipts/{name}") for name in names]
    assert by_id == by_text
    assert (by_id["node_id"], by_id["id"]) == (7, names[0])


@pytest.mark.parametrize("one", LISTS, ids=[one.path for one in LISTS])
async def test_pages_hold_each_row_once(one: Endpoint, shown: Model, browse: Any) -> None:
    async with browse(shown) as http:
        whole = await ask(http, f"{path_of(one)}?limit=1000")
        assert whole["next"] is None
        size, paged, cursor = max(1, len(whole["rows"]) // 3), [], ""
        while True:
            page = await ask(http, f"{path_of(one)}?limit={size}{cursor}")
            assert len(page["rows"]) <= size
            paged += page["rows"]
            if page["next"] is None:
                break
            cursor = f"&cursor={page['next']}"
    assert paged == whole["rows"]
    texts = [json.dumps(row) for row in paged]
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize(
    ("path", "table", "where"),
    [
        pytest.param("/v1/nodes?farm_id=2", "nodes", "farm_id = 2", id="nodes of a farm"),
        pytest.param("/v1/transactions?kind=transfer", "transactions", "kind = 'transfer'"),
        pytest.param("/v1/receipts?farm_id=1", "receipts", "farm_id = 1", id="receipts"),
        pytest.param(f"/v1/mints?account={FARMER}", "mints", f"account = '{FARMER}'"),
        pytest.param("/v1/nodes/1/reports", "lines", "node_id = 1", id="reports of a node"),
    ],
)
async def test_a_filter_leaves_what_it_says(
    path: str, table: str, where: str, shown: Model, browse: Any
) -> None:
    query = f"SELECT count(*) FROM {table} WHERE {where}"
    [count] = shown._connection.execute(query).fetchone()
    async with browse(shown) as http:
        mark = "&" if "?" in path else "?"
        found = await ask(http, f"{path}{mark}limit=1000")
    assert len(found["rows"]) == count > 0


@pytest.mark.parametrize(
    "path",
    [
        "/v1/nodes/0x1",
        "/v1/nodes/-1",
        "/v1/nodes/4294967296",
        "/v1/nodes/%D9%A1",
        "/v1/nodes?limit=0",
        "/v1/nodes?limit=1001",
        "/v1/nodes?limit=1&limit=2",
        "/v1/nodes?limits=1",
        "/v1/nodes?cursor=%",
        "/v1/nodes?cursor=W10",
        "/v1/nodes?cursor=WyJhIl0",
        "/v1/nodes?cursor=WzFlMTBd",
        "/v1/nodes?cursor=Wzk5OTk5OTk5OTk5OTk5OTk5OTk5XQ",
        "/v1/nodes?cursor=" + "W" * 600,
        "/v1/nodes?country=" + "a" * 65,
        "/v1/accounts/" + FARMER[:-1] + "e",
        "/v1/transactions/zz",
        "/v1/transactions/" + "0" * 63,
        "/v1/transactions?kind=nothing",
        "/v1/batches?last=101",
        "/v1/batches/256/0",
        "/v1/batches/0/0/frontiers",
        "/v1/proofs/nothing",
        "/v1/blocks?from=-1",
        "/v1/blocks/first",
    ],
)
async def test_what_does_not_fit_is_refused_by_name(path: str, shown: Model, browse: Any) -> None:
    async with browse(shown) as http:
        answer = await http.get(path)
    assert answer.status_code == 400, answer.text
    assert set(answer.json()) == {"error"}


TEXTS: Final = st.text(max_size=40).filter(lambda text: "\x00" not in text)


@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(one=st.sampled_from(READS), words=st.lists(TEXTS, min_size=4, max_size=4))
async def test_no_words_bring_it_down(
    one: Endpoint, words: list[str], shown: Model, browse: Any
) -> None:
    left = iter(words)
    query = {known.name: next(left, "") for known in one.parameters if known.where == "query"}
    async with browse(shown) as http:
        answer = await http.get(path_of(one), params=query)
    assert answer.status_code in {200, 400, 404}


async def test_what_is_had_already_is_not_sent_again(shown: Model, browse: Any) -> None:
    async with browse(shown) as http:
        for path in ("/v1/summaries/5", "/v1/genesis", "/v1/openapi.json", "/v1/docs"):
            first = await http.get(path)
            tag = first.headers["etag"]
            again = await http.get(path, headers={"if-none-match": f'"other", {tag}'})
            assert (again.status_code, again.content) == (304, b"")
            assert again.headers["etag"] == tag
            other = await http.get(path, headers={"if-none-match": '"other"'})
            assert other.content == first.content


async def test_without_a_validator_what_it_alone_knows_is_503(shown: Model, browse: Any) -> None:
    async with browse(shown) as http:
        for one in ENDPOINTS:
            if isinstance(one.does, Passed):
                path = "/v1/txs/" + "0" * 64 if one.path == "/v1/txs/{id}" else path_of(one)
                answer = await http.request(one.method, path)
                assert answer.status_code == 503, path
                assert "follows no validator" in answer.json()["error"]


async def test_an_empty_read_model_says_that_it_is_empty(tmp_path: Any, browse: Any) -> None:
    with opened_model(tmp_path) as model:
        async with browse(model) as http:
            for one in READS:
                assert (await http.get(path_of(one))).status_code in {200, 404, 503}, one.path
            assert (await http.get("/v1/params")).status_code == 503


async def test_unknown_paths_and_methods_are_told_as_objects(shown: Model, browse: Any) -> None:
    async with browse(shown) as http:
        missing, wrong = await http.get("/v1/nothing"), await http.delete("/v1/nodes")
    assert (missing.status_code, wrong.status_code) == (404, 405)
    assert set(missing.json()) == set(wrong.json()) == {"error"}
    assert "GET" in wrong.headers["allow"]


@pytest.mark.parametrize("path", ["/v1/light/attacks", "/v1/txs"])
async def test_what_is_only_posted_is_no_height_and_no_id(
    path: str, shown: Model, browse: Any
) -> None:
    async with browse(shown) as http:
        for method in ("GET", "HEAD", "PUT"):
            answer = await http.request(method, path)
            assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


async def test_the_document_and_its_page_name_every_endpoint(shown: Model, browse: Any) -> None:
    async with browse(shown) as http:
        told, page = (await http.get("/v1/openapi.json")).json(), await http.get("/v1/docs")
    assert told == document(ENDPOINTS)
    names = {(path, method.upper()) for path, one in told["paths"].items() for method in one}
    assert names == {(one.path, one.method) for one in ENDPOINTS}
    assert all(f"<code>{one.method} {one.path}</code>" in page.text for one in ENDPOINTS)
    assert "http" not in page.text.replace("httpx", "")
    assert len(
        {one["operationId"] for path in told["paths"].values() for one in path.values()}
    ) == len(ENDPOINTS)
