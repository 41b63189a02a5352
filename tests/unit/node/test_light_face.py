"""A node's light blocks, and the evidence that light clients hand in (1.17.5, scenario 49 c)."""

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import httpx
import pytest
import trio
from typer.testing import CliRunner, Result

from tfchain.base import crypto
from tfchain.base.address import to_text
from tfchain.base.shapes import decode_record, encode_record
from tfchain.base.units import Height, Round
from tfchain.cli import show as verb
from tfchain.errors import Malformed
from tfchain.ledger.commit import FOR_BLOCK, PRECOMMIT, CommitSlot, vote_message
from tfchain.ledger.light import LIGHT_BYTES_MAX, LightAttack, LightBlock, id_of
from tfchain.node.attacks import judged
from tfchain.node.home import Home
from tfchain.node.node import Node

if TYPE_CHECKING:
    from tests.unit.node.conftest import Keys, RunNode


def _forged(node: Node, people: "type[Keys]", height: int) -> LightBlock:
    """Another block of a height, signed by its only validator in the same round."""
    own = node.disk.chain.light_block(Height(height))
    assert own is not None
    made = replace(own, header=replace(own.header, tx_root=bytes(32)))
    commit = replace(own.commit, block_id=id_of(made))
    text = vote_message(
        node.chain_id, PRECOMMIT, Height(height), Round(own.commit.round), id_of(made)
    )
    slot = CommitSlot(flag=FOR_BLOCK, signature=crypto.sign(people.validators[0], text))
    return replace(made, commit=replace(commit, slots=(slot,)))


async def test_light_blocks_are_served_and_attacks_are_judged(
    home: Home, running: "RunNode", people: "type[Keys]"
) -> None:
    async with running(home) as node:
        await node.heads.wait_for(4)
        url = f"http://127.0.0.1:{node.http_port}"
        async with httpx.AsyncClient(base_url=url) as http:
            for place in ("2", "last"):
                plain = (await http.get(f"/v1/light/{place}")).json()
                raw = bytes.fromhex(plain["light_block"])
                block = decode_record(LightBlock, raw, LIGHT_BYTES_MAX)
                assert id_of(block) == node.disk.chain.light_block(block.height).commit.block_id  # type: ignore[union-attr]
            assert (await http.get("/v1/light/99999")).status_code == 404
            assert (await http.get("/v1/light/0x1")).status_code == 400
            attack = LightAttack(conflicting=_forged(node, people, 3), common_height=Height(3))
            answer = await http.post(
                "/v1/light/attacks", json={"attack": encode_record(attack).hex()}
            )
            member = node.pump.replica.tip.validators.validators[0]
            assert answer.json() == {"guilty": [member.address.hex()], "pieces": 1}
            for body in (b"", b"[]", b"{}", b'{"attack": "c1"}', b'{"attack": "zz"}'):
                assert (await http.post("/v1/light/attacks", content=body)).status_code == 400
        own = node.disk.chain.light_block(Height(3))
        assert own is not None
        for common, block in ((3, own), (99_999, own)):
            none = LightAttack(conflicting=block, common_height=Height(common))
            with pytest.raises(Malformed):
                judged(node.disk.chain, node.chain_id, none)


def _show(*arguments: str) -> Result:
    return CliRunner().invoke(verb.app, [*arguments], env={"COLUMNS": "200"})


async def test_show_checks_an_account_by_headers_that_it_verified_itself(
    home: Home, running: "RunNode", people: "type[Keys]"
) -> None:
    async with running(home) as node:
        await node.heads.wait_for(3)
        block = node.disk.chain.light_block(Height(2))
        assert block is not None
        url = f"http://127.0.0.1:{node.http_port}"
        rich = to_text(people.address(people.rich))
        light = ["--light", "--witness", url, "--node", url]

        async def shown(*arguments: str) -> Result:
            return await trio.to_thread.run_sync(partial(_show, "account", rich, *arguments))

        good = await shown(*light, "--trust", f"2:{id_of(block).hex()}")
        assert good.exit_code == 0, good.output
        assert "headers followed from the trusted block 2, 1 witnesses agree" in good.output
        wrong = await shown(*light, "--trust", f"2:{'00' * 32}")
        assert "wrong_hash" in str(wrong.exception)
        for arguments in (light, ["--witness", url, "--node", url]):
            assert (await shown(*arguments)).exit_code == 2
