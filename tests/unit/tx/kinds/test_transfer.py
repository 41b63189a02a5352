"""transfer: what leaves one account arrives in another, and dust makes no account."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tfchain.base.crypto import public_key
from tfchain.base.units import U64_MAX, Address, Utft
from tfchain.ledger import tables
from tfchain.ledger.accounts import account_of
from tfchain.ledger.state import State
from tfchain.tx.kinds.transfer import Transfer

Act = Callable[..., str]
ALICE, BOB = (Address(public_key(bytes([n]) * 32)) for n in (1, 2))
NEW = Address(bytes([9]) * 32)
ALL = 1_000 * 10_000_000


@pytest.mark.parametrize(
    ("to", "amount"),
    [
        pytest.param(BOB, 1, id="one unit to somebody"),
        pytest.param(BOB, 0, id="nothing to somebody"),
        pytest.param(NEW, 500, id="the minimum to somebody new"),
        pytest.param(BOB, ALL, id="everything"),
        pytest.param(ALICE, 7, id="to oneself"),
    ],
)
def test_what_leaves_one_account_arrives_in_another(
    state: State, act: Act, to: Address, amount: int
) -> None:
    had = account_of(state, to).balance
    assert act(Transfer(to=to, amount=Utft(amount)), ALICE) == "ok"
    moved = 0 if to == ALICE else amount
    assert account_of(state, to).balance == had + moved
    assert account_of(state, ALICE) == replace(account_of(state, ALICE), balance=Utft(ALL - moved))


@pytest.mark.parametrize(
    ("to", "amount", "code"),
    [
        pytest.param(BOB, ALL + 1, "balance", id="a unit more than there is"),
        pytest.param(ALICE, ALL + 1, "balance", id="more than there is to oneself"),
        pytest.param(BOB, U64_MAX, "balance", id="all the units that fit"),
        pytest.param(NEW, 499, "below_minimum", id="dust to somebody new"),
        pytest.param(NEW, 0, "below_minimum", id="nothing to somebody new"),
    ],
)
def test_what_is_refused(state: State, act: Act, to: Address, amount: int, code: str) -> None:
    assert act(Transfer(to=to, amount=Utft(amount)), ALICE) == code
    assert account_of(state, ALICE).balance == ALL
    assert tables.ACCOUNTS.get(state, NEW) is None


def test_nobody_new_can_send(state: State, act: Act) -> None:
    assert act(Transfer(to=BOB, amount=Utft(1)), NEW) == "balance"
