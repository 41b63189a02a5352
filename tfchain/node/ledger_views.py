"""Whole blocks, their validators, and what stands under a batch's roots, as people ask for them.

All of it is read from the store, which never changes below its height: by a worker, for a block has
up to 2 MiB and a batch may have a receipt for each of many thousand nodes.
"""

from dataclasses import dataclass
from typing import Final

from tfchain.base import merkle
from tfchain.base.units import Height, PeriodIndex, ScheduleId
from tfchain.errors import Malformed
from tfchain.ledger import tables
from tfchain.ledger.minting import MINT_TAG, RECEIPT_TAG, Batch
from tfchain.ledger.state import State
from tfchain.ledger.validators import ValidatorSet
from tfchain.node.queries import Archive, Proof
from tfchain.node.signed import SignedHeader, signed_header
from tfchain.store.chain import SEALED, ChainStore
from tfchain.store.layout import decode_height, encode_height

LAST: Final = "last"
"""A height that is spelled so is the last one."""
BATCHES_MAX: Final = 100
"""Batches of one schedule in a list."""
BATCH_KEY_BYTES: Final = 5
NODE_KEY_BYTES: Final = BATCH_KEY_BYTES + 4
"""A batch and a node in it: the key of a receipt and of a mint record."""
_HEIGHT_BYTES: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockView:
    """A stored block, the commit that this node saw for it, and its transactions' codes."""

    signed: SignedHeader
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidatorsView:
    """Who could vote at a height, and who signed its block."""

    signed: SignedHeader
    validators: ValidatorSet


@dataclass(frozen=True, slots=True, kw_only=True)
class LeafProof:
    """That a row is leaf `index` of the `count` leaves under one of its batch's roots."""

    row: bytes
    index: int
    count: int
    path: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchProof:
    """What a batch has for a node, up to its roots, and the proof of the batch itself.

    `receipt` once the batch is sealed, `mint` once it is paid; None where the node has none.
    """

    table: str
    key: bytes
    receipt: LeafProof | None
    mint: LeafProof | None
    batch: Proof


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedAt:
    """A batch, and the block in which it sealed."""

    height: Height
    schedule: ScheduleId
    period: PeriodIndex


def block_view(chain: ChainStore, height: Height) -> BlockView | None:
    """A stored block; None where there is none."""
    signed = signed_header(chain, height)
    return None if signed is None else BlockView(signed=signed, codes=chain.codes(height))


def validators_view(chain: ChainStore, height: Height) -> ValidatorsView | None:
    """The validators of a stored block; None where this node knows neither block nor set."""
    signed, known = signed_header(chain, height), chain.validators_at(height)
    if signed is None or known is None:
        return None
    return ValidatorsView(signed=signed, validators=known)


def newest_batches(state: State, last: int) -> list[Batch]:
    """Up to `last` batches of each schedule, oldest first: the newest ones."""
    found = []
    for row in tables.PARAMS.need(state, tables.SINGLE).schedules:
        running = tables.SCHEDULES.need(state, tables.schedule_key(row.id)).running
        after = 0 if running is None else running + 1
        for period in range(max(0, after - last), after):
            batch = tables.BATCHES.get(state, tables.batch_key(row.id, PeriodIndex(period)))
            if batch is not None:
                found.append(batch)
    return found


def sealed_from(chain: ChainStore, start: Height, limit: int) -> list[SealedAt]:
    """Up to `limit` batches that sealed in block `start` or later, by height, schedule, period."""
    found = []
    for key, _ in chain.store.scan(SEALED, SEALED + encode_height(start), limit):
        place = key[len(SEALED) :]
        name = place[_HEIGHT_BYTES:]
        found.append(
            SealedAt(
                height=decode_height(place[:_HEIGHT_BYTES]),
                schedule=ScheduleId(name[0]),
                period=PeriodIndex(int.from_bytes(name[1:], "big")),
            )
        )
    return found


def batch_of_key(key: bytes) -> bytes:
    """The batch that a receipt's key is of; raises `Malformed`."""
    if len(key) != NODE_KEY_BYTES:
        raise Malformed(f"key: {NODE_KEY_BYTES} bytes are due: schedule, period, node")
    return key[:BATCH_KEY_BYTES]


def prove_in_batch(chain: ChainStore, table: str, key: bytes, batch: Proof) -> BatchProof:
    """What stands under the roots of a batch for one node; `batch` is the proof of its row.

    A batch that is sealed keeps its receipts, one that is paid its mint records: they may be read
    from the store, however far that has moved on since `batch` was proven.
    """
    row = None if batch.row is None else tables.BATCHES.decode(batch.row)
    sealed, paid = row is not None and bool(row.root), row is not None and bool(row.mints_root)
    return BatchProof(
        table=table,
        key=key,
        receipt=_leaf(chain, tables.RECEIPTS, RECEIPT_TAG, key) if sealed else None,
        mint=_leaf(chain, tables.MINTS, MINT_TAG, key) if paid else None,
        batch=batch,
    )


def _leaf(chain: ChainStore, table: Archive, tag: bytes, key: bytes) -> LeafProof | None:
    own, index = table.stored_at(key), None
    leaves: list[bytes] = []
    for place, row in chain.store.scan(table.stored_at(key[:BATCH_KEY_BYTES])):
        if place == own:
            index = len(leaves)
        leaves.append(row)
    if index is None:
        return None
    path = tuple(merkle.prove(tag, leaves, index))
    return LeafProof(row=leaves[index], index=index, count=len(leaves), path=path)
