"""register_node: a machine joins a farm, and its reward contract is frozen (P18)."""

from dataclasses import dataclass
from typing import Annotated

from tfchain.base.shapes import Blob, Nested
from tfchain.base.units import Address, FarmId, NodeId, Seconds, TwinId
from tfchain.errors import Rejected
from tfchain.ledger import kept, tables
from tfchain.ledger.accounts import debit
from tfchain.ledger.params import RegimeRow
from tfchain.ledger.records import Node, NodeRef, Place, Resources, Uptime
from tfchain.ledger.state import State
from tfchain.ledger.uptime import PowerState
from tfchain.tx.contracts import contract_of, own_terms
from tfchain.tx.kind import Context
from tfchain.tx.lookup import check_acceptance, check_resources, farm_at, next_ids, twin_of
from tfchain.tx.running import first_account


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterNode:
    """The sender's twin becomes the node's; `reporter` is the key that signs its reports.

    `acceptance`: the farm owner's signature over `tx.lookup.acceptance_message`, empty where the
    owner sends this himself.
    """

    farm_id: FarmId
    reporter: Address
    resources: Annotated[Resources, Nested(Resources)]
    country: Place
    city: Place
    virtualized: bool
    acceptance: Annotated[bytes, Blob(0, 64)]

    def apply(self, state: State, context: Context) -> None:
        """Join the farm under the terms of today.

        Refused with `no_twin`, `node_exists`, `unknown_farm`, `not_accepted`, `resources`,
        `balance`, `unknown_policy`, `no_regime`.
        """
        twin = twin_of(state, context.sender)
        if tables.NODE_OF.get(state, tables.id_key(twin.id)) is not None:
            raise Rejected("node_exists", "a twin runs one node")
        farm = farm_at(state, self.farm_id)
        check_resources(context, self.resources)
        check_acceptance(state, context, farm, self.resources, self.acceptance)
        regime = context.params.regime_at(context.time)
        if regime is None:
            raise Rejected("no_regime", "no regime takes registrations yet")
        debit(state, context.sender, context.params.node_deposit)
        node = self._node(context, NodeId(next_ids(state, nodes=1).nodes), twin.id)
        key = tables.id_key(node.id)
        kept.put(state, tables.NODES, key, node)
        contract = contract_of(state, context, node, regime)
        kept.put(state, tables.CONTRACTS, key, contract)
        kept.put(state, tables.OWN_TERMS, key, own_terms(state, context, node, contract, regime))
        tables.NODE_OF.put(state, tables.id_key(twin.id), NodeRef(node_id=node.id))
        tables.UPTIMES.put(state, key, self._uptime(context, regime))

    def _node(self, context: Context, node_id: NodeId, twin_id: TwinId) -> Node:
        return Node(
            id=node_id,
            farm_id=self.farm_id,
            twin_id=twin_id,
            resources=self.resources,
            country=self.country,
            city=self.city,
            certified=False,
            virtualized=self.virtualized,
            created=context.time,
            deposit=context.params.node_deposit,
        )

    def _uptime(self, context: Context, regime: RegimeRow) -> Uptime:
        schedule = context.params.schedule(regime.schedule)
        return Uptime(
            reporter=self.reporter,
            schedule=regime.schedule,
            last_t=Seconds(0),
            power_moved=Seconds(0),
            power=PowerState(target_up=True, state_up=True, down_at=Seconds(0)),
            running=first_account(schedule, context.time),
            ended=None,
        )
