"""A snapshot of the state after one height: a manifest under the state root, and chunks under it.

A chunk is a prefix of hashed keys with the raw keys and rows below it and its subtree's path (P33),
so that it is checked alone, before the next one is fetched. The manifest names every chunk by its
subtree's hash, and these hashes add up to the state root: one that leaves something out is refused
before anything is fetched. Receipts and mints of batches that are not paid yet stand outside of the
tree (P17); they come in runs that add up to what their batch's row says.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Annotated, Final

from tfchain.base import merkle
from tfchain.base.crypto import HASH_BYTES, digest
from tfchain.base.limits import RECORD_BYTES_MAX
from tfchain.base.shapes import (
    U8,
    Blob,
    Hash,
    Many,
    Nested,
    Text,
    UInt,
    decode_record,
    encode_record,
)
from tfchain.base.units import Height
from tfchain.errors import Malformed
from tfchain.ledger import tables, tree
from tfchain.ledger.minting import MINT_TAG, PAID, RECEIPT_TAG, Batch
from tfchain.ledger.roots import roots_over

CHUNK_BYTES: Final = 256 * 1024
"""Rows of a chunk, together: a subtree with more is cut in two."""
CHUNK_BYTES_MAX: Final = 1024 * 1024
"""A chunk's own bytes: `CHUNK_BYTES` of rows, their heads, and the path; a run of receipts."""
CHUNK_ROWS_MAX: Final = 8_192
RUN_ROWS: Final = 1_024
"""Rows in a run of an archive. A power of two, so that a run is a subtree of its batch's tree."""
DEPTH_MAX: Final = 24
"""How deep a chunk may stand: nobody can make enough keys that agree in more than these 48 bits."""
SIBLINGS_MAX: Final = (tree.WAYS - 1) * DEPTH_MAX
CHUNKS_MAX: Final = 8_192
"""A state of 1 GiB in chunks of half their size."""
MANIFEST_BYTES_MAX: Final = 1024 * 1024
STORED_KEY_BYTES_MAX: Final = 120

BATCH_BYTES: Final = 5
_NODE_BYTES: Final = 4
_PLACE_BITS: Final = 8 * HASH_BYTES

ARCHIVE_TAGS: Final[Mapping[int, bytes]] = {
    tables.RECEIPTS.tag: RECEIPT_TAG,
    tables.MINTS.tag: MINT_TAG,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRoot:
    """The root of one table's tree."""

    tag: U8
    root: Hash


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkRef:
    """Which rows a chunk holds, and what they hash to.

    In the tree: those whose key hash agrees with `place` in `depth` steps of two bits, the other bits
    of `place` being 0. In an archive: run number `place` of `batch`, at depth 0.
    """

    tag: U8
    batch: Annotated[bytes, Blob(0, BATCH_BYTES)]
    place: Hash
    depth: Annotated[int, UInt(0, DEPTH_MAX)]
    root: Hash


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a snapshot consists of."""

    chain_id: Annotated[str, Text(1, 64)]
    height: Height
    """The state is the one after this block."""
    tables: Annotated[tuple[TableRoot, ...], Many(Nested(TableRoot), 256)]
    chunks: Annotated[tuple[ChunkRef, ...], Many(Nested(ChunkRef), CHUNKS_MAX)]
    """Those of the tree in order of (table, place), then those of archives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StateRow:
    """A row as the ledger stores it; the key without its table."""

    key: Annotated[bytes, Blob(0, STORED_KEY_BYTES_MAX)]
    value: Annotated[bytes, Blob(0, RECORD_BYTES_MAX)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A chunk's rows, in order of key hash (in an archive: of key), and its subtree's path."""

    ref: Annotated[ChunkRef, Nested(ChunkRef)]
    siblings: Annotated[tuple[bytes, ...], Many(Blob(HASH_BYTES, HASH_BYTES), SIBLINGS_MAX)]
    rows: Annotated[tuple[StateRow, ...], Many(Nested(StateRow), CHUNK_ROWS_MAX)]


def manifest_id(manifest: Manifest) -> bytes:
    """The hash that a snapshot is asked for by."""
    return digest(b"tf/snapshot", encode_record(manifest))


def run_place(number: int) -> bytes:
    """The place of a run in an archive."""
    return number.to_bytes(HASH_BYTES, "big")


def run_root(tag: int, values: Sequence[bytes]) -> bytes:
    """The root over a run of an archive's rows."""
    return merkle.root(ARCHIVE_TAGS[tag], values)


# The manifest.


def check_manifest(manifest: Manifest, chain_id: str, height: Height, root: bytes) -> None:
    """Whether the manifest is of this state, whole, and nothing else.

    What it says of archives is checked by `check_archives`, once the batches are there.

    Raises:
        Malformed: names the table or what is wrong.
    """
    if (manifest.chain_id, manifest.height) != (chain_id, height):
        raise Malformed("a snapshot of another chain or height")
    known = tables.IN_TREE
    if [row.tag for row in manifest.tables] != [table.tag for table in known]:
        raise Malformed("a snapshot of other tables than this program knows")
    named = zip(known, manifest.tables, strict=True)
    if roots_over(tuple((table.name, row.root) for table, row in named)).root != root:
        raise Malformed(f"the tables of the snapshot are not the state after block {height}")
    _check_order(manifest.chunks)
    inside = [ref for ref in manifest.chunks if ref.tag not in ARCHIVE_TAGS]
    by_tag = {tag: list(refs) for tag, refs in groupby(inside, key=lambda ref: ref.tag)}
    for row in manifest.tables:
        if _folded(0, by_tag.pop(row.tag, [])) != row.root:
            raise Malformed(f"the chunks of table {row.tag} are not the whole table")
    if by_tag:
        raise Malformed(f"chunks of tables that are none: {sorted(by_tag)}")


def _check_order(chunks: Sequence[ChunkRef]) -> None:
    """One order, so that one snapshot has one manifest; archives last."""
    places = [(ref.tag in ARCHIVE_TAGS, ref.tag, ref.batch, ref.place) for ref in chunks]
    if any(one >= other for one, other in pairwise(places)):
        raise Malformed("the chunks of the snapshot are not in order")
    for ref in chunks:
        inside = ref.tag not in ARCHIVE_TAGS
        if inside and (ref.batch or int.from_bytes(ref.place, "big") % (1 << _below(ref))):
            raise Malformed("a chunk's place is not a prefix")
        if not inside and (len(ref.batch) != BATCH_BYTES or ref.depth):
            raise Malformed("a run of an archive belongs to a batch")


def _below(ref: ChunkRef) -> int:
    """The bits of a place that say nothing of where the chunk stands."""
    return _PLACE_BITS - tree.BITS * ref.depth


def _folded(depth: int, refs: Sequence[ChunkRef]) -> bytes:
    """The hash of the subtree at `depth` that these chunks, in order, make up."""
    if not refs:
        return tree.EMPTY
    if len(refs) == 1 and refs[0].depth == depth:
        return refs[0].root
    if any(ref.depth <= depth for ref in refs):
        raise Malformed("two chunks hold the same keys")
    parts = tree.parted([(ref.place, ref) for ref in refs], depth)
    return tree.inner_hash([_folded(depth + 1, [ref for _, ref in part]) for part in parts])


def check_archives(manifest: Manifest, batches: Iterable[Batch]) -> None:
    """Whether the archives' runs add up to what the batches say, none of an unpaid one missing.

    `batches`: all that the state has; those that are paid need no rows, a pruned node has none.

    Raises:
        Malformed: names the batch.
    """
    runs: dict[tuple[int, bytes], list[bytes]] = {}
    for ref in manifest.chunks:
        if ref.tag in ARCHIVE_TAGS:
            hashes = runs.setdefault((ref.tag, ref.batch), [])
            if int.from_bytes(ref.place, "big") != len(hashes):
                raise Malformed("a run of an archive is missing")
            hashes.append(ref.root)
    for batch in batches:
        for tag, due in due_roots(batch):
            found = runs.pop((tag, tables.batch_key(batch.schedule, batch.period)), None)
            missing = found is None and batch.state != PAID
            if missing and due == merkle.empty_root(ARCHIVE_TAGS[tag]):
                continue
            if missing or (found is not None and _root_over(tag, found) != due):
                name = f"{batch.schedule}/{batch.period}"
                raise Malformed(f"table {tag}: not the rows of batch {name}")
    if runs:
        raise Malformed("rows of a batch that is none")


def due_roots(batch: Batch) -> list[tuple[int, bytes]]:
    """The roots over a batch's rows in each archive, as its own row has them now."""
    return [
        (tables.RECEIPTS.tag, merkle.frontier_root(RECEIPT_TAG, batch.frontier)),
        (tables.MINTS.tag, merkle.frontier_root(MINT_TAG, batch.mints_frontier)),
    ]


def _root_over(tag: int, runs: Sequence[bytes]) -> bytes:
    """The root over runs: the one over their rows, for a run is a whole subtree."""
    frontier: merkle.Frontier = ()
    for count, hashed in enumerate(runs):
        frontier = merkle.append(ARCHIVE_TAGS[tag], frontier, count, hashed)
    return merkle.frontier_root(ARCHIVE_TAGS[tag], frontier)


# Chunks.


def check_chunk(manifest: Manifest, index: int, raw: bytes) -> Chunk:
    """The chunk that the manifest names, from bytes of a stranger.

    Raises:
        Malformed: not a chunk, another one, or with other rows.
    """
    chunk = decode_record(Chunk, raw, CHUNK_BYTES_MAX)
    ref = manifest.chunks[index]
    if chunk.ref != ref:
        raise Malformed(f"another chunk than number {index}")
    if ref.tag in ARCHIVE_TAGS:
        _check_run(chunk)
        return chunk
    top = next(row.root for row in manifest.tables if row.tag == ref.tag)
    check_alone(chunk, top)
    return chunk


def check_alone(chunk: Chunk, table_root: bytes) -> None:
    """Whether a chunk of the tree belongs under its table's root, by its own path (P33).

    Raises:
        Malformed: it does not.
    """
    ref = chunk.ref
    leaves = [(tree.key_hash(row.key), tree.value_hash(row.value)) for row in chunk.rows]
    if any(one[0] >= other[0] for one, other in pairwise(leaves)):
        raise Malformed("the rows of a chunk are not in order")
    prefix = int.from_bytes(ref.place, "big") >> _below(ref)
    if any(int.from_bytes(hashed, "big") >> _below(ref) != prefix for hashed, _ in leaves):
        raise Malformed("a row stands in another chunk's place")
    if tree.subtree_root(ref.depth, leaves) != ref.root:
        raise Malformed("the rows of a chunk are not those it is named by")
    if len(chunk.siblings) != (tree.WAYS - 1) * ref.depth:
        raise Malformed("a chunk's path is as long as its place is deep")
    if tree.climb(ref.place, ref.root, chunk.siblings) != table_root:
        raise Malformed("a chunk's path does not lead to its table's root")


def _check_run(chunk: Chunk) -> None:
    ref, keys = chunk.ref, [row.key for row in chunk.rows]
    if any(one >= other for one, other in pairwise(keys)) or len(keys) > RUN_ROWS:
        raise Malformed("the rows of a run are not in order, or too many")
    width = BATCH_BYTES + _NODE_BYTES
    if any(len(key) != width or not key.startswith(ref.batch) for key in keys):
        raise Malformed("a row of another batch")
    if chunk.siblings or run_root(ref.tag, [row.value for row in chunk.rows]) != ref.root:
        raise Malformed("the rows of a run are not those it is named by")


def stored_rows(chunk: Chunk) -> list[tuple[bytes, bytes]]:
    """A checked chunk's rows as a store holds them."""
    table = tables.BY_TAG[chunk.ref.tag]
    return [(table.stored_at(row.key), row.value) for row in chunk.rows]


def tree_changes(chunk: Chunk) -> list[tree.Change]:
    """What a checked chunk changes in its table's tree; nothing for a run of an archive."""
    if chunk.ref.tag in ARCHIVE_TAGS:
        return []
    return [(tree.key_hash(row.key), tree.value_hash(row.value)) for row in chunk.rows]
