"""Balances move by two verbs, and never below nothing."""

import pytest

from tfchain.base.units import U64_MAX, Address, Utft
from tfchain.errors import Rejected
from tfchain.ledger import tables
from tfchain.ledger.accounts import NOBODY, account_of, credit, debit
from tfchain.ledger.records import Account
from tfchain.ledger.state import State

SOMEBODY = Address(bytes([8]) * 32)


@pytest.fixture
def ledger() -> State:
    state = State({})
    tables.ACCOUNTS.put(state, SOMEBODY, Account(balance=Utft(10), nonce=3))
    return state


def test_an_address_that_nobody_paid_has_nothing(ledger: State) -> None:
    new = Address(bytes([9]) * 32)
    assert account_of(ledger, new) == NOBODY
    assert tables.ACCOUNTS.get(ledger, new) is None
    credit(ledger, new, Utft(4))
    assert account_of(ledger, new) == Account(balance=Utft(4), nonce=0)


def test_a_credit_adds_and_leaves_the_nonce(ledger: State) -> None:
    credit(ledger, SOMEBODY, Utft(5))
    assert account_of(ledger, SOMEBODY) == Account(balance=Utft(15), nonce=3)


@pytest.mark.parametrize("amount", [0, 1, 10])
def test_a_debit_takes_what_is_there(ledger: State, amount: int) -> None:
    debit(ledger, SOMEBODY, Utft(amount))
    assert account_of(ledger, SOMEBODY) == Account(balance=Utft(10 - amount), nonce=3)


@pytest.mark.parametrize("amount", [11, U64_MAX])
def test_a_debit_of_more_is_refused(ledger: State, amount: int) -> None:
    with pytest.raises(Rejected) as refusal:
        debit(ledger, SOMEBODY, Utft(amount))
    assert refusal.value.code == "balance"
    assert account_of(ledger, SOMEBODY).balance == 10


def test_nobody_has_nothing_to_give(ledger: State) -> None:
    new = Address(bytes([9]) * 32)
    debit(ledger, new, Utft(0))
    with pytest.raises(Rejected, match="balance"):
        debit(ledger, new, Utft(1))
