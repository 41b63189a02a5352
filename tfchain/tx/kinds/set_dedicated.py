"""set_dedicated: a farmer lets a node as a whole only, for a fee of the farmer's own."""

from dataclasses import dataclass, replace

from tfchain.base.shapes import U32
from tfchain.base.units import NodeId
from tfchain.errors import Rejected
from tfchain.ledger.cultivation import NO_CONTRACT
from tfchain.ledger.state import State
from tfchain.tx import capacity
from tfchain.tx.kind import Context
from tfchain.tx.lookup import node_at, own_farm


@dataclass(frozen=True, slots=True, kw_only=True)
class SetDedicated:
    """`extra_fee`: mUSD a month, all of it the farmer's, beside the rent; 0 for none."""

    node_id: NodeId
    dedicated: bool
    extra_fee: U32

    def apply(self, state: State, context: Context) -> None:
        """Refused with `billing_off`, `unknown_node`, `not_the_owner`, `has_contracts`."""
        capacity.billing_of(context.params)
        node = node_at(state, self.node_id)
        own_farm(state, node.farm_id, context.sender)
        load = capacity.load_of(state, node.id)
        if load.contracts or load.rent_id != NO_CONTRACT:
            raise Rejected("has_contracts", "the terms of a node in use stay what they are")
        after = replace(load, dedicated=self.dedicated, extra_fee=self.extra_fee)
        capacity.put_load(state, node.id, after)
