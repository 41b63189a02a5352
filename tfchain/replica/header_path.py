"""The way from one trusted header to the three that prove a snapshot, whichever lies higher (1.12.2)."""

from typing import Final

from tfchain.base.units import Height, Millis
from tfchain.bft.light import (
    WRONG_HEIGHT,
    Climb,
    Distrust,
    Terms,
    check_next,
    check_previous,
    check_priorities,
)
from tfchain.chain.restored import Headers
from tfchain.ledger.commit import Verify
from tfchain.ledger.light import LightBlock
from tfchain.replica.snapshot_messages import LIGHTS_MAX, GetLights

_ABOVE: Final = 2


class HeaderPath:
    """Down along the links, or up by bisection to the snapshot's height; then the two above it."""

    def __init__(self, terms: Terms, anchor: LightBlock, height: Height) -> None:
        self._terms = terms
        self._height = height
        self._low = anchor
        """The lowest trusted block, while the way leads down."""
        self._climb = Climb(terms, anchor, Height(max(anchor.height, height)))
        self._proven: dict[int, LightBlock] = {}
        self._prove(anchor)

    def wanted(self) -> GetLights | None:
        """What to ask for next; None once all three are proven."""
        if self._climb.wanted is not None:
            return GetLights(height=self._climb.wanted, count=1)
        if self._low.height > self._height:
            first = max(self._height, self._low.height - LIGHTS_MAX)
            return GetLights(height=Height(first), count=self._low.height - first)
        top = max(self._proven)
        return None if top == self._height + _ABOVE else GetLights(height=Height(top + 1), count=1)

    def headers(self) -> Headers:
        """The three headers."""
        at, above, beyond = (self._proven[self._height + step] for step in range(_ABOVE + 1))
        return Headers(at=at, above=above, beyond=beyond)

    def take(self, asked: GetLights, blocks: list[LightBlock], now: Millis, verify: Verify) -> None:
        """The answer to what was wanted: blocks from its height on, as many as there are.

        Raises:
            Distrust: they are not what was asked for, or not to be trusted. One may ask again.
        """
        check_heights(asked, blocks)
        if self._climb.wanted is not None:
            self._take_step(blocks[0], now, verify)
        elif self._low.height > self._height:
            if blocks[-1].height + 1 != self._low.height:
                raise Distrust(WRONG_HEIGHT, f"blocks up to {self._low.height - 1} are due")
            for block in reversed(blocks):
                check_previous(self._terms, self._low, block, verify)
                self._prove(block)
                self._low = block
        else:
            last = self._proven[max(self._proven)]
            check_next(self._terms, last, blocks[0], now, verify)
            self._prove(blocks[0])

    def _take_step(self, block: LightBlock, now: Millis, verify: Verify) -> None:
        try:
            self._climb.take(block, now, verify)
        except Distrust:
            target = Height(max(self._low.height, self._height))
            self._climb = Climb(self._terms, self._climb.trusted, target)
            raise
        if self._climb.wanted is None:
            self._low = self._climb.trusted
            self._prove(self._low)

    def _prove(self, block: LightBlock) -> None:
        if 0 <= block.height - self._height <= _ABOVE:
            check_priorities(block)
            self._proven[block.height] = block


def check_heights(asked: GetLights, blocks: list[LightBlock]) -> None:
    """Whether these are the blocks that were asked for, or the first of them.

    Raises:
        Distrust: they are not, or there is none.
    """
    heights = [block.height for block in blocks]
    due = list(range(asked.height, asked.height + asked.count))
    if not blocks or heights != due[: len(blocks)]:
        raise Distrust(WRONG_HEIGHT, f"blocks from {asked.height} on are due, not {heights[:1]}")
