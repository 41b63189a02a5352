"""What a node is promised when it registers, and again when it registers anew (P18, seed 003)."""

from tfchain.base.units import PerMille, Seconds
from tfchain.ledger import tables
from tfchain.ledger.params import RegimeRow
from tfchain.ledger.records import Contract, Node
from tfchain.ledger.state import State
from tfchain.ledger.terms import FarmPool, OwnTerms
from tfchain.rules.capacity import compute_units, storage_units
from tfchain.rules.regime import UNASKED, UNMANAGED_NEW, Registration, Terms
from tfchain.rules.schedule import REGIMES
from tfchain.tx import policies, regimes
from tfchain.tx.kind import Context
from tfchain.tx.lookup import farm_at

USUAL_POOL = FarmPool(pool=UNMANAGED_NEW, guarantee=UNASKED)
"""Of a farm that never said what it is."""


def contract_of(state: State, context: Context, node: Node, regime: RegimeRow) -> Contract:
    """The policy and price of the day: a node that registers anew may be certified by now.

    Refused with what `policies.take` says.
    """
    params = context.params
    size = compute_units(node.resources), storage_units(node.resources)
    farm = farm_at(state, node.farm_id)
    policy = policies.take(state, context, farm, size, certified=node.certified)
    return Contract(
        node_id=node.id,
        regime=regime.regime,
        schedule=regime.schedule,
        policy_id=policy.id,
        price_cu=policy.price_cu,
        price_su=policy.price_su,
        price_nu=policy.price_nu,
        price_ipv4=policy.price_ipv4,
        minimal_uptime=policy.minimal_uptime,
        policy_immutable=policy.immutable,
        policy_default=policy.default,
        connection_price=params.connection_price,
        registered=context.time,
        cu=size[0],
        su=size[1],
    )


def own_terms(
    state: State, context: Context, node: Node, contract: Contract, regime: RegimeRow
) -> OwnTerms:
    """What the regime freezes of its own: the offer of the day, and the farm's type of pool."""
    pool = tables.FARM_POOLS.get(state, tables.id_key(node.farm_id)) or USUAL_POOL
    rules, schedule = REGIMES[regime.regime], context.params.schedule(regime.schedule)
    joined = Registration(
        resources=node.resources,
        certified=node.certified,
        length=Seconds(schedule.own or schedule.length),
        policy=policy_terms(contract),
        pool=pool.pool,
        guarantee=PerMille(pool.guarantee),
    )
    return OwnTerms(
        node_id=node.id,
        regime=contract.regime,
        registered=contract.registered,
        pool=pool.pool,
        guarantee=pool.guarantee,
        numbers=rules.frozen(regimes.offered(state, regime), joined),
    )


def policy_terms(contract: Contract, own: tuple[int, ...] = ()) -> Terms:
    """A contract as its regime reads it."""
    return Terms(
        policy_id=contract.policy_id,
        price_cu=contract.price_cu,
        price_su=contract.price_su,
        price_nu=contract.price_nu,
        price_ipv4=contract.price_ipv4,
        minimal_uptime=contract.minimal_uptime,
        policy_immutable=contract.policy_immutable,
        policy_default=contract.policy_default,
        connection_price=contract.connection_price,
        own=own,
    )
