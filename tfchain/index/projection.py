"""All that the read model shows of a block, in one place: each part takes the same step."""

from collections.abc import Callable
from typing import Final

from tfchain.index import blocks, deals, events, grid, lines, minted
from tfchain.index.mirrors import BY_TAG
from tfchain.index.register import Register
from tfchain.index.sheet import Sheet
from tfchain.index.step import Step

PROJECTION: Final = 1
"""Raised whenever the same blocks would come to other rows: such a read model is made anew."""

_OWN: Final[tuple[Callable[[Sheet, Step], None], ...]] = (blocks.take, lines.take, minted.take)
_ENTITIES: Final[tuple[Callable[[Register, Step], None], ...]] = (
    grid.take,
    deals.take,
    events.take,
)
"""In order: a node is there before something happens to it."""


def project(sheet: Sheet, step: Step) -> None:
    """Write what a block comes to. The same step always gives the same rows."""
    for moved in step.moved:
        mirror = BY_TAG.get(moved.tag)
        if mirror is not None:
            mirror.take(sheet, moved)
    for take in _OWN:
        take(sheet, step)
    register = Register(sheet, step.ids)
    for follow in _ENTITIES:
        follow(register, step)
