"""mint_fixup: coins for receipts that were put right. Nobody signs it; everybody derives it (P16, P43)."""

from dataclasses import dataclass
from typing import Annotated

from tfchain.base.shapes import Many, Nested
from tfchain.ledger import tables
from tfchain.ledger.accounts import credit
from tfchain.ledger.disputes import WAITING_MAX, FixupEntry
from tfchain.ledger.locks import lock
from tfchain.ledger.state import State
from tfchain.rules.regime import UNCHANGED, UNTIL_OLD_OR_USED, UNTIL_POOL_USED
from tfchain.tx import fixups
from tfchain.tx.kind import Context


@dataclass(frozen=True, slots=True, kw_only=True)
class MintFixup:
    """All fixups that wait, oldest first.

    It stands behind the mints, in the first block after the one that enacted a fixup, or that lifted
    a halt. A block without one that is due, or with another one than everybody derives, is invalid.
    """

    entries: Annotated[tuple[FixupEntry, ...], Many(Nested(FixupEntry), WAITING_MAX)]

    def apply(self, state: State, _context: Context) -> None:
        """Credit or lock every entry. Never refused."""
        for entry in self.entries:
            _give(state, entry)
        fixups.paid(state, self.entries)


def _give(state: State, entry: FixupEntry) -> None:
    """Coins wait as those of the receipt did; where no period had ended, with what the node has locked.

    Free ones free nothing else: that is for the node's next pay.
    """
    known = tables.LOCKS.get(state, tables.id_key(entry.node_id))
    if entry.lock in (UNTIL_POOL_USED, UNTIL_OLD_OR_USED):
        lock(state, entry.node_id, entry.lock, entry.account, entry.amount)
    elif entry.lock == UNCHANGED and known is not None:
        lock(state, entry.node_id, known.kind, entry.account, entry.amount)
    else:
        credit(state, entry.account, entry.amount)
