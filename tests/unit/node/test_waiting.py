"""Two validators that need each other: who waits says for whom, and a new port is no obstacle."""

import socket
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tfchain.base.address import to_text
from tfchain.cli.status import lines_of
from tfchain.client.http import connected
from tfchain.net.surface import Contact
from tfchain.node.config import NodeConfig, Place, write_config
from tfchain.node.home import Home, Seeds, create_home
from tfchain.node.node import Node
from tfchain.node.waiting import waiting_of

RunNode = Callable[..., AbstractAsyncContextManager[Node]]
Pair = tuple[Home, Home]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    assert isinstance(port, int)
    return port


@pytest.fixture
def pair(tmp_path: Path, genesis: str, config: NodeConfig, people: Any) -> Pair:
    """Two validators of equal power, each with a fixed port and the other one in its list."""
    name = to_text(people.address(people.validators[1]))
    text = f'{genesis}[[validator]]\nkey = "{name}"\npower = 1\nreward_account = "{name}"\n'
    contacts = [
        Contact(key=people.address(seed), host="127.0.0.1", port=free_port())
        for seed in people.nodes[:2]
    ]
    homes = [
        create_home(
            tmp_path / f"home-{place}",
            text,
            replace(config, p2p=Place(port=contacts[place].port), peers=(contacts[1 - place],)),
            Seeds(node=people.nodes[place], validator=people.validators[place]),
        )
        for place in (0, 1)
    ]
    return homes[0], homes[1]


async def test_a_validator_that_waits_says_for_whom(
    pair: Pair, running: RunNode, people: Any
) -> None:
    absent = people.address(people.validators[1])
    async with running(pair[0]) as node:
        machine = node.pump.replica.council.machine
        while machine.step < 2:
            await node.pump.heads.wait_for(0)
            await _turn(node)
        waiting = waiting_of(node.pump.replica)
        assert absent in waiting.prevotes_missing
        assert absent in waiting.precommits_missing
        assert waiting.height == 1
        async with connected(f"http://127.0.0.1:{node.http_port}") as client:
            plain: dict[str, Any] = await client.status()
    assert to_text(absent) in plain["waiting"]["prevotes_missing"]
    short = to_text(absent)[:6]
    lines = [line for line in lines_of(plain) if line.startswith("waits for")]
    assert any("prevotes of" in line and short in line for line in lines)


async def _turn(node: Node) -> None:
    async with connected(f"http://127.0.0.1:{node.http_port}") as client:
        await client.status()


async def test_a_validator_on_another_port_is_found_again(
    pair: Pair, running: RunNode, config: NodeConfig, people: Any
) -> None:
    """A file edit and a restart: it calls its persistent peers, who know it by its key."""
    one, other = pair
    async with running(one) as first:
        async with running(other) as second:
            height = await first.heads.wait_for(2)
            old = second.p2p_port
        contact = Contact(
            key=people.address(people.nodes[0]), host="127.0.0.1", port=first.p2p_port
        )
        fresh = replace(config, p2p=Place(port=free_port()), peers=(contact,))
        other.config.write_text(write_config(fresh), encoding="utf-8")
        async with running(other) as second:
            assert second.p2p_port != old
            await first.heads.wait_for(height + 3)
            waiting = waiting_of(first.pump.replica)
            assert [peer.key for peer in waiting.peers] == [people.address(people.nodes[1])]


@pytest.mark.parametrize(
    ("waiting", "lines"),
    [
        pytest.param({}, [], id="a node of an earlier version"),
        pytest.param(
            {"proposal": False, "proposer": "5Proposer"},
            ["waits for  the proposal of 5Proposer"],
            id="no proposal",
        ),
        pytest.param(
            {"proposal": True, "precommits_missing": ["5A", "5B"]},
            ["waits for  precommits of 5A 5B"],
            id="silent validators",
        ),
        pytest.param(
            {
                "proposal": True,
                "peers": [
                    {"key": "5A", "height": 7},
                    {"key": "5B", "height": 9},
                    {"key": "5C", "height": 12},
                    {"key": "5D", "height": None},
                ],
            },
            ["peer       5A is at 7, 2 behind", "peer       5C is at 12, 3 ahead"],
            id="peers elsewhere",
        ),
    ],
)
def test_what_a_node_waits_for_reads_aloud(waiting: dict[str, object], lines: list[str]) -> None:
    said = list(lines_of({"height": 9, "waiting": waiting}))
    assert [line for line in said if line[:5] in {"waits", "peer "}] == lines
