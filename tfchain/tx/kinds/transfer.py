"""transfer: TFT from the sender to somebody."""

from dataclasses import dataclass

from tfchain.base.units import Address, Utft
from tfchain.errors import Rejected
from tfchain.ledger import tables
from tfchain.ledger.accounts import credit, debit
from tfchain.ledger.state import State
from tfchain.tx.kind import Context


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """`amount` units go to `to`; a new account needs the minimum balance (P25)."""

    to: Address
    amount: Utft

    def apply(self, state: State, context: Context) -> None:
        """Refused with `balance`, `below_minimum`."""
        new = tables.ACCOUNTS.get(state, self.to) is None
        if new and self.amount < context.params.balance_min:
            raise Rejected("below_minimum", f"a new account needs {context.params.balance_min}")
        debit(state, context.sender, self.amount)
        credit(state, self.to, self.amount)
