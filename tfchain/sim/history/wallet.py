"""Somebody's account: what he signs, what is on its way, and what came of it."""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from tfchain.base.crypto import sign
from tfchain.base.shapes import layout
from tfchain.base.units import Address, Height, Utft
from tfchain.ledger import tables
from tfchain.sim.fold import Fold
from tfchain.sim.genesis import FEE, key_of, seed_of
from tfchain.sim.history.story import Act
from tfchain.sim.invariants import Violation
from tfchain.store.chain import ChainStore
from tfchain.tx.kind import FreeKind, Kind
from tfchain.tx.registry import NUMBERS
from tfchain.tx.transaction import Envelope, encode_transaction, message_of, transaction_id

AHEAD_MAX: Final = 8
"""Of one sender on their way at once."""
VALID_BLOCKS: Final = 900


@dataclass(slots=True)
class Wallet:
    """One account."""

    role: str
    number: int
    due: deque[Act] = field(default_factory=deque)
    """In order of time."""
    sent: deque[tuple[int, bytes, Act]] = field(default_factory=deque)

    @property
    def address(self) -> Address:
        """Whose it is."""
        return key_of(self.role, self.number)

    @property
    def idle(self) -> bool:
        """Whether all is done."""
        return not self.due and not self.sent

    def settle(self, chain: ChainStore) -> None:
        """Forget what is in a block; raises `Violation` where it came to something else."""
        while self.sent:
            _, raw, act = self.sent[0]
            place = chain.place(transaction_id(raw))
            if place is None:
                return
            if place.code != act.code:
                text = f"{act.who} at {act.at} is answered {place.code}, {act.code} was due"
                raise Violation("H1", text)
            self.sent.popleft()

    def next(self, fold: Fold, now: int) -> list[bytes]:
        """All that is on its way, with what is due now."""
        state = fold.state()
        while self.due and self.due[0].at <= now and len(self.sent) < AHEAD_MAX:
            account = tables.ACCOUNTS.need(state, self.address)
            nonce = self.sent[-1][0] + 1 if self.sent else account.nonce
            act = self.due.popleft()
            body = act.wish(state, self.role)
            self.sent.append((nonce, worded(fold, self, body, nonce), act))
        return [raw for _, raw, _ in self.sent]


def worded(fold: Fold, wallet: Wallet, body: Kind, nonce: int) -> bytes:
    """A signed transaction."""
    free = isinstance(body, FreeKind)
    envelope = Envelope(
        chain_id=fold.chain_id,
        sender=wallet.address,
        nonce=0 if free else nonce,
        valid_until=Height(fold.tip.height + VALID_BLOCKS),
        fee=Utft(0 if free else FEE),
        kind=NUMBERS[type(body)],
    )
    plain = layout(type(body)).pack(body)
    signature = sign(seed_of(wallet.role, wallet.number), message_of(envelope, plain))
    return encode_transaction(envelope, plain, signature)
