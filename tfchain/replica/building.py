"""Making a block: the mints that are due, then what waits, as far as it may stand at this time."""

from collections.abc import Iterable

from tfchain.base.units import Height, Millis
from tfchain.chain import mints
from tfchain.chain.admit import admit, context_of, seconds
from tfchain.chain.execute import params_of
from tfchain.chain.tip import Tip, next_block
from tfchain.errors import Rejected
from tfchain.ledger.block import Block
from tfchain.ledger.commit import Commit
from tfchain.ledger.state import Reader, State
from tfchain.tx.transaction import Transaction

OVERHEAD_BYTES = 128 * 1024
"""Room in a block for header, a commit of the largest set, evidence and list heads."""
PER_TX_BYTES = 5
"""Length head of a transaction in a list."""


def build_block(
    tip: Tip,
    reader: Reader,
    time: Millis,
    proposer: bytes,
    last_commit: Commit | None,
    waiting: Iterable[tuple[Transaction, bytes]],
) -> Block:
    """A block on top of `tip` that every correct validator accepts.

    Transactions stand in order of arrival, which is the order of nonces and of a node's reports
    (P2); one that this time does not admit stays in the pool.
    """
    state = State(reader)
    params = params_of(state)
    height = Height(tip.height + 1)
    txs = mints.due(state, params, height, seconds(time))
    room = params.consensus.block_bytes - OVERHEAD_BYTES - sum(len(raw) for raw in txs)
    for transaction, raw in waiting:
        room -= len(raw) + PER_TX_BYTES
        if room < 0:
            break
        try:
            admit(state, transaction, context_of(transaction, height, time, params))
        except Rejected:
            continue
        txs.append(raw)
    return next_block(tip, params, time, proposer, txs, last_commit)
