"""One suite over the three stores: nobody above may notice which one it stands on."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfchain.store.kv import KEY_BYTES_MAX, VALUE_BYTES_MAX, Row, Store, key_range
from tfchain.store.leveldb import open_leveldb
from tfchain.store.memory import MemoryStore
from tfchain.store.sqlite import open_sqlite

Open = Callable[..., Store]


def _open_memory(folder: Path, *, create: bool) -> Store:
    return MemoryStore()


OPENERS: dict[str, Open] = {
    "leveldb": open_leveldb,
    "sqlite": open_sqlite,
    "memory": _open_memory,
}


@pytest.fixture(params=sorted(OPENERS))
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    opened = OPENERS[request.param](tmp_path, create=True)
    yield opened
    opened.close()


@pytest.fixture(params=["leveldb", "sqlite"])
def opener(request: pytest.FixtureRequest) -> Open:
    return OPENERS[request.param]


def test_a_batch_is_read_back(store: Store) -> None:
    store.write([(b"a", b"1"), (b"b", b""), (b"c", b"3")])
    assert [store.get(key) for key in (b"a", b"b", b"c", b"d")] == [b"1", b"", b"3", None]


def test_none_deletes_and_a_missing_row_may_be_deleted(store: Store) -> None:
    store.write([(b"a", b"1"), (b"b", b"2")])
    store.write([(b"a", None), (b"z", None)])
    assert list(store.scan(b"")) == [(b"b", b"2")]


def test_the_last_row_of_a_key_counts(store: Store) -> None:
    store.write([(b"a", b"1"), (b"a", None), (b"a", b"2"), (b"b", b"1"), (b"b", None)])
    assert list(store.scan(b"")) == [(b"a", b"2")]


def test_a_batch_may_be_empty_or_a_generator(store: Store) -> None:
    store.write([])
    store.write((bytes([65 + index]), b"") for index in range(3))
    assert [key for key, _ in store.scan(b"")] == [b"A", b"B", b"C"]


def test_keys_ascend_as_bytes(store: Store) -> None:
    keys = [b"\xff\xff", b"\x00", b"a", b"\xff", b"ab", b"\x00\x00", b"b"]
    store.write((key, key) for key in keys)
    assert [key for key, _ in store.scan(b"")] == sorted(keys)


@pytest.mark.parametrize(
    ("prefix", "start", "limit", "keys"),
    [
        pytest.param(b"b", b"", 9, [b"b", b"b1", b"b2"], id="a prefix ends where the next begins"),
        pytest.param(b"b", b"b1", 9, [b"b1", b"b2"], id="start is included"),
        pytest.param(b"b", b"b11", 9, [b"b2"], id="start need not exist"),
        pytest.param(b"b", b"a", 9, [b"b", b"b1", b"b2"], id="start below the prefix"),
        pytest.param(b"b", b"c", 9, [], id="start beyond the prefix"),
        pytest.param(b"", b"", 2, [b"a", b"b"], id="a limit"),
        pytest.param(b"", b"", 0, [], id="a limit of nothing"),
        pytest.param(b"\xff", b"", 9, [b"\xff", b"\xff\x01"], id="a prefix without successor"),
        pytest.param(b"q", b"", 9, [], id="nobody"),
    ],
)
def test_a_scan_stays_in_its_range(
    store: Store, prefix: bytes, start: bytes, limit: int, keys: list[bytes]
) -> None:
    present = (b"a", b"b", b"b1", b"b2", b"c", b"\xff", b"\xff\x01")
    store.write((key, b"") for key in present)
    assert [key for key, _ in store.scan(prefix, start, limit)] == keys
    reader = store.snapshot()
    assert [key for key, _ in reader.scan(prefix, start, limit)] == keys
    reader.close()


def test_a_snapshot_holds_still(store: Store) -> None:
    store.write([(b"a", b"1"), (b"b", b"1")])
    reader = store.snapshot()
    store.write([(b"a", b"2"), (b"b", None), (b"c", b"2")])
    assert reader.get(b"a") == b"1"
    assert reader.get(b"c") is None
    assert list(reader.scan(b"")) == [(b"a", b"1"), (b"b", b"1")]
    assert list(store.scan(b"")) == [(b"a", b"2"), (b"c", b"2")]
    reader.close()
    reader.close()


def test_snapshots_of_different_moments_live_together(store: Store) -> None:
    readers = []
    for number in range(3):
        store.write([(b"n", b"%d" % number)])
        readers.append(store.snapshot())
    store.write([(b"n", b"end")])
    assert [reader.get(b"n") for reader in readers] == [b"0", b"1", b"2"]
    readers.pop(0).close()
    store.write([(b"n", b"later")])
    assert [reader.get(b"n") for reader in readers] == [b"1", b"2"]
    for reader in readers:
        reader.close()


def test_an_older_snapshot_that_closes_leaves_a_newer_one_alone(store: Store) -> None:
    store.write([(b"n", b"0")])
    older = store.snapshot()
    store.write([(b"n", b"1")])
    newer = store.snapshot()
    older.close()
    store.write([(b"n", b"2")])
    assert newer.get(b"n") == b"1"
    newer.close()


def test_a_scan_goes_on_undisturbed_while_rows_are_written(store: Store) -> None:
    store.write((bytes([index]), b"old") for index in range(10))
    rows = store.scan(b"")
    assert next(rows) == (b"\x00", b"old")
    store.write([(b"\x05", None), (b"\x06", b"new"), (b"\x00\x01", b"new")])
    assert list(rows) == [(bytes([index]), b"old") for index in range(1, 10)]


def test_two_scans_of_one_snapshot_interleave(store: Store) -> None:
    store.write([(b"a", b"1"), (b"b", b"2")])
    reader = store.snapshot()
    pairs = list(zip(reader.scan(b""), reader.scan(b""), strict=True))
    assert [left for left, _ in pairs] == [right for _, right in pairs] == list(store.scan(b""))
    reader.close()


def test_a_store_closes_with_a_snapshot_and_a_scan_still_open(store: Store) -> None:
    store.write([(b"a", b"1"), (b"b", b"2")])
    reader = store.snapshot()
    next(reader.scan(b""))
    store.close()
    store.close()
    reader.close()


def test_the_largest_row_fits(store: Store) -> None:
    key, value = b"k" * KEY_BYTES_MAX, bytes(VALUE_BYTES_MAX)
    store.write([(key, value)])
    assert store.get(key) == value


@pytest.mark.parametrize(
    "row",
    [
        pytest.param((b"", b""), id="a key of nothing"),
        pytest.param((b"k" * (KEY_BYTES_MAX + 1), b""), id="a key too long"),
        pytest.param((b"k", bytes(VALUE_BYTES_MAX + 1)), id="a value too long"),
    ],
)
def test_a_row_out_of_bounds_is_our_bug_and_writes_nothing(store: Store, row: Row) -> None:
    with pytest.raises(AssertionError):
        store.write([(b"before", b"1"), row])
    assert store.get(b"before") is None


def test_threads_read_while_one_writes(store: Store) -> None:
    store.write([(b"a", b"0"), (b"b", b"0")])

    def look(_: int) -> bool:
        reader = store.snapshot()
        same = reader.get(b"a") == reader.get(b"b")
        reader.close()
        return same and store.get(b"a") is not None

    with ThreadPoolExecutor(2) as pool:
        looks = pool.map(look, range(60))
        for number in range(30):
            store.write([(b"a", b"%d" % number), (b"b", b"%d" % number)])
        assert all(looks)


def test_writers_on_several_threads_take_turns(store: Store) -> None:
    def write(number: int) -> None:
        store.write([(b"k%d" % number, b"%d" % number), (b"last", b"%d" % number)])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(80)))
    assert len(list(store.scan(b"k"))) == 80


def test_what_was_written_is_there_after_reopening(opener: Open, tmp_path: Path) -> None:
    first = opener(tmp_path, create=True)
    first.write([(b"a", b"1"), (b"b", b"2")])
    first.write([(b"a", None)])
    first.close()
    second = opener(tmp_path, create=False)
    assert list(second.scan(b"")) == [(b"b", b"2")]
    second.close()


Batch = st.lists(st.tuples(st.binary(min_size=1, max_size=2), st.none() | st.binary(max_size=3)))


@settings(max_examples=30, deadline=None)
@given(batches=st.lists(Batch, max_size=6), prefix=st.binary(max_size=2))
def test_all_stores_tell_the_same(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[Row]], prefix: bytes
) -> None:
    model: dict[bytes, bytes | None] = {}
    for batch in batches:
        model.update(batch)
    expected = sorted(
        (key, value) for key, value in model.items() if value is not None and key.startswith(prefix)
    )
    for name, opener in OPENERS.items():
        store = opener(tmp_path_factory.mktemp(name), create=True)
        for batch in batches:
            store.write(batch)
        assert list(store.scan(prefix)) == expected
        store.close()


@given(prefix=st.binary(max_size=3), key=st.binary(max_size=4))
def test_a_key_range_is_the_prefix_and_nothing_else(prefix: bytes, key: bytes) -> None:
    first, stop = key_range(prefix, b"")
    assert (first <= key and (stop is None or key < stop)) == key.startswith(prefix)
