"""Transactions that wait for a block: admitted once, fair to every sender, bounded.

Each sender has a lane of its own. A block takes one of each lane by turns, so that who sends most
waits longest; where the pool is full, the longest lane gives way to the shorter (1.15.5).
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from tfchain.base.limits import (
    MEMPOOL_BYTES_MAX,
    MEMPOOL_SENDER_MAX,
    MEMPOOL_SENDER_PER_S,
    MEMPOOL_TXS_MAX,
)
from tfchain.base.units import MS_PER_S, Address, Height, Millis
from tfchain.errors import Rejected
from tfchain.ledger.params import Params
from tfchain.ledger.state import Reader
from tfchain.replica.lane import Entry, Ground, Lane
from tfchain.tx.transaction import Transaction

LOOKED_AGAIN: Final = 1_000
"""Transactions admitted anew after each block, lane by lane, by turns: time passes for all of them,
and what others do may cost a sender the next fee. A block never takes one that cannot stand."""


class Mempool:
    """The waiting transactions of one replica."""

    def __init__(self, reader: Reader, params: Params, height: Height) -> None:
        """`height`: of the next block."""
        self._ground = Ground(reader=reader, params=params, height=height, now_ms=Millis(0))
        self._lanes: dict[Address, Lane] = {}
        self._sender_of: dict[bytes, Address] = {}
        self._bytes = 0
        self._arrivals = 0
        self._allowances = Allowances()

    def __len__(self) -> int:
        return len(self._sender_of)

    def __contains__(self, tx_id: bytes) -> bool:
        return tx_id in self._sender_of

    @property
    def size(self) -> int:
        """Bytes of all that waits."""
        return self._bytes

    def check_early(self, transaction: Transaction, more: int, now_ms: Millis) -> None:
        """Refuse what would be refused anyway, before its signature costs anything.

        `more`: how many of its sender are being verified.

        Raises:
            Rejected: `known`, `full`, `sender_full`.
        """
        if transaction.id in self._sender_of:
            raise Rejected("known", "it is waiting already")
        sender = transaction.envelope.sender
        left = self._allowances.left(sender, now_ms)
        if len(self._lanes.get(sender, ())) + more >= MEMPOOL_SENDER_MAX or left <= more:
            raise Rejected(
                "sender_full",
                f"a sender has up to {MEMPOOL_SENDER_MAX} waiting, and hands in"
                f" {MEMPOOL_SENDER_PER_S} a second in the long run: try again in a moment",
            )
        self._longest_unless_room(sender)

    def add(self, transaction: Transaction, raw: bytes, now_ms: Millis) -> None:
        """Add one whose signature is genuine.

        Raises:
            Rejected: `known`, `full`, `sender_full`, `underpriced`, or what admission says.
        """
        self.check_early(transaction, 0, now_ms)
        sender = transaction.envelope.sender
        self._allowances.spend(sender, now_ms)
        lane = self._lanes.get(sender) or Lane(sender)
        self._arrivals += 1
        entry = Entry(transaction=transaction, raw=raw, arrival=self._arrivals)
        gone = lane.add(entry, replace(self._ground, now_ms=now_ms))
        longest = self._longest_unless_room(sender)
        if longest is not None:
            gone.append(longest.give_way())
        self._lanes[sender] = lane
        self._count(entry)
        for other in gone:
            self._uncount(other)

    def waiting(self) -> Iterator[tuple[Transaction, bytes]]:
        """What may stand in the next block: one of each sender by turns, the longest waiting first."""
        turn = sorted((lane for lane in self._lanes.values() if lane.run), key=_head)
        depth = 0
        while turn:
            for lane in turn:
                entry = lane.run[depth]
                yield entry.transaction, entry.raw
            depth += 1
            turn = [lane for lane in turn if len(lane.run) > depth]

    def advance(
        self,
        reader: Reader,
        params: Params,
        height: Height,
        now_ms: Millis,
        committed: Iterable[bytes],
    ) -> None:
        """A block is stored: drop what it holds, and what can no longer stand (1.15.3)."""
        self._ground = Ground(reader=reader, params=params, height=height, now_ms=now_ms)
        for tx_id in committed:
            sender = self._sender_of.get(tx_id)
            if sender is not None:
                self._uncount(self._lanes[sender].committed(tx_id))
        self._lanes = {sender: lane for sender, lane in self._lanes.items() if len(lane)}
        self._look_again()
        self._allowances.forget(now_ms)

    def _look_again(self) -> None:
        """Lay broken lanes on the new ground, and some of the others: those go to the end of the line."""
        room = LOOKED_AGAIN
        for sender, lane in list(self._lanes.items()):
            if room <= 0 and not lane.is_broken:
                continue
            before = lane.entries()
            refused = lane.lay(before, self._ground)
            for entry in before:
                if entry.arrival in refused:
                    self._uncount(entry)
            room -= len(before)
            del self._lanes[sender]
            if len(lane):
                self._lanes[sender] = lane

    def _longest_unless_room(self, sender: Address) -> Lane | None:
        """The lane that gives way to another one of `sender`, where the pool is full.

        Raises:
            Rejected: `full`: nobody has more waiting than the sender itself would have.
        """
        if len(self) < MEMPOOL_TXS_MAX and self._bytes < MEMPOOL_BYTES_MAX:
            return None
        longest = max(self._lanes.values(), key=len)
        if len(longest) <= len(self._lanes.get(sender, ())) + 1:
            raise Rejected("full", f"{len(self)} transactions are waiting, try again")
        return longest

    def _count(self, entry: Entry) -> None:
        self._sender_of[entry.transaction.id] = entry.transaction.envelope.sender
        self._bytes += len(entry.raw)

    def _uncount(self, entry: Entry) -> None:
        del self._sender_of[entry.transaction.id]
        self._bytes -= len(entry.raw)


class Allowances:
    """How much each sender may still hand in: a burst, and so many a second after it.

    Only what was verified is charged, so that nobody spends the allowance of another.
    """

    def __init__(self) -> None:
        self._spent: dict[Address, tuple[int, Millis]] = {}
        """In thousandths of a transaction, and as of when."""

    def left(self, sender: Address, now_ms: Millis) -> int:
        """Whole transactions."""
        return (MEMPOOL_SENDER_MAX * MS_PER_S - self._owed(sender, now_ms)) // MS_PER_S

    def spend(self, sender: Address, now_ms: Millis) -> None:
        """One more was handed in."""
        self._spent[sender] = (self._owed(sender, now_ms) + MS_PER_S, now_ms)

    def forget(self, now_ms: Millis) -> None:
        """Senders who have all of it again."""
        self._spent = {
            sender: spent for sender, spent in self._spent.items() if self._owed(sender, now_ms) > 0
        }

    def _owed(self, sender: Address, now_ms: Millis) -> int:
        spent, at_ms = self._spent.get(sender, (0, now_ms))
        return max(0, spent - max(0, now_ms - at_ms) * MEMPOOL_SENDER_PER_S)


def _head(lane: Lane) -> int:
    return lane.run[0].arrival
