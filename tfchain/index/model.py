"""The read model: blocks go in, rows come out, all of a block or nothing of it (P39).

Each block is executed with the ledger's own `execute`, against the header that follows it, so that
what is shown is what two thirds agreed on and not what some server says. Signatures are for the
validator beside it, and for `audit`.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tfchain.base.shapes import decode_record, encode_record
from tfchain.base.units import Height
from tfchain.chain.execute import check_txs, execute, params_of
from tfchain.chain.genesis import Genesis, genesis_outcome, read_genesis
from tfchain.chain.tip import Tip, check_header, genesis_tip, input_of, next_tip
from tfchain.errors import Divergence, Malformed, Unavailable
from tfchain.index.database import FILE, REBUILD, LedgerRows, meta, opened, put_meta, telling
from tfchain.index.own import CONTENT
from tfchain.index.projection import project
from tfchain.index.sheet import CHECKSUM_BYTES, Sheet, checksum_after, counted
from tfchain.index.spoiled import spoiled_among, spoiled_row
from tfchain.index.step import EventIds, Past, Step, done_of, moved_by
from tfchain.ledger.block import Block
from tfchain.ledger.params import Params
from tfchain.ledger.state import Memory, State

GENESIS: Final = "genesis"
TIP: Final = "tip"
TIP_BYTES_MAX: Final = 256 * 1024
"""Three sets of validators, of 256 each."""


@contextmanager
def opened_model(folder: Path, *, rebuild: bool = False) -> "Iterator[Model]":
    """The read model in `folder`, empty if it is new.

    Raises:
        Unavailable: as `database.opened`.
    """
    with opened(folder, rebuild=rebuild) as connection:
        yield Model(connection, folder)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where the read model stands after its last block."""

    height: Height
    block_id: bytes
    state_root: bytes
    checksum: bytes


class Model:
    """One thread at a time. A fault leaves it as it was before the run of blocks."""

    def __init__(self, connection: sqlite3.Connection, folder: Path) -> None:
        self._connection = connection
        self._rows = LedgerRows(connection)
        self.path = folder / FILE
        self._load()

    def _load(self) -> None:
        """What the file says; forget everything else."""
        self._memory = Memory()
        with telling(self.path):
            raw, text = meta(self._connection, TIP), meta(self._connection, GENESIS)
            self._checksum = _checksum(self._connection)
        try:
            self._genesis = None if text is None else read_genesis(text.decode())
            self._tip = None if raw is None else decode_record(Tip, raw, TIP_BYTES_MAX)
        except (Malformed, UnicodeDecodeError) as fault:
            raise Unavailable("the read model is damaged", str(self.path), REBUILD) from fault

    @property
    def is_empty(self) -> bool:
        """Whether it has no chain yet."""
        return self._tip is None

    @property
    def chain_id(self) -> str:
        """The chain that it is of."""
        assert self._genesis is not None, "somebody looked whether it is empty"
        return self._genesis.params.chain_id

    @property
    def height(self) -> Height:
        """The last block that it holds; 0 for none."""
        return Height(0) if self._tip is None else self._tip.height

    def standing(self) -> Standing:
        """Where it stands; there is a chain."""
        assert self._tip is not None, "somebody looked whether it is empty"
        return Standing(
            height=self._tip.height,
            block_id=self._tip.block_id,
            state_root=self._tip.state_root,
            checksum=self._checksum,
        )

    def begin(self, text: str) -> None:
        """Lay down the genesis; where a chain is there already, it must be this one.

        Raises:
            Malformed: this is no genesis.
            Unavailable: it holds another chain.
        """
        genesis = read_genesis(text)
        if self._genesis is not None:
            if genesis.params.chain_id != self.chain_id:
                what = f"the read model holds {self.chain_id}, not {genesis.params.chain_id}"
                raise Unavailable(what, str(self.path), f"name another folder, or {REBUILD}")
            return
        with self._transaction():
            put_meta(self._connection, GENESIS, text.encode())
            self._genesis = genesis
            self._begin(genesis)

    def take(self, blocks: Iterable[Block]) -> None:
        """Take a run of blocks in, in one transaction.

        Raises:
            InvalidBlock: one does not fit on the one before.
            Divergence: a header says another state than these blocks lead to here.
            Unavailable: the disk refuses.
        """
        with self._transaction():
            for block in blocks:
                self._take(block)

    def recounted(self) -> bytes:
        """The checksum added up anew from every row: it must be the one that was kept."""
        with telling(self.path):
            return counted(self._connection, CONTENT)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All or nothing; after a fault what is remembered is what the file says."""
        done = False
        with telling(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._write_tip()
                self._connection.execute("COMMIT")
                done = True
            finally:
                if not done:
                    if self._connection.in_transaction:
                        self._connection.execute("ROLLBACK")
                    self._load()

    def _begin(self, genesis: Genesis) -> None:
        outcome = genesis_outcome(genesis)
        tip = genesis_tip(genesis, outcome)
        past = Past(self._rows, outcome)
        self._rows.write(outcome.rows)
        self._project(
            Step(
                height=Height(0),
                time_ms=tip.time,
                block=None,
                outcome=outcome,
                done=(),
                moved=moved_by(past, outcome),
                before=State(past),
                after=State(self._rows),
                params=genesis.params,
                tip=None,
                ids=EventIds(0, tip.block_id),
            )
        )
        self._advance(tip)

    def _take(self, block: Block) -> None:
        assert self._tip is not None, "a chain begins with its genesis"
        tip = self._tip
        params = params_of(State(self._rows, memory=self._memory))
        self._check(tip, params, block)
        step = input_of(tip, block)
        checked = check_txs(self._rows, step, self._memory)
        outcome = execute(self._rows, step, checked)
        named = spoiled_among(self._rows, (key for key, _ in outcome.rows))
        if named:
            raise Divergence(f"block {block.header.height}: {named} is spoiled; {REBUILD}")
        past = Past(self._rows, outcome)
        self._rows.write(outcome.rows)
        self._project(
            Step(
                height=block.header.height,
                time_ms=block.header.time,
                block=block,
                outcome=outcome,
                done=done_of(block.txs, outcome.codes),
                moved=moved_by(past, outcome),
                before=State(past),
                after=State(self._rows),
                params=params,
                tip=tip,
                ids=EventIds(block.header.height, block.id),
            )
        )
        self._advance(next_tip(tip, block, outcome))

    def _check(self, tip: Tip, params: Params, block: Block) -> None:
        """The header must follow from what is here; where only the state differs, that is worse."""
        header = block.header
        agreed = (header.height, header.last_block_id) == (tip.height + 1, tip.block_id)
        if agreed and header.state_root != tip.state_root:
            raise self._divergence(tip, block)
        check_header(tip, params, block)

    def _divergence(self, tip: Tip, block: Block) -> Divergence:
        """Which row is spoiled, if one is; else this program runs other rules than the network."""
        named = spoiled_row(self._rows)
        why = f"{named} is spoiled" if named else "every row fits its tree: the rules differ"
        return Divergence(
            f"block {block.header.height}: its state root is {block.header.state_root.hex()},"
            f" the read model's after block {tip.height} is {tip.state_root.hex()}; {why}; {REBUILD}"
        )

    def _project(self, step: Step) -> None:
        sheet = Sheet(self._connection)
        project(sheet, step)
        self._checksum = checksum_after(self._checksum, sheet.flush())

    def _advance(self, tip: Tip) -> None:
        self._tip = tip
        self._connection.execute(
            "INSERT INTO checksums VALUES (?, ?, ?, ?)",
            (tip.height, tip.block_id.hex(), tip.state_root.hex(), self._checksum.hex()),
        )

    def _write_tip(self) -> None:
        if self._tip is not None:
            put_meta(self._connection, TIP, encode_record(self._tip))


def _checksum(connection: sqlite3.Connection) -> bytes:
    """The checksum of the last height; that of nothing before the first."""
    text = "SELECT checksum FROM checksums ORDER BY height DESC LIMIT 1"
    rows: list[tuple[str]] = connection.execute(text).fetchall()
    return bytes.fromhex(rows[0][0]) if rows else bytes(CHECKSUM_BYTES)
