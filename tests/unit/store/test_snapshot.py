"""Snapshots: made in steps, proven by headers, restored chunk by chunk (consensus 1.12, P33, P17)."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tfchain.base.shapes import decode_record, encode_record
from tfchain.base.units import Address, Height, Round
from tfchain.chain.execute import execute, params_of
from tfchain.chain.faults import judge
from tfchain.chain.restored import HEADERS_BYTES_MAX, Headers
from tfchain.chain.snapshot import (
    CHUNK_BYTES_MAX,
    MANIFEST_BYTES_MAX,
    Chunk,
    Manifest,
    manifest_id,
)
from tfchain.chain.tip import check_header, input_of, next_tip
from tfchain.errors import Divergence, Malformed, Unavailable
from tfchain.ledger import tables
from tfchain.ledger.commit import PREVOTE
from tfchain.ledger.evidence import DoubleVote
from tfchain.ledger.minting import APPROVED, PAID
from tfchain.ledger.state import State
from tfchain.replica.effects import Save
from tfchain.store import layout
from tfchain.store.chain import RESTORING, SETS, ChainStore
from tfchain.store.kv import Row, Store
from tfchain.store.memory import MemoryStore
from tfchain.store.open import Kind, open_store
from tfchain.store.restoring import Restoration, begin, begun
from tfchain.store.snapshot import KEPT, Shelf

if TYPE_CHECKING:
    from tests.unit.store.conftest import Grown

SMALL = 4 * 1024
"""Bytes of a chunk: a few hundred accounts make a dozen of them."""
BATCHES = (b"\x00\x00\x00\x00\x07", b"\x00\x00\x00\x00\x08", b"\x00\x00\x00\x00\x09")


@pytest.fixture(scope="module")
def source(grown: "type[Grown]") -> "Grown":
    """Three hundred accounts, batches that are paid, half paid and without a row, two blocks above."""
    made: Grown = grown(grown.genesis_text(300))
    made.write_batch(BATCHES[0], PAID, 3, 3)
    made.write_batch(BATCHES[1], APPROVED, 1_030, 2)
    made.write_batch(BATCHES[2], APPROVED, 0)
    return made.grow(made.transfer(0, 900), made.transfer(1, 17), count=5)


HEIGHT = Height(5)


@pytest.fixture(scope="module")
def shelf(source: "Grown", tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    """A complete snapshot of height 5."""
    made = Shelf(tmp_path_factory.mktemp("snapshots"))
    _make(made, source)
    source.frozen = (source.chain.tip(), _ledger(source.store))
    source.grow(count=2)
    assert made.complete(source.chain) == [HEIGHT]
    return made


def _make(shelf: Shelf, source: "Grown") -> None:
    with closing(source.store.snapshot()) as rows:
        for _ in shelf.make(rows, "memory", chunk_bytes=SMALL):
            pass


def _proof(shelf: Shelf) -> tuple[Manifest, Headers]:
    manifest, headers = shelf.manifest(HEIGHT), shelf.headers(HEIGHT)
    assert manifest is not None and headers is not None
    return manifest, headers


def _chunk(shelf: Shelf, index: int) -> bytes:
    raw = shelf.chunk(HEIGHT, index)
    assert raw is not None
    return raw


def _begin(store: Store, shelf: Shelf, source: "Grown") -> Restoration:
    return begin(store, source.text, *_proof(shelf))


def _restored(store: Store, shelf: Shelf, source: "Grown") -> ChainStore:
    work = _begin(store, shelf, source)
    for index in work.missing():
        work.add(index, _chunk(shelf, index))
    work.finish()
    return ChainStore(store)


def _ledger(store: Store) -> list[tuple[bytes, bytes]]:
    """State, tree and archive."""
    return [row for column in (b"s", b"t", b"a") for row in store.scan(column)]


# Making.


def test_a_snapshot_has_chunks_a_manifest_and_headers(shelf: Shelf) -> None:
    (kept,) = shelf.kept()
    manifest, headers = _proof(shelf)
    assert (kept.height, kept.complete) == (HEIGHT, True)
    assert kept.id == manifest_id(manifest)
    assert kept.chunks == len(manifest.chunks) > 20
    assert [block.height for block in (headers.at, headers.above, headers.beyond)] == [5, 6, 7]
    names = sorted(path.name for path in shelf.of(HEIGHT).iterdir())
    assert names[:2] == ["chunk-00000", "chunk-00001"]
    assert names[-2:] == ["headers", "manifest"]


def test_chunks_are_bounded(shelf: Shelf) -> None:
    for index, ref in enumerate(_proof(shelf)[0].chunks):
        if ref.tag != tables.RECEIPTS.tag:
            assert len(_chunk(shelf, index)) < 2 * SMALL or ref.depth == 0


def test_only_batches_that_are_not_paid_bring_their_receipts(shelf: Shelf) -> None:
    """What is paid, execution never reads again (P17)."""
    archives = [ref for ref in _proof(shelf)[0].chunks if ref.batch]
    assert [(ref.tag, ref.batch) for ref in archives] == [
        (tables.RECEIPTS.tag, BATCHES[1]),
        (tables.RECEIPTS.tag, BATCHES[1]),
        (tables.MINTS.tag, BATCHES[1]),
    ]


def test_a_chain_without_a_block_has_no_snapshot(grown: "type[Grown]", tmp_path: Path) -> None:
    made = grown(grown.genesis_text())
    with pytest.raises(Unavailable, match="no block"):
        _make(Shelf(tmp_path), made)


def test_the_chain_grows_while_a_snapshot_is_made(grown: "type[Grown]", tmp_path: Path) -> None:
    made, shelf = grown(grown.genesis_text(50)).grow(count=2), Shelf(tmp_path)
    before = made.chain.tip().state_root
    with closing(made.store.snapshot()) as rows:
        for height in shelf.make(rows, "memory", chunk_bytes=SMALL):
            assert height == 2
            made.grow(made.transfer(made.chain.height() - 2, 3))
    assert shelf.heights() == [2]
    assert shelf.complete(made.chain) == [2]
    headers = shelf.headers(Height(2))
    assert headers is not None
    assert headers.above.header.state_root == before
    _restored_at(shelf, Height(2), made)


def _restored_at(shelf: Shelf, height: Height, source: "Grown") -> ChainStore:
    manifest, headers = shelf.manifest(height), shelf.headers(height)
    assert manifest is not None and headers is not None
    store = MemoryStore()
    work = begin(store, source.text, manifest, headers)
    for index in work.missing():
        raw = shelf.chunk(height, index)
        assert raw is not None
        work.add(index, raw)
    work.finish()
    return ChainStore(store)


def test_a_snapshot_that_is_here_is_not_made_again(shelf: Shelf, source: "Grown") -> None:
    rows = _Rows(source.store, {layout.META_HEIGHT: layout.encode_height(HEIGHT)})
    assert list(shelf.make(rows, "memory")) == []


class _Rows:
    """A store in which some rows read otherwise."""

    def __init__(self, store: Store, rows: dict[bytes, bytes]) -> None:
        self._store, self._rows = store, rows

    def get(self, key: bytes) -> bytes | None:
        return self._rows.get(key, self._store.get(key))

    def scan(
        self, prefix: bytes, start: bytes = b"", limit: int = 1 << 60
    ) -> Iterator[tuple[bytes, bytes]]:
        return self._store.scan(prefix, start, limit)


def test_a_making_that_was_cut_short_leaves_no_snapshot(
    grown: "type[Grown]", tmp_path: Path
) -> None:
    """At every step: nothing is listed, and the next making starts anew."""
    made = grown(grown.genesis_text(40)).grow(count=3)
    steps = 0
    while True:
        shelf = Shelf(tmp_path / str(steps))
        with closing(made.store.snapshot()) as rows:
            making = shelf.make(rows, "memory", chunk_bytes=SMALL)
            done = [height for height, _ in zip(making, range(steps), strict=False)]
            making.close()
        if len(done) < steps:
            break
        if not shelf.heights():
            assert shelf.kept() == []
            _make(shelf, made)
        assert [kept.height for kept in shelf.kept()] == [3]
        steps += 4
    assert steps > 20


def test_only_the_newest_are_kept(grown: "type[Grown]", tmp_path: Path) -> None:
    made, shelf = grown(grown.genesis_text()), Shelf(tmp_path)
    for _ in range(KEPT + 2):
        _make(shelf, made.grow())
    (tmp_path / "00000000000000000009.making").mkdir()
    (tmp_path / "notes").mkdir()
    shelf.tidy()
    assert shelf.heights() == [3, 4]
    assert sorted(path.name[-5:] for path in tmp_path.iterdir()) == ["00003", "00004", "notes"]


def test_a_snapshot_is_complete_two_blocks_later(grown: "type[Grown]", tmp_path: Path) -> None:
    made, shelf = grown(grown.genesis_text()).grow(), Shelf(tmp_path)
    _make(shelf, made)
    assert shelf.complete(made.grow().chain) == []
    assert not shelf.kept()[0].complete
    assert shelf.complete(made.grow().chain) == [1]
    assert shelf.complete(made.chain) == []


def test_a_damaged_snapshot_is_not_listed(grown: "type[Grown]", tmp_path: Path) -> None:
    made, shelf = grown(grown.genesis_text()).grow(), Shelf(tmp_path)
    _make(shelf, made)
    (shelf.of(Height(1)) / "manifest").write_bytes(b"\xc1")
    assert shelf.kept() == []
    (shelf.of(Height(1)) / "manifest").write_bytes(bytes(MANIFEST_BYTES_MAX + 1))
    assert shelf.kept() == []
    assert Shelf(tmp_path / "none").kept() == []
    assert shelf.chunk(Height(1), 999) is None


# Restoring.


@pytest.mark.parametrize("kind", ["leveldb", "sqlite"])
def test_a_restored_chain_has_the_state_of_the_one_it_came_from(
    shelf: Shelf, source: "Grown", tmp_path: Path, kind: Kind
) -> None:
    """1.12.5, S7: rows, tree, tip and what follows are those of a chain that ran from its genesis."""
    tip, rows = source.frozen
    paid = tuple(table.stored_at(BATCHES[0]) for table in (tables.RECEIPTS, tables.MINTS))
    with closing(open_store(tmp_path / "data", kind)) as store:
        chain = _restored(store, shelf, source)
        assert _ledger(store) == [row for row in rows if not row[0].startswith(paid)]
        assert chain.tip() == tip
        assert (chain.height(), chain.base()) == (HEIGHT, HEIGHT + 1)
        assert chain.commit(HEIGHT) == source.chain.commit(HEIGHT)
        assert chain.block(HEIGHT) is None
        assert list(store.scan(RESTORING)) == []
        chain.begin(source.text)
        for number in (Height(6), Height(7)):
            _follow(chain, source.chain, number)
            assert chain.light_block(number) == source.chain.light_block(number)
        assert chain.tip() == source.chain.tip()


def _follow(chain: ChainStore, source: ChainStore, number: Height) -> None:
    """Run and store a block that another chain has."""
    block, commit, tip = source.block(number), source.commit(number), chain.tip()
    assert block is not None and commit is not None
    check_header(tip, params_of(State(chain.store)), block)
    outcome = execute(chain.store, input_of(tip, block))
    after = next_tip(tip, block, outcome)
    chain.save(Save(block=block, commit=commit, outcome=outcome, tip=after))


@pytest.mark.parametrize("at", [1, HEIGHT])
def test_evidence_of_before_the_snapshot_is_judged_without_its_blocks(
    shelf: Shelf, source: "Grown", at: int
) -> None:
    """1.12.5: sets and times of the evidence window are rows of the state."""
    chain = _restored(MemoryStore(), shelf, source)
    (member,) = source.chain.tip().validators.validators
    piece = DoubleVote(
        validator=member.address,
        kind=PREVOTE,
        height=Height(at),
        round=Round(0),
        first_id=b"",
        first_signature=bytes(64),
        second_id=bytes(32),
        second_signature=bytes(64),
    )
    params, next_one = params_of(State(chain.store)), Height(HEIGHT + 1)
    checks = judge(State(chain.store), params, next_one, chain.tip().time, piece)
    assert [key for key, _, _ in checks] == [member.key, member.key]


def test_any_order_of_chunks_leads_to_the_same_chain(shelf: Shelf, source: "Grown") -> None:
    one, other = MemoryStore(), MemoryStore()
    _restored(one, shelf, source)
    work = _begin(other, shelf, source)
    for index in reversed(work.missing()):
        work.add(index, _chunk(shelf, index))
        work.add(index, _chunk(shelf, index))
    work.finish()
    assert list(one.scan(b"")) == list(other.scan(b""))


@pytest.mark.parametrize("kind", ["leveldb", "sqlite"])
def test_a_restore_that_was_cut_short_goes_on(
    shelf: Shelf, source: "Grown", tmp_path: Path, kind: Kind
) -> None:
    """Scenario 48: after each chunk the process dies; what is missing is known, nothing is accepted."""
    path, total = tmp_path / "data", len(_proof(shelf)[0].chunks)
    for count in range(total):
        with closing(open_store(path, kind)) as store:
            if count:
                assert begun(store) is not None
                with pytest.raises(Unavailable, match="cut short"):
                    ChainStore(store).begin(source.text)
            work = _begin(store, shelf, source)
            assert len(work.missing()) == total - count
            with pytest.raises(Malformed, match="missing"):
                work.finish()
            first = work.missing()[0]
            work.add(first, _chunk(shelf, first))
    with closing(open_store(path, kind)) as store:
        _begin(store, shelf, source).finish()
        assert begun(store) is None
        ChainStore(store).begin(source.text)
        assert ChainStore(store).tip().height == HEIGHT


class _Dies(Exception):
    """The process is gone."""


class _Mortal(MemoryStore):
    """A store whose process dies before or after its nth batch."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.torn = 1 << 60, False

    def write(self, rows: Iterable[Row]) -> None:  # type: ignore[explicit-override]
        if self.left == 0 and not self.torn:
            raise _Dies
        super().write(rows)
        if self.left == 0:
            raise _Dies
        self.left -= 1


@pytest.mark.parametrize("torn", [False, True], ids=["before a batch", "after a batch"])
def test_a_crash_at_any_batch_leaves_no_half_chain(
    grown: "type[Grown]", tmp_path: Path, torn: bool
) -> None:
    """Scenario 48, at every write of a restore over a genesis: never accepted, always finished."""
    made, shelf = grown(grown.genesis_text(30)).grow(), Shelf(tmp_path)
    _make(shelf, made)
    shelf.complete(made.grow(count=2).chain)
    writes = 0
    while True:
        store = _Mortal()
        ChainStore(store).begin(made.text)
        store.left, store.torn = writes, torn
        try:
            _run_at(shelf, Height(1), store, made)
        except _Dies:
            pass
        else:
            break
        store.left = 1 << 60
        whole = ChainStore(store).height() if store.get(layout.META_HEIGHT) else None
        if store.get(RESTORING) is None:
            assert whole in (0, 1)
            ChainStore(store).begin(made.text)
        if whole != 1:
            _run_at(shelf, Height(1), store, made)
        assert ChainStore(store).tip().height == 1
        ChainStore(store).begin(made.text)
        writes += 1
    assert writes > 10


def _run_at(shelf: Shelf, height: Height, store: Store, source: "Grown") -> None:
    manifest, headers = shelf.manifest(height), shelf.headers(height)
    assert manifest is not None and headers is not None
    work = begin(store, source.text, manifest, headers)
    for index in work.missing():
        raw = shelf.chunk(height, index)
        assert raw is not None
        work.add(index, raw)
    work.finish()


def test_another_snapshot_begins_anew(
    shelf: Shelf, source: "Grown", grown: "type[Grown]", tmp_path: Path
) -> None:
    store = MemoryStore()
    ChainStore(store).begin(source.text)
    work = _begin(store, shelf, source)
    for index in work.missing()[:5]:
        work.add(index, _chunk(shelf, index))
    other, newer = grown(source.text).grow(count=4), Shelf(tmp_path)
    _make(newer, other)
    newer.complete(other.grow(count=2).chain)
    _run_at(newer, Height(4), store, other)
    assert ChainStore(store).tip() == _restored_at(newer, Height(4), other).tip()


def test_a_chain_with_blocks_is_not_overwritten(shelf: Shelf, source: "Grown") -> None:
    with pytest.raises(Unavailable, match="a chain in the store"):
        _begin(source.store, shelf, source)


# What peers may send instead.


def test_a_corrupt_chunk_is_refused_and_another_taken(shelf: Shelf, source: "Grown") -> None:
    """Scenario 47: who sends it is known by the chunk alone; the restore goes on with the others."""
    store = MemoryStore()
    work = _begin(store, shelf, source)
    for index in work.missing():
        raw = _chunk(shelf, index)
        with pytest.raises(Malformed):
            work.add(index, raw[:-1] + bytes([raw[-1] ^ 1]))
        with pytest.raises(Malformed):
            work.add(index, _chunk(shelf, (index + 1) % len(work.manifest.chunks)))
        work.add(index, raw)
    work.finish()


def test_a_manifest_that_is_not_of_the_state_is_refused(shelf: Shelf, source: "Grown") -> None:
    """Scenario 47: a forged snapshot fails before a single chunk is fetched."""
    manifest, headers = _proof(shelf)
    first, *rest = manifest.tables
    forged = replace(manifest, tables=(replace(first, root=bytes(32)), *rest))
    with pytest.raises(Malformed, match="not the state"):
        begin(MemoryStore(), source.text, forged, headers)
    header = replace(headers.above.header, state_root=bytes(32))
    above = replace(headers.above, header=header)
    with pytest.raises(Malformed, match="not the state"):
        begin(MemoryStore(), source.text, manifest, replace(headers, above=above))


def test_archives_that_do_not_fit_are_refused(shelf: Shelf, source: "Grown") -> None:
    manifest, headers = _proof(shelf)
    store = MemoryStore()
    without = tuple(ref for ref in manifest.chunks if not ref.batch)
    work = begin(store, source.text, replace(manifest, chunks=without), headers)
    for index in work.missing():
        assert not work.is_tree_whole()
        work.add(index, _chunk(shelf, index))
    assert work.is_tree_whole()
    with pytest.raises(Malformed, match="not the rows of batch 0/8"):
        work.check_archives()
    with pytest.raises(Malformed, match="not the rows of batch 0/8"):
        work.finish()
    with pytest.raises(Unavailable, match="cut short"):
        ChainStore(store).begin(source.text)


def test_a_table_that_was_changed_meanwhile_is_not_finished(shelf: Shelf, source: "Grown") -> None:
    store = MemoryStore()
    work = _begin(store, shelf, source)
    for index in work.missing():
        work.add(index, _chunk(shelf, index))
    root = next(key for key, _ in store.scan(b"t" + bytes([tables.ACCOUNTS.tag])))
    store.write([(root, None)])
    with pytest.raises(Malformed, match="table 1 of the snapshot"):
        work.finish()


def test_headers_with_other_priorities_are_a_divergence(shelf: Shelf, source: "Grown") -> None:
    """Sets come from the state, priorities from the header; who lies about either is found out."""
    manifest, headers = _proof(shelf)
    members = replace(headers.beyond.validators, priorities=(7,))
    turned = replace(headers, beyond=replace(headers.beyond, validators=members))
    work = begin(MemoryStore(), source.text, manifest, turned)
    for index in work.missing():
        work.add(index, _chunk(shelf, index))
    with pytest.raises(Divergence, match="height 7"):
        work.finish()


def test_reward_accounts_come_from_the_state(shelf: Shelf, source: "Grown") -> None:
    """No header says where fees go: a peer that lies about it changes nothing."""
    manifest, headers = _proof(shelf)
    row = replace(headers.above.validators.validators[0], reward_account=Address(bytes(32)))
    members = replace(headers.above.validators, validators=(row,))
    lied = replace(headers, above=replace(headers.above, validators=members))
    store = MemoryStore()
    work = begin(store, source.text, manifest, lied)
    for index in work.missing():
        work.add(index, _chunk(shelf, index))
    work.finish()
    assert ChainStore(store).tip().validators.validators[0].reward_account == source.KEY


@pytest.mark.parametrize(
    ("cls", "bytes_max"),
    [
        pytest.param(Manifest, MANIFEST_BYTES_MAX, id="manifest"),
        pytest.param(Chunk, CHUNK_BYTES_MAX, id="chunk"),
        pytest.param(Headers, HEADERS_BYTES_MAX, id="headers"),
    ],
)
@pytest.mark.parametrize("raw", [b"", b"\xc1", b"\x90", b"\x94\x01\x90\x90\x90"])
def test_bad_bytes_are_malformed(cls: type, bytes_max: int, raw: bytes) -> None:
    with pytest.raises(Malformed):
        decode_record(cls, raw, bytes_max)
    with pytest.raises(Malformed):
        decode_record(cls, bytes(bytes_max + 1), bytes_max)


def test_what_a_restore_had_begun_with_may_be_damaged(shelf: Shelf, source: "Grown") -> None:
    store = MemoryStore()
    _begin(store, shelf, source)
    found = begun(store)
    assert found is not None
    assert (found.manifest, found.headers) == _proof(shelf)
    assert encode_record(found.manifest) == encode_record(_proof(shelf)[0])
    store.write([(RESTORING + b"/manifest", b"\xc1")])
    assert begun(store) is None


# Light blocks of a stored chain.


def test_the_set_of_every_height_is_known(grown: "type[Grown]") -> None:
    made = grown(grown.genesis_text())
    seen = [made.chain.tip().validators]
    for _ in range(6):
        made.grow()
        seen.append(made.chain.tip().validators)
    for number, members in enumerate(seen, start=1):
        assert made.chain.validators_at(Height(number)) == members
    assert made.chain.validators_at(Height(8)) is None
    assert made.chain.light_block(Height(7)) is None
    made.store.write([(SETS + layout.encode_height(Height(1)), b"\xc1")])
    with pytest.raises(Unavailable, match="validators of height 3"):
        made.chain.validators_at(Height(3))
    made.store.write([(SETS + layout.encode_height(Height(1)), None)])
    assert made.chain.light_block(Height(3)) is None
