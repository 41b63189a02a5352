"""rotate_reporter: a node's reports carry another key from the next block on (P22)."""

from dataclasses import dataclass

from tfchain.base.shapes import changed
from tfchain.base.units import Address, NodeId
from tfchain.errors import Rejected
from tfchain.ledger import tables
from tfchain.ledger.state import State
from tfchain.tx.kind import Context
from tfchain.tx.lookup import check_enabled, farm_at, node_at, owner_of


@dataclass(frozen=True, slots=True, kw_only=True)
class RotateReporter:
    """Sent by the farm's owner or by the reporter of now. The time of the last report is kept.

    Reports are admitted before anything in their block is run: those of this block still carry the
    old key, and none is taken twice.
    """

    node_id: NodeId
    reporter: Address

    def apply(self, state: State, context: Context) -> None:
        """Refused with `unknown_node`, `not_the_owner`, `disabled`, `no_change`."""
        node = node_at(state, self.node_id)
        key = tables.id_key(node.id)
        row = tables.UPTIMES.need(state, key)
        if context.sender not in (row.reporter, owner_of(state, farm_at(state, node.farm_id))):
            raise Rejected("not_the_owner", f"node {node.id} answers to others")
        check_enabled(state, node.id)
        if row.reporter == self.reporter:
            raise Rejected("no_change", "it reports with this key already")
        tables.UPTIMES.put(state, key, changed(row, reporter=self.reporter))
