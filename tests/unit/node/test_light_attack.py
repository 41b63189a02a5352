"""From a light client that was lied to, to a block that names who signed the lie (1.9, 1.17.5, P24)."""

import socket
import sys
from contextlib import AsyncExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
import trio

from tfchain.base.address import to_text
from tfchain.base.units import Height
from tfchain.cli import main as door
from tfchain.ledger import tables
from tfchain.ledger.commit import PRECOMMIT
from tfchain.ledger.evidence import DoubleHistory, DoubleVote, Evidence, kind_of
from tfchain.ledger.light import id_of
from tfchain.ledger.validators import validator_address
from tfchain.net.surface import Contact
from tfchain.node.config import NodeConfig, Place
from tfchain.node.home import Home, Seeds, create_home
from tfchain.node.node import Node

if TYPE_CHECKING:
    from tests.unit.node.conftest import Keys, Lying, RunNode

POWERS: Final = (1, 2, 2)
"""The last two decide together, and nobody without both of them; the first is honest."""
FORGED_FROM: Final = 3
PATIENCE_S: Final = 40


def free_port() -> int:
    with closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
    return port


@pytest.fixture
def homes(tmp_path: Path, genesis: str, config: NodeConfig, people: "type[Keys]") -> list[Home]:
    """Three validators that know each other."""
    rows = [genesis]
    for seed, power in zip(people.validators[1:], POWERS[1:], strict=False):
        name = to_text(people.address(seed))
        rows.append(f'[[validator]]\nkey = "{name}"\npower = {power}\nreward_account = "{name}"')
    contacts = [
        Contact(key=people.address(seed), host="127.0.0.1", port=free_port())
        for seed in people.nodes[: len(POWERS)]
    ]
    return [
        create_home(
            tmp_path / f"home-{place}",
            "\n".join(rows) + "\n",
            replace(config, p2p=Place(port=contacts[place].port), peers=tuple(contacts)),
            Seeds(node=people.nodes[place], validator=people.validators[place]),
        )
        for place in range(len(POWERS))
    ]


def _evidence_of(node: Node) -> list[Evidence]:
    chain = node.disk.chain
    blocks = [chain.block(Height(number)) for number in range(1, chain.height() + 1)]
    return [piece for block in blocks if block is not None for piece in block.evidence]


def _jailed(node: Node) -> list[bytes]:
    state = node.state()
    seats = [
        (row.address, tables.SEATS.get(state, row.address))
        for row in node.disk.chain.genesis().validator_set().validators
    ]
    return [address for address, seat in seats if seat is not None and seat.jailed]


def _url(node: Node) -> str:
    return f"http://127.0.0.1:{node.http_port}"


@pytest.mark.parametrize(
    ("later", "kind"),
    [
        pytest.param(0, DoubleVote, id="in the same round, with other transactions"),
        pytest.param(1, DoubleHistory, id="in a later round, with made-up results"),
    ],
)
async def test_whoever_shows_light_clients_another_history_is_jailed_for_it(
    homes: list[Home],
    running: "RunNode",
    lying: "Lying",
    people: "type[Keys]",
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *,
    later: int,
    kind: type[Evidence],
) -> None:
    """Two thirds sign a second history for whoever asks a lying node; an honest witness is asked too."""
    async with AsyncExitStack() as stack:
        nodes = [await stack.enter_async_context(running(home)) for home in homes]
        honest, truth = nodes[0], nodes[1]
        await honest.heads.wait_for(FORGED_FROM)
        trusted = honest.disk.chain.light_block(Height(FORGED_FROM - 1))
        assert trusted is not None
        guilty = people.validators[1:3]
        with lying(_url(truth), guilty, FORGED_FROM, later) as liar:
            argv = ["tfchain", "show", "account", to_text(people.address(people.rich)), "--light"]
            argv += ["--trust", f"{trusted.height}:{id_of(trusted).hex()}"]
            argv += ["--node", liar.url, "--witness", _url(honest)]
            monkeypatch.setattr(sys, "argv", argv)
            with pytest.raises(SystemExit) as end:
                await trio.to_thread.run_sync(door.main)
        told = capsys.readouterr()
        assert (end.value.code, told.out) == (1, "")
        assert f"evidence handed in at {_url(honest)}" in told.err
        names = sorted(validator_address(people.address(seed)) for seed in guilty)
        with trio.fail_after(PATIENCE_S):
            for node in nodes:
                while _jailed(node) != names:
                    await node.heads.wait_for(node.heads.current + 1)
        pieces = _evidence_of(honest)
        assert sorted(piece.validator for piece in pieces) == names, "each once, and nobody else"
        assert {type(piece) for piece in pieces} == {kind}
        assert {kind_of(piece) for piece in pieces} == {PRECOMMIT}
        with trio.fail_after(PATIENCE_S):
            await truth.heads.wait_for(honest.heads.current + 3)  # the honest one goes on alone
        members = honest.pump.replica.tip.validators.validators
        assert [row.key for row in members] == [people.address(people.validators[0])]
