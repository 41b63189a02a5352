"""Balances: the only two verbs that move them."""

from tfchain.base.shapes import changed
from tfchain.base.units import Address, Utft
from tfchain.errors import Rejected
from tfchain.ledger import tables
from tfchain.ledger.records import Account
from tfchain.ledger.state import State

NOBODY = Account(balance=Utft(0), nonce=0)
"""What an address has that nobody has paid yet."""


def account_of(state: State, address: Address) -> Account:
    """The account at an address; an empty one where there is none."""
    return tables.ACCOUNTS.get(state, address) or NOBODY


def credit(state: State, address: Address, amount: Utft) -> None:
    """Add to a balance; cannot fail, since the supply cap is far below 2^64 units."""
    account = account_of(state, address)
    balance = Utft(account.balance + amount)
    tables.ACCOUNTS.put(state, address, changed(account, balance=balance))


def debit(state: State, address: Address, amount: Utft) -> None:
    """Take from a balance; `Rejected("balance")` where it is not there."""
    account = account_of(state, address)
    if account.balance < amount:
        raise Rejected("balance", f"{amount} is due, {account.balance} is there")
    balance = Utft(account.balance - amount)
    tables.ACCOUNTS.put(state, address, changed(account, balance=balance))
