"""release_lock: a node's locked coins come free once it is old enough, whoever asks (rules.md 7)."""

from dataclasses import dataclass

from tfchain.base.units import NodeId
from tfchain.errors import Rejected
from tfchain.ledger import tables
from tfchain.ledger.locks import release
from tfchain.ledger.state import State
from tfchain.rules.schedule import REGIMES
from tfchain.tx.kind import Context


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseLock:
    """For nodes that no mint visits any more; those that are paid are released by their mint.

    Age counts from the node's first report, of deleted nodes too.
    """

    node_id: NodeId

    def apply(self, state: State, context: Context) -> None:
        """Refused with `no_lock`, `fraud`, `too_early`."""
        key = tables.id_key(self.node_id)
        if tables.LOCKS.get(state, key) is None:
            raise Rejected("no_lock", f"node {self.node_id} has nothing locked")
        if tables.FRAUDS.get(state, tables.of_node(self.node_id)) is not None:
            raise Rejected("fraud", f"node {self.node_id} is fraudulent: its locks stay shut")
        contract = tables.CONTRACTS.need(state, key)
        own = tables.OWN_TERMS.need(state, key)
        age = REGIMES[contract.regime].lock_age(own.numbers)
        first = tables.FIRST_REPORTS.need(state, key)
        if age is None or context.time - first.at < age:
            raise Rejected("too_early", "neither old enough nor used enough")
        release(state, self.node_id)
