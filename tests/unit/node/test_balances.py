"""What an account is shown to have: free, locked (until when, or on what) and staked."""

from typing import Final

import pytest

from tfchain.base.address import to_text
from tfchain.base.units import (
    Address,
    Height,
    MilliUsd,
    NodeId,
    PolicyId,
    Power,
    ScheduleId,
    Seconds,
    Utft,
)
from tfchain.ledger import tables
from tfchain.ledger.changes import Agenda
from tfchain.ledger.locks import lock, release
from tfchain.ledger.proposals import FraudMark
from tfchain.ledger.records import Contract
from tfchain.ledger.seats import Members, Roster, Seat
from tfchain.ledger.state import State
from tfchain.ledger.terms import FirstReport, OwnTerms
from tfchain.ledger.validators import Validator
from tfchain.node import balances
from tfchain.rules.regime import UNTIL_OLD_OR_USED, UNTIL_POOL_USED, numbers_of
from tfchain.rules.regimes import farming_v3_lockup

HER: Final = Address(b"\x11" * 32)
HIM: Final = Address(b"\x12" * 32)
START: Final = 1_700_000_000


def _node(state: State, number: int, regime: int) -> None:
    key = tables.id_key(number)
    contract = Contract(
        node_id=NodeId(number),
        regime=regime,
        schedule=ScheduleId(0),
        policy_id=PolicyId(1),
        price_cu=0,
        price_su=0,
        price_nu=0,
        price_ipv4=0,
        minimal_uptime=0,
        policy_immutable=False,
        policy_default=True,
        connection_price=MilliUsd(80),
        registered=Seconds(START),
        cu=0,
        su=0,
    )
    own = farming_v3_lockup.Frozen(
        tokens=0,
        uptime=0,
        age=1_000,
        utilisation=300,
        used_periods=3,
        length=60,
        cu=0,
        su=0,
        cru=0,
        mru=0,
        hru=0,
        sru=0,
    )
    terms = OwnTerms(
        node_id=NodeId(number),
        regime=regime,
        registered=Seconds(START),
        pool=0,
        guarantee=0,
        numbers=numbers_of(own),
    )
    tables.CONTRACTS.put(state, key, contract)
    tables.OWN_TERMS.put(state, key, terms)
    tables.FIRST_REPORTS.put(state, key, FirstReport(at=Seconds(START + 5)))


@pytest.fixture
def ledger(state: State) -> State:
    """Node 1 of 2018 and nodes 2 and 3 under the lock-up; she is paid by a validator with a bond."""
    _node(state, 1, 1)
    _node(state, 2, 5)
    _node(state, 3, 5)
    members = [
        Validator(
            address=bytes([n]) * 20, key=Address(bytes([n]) * 32), power=Power(1), reward_account=to
        )
        for n, to in ((1, HER), (2, HIM))
    ]
    tables.MEMBERS.put(state, tables.height_key(1), Members(validators=tuple(members)))
    first = Height(1)
    row = Roster(newest=first, before=first, accused=(), leaving=(bytes([3]) * 20,), past_first=0)
    tables.ROSTER.put(state, tables.SINGLE, row)
    tables.AGENDA.put(state, tables.SINGLE, Agenda(last=0, open=()))
    for number, account, bond in ((1, HER, 500), (2, HIM, 70), (3, HER, 9)):
        seat = Seat(
            key=Address(bytes([number]) * 32),
            power=Power(1),
            bond=Utft(bond),
            reward_account=account,
            jailed=False,
            fault=None,
            answers_from=first,
            left=None,
        )
        tables.SEATS.put(state, bytes([number]) * 20, seat)
    return state


def test_locks_say_until_when_or_on_what(ledger: State) -> None:
    lock(ledger, NodeId(1), UNTIL_POOL_USED, HER, Utft(5))
    lock(ledger, NodeId(2), UNTIL_OLD_OR_USED, HER, Utft(7))
    lock(ledger, NodeId(3), UNTIL_OLD_OR_USED, HER, Utft(9))
    mark = FraudMark(
        node_id=NodeId(3), proposal=1, evidence=bytes(32), height=Height(1), time=Seconds(1)
    )
    tables.FRAUDS.put(ledger, tables.of_node(NodeId(3)), mark)
    plain = balances.account(ledger, HER)
    assert plain == {
        "address": to_text(HER),
        "balance": "0",
        "nonce": "0",
        "locked": "21",
        "staked": "509",
        "locks": [
            {"node_id": 1, "amount": "5", "waits": "until_pool_used", "until": None},
            {"node_id": 2, "amount": "7", "waits": "until_old_or_used", "until": START + 1_005},
            {"node_id": 3, "amount": "9", "waits": "withheld", "until": None},
        ],
    }


def test_what_is_released_is_free_and_no_lock_any_more(ledger: State) -> None:
    lock(ledger, NodeId(2), UNTIL_OLD_OR_USED, HIM, Utft(7))
    release(ledger, NodeId(2))
    plain = balances.account(ledger, HIM)
    assert isinstance(plain, dict)
    assert (plain["balance"], plain["locked"], plain["staked"]) == ("7", "0", "70")
    assert plain["locks"] == []
    lock(ledger, NodeId(2), UNTIL_OLD_OR_USED, HER, Utft(7))
    shown = balances.account(ledger, HIM)
    assert isinstance(shown, dict) and shown["locks"] == []
