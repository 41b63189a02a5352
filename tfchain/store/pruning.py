"""Dropping what a node was told not to keep: old blocks, and the archives of batches long paid (P17).

A bounded number of rows goes at once, so that a node that begins to prune a long chain does not stop
for it. The tree needs nothing of the kind: a node of it is rewritten where it stands (P41).
"""

from typing import Final

from tfchain.base.units import Height
from tfchain.errors import Malformed
from tfchain.ledger import tables
from tfchain.ledger.block import decode_block
from tfchain.ledger.minting import PAID
from tfchain.store import layout
from tfchain.store.chain import BASE_KEY, SEALED, SET_EVERY, SETS, ChainStore
from tfchain.store.kv import Row
from tfchain.tx.transaction import transaction_id

BLOCKS_AT_ONCE: Final = 16
"""Blocks that go in one batch: two a second would do, sixteen catch up with a long chain."""
ROWS_AT_ONCE: Final = 4_096


def prune_blocks(chain: ChainStore, keep: int, floor: Height | None = None) -> int:
    """Drop blocks so that the newest `keep` are left, up to `BLOCKS_AT_ONCE`; how many went.

    With them go commits, results, places of transactions and notes of seals. Blocks from `floor` on
    stay: somebody may still need them to prove a snapshot.
    """
    assert keep > 0, "0 means that nothing is pruned"
    base = chain.base()
    stop = min(chain.height() - keep + 1, base + BLOCKS_AT_ONCE)
    if floor is not None:
        stop = min(stop, floor)
    if stop <= base:
        return 0
    rows: list[Row] = []
    for number in range(base, stop):
        rows += [(key, None) for key in _keys_of(chain, Height(number))]
    rows += [(key, None) for key in _old_sets(chain, stop)]
    chain.store.write([*rows, (BASE_KEY, layout.encode_height(Height(stop)))])
    return stop - base


def _keys_of(chain: ChainStore, height: Height) -> list[bytes]:
    keys = [layout.block_key(height), layout.commit_key(height), layout.results_key(height)]
    raw = chain.raw_block(height)
    try:
        txs = () if raw is None else decode_block(raw).txs
    except Malformed:
        txs = ()  # what the disk spoiled goes all the same; its transactions' places stay
    seals = SEALED + layout.encode_height(height)
    return [
        *keys,
        *[layout.tx_key(transaction_id(tx)) for tx in txs],
        *[key for key, _ in chain.store.scan(seals)],
    ]


def _old_sets(chain: ChainStore, base: int) -> list[bytes]:
    """Sets that no block from `base` on is found by."""
    first = SETS + layout.encode_height(Height(base - base % SET_EVERY))
    return [key for key, _ in chain.store.scan(SETS, limit=ROWS_AT_ONCE) if key < first]


def prune_batches(chain: ChainStore, keep: int) -> int:
    """Drop receipts and mint records of all but the newest `keep` paid batches of each schedule.

    Up to `ROWS_AT_ONCE` rows; how many went. The batches' own rows stay, with their roots.
    """
    assert keep > 0, "0 means that nothing is pruned"
    paid: dict[int, list[bytes]] = {}
    prefix = tables.BATCHES.stored_at(b"")
    for key, row in chain.store.scan(prefix):
        if tables.BATCHES.decode(row).state == PAID:
            name = key[len(prefix) :]
            paid.setdefault(name[0], []).append(name)
    rows: list[Row] = []
    for names in paid.values():
        for name in names[:-keep]:
            for table in (tables.RECEIPTS, tables.MINTS):
                left = ROWS_AT_ONCE - len(rows)
                rows += [
                    (key, None) for key, _ in chain.store.scan(table.stored_at(name), limit=left)
                ]
    if rows:
        chain.store.write(rows)
    return len(rows)
