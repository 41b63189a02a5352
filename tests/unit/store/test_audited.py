"""Rows of an audit on a disk: as of the last checkpoint, whatever came since, and never half."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from tfchain.errors import Malformed, Unavailable
from tfchain.store.audited import PIECE_BYTES, AuditedRows, open_audited
from tfchain.store.export import Place
from tfchain.store.kv import Row
from tfchain.store.layout import META_HEIGHT
from tfchain.store.memory import MemoryStore
from tfchain.store.open import open_store

HERE = Place(700, 3)
STREAM = (0, 7, 0)


def _chunk(stream: tuple[int, int, int], number: int) -> bytes:
    return bytes([stream[1], number]) * 9


def _saved(disk: MemoryStore, rows: Sequence[Row], kept: bytes = b"kept") -> AuditedRows:
    made = AuditedRows(disk)
    made.load()
    made.write(rows)
    made.save(HERE, kept, [(STREAM, 0), (STREAM, 1)], _chunk)
    return made


def test_what_was_saved_is_there_again() -> None:
    disk = MemoryStore()
    _saved(disk, [(b"sa", b"1"), (b"sb", b"2"), (b"sb", None)])
    again = AuditedRows(disk)
    assert again.load() == (HERE, b"kept")
    assert [again.get(key) for key in (b"sa", b"sb")] == [b"1", None]
    assert [again.chunk(STREAM, number) for number in (0, 1)] == [
        bytes([7, 0]) * 9,
        bytes([7, 1]) * 9,
    ]


def test_what_came_after_the_last_checkpoint_is_lost() -> None:
    disk = MemoryStore()
    rows = _saved(disk, [(b"sa", b"1")])
    rows.write([(b"sa", b"2"), (b"sb", b"3")])
    assert (rows.get(b"sa"), rows.changed) == (b"2", 2)
    rows.close()
    again = AuditedRows(disk)
    assert again.load() == (HERE, b"kept")
    assert [again.get(key) for key in (b"sa", b"sb")] == [b"1", None]


def test_a_checkpoint_takes_the_place_of_the_one_before() -> None:
    """A shorter one leaves no pieces behind; a chunk is written once, and dropped with its period."""
    disk, asked = MemoryStore(), list[int]()

    def chunk(stream: tuple[int, int, int], number: int) -> bytes:
        asked.append(number)
        return _chunk(stream, number)

    _saved(disk, [(b"sa", b"1")], bytes(PIECE_BYTES + 1))
    rows = AuditedRows(disk)
    assert rows.load() == (HERE, bytes(PIECE_BYTES + 1))
    rows.write([(b"sa", None), (b"sb", b"2")])
    rows.save(Place(900, 4), b"new", [(STREAM, 1), (STREAM, 2)], chunk)
    assert asked == [2]
    again = AuditedRows(disk)
    assert again.load() == (Place(900, 4), b"new")
    assert (again.get(b"sa"), again.get(b"sb")) == (None, b"2")
    assert len(list(disk.scan(b"k/chunk/"))) == 2
    assert len(list(disk.scan(b"k/piece/"))) == 1
    with pytest.raises(Malformed, match="chunk 0 of period 7 is missing"):
        again.chunk(STREAM, 0)


def test_rows_beyond_what_is_remembered_are_read_again() -> None:
    rows = AuditedRows(MemoryStore(), known_max=1)
    rows.write([(b"sa", b"1"), (b"sb", b"2")])
    rows.save(HERE, b"kept", [], _chunk)
    assert (rows.get(b"sa"), rows.changed) == (b"1", 0)


@pytest.mark.parametrize(
    "place",
    range(6),
    ids=["first chunk", "second chunk", "head", "piece", "first row", "second row"],
)
def test_a_bit_that_flipped_on_the_disk_is_told(place: int) -> None:
    disk = MemoryStore()
    _saved(disk, [(b"sa", b"1"), (b"sb", b"2")])
    key, value = list(disk.scan(b""))[place]
    disk.write([(key, bytes([value[0] ^ 1]) + value[1:])])
    with pytest.raises(Unavailable, match=r"damaged \(its .*audit from the beginning"):
        AuditedRows(disk).load()


@pytest.mark.parametrize(
    "place",
    range(6),
    ids=["first chunk", "second chunk", "head", "piece", "first row", "second row"],
)
def test_a_row_that_went_away_is_told(place: int) -> None:
    disk = MemoryStore()
    _saved(disk, [(b"sa", b"1"), (b"sb", b"2")])
    disk.write([(list(disk.scan(b""))[place][0], None)])
    with pytest.raises(Unavailable, match=r"damaged|holds another store"):
        AuditedRows(disk).load()


def test_a_checkpoint_of_another_version_is_refused_with_the_way_on() -> None:
    disk = MemoryStore()
    AuditedRows(disk, "0.0.9 audit 1").save(HERE, b"kept", [], _chunk)
    said = r"written by 0\.0\.9 audit 1, .*go on with that version; or empty"
    with pytest.raises(Unavailable, match=said):
        AuditedRows(disk).load()


def test_a_node_s_own_store_is_left_alone(tmp_path: Path) -> None:
    store = open_store(tmp_path / "db", "sqlite")
    store.write([(META_HEIGHT, bytes(8))])
    store.close()
    rows = open_audited(tmp_path / "db")
    with pytest.raises(Unavailable, match="another store, no audit"):
        rows.load()
    rows.close()


@pytest.mark.parametrize("kind", ["leveldb", "sqlite"])
def test_it_is_the_same_on_every_kind_of_disk(tmp_path: Path, kind: str) -> None:
    open_store(tmp_path / "state", kind).close()  # type: ignore[arg-type]
    for turn in range(3):
        rows = open_audited(tmp_path / "state")
        assert rows.load() == ((Place(turn - 1, 1), b"kept") if turn else None)
        assert rows.get(b"sa") == (b"%d" % (turn - 1) if turn else None)
        assert str(tmp_path / "state") in rows.where
        rows.write([(b"sa", b"%d" % turn)])
        rows.save(Place(turn, 1), b"kept", [], _chunk)
        rows.close()
