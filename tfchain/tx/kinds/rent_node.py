"""rent_node: a user takes a node as a whole, at a discount; nobody else deploys on it."""

from dataclasses import dataclass, replace

from tfchain.base.units import NodeId, Utft
from tfchain.errors import Rejected
from tfchain.ledger.cultivation import NO_CONTRACT, NO_GRACE, RENT_CONTRACT, CapacityContract
from tfchain.ledger.state import State
from tfchain.tx import billing, capacity
from tfchain.tx.kind import Context
from tfchain.tx.lookup import check_enabled, node_at, twin_of


@dataclass(frozen=True, slots=True, kw_only=True)
class RentNode:
    """A sleeping node may be rented: it costs nothing until it wakes."""

    node_id: NodeId

    def apply(self, state: State, context: Context) -> None:
        """As a whole, or not at all.

        Refused with `billing_off`, `no_twin`, `unknown_node`, `disabled`, `rented`,
        `has_contracts`.
        """
        capacity.billing_of(context.params)
        twin = twin_of(state, context.sender)
        node = node_at(state, self.node_id)
        check_enabled(state, node.id)
        load = capacity.load_of(state, node.id)
        if load.rent_id != NO_CONTRACT:
            raise Rejected("rented", f"contract {load.rent_id} has the whole node")
        if load.contracts:
            raise Rejected("has_contracts", f"{load.contracts} contracts are on the node")
        number, now = billing.next_id(state), context.time
        contract = CapacityContract(
            id=number,
            twin_id=twin.id,
            node_id=node.id,
            type=RENT_CONTRACT,
            reserved=capacity.NOTHING,
            used=capacity.NOTHING,
            farm_id=node.farm_id,
            public_ips=0,
            deployment_hash=b"",
            deployment_data=b"",
            created=now,
            rented=False,
            own=capacity.is_own(state, node, twin.id),
            counted_at=now,
            consumed_at=now,
            billed_at=now,
            unbilled=0,
            unbilled_extra=0,
            grace_since=NO_GRACE,
            owed=Utft(0),
            owed_extra=Utft(0),
            paid=Utft(0),
            discount=0,
        )
        capacity.put_load(state, node.id, replace(load, rent_id=number))
        capacity.save(state, contract)
        billing.enqueue(state, number)
