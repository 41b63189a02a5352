"""A collector's events in the place of a recorded period's own reports and sleeps."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import pytest

from tfchain.base.units import NodeId, PeriodIndex, Seconds
from tfchain.chain.grid_events import (
    ContractMade,
    GridBlock,
    PeriodInput,
    StateMoved,
    TargetMoved,
    UptimeSaid,
)
from tfchain.chain.grid_merge import Placed, with_collected
from tfchain.errors import Malformed
from tfchain.ledger.uptime import ALWAYS_UP

NAME: Final = ContractMade(contract=None)
REPORT: Final = UptimeSaid(node_id=NodeId(1), t=Seconds(99), uptime=Seconds(60))
SLEEP: Final = StateMoved(node_id=NodeId(1), up=False)
WAKE: Final = TargetMoved(node_id=NodeId(1), up=True)
EMPTY: Final = PeriodInput(
    period=PeriodIndex(0),
    first_block=Seconds(6),
    nodes=(),
    power={},
    farms={},
    twins={},
    payouts={},
    policies={},
    contracts=(),
    blocks=(),
    post=(),
)


def _block(height: int, *events: ContractMade | UptimeSaid | StateMoved) -> GridBlock:
    return GridBlock(time=Seconds(height * 6), height=height, events=events)


def _placed(height: int, index: int, event: UptimeSaid | StateMoved | TargetMoved) -> Placed:
    return Placed(height=height, index=index, time=Seconds(height * 6), event=event)


def _merged(blocks: Sequence[GridBlock], *inside: Placed) -> list[GridBlock]:
    period = with_collected(replace(EMPTY, blocks=blocks), {}, inside, ())
    return list(period.blocks)


def test_the_periods_own_reports_give_way() -> None:
    blocks = [_block(1, REPORT, NAME), _block(2, SLEEP)]
    assert _merged(blocks, _placed(2, 0, REPORT)) == [_block(1, NAME), _block(2, REPORT)]


def test_events_of_a_block_stand_by_their_places() -> None:
    [block] = _merged([_block(5, REPORT, NAME, SLEEP)], _placed(5, 0, SLEEP), _placed(5, 2, REPORT))
    assert block.events == (SLEEP, NAME, REPORT)


def test_where_places_are_the_same_the_recorded_event_is_first() -> None:
    [block] = _merged([_block(5, NAME)], _placed(5, 0, REPORT))
    assert block.events == (NAME, REPORT)


def test_what_came_after_the_period_is_the_collectors_alone() -> None:
    state = replace(EMPTY, post=(_block(9, REPORT, SLEEP),))
    period = with_collected(state, {NodeId(1): ALWAYS_UP}, (), (_placed(10, 0, WAKE),))
    assert list(period.post) == [
        GridBlock(time=Seconds(60), height=10, events=(WAKE,)),
    ]
    assert period.power == {1: ALWAYS_UP}


@pytest.mark.parametrize("heights", [(0,), (2, 2), (3, 2)], ids=["none", "twice", "back"])
def test_heights_must_grow(heights: tuple[int, ...]) -> None:
    blocks = [_block(height, NAME) for height in heights]
    with pytest.raises(Malformed, match=f"height {heights[-1]} after .*: heights must grow"):
        _merged(blocks)


def test_one_height_with_two_times_is_of_two_chains() -> None:
    with pytest.raises(Malformed, match="block 5: two times, 30 and 31"):
        _merged(
            [_block(5, NAME)],
            Placed(height=5, index=0, time=Seconds(31), event=REPORT),
        )
