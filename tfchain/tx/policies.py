"""Which farming policy a new node gets, and how farms get policies of their own (rules.md 6).

A farm's attached policy goes first, while the node fits what is left of its limits. Otherwise the
best of the policies that votes made a default and the node may have: gold before plain, certified
before not, the newest first. Where none fits it is the chain's own default. Every step asks for the
certification of node and farm, and a policy that has ended is given to nobody.
"""

from dataclasses import replace

from tfchain.base.units import Millionths, PolicyId, Seconds
from tfchain.errors import Rejected
from tfchain.ledger import tables
from tfchain.ledger.electorate import standing_of
from tfchain.ledger.measures import AttachPolicy, PolicyOffer
from tfchain.ledger.proposals import (
    POLICIES_MAX,
    FarmLimits,
    FarmStanding,
    PolicyBook,
    PolicyTerms,
)
from tfchain.ledger.records import Farm, Policy
from tfchain.ledger.state import State
from tfchain.tx.kind import Context
from tfchain.tx.lookup import farm_at

UPTIME_LEAST = 500
"""Per mille; below it a policy must say that it means it."""
MILLION = 1_000_000
EMPTY = PolicyBook(terms=())


def at(state: State, policy_id: PolicyId) -> Policy:
    """The policy; `Rejected("unknown_policy")`."""
    policy = tables.POLICIES.get(state, tables.id_key(policy_id))
    if policy is None:
        raise Rejected("unknown_policy", str(policy_id))
    return policy


def add(state: State, context: Context, offer: PolicyOffer) -> None:
    """A new policy, under the next id that nobody has (P18).

    Refused with `policy_uptime`, `policy_expired`, `policies_full`.
    """
    if offer.minimal_uptime < UPTIME_LEAST and not offer.allow_low_uptime:
        raise Rejected("policy_uptime", f"{offer.minimal_uptime} per mille: is per cent meant?")
    if offer.until and offer.until <= context.time:
        raise Rejected("policy_expired", f"it ended at {offer.until}")
    book = _book(state)
    if len(book.terms) >= POLICIES_MAX:
        raise Rejected("policies_full", f"{POLICIES_MAX} at most")
    number = _free_id(state, book)
    policy = Policy(
        id=number,
        name=offer.name,
        price_cu=offer.price_cu,
        price_su=offer.price_su,
        price_nu=offer.price_nu,
        price_ipv4=offer.price_ipv4,
        minimal_uptime=offer.minimal_uptime,
        immutable=offer.immutable,
        default=offer.default,
    )
    terms = PolicyTerms(
        policy_id=number,
        default=offer.default,
        node_certified=offer.node_certified,
        gold=offer.gold,
        until=offer.until,
    )
    tables.POLICIES.put(state, tables.id_key(number), policy)
    tables.POLICY_BOOK.put(state, tables.SINGLE, PolicyBook(terms=(*book.terms, terms)))


def attach(state: State, context: Context, measure: AttachPolicy) -> None:
    """Give a farm a policy of its own for its next nodes, or take it off again (policy 0).

    Refused with `unknown_farm`, `no_change`, `unknown_policy`, `policy_expired`, `not_gold`.
    """
    farm = farm_at(state, measure.farm_id)
    standing = standing_of(state, farm.id)
    limits = None
    if measure.policy_id:
        at(state, measure.policy_id)
        terms = _terms(state, measure.policy_id)
        if _over(terms.until, context.time) or _over(measure.until, context.time):
            raise Rejected("policy_expired", f"policy {measure.policy_id}")
        if terms.gold and not standing.gold:
            raise Rejected("not_gold", f"farm {farm.id} is not certified for it")
        limits = _limits(measure)
    if limits == standing.limits:
        raise Rejected("no_change", "it is so already")
    tables.STANDINGS.put(state, tables.id_key(farm.id), replace(standing, limits=limits))


def take(
    state: State, context: Context, farm: Farm, size: tuple[Millionths, Millionths], certified: bool
) -> Policy:
    """The policy of a node with that CU and SU which joins a farm now; limits are used up by it.

    Refused with `unknown_policy`, where the chain's own default is missing.
    """
    standing = standing_of(state, farm.id)
    left = None
    if standing.limits is not None and _is_open(state, context, standing, certified):
        left = _left(standing.limits, size)
    if left is not None:
        tables.STANDINGS.put(state, tables.id_key(farm.id), replace(standing, limits=left))
        return at(state, left.policy_id)
    return at(state, _default(state, context, standing, certified))


def _is_open(state: State, context: Context, standing: FarmStanding, certified: bool) -> bool:
    """Whether the attached policy is there for such a node today."""
    limits = standing.limits
    assert limits is not None, "the caller has looked"
    terms = _terms(state, limits.policy_id)
    if _over(limits.until, context.time) or _over(terms.until, context.time):
        return False
    if terms.gold and not standing.gold:
        return False
    return certified or not (limits.node_certified or terms.node_certified)


def _left(limits: FarmLimits, size: tuple[Millionths, Millionths]) -> FarmLimits | None:
    """What remains once a node has taken its part; None where it does not fit."""
    rest = [
        None if has is None else has - needs
        for has, needs in ((limits.cu, size[0]), (limits.su, size[1]), (limits.nodes, 1))
    ]
    if any(one is not None and one < 0 for one in rest):
        return None
    return replace(limits, cu=rest[0], su=rest[1], nodes=rest[2])


def _default(state: State, context: Context, standing: FarmStanding, certified: bool) -> PolicyId:
    fitting = [
        (terms.gold, terms.node_certified, terms.policy_id)
        for terms in _book(state).terms
        if terms.default
        and not _over(terms.until, context.time)
        and terms.node_certified <= certified
        and terms.gold <= standing.gold
    ]
    return max(fitting)[2] if fitting else context.params.policy


def _over(until: Seconds, now: Seconds) -> bool:
    return 0 < until <= now


def _limits(measure: AttachPolicy) -> FarmLimits:
    return FarmLimits(
        policy_id=measure.policy_id,
        cu=measure.cu * MILLION if measure.cu else None,
        su=measure.su * MILLION if measure.su else None,
        nodes=measure.nodes or None,
        until=measure.until,
        node_certified=measure.node_certified,
    )


def _book(state: State) -> PolicyBook:
    return tables.POLICY_BOOK.get(state, tables.SINGLE) or EMPTY


def _terms(state: State, policy_id: PolicyId) -> PolicyTerms:
    """For whom a policy is; those of genesis are for everybody, for ever."""
    known = [terms for terms in _book(state).terms if terms.policy_id == policy_id]
    blank = PolicyTerms(
        policy_id=policy_id, default=False, node_certified=False, gold=False, until=Seconds(0)
    )
    return known[0] if known else blank


def _free_id(state: State, book: PolicyBook) -> PolicyId:
    """Above all that votes gave, and none that genesis gave: it has 64 at most."""
    number = PolicyId(book.terms[-1].policy_id + 1 if book.terms else 1)
    while tables.POLICIES.get(state, tables.id_key(number)) is not None:
        number = PolicyId(number + 1)
    return number
