"""Opening a node's store: which kind stands in a folder, and whether it is ours."""

from pathlib import Path
from typing import Final, Literal, TypeAlias

from tfchain.errors import Unavailable
from tfchain.store import leveldb
from tfchain.store.files import replace_file, told
from tfchain.store.kv import Store
from tfchain.store.layout import META_LAYOUT, check_version, encode_version
from tfchain.store.leveldb import open_leveldb
from tfchain.store.sqlite import open_sqlite

Kind: TypeAlias = Literal["auto", "leveldb", "sqlite"]

_KIND_FILE: Final = "KIND"
_KIND_BYTES_MAX: Final = 16
"""Longest name in a kind file; more is not read."""


def open_store(path: Path, kind: Kind = "auto") -> Store:
    """The store in the folder `path`, made if the folder is absent or empty.

    `auto` takes the kind that stands there; for a new store LevelDB where plyvel imports, else
    SQLite (P42).

    Raises:
        Unavailable: in use, unreadable, damaged, of another kind or of another layout.
    """
    with told("cannot make the store's folder", path):
        path.mkdir(parents=True, exist_ok=True)
        found = _kind_in(path)
    if found is None:
        return _create(path, _choose(kind))
    if kind not in {"auto", found}:
        what = f"the store is {found}, {kind} was asked for"
        raise Unavailable(what, str(path), f"ask for {found} or give another folder")
    store = _open(path, found, create=False)
    try:
        check_version(store.get(META_LAYOUT) or b"", str(path))
    except Unavailable:
        store.close()
        raise
    return store


def describe(store: Store) -> str:
    """One line for the start: which store, where, and why not the faster one."""
    names = {"leveldb": "LevelDB", "sqlite": "SQLite", "memory": "memory"}
    absent = " (plyvel is not installed here)"
    reason = absent if store.kind == "sqlite" and not leveldb.AVAILABLE else ""
    return f"store: {names[store.kind]}{reason}, {store.where}"


def _kind_in(path: Path) -> str | None:
    """The kind that stands in a folder; None when the folder is empty."""
    file = path / _KIND_FILE
    if file.exists():
        with file.open("rb") as stream:
            return stream.read(_KIND_BYTES_MAX).decode("ascii", "replace").strip()
    if any(path.iterdir()):
        remedy = "give another folder, or empty this one if a first start was cut short here"
        raise Unavailable("the folder holds no store, but other files", str(path), remedy)
    return None


def _choose(kind: Kind) -> str:
    if kind == "auto":
        return "leveldb" if leveldb.AVAILABLE else "sqlite"
    return kind


def _create(path: Path, kind: str) -> Store:
    """A new store. The kind file comes last: a first start that was cut short is never believed."""
    store = _open(path, kind, create=True)
    try:
        store.write([(META_LAYOUT, encode_version())])
        with told("cannot write the store's folder", path):
            replace_file(path / _KIND_FILE, f"{kind}\n".encode())
    except Unavailable:
        store.close()
        raise
    return store


def _open(path: Path, kind: str, *, create: bool) -> Store:
    if kind == "sqlite":
        return open_sqlite(path, create=create)
    if kind != "leveldb":
        raise Unavailable("the kind of store is unknown", str(path / _KIND_FILE), "restore it")
    if not leveldb.AVAILABLE:
        remedy = "install plyvel (CPython 3.11 or 3.12), or start with an empty folder on SQLite"
        raise Unavailable("the store is LevelDB, and plyvel is not here", str(path), remedy)
    return open_leveldb(path, create=create)
