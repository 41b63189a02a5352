"""Waiting for heights costs nobody anything."""

import trio
from trio.testing import wait_all_tasks_blocked

from tfchain.node.heads import Heads


async def test_a_height_that_is_there_is_not_waited_for() -> None:
    heads = Heads(5)
    assert await heads.wait_for(5) == 5
    assert await heads.wait_for(0) == 5


async def test_everybody_who_waits_wakes_when_it_comes() -> None:
    heads, seen = Heads(0), list[int]()

    async def wait(height: int) -> None:
        seen.append(await heads.wait_for(height))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait, 1)
        nursery.start_soon(wait, 2)
        await wait_all_tasks_blocked()
        heads.advance(1)
        await wait_all_tasks_blocked()
        assert seen == [1]
        heads.advance(7)
    assert seen == [1, 7]
