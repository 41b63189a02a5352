"""move_node: a node goes to another farm, whose owner accepts it (P22)."""

from dataclasses import dataclass, replace
from typing import Annotated

from tfchain.base.shapes import Blob
from tfchain.base.units import FarmId, NodeId
from tfchain.errors import Rejected
from tfchain.ledger import kept, tables
from tfchain.ledger.state import State
from tfchain.tx.kind import Context
from tfchain.tx.lookup import check_acceptance, check_enabled, farm_at, node_at, twin_of


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveNode:
    """Sent by the node's twin. Its contract stays as it is; its pay follows the farm at the end.

    `acceptance`: the new owner's signature over `tx.lookup.acceptance_message` with the node's
    resources of now, empty where that owner sends this himself.
    """

    node_id: NodeId
    farm_id: FarmId
    acceptance: Annotated[bytes, Blob(0, 64)]

    def apply(self, state: State, context: Context) -> None:
        """Take it over.

        Refused with `no_twin`, `unknown_node`, `not_the_owner`, `unknown_farm`, `no_change`,
        `disabled`, `not_accepted`.
        """
        twin = twin_of(state, context.sender)
        node = node_at(state, self.node_id)
        if node.twin_id != twin.id:
            raise Rejected("not_the_owner", f"node {node.id} is another twin's")
        check_enabled(state, node.id)
        farm = farm_at(state, self.farm_id)
        if node.farm_id == farm.id:
            raise Rejected("no_change", f"node {node.id} is in farm {farm.id}")
        check_acceptance(state, context, farm, node.resources, self.acceptance)
        after = replace(node, farm_id=farm.id)
        kept.put(state, tables.NODES, tables.id_key(node.id), after)
