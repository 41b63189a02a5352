"""Filling an empty store from a snapshot: chunk by chunk, checked, and a chain only when it is whole.

From the first row on a mark says that the store is being filled; no node accepts it meanwhile. Every
chunk comes with its own mark in one batch, so that after a crash what is missing is known; the last
batch takes all marks away and lays down the tip (scenario 48).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from tfchain.base.shapes import decode_record, encode_record
from tfchain.base.units import Height
from tfchain.chain.genesis import read_genesis
from tfchain.chain.restored import HEADERS_BYTES_MAX, Headers, restored_tip
from tfchain.chain.snapshot import (
    ARCHIVE_TAGS,
    MANIFEST_BYTES_MAX,
    Chunk,
    Manifest,
    check_archives,
    check_chunk,
    check_manifest,
    manifest_id,
    stored_rows,
    tree_changes,
)
from tfchain.errors import Malformed, Unavailable
from tfchain.ledger import tables
from tfchain.ledger.light import LightBlock
from tfchain.ledger.minting import Batch
from tfchain.ledger.tree import Tree
from tfchain.ledger.validators import Validator
from tfchain.store import layout
from tfchain.store.chain import BASE_KEY, RESTORING, TIP_KEY, set_row
from tfchain.store.kv import Row, Store

_MANIFEST: Final = RESTORING + b"/manifest"
_HEADERS: Final = RESTORING + b"/headers"
_DONE: Final = RESTORING + b"/done/"
DROP_ROWS: Final = 4_096
"""Rows that are dropped in one batch when a restore begins anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """What a store is being filled with."""

    manifest: Manifest
    headers: Headers


def begun(store: Store) -> Begun | None:
    """What the store was being filled with when somebody stopped; None where nothing has begun."""
    manifest, headers = store.get(_MANIFEST), store.get(_HEADERS)
    if store.get(RESTORING) is None or manifest is None or headers is None:
        return None
    try:
        return Begun(
            manifest=decode_record(Manifest, manifest, MANIFEST_BYTES_MAX),
            headers=decode_record(Headers, headers, HEADERS_BYTES_MAX),
        )
    except Malformed:
        return None


def is_fresh(store: Store) -> bool:
    """Whether nothing is lost if the store is filled: no block is in it."""
    row = store.get(layout.META_HEIGHT)
    return row is None or row == layout.encode_height(Height(0))


@dataclass(frozen=True, slots=True)
class Restoration:
    """A store between the first chunk and the last. Get one from `begin`."""

    store: Store
    manifest: Manifest
    headers: Headers
    genesis: str

    def missing(self) -> list[int]:
        """The chunks that are not here yet, in order."""
        done = {int.from_bytes(key[len(_DONE) :], "big") for key, _ in self.store.scan(_DONE)}
        return [index for index in range(len(self.manifest.chunks)) if index not in done]

    def add(self, index: int, raw: bytes) -> None:
        """Take a chunk in, with its part of the tree, in one batch. Twice is once.

        Raises:
            Malformed: it is not the chunk that the manifest names.
            Unavailable: the disk refuses.
        """
        chunk = check_chunk(self.manifest, index, raw)
        mark = (_DONE + index.to_bytes(4, "big"), b"\x01")
        self.store.write([*self._rows(chunk), mark])

    def _rows(self, chunk: Chunk) -> list[Row]:
        tree = Tree(self.store, chunk.ref.tag)
        tree.update(tree_changes(chunk))
        return [*stored_rows(chunk), *tree.writes.items()]

    def check_archives(self) -> None:
        """Whether the manifest's archives fit the batches, once all chunks of the tree are here.

        Raises:
            Malformed: they do not: the snapshot is forged.
        """
        check_archives(self.manifest, self._batches())

    def is_tree_whole(self) -> bool:
        """Whether all chunks of the tree are here."""
        refs = self.manifest.chunks
        return all(refs[index].tag in ARCHIVE_TAGS for index in self.missing())

    def _batches(self) -> Iterator[Batch]:
        for _, row in self.store.scan(tables.BATCHES.stored_at(b"")):
            yield tables.BATCHES.decode(row)

    def finish(self) -> None:
        """Make it a chain: the node may start.

        Raises:
            Malformed: something is missing, or the archives do not fit the state.
            Divergence: the state's validators are not those of the headers.
            Unavailable: the disk refuses.
        """
        if self.missing():
            raise Malformed(f"{len(self.missing())} chunks of the snapshot are missing")
        for row in self.manifest.tables:
            if Tree(self.store, row.tag).root() != row.root:
                raise Malformed(f"table {row.tag} of the snapshot is not whole")
        self.check_archives()
        self.store.write([*self._chain_rows(), *_marks(self.store)])

    def _chain_rows(self) -> list[Row]:
        blocks = (self.headers.at, self.headers.above, self.headers.beyond)
        tip = restored_tip(self.headers, [self._members(block) for block in blocks])
        return [
            (layout.META_LAYOUT, layout.encode_version()),
            (layout.META_GENESIS, self.genesis.encode()),
            (layout.META_HEIGHT, layout.encode_height(tip.height)),
            (BASE_KEY, layout.encode_height(Height(tip.height + 1))),
            (TIP_KEY, encode_record(tip)),
            (layout.commit_key(tip.height), encode_record(self.headers.at.commit)),
            set_row(tip.height, tip.last_validators),
            set_row(Height(tip.height + 1), tip.validators),
        ]

    def _members(self, block: LightBlock) -> tuple[Validator, ...]:
        """The set of a height as the state lists it, reward accounts and all."""
        found: tuple[Validator, ...] = read_genesis(self.genesis).validator_set().validators
        prefix = tables.MEMBERS.stored_at(b"")
        for key, row in self.store.scan(prefix):
            if int.from_bytes(key[len(prefix) :], "big") > block.height:
                break
            found = tables.MEMBERS.decode(row).validators
        return found


def begin(store: Store, genesis: str, manifest: Manifest, headers: Headers) -> Restoration:
    """Begin to fill a fresh store, or go on where it was left. `headers` are trusted.

    Raises:
        Malformed: the manifest is not of the state that the headers tell of.
        Unavailable: there is a chain in the store, or the disk refuses.
    """
    root = headers.above.header.state_root
    chain_id = headers.at.header.chain_id
    check_manifest(manifest, chain_id, headers.at.height, root)
    name = manifest_id(manifest)
    if store.get(RESTORING) != name:
        if not is_fresh(store):
            remedy = "move its folder aside first, or start it without a snapshot: it catches up"
            raise Unavailable("there is a chain in the store already", store.where, remedy)
        _empty(store)
        store.write([(RESTORING, name), (_MANIFEST, encode_record(manifest))])
    store.write([(_HEADERS, encode_record(headers))])
    return Restoration(store, manifest, headers, genesis)


def _empty(store: Store) -> None:
    """Drop everything but the layout: a genesis, or what an earlier snapshot left.

    The mark of a snapshot stands until the last row is gone: it tells of none.
    """
    store.write([(RESTORING, b"-")])
    kept = (layout.META_LAYOUT, RESTORING)
    for column in layout.COLUMNS:
        batch: list[Row] = []
        for key, _ in store.scan(column):
            if key not in kept:
                batch.append((key, None))
            if len(batch) == DROP_ROWS:
                store.write(batch)
                batch = []
        store.write(batch)


def _marks(store: Store) -> list[Row]:
    return [(key, None) for key, _ in store.scan(RESTORING)]
