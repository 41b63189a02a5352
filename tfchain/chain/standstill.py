"""Noting that the chain stood still, before anything of the block that ends it is run (P4)."""

from dataclasses import replace

from tfchain.base.units import MS_PER_S, Height, Millis, Seconds
from tfchain.ledger import roster, tables
from tfchain.ledger.gaps import GAPS_MAX, Gap, first_gaps
from tfchain.ledger.params import Params
from tfchain.ledger.state import State


def note(state: State, params: Params, height: Height, time_ms: Millis) -> None:
    """Remember the time since the block before, if it was a gap. `params`: the block's own."""
    known = tables.GAPS.get(state, tables.SINGLE)
    if known is None:
        tables.GAPS.put(state, tables.SINGLE, first_gaps(params))
        return  # the first block: nobody was there before
    before = roster.past_block(state, Height(height - 1))
    assert before is not None, "the block before is always remembered"
    if time_ms - before.time <= known.over:
        return
    gap = Gap(since=Seconds(before.time // MS_PER_S), until=Seconds(time_ms // MS_PER_S))
    rows = (*known.rows, gap)[-GAPS_MAX:]
    tables.GAPS.put(state, tables.SINGLE, replace(known, rows=rows))
