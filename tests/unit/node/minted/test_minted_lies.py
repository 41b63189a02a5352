"""`show block --proof` and streams against a node that shows one block and answers with another."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from tfchain.cli.show.asking import Session
from tfchain.cli.show.blocks import block_of, validators_at
from tfchain.client import connect
from tfchain.client.http import Client
from tfchain.client.stream import raw_block
from tfchain.errors import InvalidBlock
from tfchain.ledger.block import decode_block

if TYPE_CHECKING:
    from tests.unit.node.minted.conftest import Minted


class Lying:
    """A node that says the truth but for one thing."""

    def __init__(self, client: Client, *, shift: int = 0, code: str = "", told: int = 0) -> None:
        self._client = client
        self._shift, self._code, self._told = shift, code, told

    async def block(self, height: int | None = None) -> dict[str, Any] | None:
        plain: Any = await self._client.block(height)
        if self._code and plain["txs"]:
            plain["txs"][0]["code"] = self._code
        return {**plain, "height": self._told or plain["height"]}

    async def validators(self, height: int | None = None) -> dict[str, Any]:
        plain: Any = await self._client.validators(height)
        return {**plain, "height": self._told or plain["height"]}

    async def stream(self, path: str, take: Callable[[bytes], bool]) -> None:
        start = int(path.rpartition("=")[2]) + self._shift
        await self._client.stream(f"/v1/blocks?from={start}", take)


@pytest.mark.parametrize(
    ("lie", "says"),
    [
        pytest.param(
            {"shift": 1}, "its bytes are not what was signed", id="bytes of another block"
        ),
        pytest.param({"code": "no_twin"}, "its codes are not those", id="another code"),
        pytest.param({"told": 2}, "the node shows the header of 1", id="another header"),
    ],
)
async def test_a_block_that_was_not_signed_so_is_refused(
    minted: "Minted", lie: dict[str, Any], says: str
) -> None:
    async with connect(minted.url) as chain:
        truth = Session(client=chain.client, chain=chain)
        assert (await block_of(1)(truth)).checked
        liar: Any = Lying(chain.client, **lie)
        chain.client = liar
        with pytest.raises(InvalidBlock, match=says):
            await block_of(1)(Session(client=liar, chain=chain))


async def test_validators_of_another_height_are_refused(minted: "Minted") -> None:
    async with connect(minted.url) as chain:
        liar: Any = Lying(chain.client, told=4)
        with pytest.raises(InvalidBlock, match="the header names others"):
            await validators_at(3)(Session(client=liar, chain=chain))


async def test_a_stream_refuses_a_block_of_another_height(minted: "Minted") -> None:
    async with connect(minted.url) as chain:
        stream = chain.blocks(5)
        raw = await raw_block(chain.client, 7)
        assert raw is not None
        stream._ready.append(decode_block(raw))
        with pytest.raises(InvalidBlock, match="block 5: it does not stand"):
            await stream.next_block()
        assert (await stream.next_block()).header.height == 5
