"""A chain on a store: what one block writes, in one batch, and what is read back (P35).

A crash leaves all of a block or none of it: state, tree, archive, block, commit, results, places of
transactions and the tip are one synced batch.
"""

from dataclasses import dataclass
from typing import Annotated, Final, TypeVar

from tfchain.base.shapes import Many, Text, decode_record, encode_record
from tfchain.base.units import Height
from tfchain.chain.execute import Outcome
from tfchain.chain.genesis import Genesis, genesis_outcome, read_genesis
from tfchain.chain.tip import Tip, genesis_tip
from tfchain.errors import Malformed, Unavailable
from tfchain.ledger import minting, tables
from tfchain.ledger.block import TXS_MAX, Block, decode_block
from tfchain.ledger.commit import Commit
from tfchain.ledger.light import LightBlock, light_block
from tfchain.ledger.validators import ValidatorSet
from tfchain.replica.effects import Save
from tfchain.replica.evidence import PENDING_KEY
from tfchain.store import layout
from tfchain.store.kv import VALUE_BYTES_MAX, Row, Store
from tfchain.tx.transaction import transaction_id

R = TypeVar("R")

HEIGHT_BYTES: Final = 8
TIP_KEY: Final = layout.META + b"tip"
BASE_KEY: Final = layout.META + b"base"
"""The first height whose block is here; 1 where the row is absent."""
RESTORING: Final = layout.META + b"restoring"
"""Stands in a store that is being filled from a snapshot: no chain yet, whatever else is there."""
SETS: Final = layout.META + b"set/"
"""Rows `height`: the validator set of that height, wherever it is not just one turn further."""
SET_EVERY: Final = 256
"""Sets are written down at least this often, so that the turns since are few."""
SEALED: Final = layout.META + b"sealed/"
"""Rows `height, batch key`: in which block a batch sealed, so that an export need not search."""


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
        set_row(Height(1), tip.validators),
    ]


def set_row(height: Height, members: ValidatorSet) -> Row:
    """The set of a height, written down."""
    return SETS + layout.encode_height(height), encode_record(members)


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
        *_set_rows(save.tip),
        *([] if save.pending is None else [(PENDING_KEY, save.pending)]),
    ]


def _set_rows(tip: Tip) -> list[Row]:
    """The next height's set, unless it is this one's a turn later."""
    above = Height(tip.height + 1)
    if above % SET_EVERY and tip.validators == tip.last_validators.stepped():
        return []
    return [set_row(above, tip.validators)]


def _places(block: Block, outcome: Outcome) -> list[Row]:
    rows: list[Row] = []
    for position, (raw, code) in enumerate(zip(block.txs, outcome.codes, strict=True)):
        place = layout.TxPlace(height=block.header.height, position=position, code=code)
        rows.append((layout.tx_key(transaction_id(raw)), layout.encode_place(place)))
    return rows


def _is_sealed(batch: bytes) -> bool:
    return tables.BATCHES.decode(batch).state >= minting.SEALED


@dataclass(frozen=True, slots=True)
class ChainStore:
    """A store that holds a chain. What it finds damaged it names, as `Unavailable`."""

    store: Store

    def begin(self, text: str) -> None:
        """Lay down the genesis, unless a chain is there; then it must be the same one."""
        self.check_layout()
        if self.store.get(RESTORING) is not None:
            what = "the store is filled from a snapshot, and that was cut short"
            remedy = (
                "go on with `tfchain start --sync snapshot`, or with `tfchain snapshot restore`"
            )
            raise Unavailable(what, self.store.where, f"{remedy}; or remove the folder")
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
        try:
            return self._need(layout.META_GENESIS, "its genesis").decode()
        except UnicodeDecodeError as fault:
            raise self._damaged("its genesis") from fault

    def genesis(self) -> Genesis:
        """The genesis."""
        text = self.genesis_text()
        try:
            return read_genesis(text)
        except Malformed as fault:
            raise self._damaged("its genesis") from fault

    def save(self, save: Save) -> None:
        """Everything that a block writes, in one synced batch."""
        height = layout.encode_height(save.tip.height)
        sealed = [(SEALED + height + name, b"\x01") for name in self._sealed_by(save.outcome)]
        self.store.write([*block_rows(save), *sealed])

    def sealed_at(self, height: Height) -> list[bytes]:
        """The keys of the batches that sealed in a block, in order."""
        prefix = SEALED + layout.encode_height(height)
        return [key[len(prefix) :] for key, _ in self.store.scan(prefix)]

    def _sealed_by(self, outcome: Outcome) -> list[bytes]:
        """Batches that are sealed after a block and were not before; the store is at its parent."""
        prefix = tables.BATCHES.stored_at(b"")
        found = []
        for key, value in outcome.rows:
            if value is None or not key.startswith(prefix):
                continue
            before = self.store.get(key)
            if _is_sealed(value) and not (before is not None and _is_sealed(before)):
                found.append(key[len(prefix) :])
        return found

    def tip(self) -> Tip:
        """The last stored block and what it came to."""
        return self._decoded(Tip, TIP_KEY, "its tip")

    def height(self) -> Height:
        """The last stored height; 0 before the first block."""
        row = self._need(layout.META_HEIGHT, "its height")
        if len(row) != HEIGHT_BYTES:
            raise self._damaged("its height")
        return layout.decode_height(row)

    def base(self) -> Height:
        """The first height whose block is here: what lies below was never here, or was pruned."""
        row = self.store.get(BASE_KEY)
        if row is None:
            return Height(1)
        if len(row) != HEIGHT_BYTES:
            raise self._damaged("its first height")
        return layout.decode_height(row)

    def validators_at(self, height: Height) -> ValidatorSet | None:
        """The set of a height up to the next one; None for one that is not known."""
        if height > self.height() + 1:
            return None
        start = SETS + layout.encode_height(Height(height - height % SET_EVERY))
        found: tuple[bytes, bytes] | None = None
        for key, value in self.store.scan(SETS, start, SET_EVERY):
            if layout.decode_height(key[len(SETS) :]) > height:
                break
            found = (key, value)
        if found is None:
            return None
        try:
            members = decode_record(ValidatorSet, found[1], VALUE_BYTES_MAX)
        except Malformed as fault:
            raise self._damaged(f"the validators of height {height}") from fault
        for _ in range(height - layout.decode_height(found[0][len(SETS) :])):
            members = members.stepped()
        return members

    def light_block(self, height: Height) -> LightBlock | None:
        """The light form of a stored block; None where block or commit are not here."""
        block, commit, members = self.block(height), self.commit(height), None
        if block is not None and commit is not None:
            members = self.validators_at(height)
        if block is None or commit is None or members is None:
            return None
        return light_block(block, commit, members)

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
        if self.store.get(key) is None:
            return None
        return self._decoded(Commit, key, f"the commit of block {height}")

    def codes(self, height: Height) -> tuple[str, ...]:
        """The codes of a block's transactions."""
        return self._decoded(
            Results, layout.results_key(height), f"the results of block {height}"
        ).codes

    def place(self, tx_id: bytes) -> layout.TxPlace | None:
        """Where a transaction stands, and its code; None if no block has it.

        The index knows the first half of an id alone: whoever must be sure of the rest reads the block.
        """
        row = self.store.get(layout.tx_key(tx_id))
        try:
            return None if row is None else layout.decode_place(row)
        except Malformed as fault:
            raise self._damaged(f"the place of transaction {tx_id.hex()}") from fault

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
