"""delete_node: a machine leaves the grid; what it earned is still paid, its number is never used again."""

from dataclasses import dataclass, replace
from typing import Final

from tfchain.base.shapes import changed
from tfchain.base.units import Address, NodeId, Utft
from tfchain.errors import Rejected
from tfchain.ledger import kept, tables
from tfchain.ledger.accounts import credit
from tfchain.ledger.state import State
from tfchain.ledger.terms import Gone
from tfchain.tx.kind import Context
from tfchain.tx.lookup import farm_at, node_at, owner_of

NOBODY: Final = Address(bytes(32))
"""A key of small order, which signs nothing (P34): who reports for a node that is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteNode:
    """Sent by the node's twin or by the farm's owner. The deposit goes back to the twin (P21).

    The period that runs is settled; locked coins come free when they would have (rules.md 7).
    """

    node_id: NodeId

    def apply(self, state: State, context: Context) -> None:
        """Refused with `unknown_node`, `not_the_owner`."""
        node = node_at(state, self.node_id)
        twin = tables.TWINS.need(state, tables.id_key(node.twin_id))
        if context.sender not in (twin.account, owner_of(state, farm_at(state, node.farm_id))):
            raise Rejected("not_the_owner", f"node {node.id} is another's")
        key = tables.id_key(node.id)
        tables.GONE.put(state, key, Gone(at=context.time))
        tables.NODE_OF.drop(state, tables.id_key(twin.id))
        kept.put(state, tables.NODES, key, replace(node, deposit=Utft(0)))
        credit(state, twin.account, node.deposit)
        row = tables.UPTIMES.need(state, key)
        tables.UPTIMES.put(state, key, changed(row, reporter=NOBODY))
