"""Doing what a vote decided: one verb for all measures, each refused where it cannot be done.

Nothing here touches a contract: what a node registered under stays as it is, whatever is voted later
(P18).
"""

from dataclasses import replace
from typing import assert_never

from tfchain.base.limits import GUARDIANS_MAX
from tfchain.errors import Rejected
from tfchain.ledger import kept, roster, tables
from tfchain.ledger.changes import SetConstant, SetPower, Upgrade
from tfchain.ledger.electorate import standing_of
from tfchain.ledger.measures import (
    AddRegime,
    ApproveBatch,
    AttachPolicy,
    CertifyFarm,
    CertifyNode,
    FixReceipt,
    FlagFraud,
    Halt,
    LowerCap,
    Measure,
    PolicyOffer,
    SeatGuardian,
    SetDefaultPolicy,
    SetPrice,
    SetRule,
    VoidBatch,
)
from tfchain.ledger.params import Params, RegimeRow
from tfchain.ledger.proposals import FraudMark, RuleValue
from tfchain.ledger.records import Guardians
from tfchain.ledger.state import State
from tfchain.tx import changes, disputes, fixups, policies, regimes
from tfchain.tx.kind import Context
from tfchain.tx.lookup import farm_at, node_at, totals
from tfchain.tx.proposals import docket_of

REGIMES_MAX = 64
"""Rows that the constants have room for."""


def carry_out(state: State, context: Context, number: int, measure: Measure) -> None:
    """Do what proposal `number` asks for.

    Refused with `no_change`, `policy_uptime`, `policies_full`, `unknown_policy`, `policy_expired`,
    `not_gold`, `unknown_farm`, `unknown_node`, `cap_rises`, `cap_passed`, `last_guardian`,
    `guardians_full`, `unknown_regime`, `regime_offer`, `regime_order`, `unknown_rule`, `fraud`, and as `changes.carry_out`, the guard
    of a third, `disputes` and `fixups`.
    """
    match measure:
        case SetPrice() | SetDefaultPolicy() | LowerCap() | AddRegime():
            _set_params(state, _after(state, context, measure))
        case PolicyOffer():
            policies.add(state, context, measure)
        case AttachPolicy():
            policies.attach(state, context, measure)
        case SeatGuardian():
            _seat_guardian(state, measure)
        case SetRule():
            _set_rule(state, number, measure)
        case SetPower() | SetConstant() | Upgrade():
            changes.carry_out(state, context, measure)
            if isinstance(measure, SetPower):
                roster.check_third(state, context.height)
        case FlagFraud():
            _flag(state, context, number, measure)
        case CertifyNode():
            _certify_node(state, measure)
        case CertifyFarm():
            _certify_farm(state, measure)
        case Halt():
            docket = docket_of(state)
            _changes_something(docket.halted, measure.halted)
            tables.DOCKET.put(state, tables.SINGLE, replace(docket, halted=measure.halted))
        case _:
            _correct(state, context, number, measure)


def _correct(
    state: State, context: Context, number: int, measure: ApproveBatch | VoidBatch | FixReceipt
) -> None:
    """What guardians rule about pay that is in dispute, or was wrong."""
    match measure:
        case ApproveBatch():
            disputes.approve(state, context, number, measure)
        case VoidBatch():
            disputes.void(state, context.height, number, measure)
        case FixReceipt():
            fixups.fix(state, context, number, measure)
        case _:
            assert_never(measure)


def _changes_something(before: object, after: object) -> None:
    if before == after:
        raise Rejected("no_change", "it is so already")


def _set_params(state: State, after: Params) -> None:
    """The next block is judged by them; this one by what it began with (consensus 1.10.1)."""
    _changes_something(tables.PARAMS.need(state, tables.SINGLE), after)
    tables.PARAMS.put(state, tables.SINGLE, after)


def _after(
    state: State, context: Context, measure: SetPrice | SetDefaultPolicy | LowerCap | AddRegime
) -> Params:
    params = tables.PARAMS.need(state, tables.SINGLE)
    match measure:
        case SetPrice():
            return replace(params, connection_price=measure.price)
        case SetDefaultPolicy():
            policies.at(state, measure.policy_id)
            return replace(params, policy=measure.policy_id)
        case LowerCap():
            _check_cap(state, params, measure)
            return replace(params, supply_cap=measure.cap)
        case AddRegime():
            return replace(params, regimes=_regimes(params, context, measure))
        case _:
            assert_never(measure)


def _check_cap(state: State, params: Params, measure: LowerCap) -> None:
    now = totals(state)
    if measure.cap > params.supply_cap:
        raise Rejected("cap_rises", f"it is {params.supply_cap}, and only falls")
    if measure.cap < now.minted_ever + now.reserved:
        raise Rejected("cap_passed", f"{now.minted_ever + now.reserved} are minted or promised")


def _regimes(params: Params, context: Context, measure: AddRegime) -> tuple[RegimeRow, ...]:
    """A regime begins in the future and after all others: no registration is judged anew."""
    regimes.check_offer(measure.regime, measure.offer)
    if measure.schedule not in [row.id for row in params.schedules]:
        raise Rejected("unknown_regime", f"schedule {measure.schedule}")
    last = max((row.start for row in params.regimes), default=0)
    if measure.start <= max(context.time, last) or len(params.regimes) >= REGIMES_MAX:
        raise Rejected("regime_order", f"after {max(context.time, last)} is due")
    row = RegimeRow(
        start=measure.start,
        regime=measure.regime,
        schedule=measure.schedule,
        offer=measure.offer,
    )
    return (*params.regimes, row)


def _seat_guardian(state: State, measure: SeatGuardian) -> None:
    """Batches that are sealed keep the guardians that they were sealed with (P10)."""
    accounts = tables.GUARDIANS.need(state, tables.SINGLE).accounts
    _changes_something(measure.account in accounts, measure.seated)
    others = tuple(one for one in accounts if one != measure.account)
    after = tuple(sorted((*others, measure.account))) if measure.seated else others
    if not after:
        raise Rejected("last_guardian", "who would approve a mint?")
    if len(after) > GUARDIANS_MAX:
        raise Rejected("guardians_full", f"{GUARDIANS_MAX} at most")
    tables.GUARDIANS.put(state, tables.SINGLE, Guardians(accounts=after))


def _set_rule(state: State, number: int, measure: SetRule) -> None:
    if measure.name not in regimes.RULE_NAMES:
        raise Rejected("unknown_rule", f"no regime asks for {measure.name}")
    name = measure.name.encode()
    known = tables.RULES.get(state, name)
    _changes_something(None if known is None else known.value, measure.value)
    tables.RULES.put(state, name, RuleValue(value=measure.value, proposal=number))


def _flag(state: State, context: Context, number: int, measure: FlagFraud) -> None:
    """The node is disabled, its twin marked, and its farm's reputation a step lower."""
    node = node_at(state, measure.node_id)
    if tables.FRAUDS.get(state, tables.of_node(node.id)) is not None:
        raise Rejected("no_change", f"node {node.id} is flagged already")
    mark = FraudMark(
        node_id=node.id,
        proposal=number,
        evidence=measure.evidence,
        height=context.height,
        time=context.time,
    )
    kept.put(state, tables.FRAUDS, tables.of_node(node.id), mark)
    tables.FRAUDS.put(state, tables.of_twin(node.twin_id), mark)
    standing = standing_of(state, node.farm_id)
    lower = replace(standing, frauds=standing.frauds + 1)
    tables.STANDINGS.put(state, tables.id_key(node.farm_id), lower)


def _certify_node(state: State, measure: CertifyNode) -> None:
    node = node_at(state, measure.node_id)
    _changes_something(node.certified, measure.certified)
    if measure.certified and tables.FRAUDS.get(state, tables.of_node(node.id)) is not None:
        raise Rejected("fraud", f"node {node.id} is flagged")
    after = replace(node, certified=measure.certified)
    kept.put(state, tables.NODES, tables.id_key(node.id), after)


def _certify_farm(state: State, measure: CertifyFarm) -> None:
    farm = farm_at(state, measure.farm_id)
    standing = standing_of(state, farm.id)
    _changes_something(standing.gold, measure.gold)
    tables.STANDINGS.put(state, tables.id_key(farm.id), replace(standing, gold=measure.gold))
