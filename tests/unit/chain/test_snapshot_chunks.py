"""Chunks under a manifest under a state root: what fits, and every way not to (P33, P17, 1.12)."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import settings as runs
from hypothesis import strategies as st

from tfchain.base import merkle
from tfchain.base.shapes import encode_record
from tfchain.base.units import Address, Height, NodeId, PeriodIndex, ScheduleId, Seconds, Utft
from tfchain.chain.execute import outcome_of
from tfchain.chain.snapshot import (
    RUN_ROWS,
    Chunk,
    ChunkRef,
    Manifest,
    StateRow,
    TableRoot,
    check_alone,
    check_archives,
    check_chunk,
    check_manifest,
    manifest_id,
    run_place,
    run_root,
    stored_rows,
    tree_changes,
)
from tfchain.errors import Malformed
from tfchain.ledger import tables
from tfchain.ledger.minting import APPROVED, MINT_TAG, OPEN, PAID, RECEIPT_TAG, Batch
from tfchain.ledger.records import Account, TwinRef
from tfchain.ledger.state import State
from tfchain.ledger.tree import BITS, WAYS, Tree, key_hash, subtree_root, value_hash

CHAIN, HEIGHT = "chain-1", Height(9)
RECEIPTS, MINTS = tables.RECEIPTS.tag, tables.MINTS.tag
NAME = tables.batch_key(ScheduleId(0), PeriodIndex(4))


class Ledger:
    """A state of so many accounts and twins, and its chunks of at most `most` rows."""

    def __init__(self, accounts: int, most: int) -> None:
        self.rows: dict[bytes, bytes] = {}
        self.most = most
        state = State(self)
        for number in range(accounts):
            key = Address(number.to_bytes(32, "big"))
            tables.ACCOUNTS.put(state, key, Account(balance=Utft(number), nonce=0))
            tables.TWIN_OF.put(state, key, TwinRef(twin_id=number + 1))  # type: ignore[arg-type]
        outcome = outcome_of(self, state, [])
        self.rows = {key: value for key, value in outcome.rows if value is not None}
        self.root = outcome.state_root
        self.chunks = [chunk for table in (1, 3) for chunk in self._cut(table, 0, 0, ())]
        roots = [
            TableRoot(tag=table.tag, root=Tree(self, table.tag).root()) for table in tables.IN_TREE
        ]
        self.manifest = Manifest(
            chain_id=CHAIN,
            height=HEIGHT,
            tables=tuple(roots),
            chunks=tuple(chunk.ref for chunk in self.chunks),
        )

    def get(self, key: bytes, /) -> bytes | None:
        return self.rows.get(key)

    def _cut(self, tag: int, depth: int, path: int, siblings: tuple[bytes, ...]) -> Iterator[Chunk]:
        prefix = tables.BY_TAG[tag].stored_at(b"")
        held = sorted(
            (key_hash(key[2:]), key[2:], value)
            for key, value in self.rows.items()
            if key.startswith(prefix)
            and int.from_bytes(key_hash(key[2:]), "big") >> (256 - BITS * depth) == path
        )
        if len(held) <= self.most:
            if held:
                leaves = [(hashed, value_hash(value)) for hashed, _, value in held]
                ref = ChunkRef(
                    tag=tag,
                    batch=b"",
                    place=(path << (256 - BITS * depth)).to_bytes(32, "big"),
                    depth=depth,
                    root=subtree_root(depth, leaves),
                )
                rows = tuple(StateRow(key=key, value=value) for _, key, value in held)
                yield Chunk(ref=ref, siblings=siblings, rows=rows)
            return
        subtrees = Tree(self, tag).subtrees(depth, path)
        assert subtrees is not None
        for number in range(WAYS):
            beside = (*siblings, *subtrees[:number], *subtrees[number + 1 :])
            yield from self._cut(tag, depth + 1, path << BITS | number, beside)


@pytest.fixture(scope="module")
def ledger() -> Ledger:
    return Ledger(60, 5)


@runs(max_examples=15)
@given(accounts=st.integers(0, 40), most=st.integers(1, 9))
def test_every_state_comes_back_from_its_chunks(accounts: int, most: int) -> None:
    """Whatever the size of the chunks, and in whatever order they come."""
    source = Ledger(accounts, most)
    check_manifest(source.manifest, CHAIN, HEIGHT, source.root)
    rows: dict[bytes, bytes] = {}
    for index in reversed(range(len(source.chunks))):
        chunk = check_chunk(source.manifest, index, encode_record(source.chunks[index]))
        rows.update(stored_rows(chunk))
        tree = Tree(_Dict(rows), chunk.ref.tag)
        tree.update(tree_changes(chunk))
        for key, value in tree.writes.items():
            if value is None:
                rows.pop(key, None)
            else:
                rows[key] = value
    assert rows == source.rows


class _Dict:
    def __init__(self, rows: dict[bytes, bytes]) -> None:
        self._rows = rows

    def get(self, key: bytes, /) -> bytes | None:
        return self._rows.get(key)


# The manifest.


def _refs(edit: Callable[[list[ChunkRef]], list[ChunkRef]]) -> Callable[[Manifest], Manifest]:
    return lambda manifest: replace(manifest, chunks=tuple(edit(list(manifest.chunks))))


def _first(**fields: object) -> Callable[[Manifest], Manifest]:
    return _refs(lambda refs: [replace(refs[0], **fields), *refs[1:]])  # type: ignore[arg-type]


FORGERIES = {
    "of another chain": (lambda one: replace(one, chain_id="chain-2"), "another chain"),
    "of another height": (lambda one: replace(one, height=Height(8)), "another chain or height"),
    "with a table too few": (
        lambda one: replace(one, tables=one.tables[:-1]),
        "other tables",
    ),
    "of another state": (
        lambda one: replace(one, tables=(replace(one.tables[0], root=bytes(32)), *one.tables[1:])),
        "not the state after block 9",
    ),
    "with a chunk missing": (_refs(lambda refs: refs[1:]), "table 1 are not the whole"),
    "with the last chunk missing": (_refs(lambda refs: refs[:-1]), "table 3 are not the whole"),
    "with a chunk twice": (_refs(lambda refs: [refs[0], *refs]), "not in order"),
    "with chunks turned around": (_refs(lambda refs: refs[::-1]), "not in order"),
    "with another hash": (_first(root=bytes(32)), "table 1 are not the whole"),
    "with one chunk below another": (
        _refs(lambda refs: [refs[0], replace(refs[0], depth=24, place=_next(refs[0])), *refs[1:]]),
        "the same keys",
    ),
    "with a chunk of a table that is none": (
        _refs(lambda refs: [*refs, replace(refs[0], tag=99)]),
        "tables that are none",
    ),
    "with a place that is no prefix": (_first(place=bytes(31) + b"\x01"), "not a prefix"),
    "with a batch inside of the tree": (
        _refs(lambda refs: [*refs[:-1], replace(refs[-1], batch=NAME)]),
        "not a prefix",
    ),
    "with an archive of no batch": (
        _refs(lambda refs: [*refs, replace(refs[0], tag=RECEIPTS, depth=0)]),
        "belongs to a batch",
    ),
    "with an archive that is deep": (
        _refs(lambda refs: [*refs, replace(refs[0], tag=RECEIPTS, batch=NAME, depth=1)]),
        "belongs to a batch",
    ),
}


def _next(ref: ChunkRef) -> bytes:
    """A place inside of a chunk's own subtree, after it."""
    return (int.from_bytes(ref.place, "big") + (1 << 208)).to_bytes(32, "big")


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_manifest_is_refused(ledger: Ledger, name: str) -> None:
    edit, word = FORGERIES[name]
    with pytest.raises(Malformed, match=word):
        check_manifest(edit(ledger.manifest), CHAIN, HEIGHT, ledger.root)  # type: ignore[no-untyped-call]


def test_another_manifest_has_another_id(ledger: Ledger) -> None:
    assert manifest_id(ledger.manifest) != manifest_id(_first(root=bytes(32))(ledger.manifest))


# Chunks.


def _rows(edit: Callable[[list[StateRow]], list[StateRow]]) -> Callable[[Chunk], Chunk]:
    return lambda chunk: replace(chunk, rows=tuple(edit(list(chunk.rows))))


def _again(rows: list[StateRow]) -> list[StateRow]:
    return [*rows, rows[-1]]


BAD_CHUNKS = {
    "that is another one": (
        lambda chunk: replace(chunk, ref=replace(chunk.ref, depth=0)),
        "another chunk than",
    ),
    "with a row missing": (_rows(lambda rows: rows[1:]), "not those it is named by"),
    "with another value": (
        _rows(lambda rows: [replace(rows[0], value=b"x"), *rows[1:]]),
        "not those it is named by",
    ),
    "with a row twice": (_rows(_again), "not in order"),
    "with rows turned around": (_rows(lambda rows: rows[::-1]), "not in order"),
    "without a path": (lambda chunk: replace(chunk, siblings=()), "as long as its place"),
    "with another path": (
        lambda chunk: replace(chunk, siblings=(bytes(32), *chunk.siblings[1:])),
        "does not lead to",
    ),
}


@pytest.mark.parametrize("name", BAD_CHUNKS)
def test_a_bad_chunk_is_refused(ledger: Ledger, name: str) -> None:
    """Scenario 47: alone, without any other chunk."""
    edit, word = BAD_CHUNKS[name]
    index = next(index for index, chunk in enumerate(ledger.chunks) if len(chunk.rows) > 2)
    raw = encode_record(edit(ledger.chunks[index]))  # type: ignore[no-untyped-call]
    with pytest.raises(Malformed, match=word):
        check_chunk(ledger.manifest, index, raw)


def test_a_row_of_another_chunk_is_refused(ledger: Ledger) -> None:
    one, other = (chunk for chunk in ledger.chunks[:2])
    mixed = replace(one, rows=(*one.rows, *other.rows[:1]))
    with pytest.raises(Malformed, match="another chunk's place"):
        check_alone(mixed, ledger.manifest.tables[0].root)


@runs(max_examples=60)
@given(st.data())
def test_no_changed_byte_passes(data: st.DataObject) -> None:
    ledger = Ledger(12, 3)
    index = data.draw(st.integers(0, len(ledger.chunks) - 1))
    raw = bytearray(encode_record(ledger.chunks[index]))
    place = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[place >> 3] ^= 1 << (place & 7)
    with pytest.raises(Malformed):
        check_chunk(ledger.manifest, index, bytes(raw))


# Archives.


def _batch(state: int, receipts: list[bytes], mints: list[bytes]) -> Batch:
    def frontier(tag: bytes, values: list[bytes]) -> merkle.Frontier:
        peaks: merkle.Frontier = ()
        for count, value in enumerate(values):
            peaks = merkle.append(tag, peaks, count, merkle.leaf_hash(tag, value))
        return peaks

    return Batch(
        schedule=ScheduleId(0),
        period=PeriodIndex(4),
        start=Seconds(0),
        end=Seconds(60),
        state=state,
        commit_until=Seconds(0),
        attest_until=Seconds(0),
        pay_at=Seconds(0),
        node_last=NodeId(0),
        cursor=1,
        count=len(receipts),
        total=0,
        frontier=frontier(RECEIPT_TAG, receipts),
        root=b"",
        kept=0,
        guardians=(),
        answers=(),
        payable=0,
        pay_cursor=1,
        minted=0,
        mints_count=len(mints),
        mints_frontier=frontier(MINT_TAG, mints),
        mints_root=b"",
    )


def _values(word: bytes, count: int) -> list[bytes]:
    return [word + b" %d" % number for number in range(count)]


def _chunks_of(tag: int, values: list[bytes]) -> list[Chunk]:
    made = []
    for number, first in enumerate(range(0, len(values), RUN_ROWS)):
        run = values[first : first + RUN_ROWS]
        ref = ChunkRef(
            tag=tag, batch=NAME, place=run_place(number), depth=0, root=run_root(tag, run)
        )
        rows = tuple(
            StateRow(key=tables.in_batch(NAME, first + place), value=value)
            for place, value in enumerate(run)
        )
        made.append(Chunk(ref=ref, siblings=(), rows=rows))
    return made


def _manifest(*chunks: Chunk) -> Manifest:
    refs = tuple(chunk.ref for chunk in chunks)
    return Manifest(chain_id=CHAIN, height=HEIGHT, tables=(), chunks=refs)


@pytest.mark.parametrize("count", [0, 1, 2, 1_023, 1_024, 1_025, 2_048, 3_000])
def test_runs_add_up_to_the_root_of_their_batch(count: int) -> None:
    """RFC 6962 splits at powers of two, so that a run of 1,024 is a subtree of any larger tree."""
    receipts, mints = _values(b"r", count), _values(b"m", count // 2)
    chunks = [*_chunks_of(RECEIPTS, receipts), *_chunks_of(MINTS, mints)]
    check_archives(_manifest(*chunks), [_batch(APPROVED, receipts, mints)])


def test_batches_that_are_paid_need_no_rows_but_may_have_them(ledger: Ledger) -> None:
    check_archives(ledger.manifest, [])
    receipts, mints = _values(b"r", 3), _values(b"m", 3)
    chunks = [*_chunks_of(RECEIPTS, receipts), *_chunks_of(MINTS, mints)]
    check_archives(_manifest(), [_batch(PAID, receipts, mints)])
    check_archives(_manifest(*chunks), [_batch(PAID, receipts, mints)])
    check_archives(_manifest(), [_batch(OPEN, [], [])])
    check_archives(_manifest(), [])


def test_archives_that_do_not_fit_their_batch_are_refused() -> None:
    receipts = _values(b"r", 1_025)
    whole, batch = _chunks_of(RECEIPTS, receipts), _batch(APPROVED, receipts, [])
    other = _chunks_of(RECEIPTS, _values(b"x", 1_025))
    for chunks in ([], whole[:1], other, [whole[0], other[1]]):
        with pytest.raises(Malformed, match="table 32: not the rows of batch 0/4"):
            check_archives(_manifest(*chunks), [batch])
    with pytest.raises(Malformed, match="not the rows"):
        check_archives(_manifest(*other), [replace(batch, state=PAID)])
    with pytest.raises(Malformed, match="a run of an archive is missing"):
        check_archives(_manifest(whole[1]), [batch])
    with pytest.raises(Malformed, match="a batch that is none"):
        check_archives(_manifest(*whole), [])


BAD_RUNS = {
    "turned around": (_rows(lambda rows: rows[::-1]), "not in order"),
    "with a row missing": (_rows(lambda rows: rows[1:]), "named by"),
    "with rows of another batch": (
        _rows(lambda rows: [replace(row, key=b"\x01" + row.key[1:]) for row in rows]),
        "another batch",
    ),
    "with a key that is too long": (
        _rows(lambda rows: [replace(row, key=row.key + b"x") for row in rows]),
        "another batch",
    ),
    "with a path": (lambda chunk: replace(chunk, siblings=(bytes(32),)), "named by"),
    "with too many rows": (
        _rows(lambda rows: [_row(number) for number in range(RUN_ROWS + 1)]),
        "too many",
    ),
}


def _row(number: int) -> StateRow:
    return StateRow(key=tables.in_batch(NAME, number), value=b"")


@pytest.mark.parametrize("name", BAD_RUNS)
def test_a_bad_run_is_refused(name: str) -> None:
    edit, word = BAD_RUNS[name]
    (chunk,) = _chunks_of(RECEIPTS, _values(b"r", 3))
    manifest = _manifest(chunk)
    taken = check_chunk(manifest, 0, encode_record(chunk))
    assert stored_rows(taken)[0] == (b"a\x20" + NAME + bytes(4), b"r 0")
    assert tree_changes(taken) == []
    with pytest.raises(Malformed, match=word):
        check_chunk(manifest, 0, encode_record(edit(chunk)))
