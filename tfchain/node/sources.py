"""A chain as it lies on a disk: the home of a stopped node, or an export. Blocks come as a stream."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, TypeAlias

from tfchain.base.units import Height
from tfchain.chain import export_records as records
from tfchain.errors import Malformed, Unavailable
from tfchain.node.home import Home
from tfchain.store import layout
from tfchain.store.chain import ChainStore
from tfchain.store.export import read_records
from tfchain.store.files import told
from tfchain.store.open import open_store

STATE_COLUMNS: Final = (layout.ARCHIVE, layout.STATE, layout.TREE)
"""What executing writes; the rest of a store is blocks and places."""

Rows: TypeAlias = Iterable[tuple[bytes, bytes]]


class Source(Protocol):
    """A chain that lies still."""

    @property
    def name(self) -> str:
        """The path, for people."""
        ...

    def genesis_text(self) -> str:
        """The text of its genesis."""
        ...

    def raw_blocks(self) -> Iterator[bytes]:
        """Every block from the first one on."""
        ...

    def state_height(self) -> Height | None:
        """The height of the state that lies here; None where there are blocks alone."""
        ...

    def state_rows(self) -> Rows:
        """The rows of that state, in key order within each column."""
        ...


@dataclass(frozen=True, slots=True)
class StoredChain:
    """The home of a stopped node."""

    name: str
    chain: ChainStore

    def genesis_text(self) -> str:
        return self.chain.genesis_text()

    def raw_blocks(self) -> Iterator[bytes]:
        for height in range(1, self.chain.height() + 1):
            raw = self.chain.raw_block(Height(height))
            if raw is None:
                remedy = "name an export, or a home that keeps all blocks"
                raise Unavailable(f"block {height} is not here any more", self.name, remedy)
            yield raw

    def state_height(self) -> Height | None:
        return self.chain.height()

    def state_rows(self) -> Rows:
        for column in STATE_COLUMNS:
            yield from self.chain.store.scan(column)


@dataclass(frozen=True, slots=True)
class ExportedChain:
    """An export: blocks alone."""

    name: str
    path: Path

    def genesis_text(self) -> str:
        for kind, payload in self._records():
            if kind == records.GENESIS:
                return records.genesis_text(payload)
        raise Malformed(f"{self.name}: an export begins with its genesis")

    def raw_blocks(self) -> Iterator[bytes]:
        for kind, payload in self._records():
            if kind == records.BLOCK:
                yield payload

    def state_height(self) -> Height | None:
        return None

    def state_rows(self) -> Rows:
        return ()

    def _records(self) -> Iterator[tuple[int, bytes]]:
        with told("cannot read the export", self.path):
            file = self.path.open("rb")
        with file:
            for _, kind, payload in read_records(file):
                yield kind, payload


@contextmanager
def opened_source(path: Path) -> Iterator[Source]:
    """The chain at `path`: a folder is a node's home, a file is an export.

    Raises:
        Unavailable: neither, or a node runs on it.
    """
    if not path.is_dir():
        yield ExportedChain(str(path), path)
        return
    home = Home(path)
    if not home.store.is_dir():
        remedy = "name the home of a node that was started, or an export"
        raise Unavailable("there is no chain here", str(path), remedy)
    store = open_store(home.store)
    try:
        yield StoredChain(str(path), ChainStore(store))
    finally:
        store.close()
