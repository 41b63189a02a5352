"""A period whose uptime and power come from another source than the rest of it.

A collector of the public chain keeps what nodes report and how they sleep; what nodes, farms, twins,
policies and contracts are it does not know. So the state of a recorded period is taken, its reports
and sleeps are left out, and the collector's stand in their place, in the chain's own order.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from heapq import merge
from itertools import groupby
from typing import Final

from tfchain.base.units import NodeId, Seconds
from tfchain.chain.grid_events import (
    Event,
    GridBlock,
    PeriodInput,
    StateMoved,
    TargetMoved,
    UptimeSaid,
)
from tfchain.errors import Malformed
from tfchain.ledger.uptime import PowerState

POST_WINDOW: Final = Seconds(97_200)
"""How long after a period's end reports still count for it: 16,200 blocks of six seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """An event, the block that it stands in, its place there, and the block's time."""

    height: int
    index: int
    time: Seconds
    event: Event

    @property
    def place(self) -> tuple[int, int]:
        return self.height, self.index


def with_collected(
    state: PeriodInput,
    power: dict[NodeId, PowerState],
    inside: Iterable[Placed],
    after: Iterable[Placed],
) -> PeriodInput:
    """The period of `state` with a collector's events, which are gone through once and never kept.

    Args:
        state: its own reports and sleeps, those after the period too, count for nothing.
        power: as it was at the period's start; a node that is not in it was up.
        inside: the collector's events of the period, by height and place.
        after: those of the post window.

    Going through the result's blocks raises `Malformed` where one height has two times.
    """
    others = _others(state.blocks)
    return replace(
        state,
        power=power,
        blocks=_blocks(merge(others, inside, key=_place)),
        post=_blocks(after),
    )


def _place(placed: Placed) -> tuple[int, int]:
    return placed.place


def _others(blocks: Iterable[GridBlock]) -> list[Placed]:
    """What a collector does not keep. Raises `Malformed` where heights do not grow."""
    found, last = list[Placed](), 0
    for block in blocks:
        if block.height <= last:
            raise Malformed(f"blocks: height {block.height} after {last}: heights must grow")
        last = block.height
        for index, event in enumerate(block.events):
            if not isinstance(event, UptimeSaid | TargetMoved | StateMoved):
                found.append(Placed(height=block.height, index=index, time=block.time, event=event))
    return found


def _blocks(placed: Iterable[Placed]) -> Iterator[GridBlock]:
    for height, group in groupby(placed, key=_height):
        events = tuple(group)
        times = sorted({one.time for one in events})
        if len(times) > 1:
            raise Malformed(f"block {height}: two times, {times[0]} and {times[1]}")
        yield GridBlock(time=times[0], height=height, events=tuple(one.event for one in events))


def _height(placed: Placed) -> int:
    return placed.height
