"""What people ask a node, answered with records. Reads only, and each answer is bounded."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias, TypeVar

from tfchain import __version__
from tfchain.base import merkle
from tfchain.base.units import Address, Height, PeriodIndex, ScheduleId
from tfchain.bft import events as bft
from tfchain.chain.tip import Tip
from tfchain.errors import Malformed
from tfchain.ledger import tables
from tfchain.ledger.minting import Attestation, Batch, Commitment, MintRecord, Receipt
from tfchain.ledger.records import Totals
from tfchain.ledger.roots import state_leaves
from tfchain.ledger.state import Reader, State, Table
from tfchain.ledger.tree import Tree, TreeProof, key_hash
from tfchain.net.surface import PeerStatus
from tfchain.node.node import Node
from tfchain.node.signed import SignedHeader, signed_header
from tfchain.node.waiting import Waiting, waiting_of
from tfchain.replica.effects import Reply
from tfchain.store.chain import ChainStore
from tfchain.store.kv import KEY_BYTES_MAX
from tfchain.store.open import describe

R = TypeVar("R")

COMMITTED: Final = "committed"
PENDING: Final = "pending"
UNKNOWN: Final = "unknown"
BATCHES_SHOWN: Final = 4
"""Batches of each schedule that a status shows beside the live ones: the newest."""
TREE_KEY_BYTES_MAX: Final = KEY_BYTES_MAX - 2

STEPS: Final = {
    bft.NEW: "new",
    bft.PROPOSE: "propose",
    bft.PREVOTE_STEP: "prevote",
    bft.PRECOMMIT_STEP: "precommit",
    bft.COMMIT: "commit",
    bft.DECIDED: "decided",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """What became of one transaction that was handed in."""

    id: bytes
    code: str
    """`ok`, `known`, `committed`, or why not."""
    detail: str
    height: Height | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TxView:
    """Where a transaction is; the last three fields once it is committed."""

    id: bytes
    status: str
    height: Height | None = None
    position: int | None = None
    code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchView:
    """A batch with what its guardians said."""

    batch: Batch
    guardians: tuple[Address, ...]
    """Those of the seal; before it, those of today."""
    commitments: tuple[tuple[Address, Commitment], ...]
    attestations: tuple[tuple[Address, Attestation], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Where a node stands."""

    version: str
    chain_id: str
    tip: Tip
    validator: Address | None
    round: int
    step: str
    waiting: Waiting
    peers: tuple[PeerStatus, ...]
    refused: int
    pool_count: int
    pool_bytes: int
    store: str
    totals: Totals
    supply_cap: int
    batches: tuple[BatchView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """That a row stands in a table, or none, by the header that was signed.

    `tree` leads to `table_root`; that root, under `index` of `count` leaves, leads by `path` to the
    header's state root.
    """

    table: str
    key: bytes
    row: bytes | None
    tree: TreeProof
    table_root: bytes
    index: int
    count: int
    path: tuple[bytes, ...]
    signed: SignedHeader


def judged(node: Node, replies: tuple[Reply, ...]) -> list[Submitted]:
    """Replies; one that was refused because it is in the chain already says so."""
    return [_judged(node.disk.chain, reply) for reply in replies]


def _judged(chain: ChainStore, reply: Reply) -> Submitted:
    place = None if reply.code in ("ok", "known") else chain.place(reply.tx_id)
    if place is None:
        return Submitted(id=reply.tx_id, code=reply.code, detail=reply.detail)
    detail = f"in block {place.height}: {place.code}"
    return Submitted(id=reply.tx_id, code=COMMITTED, detail=detail, height=place.height)


def tx_view(node: Node, tx_id: bytes) -> TxView:
    """Where a transaction is."""
    place = node.disk.chain.place(tx_id)
    if place is not None:
        return TxView(
            id=tx_id,
            status=COMMITTED,
            height=place.height,
            position=place.position,
            code=place.code,
        )
    pending = tx_id in node.pump.replica.pool
    return TxView(id=tx_id, status=PENDING if pending else UNKNOWN)


def status(node: Node) -> Status:
    """Where the node stands now."""
    replica, state = node.pump.replica, node.state()
    machine = replica.council.machine
    params = tables.PARAMS.need(state, tables.SINGLE)
    return Status(
        version=__version__,
        chain_id=node.chain_id,
        tip=replica.tip,
        validator=node.validator,
        round=machine.round,
        step=STEPS[machine.step],
        waiting=waiting_of(replica),
        peers=tuple(node.mesh.peers()),
        refused=node.mesh.refused,
        pool_count=len(replica.pool),
        pool_bytes=replica.pool.size,
        store=describe(node.disk.store),
        totals=tables.TOTALS.need(state, tables.SINGLE),
        supply_cap=params.supply_cap,
        batches=tuple(_newest(state)),
    )


def _newest(state: State) -> Iterator[BatchView]:
    """Live batches and the last few, oldest first within a schedule."""
    for row in tables.PARAMS.need(state, tables.SINGLE).schedules:
        known = tables.SCHEDULES.need(state, tables.schedule_key(row.id))
        if known.running is None:
            continue
        last = range(max(0, known.running - BATCHES_SHOWN + 1), known.running + 1)
        for period in sorted({*known.live, *last}):
            view = batch_view(state, row.id, PeriodIndex(period))
            if view is not None:
                yield view


def batch_view(state: State, schedule: ScheduleId, period: PeriodIndex) -> BatchView | None:
    """A batch; None where there is none."""
    name = tables.batch_key(schedule, period)
    batch = tables.BATCHES.get(state, name)
    if batch is None:
        return None
    guardians = batch.guardians or tables.GUARDIANS.need(state, tables.SINGLE).accounts
    return BatchView(
        batch=batch,
        guardians=guardians,
        commitments=tuple(_said(state, tables.COMMITMENTS, name, guardians)),
        attestations=tuple(_said(state, tables.ATTESTATIONS, name, guardians)),
    )


Archive: TypeAlias = Table[Receipt] | Table[MintRecord]


def rows_of_batch(
    chain: ChainStore, table: Archive, batch: bytes, start: int, limit: int
) -> list[Receipt | MintRecord]:
    """Up to `limit` rows of an archive table from node `start` on, in node order."""
    prefix = table.stored_at(batch)
    first = table.stored_at(tables.in_batch(batch, start))
    return [table.decode(value) for _, value in chain.store.scan(prefix, first, limit)]


def prove(chain: ChainStore, reader: Reader, header_of: Height, name: str, key: bytes) -> Proof:
    """A proof by the header of block `header_of`; `reader` has the state before that block.

    Raises:
        Malformed: no such table, or one that is not in the state's tree.
    """
    table = next((one for one in tables.IN_TREE if one.name == name), None)
    if table is None:
        raise Malformed(f"no table {name} is in the tree")
    signed = signed_header(chain, header_of)
    assert signed is not None, "its state is held, so it is stored"
    roots = [(one.name, Tree(reader, one.tag).root()) for one in tables.IN_TREE]
    index = tables.IN_TREE.index(table)
    return Proof(
        table=name,
        key=key,
        row=reader.get(table.stored_at(key)),
        tree=Tree(reader, table.tag).prove(key_hash(key)),
        table_root=roots[index][1],
        index=index,
        count=len(roots),
        path=tuple(merkle.prove(b"state", state_leaves(roots), index)),
        signed=signed,
    )


def _said(
    state: State, table: Table[R], batch: bytes, guardians: tuple[Address, ...]
) -> Iterator[tuple[Address, R]]:
    for guardian in guardians:
        row = table.get(state, tables.of_guardian(batch, guardian))
        if row is not None:
            yield guardian, row
