"""Which store stands in a folder, and whether this program may use it."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tfchain.errors import Unavailable
from tfchain.store.layout import META_LAYOUT
from tfchain.store.memory import MemoryStore
from tfchain.store.open import Kind, describe, open_store

Run = Callable[..., subprocess.CompletedProcess[str]]

WITHOUT_PLYVEL = """
import sys
sys.modules["plyvel"] = None
from pathlib import Path
from tfchain.errors import Unavailable
from tfchain.store.open import describe, open_store
try:
    store = open_store(Path(sys.argv[1]))
    print(describe(store))
    store.close()
except Unavailable as refusal:
    print(refusal)
"""


def test_a_new_folder_gets_leveldb_where_plyvel_is(tmp_path: Path) -> None:
    store = open_store(tmp_path / "deep" / "store")
    assert store.kind == "leveldb"
    store.close()


@pytest.mark.parametrize("kind", ["leveldb", "sqlite"])
def test_a_folder_remembers_its_kind(kind: Kind, tmp_path: Path) -> None:
    open_store(tmp_path, kind).close()
    store = open_store(tmp_path)
    assert store.kind == kind
    store.close()


def test_another_kind_than_stands_there_is_refused(tmp_path: Path) -> None:
    open_store(tmp_path, "sqlite").close()
    with pytest.raises(Unavailable, match="the store is sqlite, leveldb was asked for"):
        open_store(tmp_path, "leveldb")


def test_without_plyvel_a_new_store_is_sqlite_and_says_why(
    tmp_path: Path, other_process: Run
) -> None:
    said = other_process(WITHOUT_PLYVEL, tmp_path).stdout
    assert said == f"store: SQLite (plyvel is not installed here), {tmp_path}\n"


def test_without_plyvel_a_leveldb_store_is_refused(tmp_path: Path, other_process: Run) -> None:
    open_store(tmp_path, "leveldb").close()
    assert "plyvel is not here" in other_process(WITHOUT_PLYVEL, tmp_path).stdout


def test_a_store_of_another_layout_is_refused_by_its_number(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.write([(META_LAYOUT, b"\x00\x00\x00\x01")])
    store.close()
    for _ in range(2):  # the refusal gives the lock back
        with pytest.raises(Unavailable, match="layout 1, this program knows layout 6"):
            open_store(tmp_path)


def test_a_folder_of_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").write_bytes(b"")
    with pytest.raises(Unavailable, match="no store, but other files"):
        open_store(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["holiday.jpg"]


@pytest.mark.parametrize("content", [b"oracle\n", b"\xff" * 100_000, b""])
def test_an_unknown_kind_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "KIND").write_bytes(content)
    with pytest.raises(Unavailable, match="the kind of store is unknown"):
        open_store(tmp_path)


def test_a_memory_store_is_named_too() -> None:
    assert describe(MemoryStore()) == "store: memory, memory"
