"""The read model's file: who may write it, which layout it has, and the ledger's rows in it.

One file holds everything, so that one transaction holds everything: the ledger's own rows, on which
the next block is executed, and what is shown of them. It is made from blocks and can be made again:
what a power cut takes of it is fetched once more, so a commit does not wait for the disk.
"""

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Final

from tfchain.errors import Unavailable
from tfchain.index.own import CONTENT, OF_ENTITY
from tfchain.index.projection import PROJECTION
from tfchain.index.schema import create_entities
from tfchain.store.files import FREE_SPACE, lock_file, told
from tfchain.store.layout import LAYOUT_VERSION

FILE: Final = "read.sqlite"
_BESIDE: Final = ("", "-wal", "-shm")
_LOCK: Final = "LOCK"
REBUILD: Final = "`tfchain web --rebuild` makes it anew from the blocks"
_PRAGMAS: Final = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=NORMAL",
    "PRAGMA cache_size=-32768",
    "PRAGMA journal_size_limit=67108864",
)
_LEDGER_ROWS: Final = """
CREATE TABLE IF NOT EXISTS ledger_rows (key BLOB PRIMARY KEY, value BLOB NOT NULL)
STRICT, WITHOUT ROWID"""
_META: Final = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY NOT NULL, value BLOB NOT NULL)
STRICT, WITHOUT ROWID"""
_CHECKSUMS: Final = """
CREATE TABLE IF NOT EXISTS checksums (height INTEGER PRIMARY KEY, block_id TEXT NOT NULL,
    state_root TEXT NOT NULL, checksum TEXT NOT NULL) STRICT"""
"""After each height: its block, the ledger's root, and the checksum over all that is shown."""
LAYOUT: Final = "layout"


class LedgerRows:
    """The ledger's rows, read and written inside the file's open transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def get(self, key: bytes, /) -> bytes | None:
        """The value; None where there is no such row."""
        found = self._connection.execute("SELECT value FROM ledger_rows WHERE key = ?", (key,))
        rows: list[tuple[bytes]] = found.fetchall()
        return rows[0][0] if rows else None

    def write(self, rows: Iterable[tuple[bytes, bytes | None]], /) -> None:
        """Write rows; None deletes."""
        puts, drops = list[tuple[bytes, bytes]](), list[tuple[bytes]]()
        for key, value in rows:
            if value is None:
                drops.append((key,))
            else:
                puts.append((key, value))
        self._connection.executemany("DELETE FROM ledger_rows WHERE key = ?", drops)
        self._connection.executemany("REPLACE INTO ledger_rows VALUES (?, ?)", puts)

    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """The rows whose keys begin so; no key has a byte of 255 in its first two."""
        stop = prefix[:-1] + bytes([prefix[-1] + 1])
        text = "SELECT key, value FROM ledger_rows WHERE key >= ? AND key < ? ORDER BY key"
        yield from self._connection.execute(text, (prefix, stop))


def statements() -> tuple[str, ...]:
    """What makes every table and index."""
    entities = {form.name for form in OF_ENTITY.values()}
    own = (line for form in CONTENT if form.name not in entities for line in form.create())
    return (_LEDGER_ROWS, _META, _CHECKSUMS, *own, *create_entities())


def layout_text() -> str:
    """Which layout this program makes: what the rows mean, those of the ledger, and the tables."""
    tables = blake2b("\n".join(statements()).encode(), digest_size=4).hexdigest()
    return f"{PROJECTION}.{LAYOUT_VERSION}-{tables}"


@contextmanager
def opened(folder: Path, *, rebuild: bool = False) -> Iterator[sqlite3.Connection]:
    """The file in `folder`, made if it is not there; nobody else writes it meanwhile.

    Raises:
        Unavailable: in use, of another layout, unreadable or damaged.
    """
    with told("cannot use the read model's folder", folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    owner = lock_file(folder / _LOCK, os.O_RDWR | os.O_CREAT, "the read model")
    try:
        if rebuild:
            _remove(folder)
        with telling(folder):
            connection = _connected(folder / FILE)
        try:
            yield connection
        finally:
            connection.close()
    finally:
        os.close(owner)


def _remove(folder: Path) -> None:
    with told("cannot remove the old read model", folder):
        for tail in _BESIDE:
            (folder / f"{FILE}{tail}").unlink(missing_ok=True)


def _connected(path: Path) -> sqlite3.Connection:
    """One connection that writes, used by one thread at a time."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        for pragma in _PRAGMAS:
            connection.execute(pragma)
        _prepare(connection, path)
    except (sqlite3.Error, Unavailable):
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Make the tables of a new file, or refuse those of another layout."""
    found = connection.execute("SELECT name FROM sqlite_master WHERE name = 'meta'").fetchall()
    if found:
        _check_layout(connection, path)
        return
    if connection.execute("SELECT name FROM sqlite_master LIMIT 1").fetchall():
        raise Unavailable("this SQLite file is no read model", str(path), "name another folder")
    connection.execute("BEGIN IMMEDIATE")
    for line in statements():
        connection.execute(line)
    put_meta(connection, LAYOUT, layout_text().encode())
    connection.execute("COMMIT")


def _check_layout(connection: sqlite3.Connection, path: Path) -> None:
    known = meta(connection, LAYOUT) or b"none"
    if known != layout_text().encode():
        was = known[:64].decode("ascii", "replace")
        what = f"the read model has layout {was}, this program makes {layout_text()}"
        raise Unavailable(what, str(path), REBUILD)


def meta(connection: sqlite3.Connection, name: str) -> bytes | None:
    """A value that stands once in the file."""
    rows: list[tuple[bytes]] = connection.execute(
        "SELECT value FROM meta WHERE name = ?", (name,)
    ).fetchall()
    return rows[0][0] if rows else None


def put_meta(connection: sqlite3.Connection, name: str, value: bytes) -> None:
    """Write such a value."""
    connection.execute("REPLACE INTO meta VALUES (?, ?)", (name, value))


@contextmanager
def telling(where: Path) -> Iterator[None]:
    """What SQLite says of the file, as `Unavailable`."""
    try:
        yield
    except sqlite3.Error as fault:
        name = getattr(fault, "sqlite_errorname", type(fault).__name__)
        full = name in {"SQLITE_FULL", "SQLITE_IOERR_WRITE"}
        damaged = name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB"))
        what = "the disk is full" if full else f"the read model cannot be used ({name}: {fault})"
        remedy = FREE_SPACE if full else "check the disk, then start again"
        raise Unavailable(what, str(where), REBUILD if damaged else remedy) from fault
