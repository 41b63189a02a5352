"""What a node's receipt is made of: its rows as at the period's end, and how it stood before (P8)."""

from dataclasses import dataclass, replace

from tfchain.base.units import NodeId, PerMille, Seconds, Utft
from tfchain.ledger import kept, tables
from tfchain.ledger.minting import Batch
from tfchain.ledger.params import Params
from tfchain.ledger.records import Contract, Farm, Node, Resources, Twin, Uptime
from tfchain.ledger.state import State
from tfchain.ledger.terms import Progress
from tfchain.rules.periods import own_bounds, own_due
from tfchain.rules.utilisation import mean, utilisation
from tfchain.tx import consumption
from tfchain.tx.running import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What users had of a node in a batch's period, as its reports told (P20)."""

    permille: PerMille
    """Mean of CU and SU in use over what the node has."""
    mean: Resources
    """Of each resource, over the period, rounded down."""
    traffic: int
    ip_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One node at the end of one batch's period."""

    node: Node
    farm: Farm
    twin: Twin | None
    contract: Contract
    own: tuple[int, ...]
    """What the contract's regime froze of its own."""
    uptime: Uptime
    progress: Progress
    use: Use
    age: Seconds
    minted_ever: Utft
    spans: tuple[Span, ...]
    """The periods to settle: the batch's, or the node's own that ended in it or right before it."""


def standing_of(state: State, params: Params, batch: Batch, node_id: NodeId) -> Standing | None:
    """Everything as at the period's end; None where the node has no part in the batch.

    It has none on another schedule, registered after the end or deleted before the start (P13).
    """
    key = tables.id_key(node_id)
    node = kept.at_end(state, batch, tables.NODES, key)
    terms = _terms_of(state, batch, key)
    gone = tables.GONE.get(state, key)
    if node is None or terms is None or (gone is not None and gone.at < batch.start):
        return None
    contract, own = terms
    if contract.schedule != batch.schedule:
        return None
    farm = kept.at_end(state, batch, tables.FARMS, tables.id_key(node.farm_id))
    uptime = kept.at_end(state, batch, tables.UPTIMES, key)
    assert farm is not None, "farms are never deleted"
    assert uptime is not None, "a node has had its account since it registered"
    name = tables.batch_key(batch.schedule, batch.period)
    return Standing(
        node=node,
        farm=farm,
        twin=kept.at_end(state, batch, tables.TWINS, tables.id_key(node.twin_id)),
        contract=contract,
        own=own,
        uptime=uptime,
        progress=_progress(state, contract, key),
        use=_use(state, batch, node),
        age=_age(state, batch, key),
        minted_ever=_minted(state, name),
        spans=_spans(params, batch, node, kept.ended_before(state, batch)),
    )


def _use(state: State, batch: Batch, node: Node) -> Use:
    name, length = tables.batch_key(batch.schedule, batch.period), Seconds(batch.end - batch.start)
    told = consumption.consumed(state, name, node.id)
    return Use(
        permille=utilisation(told, node.resources, length),
        mean=mean(told, length),
        traffic=told.traffic,
        ip_seconds=told.ip_seconds,
    )


def _terms_of(state: State, batch: Batch, key: bytes) -> tuple[Contract, tuple[int, ...]] | None:
    """The contract of a period that had begun when the node registered anew is the one before."""
    contract = kept.at_end(state, batch, tables.CONTRACTS, key)
    if contract is None:
        return None
    former = tables.FORMER.get(state, key)
    if former is not None and contract.registered > batch.start:
        return former.contract, former.numbers
    own = kept.at_end(state, batch, tables.OWN_TERMS, key)
    return contract, () if own is None else own.numbers


def _progress(state: State, contract: Contract, key: bytes) -> Progress:
    """How the node stands under this contract; a new contract starts anew."""
    known = tables.PROGRESS.get(state, key)
    if known is not None and known.since == contract.registered:
        return known
    blank = Progress(
        node_id=contract.node_id,
        since=contract.registered,
        missed=0,
        first=Seconds(0),
        used=0,
    )
    return blank if known is None else replace(blank, used=known.used)


def _age(state: State, batch: Batch, key: bytes) -> Seconds:
    first = tables.FIRST_REPORTS.get(state, key)
    return Seconds(0 if first is None else max(0, batch.end - first.at))


def _minted(state: State, name: bytes) -> Utft:
    """Of a batch without its row, which is still open: what was minted until now."""
    known = tables.SUPPLIES.get(state, name)
    if known is None:
        return tables.TOTALS.need(state, tables.SINGLE).minted_ever
    return known.minted_ever


def _spans(params: Params, batch: Batch, node: Node, since: Seconds) -> tuple[Span, ...]:
    """`since`: the end of the batch before."""
    length = params.schedule(batch.schedule).own
    if not length:
        return ((batch.start, batch.end),)
    due = own_due(node.created, length, since, batch.start, batch.end)
    return tuple(own_bounds(node.created, length, index) for index in due)
