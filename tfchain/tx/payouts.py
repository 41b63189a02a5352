"""What a node's receipt brings it: nothing where guardians said so, a cut at the cap, less its debts.

Blocks are checked against this and carried out by it: both ask here.
"""

from dataclasses import replace

from tfchain.base.units import NodeId, Utft, mul_div_floor
from tfchain.ledger import tables
from tfchain.ledger.disputes import Debt, Deduction
from tfchain.ledger.minting import Batch, MintEntry
from tfchain.ledger.state import State


def is_withheld(state: State, batch: Batch, node_id: NodeId) -> bool:
    """Whether nothing is paid: the node was flagged since, or the batch was approved without it."""
    if tables.FRAUDS.get(state, tables.of_node(node_id)) is not None:
        return True
    ruling = tables.RULINGS.get(state, tables.batch_key(batch.schedule, batch.period))
    return ruling is not None and (ruling.void or node_id in ruling.without)


def cut(batch: Batch, amount: int) -> Utft:
    """Pro rata at the supply cap, rounded down: the dust is never minted (P15)."""
    if batch.payable < batch.total:
        return Utft(mul_div_floor(amount, batch.payable, batch.total))
    return Utft(amount)


def debt_of(state: State, node_id: NodeId) -> Utft:
    """What is still to be taken from the node's pay."""
    row = tables.DEBTS.get(state, tables.id_key(node_id))
    return Utft(0) if row is None else row.owed


def less_debt(state: State, left: dict[NodeId, int], entry: MintEntry) -> MintEntry:
    """The entry without what goes to the node's debt; `left`: what the entries before left of it."""
    owed = left.setdefault(entry.node_id, debt_of(state, entry.node_id))
    taken = min(owed, entry.amount)
    left[entry.node_id] = owed - taken
    return replace(entry, amount=Utft(entry.amount - taken)) if taken else entry


def settle_debt(state: State, batch: Batch, node_id: NodeId, taken: int) -> None:
    """Write down that so much of a node's pay for the batch went to its debt."""
    lower_debt(state, node_id, taken)
    place = tables.in_batch(tables.batch_key(batch.schedule, batch.period), node_id)
    tables.DEDUCTIONS.put(state, place, Deduction(amount=Utft(taken)))


def lower_debt(state: State, node_id: NodeId, by: int) -> None:
    """A debt that is gone leaves no row."""
    key, left = tables.id_key(node_id), debt_of(state, node_id) - by
    assert left >= 0, "nobody pays more than he owes"
    if left:
        tables.DEBTS.put(state, key, Debt(owed=Utft(left)))
    else:
        tables.DEBTS.drop(state, key)


def raise_debt(state: State, node_id: NodeId, by: int) -> None:
    """What a negative fixup adds."""
    owed = Utft(debt_of(state, node_id) + by)
    tables.DEBTS.put(state, tables.id_key(node_id), Debt(owed=owed))
