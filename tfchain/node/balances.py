"""What an account has: free, locked and until when or on what, and staked. As JSON; `answers` says how."""

from typing import Final

from tfchain.base.address import to_text
from tfchain.base.units import Address, NodeId, Seconds
from tfchain.ledger import roster, tables
from tfchain.ledger.accounts import account_of
from tfchain.ledger.locks import holding_of
from tfchain.ledger.state import State
from tfchain.ledger.terms import Lock
from tfchain.node import answers
from tfchain.node.answers import Json
from tfchain.rules.regime import LOCKS, WITHHELD
from tfchain.rules.schedule import REGIMES
from tfchain.tx.changes import bond_held

LOCKS_SHOWN_MAX: Final = 100
"""Of one account, the newest; the sum counts all of them."""


def account(state: State, address: Address) -> Json:
    """`balance` is free to spend, `locked` waits for what `locks` say, `staked` answers for votes."""
    return {
        "address": to_text(address),
        **answers.record(account_of(state, address)),
        "locked": str(holding_of(state, address).locked),
        "staked": str(_staked(state, address)),
        "locks": _locks(state, address),
    }


def _staked(state: State, address: Address) -> int:
    """Bonds of validators that are paid to this account, and of its own proposals to join."""
    members = tuple(row.address for row in roster.newest(state))
    seats = [
        tables.SEATS.get(state, validator)
        for validator in (*members, *roster.roster_of(state).leaving)
    ]
    changes = [
        tables.CHANGES.need(state, tables.id_key(row.id))
        for row in tables.AGENDA.need(state, tables.SINGLE).open
    ]
    offered = sum(bond_held(change) for change in changes if change.proposer == address)
    own = (seat for seat in seats if seat is not None and seat.reward_account == address)
    return sum(seat.bond for seat in own) + offered


def _locks(state: State, address: Address) -> list[Json]:
    last = holding_of(state, address).nodes
    rows: list[Json] = []
    for place in range(max(0, last - LOCKS_SHOWN_MAX), last):
        entry = tables.HOLDINGS_AT.need(state, tables.of_account(address, place))
        lock = tables.LOCKS.get(state, tables.id_key(entry.node_id))
        amount = 0 if lock is None else sum(r.amount for r in lock.held if r.account == address)
        if lock is not None and amount:
            rows.append(_lock(state, lock, entry.node_id, amount))
    return rows


def _lock(state: State, lock: Lock, node_id: NodeId, amount: int) -> dict[str, Json]:
    flagged = tables.FRAUDS.get(state, tables.of_node(node_id)) is not None
    return {
        "node_id": node_id,
        "amount": str(amount),
        "waits": LOCKS[WITHHELD if flagged else lock.kind],
        "until": None if flagged else _until(state, node_id),
    }


def _until(state: State, node_id: NodeId) -> Seconds | None:
    """When age opens the lock; None where age does not."""
    key = tables.id_key(node_id)
    contract = tables.CONTRACTS.need(state, key)
    age = REGIMES[contract.regime].lock_age(tables.OWN_TERMS.need(state, key).numbers)
    first = tables.FIRST_REPORTS.get(state, key)
    return None if age is None or first is None else Seconds(first.at + age)
