"""update_node: a node's capacity or place changes; its prices never do (P18)."""

from dataclasses import dataclass, replace
from typing import Annotated

from tfchain.base.shapes import Blob, Nested
from tfchain.base.units import NodeId
from tfchain.errors import Rejected
from tfchain.ledger import kept, tables
from tfchain.ledger.records import Place, Resources
from tfchain.ledger.state import State
from tfchain.tx import capacity
from tfchain.tx.kind import Context
from tfchain.tx.lookup import check_acceptance, check_resources, farm_at, node_at, twin_of


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateNode:
    """Sent by the node's twin, with the farm owner's acceptance as for `register_node` (P21)."""

    node_id: NodeId
    resources: Annotated[Resources, Nested(Resources)]
    country: Place
    city: Place
    virtualized: bool
    """Once true, true for ever (rules.md 2.2)."""
    acceptance: Annotated[bytes, Blob(0, 64)]

    def apply(self, state: State, context: Context) -> None:
        """What contracts have set aside must stay there.

        Refused with `no_twin`, `unknown_node`, `not_the_owner`, `resources`, `capacity`,
        `not_accepted`.
        """
        twin = twin_of(state, context.sender)
        node = node_at(state, self.node_id)
        if node.twin_id != twin.id:
            raise Rejected("not_the_owner", f"node {node.id} is another twin's")
        check_resources(context, self.resources)
        capacity.check_room(self.resources, capacity.load_of(state, node.id).reserved)
        farm = farm_at(state, node.farm_id)
        check_acceptance(state, context, farm, self.resources, self.acceptance)
        after = replace(
            node,
            resources=self.resources,
            country=self.country,
            city=self.city,
            virtualized=node.virtualized or self.virtualized,
        )
        kept.put(state, tables.NODES, tables.id_key(node.id), after)
