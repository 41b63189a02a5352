"""The store on LevelDB, where plyvel has a wheel (P42)."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import Final

from tfchain.errors import Unavailable
from tfchain.store.files import FREE_SPACE
from tfchain.store.kv import EVERY_ROW, Row, bounded, key_range

try:
    import plyvel
except ImportError:  # no wheel for this Python or machine: `store.sqlite` takes over
    plyvel = None

AVAILABLE: Final = plyvel is not None

_CACHE_BYTES: Final = 8 * 1024 * 1024
_BUFFER_BYTES: Final = 4 * 1024 * 1024
"""LevelDB holds up to two write buffers: 16 MiB in all, of the 150 MB a validator may use."""
_OPEN_FILES: Final = 100


class LevelStore:
    """One LevelDB folder. Every read checks its checksums: a flipped bit is told, not served."""

    kind = "leveldb"

    def __init__(self, database: "plyvel.DB", where: str) -> None:
        self._database = database
        self._writing = Lock()
        self._broken = False
        self.where = where

    def get(self, key: bytes) -> bytes | None:
        with _told(self.where):
            value: bytes | None = self._database.get(key, verify_checksums=True)
        return value

    def write(self, rows: Iterable[Row]) -> None:
        batch = bounded(rows)
        pending = self._database.write_batch(sync=True)
        for key, value in batch:
            if value is None:
                pending.delete(key)
            else:
                pending.put(key, value)
        with self._writing:
            if self._broken:
                raise Unavailable("an earlier write failed", self.where, "start again")
            self._broken = True  # LevelDB would go on behind a torn log record
            with _told(self.where):
                pending.write()
            self._broken = False

    def scan(
        self, prefix: bytes, start: bytes = b"", limit: int = EVERY_ROW
    ) -> Iterator[tuple[bytes, bytes]]:
        return _scan(self._database, prefix, start, limit, self.where)

    def snapshot(self) -> "LevelReader":
        return LevelReader(self._database.snapshot(), self.where)

    def close(self) -> None:
        self._database.close()


class LevelReader:
    """A LevelDB snapshot."""

    def __init__(self, snapshot: "plyvel._plyvel.Snapshot", where: str) -> None:
        self._snapshot = snapshot
        self._where = where

    def get(self, key: bytes) -> bytes | None:
        with _told(self._where):
            value: bytes | None = self._snapshot.get(key, verify_checksums=True)
        return value

    def scan(
        self, prefix: bytes, start: bytes = b"", limit: int = EVERY_ROW
    ) -> Iterator[tuple[bytes, bytes]]:
        return _scan(self._snapshot, prefix, start, limit, self._where)

    def close(self) -> None:
        self._snapshot.close()


def open_leveldb(folder: Path, *, create: bool) -> LevelStore:
    """The store in `folder`; without `create` there must be one.

    Raises:
        Unavailable: in use by another process, absent, unreadable or damaged.
    """
    assert plyvel is not None, "the caller asks AVAILABLE first"
    with _told(str(folder)):
        database = plyvel.DB(
            str(folder),
            create_if_missing=create,
            error_if_exists=create,
            paranoid_checks=True,
            write_buffer_size=_BUFFER_BYTES,
            max_open_files=_OPEN_FILES,
            lru_cache_size=_CACHE_BYTES,
            bloom_filter_bits=10,
        )
    return LevelStore(database, str(folder))


def _scan(
    source: "plyvel.DB | plyvel._plyvel.Snapshot",
    prefix: bytes,
    start: bytes,
    limit: int,
    where: str,
) -> Iterator[tuple[bytes, bytes]]:
    first, stop = key_range(prefix, start)
    with (
        _told(where),
        source.iterator(start=first, stop=stop, verify_checksums=True, fill_cache=False) as rows,
    ):
        yield from islice(rows, limit)


@contextmanager
def _told(where: str) -> Iterator[None]:
    try:
        yield
    except plyvel.Error as fault:
        raise _refusal(str(fault), where) from fault


def _refusal(text: str, where: str) -> Unavailable:
    """LevelDB tells its reasons in words only."""
    if "/LOCK: " in text and ("temporarily unavailable" in text or "already held" in text):
        remedy = "stop the other process that uses it; two must never run on one home"
        return Unavailable("the database is in use", where, remedy)
    if "No space left" in text or "File too large" in text or "quota" in text:
        return Unavailable("the disk is full", where, FREE_SPACE)
    if "Permission denied" in text or "Read-only" in text:
        remedy = "give the user who runs this the right to read and write it"
        return Unavailable("the database cannot be opened", where, remedy)
    remedy = "move this folder aside and let the node catch up from its peers, or restore it"
    return Unavailable(f"the database is damaged ({text[:200]})", where, remedy)
