"""set_power_state: a node tells that it goes to sleep, or that it is awake. Free, spaced (P25)."""

from dataclasses import dataclass, replace

from tfchain.base.units import NodeId, Seconds
from tfchain.errors import Rejected
from tfchain.ledger import kept, tables
from tfchain.ledger.state import State
from tfchain.tx import running
from tfchain.tx.kind import Context
from tfchain.tx.lookup import check_enabled, reported_row


@dataclass(frozen=True, slots=True, kw_only=True)
class SetPowerState:
    """`up`: whether the node is awake; `t`: its clock when it signed, against replays."""

    node_id: NodeId
    t: Seconds
    up: bool

    def space(self, state: State, context: Context) -> None:
        """Refused with `unknown_node`, `not_the_reporter`, `report_time`, `too_soon`."""
        row = reported_row(state, self.node_id, context.sender)
        limits = context.params.uptime
        if abs(self.t - context.time) > limits.report_window:
            raise Rejected("report_time", f"signed at {self.t}, block time is {context.time}")
        # Where a chain sets no spacing, the same bytes must still not pass twice.
        if self.t < row.power_moved + max(1, limits.power_spacing):
            raise Rejected("too_soon", f"power moved at {row.power_moved}")
        tables.UPTIMES.put(state, tables.id_key(self.node_id), replace(row, power_moved=self.t))

    def apply(self, state: State, context: Context) -> None:
        """Refused with `disabled`."""
        check_enabled(state, self.node_id)
        key = tables.id_key(self.node_id)
        row = tables.UPTIMES.need(state, key)
        after = running.state_set(row, context.params, context.time, self.up)
        kept.put_account(state, key, row, after)
