"""From a node's account to its receipt: bounded, total, in node order (P12, P13, P14)."""

from dataclasses import replace
from typing import Final

from tfchain.base import merkle
from tfchain.base.units import MilliUsd, NodeId, Seconds, Utft
from tfchain.chain import batches
from tfchain.chain.receipts import receipt_id, v3_text
from tfchain.ledger import kept, tables
from tfchain.ledger.minting import RECEIPT_TAG, SETTLING, Batch, Receipt
from tfchain.ledger.params import Params
from tfchain.ledger.records import Contract, Farm, Node, Twin
from tfchain.ledger.state import State
from tfchain.ledger.uptime import UptimeAccount
from tfchain.rules.receipt_text import receipt_hash
from tfchain.rules.regime import Capacity, Measured, Owed, Terms
from tfchain.rules.schedule import REGIMES
from tfchain.rules.uptime import closed, judged
from tfchain.tx.running import account_for, limits_of

FRAUD: Final = "fraud"
"""Why a node is owed nothing that was flagged before the period ended."""


def settle(state: State, params: Params, share: batches.Share, now: Seconds) -> None:
    """Settle the next nodes of a batch; seal it when none is left."""
    name = tables.batch_key(share.batch.schedule, share.batch.period)
    batch = replace(tables.BATCHES.need(state, name), state=SETTLING)
    for number in range(batch.cursor, batch.cursor + share.nodes):
        receipt = receipt_of(state, params, batch, NodeId(number))
        if receipt is not None:
            batch = _appended(state, batch, receipt)
    batch = replace(batch, cursor=batch.cursor + share.nodes)
    tables.BATCHES.put(state, name, batch)
    if batch.cursor > batch.node_last:
        batches.seal(state, params, batch, now)


def _appended(state: State, batch: Batch, receipt: Receipt) -> Batch:
    name = tables.batch_key(batch.schedule, batch.period)
    tables.RECEIPTS.put(state, tables.in_batch(name, receipt.node_id), receipt)
    return replace(
        batch,
        frontier=merkle.append(RECEIPT_TAG, batch.frontier, batch.count, receipt_id(receipt)),
        count=batch.count + 1,
        total=batch.total + receipt.amount,
    )


def receipt_of(state: State, params: Params, batch: Batch, node_id: NodeId) -> Receipt | None:
    """What the node is owed; None where it is on another schedule.

    Everything is read as at the period's end (P8), and what is missing costs pay, never a crash.
    """
    key = tables.id_key(node_id)
    contract = kept.at_end(state, batch, tables.CONTRACTS, key)
    node = kept.at_end(state, batch, tables.NODES, key)
    if contract is None or node is None or contract.schedule != batch.schedule:
        return None
    farm = kept.at_end(state, batch, tables.FARMS, tables.id_key(node.farm_id))
    twin = kept.at_end(state, batch, tables.TWINS, tables.id_key(node.twin_id))
    assert farm is not None, "farms are never deleted"
    account = _account(state, params, batch, key, twin)
    owed = _owed(contract, node, account)
    receipt = _receipt(batch, contract, node, farm, account, owed)
    if kept.at_end(state, batch, tables.FRAUDS, tables.of_node(node_id)) is not None:
        receipt = replace(receipt, musd=MilliUsd(0), amount=Utft(0), reason=FRAUD)
    return replace(receipt, text_hash=receipt_hash(v3_text(receipt)))


def _account(
    state: State, params: Params, batch: Batch, key: bytes, twin: Twin | None
) -> UptimeAccount:
    """The node's account with what the close and its twin hold against it."""
    row = kept.at_end(state, batch, tables.UPTIMES, key)
    assert row is not None, "a node has had its account since it registered"
    account = account_for(row, batch.start, batch.end)
    account = closed(account, batch.start, limits_of(params))
    relay = None if twin is None else twin.relay
    public_key = None if twin is None or not twin.public_key else twin.public_key
    return judged(account, twin is not None, relay, public_key)


def _owed(contract: Contract, node: Node, account: UptimeAccount) -> Owed:
    terms = Terms(
        policy_id=contract.policy_id,
        price_cu=contract.price_cu,
        price_su=contract.price_su,
        price_nu=contract.price_nu,
        price_ipv4=contract.price_ipv4,
        minimal_uptime=contract.minimal_uptime,
        policy_immutable=contract.policy_immutable,
        policy_default=contract.policy_default,
        connection_price=contract.connection_price,
    )
    measured = Measured(
        length=Seconds(account.end - account.start),
        uptime=account.total,
        violation=account.violation,
        virtualized=node.virtualized,
    )
    capacity = Capacity(resources=node.resources, certified=node.certified)
    return REGIMES[contract.regime].owed(capacity, terms, measured)


def _receipt(
    batch: Batch,
    contract: Contract,
    node: Node,
    farm: Farm,
    account: UptimeAccount,
    owed: Owed,
) -> Receipt:
    return Receipt(
        schedule=batch.schedule,
        period=batch.period,
        node_id=node.id,
        twin_id=node.twin_id,
        farm_id=farm.id,
        farm_name=farm.name,
        stellar_address=farm.stellar_address,
        account=farm.payout_account,
        regime=contract.regime,
        start=account.start,
        end=account.end,
        uptime=account.total,
        uptime_permille=owed.uptime_permille,
        floor_permille=owed.floor_permille,
        cru=node.resources.cru,
        mru=node.resources.mru,
        hru=node.resources.hru,
        sru=node.resources.sru,
        cu=owed.cu,
        su=owed.su,
        nu=owed.nu,
        ip_seconds=0,
        policy_id=contract.policy_id,
        price_cu=contract.price_cu,
        price_su=contract.price_su,
        price_nu=contract.price_nu,
        price_ipv4=contract.price_ipv4,
        minimal_uptime=contract.minimal_uptime,
        certified=node.certified,
        connection_price=contract.connection_price,
        base_musd=owed.base,
        musd=owed.musd,
        violation=account.violation,
        evidence=account.evidence,
        slow_boots=account.slow_boots,
        reason=owed.reason,
        amount=owed.amount,
        text_hash=b"",
    )
