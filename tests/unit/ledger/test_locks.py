"""Locked coins: whose they are, how much, and that nothing is lost on the way in or out."""

from tfchain.base.units import Address, Height, NodeId, Seconds, Utft
from tfchain.ledger import tables
from tfchain.ledger.accounts import account_of
from tfchain.ledger.locks import holding_of, lock, release
from tfchain.ledger.proposals import FraudMark
from tfchain.ledger.state import State
from tfchain.ledger.terms import HELD_MAX, Held

ONE, TWO = NodeId(1), NodeId(2)
HER, HIM = Address(b"\x11" * 32), Address(b"\x12" * 32)


def test_coins_of_one_node_wait_in_one_row(state: State) -> None:
    lock(state, ONE, 1, HER, Utft(5))
    lock(state, ONE, 1, HIM, Utft(7))
    lock(state, ONE, 1, HER, Utft(11))
    row = tables.LOCKS.need(state, tables.id_key(ONE))
    assert row.held == (Held(account=HER, amount=Utft(16)), Held(account=HIM, amount=Utft(7)))
    assert [(holding_of(state, who).locked) for who in (HER, HIM)] == [16, 7]
    assert account_of(state, HER).balance == 0


def test_an_account_knows_its_nodes(state: State) -> None:
    for node in (TWO, ONE, TWO):
        lock(state, node, 2, HER, Utft(5))
    assert holding_of(state, HER).nodes == 2
    places = [tables.HOLDINGS_AT.need(state, tables.of_account(HER, at)).node_id for at in (0, 1)]
    assert places == [TWO, ONE]


def test_what_is_released_is_what_was_locked(state: State) -> None:
    lock(state, ONE, 1, HER, Utft(5))
    lock(state, ONE, 1, HIM, Utft(7))
    lock(state, TWO, 1, HER, Utft(100))
    assert release(state, ONE) == 12
    assert [account_of(state, who).balance for who in (HER, HIM)] == [5, 7]
    assert [holding_of(state, who).locked for who in (HER, HIM)] == [100, 0]
    assert release(state, ONE) == 0


def test_after_a_release_new_coins_are_locked_anew(state: State) -> None:
    lock(state, ONE, 2, HER, Utft(5))
    release(state, ONE)
    lock(state, ONE, 2, HER, Utft(9))
    assert holding_of(state, HER).locked == 9
    assert account_of(state, HER).balance == 5


def test_nothing_of_a_fraudulent_node_is_released(state: State) -> None:
    lock(state, ONE, 2, HER, Utft(5))
    mark = FraudMark(node_id=ONE, proposal=1, evidence=bytes(32), height=Height(1), time=Seconds(1))
    tables.FRAUDS.put(state, tables.of_node(ONE), mark)
    assert release(state, ONE) == 0
    assert holding_of(state, HER).locked == 5


def test_where_the_row_is_full_the_last_account_gets_what_comes(state: State) -> None:
    accounts = [Address(bytes([number]) * 32) for number in range(1, HELD_MAX + 1)]
    for account in accounts:
        lock(state, ONE, 1, account, Utft(1))
    lock(state, ONE, 1, HER if HER not in accounts else Address(b"\xff" * 32), Utft(3))
    assert len(tables.LOCKS.need(state, tables.id_key(ONE)).held) == HELD_MAX
    assert holding_of(state, accounts[-1]).locked == 4
