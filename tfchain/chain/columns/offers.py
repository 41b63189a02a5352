"""What a node gets that registers now: price, policies, limits, as votes moved them, counted once more.

Votes come into force in transactions that stand in blocks, so that this program reads their outcome
there. Price, default and regimes hold from the block after; what is said of a farm or a node at once.
"""

from dataclasses import dataclass, replace
from typing import Annotated, Final

from tfchain.base.shapes import Many, Maybe, Nested
from tfchain.base.units import (
    U32_MAX,
    FarmId,
    Millionths,
    MilliUsd,
    NodeId,
    PolicyId,
    Seconds,
)
from tfchain.errors import Malformed
from tfchain.ledger.measures import (
    AddRegime,
    AttachPolicy,
    CertifyFarm,
    FlagFraud,
    Measure,
    PolicyOffer,
    SetDefaultPolicy,
    SetPrice,
    SetRule,
)
from tfchain.ledger.params import Params, RegimeRow
from tfchain.ledger.proposals import FarmLimits, PolicyTerms
from tfchain.ledger.records import Node, Policy

MILLION: Final = 1_000_000
_ROWS: Final = U32_MAX


@dataclass(frozen=True, slots=True, kw_only=True)
class FarmOffer:
    """What votes said of a farm."""

    farm_id: FarmId
    gold: bool
    limits: Annotated[FarmLimits | None, Maybe(Nested(FarmLimits))]


@dataclass(frozen=True, slots=True, kw_only=True)
class Flagged:
    """A fraud, and when it was flagged."""

    node_id: NodeId
    time: Seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """All that was voted so far and that a node's pay depends on."""

    price: MilliUsd
    policy: PolicyId
    """The chain's own default."""
    regimes: Annotated[tuple[RegimeRow, ...], Many(Nested(RegimeRow), _ROWS)]
    policies: Annotated[tuple[Policy, ...], Many(Nested(Policy), _ROWS)]
    """Those of genesis first, then the voted ones, in order of their coming."""
    terms: Annotated[tuple[PolicyTerms, ...], Many(Nested(PolicyTerms), _ROWS)]
    """Of the voted ones."""
    farms: Annotated[tuple[FarmOffer, ...], Many(Nested(FarmOffer), _ROWS)]
    """In order of id; only farms that something was said of."""
    flagged: Annotated[tuple[Flagged, ...], Many(Nested(Flagged), _ROWS)]
    rules: Annotated[tuple[SetRule, ...], Many(Nested(SetRule), _ROWS)] = ()
    """Numbers of regimes that were voted on by name, each once."""


def at_genesis(params: Params, policies: tuple[Policy, ...]) -> Offered:
    """Before the first vote."""
    return Offered(
        price=params.connection_price,
        policy=params.policy,
        regimes=params.regimes,
        policies=policies,
        terms=(),
        farms=(),
        flagged=(),
    )


def at_once(known: Offered, measure: Measure, block: Seconds) -> Offered:
    """What holds for the transactions that follow in the very block."""
    match measure:
        case PolicyOffer():
            return _with_policy(known, measure)
        case AttachPolicy():
            farm = replace(_farm(known, measure.farm_id), limits=_limits(measure))
            return _with_farm(known, farm)
        case CertifyFarm():
            return _with_farm(known, replace(_farm(known, measure.farm_id), gold=measure.gold))
        case FlagFraud():
            flagged = Flagged(node_id=measure.node_id, time=block)
            return replace(known, flagged=(*known.flagged, flagged))
        case SetRule():
            others = tuple(row for row in known.rules if row.name != measure.name)
            return replace(known, rules=(*others, measure))
        case _:
            return known


def afterwards(known: Offered, measure: Measure) -> Offered:
    """What holds from the next block on."""
    match measure:
        case SetPrice():
            return replace(known, price=measure.price)
        case SetDefaultPolicy():
            return replace(known, policy=measure.policy_id)
        case AddRegime():
            row = RegimeRow(
                start=measure.start,
                regime=measure.regime,
                schedule=measure.schedule,
                offer=measure.offer,
            )
            return replace(known, regimes=(*known.regimes, row))
        case _:
            return known


def is_flagged(known: Offered, node_id: int, end: int) -> bool:
    """Whether a node had been flagged when a period ended."""
    return any(row.node_id == node_id and row.time < end for row in known.flagged)


def taken(
    known: Offered, node: Node, size: tuple[Millionths, Millionths], now: Seconds
) -> tuple[Policy, Offered]:
    """The policy of a node that registers now, or anew, and what is left to others.

    Raises:
        Malformed: nobody made the policy that it would get.
    """
    farm, certified = _farm(known, node.farm_id), node.certified
    limits = farm.limits
    if limits is not None and limits.node_certified <= certified and _runs(limits.until, now):
        terms = _terms(known, limits.policy_id)
        fits = terms is None or _suits(terms, farm, certified, now)
        needs = (size[0], size[1], 1)
        rest = [_minus(*pair) for pair in zip(_of(limits), needs, strict=True)]
        if fits and all(left is None or left >= 0 for left in rest):
            spent = replace(limits, cu=rest[0], su=rest[1], nodes=rest[2])
            after = _with_farm(known, replace(farm, limits=spent))
            return _policy(known, limits.policy_id), after
    best = [row for row in known.terms if row.default and _suits(row, farm, certified, now)]
    best.sort(key=lambda row: (row.gold, row.node_certified, row.policy_id))
    return _policy(known, best[-1].policy_id if best else known.policy), known


def _suits(terms: PolicyTerms, farm: FarmOffer, certified: bool, now: Seconds) -> bool:
    enough = terms.node_certified <= certified and terms.gold <= farm.gold
    return enough and _runs(terms.until, now)


def _runs(until: int, now: int) -> bool:
    return until == 0 or now < until


def _minus(has: int | None, needs: int) -> int | None:
    return None if has is None else has - needs


def _of(limits: FarmLimits) -> tuple[int | None, int | None, int | None]:
    return limits.cu, limits.su, limits.nodes


def _with_policy(known: Offered, offer: PolicyOffer) -> Offered:
    """The next number above all that votes gave, and past those of genesis."""
    number = known.terms[-1].policy_id + 1 if known.terms else 1
    used = {row.id for row in known.policies}
    while number in used:
        number += 1
    policy = Policy(
        id=PolicyId(number),
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
        policy_id=policy.id,
        default=offer.default,
        node_certified=offer.node_certified,
        gold=offer.gold,
        until=offer.until,
    )
    return replace(known, policies=(*known.policies, policy), terms=(*known.terms, terms))


def _limits(measure: AttachPolicy) -> FarmLimits | None:
    if measure.policy_id == 0:
        return None
    return FarmLimits(
        policy_id=measure.policy_id,
        cu=MILLION * measure.cu or None,
        su=MILLION * measure.su or None,
        nodes=measure.nodes or None,
        until=measure.until,
        node_certified=measure.node_certified,
    )


def _farm(known: Offered, farm_id: int) -> FarmOffer:
    found = [row for row in known.farms if row.farm_id == farm_id]
    return found[0] if found else FarmOffer(farm_id=FarmId(farm_id), gold=False, limits=None)


def _with_farm(known: Offered, farm: FarmOffer) -> Offered:
    others = [row for row in known.farms if row.farm_id != farm.farm_id]
    return replace(known, farms=tuple(sorted([*others, farm], key=lambda row: row.farm_id)))


def _terms(known: Offered, policy_id: int) -> PolicyTerms | None:
    found = [row for row in known.terms if row.policy_id == policy_id]
    return found[0] if found else None


def _policy(known: Offered, policy_id: int) -> Policy:
    found = [row for row in known.policies if row.id == policy_id]
    if not found:
        raise Malformed(f"nobody made policy {policy_id}")
    return found[0]
