"""The store on SQLite, which every Python brings along (P42).

One table without row ids is a sorted map. The write-ahead journal lets readers keep their moment
while a batch is written; with full synchronisation a committed batch survives a power cut.
"""

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import Final

from tfchain.errors import Unavailable
from tfchain.store.files import FREE_SPACE, lock_file, sync_folder, told
from tfchain.store.kv import EVERY_ROW, Row, bounded, key_range

FILE: Final = "rows.sqlite"
JOURNAL: Final = FILE + "-wal"
JOURNAL_BYTES_MAX: Final = 4 * 1024 * 1024
"""Past this size the journal is copied back as soon as no older view needs it."""
_LOCK: Final = "LOCK"
_RESTORE: Final = "move this folder aside and let the node catch up from its peers, or restore it"
_PRAGMAS: Final = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA cache_size=-4096",
    "PRAGMA journal_size_limit=16777216",
)
_TABLE: Final = "CREATE TABLE IF NOT EXISTS rows (key BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID"
_PUT: Final = (
    "INSERT INTO rows VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
)
_DELETE: Final = "DELETE FROM rows WHERE key = ?"
_GET: Final = "SELECT value FROM rows WHERE key = ?"
_SCAN: Final = "SELECT key, value FROM rows WHERE key >= ? ORDER BY key"
_SCAN_TO: Final = "SELECT key, value FROM rows WHERE key >= ? AND key < ? ORDER BY key"
_FULL: Final = frozenset({"SQLITE_FULL", "SQLITE_IOERR_WRITE", "SQLITE_IOERR_SHMSIZE"})
_DAMAGED: Final = ("SQLITE_CORRUPT", "SQLITE_NOTADB")


class SqliteStore:
    """One SQLite file, one connection that writes and one that reads the newest rows.

    They are apart so that a read never waits for the disk behind a write; each has a lock, for
    both are used from more than one thread.
    """

    kind = "sqlite"

    def __init__(self, folder: Path, lock: int) -> None:
        self._folder = folder
        self._owner: int | None = lock
        self._writer = _connect(folder)
        self._readers: set[SqliteReader] = set()
        self._latest = SqliteReader(_connect(folder), str(folder), self._readers)
        self._writing = Lock()
        self._broken = False
        self.where = str(folder)

    def get(self, key: bytes) -> bytes | None:
        return self._latest.get(key)

    def write(self, rows: Iterable[Row]) -> None:
        batch = bounded(rows)
        with self._writing:
            if self._broken:
                raise Unavailable("an earlier write failed", self.where, "start again")
            self._broken = True
            with _told(self.where):
                self._commit(batch)
            self._broken = False

    def scan(
        self, prefix: bytes, start: bytes = b"", limit: int = EVERY_ROW
    ) -> Iterator[tuple[bytes, bytes]]:
        reader = self.snapshot()
        try:
            yield from reader.scan(prefix, start, limit)
        finally:
            reader.close()

    def snapshot(self) -> "SqliteReader":
        """A view of this moment. It is a connection of its own, in a transaction that only reads."""
        with _told(self.where):
            self._copy_journal_back()
            connection = _connect(self._folder)
            connection.execute("BEGIN")
            # The transaction takes its view with its first read, not with BEGIN.
            connection.execute("SELECT 1 FROM rows LIMIT 1").fetchall()
        return SqliteReader(connection, self.where, self._readers)

    def _copy_journal_back(self) -> None:
        """A node always holds a view, so SQLite never finds a moment of its own to begin anew.

        Between two views there is one: what the journal holds goes into the file, and the next write
        begins the journal again.
        """
        journal = self._folder / JOURNAL
        if len(self._readers) > 1 or not journal.exists():
            return
        if journal.stat().st_size > JOURNAL_BYTES_MAX:
            with self._writing:
                self._writer.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def close(self) -> None:
        if self._owner is None:
            return
        for reader in list(self._readers):
            reader.close()
        self._writer.close()
        os.close(self._owner)
        self._owner = None

    def _commit(self, batch: list[Row]) -> None:
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            for key, value in batch:
                if value is None:
                    self._writer.execute(_DELETE, (key,))
                else:
                    self._writer.execute(_PUT, (key, value))
            self._writer.execute("COMMIT")
        except sqlite3.Error:
            with suppress(sqlite3.Error):  # SQLite may have rolled back already
                self._writer.execute("ROLLBACK")
            raise


class SqliteReader:
    """One connection that reads. It stands in `open_readers` until it is closed."""

    def __init__(
        self, connection: sqlite3.Connection, where: str, open_readers: "set[SqliteReader]"
    ) -> None:
        self._connection = connection
        self._reading = Lock()
        self._where = where
        self._open_readers = open_readers
        open_readers.add(self)

    def get(self, key: bytes) -> bytes | None:
        # All rows are fetched, though there is one at most: only then is the statement over.
        with self._reading, _told(self._where):
            rows: list[tuple[bytes]] = self._connection.execute(_GET, (key,)).fetchall()
        return rows[0][0] if rows else None

    def scan(
        self, prefix: bytes, start: bytes = b"", limit: int = EVERY_ROW
    ) -> Iterator[tuple[bytes, bytes]]:
        first, stop = key_range(prefix, start)
        with self._reading, _told(self._where):
            if stop is None:
                cursor = self._connection.execute(_SCAN, (first,))
            else:
                cursor = self._connection.execute(_SCAN_TO, (first, stop))
        try:
            yield from islice(self._rows_of(cursor), limit)
        finally:
            cursor.close()

    def close(self) -> None:
        self._connection.close()
        self._open_readers.discard(self)

    def _rows_of(self, cursor: sqlite3.Cursor) -> Iterator[tuple[bytes, bytes]]:
        while True:
            with self._reading, _told(self._where):
                row: tuple[bytes, bytes] | None = cursor.fetchone()
            if row is None:
                return
            yield row


def open_sqlite(folder: Path, *, create: bool) -> SqliteStore:
    """The store in `folder`; without `create` there must be one.

    Raises:
        Unavailable: in use by another process, absent, unreadable or damaged.
    """
    file = folder / FILE
    if not create and not file.is_file():
        raise Unavailable("the database is missing", str(file), _RESTORE)
    owner = lock_file(folder / _LOCK, os.O_RDWR | os.O_CREAT, "the database")
    try:
        _prepare(folder)
        return SqliteStore(folder, owner)
    except Unavailable:
        os.close(owner)
        raise


def _prepare(folder: Path) -> None:
    with _told(str(folder)):
        connection = _connect(folder)
        try:
            connection.execute(_TABLE)
            connection.execute("SELECT 1 FROM rows LIMIT 1").fetchall()
        finally:
            connection.close()
    with told("cannot write the database's folder", folder):
        sync_folder(folder)


def _connect(folder: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(folder / FILE, isolation_level=None, check_same_thread=False)
    try:
        for pragma in _PRAGMAS:
            connection.execute(pragma)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


@contextmanager
def _told(where: str) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as fault:
        raise _refusal(fault, where) from fault


def _refusal(fault: sqlite3.Error, where: str) -> Unavailable:
    name = getattr(fault, "sqlite_errorname", type(fault).__name__)
    if name in _FULL:
        return Unavailable("the disk is full", where, FREE_SPACE)
    if name.startswith(("SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_PERM")):
        remedy = "give the user who runs this the right to read and write it"
        return Unavailable("the database cannot be opened", where, remedy)
    if name.startswith(_DAMAGED):
        return Unavailable(f"the database is damaged ({fault})", where, _RESTORE)
    remedy = "check the disk, and that no other program has this file open, then start again"
    return Unavailable(f"the database cannot be used ({name}: {fault})", where, remedy)
