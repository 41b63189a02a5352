"""What the end of a block does to the validators and to what is remembered of them (P11, P24).

Votes that ran out, one jailing, bonds that come free, the block's own line in the past, and one row
of the past that nobody can ask about any more: each bounded, in this order.
"""

from dataclasses import replace
from typing import Final

from tfchain.base.units import Height, Millis
from tfchain.chain.admit import seconds
from tfchain.chain.faults import jail_next
from tfchain.ledger import roster, tables
from tfchain.ledger.accounts import credit
from tfchain.ledger.params import EvidenceRow, Params
from tfchain.ledger.seats import PAST_BLOCKS, Past, PastBlock
from tfchain.ledger.state import State
from tfchain.tx import changes, proposals

RELEASED_MAX: Final = 4
"""Bonds given back in one block."""


def finish(state: State, params: Params, height: Height, time_ms: Millis) -> None:
    """Run at the end of every block. `params`: those that the block began with."""
    changes.expire(state, height, seconds(time_ms))
    proposals.close_due(state, height, seconds(time_ms))
    jail_next(state, height)
    for _ in range(RELEASED_MAX):
        if not _release_next(state, params, height, time_ms):
            break
    remember(state, height, time_ms)
    _forget(state, params.evidence, height, time_ms)


def _release_next(state: State, params: Params, height: Height, time_ms: Millis) -> bool:
    """Give a bond back once no evidence against its validator can be accepted any more."""
    known = roster.roster_of(state)
    if not known.leaving:
        return False
    address = known.leaving[0]
    seat = roster.seat_of(state, address)
    assert seat.left is not None, "whoever waits for its bond has left"
    if seat.left >= height:
        return False
    past = roster.past_block(state, seat.left)
    blocks = height - seat.left
    if past is not None and not roster.is_expired(params.evidence, past, blocks, time_ms):
        return False
    if seat.bond:
        credit(state, seat.reward_account, seat.bond)
    tables.SEATS.drop(state, address)
    tables.ROSTER.put(state, tables.SINGLE, replace(known, leaving=known.leaving[1:]))
    return True


def remember(state: State, height: Height, time_ms: Millis) -> None:
    """Note the block's time, and which set voted on it."""
    key = tables.height_key(height // PAST_BLOCKS)
    row = tables.PAST.get(state, key)
    blocks = () if row is None else row.blocks
    line = PastBlock(time=time_ms, members=_set_of(state, height))
    tables.PAST.put(state, key, Past(blocks=(*blocks, line)))


def _set_of(state: State, height: Height) -> Height:
    """The key of the set that voted on the block of this height."""
    if tables.MEMBERS.get(state, tables.height_key(height)) is not None:
        return height
    before = roster.past_block(state, Height(height - 1))
    assert before is not None, "the block before is always remembered"
    return before.members


def _forget(state: State, limits: EvidenceRow, height: Height, time_ms: Millis) -> None:
    """Drop the oldest row of the past once evidence of its last block has expired.

    With it go the sets that no later block was voted on by.
    """
    known = roster.roster_of(state)
    row = tables.PAST.need(state, tables.height_key(known.past_first))
    last = Height((known.past_first + 1) * PAST_BLOCKS - 1)
    if last >= height or not roster.is_expired(limits, row.blocks[-1], height - last, time_ms):
        return
    after = roster.past_block(state, Height(last + 1))
    assert after is not None, "the window is longer than a row"
    for key in sorted({block.members for block in row.blocks}):
        if key != after.members:
            tables.MEMBERS.drop(state, tables.height_key(key))
    tables.PAST.drop(state, tables.height_key(known.past_first))
    moved = replace(known, past_first=known.past_first + 1)
    tables.ROSTER.put(state, tables.SINGLE, moved)
