"""From a node's account to its receipt: bounded, total, in node order (P12, P13, P14)."""

from dataclasses import dataclass, replace
from typing import Final

from tfchain.base import merkle
from tfchain.base.units import MilliUsd, NodeId, PerMille, Seconds, Utft
from tfchain.chain import batches
from tfchain.chain.receipt_record import receipt_record
from tfchain.chain.receipts import receipt_id, v3_text
from tfchain.chain.standing import Standing, standing_of
from tfchain.ledger import kept, tables
from tfchain.ledger.minting import RECEIPT_TAG, SETTLING, Batch, Receipt
from tfchain.ledger.params import Params
from tfchain.ledger.state import State
from tfchain.ledger.terms import Progress
from tfchain.ledger.uptime import UptimeAccount
from tfchain.rules.receipt_text import receipt_hash
from tfchain.rules.regime import Capacity, Measured, Owed
from tfchain.rules.schedule import REGIMES
from tfchain.rules.together import together
from tfchain.rules.uptime import closed, judged
from tfchain.tx import consumption
from tfchain.tx.contracts import policy_terms
from tfchain.tx.running import Span, account_for, limits_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """A receipt, and how the node stands after it."""

    receipt: Receipt
    progress: Progress


FRAUD: Final = "fraud"
"""Why a node is owed nothing that was flagged before the period ended."""


def settle(state: State, params: Params, share: batches.Share, now: Seconds) -> None:
    """Settle the next nodes of a batch; seal it when none is left."""
    name = tables.batch_key(share.batch.schedule, share.batch.period)
    batch = replace(tables.BATCHES.need(state, name), state=SETTLING)
    for number in range(batch.cursor, batch.cursor + share.nodes):
        standing = standing_of(state, params, batch, NodeId(number))
        if standing is not None:
            settled = _settled(state, params, batch, standing)
            batch = _appended(state, batch, settled.receipt)
            _note(state, params, standing, settled.progress)
            consumption.drop(state, name, standing.node.id)
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


def _note(state: State, params: Params, standing: Standing, progress: Progress) -> None:
    """Remember how the node stands; periods of its own that are settled need no rows any more."""
    key = tables.id_key(standing.node.id)
    if progress != tables.PROGRESS.get(state, key):
        tables.PROGRESS.put(state, key, progress)
    if params.schedule(standing.contract.schedule).own:
        for start, _ in standing.spans:
            place = tables.own_key(key, start)
            if tables.OWN_ENDED.get(state, place) is not None:
                tables.OWN_ENDED.drop(state, place)


def receipt_of(state: State, params: Params, batch: Batch, node_id: NodeId) -> Receipt | None:
    """What the node is owed; None where it has no part in the batch.

    Everything is read as at the period's end (P8), and what is missing costs pay, never a crash.
    """
    standing = standing_of(state, params, batch, node_id)
    return None if standing is None else _settled(state, params, batch, standing).receipt


def _settled(state: State, params: Params, batch: Batch, standing: Standing) -> Settled:
    regime = REGIMES[standing.contract.regime]
    terms = policy_terms(standing.contract, standing.own)
    progress, owed = standing.progress, list[Owed]()
    accounts = [_account(state, params, standing, span) for span in standing.spans]
    for account in accounts:
        index = _index(params, batch, standing, account)
        progress = progress if index else replace(progress, first=account.total)
        measured = _measured(standing, progress, account, index)
        found = regime.owed(_capacity(standing), terms, measured)
        progress = replace(progress, missed=found.missed, used=found.used_for)
        owed.append(found)
    receipt = receipt_record(batch, standing, accounts, together(owed))
    flag = kept.at_end(state, batch, tables.FRAUDS, tables.of_node(standing.node.id))
    if flag is not None:
        receipt = replace(receipt, musd=MilliUsd(0), amount=Utft(0), reason=FRAUD)
    if regime.text:
        receipt = replace(receipt, text_hash=receipt_hash(v3_text(receipt)))
    return Settled(receipt=receipt, progress=progress)


def _account(state: State, params: Params, standing: Standing, span: Span) -> UptimeAccount:
    """The node's account with what the close and its twin hold against it."""
    start, end = span
    key = tables.id_key(standing.node.id)
    account = tables.OWN_ENDED.get(state, tables.own_key(key, start))
    if account is None:
        account = account_for(standing.uptime, start, end)
    account, twin = closed(account, start, limits_of(params)), standing.twin
    relay = None if twin is None else twin.relay
    public_key = None if twin is None or not twin.public_key else twin.public_key
    return judged(account, twin is not None, relay, public_key)


def _measured(
    standing: Standing, progress: Progress, account: UptimeAccount, index: int
) -> Measured:
    return Measured(
        length=Seconds(account.end - account.start),
        uptime=account.total,
        violation=account.violation,
        virtualized=standing.node.virtualized,
        start=account.start,
        index=index,
        first=progress.first,
        missed=progress.missed,
        minted_ever=standing.minted_ever,
        used=PerMille(standing.use.permille),
        used_before=progress.used,
        age=standing.age,
    )


def _index(params: Params, batch: Batch, standing: Standing, account: UptimeAccount) -> int:
    """Which of the contract's periods it is, from 0: the one in which the node registered."""
    schedule = params.schedule(batch.schedule)
    if schedule.own:
        return (account.start - standing.node.created) // schedule.own
    first = schedule.index_of(standing.contract.registered)
    return max(0, batch.period - (first or 0))


def _capacity(standing: Standing) -> Capacity:
    return Capacity(
        resources=standing.node.resources,
        certified=standing.node.certified,
        traffic=standing.use.traffic,
        ip_seconds=standing.use.ip_seconds,
    )
