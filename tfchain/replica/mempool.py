"""Transactions that wait for a block: admitted once, in order of arrival, bounded.

The pool keeps a state of its own on top of the last block, in which each waiting transaction has
moved its nonce, fee or report time. So a sender may run ahead with consecutive nonces, and what could
not stand in the next block is refused at once with the reason.
"""

from collections.abc import Iterable

from tfchain.base.limits import MEMPOOL_BYTES_MAX, MEMPOOL_SENDER_MAX, MEMPOOL_TXS_MAX
from tfchain.base.units import Address, Height, Millis
from tfchain.chain.admit import admit, context_of
from tfchain.errors import Rejected
from tfchain.ledger.params import Params
from tfchain.ledger.state import Reader, State
from tfchain.tx.kind import Context
from tfchain.tx.transaction import Transaction


class Mempool:
    """The waiting transactions of one replica."""

    def __init__(self, reader: Reader, params: Params, height: Height) -> None:
        """`height`: of the next block."""
        self._waiting: dict[bytes, tuple[Transaction, bytes]] = {}
        self._of_sender: dict[Address, int] = {}
        self._bytes = 0
        self._state, self._params, self._height = State(reader), params, height

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, tx_id: bytes) -> bool:
        return tx_id in self._waiting

    @property
    def size(self) -> int:
        """Bytes of all that waits."""
        return self._bytes

    def add(self, transaction: Transaction, raw: bytes, now_ms: Millis) -> None:
        """Add one whose signature is genuine.

        Raises:
            Rejected: `known`, `full`, `sender_full`, or what admission says.
        """
        self._check_room(transaction)
        admit(self._state, transaction, self._context(transaction, now_ms))
        sender = transaction.envelope.sender
        self._waiting[transaction.id] = (transaction, raw)
        self._of_sender[sender] = self._of_sender.get(sender, 0) + 1
        self._bytes += len(raw)

    def waiting(self) -> list[tuple[Transaction, bytes]]:
        """All of them with their bytes, in order of arrival."""
        return list(self._waiting.values())

    def advance(
        self,
        reader: Reader,
        params: Params,
        height: Height,
        now_ms: Millis,
        committed: Iterable[bytes],
    ) -> None:
        """A block is stored: drop what it holds, and what can no longer stand (1.15.3)."""
        for tx_id in committed:
            self._waiting.pop(tx_id, None)
        left = self.waiting()
        self._waiting, self._of_sender, self._bytes = {}, {}, 0
        self._state, self._params, self._height = State(reader), params, height
        for transaction, raw in left:
            self._add_again(transaction, raw, now_ms)

    def _add_again(self, transaction: Transaction, raw: bytes, now_ms: Millis) -> None:
        try:
            self.add(transaction, raw, now_ms)
        except Rejected:
            return  # whoever waits for it asks by its id, and learns that nobody has it

    def _check_room(self, transaction: Transaction) -> None:
        if transaction.id in self._waiting:
            raise Rejected("known", "it is waiting already")
        if len(self._waiting) >= MEMPOOL_TXS_MAX or self._bytes >= MEMPOOL_BYTES_MAX:
            raise Rejected("full", f"{len(self._waiting)} transactions are waiting, try again")
        if self._of_sender.get(transaction.envelope.sender, 0) >= MEMPOOL_SENDER_MAX:
            raise Rejected("sender_full", f"{MEMPOOL_SENDER_MAX} of this sender are waiting")

    def _context(self, transaction: Transaction, now_ms: Millis) -> Context:
        """The next block, as if it were made now."""
        return context_of(transaction, self._height, now_ms, self._params)
