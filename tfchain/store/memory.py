"""A store in memory, for tests and for the simulator: the contract without a disk."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import islice
from threading import Lock

from tfchain.store.kv import EVERY_ROW, Row, bounded, key_range


class MemoryStore:
    """Rows in a dict beside a sorted list of their keys.

    A snapshot takes both as they are; the next write then works on copies. So a snapshot costs
    nothing, and a write costs a copy only while somebody looks on.
    """

    kind = "memory"
    where = "memory"

    def __init__(self) -> None:
        self._turn = Lock()
        self._rows: dict[bytes, bytes] = {}
        self._keys: list[bytes] = []
        self._watched = 0
        self._version = 0

    def get(self, key: bytes) -> bytes | None:
        return self._rows.get(key)

    def write(self, rows: Iterable[Row]) -> None:
        net = dict(bounded(rows))
        with self._turn:
            if self._watched:
                self._rows, self._keys = dict(self._rows), list(self._keys)
                self._watched = 0
            self._version += 1
            self._remove([key for key, value in net.items() if value is None])
            self._add({key: value for key, value in net.items() if value is not None})

    def scan(
        self, prefix: bytes, start: bytes = b"", limit: int = EVERY_ROW
    ) -> Iterator[tuple[bytes, bytes]]:
        reader = self.snapshot()
        try:
            yield from reader.scan(prefix, start, limit)
        finally:
            reader.close()

    def snapshot(self) -> "MemoryReader":
        with self._turn:
            self._watched += 1
            return MemoryReader(self, self._rows, self._keys, self._version)

    def close(self) -> None:
        """Nothing to give back: a simulated crash keeps the store object as its disk."""

    def release(self, version: int) -> None:
        """A reader of `version` is done; an older version has its own copies already."""
        with self._turn:
            if version == self._version:
                self._watched -= 1

    def _remove(self, keys: Iterable[bytes]) -> None:
        for key in keys:
            if self._rows.pop(key, None) is not None:
                del self._keys[bisect_left(self._keys, key)]

    def _add(self, rows: dict[bytes, bytes]) -> None:
        fresh = [key for key in rows if key not in self._rows]
        self._rows.update(rows)
        if fresh:
            self._keys.extend(fresh)
            self._keys.sort()


class MemoryReader:
    """The rows of one moment."""

    def __init__(
        self, store: MemoryStore, rows: dict[bytes, bytes], keys: list[bytes], version: int
    ) -> None:
        self._store: MemoryStore | None = store
        self._rows = rows
        self._keys = keys
        self._version = version

    def get(self, key: bytes) -> bytes | None:
        return self._rows.get(key)

    def scan(
        self, prefix: bytes, start: bytes = b"", limit: int = EVERY_ROW
    ) -> Iterator[tuple[bytes, bytes]]:
        first, stop = key_range(prefix, start)
        low = bisect_left(self._keys, first)
        high = len(self._keys) if stop is None else bisect_left(self._keys, stop)
        for index in islice(range(low, high), limit):
            key = self._keys[index]
            yield key, self._rows[key]

    def close(self) -> None:
        if self._store is not None:
            self._store.release(self._version)
            self._store = None
