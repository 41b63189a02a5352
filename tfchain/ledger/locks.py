"""Coins that a node has farmed and nobody may spend yet: the only verbs that move them (P16).

They lie in one row a node, for the account that each run of pay went to: old locks stay where they
were when a farm's pay goes elsewhere. An account's row says how much of its coins lies there.
"""

from dataclasses import replace

from tfchain.base.units import Address, NodeId, Utft
from tfchain.ledger import tables
from tfchain.ledger.accounts import credit
from tfchain.ledger.state import State
from tfchain.ledger.terms import HELD_MAX, Held, Holding, HoldingAt, Lock

NONE_LOCKED = Holding(locked=Utft(0), nodes=0)


def holding_of(state: State, account: Address) -> Holding:
    """What of an account's coins is locked."""
    return tables.HOLDINGS.get(state, account) or NONE_LOCKED


def lock(state: State, node_id: NodeId, kind: int, account: Address, amount: Utft) -> None:
    """Add coins to what waits for an account.

    Where they already wait for `HELD_MAX` accounts, the last of these gets what comes: a farm that
    moved its pay that often chose all of them itself.
    """
    key = tables.id_key(node_id)
    known = tables.LOCKS.get(state, key) or Lock(node_id=node_id, kind=kind, held=())
    accounts = [row.account for row in known.held]
    if account not in accounts and len(accounts) == HELD_MAX:
        account = accounts[-1]
    if account not in accounts:
        held = (*known.held, Held(account=account, amount=amount))
        _list(state, account, node_id)
    else:
        held = tuple(
            replace(row, amount=Utft(row.amount + amount)) if row.account == account else row
            for row in known.held
        )
    tables.LOCKS.put(state, key, Lock(node_id=node_id, kind=kind, held=held))
    before = holding_of(state, account)
    after = replace(before, locked=Utft(before.locked + amount))
    tables.HOLDINGS.put(state, account, after)


def release(state: State, node_id: NodeId) -> Utft:
    """Give everybody what waits for him; what came free. Nothing of a fraudulent node ever does."""
    key = tables.id_key(node_id)
    known = tables.LOCKS.get(state, key)
    if known is None or tables.FRAUDS.get(state, tables.of_node(node_id)) is not None:
        return Utft(0)
    for row in known.held:
        before = holding_of(state, row.account)
        after = replace(before, locked=Utft(before.locked - row.amount))
        tables.HOLDINGS.put(state, row.account, after)
        credit(state, row.account, row.amount)
    tables.LOCKS.drop(state, key)
    return Utft(sum(row.amount for row in known.held))


def _list(state: State, account: Address, node_id: NodeId) -> None:
    """Each lock that ever was has its place: rows of locks that are open again say nothing."""
    before = holding_of(state, account)
    place = tables.of_account(account, before.nodes)
    tables.HOLDINGS_AT.put(state, place, HoldingAt(node_id=node_id))
    tables.HOLDINGS.put(state, account, replace(before, nodes=before.nodes + 1))
