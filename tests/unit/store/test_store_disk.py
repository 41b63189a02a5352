"""What only a real disk does: a second process, a kill in the middle, no space, damage."""

import signal
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tfchain.errors import Unavailable
from tfchain.store import leveldb, sqlite
from tfchain.store.kv import Store
from tfchain.store.leveldb import open_leveldb
from tfchain.store.open import Kind, describe, open_store
from tfchain.store.sqlite import JOURNAL, JOURNAL_BYTES_MAX, open_sqlite

Run = Callable[..., subprocess.CompletedProcess[str]]

both = pytest.mark.parametrize("kind", ["leveldb", "sqlite"])

OPEN_ONCE = """
import sys
from pathlib import Path
from tfchain.errors import Unavailable
from tfchain.store.open import open_store
try:
    open_store(Path(sys.argv[1])).close()
except Unavailable as refusal:
    print(refusal)
"""

KILLED_WHILE_WRITING = """
import os, signal, sys, threading
from pathlib import Path
from tfchain.store.open import open_store
store = open_store(Path(sys.argv[1]))
turns = 0
def kill():
    while turns < 5:
        pass
    os.kill(os.getpid(), signal.SIGKILL)
threading.Thread(target=kill).start()
while True:
    turns += 1
    store.write([(b"s%d" % i, b"%d" % turns * 40) for i in range(200)])
"""

FULL_FROM_THE_START = """
import resource, signal, sys
from pathlib import Path
from tfchain.errors import Unavailable
from tfchain.store.open import open_store
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))
try:
    open_store(Path(sys.argv[1]), sys.argv[2])
except Unavailable as refusal:
    print(refusal)
"""

FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from tfchain.errors import Unavailable
from tfchain.store.open import open_store
store = open_store(Path(sys.argv[1]))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
for turn in range(1, 100):
    try:
        store.write([(b"s%d" % i, b"%d" % turn * 3000) for i in range(5)])
    except Unavailable as refusal:
        print(turn - 1)
        print(refusal)
        break
try:
    store.write([(b"small", b"")])
except Unavailable as refusal:
    print(refusal)
"""


@both
def test_a_second_process_is_refused(kind: Kind, tmp_path: Path, other_process: Run) -> None:
    store = open_store(tmp_path / "store", kind)
    refused = other_process(OPEN_ONCE, tmp_path / "store")
    store.close()
    welcome = other_process(OPEN_ONCE, tmp_path / "store")
    assert "the database is in use" in refused.stdout
    assert "stop the other process" in refused.stdout
    assert (welcome.stdout, welcome.stderr) == ("", "")


@both
def test_a_second_store_in_this_process_is_refused(kind: Kind, tmp_path: Path) -> None:
    store = open_store(tmp_path, kind)
    with pytest.raises(Unavailable, match="in use"):
        open_store(tmp_path, kind)
    store.close()


@both
def test_a_kill_in_the_middle_leaves_all_or_nothing(
    kind: Kind, tmp_path: Path, other_process: Run
) -> None:
    open_store(tmp_path, kind).close()
    killed = other_process(KILLED_WHILE_WRITING, tmp_path)
    assert killed.returncode == -signal.SIGKILL
    store = open_store(tmp_path)
    values = [value for _, value in store.scan(b"s")]
    store.close()
    assert len(values) == 200
    assert len(set(values)) == 1


@both
def test_a_full_disk_is_told_and_loses_nothing(
    kind: Kind, tmp_path: Path, other_process: Run
) -> None:
    open_store(tmp_path, kind).close()
    done, refusal, after = other_process(FULL_DISK, tmp_path).stdout.splitlines()
    assert "the disk is full" in refusal
    assert "free space" in refusal
    assert "an earlier write failed" in after
    store = open_store(tmp_path)
    assert int(done) > 0
    values = {value for _, value in store.scan(b"s")}
    store.close()
    assert values == {done.encode() * 3000}


@both
def test_a_first_start_on_a_full_disk_is_told_and_never_believed(
    kind: Kind, tmp_path: Path, other_process: Run
) -> None:
    done = other_process(FULL_FROM_THE_START, tmp_path, kind)
    assert "the disk is full" in done.stdout, done.stderr
    with pytest.raises(Unavailable, match="first start was cut short"):
        open_store(tmp_path)


def _get_all(store: Store) -> None:
    for index in range(2000):
        store.get(b"s%04d" % index)


def _scan_all(store: Store) -> None:
    list(store.scan(b"s"))


@pytest.mark.parametrize("read", [_get_all, _scan_all], ids=["get", "scan"])
def test_a_flipped_bit_in_leveldb_is_told_not_served(
    tmp_path: Path, read: Callable[[Store], None]
) -> None:
    store = open_store(tmp_path, "leveldb")
    store.write((b"s%04d" % index, bytes([index % 251]) * 3000) for index in range(2000))
    store.close()
    open_store(tmp_path).close()
    for table in tmp_path.glob("*.ldb"):
        content = bytearray(table.read_bytes())
        content[len(content) // 2] ^= 1
        table.write_bytes(content)
    store = open_store(tmp_path)
    with pytest.raises(Unavailable, match=r"damaged.*catch up from its peers"):
        read(store)
    store.close()


@pytest.mark.parametrize(
    ("kind", "file"),
    [
        pytest.param("leveldb", "CURRENT", id="leveldb"),
        pytest.param("sqlite", "rows.sqlite", id="sqlite"),
    ],
)
@pytest.mark.parametrize(
    "content",
    [pytest.param(None, id="missing"), pytest.param(b"garbage " * 999, id="overwritten")],
)
def test_a_damaged_store_is_refused_by_name(
    kind: Kind, file: str, content: bytes | None, tmp_path: Path
) -> None:
    open_store(tmp_path, kind).close()
    if content is None:
        (tmp_path / file).unlink()
    else:
        (tmp_path / file).write_bytes(content)
    with pytest.raises(Unavailable, match="catch up from its peers") as refusal:
        open_store(tmp_path)
    assert str(tmp_path) in refusal.value.where


def test_damage_that_sqlite_finds_while_reading_is_told(tmp_path: Path) -> None:
    store = open_sqlite(tmp_path, create=True)
    store.write((b"s%04d" % index, bytes(500)) for index in range(500))
    store.close()
    file = tmp_path / sqlite.FILE
    content = bytearray(file.read_bytes())
    content[4096:] = b"\x55" * (len(content) - 4096)
    file.write_bytes(content)
    with pytest.raises(Unavailable, match="damaged"):
        open_sqlite(tmp_path, create=False)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Unavailable, match="cannot make the store's folder"):
        open_store(tmp_path / "file" / "store")


@pytest.mark.parametrize(
    ("text", "what", "remedy"),
    [
        pytest.param(
            "IO error: /d/1.log: No space left on device", "disk is full", "free space", id="full"
        ),
        pytest.param(
            "IO error: /d/LOCK: Permission denied", "cannot be opened", "the right", id="no right"
        ),
        pytest.param("Corruption: bad block", "bad block", "catch up", id="damaged"),
    ],
)
def test_leveldb_reasons_are_told_with_a_remedy(text: str, what: str, remedy: str) -> None:
    refusal = leveldb._refusal(text, "/d")
    assert what in refusal.what
    assert remedy in refusal.remedy


@pytest.mark.parametrize(
    ("name", "what", "remedy"),
    [
        pytest.param("SQLITE_FULL", "disk is full", "free space", id="full"),
        pytest.param("SQLITE_CANTOPEN", "cannot be opened", "the right", id="no right"),
        pytest.param("SQLITE_CORRUPT_VTAB", "damaged", "catch up", id="damaged"),
        pytest.param("SQLITE_IOERR_FSYNC", "cannot be used", "check the disk", id="a dying disk"),
    ],
)
def test_sqlite_reasons_are_told_with_a_remedy(name: str, what: str, remedy: str) -> None:
    fault = sqlite3.OperationalError("said")
    fault.sqlite_errorname = name
    refusal = sqlite._refusal(fault, "/d")
    assert what in refusal.what
    assert remedy in refusal.remedy


def test_sqlite_without_room_rolls_back_and_writes_no_more(tmp_path: Path) -> None:
    store = open_sqlite(tmp_path, create=True)
    store.write([(b"s", b"kept")])
    store._writer.execute("PRAGMA max_page_count=20")
    with pytest.raises(Unavailable, match="the disk is full"):
        store.write([(b"s", b"lost"), (b"t", bytes(1_000_000))])
    with pytest.raises(Unavailable, match="an earlier write failed"):
        store.write([(b"s", b"late")])
    assert list(store.scan(b"")) == [(b"s", b"kept")]
    store.close()


def test_sqlite_that_fails_while_opening_gives_the_lock_back(tmp_path: Path) -> None:
    (tmp_path / sqlite.FILE).mkdir()
    for _ in range(2):
        with pytest.raises(Unavailable, match="cannot be opened"):
            open_sqlite(tmp_path, create=True)


def test_both_stores_name_themselves(tmp_path: Path) -> None:
    level = open_leveldb(tmp_path / "l", create=True)
    lite = open_store(tmp_path / "s", "sqlite")
    assert describe(level) == f"store: LevelDB, {tmp_path / 'l'}"
    assert describe(lite) == f"store: SQLite, {tmp_path / 's'}"
    level.close()
    lite.close()


def test_the_journal_of_sqlite_stays_small_under_a_node_that_always_holds_a_view(
    tmp_path: Path,
) -> None:
    """A node drops its view, writes a block, and takes the next one."""
    store = open_sqlite(tmp_path, create=True)
    for number in range(400):
        view = store.snapshot()
        store.write([(b"%d/%d" % (number, row), bytes(4_000)) for row in range(10)])
        view.close()
    assert (tmp_path / JOURNAL).stat().st_size < 2 * JOURNAL_BYTES_MAX
    store.close()
