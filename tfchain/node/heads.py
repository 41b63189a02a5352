"""The height of the chain, for whoever waits for the next one: nothing is queued for anybody."""

import trio


class Heads:
    """How far the chain is stored. Who is slow sees fewer, later heights, and costs nothing."""

    def __init__(self, height: int) -> None:
        self.current = height
        self._moved = trio.Event()

    def advance(self, height: int) -> None:
        """A height is on disk. Wakes everybody who waits."""
        self.current = height
        self._moved.set()
        self._moved = trio.Event()

    async def wait_for(self, height: int) -> int:
        """Until `height` is stored; the height that is current then."""
        while self.current < height:
            await self._moved.wait()
        return self.current
