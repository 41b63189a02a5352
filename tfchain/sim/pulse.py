"""Whether every correct node keeps storing blocks while faults last: L1 for runs that are long.

Loss alone is no excuse. Only while links are cut, and for one bound after they are whole again, may a
node stand still.
"""

from collections.abc import Sequence
from typing import Final

LOOK_EVERY_MS: Final = 2_000
"""How often somebody looks; a wait is known to this exactly."""


class Pulse:
    """How long each node has stored nothing, in virtual time while all links are there."""

    def __init__(self, nodes: Sequence[int], bound_ms: int, now_ms: int) -> None:
        """`nodes`: those that must go on. `bound_ms`: the longest that one may stand still."""
        self._bound_ms = bound_ms
        self._since = dict.fromkeys(nodes, (0, now_ms))
        """The height of each node, and since when it is there."""
        self._whole_since: int | None = now_ms
        self.longest_ms = 0
        """The longest that any of them stood still."""

    def cut(self) -> None:
        """Some links are gone: nothing is promised."""
        self._whole_since = None

    def mended(self, now_ms: int) -> None:
        """All links are there again."""
        self._whole_since = now_ms

    def look(self, heights: Sequence[int], now_ms: int) -> str:
        """What is wrong; or nothing. `heights`: of all nodes, by number."""
        slow = ""
        for node, (height, since) in self._since.items():
            if heights[node] > height:
                self._since[node] = (heights[node], now_ms)
            elif self._whole_since is not None:
                waited = now_ms - max(since, self._whole_since)
                self.longest_ms = max(self.longest_ms, waited)
                if waited > self._bound_ms:
                    slow = f"node {node} stores nothing after {height} for {waited} ms"
        return slow
