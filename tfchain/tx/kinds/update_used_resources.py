"""update_used_resources: a node tells what its contracts use. Free, spaced (P20, P25)."""

from dataclasses import dataclass, replace
from typing import Annotated

from tfchain.base.shapes import U32, Many, Nested
from tfchain.base.units import NodeId, Seconds
from tfchain.errors import Rejected
from tfchain.ledger.cultivation import NODE_CONTRACT, REPORTED_MAX
from tfchain.ledger.records import Resources
from tfchain.ledger.state import State
from tfchain.tx import billing, capacity
from tfchain.tx.kind import Context
from tfchain.tx.lookup import check_enabled, reported_row


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedResources:
    """What one contract uses from now on."""

    contract_id: U32
    used: Annotated[Resources, Nested(Resources)]


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateUsedResources:
    """`t`: the node's clock when it signed, against replays. All of it counts, or nothing."""

    node_id: NodeId
    t: Seconds
    contracts: Annotated[tuple[UsedResources, ...], Many(Nested(UsedResources), REPORTED_MAX)]

    def space(self, state: State, context: Context) -> None:
        """Once in a while, by its reporter alone.

        Refused with `unknown_node`, `not_the_reporter`, `billing_off`, `report_time`,
        `too_soon`.
        """
        reported_row(state, self.node_id, context.sender)
        row = capacity.billing_of(context.params)
        load = capacity.load_of(state, self.node_id)
        capacity.check_spacing(context, row, self.t, load.used_t)
        capacity.put_load(state, self.node_id, replace(load, used_t=self.t))

    def apply(self, state: State, context: Context) -> None:
        """What was used until now is counted as it was.

        Refused with `disabled`, `unknown_contract`, `not_on_node`, `rent`, `capacity`.
        """
        check_enabled(state, self.node_id)
        row = capacity.billing_of(context.params)
        for one in self.contracts:
            contract = capacity.contract_on(state, one.contract_id, self.node_id)
            if contract.type != NODE_CONTRACT:
                raise Rejected("rent", "a rent contract uses the whole node")
            capacity.check_room(contract.reserved, one.used)
            contract = billing.count(state, row, contract, context.time)
            capacity.save(state, replace(contract, used=one.used))
