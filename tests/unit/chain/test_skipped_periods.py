"""Periods of a node's own that end while the chain stands still are settled when it goes on (P6, P7).

Batches last sixty seconds from 15 on, the node's own periods 25 from second 1 on. The last block before
the standstill is in the node's third, which ends in a batch that never opens.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tfchain.chain.columns.program import Columns
from tfchain.ledger import kept, tables
from tfchain.ledger.minting import SEALED, Receipt

if TYPE_CHECKING:
    from tests.unit.chain.conftest import Chain, MakeChain

NODE = 1
ZERO_READY = 15 + 60 + 12
"""Seconds after genesis when nothing more can happen to period 0."""
STEPS = 5
"""Integers on a receipt for each period of a node's own."""
EDITS = (
    ("payout_delay = 4\n", "payout_delay = 4\nown = 25\n"),
    ('regime = "farming_v3"', 'regime = "farming_2019"'),
)


@pytest.fixture
def stood(make_chain: "MakeChain") -> Callable[[int, int], "Chain"]:
    """A chain with blocks until `last`, and again from `first` on; the node has run all the while."""

    def make(last: int, first: int) -> "Chain":
        chain = make_chain(*EDITS)
        chain.found()
        while chain.second < last:
            _on(chain, min(chain.second + 5, last))
        chain.at(first, chain.report(NODE, first, first))
        return chain

    return make


def _on(chain: "Chain", second: int) -> None:
    chain.at(second, chain.report(NODE, second, second))


def _sealed(chain: "Chain", period: int) -> Receipt:
    """The node's receipt, as both programs have it."""
    while chain.batch(period).state < SEALED:
        _on(chain, chain.second + 5)
    columns, batch = _second(chain), chain.batch(period)
    result = columns.result(0, period)
    assert (result.root, result.total, result.count) == (batch.root, batch.total, batch.count)
    receipt = chain.receipt(NODE, period)
    assert result.receipts == (receipt,)
    return receipt


def _second(chain: "Chain") -> Columns:
    """The second program with all blocks, taken up again from a checkpoint after each.

    It forgets period 0 as an audit does, which settles it before those that come after.
    """
    genesis = chain.genesis
    columns = Columns(genesis.params, genesis.policies, genesis.supply())
    for block in chain.blocks:
        codes = ["ok"] * len(block.txs)
        columns.take(block.height, block.time_ms, block.txs, codes)
        if block.time_ms // 1_000 - genesis.time >= ZERO_READY:
            columns.forget(0, 0)
        sealed = columns.checkpoint()
        columns = Columns.resume(genesis.params, genesis.policies, sealed, genesis.supply())
    return columns


def test_what_the_standstill_cut_off_is_settled_in_the_next_batch(
    stood: Callable[[int, int], "Chain"],
) -> None:
    """Its own third period, 51 to 76, ended with batch 1, in which there was no block."""
    chain = stood(70, 200)
    assert not chain.has_batch(1) and not chain.has_batch(2)
    receipt = _sealed(chain, 3)
    genesis = chain.genesis.time
    assert receipt.start == genesis + 51, "it begins with the period that was cut off"
    assert receipt.uptime >= 19, "what was reported of it counts"
    assert receipt.end == genesis + 251


def test_periods_within_a_standstill_are_skipped_as_the_schedules_are(
    stood: Callable[[int, int], "Chain"],
) -> None:
    """Nobody missed his uptime in months without a block: three of them would void a contract.

    Counted are the period that was cut off and the three that end in the batch.
    """
    chain = stood(70, 800)
    receipt = _sealed(chain, 13)
    assert len(receipt.steps) == 4 * STEPS
    assert receipt.missed == 0


@pytest.mark.parametrize(
    ("last", "first"),
    [
        pytest.param(70, 140, id="one batch is skipped"),
        pytest.param(74, 260, id="three are, after their last second"),
        pytest.param(70, 100, id="none is: the period ends in its own batch"),
    ],
)
def test_a_receipt_begins_with_the_first_period_that_is_due(
    stood: Callable[[int, int], "Chain"], last: int, first: int
) -> None:
    chain = stood(last, first)
    receipt = _sealed(chain, (first - 15) // 60)
    assert receipt.start == chain.genesis.time + 51


def test_an_account_that_gives_way_waits_for_the_batch_that_settles_it(
    stood: Callable[[int, int], "Chain"],
) -> None:
    """Two more periods of its own are over before the batch after the standstill settles."""
    chain = stood(70, 200)
    while chain.second < 255:
        _on(chain, chain.second + 5)
    start = chain.genesis.time + 51
    place = tables.own_key(tables.id_key(NODE), start)  # type: ignore[arg-type]
    assert tables.OWN_ENDED.need(chain.state(), place).total >= 19
    _sealed(chain, 3)
    assert tables.OWN_ENDED.get(chain.state(), place) is None, "settled, it is dropped"


def test_without_a_standstill_nothing_is_noted(stood: Callable[[int, int], "Chain"]) -> None:
    chain = stood(70, 75)
    batch = chain.batch(1)
    name = tables.batch_key(batch.schedule, batch.period)
    assert tables.SCHEDULES.get(chain.state(), name) is None
    assert kept.ended_before(chain.state(), batch) == batch.start
