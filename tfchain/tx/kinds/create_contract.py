"""create_contract: a user takes a part of a node, and public addresses of its farm (P20)."""

from dataclasses import dataclass, replace
from typing import Annotated

from tfchain.base.shapes import U16, Blob, Hash, Nested
from tfchain.base.units import NodeId, Utft
from tfchain.errors import Rejected
from tfchain.ledger import tables
from tfchain.ledger.cultivation import (
    DEPLOYMENT_BYTES_MAX,
    NO_CONTRACT,
    NO_GRACE,
    NODE_CONTRACT,
    CapacityContract,
    CapacityRef,
    Load,
)
from tfchain.ledger.records import Node, Resources, Twin
from tfchain.ledger.state import State
from tfchain.tx import billing, capacity
from tfchain.tx.kind import Context
from tfchain.tx.lookup import check_enabled, node_at, twin_of


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateContract:
    """`reserved` is set aside at once; the user pays for what the node tells is used of it.

    `deployment_hash`: what is deployed, one contract a node for each; `deployment_data`: for the
    user's own tools.
    """

    node_id: NodeId
    reserved: Annotated[Resources, Nested(Resources)]
    public_ips: U16
    deployment_hash: Hash
    deployment_data: Annotated[bytes, Blob(0, DEPLOYMENT_BYTES_MAX)]

    def apply(self, state: State, context: Context) -> None:
        """Take capacity and addresses, and stand in the queue for bills.

        Refused with `billing_off`, `no_twin`, `unknown_node`, `disabled`, `node_asleep`, `rented`, `dedicated`,
        `capacity`, `deployed`, `public_ips`.
        """
        capacity.billing_of(context.params)
        twin = twin_of(state, context.sender)
        node = node_at(state, self.node_id)
        check_enabled(state, node.id)
        capacity.check_awake(state, node.id)
        load = capacity.load_of(state, node.id)
        self._check_renter(state, load, twin)
        reserved = capacity.plus(load.reserved, self.reserved)
        capacity.check_room(node.resources, reserved)
        place = tables.deployed_key(node.id, self.deployment_hash)
        if tables.DEPLOYED.get(state, place) is not None:
            raise Rejected("deployed", "another contract has this deployment on the node")
        number = billing.next_id(state)
        if self.public_ips:
            capacity.take_ips(state, node.farm_id, number, self.public_ips)
        tables.DEPLOYED.put(state, place, CapacityRef(contract_id=number))
        after = replace(load, reserved=reserved, contracts=load.contracts + 1)
        capacity.put_load(state, node.id, after)
        capacity.save(state, self._contract(state, context, node, twin, number))
        billing.enqueue(state, number)

    def _check_renter(self, state: State, load: Load, twin: Twin) -> None:
        if load.rent_id != NO_CONTRACT:
            if capacity.contract_at(state, load.rent_id).twin_id != twin.id:
                raise Rejected("rented", "another twin has the whole node")
        elif load.dedicated:
            raise Rejected("dedicated", "this node is let as a whole only")

    def _contract(
        self, state: State, context: Context, node: Node, twin: Twin, number: int
    ) -> CapacityContract:
        now = context.time
        return CapacityContract(
            id=number,
            twin_id=twin.id,
            node_id=node.id,
            type=NODE_CONTRACT,
            reserved=self.reserved,
            used=capacity.NOTHING,
            farm_id=node.farm_id,
            public_ips=self.public_ips,
            deployment_hash=self.deployment_hash,
            deployment_data=self.deployment_data,
            created=now,
            rented=capacity.load_of(state, node.id).rent_id != NO_CONTRACT,
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
