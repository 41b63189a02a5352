"""The timers of a replica: one task, one entry a name, round and step (P40).

Of a height that is over nothing is kept, so that the entries are those of the present height.
"""

from collections.abc import Callable
from math import inf

import trio

from tfchain.base.units import MS_PER_S, Height, Millis
from tfchain.replica.events import GOSSIP, Timer


class Timers:
    """`fire` is called, from the task that runs, with each timer that ran out."""

    def __init__(self, fire: Callable[[Timer], None]) -> None:
        self._fire = fire
        self._due: dict[tuple[str, int, int], tuple[float, Timer]] = {}
        self._pause = trio.CancelScope()

    def __len__(self) -> int:
        return len(self._due)

    def set(self, timer: Timer, ms: Millis) -> None:
        """Fire in `ms`; a later one takes the place of an earlier one of its name and step."""
        at = trio.current_time() + ms / MS_PER_S
        self._due[timer.name, timer.round, timer.step] = (at, timer)
        self._pause.deadline = min(self._pause.deadline, at)

    def drop(self, height: Height) -> None:
        """Forget what was set for `height` and those before it. Gossip goes on."""
        over = [
            key
            for key, (_, timer) in self._due.items()
            if timer.height <= height and timer.name != GOSSIP
        ]
        for key in over:
            del self._due[key]

    async def run(self) -> None:
        """Wait and fire until cancelled."""
        while True:
            self._pause = trio.CancelScope(deadline=self._next())
            with self._pause:
                await trio.sleep_forever()
            for key in self._over():
                entry = self._due.pop(key, None)  # firing one may drop others
                if entry is not None:
                    self._fire(entry[1])

    def _next(self) -> float:
        return min((at for at, _ in self._due.values()), default=inf)

    def _over(self) -> list[tuple[str, int, int]]:
        """What ran out, in the order in which it did."""
        now = trio.current_time()
        over = sorted((at, key) for key, (at, _) in self._due.items() if at <= now)
        return [key for _, key in over]
