"""Snapshots in a home: made from a view of the store in bounded steps, kept as files, read for peers.

A snapshot is a folder named by its height with a manifest and one file a chunk, complete once it holds
the light blocks of its height and the two above it. It is made under another name and takes its own
last, so that what a crash leaves behind is never taken for one.
"""

import shutil
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final, Protocol, TypeVar

from tfchain.base.codec import decode, encode
from tfchain.base.limits import RECORD_BYTES_MAX
from tfchain.base.shapes import decode_record, encode_record
from tfchain.base.units import Height
from tfchain.chain import snapshot as pure
from tfchain.chain.execute import params_of
from tfchain.chain.restored import HEADERS_BYTES_MAX, Headers
from tfchain.chain.snapshot import Chunk, ChunkRef, Manifest, StateRow, TableRoot
from tfchain.errors import Malformed, Unavailable
from tfchain.ledger import tables
from tfchain.ledger.minting import PAID
from tfchain.ledger.state import State
from tfchain.ledger.tree import BITS, WAYS, Tree, key_hash, subtree_root, value_hash
from tfchain.store import layout
from tfchain.store.chain import ChainStore
from tfchain.store.files import replace_file, told
from tfchain.store.kv import EVERY_ROW, Store
from tfchain.store.open import Kind, open_store

R = TypeVar("R")

STEP_ROWS: Final = 1_000
"""Rows that are looked at in one step: some ten milliseconds."""
KEPT: Final = 2
"""Snapshots that a home keeps; the oldest goes first."""
SNAPSHOTS_MAX: Final = 10
"""Snapshots that are told to a peer (1.12.1)."""

_MAKING: Final = ".making"
_MANIFEST: Final = "manifest"
_HEADERS: Final = "headers"
_SCRATCH: Final = "scratch"
_DIGITS: Final = 20
_ROW_OVERHEAD: Final = 16


class Rows(Protocol):
    """A moment of a store: `get` and `scan`, as `kv.Reader` has them."""

    def get(self, key: bytes) -> bytes | None:
        """The value at a key."""
        ...

    def scan(
        self, prefix: bytes, start: bytes = b"", limit: int = EVERY_ROW
    ) -> Iterator[tuple[bytes, bytes]]:
        """Rows under a prefix, ascending."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A snapshot that is here. `complete`: it has the headers that prove it."""

    height: Height
    id: bytes
    chunks: int
    complete: bool


@dataclass(frozen=True, slots=True)
class Shelf:
    """The folder of a home's snapshots. Every method raises `Unavailable` where the disk refuses."""

    folder: Path

    def kept(self) -> list[Kept]:
        """What is here, the highest first; what is damaged is not."""
        found = []
        for height in reversed(self.heights()):
            manifest = self.manifest(height)
            if manifest is not None:
                found.append(
                    Kept(
                        height=height,
                        id=pure.manifest_id(manifest),
                        chunks=len(manifest.chunks),
                        complete=self.headers(height) is not None,
                    )
                )
        return found

    def heights(self) -> list[Height]:
        """The heights that have a folder, ascending."""
        if not self.folder.is_dir():
            return []
        with told("cannot read the snapshots", self.folder):
            names = sorted(path.name for path in self.folder.iterdir())
        return [Height(int(name)) for name in names if name.isascii() and name.isdigit()]

    def manifest(self, height: Height) -> Manifest | None:
        """The manifest; None where there is none, or a damaged one."""
        raw = self._read(height, _MANIFEST, pure.MANIFEST_BYTES_MAX)
        return None if raw is None else _decoded(Manifest, raw, pure.MANIFEST_BYTES_MAX)

    def headers(self, height: Height) -> Headers | None:
        """The light blocks that prove it; None while it is not complete."""
        raw = self._read(height, _HEADERS, HEADERS_BYTES_MAX)
        return None if raw is None else _decoded(Headers, raw, HEADERS_BYTES_MAX)

    def chunk(self, height: Height, index: int) -> bytes | None:
        """A chunk's bytes, unchecked; None where there is none."""
        return self._read(height, _chunk_name(index), pure.CHUNK_BYTES_MAX)

    def _read(self, height: Height, name: str, bytes_max: int) -> bytes | None:
        path = self.of(height) / name
        if not path.is_file():
            return None
        with told("cannot read a snapshot", path), path.open("rb") as file:
            raw = file.read(bytes_max + 1)
        return raw if len(raw) <= bytes_max else None

    def of(self, height: Height) -> Path:
        """The folder of a height's snapshot."""
        return self.folder / f"{height:0{_DIGITS}d}"

    def complete(self, store: ChainStore) -> list[Height]:
        """Add the headers to snapshots whose height is two below the chain's by now; which ones."""
        done = []
        for height in self.heights():
            if self.headers(height) is not None or store.height() < height + 2:
                continue
            blocks = [store.light_block(Height(height + above)) for above in range(3)]
            if all(block is not None for block in blocks):
                at, above, beyond = [block for block in blocks if block is not None]
                found = Headers(at=at, above=above, beyond=beyond)
                path = self.of(height) / _HEADERS
                with told("cannot write a snapshot", path):
                    replace_file(path, encode_record(found))
                done.append(height)
        return done

    def tidy(self, keep: int = KEPT) -> None:
        """Drop all but the newest, and what an interrupted making left behind."""
        with told("cannot tidy the snapshots", self.folder):
            for height in self.heights()[:-keep]:
                shutil.rmtree(self.of(height))
            for path in sorted(self.folder.glob(f"*{_MAKING}")):
                shutil.rmtree(path)

    def make(
        self, rows: Rows, where: str, kind: Kind = "auto", chunk_bytes: int = pure.CHUNK_BYTES
    ) -> Generator[Height, None, None]:
        """Make the snapshot of the moment that `rows` shows, a bounded step at a time.

        Yields its height after each step. `rows` must hold still until the end; `kind` is that of
        the store in which rows are sorted meanwhile, which is as large as the state.

        Raises:
            Unavailable: the disk refuses, or `rows` is no chain.
        """
        height = _height_of(rows, where)
        final = self.of(height)
        if final.exists():
            return
        making = final.with_name(final.name + _MAKING)
        with told("cannot make a snapshot", making):
            if making.exists():
                shutil.rmtree(making)
            making.mkdir(parents=True)
        refs: list[ChunkRef] = []
        with closing(open_store(making / _SCRATCH, kind)) as scratch:
            yield from (height for _ in _sort(rows, scratch))
            for chunk in chain(_tree_chunks(rows, scratch, chunk_bytes), _runs(rows)):
                path = making / _chunk_name(len(refs))
                with told("cannot write a snapshot", path):
                    replace_file(path, encode_record(chunk))
                refs.append(chunk.ref)
                yield height
        manifest = Manifest(
            chain_id=params_of(State(rows)).chain_id,
            height=height,
            tables=tuple(_roots(rows)),
            chunks=tuple(refs),
        )
        with told("cannot write a snapshot", making):
            shutil.rmtree(making / _SCRATCH)
            replace_file(making / _MANIFEST, encode_record(manifest))
            making.rename(final)
        yield height


def _chunk_name(index: int) -> str:
    return f"chunk-{index:05d}"


def _decoded(cls: type[R], raw: bytes, bytes_max: int) -> R | None:
    try:
        return decode_record(cls, raw, bytes_max)
    except Malformed:
        return None


def _height_of(rows: Rows, where: str) -> Height:
    row = rows.get(layout.META_HEIGHT)
    if row is None or len(row) != 8 or layout.decode_height(row) == 0:
        raise Unavailable("there is no block to make a snapshot of", where, "start the node first")
    return layout.decode_height(row)


def _roots(rows: Rows) -> Iterator[TableRoot]:
    for table in tables.IN_TREE:
        yield TableRoot(tag=table.tag, root=Tree(rows, table.tag).root())


def _sort(rows: Rows, scratch: Store) -> Iterator[None]:
    """Put every row of the tree in order of its key hash, a batch at a time."""
    for table in tables.IN_TREE:
        batch = []
        for stored, value in rows.scan(table.stored_at(b"")):
            key = stored[len(table.stored_at(b"")) :]
            batch.append((bytes([table.tag]) + key_hash(key), encode([key, value])))
            if len(batch) == STEP_ROWS:
                scratch.write(batch)
                batch = []
                yield
        if batch:
            scratch.write(batch)
            yield


def _tree_chunks(rows: Rows, scratch: Store, chunk_bytes: int) -> Iterator[Chunk]:
    for table in tables.IN_TREE:
        cutter = _Cutter(Tree(rows, table.tag), scratch, table.tag, chunk_bytes)
        yield from cutter.cut(0, 0, ())


@dataclass(frozen=True, slots=True)
class _Cutter:
    """Cuts one table's tree."""

    tree: Tree
    scratch: Store
    tag: int
    bytes_max: int

    def cut(self, depth: int, path: int, siblings: tuple[bytes, ...]) -> Iterator[Chunk]:
        """The chunks of a subtree: itself if it is small enough, else those of its own subtrees."""
        held = _below(self.scratch, self.tag, (depth, path), self.bytes_max)
        if held is not None:
            if held:
                yield _chunk(self.tag, (depth, path), siblings, held)
            return
        subtrees = self.tree.subtrees(depth, path)
        assert subtrees is not None, "many rows make an inner node"
        for number in range(WAYS):
            beside = subtrees[:number] + subtrees[number + 1 :]
            yield from self.cut(depth + 1, path << BITS | number, (*siblings, *beside))


def _below(
    scratch: Store, tag: int, subtree: tuple[int, int], bytes_max: int
) -> list[StateRow] | None:
    """The rows of a subtree in order of key hash; None if they are too many for a chunk."""
    depth, path = subtree
    held: list[StateRow] = []
    size, below = 0, 256 - BITS * depth
    start = bytes([tag]) + (path << below).to_bytes(32, "big")
    for place, packed in scratch.scan(bytes([tag]), start):
        if int.from_bytes(place[1:], "big") >> below != path:
            break
        plain = decode(packed, RECORD_BYTES_MAX + pure.STORED_KEY_BYTES_MAX + _ROW_OVERHEAD)
        assert isinstance(plain, list)
        key, value = plain
        assert isinstance(key, bytes) and isinstance(value, bytes)
        held.append(StateRow(key=key, value=value))
        size += len(key) + len(value) + _ROW_OVERHEAD
        if (size > bytes_max and len(held) > 1) or len(held) > pure.CHUNK_ROWS_MAX:
            return None
    return held


def _chunk(
    tag: int, subtree: tuple[int, int], siblings: tuple[bytes, ...], held: list[StateRow]
) -> Chunk:
    depth, path = subtree
    leaves = [(key_hash(row.key), value_hash(row.value)) for row in held]
    ref = ChunkRef(
        tag=tag,
        batch=b"",
        place=(path << 256 - BITS * depth).to_bytes(32, "big"),
        depth=depth,
        root=subtree_root(depth, leaves),
    )
    return Chunk(ref=ref, siblings=siblings, rows=tuple(held))


def _runs(rows: Rows) -> Iterator[Chunk]:
    """The archives' rows of batches that are not paid yet: execution needs them (P17)."""
    unpaid = [
        key[len(tables.BATCHES.stored_at(b"")) :]
        for key, value in rows.scan(tables.BATCHES.stored_at(b""))
        if tables.BATCHES.decode(value).state != PAID
    ]
    for tag in sorted(pure.ARCHIVE_TAGS):
        for batch in unpaid:
            yield from _runs_of(rows, tag, batch)


def _runs_of(rows: Rows, tag: int, batch: bytes) -> Iterator[Chunk]:
    table = tables.BY_TAG[tag]
    start = len(table.stored_at(b""))
    run: list[StateRow] = []
    number = 0
    for stored, value in rows.scan(table.stored_at(batch)):
        run.append(StateRow(key=stored[start:], value=value))
        if len(run) == pure.RUN_ROWS:
            yield _run(tag, batch, number, run)
            run, number = [], number + 1
    if run:
        yield _run(tag, batch, number, run)


def _run(tag: int, batch: bytes, number: int, run: list[StateRow]) -> Chunk:
    root = pure.run_root(tag, [row.value for row in run])
    ref = ChunkRef(tag=tag, batch=batch, place=pure.run_place(number), depth=0, root=root)
    return Chunk(ref=ref, siblings=(), rows=tuple(run))
