"""The way of a transaction into the pool: decoded, its signature verified once, admitted in order.

Signatures are verified in batches elsewhere and may come back in any order; transactions enter the
pool in the order in which they came, so that a sender's consecutive nonces never trip over threads.
"""

from collections import Counter
from dataclasses import dataclass, field

from tfchain.base.limits import MEMPOOL_TXS_MAX
from tfchain.base.units import Address, Millis
from tfchain.errors import Malformed, Rejected
from tfchain.replica.checks import Checks, ForPool
from tfchain.replica.effects import Answer, Blame, Broadcast, Effect, Reply
from tfchain.replica.mempool import Mempool
from tfchain.replica.messages import TXS, encode_txs
from tfchain.tx.transaction import Transaction, decode_transaction, transaction_id

OK = "ok"


@dataclass(slots=True)
class _Waiting:
    """A batch between its arrival and its turn."""

    purpose: ForPool
    replies: dict[int, Reply]
    good: tuple[bool, ...] | None = None


@dataclass(slots=True)
class Intake:
    """Batches under way, oldest first."""

    checks: Checks
    _queue: list[_Waiting] = field(default_factory=list)
    _count: int = 0
    """Transactions that are being verified."""
    _of_sender: Counter[Address] = field(default_factory=Counter)

    def submitted(
        self, pool: Mempool, ticket: int, raws: tuple[bytes, ...], now_ms: Millis
    ) -> list[Effect]:
        """A batch that somebody waits for an answer to."""
        transactions, places = list[tuple[Transaction, bytes]](), list[int]()
        replies: dict[int, Reply] = {}
        more = Counter[Address]()
        for place, raw in enumerate(raws):
            try:
                transaction = decode_transaction(raw)
                self._check_room(pool, transaction, more, now_ms)
            except Malformed as fault:
                replies[place] = _reply(raw, "malformed", str(fault))
            except Rejected as refusal:
                replies[place] = _reply(raw, refusal.code, refusal.detail)
            else:
                transactions.append((transaction, raw))
                places.append(place)
                more[transaction.envelope.sender] += 1
        purpose = ForPool(
            ticket=ticket, peer=None, places=tuple(places), transactions=tuple(transactions)
        )
        return self._ask(_Waiting(purpose, replies))

    def received(
        self, pool: Mempool, peer: bytes, raws: list[bytes], now_ms: Millis
    ) -> list[Effect]:
        """A batch from a peer; raises `Malformed`. What would be refused is not verified."""
        transactions = []
        more = Counter[Address]()
        for raw in raws:
            transaction = decode_transaction(raw)
            try:
                self._check_room(pool, transaction, more, now_ms)
            except Rejected:
                continue
            transactions.append((transaction, raw))
            more[transaction.envelope.sender] += 1
        if not transactions:
            return []
        places = tuple(range(len(transactions)))
        purpose = ForPool(ticket=None, peer=peer, places=places, transactions=tuple(transactions))
        return self._ask(_Waiting(purpose, {}))

    def verified(
        self, pool: Mempool, purpose: ForPool, good: tuple[bool, ...], now_ms: Millis
    ) -> list[Effect]:
        """Signatures came back: let in every batch whose turn it is."""
        for waiting in self._queue:
            if waiting.purpose is purpose:
                waiting.good = good
        effects: list[Effect] = []
        while self._queue and self._queue[0].good is not None:
            waiting = self._queue.pop(0)
            self._account(waiting, -1)
            assert waiting.good is not None
            effects += self._enter(pool, waiting, waiting.good, now_ms)
        return effects

    def _ask(self, waiting: _Waiting) -> list[Effect]:
        self._queue.append(waiting)
        self._account(waiting, 1)
        checks = [transaction.check() for transaction, _ in waiting.purpose.transactions]
        return [self.checks.ask(waiting.purpose, checks)]

    def _account(self, waiting: _Waiting, sign: int) -> None:
        for transaction, _ in waiting.purpose.transactions:
            self._count += sign
            self._of_sender[transaction.envelope.sender] += sign
        if not self._queue:
            self._of_sender.clear()

    def _check_room(
        self, pool: Mempool, transaction: Transaction, more: Counter[Address], now_ms: Millis
    ) -> None:
        """`more`: of the same batch, by sender."""
        sender = transaction.envelope.sender
        if self._count + more.total() >= MEMPOOL_TXS_MAX:
            raise Rejected("full", "too many are being verified, try again")
        pool.check_early(transaction, self._of_sender[sender] + more[sender], now_ms)

    def _enter(
        self, pool: Mempool, waiting: _Waiting, good: tuple[bool, ...], now_ms: Millis
    ) -> list[Effect]:
        purpose, accepted = waiting.purpose, list[bytes]()
        rows = zip(purpose.places, purpose.transactions, good, strict=True)
        for place, (transaction, raw), genuine in rows:
            code, detail = self._admitted(pool, transaction, raw, genuine, now_ms)
            waiting.replies[place] = Reply(tx_id=transaction.id, code=code, detail=detail)
            if code == OK:
                accepted.append(raw)
        if purpose.peer is not None:
            forged = [] if all(good) else [Blame(peer=purpose.peer, reason="a false signature")]
            return [*forged]
        replies = tuple(waiting.replies[place] for place in sorted(waiting.replies))
        assert purpose.ticket is not None
        spread = [Broadcast(kind=TXS, payload=payload) for payload in encode_txs(accepted)]
        return [Answer(ticket=purpose.ticket, replies=replies), *spread]

    def _admitted(
        self, pool: Mempool, transaction: Transaction, raw: bytes, genuine: bool, now_ms: Millis
    ) -> tuple[str, str]:
        if not genuine:
            return "signature", "it is not the sender's signature over these bytes"
        self.checks.remember(transaction)
        try:
            pool.add(transaction, raw, now_ms)
        except Rejected as refusal:
            return refusal.code, refusal.detail
        return OK, ""


def _reply(raw: bytes, code: str, detail: str) -> Reply:
    return Reply(tx_id=transaction_id(raw), code=code, detail=detail)
