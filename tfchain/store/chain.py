"""A chain on a store: what one block writes, in one batch, and what is read back (P35).

A crash leaves all of a block or none of it: state, tree, archive, block, commit, results, places of
transactions and the tip are one synced batch.
"""

from dataclasses import dataclass
from typing import Annotated, Final, TypeVar

from tfchain.base.limits import GENESIS_BYTES_MAX
from tfchain.base.shapes import Many, Text, decode_record, encode_record
from tfchain.base.units import Height
from tfchain.chain.execute import Outcome
from tfchain.chain.genesis import Genesis, genesis_outcome, read_genesis
from tfchain.chain.tip import Tip, genesis_tip
from tfchain.errors import Malformed, Unavailable
from tfchain.ledger.block import TXS_MAX, Block, decode_block
from tfchain.ledger.commit import Commit
from tfchain.replica.effects import Save
from tfchain.store import layout
from tfchain.store.kv import VALUE_BYTES_MAX, Row, Store
from tfchain.tx.transaction import transaction_id

R = TypeVar("R")

TIP_KEY: Final = layout.META + b"tip"


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """The codes of a block's transactions, in order."""

    codes: Annotated[tuple[str, ...], Many(Text(1, layout.CODE_BYTES_MAX), TXS_MAX)]


def genesis_rows(text: str) -> list[Row]:
    """What a new store begins with; raises `Malformed` for a genesis that is none."""
    genesis = read_genesis(text)
    outcome = genesis_outcome(genesis)
    tip = genesis_tip(genesis, outcome)
    return [
        *outcome.rows,
        (layout.META_LAYOUT, layout.encode_version()),
        (layout.META_GENESIS, text.encode()),
        (layout.META_HEIGHT, layout.encode_height(Height(0))),
        (TIP_KEY, encode_record(tip)),
    ]


def block_rows(save: Save) -> list[Row]:
    """Everything that a block writes."""
    height, outcome = save.tip.height, save.outcome
    return [
        *outcome.rows,
        *_places(save.block, outcome),
        (layout.block_key(height), save.block.raw),
        (layout.commit_key(height), encode_record(save.commit)),
        (layout.results_key(height), encode_record(Results(codes=outcome.codes))),
        (layout.META_HEIGHT, layout.encode_height(height)),
        (TIP_KEY, encode_record(save.tip)),
    ]


def _places(block: Block, outcome: Outcome) -> list[Row]:
    rows: list[Row] = []
    for position, (raw, code) in enumerate(zip(block.txs, outcome.codes, strict=True)):
        place = layout.TxPlace(height=block.header.height, position=position, code=code)
        rows.append((layout.tx_key(transaction_id(raw)), layout.encode_place(place)))
    return rows


@dataclass(frozen=True, slots=True)
class ChainStore:
    """A store that holds a chain. What it finds damaged it names, as `Unavailable`."""

    store: Store

    def begin(self, text: str) -> None:
        """Lay down the genesis, unless a chain is there; then it must be the same one."""
        known = self.store.get(layout.META_GENESIS)
        if known is None:
            self.store.write(genesis_rows(text))
        elif known != text.encode():
            remedy = "use the genesis it was made with, or another folder"
            raise Unavailable("the store holds another chain", self.store.where, remedy)

    def check_layout(self) -> None:
        """Refuse a store of another layout; a new one has none yet."""
        version = self.store.get(layout.META_LAYOUT)
        if version is not None:
            layout.check_version(version, self.store.where)

    def genesis_text(self) -> str:
        """The text of the genesis file."""
        return self._need(layout.META_GENESIS, "its genesis").decode()

    def genesis(self) -> Genesis:
        """The genesis."""
        text = self.genesis_text()
        assert len(text) <= GENESIS_BYTES_MAX
        return read_genesis(text)

    def tip(self) -> Tip:
        """The last stored block and what it came to."""
        return self._decoded(Tip, TIP_KEY, "its tip")

    def height(self) -> Height:
        """The last stored height; 0 before the first block."""
        return layout.decode_height(self._need(layout.META_HEIGHT, "its height"))

    def raw_block(self, height: Height) -> bytes | None:
        """The bytes of a stored block."""
        return self.store.get(layout.block_key(height))

    def block(self, height: Height) -> Block | None:
        """A stored block, its own roots checked again (scenario 29)."""
        raw = self.raw_block(height)
        if raw is None:
            return None
        try:
            return decode_block(raw)
        except Malformed as fault:
            raise self._damaged(f"block {height}") from fault

    def commit(self, height: Height) -> Commit | None:
        """The commit that this node saw for a block; None before the first."""
        key = layout.commit_key(height)
        return None if self.store.get(key) is None else self._decoded(Commit, key, "a commit")

    def codes(self, height: Height) -> tuple[str, ...]:
        """The codes of a block's transactions."""
        return self._decoded(Results, layout.results_key(height), "results").codes

    def place(self, tx_id: bytes) -> layout.TxPlace | None:
        """Where a transaction stands, and its code; None if no block has it."""
        row = self.store.get(layout.tx_key(tx_id))
        return None if row is None else layout.decode_place(row)

    def _decoded(self, cls: type[R], key: bytes, what: str) -> R:
        try:
            return decode_record(cls, self._need(key, what), VALUE_BYTES_MAX)
        except Malformed as fault:
            raise self._damaged(what) from fault

    def _need(self, key: bytes, what: str) -> bytes:
        row = self.store.get(key)
        if row is None:
            raise self._damaged(what)
        return row

    def _damaged(self, what: str) -> Unavailable:
        remedy = "restore it from a peer or an export"
        return Unavailable(f"the store lacks or spoils {what}", self.store.where, remedy)
