"""set_power_target: a farm's owner asks a node to sleep, or to wake."""

from dataclasses import dataclass

from tfchain.base.units import NodeId
from tfchain.ledger import kept, tables
from tfchain.ledger.state import State
from tfchain.tx import running
from tfchain.tx.kind import Context
from tfchain.tx.lookup import node_at, own_farm


@dataclass(frozen=True, slots=True, kw_only=True)
class SetPowerTarget:
    """`up`: whether the node is asked to be awake."""

    node_id: NodeId
    up: bool

    def apply(self, state: State, context: Context) -> None:
        """Refused with `unknown_node`, `not_the_owner`."""
        node = node_at(state, self.node_id)
        own_farm(state, node.farm_id, context.sender)
        key = tables.id_key(node.id)
        row = tables.UPTIMES.need(state, key)
        after = running.target_set(row, context.params, context.time, self.up)
        kept.put_account(state, key, row, after)
