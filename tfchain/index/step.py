"""A block as the read model takes it in: what it held, what it came to, and which rows it moved."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tfchain.base.units import Height, Millis, Seconds
from tfchain.chain.admit import seconds
from tfchain.chain.execute import OK, Outcome
from tfchain.chain.tip import Tip
from tfchain.ledger import tables
from tfchain.ledger.block import Block
from tfchain.ledger.params import Params
from tfchain.ledger.state import Reader, State
from tfchain.tx.kind import Kind
from tfchain.tx.registry import open_body
from tfchain.tx.transaction import Transaction, decode_transaction

_MARK_BYTES = 2
"""Of a stored row's key: what column it is in, and the tag of its table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A row of the ledger that a block wrote or deleted: None where there was, or is, none."""

    tag: int
    """The table's."""
    key: bytes
    before: object
    after: object


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A transaction in its place, and its code."""

    position: int
    transaction: Transaction
    body: Kind
    code: str

    @property
    def took_effect(self) -> bool:
        """Whether it did what it asks for."""
        return self.code == OK


@dataclass(slots=True)
class EventIds:
    """Ids of entities, in the public server's form: block, place in the block, and five digits more."""

    height: int
    block_id: bytes
    _given: int = field(default=0)

    def next(self) -> str:
        """The next id of this block."""
        self._given += 1
        return f"{self.height:010}-{self._given:06}-{self.block_id.hex()[:5]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One block, executed but for nobody else to see yet."""

    height: Height
    time_ms: Millis
    block: Block | None
    """None before the first: the genesis."""
    outcome: Outcome
    done: tuple[Done, ...]
    moved: tuple[Moved, ...]
    """In order of table and key."""
    before: State
    """The state on which the block was executed."""
    after: State
    params: Params
    """By which the block was judged."""
    tip: Tip | None
    """Before the block; None where there is no block."""
    ids: EventIds

    @property
    def time(self) -> Seconds:
        """Block time in seconds."""
        return seconds(self.time_ms)

    def of(self, tag: int) -> Iterator[Moved]:
        """The rows of one table that moved."""
        return (one for one in self.moved if one.tag == tag)


class Past:
    """The rows as they were before an outcome was written."""

    def __init__(self, reader: Reader, outcome: Outcome) -> None:
        self._reader = reader
        self._old = {key: reader.get(key) for key, _ in outcome.rows if _is_row(key)}

    def get(self, key: bytes, /) -> bytes | None:
        """The value then."""
        return self._old[key] if key in self._old else self._reader.get(key)


def done_of(txs: Sequence[bytes], codes: Sequence[str]) -> tuple[Done, ...]:
    """The transactions of a block that was executed."""
    return tuple(
        Done(position=at, transaction=one, body=open_body(one), code=code)
        for at, (one, code) in enumerate(zip(map(decode_transaction, txs), codes, strict=True))
    )


def moved_by(past: Reader, outcome: Outcome) -> tuple[Moved, ...]:
    """The rows that an outcome writes or deletes, and what they were."""
    found = []
    for key, value in outcome.rows:
        old = past.get(key) if _is_row(key) else value
        if old != value:
            table = tables.BY_TAG[key[1]]
            before = None if old is None else table.decode(old)
            after = None if value is None else table.decode(value)
            found.append(Moved(tag=table.tag, key=key[_MARK_BYTES:], before=before, after=after))
    return tuple(found)


def _is_row(key: bytes) -> bool:
    """Whether this is a row of a table, and not a node of its tree."""
    return key[:1] in {b"s", b"a"}
