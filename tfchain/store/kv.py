"""What a store is: sorted rows of bytes, one atomic synced batch at a time, and views that hold still.

Three stores keep this contract (LevelDB, SQLite, memory) and one test suite holds all three to it,
so that a floor above never learns which one it stands on (P42).
"""

from collections.abc import Iterable, Iterator
from typing import Final, Protocol, TypeAlias

KEY_BYTES_MAX: Final = 128
VALUE_BYTES_MAX: Final = 4 * 1024 * 1024
"""The largest row is a block of 2 MiB with its commit; twice that leaves room."""

EVERY_ROW: Final = (1 << 63) - 1
"""The limit of a scan that has none. Scans are lazy: memory does not grow with the rows."""

Row: TypeAlias = tuple[bytes, bytes | None]
"""A key and what is to stand there; None deletes it."""


class Reader(Protocol):
    """A view of one moment. One thread at a time; close it, for it keeps old rows alive."""

    def get(self, key: bytes) -> bytes | None:
        """The value at `key`; None where there is none."""
        ...

    def scan(
        self, prefix: bytes, start: bytes = b"", limit: int = EVERY_ROW
    ) -> Iterator[tuple[bytes, bytes]]:
        """Up to `limit` rows whose keys begin with `prefix` and are not below `start`, ascending.

        `start` is a whole key; the row at `start` itself is included.
        """
        ...

    def close(self) -> None:
        """Let the old rows go. Closing twice is allowed."""
        ...


class Store(Protocol):
    """Rows on a disk that one process owns. `get` and `write` may come from several threads.

    Every method raises `Unavailable` when the disk refuses or what it holds is damaged. After a
    failed write no further write is taken: nobody knows how much of it is on the disk (1.7.4).
    """

    @property
    def kind(self) -> str:
        """`leveldb`, `sqlite` or `memory`."""
        ...

    @property
    def where(self) -> str:
        """The folder, for people."""
        ...

    def get(self, key: bytes) -> bytes | None:
        """The value at `key`; None where there is none."""
        ...

    def write(self, rows: Iterable[Row]) -> None:
        """All rows or none, on the disk when this returns. Of one key, the last row counts."""
        ...

    def scan(
        self, prefix: bytes, start: bytes = b"", limit: int = EVERY_ROW
    ) -> Iterator[tuple[bytes, bytes]]:
        """As `Reader.scan`, over the rows of the moment at which the first one is asked for."""
        ...

    def snapshot(self) -> Reader:
        """A view of this moment that later writes do not touch."""
        ...

    def close(self) -> None:
        """Give the disk back. Closing twice is allowed; anything else afterwards is a bug."""
        ...


def bounded(rows: Iterable[Row]) -> list[Row]:
    """The rows, counted and measured before the first is written; a misfit is a bug of ours."""
    batch = list(rows)
    for key, value in batch:
        assert 0 < len(key) <= KEY_BYTES_MAX, f"a key of {len(key)} bytes"
        assert value is None or len(value) <= VALUE_BYTES_MAX, f"a value of {len(value)} bytes"
    return batch


def key_range(prefix: bytes, start: bytes) -> tuple[bytes, bytes | None]:
    """The first key to look at, and the first key past the prefix (None: there is no such key)."""
    stem = prefix.rstrip(b"\xff")
    stop = stem[:-1] + bytes([stem[-1] + 1]) if stem else None
    return max(prefix, start), stop
