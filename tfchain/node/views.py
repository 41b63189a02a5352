"""The state after one height, read while the next one is being written (P41).

A replica asks for rows on the pump's thread. The newest rows are read from the store itself; only
while a block is written, and until the replica knows of it, does a snapshot hold the old ones.
Then that snapshot serves proofs: the root of its state stands in the header of the block above it.
"""

from typing import Protocol

from tfchain.store.kv import Reader, Store


class Rows(Protocol):
    """Anything with rows."""

    def get(self, key: bytes, /) -> bytes | None:
        """The value at `key`; None where there is none."""
        ...


class View:
    """The rows after one height. For the pump's thread alone."""

    def __init__(self, store: Store) -> None:
        self._rows: Rows = store
        self._snapshot: Reader | None = None

    def get(self, key: bytes, /) -> bytes | None:
        """The value at `key`; None where there is none."""
        return self._rows.get(key)

    def hold(self, snapshot: Reader) -> None:
        """From now on the store may move on."""
        self._rows = self._snapshot = snapshot

    def close(self) -> None:
        """Let the old rows go."""
        if self._snapshot is not None:
            self._snapshot.close()


class Views:
    """The view of the last height, and of the one before it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.current = View(store)
        self.previous: View | None = None
        """The state before the last block; None at first, and while a block is written."""

    def hold(self) -> None:
        """A block is about to be written: the present state stays readable.

        The one before goes first: SQLite can tidy its journal only while nobody reads old rows.
        """
        self._drop_previous()
        self.current.hold(self._store.snapshot())

    def advance(self) -> View:
        """It is written: the view of the new state."""
        self.previous, self.current = self.current, View(self._store)
        return self.current

    def close(self) -> None:
        """Let all rows go."""
        self._drop_previous()
        self.current.close()

    def _drop_previous(self) -> None:
        if self.previous is not None:
            self.previous.close()
            self.previous = None
