"""The HTTP face over real sockets: its answers, and what it makes of noise."""

import json
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from io import BytesIO
from typing import Any, Final

import httpx
import pytest
import trio

from tfchain.base import crypto, merkle
from tfchain.base.address import to_text
from tfchain.base.limits import HTTP_BODY_BYTES_MAX, SUBMIT_TXS_MAX, TX_BYTES_MAX
from tfchain.base.shapes import decode_record, encode_record
from tfchain.base.units import Address, FarmId, NodeId, Seconds, TwinId, Utft
from tfchain.chain.export_records import genesis_text
from tfchain.ledger import tables, tree
from tfchain.ledger.block import decode_block
from tfchain.ledger.commit import Commit, check_commit
from tfchain.ledger.cultivation import NODE_CONTRACT, CapacityContract
from tfchain.ledger.header import Header, header_hash
from tfchain.ledger.params import Params
from tfchain.ledger.roots import state_leaves
from tfchain.node.feed import STREAMS_MAX
from tfchain.node.home import Home
from tfchain.node.node import Node
from tfchain.store.export import MAGIC, read_records
from tfchain.tx.capacity import NOTHING

RunNode = Callable[..., AbstractAsyncContextManager[Node]]
Transferring = Callable[..., bytes]
POST: Final = b"POST /v1/txs HTTP/1.1\r\nhost: x\r\n"


@pytest.fixture
async def node(home: Home, running: RunNode) -> AsyncIterator[Node]:
    async with running(home) as one:
        yield one


@pytest.fixture
async def http(node: Node) -> AsyncIterator[httpx.AsyncClient]:
    url = f"http://127.0.0.1:{node.http_port}"
    async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
        yield client


async def ask(http: httpx.AsyncClient, path: str) -> Any:
    answer = await http.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def submit(http: httpx.AsyncClient, *raws: bytes) -> list[dict[str, Any]]:
    answer = await http.post("/v1/txs", json={"txs": [raw.hex() for raw in raws]})
    assert answer.status_code == 200, answer.text
    results: list[dict[str, Any]] = answer.json()["results"]
    return results


async def test_the_status_says_where_the_node_stands(node: Node, http: httpx.AsyncClient) -> None:
    height = await node.heads.wait_for(1)
    status = await ask(http, "/v1/status")
    assert status["chain_id"] == node.chain_id
    assert status["height"] >= height
    assert node.validator is not None
    assert status["validator"] == to_text(node.validator)
    assert status["supply"] == {
        "minted_ever": "1000000020000",
        "reserved": "0",
        "cap": "40000000000000000",
    }
    assert status["mempool"] == {"count": 0, "bytes": 0}
    assert status["peers"] == status["batches"] == []
    assert status["door"] == {"refused": 0}
    assert status["store"].startswith("store: ")


async def test_a_transaction_is_followed_from_its_submission_into_a_block(
    node: Node, http: httpx.AsyncClient, transfer: Transferring, people: Any
) -> None:
    raw = transfer(node.chain_id, 0)
    (first,) = await submit(http, raw)
    assert first["code"] == "ok"
    path = f"/v1/txs/{first['id']}"
    while (where := await ask(http, path))["status"] != "committed":
        assert where == {**where, "status": "pending", "height": None, "code": None}
        await node.heads.wait_for(node.heads.current + 1)
    assert where["code"] == "ok"
    (again,) = await submit(http, raw)
    assert (again["code"], again["height"]) == ("committed", where["height"])
    block = decode_block(node.disk.chain.raw_block(where["height"]) or b"")
    assert block.txs[where["position"]] == raw
    account = await ask(http, f"/v1/accounts/{to_text(people.address(people.poor))}")
    assert (account["balance"], account["nonce"]) == ("500", "0")
    sender = await ask(http, f"/v1/accounts/{to_text(people.address(people.rich))}")
    assert sender["nonce"] == "1"


async def test_each_of_many_transactions_gets_its_own_answer(
    node: Node, http: httpx.AsyncClient, transfer: Transferring
) -> None:
    good, stale = transfer(node.chain_id, 0), transfer(node.chain_id, 70)
    forged = good[:-1] + bytes([good[-1] ^ 1])
    rows = await submit(http, good, good, stale, transfer("other-1", 0), forged, b"\x00")
    codes = [row["code"] for row in rows]
    assert codes == ["ok", "known", "nonce", "wrong_chain", "signature", "malformed"]


async def test_a_contract_for_capacity_is_told_while_it_stands(
    node: Node, http: httpx.AsyncClient
) -> None:
    await node.heads.wait_for(1)
    row = CapacityContract(
        id=3,
        twin_id=TwinId(4),
        node_id=NodeId(1),
        type=NODE_CONTRACT,
        reserved=NOTHING,
        used=NOTHING,
        farm_id=FarmId(1),
        public_ips=0,
        deployment_hash=b"",
        deployment_data=b"",
        created=Seconds(1),
        rented=False,
        own=False,
        counted_at=Seconds(2),
        consumed_at=Seconds(2),
        billed_at=Seconds(2),
        unbilled=0,
        unbilled_extra=0,
        grace_since=Seconds(0),
        owed=Utft(0),
        owed_extra=Utft(0),
        paid=Utft(5),
        discount=0,
    )
    place = tables.CAPACITY.stored_at(tables.id_key(row.id))
    node.disk.store.write([(place, encode_record(row))])
    told = await ask(http, "/v1/contracts/3")
    assert (told["id"], told["twin_id"], told["paid"]) == (3, 4, "5")
    assert (await http.get("/v1/contracts/4")).status_code == 404


async def test_what_is_not_there_is_not_found(node: Node, http: httpx.AsyncClient) -> None:
    for path in (
        "/v1/nodes/1",
        "/v1/farms/1",
        "/v1/contracts/1",
        "/v1/batches/0/0",
        "/v1/batches/0/0/nothing",
        "/",
        "/v2",
    ):
        answer = await http.get(path)
        assert (answer.status_code, list(answer.json())) == (404, ["error"]), path
    unknown = await ask(http, "/v1/txs/" + "00" * 32)
    assert unknown["status"] == "unknown"
    nobody = await ask(http, f"/v1/accounts/{to_text(Address(bytes(32)))}")
    assert (nobody["balance"], nobody["nonce"]) == ("0", "0")
    assert await ask(http, "/v1/batches/0/0/receipts") == {"receipts": [], "next": None}


@pytest.mark.parametrize(
    ("table", "key", "there"),
    [
        pytest.param("params", b"", True, id="a row that is there"),
        pytest.param("accounts", crypto.public_key(bytes([60]) * 32), True, id="one of many rows"),
        pytest.param("accounts", bytes(32), False, id="a row that is not"),
    ],
)
async def test_a_proof_holds_with_nothing_but_a_header(
    node: Node, http: httpx.AsyncClient, table: str, key: bytes, there: bool
) -> None:
    proof = await ask(http, f"/v1/proofs/{table}/{key.hex()}".rstrip("/"))
    row = None if proof["row"] is None else bytes.fromhex(proof["row"])
    assert (row is not None) == there
    steps = tree.TreeProof(
        siblings=tuple(bytes.fromhex(one) for one in proof["tree"]["siblings"]),
        leaf=tuple(bytes.fromhex(one) for one in proof["tree"]["leaf"]),
    )
    root = bytes.fromhex(proof["table_root"])
    value = None if row is None else tree.value_hash(row)
    assert tree.check(root, tree.key_hash(key), value, steps)
    (leaf,) = state_leaves([(table, root)])
    state = proof["state"]
    path = [bytes.fromhex(one) for one in state["path"]]
    top, block = bytes.fromhex(state["root"]), proof["block"]
    assert merkle.check(b"state", top, state["index"], state["count"], leaf, path)
    header = decode_record(Header, bytes.fromhex(block["header"]))
    assert header.state_root == top
    parts = [block["part_count"].to_bytes(4, "big"), bytes.fromhex(block["part_root"])]
    block_id = crypto.digest(b"tf/block-id", header_hash(header), *parts)
    commit = decode_record(Commit, bytes.fromhex(block["commit"]))
    assert commit.block_id == block_id == bytes.fromhex(block["id"])
    validators = node.pump.replica.tip.last_validators
    check_commit(node.chain_id, validators, commit, crypto.verify)
    if table == "params":
        assert decode_record(Params, row or b"").chain_id == node.chain_id


async def test_the_export_is_the_whole_chain(node: Node, http: httpx.AsyncClient) -> None:
    height = await node.heads.wait_for(3)
    answer = await http.get("/v1/export")
    rows = list(read_records(BytesIO(answer.content)))
    assert genesis_text(rows[0][2]) == node.disk.chain.genesis_text()
    blocks = [decode_block(payload) for _, kind, payload in rows if kind == 2]
    assert [block.header.height for block in blocks] == list(range(1, len(blocks) + 1))
    assert len(blocks) >= height
    assert decode_record(Commit, rows[-1][2]).block_id == blocks[-1].id


async def test_blocks_are_streamed_from_a_height_up_to_the_last(
    node: Node, http: httpx.AsyncClient
) -> None:
    await node.heads.wait_for(3)
    answer = await http.get("/v1/blocks?from=2")
    heights = [
        decode_block(payload).header.height
        for _, _, payload in read_records(BytesIO(answer.content))
    ]
    assert heights == list(range(2, len(heights) + 2))
    beyond = await http.get("/v1/blocks?from=99999")
    assert list(read_records(BytesIO(beyond.content))) == []


async def test_blocks_are_followed_as_they_come(node: Node) -> None:
    name = node.chain_id.encode()
    stream = await trio.open_tcp_stream("127.0.0.1", node.http_port)
    async with stream:
        await stream.send_all(b"GET /v1/blocks?from=1&follow=1 HTTP/1.0\r\n\r\n")
        seen = b""
        while seen.count(name) < 4:
            seen += await stream.receive_some()
    head, _, body = seen.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    assert body.startswith(MAGIC)
    assert node.heads.current >= 4
    await node.heads.wait_for(node.heads.current + 1)  # the client is gone, the chain goes on


async def test_streams_are_counted(node: Node, http: httpx.AsyncClient) -> None:
    async def hold(task_status: trio.TaskStatus[None]) -> None:
        async with http.stream("GET", "/v1/blocks?from=1&follow=1") as answer:
            assert answer.status_code == 200
            task_status.started()
            await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        for _ in range(STREAMS_MAX):
            await nursery.start(hold)
        answer = await http.get("/v1/export")
        assert answer.status_code == 503
        assert "streams" in answer.json()["error"]
        nursery.cancel_scope.cancel()
    while (await http.get("/v1/export")).status_code == 503:  # seats come back
        await node.heads.wait_for(node.heads.current + 1)


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/v1/txs/zz", "hex"),
        ("/v1/txs/abc", "hex"),
        ("/v1/txs/" + "00" * 31, "32 bytes"),
        ("/v1/txs/" + "00" * 33, "more than 32"),
        ("/v1/accounts/5FA9nQDV", "address"),
        ("/v1/nodes/x", "number"),
        ("/v1/nodes/-1", "number"),
        ("/v1/nodes/4294967296", "at most"),
        ("/v1/nodes/" + "9" * 21, "number"),
        ("/v1/farms/%D9%A3", "number"),
        ("/v1/batches/256/0", "at most"),
        ("/v1/batches/0/x", "number"),
        ("/v1/batches/0/0/receipts?limit=1001", "at most"),
        ("/v1/batches/0/0/receipts?from=x", "number"),
        ("/v1/proofs/nothing/00", "no table"),
        ("/v1/proofs/receipts/00", "9 bytes"),
        ("/v1/proofs/accounts/0", "hex"),
        ("/v1/proofs/accounts/" + "00" * 127, "more than"),
        ("/v1/blocks?from=x", "number"),
        ("/v1/blocks?follow=2", "at most"),
    ],
)
async def test_a_wrong_question_is_named(http: httpx.AsyncClient, path: str, says: str) -> None:
    answer = await http.get(path)
    assert answer.status_code == 400
    assert says in answer.json()["error"]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\xff\x00", id="no JSON"),
        pytest.param(b"[" * 100_000, id="too deep"),
        pytest.param(b'{"txs": ' + b"9" * 5_000 + b"}", id="a number too long"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b'{"txs": []}', id="no transactions"),
        pytest.param(b'{"txs": ["00"], "x": 1}', id="a field nobody knows"),
        pytest.param(b'{"txs": [1]}', id="a number for bytes"),
        pytest.param(b'{"txs": ["0"]}', id="half a byte"),
        pytest.param(b'{"txs": ["0 0"]}', id="a space"),
        pytest.param('{"txs": ["\u0660\u0660"]}'.encode(), id="digits of another script"),
        pytest.param(b'{"txs": ["\\ud800"]}', id="half a character"),
        pytest.param(json.dumps({"txs": ["00"] * (SUBMIT_TXS_MAX + 1)}).encode(), id="too many"),
        pytest.param(json.dumps({"txs": ["00" * (TX_BYTES_MAX + 1)]}).encode(), id="too large"),
    ],
)
async def test_a_body_that_is_none_is_refused(http: httpx.AsyncClient, body: bytes) -> None:
    answer = await http.post("/v1/txs", content=body)
    assert answer.status_code == 400
    assert list(answer.json()) == ["error"]


async def speak(node: Node, *words: bytes) -> bytes:
    """What the node says before it hangs up, or for half a second."""
    heard = b""
    stream = await trio.open_tcp_stream("127.0.0.1", node.http_port)
    async with stream:
        with trio.move_on_after(0.5):
            try:
                for word in words:
                    await stream.send_all(word)
                while piece := await stream.receive_some():
                    heard += piece
            except trio.BrokenResourceError:
                pass
    return heard


async def test_a_huge_body_is_refused_before_it_is_read(node: Node) -> None:
    length = HTTP_BODY_BYTES_MAX + 1
    heard = await speak(node, POST + b"content-length: %d\r\n\r\n" % length)
    assert heard.startswith(b"HTTP/1.1 413")


async def test_a_huge_body_of_unknown_length_is_cut(node: Node) -> None:
    piece = b"10000\r\n" + bytes(0x10000) + b"\r\n"
    count = HTTP_BODY_BYTES_MAX // 0x10000 + 1
    heard = await speak(node, POST + b"transfer-encoding: chunked\r\n\r\n", *[piece] * count)
    assert heard == b"" or heard.startswith(b"HTTP/1.1 413")  # or cut while we still wrote
    assert (await speak(node, b"GET /v1/status HTTP/1.0\r\n\r\n")).startswith(b"HTTP/1.1 200")


NOISE: Final = {
    "zeros": bytes(5_000),
    "random bytes": random.Random(1).randbytes(5_000),
    "a very long line": b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
    "many headers": b"GET / HTTP/1.1\r\nhost: x\r\n" + b"a: b\r\n" * 10_000 + b"\r\n",
    "a length that is none": POST + b"content-length: -1\r\n\r\n",
    "two lengths": POST + b"content-length: 1\r\ncontent-length: 2\r\n\r\n",
    "chunks that are none": POST + b"transfer-encoding: chunked\r\n\r\nzz\r\n",
    "HTTP/2 and noise": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(range(256)),
    "a WebSocket": b"GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
    "an HTTP/2 path of any bytes": bytes.fromhex(
        "505249202a20485454502f322e300d0a0d0a534d0d0a0d0a000000040000000000"
        "00000d010500000001828604032ffffe4184f1e3c2e5"
    ),
    "HTTP/2 settings that are none": b"GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\n"
    b"upgrade: h2c\r\nhttp2-settings: !\r\n\r\n",
}


async def test_noise_ends_its_connection_and_nothing_else(
    node: Node, capsys: pytest.CaptureFixture[str]
) -> None:
    for noise in NOISE.values():
        await speak(node, noise)
    assert "http connection failed" in capsys.readouterr().err  # the HTTP/2 path, at least
    await node.heads.wait_for(node.heads.current + 2)
    assert (await speak(node, b"GET /v1/status HTTP/1.0\r\n\r\n")).startswith(b"HTTP/1.1 200")
