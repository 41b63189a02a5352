"""`status`, `doctor`, `show --proof` and `statement` asked of a validator that makes blocks meanwhile."""

import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any

import trio
import typer
from typer.testing import CliRunner, Result

from tfchain.base.address import to_text
from tfchain.cli import doctor, show, statement, status
from tfchain.errors import Rejected
from tfchain.node.home import Home
from tfchain.node.node import Node

RunNode = Callable[..., AbstractAsyncContextManager[Node]]

APP = typer.Typer()
APP.command("status")(status.status)
APP.command("doctor")(doctor.doctor)
APP.command("statement")(statement.statement)
APP.add_typer(show.app, name="show")


async def test_a_validator_that_is_well_says_so(home: Home, running: RunNode, people: Any) -> None:
    async with running(home) as node:
        await node.heads.wait_for(2)
        url = f"http://127.0.0.1:{node.http_port}"

        async def tell(*arguments: str) -> Result:
            call = partial(CliRunner().invoke, APP, [*arguments], env={"TFCHAIN_NODE": url})
            return await trio.to_thread.run_sync(call)

        well = await tell("doctor", "--json")
        assert json.loads(well.stdout)["healthy"], well.stdout
        assert well.exit_code == 0
        found = json.loads((await tell("status", "--json")).stdout)
        assert (found["chain_id"], found["peers"]) == (node.chain_id, [])
        rich = to_text(people.address(people.rich))
        proven = json.loads((await tell("show", "account", rich, "--proof", "--json")).stdout)
        assert proven["balance"] == "1000000000000"
        assert "signed by 1 of 1 by power" in proven["checked"]
        (member,) = json.loads((await tell("show", "validators", "--json")).stdout)["validators"]
        seat = json.loads((await tell("show", "validator", member["address"], "--json")).stdout)
        assert (seat["key"], seat["power"], seat["jailed"]) == (member["key"], 1, False)
        agenda = json.loads((await tell("show", "agenda", "--proof", "--json")).stdout)
        assert (agenda["last"], agenda["open"]) == (0, [])
        assert (await tell("show", "change", "1")).exit_code == 1
        assert (await tell("show", "validator", "00" * 20)).exit_code == 1
        assert (await tell("show", "validator", "00" * 19)).exit_code == 2
        nobody = await tell("statement", url, "--node", "1")
        assert isinstance(nobody.exception, Rejected)
        assert nobody.exception.code == "unknown_node"
