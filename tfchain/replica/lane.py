"""What one sender has waiting: a run of nonces, and a few that are ahead of it.

Each lane has a state of its own on top of the last block, in which its transactions have moved their
nonce, fee or report time. Senders touch no rows of each other before their effects, so that a lane
can be drawn up anew, shortened or repriced without a look at the others.
"""

from dataclasses import dataclass, field
from typing import Final

from tfchain.base.limits import MEMPOOL_NONCE_AHEAD_MAX
from tfchain.base.units import Address, Height, Millis
from tfchain.chain.admit import admit, check_envelope, context_of
from tfchain.errors import Rejected
from tfchain.ledger.accounts import account_of
from tfchain.ledger.params import Params
from tfchain.ledger.state import Reader, State
from tfchain.tx.kind import Context
from tfchain.tx.registry import FREE_NUMBERS
from tfchain.tx.transaction import Transaction

PRICE_STEP: Final = 10
"""Who replaces a waiting transaction pays a tenth more: else it would cost nothing to have every
validator verify one version after the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What the next block stands on, and when it might be made."""

    reader: Reader
    params: Params
    height: Height
    now_ms: Millis


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A waiting transaction. `arrival` counts up over the whole pool."""

    transaction: Transaction
    raw: bytes
    arrival: int

    @property
    def nonce(self) -> int | None:
        """Its place in the sender's run; None for a free kind, which its own time orders."""
        envelope = self.transaction.envelope
        return None if envelope.kind in FREE_NUMBERS else envelope.nonce

    @property
    def fee(self) -> int:
        """What it pays."""
        return self.transaction.envelope.fee


@dataclass(slots=True)
class Lane:
    """The waiting transactions of one sender; `run` may stand in the next block, in this order."""

    sender: Address
    run: list[Entry] = field(default_factory=list)
    ahead: dict[int, Entry] = field(default_factory=dict)
    """By nonce: what waits for one that has not come yet."""
    gave_way: bool = False
    """Shortened for others since it was laid: it takes nothing more until it is laid anew."""
    _state: State | None = None
    """The ground with the run admitted; None where the lane has to be laid anew."""
    _reader: Reader | None = None

    def __len__(self) -> int:
        return len(self.run) + len(self.ahead)

    @property
    def is_broken(self) -> bool:
        """Whether something was taken out of its middle: it has to be laid anew."""
        return self._state is None

    def entries(self) -> list[Entry]:
        """All of them: the run, then what is ahead of it."""
        return [*self.run, *self.ahead.values()]

    def add(self, entry: Entry, ground: Ground) -> list[Entry]:
        """Take one in, wherever its nonce belongs.

        Returns:
            What had to go for it: the one that it replaces, and what then lacks the balance.

        Raises:
            Rejected: `underpriced`, `sender_full`, or what admission says.
        """
        if self.gave_way:
            raise Rejected(
                "sender_full", "yours gave way to others: try again after the next block"
            )
        self._stand_on(ground)
        known = self._holder_of(entry.nonce)
        if known is not None:
            return self._replace(known, entry, ground)
        self._place(entry, ground)
        return [lost for lost, _ in self._follow(ground)]

    def lay(self, entries: list[Entry], ground: Ground) -> dict[int, Rejected]:
        """Admit all of these anew (1.15.3).

        Returns:
            Why which could not stand or wait, by arrival.
        """
        self.run, self.ahead, self.gave_way = [], {}, False
        self._state, self._reader = State(ground.reader), ground.reader
        refused: dict[int, Rejected] = {}
        for entry in entries:
            try:
                self._place(entry, ground)
            except Rejected as refusal:
                refused[entry.arrival] = refusal
        return refused | {lost.arrival: refusal for lost, refusal in self._follow(ground)}

    def committed(self, tx_id: bytes) -> Entry:
        """Remove one that a block holds.

        The head of the run moved nonce or time as the rest of the run stands on it: nothing is laid
        anew. What its effect did to the balance is seen when the lane is looked at again, or when a
        block is made.
        """
        if self.run and self.run[0].transaction.id == tx_id:
            return self.run.pop(0)
        return self._remove(tx_id)

    def give_way(self) -> Entry:
        """Remove the last one: nothing else of the lane depends on it."""
        self.gave_way = True
        return self._remove(self.entries()[-1].transaction.id)

    def _remove(self, tx_id: bytes) -> Entry:
        entry = next(one for one in self.entries() if one.transaction.id == tx_id)
        self.run = [one for one in self.run if one is not entry]
        self.ahead = {nonce: one for nonce, one in self.ahead.items() if one is not entry}
        self._state = None
        return entry

    def _stand_on(self, ground: Ground) -> None:
        if self._state is None:
            assert not self.entries(), "the pool lays a broken lane after the block that broke it"
            self.lay([], ground)
        elif self._reader is not ground.reader:
            self._state, self._reader = self._state.over(ground.reader), ground.reader

    def _holder_of(self, nonce: int | None) -> Entry | None:
        if nonce is None:
            return None
        if nonce >= self._next_nonce():
            return self.ahead.get(nonce)
        return next((entry for entry in self.run if entry.nonce == nonce), None)

    def _next_nonce(self) -> int:
        assert self._state is not None
        return account_of(self._state, self.sender).nonce

    def _replace(self, known: Entry, entry: Entry, ground: Ground) -> list[Entry]:
        check_envelope(entry.transaction, _context(entry, ground))
        least = known.fee + known.fee // PRICE_STEP + 1
        if entry.fee < least:
            raise Rejected("underpriced", f"nonce {known.nonce} is taken: {least} units replace it")
        before = self.entries()
        refused = self.lay([entry if one is known else one for one in before], ground)
        if entry.arrival in refused:
            self.lay(before, ground)
            raise refused[entry.arrival]
        return [known, *(one for one in before if one.arrival in refused)]

    def _place(self, entry: Entry, ground: Ground) -> None:
        """At the end of the run, or ahead of it where a few nonces are still to come."""
        assert self._state is not None
        transaction = entry.transaction
        try:
            admit(self._state, transaction, _context(entry, ground))
        except Rejected as refusal:
            if refusal.code != "nonce" or not self._may_wait(entry, ground.params):
                raise
            assert entry.nonce is not None
            self.ahead[entry.nonce] = entry
        else:
            self.run.append(entry)

    def _may_wait(self, entry: Entry, params: Params) -> bool:
        """So few nonces ahead that their number is bounded as well, and with a fee that is there."""
        assert self._state is not None
        account = account_of(self._state, self.sender)
        if (
            entry.nonce is None
            or not account.nonce < entry.nonce <= account.nonce + MEMPOOL_NONCE_AHEAD_MAX
        ):
            return False
        least = params.fee_of(entry.transaction.envelope.kind)
        return least <= entry.fee <= account.balance

    def _follow(self, ground: Ground) -> list[tuple[Entry, Rejected]]:
        """What was ahead joins the run once the gap is closed; or not, and why."""
        lost = []
        while (entry := self.ahead.pop(self._next_nonce(), None)) is not None:
            try:
                self._place(entry, ground)
            except Rejected as refusal:
                lost.append((entry, refusal))
        return lost


def _context(entry: Entry, ground: Ground) -> Context:
    return context_of(entry.transaction, ground.height, ground.now_ms, ground.params)
