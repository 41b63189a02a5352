"""What a height knows of its blocks: how their checks ended, and which ones are still to be fetched.

The blocks themselves lie with the driver; here are ids, verdicts and times.
"""

from typing import Final

from tfchain.bft.events import BlockChecked
from tfchain.bft.rounds import ROUNDS_KEPT

VERDICTS_MAX: Final = 2 * ROUNDS_KEPT
"""Verdicts remembered in a height: one a round and as many again. A forgotten one is asked anew."""


class Blocks:
    """Verdicts by block id, oldest first."""

    __slots__ = ("_verdicts", "_wanted")

    def __init__(self) -> None:
        self._verdicts: dict[bytes, BlockChecked] = {}
        self._wanted: dict[bytes, None] = {}

    def verdict(self, block_id: bytes) -> BlockChecked | None:
        """How the check of a block ended; None while it is not here."""
        return self._verdicts.get(block_id)

    def learn(self, verdict: BlockChecked, needed: tuple[bytes, ...]) -> None:
        """Remember a verdict; past the bound forget the oldest that is not in `needed`."""
        self._verdicts[verdict.block_id] = verdict
        self._wanted.pop(verdict.block_id, None)
        if len(self._verdicts) > VERDICTS_MAX:
            kept = (verdict.block_id, *needed)
            del self._verdicts[next(known for known in self._verdicts if known not in kept)]

    def want(self, block_id: bytes) -> bool:
        """Whether this block was not asked for yet. Only ids that two thirds voted for come here."""
        first = block_id not in self._wanted
        self._wanted[block_id] = None
        return first

    def wanted(self) -> tuple[bytes, ...]:
        """Blocks asked for that were not checked yet."""
        return tuple(self._wanted)
