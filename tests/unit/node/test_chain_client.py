"""A script's view of a chain against a real node: verbs, proofs, streams, faults; and the command line."""

import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
from typer.testing import CliRunner, Result

from tfchain.base.address import to_text
from tfchain.base.units import GIB, NodeId, PeriodIndex, Utft
from tfchain.cli import tx
from tfchain.client import connect
from tfchain.client.anchors import from_genesis
from tfchain.client.keys import Key, seed_of_uri
from tfchain.client.nodes import now, report_until
from tfchain.client.proofs import check_proof
from tfchain.errors import InvalidBlock, Malformed, Rejected, Unavailable
from tfchain.ledger import tables
from tfchain.ledger.records import Resources
from tfchain.node.home import Home, Seeds, create_home
from tfchain.node.node import Node
from tfchain.node.running import run_node
from tfchain.tx.kinds.transfer import Transfer

RunNode = Callable[..., AbstractAsyncContextManager[Node]]
SIZE = Resources(cru=8, mru=32 * GIB, hru=0, sru=500 * GIB)


def url_of(node: Node) -> str:
    return f"http://127.0.0.1:{node.http_port}"


async def test_a_farmer_joins_and_reports(home: Home, running: RunNode, people: Any) -> None:
    async with running(home) as node, connect(url_of(node), node.chain_id) as chain:
        rich = chain.sender(Key(people.rich))
        farmer, operator = chain.sender("//Bert"), chain.sender("//Cleo")
        bodies = [Transfer(to=one.address, amount=Utft(10**9)) for one in (farmer, operator)]
        done = await rich.send_all(bodies)
        assert (await chain.account(farmer.address, done[-1].height)).balance == 10**9
        await farmer.create_twin(relay="", public_key=b"")
        await operator.create_twin(relay="", public_key=b"")
        await farmer.create_farm(name="bert")
        node_id = await chain.join(operator, "bert", SIZE, farmer, country="Belgium")
        assert node_id == 1
        period = await chain.run_node(operator, node_id, now() + 1)
        assert period == 0
        with pytest.raises(Rejected, match="farm_name_taken"):
            await farmer.create_farm(name="bert")
        with pytest.raises(Rejected, match="unknown_farm"):
            await chain.farm_id("nobody")
        with pytest.raises(Rejected, match="unknown_node"):
            await chain.node_id(farmer.address)
        with pytest.raises(Rejected, match="unknown_node"):
            await chain.node_id(rich.address)
        with pytest.raises(Rejected, match="unknown_node"):
            await chain.contract(NodeId(9))
        with pytest.raises(Unavailable, match=r"batch 0/0 is not sealed after 0\.2 s"):
            await chain.wait_receipt(node_id, PeriodIndex(0), within_s=0.2)
        with pytest.raises(Rejected, match="not_the_reporter"):
            await report_until(farmer, node_id, now(), 1)


async def test_a_faucet_that_nobody_endowed_says_so(home: Home, running: RunNode) -> None:
    async with running(home) as node, connect(url_of(node)) as chain:
        with pytest.raises(Rejected, match="no_faucet"):
            await chain.faucet(chain.sender("//Bert").address)


async def test_the_faucet_gives(tmp_path: Path, genesis: str, config: Any, people: Any) -> None:
    alice = to_text(Key(seed_of_uri("//Alice")).address)
    text = f'{genesis}[[account]]\naddress = "{alice}"\nbalance = 100000000000\n'
    seeds = Seeds(node=people.nodes[0], validator=people.validators[0])
    home = create_home(tmp_path / "endowed", text, config, seeds)
    async with trio.open_nursery() as nursery:
        node: Node = await nursery.start(run_node, home.folder)
        async with connect(url_of(node)) as chain:
            bert = chain.sender("//Bert").address
            await chain.faucet(bert, "1.5TFT")
            await chain.faucet(bert, Utft(1))
            assert (await chain.account(bert)).balance == 15_000_001
            with pytest.raises(Rejected, match="balance"):
                await chain.faucet(bert, "1000000TFT")

            async with trio.open_nursery() as crowd:
                for units in (10, 20, 30, 40):
                    crowd.start_soon(chain.faucet, bert, Utft(units))
            assert (await chain.account(bert)).balance == 15_000_101, "each at the same moment"
        nursery.cancel_scope.cancel()


async def test_a_sender_whose_transaction_is_late_counts_anew(
    home: Home, running: RunNode, people: Any
) -> None:
    async with running(home) as node, connect(url_of(node)) as chain:
        rich = chain.sender(Key(people.rich))
        body = Transfer(to=people.address(people.poor), amount=Utft(500))
        signed = await rich.post(body)
        with pytest.raises(Unavailable, match="in no block"):
            await rich.wait(signed, within_s=0)
        assert (await rich.wait(signed)).id == signed.id
        assert (await rich.send(body)).fee == chain.params.fee_of(10)
        with pytest.raises(Rejected, match="below_minimum"):
            await rich.transfer(to=chain.sender("//New").address, amount=Utft(1))


async def test_a_sender_counts_what_is_on_its_way_until_it_is_lost(
    home: Home, running: RunNode, people: Any
) -> None:
    async with running(home) as node, connect(url_of(node)) as chain:
        rich = chain.sender(Key(people.rich))
        body = Transfer(to=people.address(people.poor), amount=Utft(500))
        several = [await rich.post(body) for _ in range(3)]
        assert [signed.envelope.nonce for signed in several] == [0, 1, 2]
        for signed in several:
            await rich.wait(signed)
        lost = await rich.prepare(body)
        rich._next, rich._until = 9, 10**6  # as if this one, and others before it, had been taken
        assert await rich.next_nonce() == 9
        with pytest.raises(Unavailable, match="in no block"):
            await rich.wait(lost, within_s=0)
        assert await rich.next_nonce() == 3
        await rich.send(body)


async def test_a_proof_that_was_touched_is_refused(
    home: Home, running: RunNode, people: Any
) -> None:
    async with running(home) as node, connect(url_of(node)) as chain:
        key = people.address(people.rich)
        plain = await chain.client.proof("accounts", key)
        found = check_proof(chain.anchor, "accounts", key, plain)
        assert found.row is not None
        assert (await chain.proven("farms", tables.id_key(9))).row is None
        touches: list[tuple[str, object]] = [
            ("row", None),
            ("row", "00" + found.row.hex()[2:]),
            ("table_root", "00" * 32),
            ("tree", {"siblings": [], "leaf": []}),
        ]
        for name, other_value in touches:
            with pytest.raises(InvalidBlock, match="is not under"):
                check_proof(chain.anchor, "accounts", key, {**plain, name: other_value})
        with pytest.raises(InvalidBlock, match="is not under"):
            check_proof(chain.anchor, "farms", key, plain)
        block: Any = plain["block"]
        other = await chain.client.proof("params", b"")
        while (strange := other["block"]) == block:
            await chain.client.wait_height(await chain.height() + 1)
            other = await chain.client.proof("params", b"")
        assert isinstance(strange, dict)
        last = "01" if block["commit"][-2:] == "00" else "00"
        for wrong, says in [
            ({"commit": strange["commit"]}, "are not for block"),
            ({"part_count": 2}, "are not for block"),
            ({"commit": block["commit"][:-2] + last}, "is false"),
        ]:
            touched = {**plain, "block": {**block, **wrong}}
            with pytest.raises(InvalidBlock, match=says):
                check_proof(chain.anchor, "accounts", key, touched)
        params = replace(chain.params, chain_id="other-00000000")
        with pytest.raises(InvalidBlock, match="another chain"):
            check_proof(from_genesis(replace(chain.genesis, params=params)), "accounts", key, plain)
        for odd in [
            [],
            {**plain, "block": 1},
            {**plain, "block": {**block, "part_count": True}},
            {**plain, "tree": {"siblings": 1}},
        ]:
            with pytest.raises(Malformed):
                check_proof(chain.anchor, "accounts", key, odd)
        with pytest.raises(Malformed, match="no table"):
            await chain.proven("receipts", b"")


async def test_blocks_come_in_order_and_go_on_from_a_height(home: Home, running: RunNode) -> None:
    async with running(home) as node, connect(url_of(node)) as chain:
        stream = chain.blocks()
        seen = []
        async for block in stream:
            seen.append(block.header.height)
            if len(seen) == 4:
                break
        assert seen == [1, 2, 3, 4]
        again = chain.blocks(stream.next_height)
        assert (await again.next_block()).header.height == 5
        again._last = bytes(31) + b"\x01"
        with pytest.raises(InvalidBlock, match="does not stand"):
            await again.next_block()


async def test_the_wrong_chain_is_told(home: Home, running: RunNode, genesis: str) -> None:
    async with running(home) as node:
        async with connect(url_of(node), genesis=genesis) as chain:
            assert chain.params.chain_id == node.chain_id
        with pytest.raises(Unavailable, match="not other-1"):
            async with connect(url_of(node), "other-1"):
                pass


async def test_the_blocking_face_does_the_same(home: Home, running: RunNode, people: Any) -> None:
    def script(url: str) -> None:
        with connect(url) as chain:
            rich, bert = chain.sender(Key(people.rich)), chain.sender("//Bert")
            done = rich.transfer(to=bert.address, amount=Utft(10**9))
            assert chain.account(bert.address, done.height).balance == 10**9
            bert.create_twin(relay="", public_key=b"")
            bert.create_farm(name="bert")
            node_id = chain.join(bert, "bert", SIZE)
            assert chain.run_node(bert, node_id, now() + 1) == 0
            row = chain.read(tables.NODES, tables.id_key(node_id))
            assert row is None or row.resources == SIZE
            first = next(iter(chain.blocks()))
            assert (first.header.height, first.header.chain_id) == (1, chain.params.chain_id)
            with pytest.raises(Rejected, match="twin_exists"):
                bert.create_twin(relay="", public_key=b"")

    async with running(home) as node:
        await trio.to_thread.run_sync(script, url_of(node))


def test_a_connection_that_fails_says_so_at_once() -> None:
    with pytest.raises(Unavailable, match="does not answer"), connect("http://127.0.0.1:1"):
        pass


# --- the command line -----------------------------------------------------------------------------


def call(*arguments: str, stdin: str = "", node: str = "") -> Result:
    environment = {"TFCHAIN_NODE": node}
    return CliRunner().invoke(tx.app, list(arguments), input=stdin, env=environment)


async def test_the_command_line_sends(
    home: Home, running: RunNode, people: Any, tmp_path: Path
) -> None:
    key, out = "0x" + people.rich.hex(), tmp_path / "tx"
    to = to_text(people.address(people.poor))
    sent = ["transfer", "--key", key, "--to", to, "--amount"]
    async with running(home) as node:

        async def tell(*arguments: str, stdin: str = "") -> Result:
            run = partial(call, *arguments, stdin=stdin, node=url_of(node))
            return await trio.to_thread.run_sync(run)

        result = await tell(*sent, "1.5TFT")
        assert result.exit_code == 0, result.output
        assert result.stdout.startswith("ok ")
        async with connect(url_of(node)) as chain:
            assert (await chain.client.account(people.address(people.poor))).balance == 15_000_000
        result = await tell(*sent, "500", "--dry-run")
        assert "fee         0.001TFT" in result.stdout
        assert "deposit     0TFT" in result.stdout
        assert "nonce       1" in result.stdout
        fields = json.dumps({"to": to, "amount": "7"})
        result = await tell("transfer", "--key", key, "--json", "-", "--no-wait", stdin=fields)
        assert result.stdout.startswith("ok ")
        result = await tell(*sent, "9", "--offline", str(out), "--nonce", "2")
        assert result.exit_code == 0
        result = await tell("send", str(out))
        assert "in block" in result.stdout, result.output
        result = await tell(*sent, "9", "--nonce", "0")
        assert isinstance(result.exception, Rejected)
        assert result.exception.code == "nonce"
        result = await tell("create_farm", "--key", key, "--name", "farm")
        assert isinstance(result.exception, Rejected)
        assert result.exception.code == "no_twin"
