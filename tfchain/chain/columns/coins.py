"""What a block says of coins: mints and fixups, what rulings and guardians make of them, locks that open.

Read by this program's own decoder, by number and place; all that is about uptime alone is passed over.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from tfchain.base.codec import Plain
from tfchain.base.units import Address
from tfchain.chain.columns.blocks import FIXUP_ENTRY_FIELDS, MINT_ENTRY_FIELDS
from tfchain.chain.columns.envelopes import (
    BODY_PLACE,
    KIND_PLACE,
    SENDER_PLACE,
    Envelope,
    envelopes,
)
from tfchain.chain.columns.plain import bytes_of, int_of, list_of, rows_of
from tfchain.ledger.measures import AnyMeasure, Measure


@dataclass(frozen=True, slots=True)
class Line:
    """One node's coins for a batch."""

    node_id: int
    account: bytes
    amount: int
    lock: int
    receipt: bytes


@dataclass(frozen=True, slots=True)
class Run:
    """`mint`: a bounded run of a batch's nodes."""

    schedule: int
    period: int
    root: bytes
    upto: int
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Fixed:
    """One fixup's coins."""

    fixup: int
    schedule: int
    period: int
    line: Line


@dataclass(frozen=True, slots=True)
class Fixes:
    """`mint_fixup`: all that waited."""

    lines: tuple[Fixed, ...]


@dataclass(frozen=True, slots=True)
class Ruled:
    """`enact`: what a vote brought into force."""

    measure: Measure


@dataclass(frozen=True, slots=True)
class Attested:
    """`attest_mint`: what a guardian says that a batch comes to."""

    sender: Address
    schedule: int
    period: int
    answer: tuple[bytes, int, int]
    """Root, total, count."""


@dataclass(frozen=True, slots=True)
class Blamed:
    """`dispute_nodes`: the nodes that a guardian has otherwise."""

    sender: Address
    schedule: int
    period: int
    nodes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Freed:
    """`release_lock`: a node's locked coins are free."""

    node_id: int


@dataclass(frozen=True, slots=True)
class Came:
    """`register_node`: one more node."""


Moved: TypeAlias = Run | Fixes | Ruled | Attested | Blamed | Freed | Came


def read_coins(txs: Sequence[bytes], codes: Sequence[str]) -> list[Moved]:
    """What took effect, in order.

    Raises:
        Malformed: bytes that are no transaction of their kind.
    """
    found = [_read(envelope) for envelope in envelopes(txs, codes)]
    return [event for event in found if event is not None]


def _read(envelope: Envelope) -> Moved | None:
    read = _KINDS.get(int_of(envelope[KIND_PLACE]))
    if read is None:
        return None
    return read(Address(bytes_of(envelope[SENDER_PLACE])), rows_of(envelope[BODY_PLACE])[1:])


def _run(_sender: Address, body: list[Plain]) -> Run:
    """Schedule, period, root, upto, entries."""
    lines = tuple(_line(list_of(row, MINT_ENTRY_FIELDS)[1:]) for row in rows_of(body[4]))
    return Run(int_of(body[0]), int_of(body[1]), bytes_of(body[2]), int_of(body[3]), lines)


def _line(row: list[Plain]) -> Line:
    """Node, account, amount, lock, receipt."""
    node_id, account, amount, lock, receipt = row
    return Line(int_of(node_id), bytes_of(account), int_of(amount), int_of(lock), bytes_of(receipt))


def _fixes(_sender: Address, body: list[Plain]) -> Fixes:
    """Entries: version, fixup, schedule, period, and a line."""
    rows = [list_of(row, FIXUP_ENTRY_FIELDS)[1:] for row in rows_of(body[0])]
    return Fixes(
        tuple(Fixed(int_of(row[0]), int_of(row[1]), int_of(row[2]), _line(row[3:])) for row in rows)
    )


def _ruled(_sender: Address, body: list[Plain]) -> Ruled:
    """Proposal, measure."""
    return Ruled(AnyMeasure().unpack(body[1]))


def _attested(sender: Address, body: list[Plain]) -> Attested:
    """Schedule, period, root, total, count, salt."""
    answer = bytes_of(body[2]), int_of(body[3]), int_of(body[4])
    return Attested(sender, int_of(body[0]), int_of(body[1]), answer)


def _blamed(sender: Address, body: list[Plain]) -> Blamed:
    """Schedule, period, nodes: version, node, receipt, amount."""
    nodes = tuple(int_of(list_of(row, 4)[1]) for row in rows_of(body[2]))
    return Blamed(sender, int_of(body[0]), int_of(body[1]), nodes)


def _freed(_sender: Address, body: list[Plain]) -> Freed:
    return Freed(int_of(body[0]))


def _came(_sender: Address, _body: list[Plain]) -> Came:
    return Came()


_KINDS: Final[dict[int, Callable[[Address, list[Plain]], Moved]]] = {
    0: _run,
    5: _came,
    12: _attested,
    23: _ruled,
    43: _freed,
    70: _fixes,
    71: _blamed,
}
