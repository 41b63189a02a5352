"""Contracts from their first second to their last: use is counted, billed, paid, and one day ends.

A contract stands in one queue, at its end whenever it was billed: those that wait longest are first,
so that a block looks at as many as it may and no further (P11), and nothing depends on how often
they are billed.
"""

from dataclasses import replace
from typing import Final

from tfchain.base.units import Address, MilliUsd, Seconds, Utft
from tfchain.ledger import tables
from tfchain.ledger.accounts import account_of, credit, debit
from tfchain.ledger.cultivation import (
    NO_CONTRACT,
    NO_GRACE,
    RENT_CONTRACT,
    Billing,
    CapacityContract,
    CapacityRef,
)
from tfchain.ledger.params import BillingRow, Params
from tfchain.ledger.records import Node
from tfchain.ledger.state import State
from tfchain.rules import billing as costs
from tfchain.rules.schedule import REGIMES
from tfchain.tx import capacity
from tfchain.tx.proposals import docket_of

EMPTY: Final = Billing(contracts=0, first=0, after=0, burned=Utft(0))


def book_of(state: State) -> Billing:
    """The queue's ends."""
    return tables.BILLING.get(state, tables.SINGLE) or EMPTY


def next_id(state: State) -> int:
    """One more contract's number; written."""
    book = book_of(state)
    after = replace(book, contracts=book.contracts + 1)
    tables.BILLING.put(state, tables.SINGLE, after)
    return after.contracts


def enqueue(state: State, contract_id: int) -> None:
    """To the end of the queue."""
    book = book_of(state)
    place = tables.height_key(book.after)
    tables.BILL_QUEUE.put(state, place, CapacityRef(contract_id=contract_id))
    tables.BILLING.put(state, tables.SINGLE, replace(book, after=book.after + 1))


def run(state: State, params: Params, now: Seconds) -> None:
    """Bill the contracts that are due, those that wait longest first, as many as a block may."""
    row = params.billing
    if row is None or docket_of(state).halted:  # whoever may not cancel is not billed either
        return
    for _ in range(row.contracts):
        book = book_of(state)
        if book.first == book.after:
            return
        place = tables.height_key(book.first)
        number = tables.BILL_QUEUE.need(state, place).contract_id
        contract = tables.CAPACITY.get(state, tables.id_key(number))
        if contract is not None and now < contract.billed_at + row.period:
            return
        tables.BILL_QUEUE.drop(state, place)
        tables.BILLING.put(state, tables.SINGLE, replace(book, first=book.first + 1))
        if contract is not None and bill(state, params, row, contract, now):
            enqueue(state, number)


def count(
    state: State, row: BillingRow, contract: CapacityContract, now: Seconds
) -> CapacityContract:
    """The contract with its use up to now, at what it used until now.

    A rented node costs nothing while it sleeps, and its renter pays for its resources once.
    """
    node = tables.NODES.need(state, tables.id_key(contract.node_id))
    load = capacity.load_of(state, contract.node_id)
    extra, now = 0, _until(state, contract, now)
    if contract.type == RENT_CONTRACT:
        elapsed = _awake(state, contract, now)
        cost = costs.rented(row, costs.capacity_cost(row, node.resources, elapsed))
        extra = costs.extra_cost(MilliUsd(load.extra_fee), elapsed)
    else:
        elapsed = now - contract.counted_at
        used = capacity.NOTHING if contract.rented else contract.used
        cost = costs.capacity_cost(row, used, elapsed)
        cost += costs.ip_cost(row, contract.public_ips, elapsed)
    if node.certified:
        cost = costs.certified(cost)
    return replace(
        contract,
        counted_at=now,
        unbilled=costs.added(contract.unbilled, cost),
        unbilled_extra=costs.added(contract.unbilled_extra, extra),
        rented=contract.type != RENT_CONTRACT and load.rent_id != NO_CONTRACT,
    )


def _until(state: State, contract: CapacityContract, now: Seconds) -> Seconds:
    """Up to now, or up to when the node was deleted."""
    gone = tables.GONE.get(state, tables.id_key(contract.node_id))
    return now if gone is None else max(contract.counted_at, min(now, gone.at))


def _awake(state: State, contract: CapacityContract, now: Seconds) -> int:
    """Seconds since the last count for which a node that is asleep now was not."""
    power = tables.UPTIMES.need(state, tables.id_key(contract.node_id)).power
    until = now if power.state_up else min(now, power.down_at)
    return max(0, until - contract.counted_at)


def bill(
    state: State, params: Params, row: BillingRow, contract: CapacityContract, now: Seconds
) -> bool:
    """Bill up to now and take what is due; whether the contract still stands afterwards.

    What cannot be paid waits: once the balance covers all of it, all of it is paid. If it does not
    within the grace period, what is there is taken and the contract ends.
    """
    contract = billed(state, params, row, contract, now)
    if _until(state, contract, now) < now:
        end(state, contract)
        return False
    due = contract.owed + contract.owed_extra
    if account_of(state, user_of(state, contract)).balance >= due:
        paid = _paid(state, contract)
        capacity.save(state, replace(paid, grace_since=NO_GRACE))
        return True
    since = contract.grace_since or now
    if now - since < row.grace:
        capacity.save(state, replace(contract, grace_since=since))
        return True
    end(state, contract)
    return False


def billed(
    state: State, params: Params, row: BillingRow, contract: CapacityContract, now: Seconds
) -> CapacityContract:
    """The contract with everything up to now owed, nothing paid yet."""
    elapsed = Seconds(now - contract.billed_at)
    contract = count(state, row, contract, now)
    price = costs.clamped(row, params.connection_price)
    balance = account_of(state, user_of(state, contract)).balance
    full = costs.coins(contract.unbilled, price)
    due, level = costs.discounted(full, balance, elapsed)
    extra = costs.coins(contract.unbilled_extra, price)
    return replace(
        contract,
        billed_at=now,
        unbilled=0,
        unbilled_extra=0,
        owed=costs.owed_together(contract.owed, due),
        owed_extra=costs.owed_together(contract.owed_extra, extra),
        discount=level,
    )


def end(state: State, contract: CapacityContract) -> None:
    """Take what is owed as far as it is there, and give back what the contract had."""
    contract = _paid(state, contract)
    node = tables.NODES.need(state, tables.id_key(contract.node_id))
    load = capacity.load_of(state, node.id)
    if contract.type == RENT_CONTRACT:
        load = replace(load, rent_id=NO_CONTRACT)
    else:
        left = capacity.plus(load.reserved, contract.reserved, -1)
        load = replace(load, reserved=left, contracts=load.contracts - 1)
        place = tables.deployed_key(node.id, contract.deployment_hash)
        tables.DEPLOYED.drop(state, place)
    if contract.public_ips:
        capacity.free_ips(state, contract.farm_id, contract.id)
    capacity.put_load(state, node.id, load)
    tables.CAPACITY.drop(state, tables.id_key(contract.id))


def user_of(state: State, contract: CapacityContract) -> Address:
    """Who pays."""
    return tables.TWINS.need(state, tables.id_key(contract.twin_id)).account


def _paid(state: State, contract: CapacityContract) -> CapacityContract:
    """What is owed, as far as the user has it: the farmer's own fee first."""
    user = user_of(state, contract)
    balance = account_of(state, user).balance
    extra = Utft(min(balance, contract.owed_extra))
    due = Utft(min(balance - extra, contract.owed))
    if extra + due == 0:
        return contract
    debit(state, user, Utft(extra + due))
    _share_out(state, contract, due, extra)
    return replace(
        contract,
        owed=Utft(contract.owed - due),
        owed_extra=Utft(contract.owed_extra - extra),
        paid=costs.owed_together(contract.paid, Utft(extra + due)),
    )


def _share_out(state: State, contract: CapacityContract, due: Utft, extra: Utft) -> None:
    """To whom the regime of the node says; what nobody gets is burned."""
    node: Node = tables.NODES.need(state, tables.id_key(contract.node_id))
    terms = tables.CONTRACTS.need(state, tables.id_key(node.id))
    farm = tables.FARMS.need(state, tables.id_key(node.farm_id))
    row = tables.PARAMS.need(state, tables.SINGLE).billing
    assert row is not None, "who bills has a row to bill by"
    split = costs.SPLITS[REGIMES[terms.regime].name]
    parts = costs.shares(split, due, is_certified=node.certified)
    for account, amount in (
        (row.foundation, parts.foundation),
        (row.tf_tech, parts.tf_tech),
        (row.staking, parts.staking),
        (farm.payout_account, Utft(parts.farmer + extra)),
    ):
        if amount:
            credit(state, account, amount)
    _burn(state, parts.burned)


def _burn(state: State, amount: Utft) -> None:
    totals, book = tables.TOTALS.need(state, tables.SINGLE), book_of(state)
    burned = Utft(totals.burned + amount)
    tables.TOTALS.put(state, tables.SINGLE, replace(totals, burned=burned))
    after = replace(book, burned=Utft(book.burned + amount))
    tables.BILLING.put(state, tables.SINGLE, after)
