"""Signatures under way, and the ones that were found genuine: each is verified once a node.

What was verified is remembered by the id over all bytes, signature included (P34), so that a
transaction from the pool costs nothing when it comes back in a block (consensus 1.15.8).
"""

from dataclasses import dataclass
from typing import TypeAlias

from tfchain.base.limits import SEEN_TXS_MAX
from tfchain.chain.execute import Checked
from tfchain.ledger.block import Block
from tfchain.ledger.commit import Commit
from tfchain.replica.effects import Verify
from tfchain.tx.transaction import Check, Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class ForPool:
    """Transactions on their way into the pool: from a ticket, or from a peer."""

    ticket: int | None
    peer: bytes | None
    places: tuple[int, ...]
    """Places of the transactions in what was handed in."""
    transactions: tuple[tuple[Transaction, bytes], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ForProposal:
    """A block that this height's validators may vote for."""

    block: Block
    transactions: tuple[Transaction, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ForSync:
    """A block that others decided, with their commit."""

    peer: bytes
    block: Block
    commit: Commit
    checked: Checked
    transactions: tuple[Transaction, ...]


Purpose: TypeAlias = ForPool | ForProposal | ForSync


class Checks:
    """What waits for a `Verified`, and which transactions need none any more."""

    def __init__(self) -> None:
        self._number = 0
        self._under_way: dict[int, Purpose] = {}
        self._genuine: dict[bytes, None] = {}

    def ask(self, purpose: Purpose, checks: list[Check]) -> Verify:
        """The effect that asks for these signatures."""
        self._number += 1
        self._under_way[self._number] = purpose
        return Verify(number=self._number, checks=tuple(checks))

    def answered(self, number: int) -> Purpose | None:
        """What the answer is for; None for one that nobody waits for."""
        return self._under_way.pop(number, None)

    def unknown(self, transactions: list[Transaction]) -> tuple[Transaction, ...]:
        """Those that were not verified yet, or too long ago to remember."""
        return tuple(one for one in transactions if one.id not in self._genuine)

    def remember(self, transaction: Transaction) -> None:
        """Its signature is genuine; the oldest of too many is forgotten."""
        self._genuine[transaction.id] = None
        if len(self._genuine) > SEEN_TXS_MAX:
            del self._genuine[next(iter(self._genuine))]

    def remember_all(self, transactions: tuple[Transaction, ...]) -> None:
        """All of a block's were found genuine."""
        for transaction in transactions:
            self.remember(transaction)
