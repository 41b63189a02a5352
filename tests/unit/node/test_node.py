"""Whole nodes: they make blocks, take transactions, stop, come back, and follow each other."""

import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import trio

from tfchain.base.units import Height, Round
from tfchain.bft.messages import Vote
from tfchain.errors import Divergence, Unavailable
from tfchain.ledger import tables
from tfchain.ledger.commit import PREVOTE
from tfchain.net.surface import Contact
from tfchain.node.config import NodeConfig, Place, write_config
from tfchain.node.home import Home, Seeds, create_home
from tfchain.node.node import Node
from tfchain.node.pump import SUBMISSIONS_MAX, UNDER_WAY_MAX
from tfchain.replica.effects import Blame, Conflict, Reply, Sign
from tfchain.store import export
from tfchain.store.exporting import export_records_of
from tfchain.store.wal import inspect_wal

RunNode = Callable[..., AbstractAsyncContextManager[Node]]


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        one.listen()
        yield one.getsockname()[1]


VOTE = Vote(kind=PREVOTE, height=Height(999), round=Round(0), block_id=bytes(32), validator=0)


def settle(home: Home, config: NodeConfig) -> None:
    home.config.write_text(write_config(config), encoding="utf-8")


async def test_a_validator_alone_makes_blocks(home: Home, running: RunNode) -> None:
    async with running(home) as node:
        await node.heads.wait_for(3)
        tip = node.pump.replica.tip
        block = node.disk.chain.block(tip.height)
        assert block is not None
        assert block.id == tip.block_id
        assert node.http_port != node.p2p_port
        assert any(node.chain_id in line for line in node.lines())


async def test_a_transaction_is_taken_once_and_takes_effect(
    home: Home, running: RunNode, transfer: Callable[..., bytes], people: Any
) -> None:
    async with running(home) as node:
        first, second = transfer(node.chain_id, 0), transfer(node.chain_id, 1)
        foreign = transfer("other-1", 2)
        replies = await node.submit([first, second, first, foreign, b"\xff"])
        codes = [reply.code for reply in replies]
        assert codes == ["ok", "ok", "known", "wrong_chain", "malformed"]
        while len(node.pump.replica.pool):
            await node.heads.wait_for(node.heads.current + 1)
        account = tables.ACCOUNTS.need(node.state(), people.address(people.poor))
        assert account.balance == 1_000
        place = node.disk.chain.place(replies[1].tx_id)
        assert place is not None
        assert place.code == "ok"


async def test_a_node_goes_on_where_it_stopped(home: Home, running: RunNode) -> None:
    async with running(home) as node:
        reached = await node.heads.wait_for(2)
    _, logged = inspect_wal(home.wal)  # of the heights that are stored nothing is left
    assert sum(payload[:1] == b"\x00" for payload in logged) <= 1
    async with running(home) as node:
        assert node.heads.current >= reached
        await node.heads.wait_for(node.heads.current + 2)


async def test_a_node_without_a_key_follows_and_catches_up(
    home: Home, running: RunNode, tmp_path: Path, genesis: str, config: NodeConfig
) -> None:
    settle(home, replace(config, anyone=True))
    async with running(home) as validator:
        contact = Contact(key=validator.mesh.key, host="127.0.0.1", port=validator.p2p_port)
        follower = create_home(
            tmp_path / "follower",
            genesis,
            replace(config, peers=(contact,), store="sqlite"),
            Seeds(node=bytes([102]) * 32, validator=None),
        )
        await validator.heads.wait_for(5)
        async with running(follower) as node:
            assert node.validator is None
            height = await node.heads.wait_for(validator.heads.current + 2)
            ours, theirs = (one.disk.chain.raw_block(Height(height)) for one in (node, validator))
            assert ours == theirs


async def test_a_list_of_peers_may_name_the_node_itself(
    home: Home, running: RunNode, config: NodeConfig, people: Any
) -> None:
    own = Contact(key=people.address(people.nodes[0]), host="127.0.0.1", port=1)
    settle(home, replace(config, peers=(own,)))
    async with running(home) as node:
        assert node.mesh.peers() == []


async def test_a_flood_of_submissions_is_told_to_come_again(home: Home, running: RunNode) -> None:
    """1.16.3."""
    answered: list[tuple[Reply, ...]] = []
    refused: list[Unavailable] = []

    async def submit(node: Node) -> None:
        try:
            answered.append(await node.submit([b"\xff"]))
        except Unavailable as fault:
            refused.append(fault)

    async with running(home) as node, trio.open_nursery() as nursery:
        for _ in range(4 * (SUBMISSIONS_MAX + UNDER_WAY_MAX)):
            nursery.start_soon(submit, node)
    assert len(answered) >= SUBMISSIONS_MAX
    assert refused
    assert all(replies[0].code == "malformed" for replies in answered)


@pytest.mark.parametrize("which", ["p2p", "http"])
async def test_a_port_in_use_is_one_clear_line(
    home: Home, running: RunNode, config: NodeConfig, taken_port: int, which: str
) -> None:
    place = Place(port=taken_port)
    settle(home, replace(config, p2p=place) if which == "p2p" else replace(config, http=place))
    with pytest.raises(Unavailable, match=f"cannot listen.*127.0.0.1:{taken_port}"):
        async with running(home):
            pass


async def test_an_address_that_is_none_of_ours_is_one_clear_line(
    home: Home, running: RunNode, config: NodeConfig
) -> None:
    settle(home, replace(config, http=Place(host="203.0.113.1")))
    with pytest.raises(Unavailable, match=r"cannot listen for HTTP: 203\.0\.113\.1:0"):
        async with running(home):
            pass


async def test_a_second_node_on_the_same_home_is_refused(home: Home, running: RunNode) -> None:
    async with running(home) as node:
        with pytest.raises(Unavailable, match="in use"):
            async with running(home):
                pass
        await node.heads.wait_for(node.heads.current + 1)


async def test_a_divergence_in_one_task_ends_them_all(home: Home, running: RunNode) -> None:
    async def companion(node: Node) -> None:
        await node.heads.wait_for(1)
        raise Divergence("block 1: another state root")

    with pytest.raises(Divergence, match="another state root"):
        async with running(home, companions=[companion]):
            await trio.sleep_forever()


async def test_a_disk_that_refuses_stops_the_node(home: Home, running: RunNode) -> None:
    async def companion(node: Node) -> None:
        await node.heads.wait_for(1)
        node.disk.wal.close()

    with pytest.raises(Unavailable, match="cannot write the log"):
        async with running(home, companions=[companion]):
            await trio.sleep_forever()


async def test_what_the_signer_refuses_is_not_said(
    home: Home, running: RunNode, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running(home) as node:
        assert node.disk.signer is not None
        node.disk.signer.sign(1_000, 0, 1, b"something else")
        before = node.pump.replica.council.machine.rounds
        node.pump._carry(Sign(message=VOTE, text=b"a vote that comes too late"))
        assert node.pump.replica.council.machine.rounds is before
    assert "not signed" in capsys.readouterr().err


async def test_faults_of_others_are_told(
    home: Home, running: RunNode, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running(home) as node:
        node.pump._carry(Blame(peer=bytes(32), reason="it said\nwhat nobody says"))
        node.pump._carry(Conflict(first=VOTE, second=replace(VOTE, block_id=b"")))
    told = capsys.readouterr().err.splitlines()
    assert [line.split()[2] for line in told] == ["blame", "conflict"]


async def test_what_runs_beside_a_node_ends_with_it(home: Home, running: RunNode) -> None:
    seen: list[str] = []

    async def companion(node: Node) -> None:
        seen.append(node.chain_id)
        try:
            await trio.sleep_forever()
        finally:
            seen.append("over")

    async with running(home, companions=[companion]) as node:
        await node.heads.wait_for(1)
    assert seen == [node.chain_id, "over"]


async def test_a_stopped_node_s_chain_is_exported(home: Home, running: RunNode) -> None:
    async with running(home) as node:
        height = await node.heads.wait_for(3)
        file = BytesIO(b"".join(export.frames(export_records_of(node.disk.chain))))
    kinds = [kind for _, kind, _ in export.read_records(file)]
    assert kinds[0] == 1
    assert kinds[-1] == 4
    assert set(kinds[1:-1]) == {2}
    assert len(kinds) >= height + 2
