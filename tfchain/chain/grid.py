"""A period of the public chain, from its events to its v3 receipts.

Total on anything that `grid_input` lets through: events about nodes or contracts that nobody knows
change nothing, what a receipt refers to and is not there is shown as empty, and pays nothing (P12).
"""

from dataclasses import dataclass, replace
from typing import Final, assert_never

from tfchain.base.units import U64_MAX, MilliUsd, NodeId, Seconds
from tfchain.chain.grid_events import (
    ContractMade,
    Event,
    GridBlock,
    GridContract,
    GridNode,
    GridPolicy,
    NodeSaid,
    PeriodInput,
    StateMoved,
    TargetMoved,
    TrafficSaid,
    UptimeSaid,
    UseSaid,
)
from tfchain.ledger.uptime import ALWAYS_UP, VIOLATIONS, PowerState, UptimeAccount
from tfchain.rules import uptime
from tfchain.rules.periods import standard_bounds
from tfchain.rules.receipt_text import (
    Prices,
    Reward,
    TextReceipt,
    Used,
    cloud_units,
    receipt_hash,
    receipt_text,
    resource_units,
    utilization,
)
from tfchain.rules.regime import Capacity, Measured, Owed, Terms
from tfchain.rules.regimes import farming_v3
from tfchain.rules.uptime import PUBLIC_LIMITS

NO_POLICY: Final = GridPolicy(
    cu=0, su=0, nu=0, ipv4=0, minimal_uptime=0, immutable=False, default=False
)
"""Where the policy is missing: worth nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What one node's period came to. `hash`: BLAKE2b-256 of the text."""

    node_id: NodeId
    receipt_text: str
    hash: bytes
    violation: str
    """Its kind, empty where there is none."""
    owed: Owed
    account: UptimeAccount
    node: GridNode
    """As it was at the period's end."""
    shown: TextReceipt
    """What the text says, as values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Use:
    """What was used of a node in the period."""

    used: Used
    traffic: int


UNUSED: Final = _Use(used=Used(), traffic=0)


@dataclass(slots=True, kw_only=True)
class _Period:
    """What the events have come to so far."""

    start: Seconds
    end: Seconds
    nodes: dict[NodeId, GridNode]
    accounts: dict[NodeId, UptimeAccount]
    power: dict[NodeId, PowerState]
    contracts: dict[int, GridContract]
    traffic_at: dict[int, Seconds]
    use: dict[NodeId, _Use]


def compute(period: PeriodInput) -> list[Result]:
    """The receipts of a period, in node order."""
    live = _opened(period)
    for block in period.blocks:
        for event in block.events:
            _move(live, event, block.time)
    for block in period.post:
        _settle(live, block)
    return [_result(period, live, node_id) for node_id in sorted(live.nodes)]


def _opened(period: PeriodInput) -> _Period:
    start, end = standard_bounds(period.period)
    power = {node.id: period.power.get(node.id, ALWAYS_UP) for node in period.nodes}
    return _Period(
        start=start,
        end=end,
        nodes={node.id: node for node in period.nodes},
        accounts={
            node_id: uptime.opened(start, end, state, period.first_block)
            for node_id, state in power.items()
        },
        power=power,
        contracts={contract.id: contract for contract in period.contracts},
        traffic_at={},
        use={},
    )


def _move(live: _Period, event: Event, time: Seconds) -> None:
    """An event inside the period."""
    match event:
        case UptimeSaid() | TargetMoved() | StateMoved():
            _move_uptime(live, event, time, after=False)
        case NodeSaid(node=node):
            _replace_node(live, node)
        case ContractMade(contract=contract):
            if contract is not None:
                live.contracts[contract.id] = contract
        case UseSaid(contract_id=number, used=used):
            if number in live.contracts:
                live.contracts[number] = replace(live.contracts[number], used=used)
        case TrafficSaid():
            _consume(live, event)
        case _:
            assert_never(event)


def _settle(live: _Period, block: GridBlock) -> None:
    """A block after the period: only what concerns uptime still counts."""
    for event in block.events:
        if isinstance(event, UptimeSaid | TargetMoved | StateMoved):
            _move_uptime(live, event, block.time, after=True)


def _move_uptime(
    live: _Period, event: UptimeSaid | TargetMoved | StateMoved, time: Seconds, *, after: bool
) -> None:
    account = live.accounts.get(event.node_id)
    if account is None:
        return
    power = live.power[event.node_id]
    match event:
        case UptimeSaid(t=t, uptime=up_for):
            account = uptime.report(account, PUBLIC_LIMITS, time, t, up_for, after)
        case TargetMoved(up=up):
            account, power = uptime.power_target(account, power, time, up)
        case StateMoved(up=up):
            account, power = uptime.power_state(account, power, PUBLIC_LIMITS, time, up, after)
        case _:
            assert_never(event)
    live.accounts[event.node_id], live.power[event.node_id] = account, power


def _replace_node(live: _Period, node: GridNode) -> None:
    """A new node, or what an old one is from now on; once virtualized, always virtualized."""
    known = live.nodes.get(node.id)
    if known is None:
        live.power[node.id] = ALWAYS_UP
        live.accounts[node.id] = uptime.opened(live.start, live.end, ALWAYS_UP, live.start)
    elif known.virtualized:
        node = replace(node, virtualized=True)
    live.nodes[node.id] = node


def _consume(live: _Period, event: TrafficSaid) -> None:
    """A network report of a contract: only newer ones, and none from before the period."""
    contract = live.contracts.get(event.contract_id)
    last = live.traffic_at.get(event.contract_id)
    if contract is None or event.t < live.start or (last is not None and event.t <= last):
        return
    live.traffic_at[contract.id] = event.t
    known, rate, window = live.use.get(contract.node_id, UNUSED), contract.used, event.window
    used = Used(
        cru=known.used.cru + rate.cru * window,
        mru=known.used.mru + rate.mru * window,
        hru=known.used.hru + rate.hru * window,
        sru=known.used.sru + rate.sru * window,
        ip_seconds=known.used.ip_seconds + contract.ips * window,
    )
    traffic = min(known.traffic + event.traffic, U64_MAX)
    live.use[contract.node_id] = _Use(used=used, traffic=traffic)


def _result(period: PeriodInput, live: _Period, node_id: NodeId) -> Result:
    node, use = live.nodes[node_id], live.use.get(node_id, UNUSED)
    account = _closed(period, node, live.accounts[node_id])
    policy = period.policies.get(node.policy_id, NO_POLICY)
    owed = _owed(node, policy, use, account)
    shown = _receipt(period, node, policy, use, account, owed)
    text = receipt_text(shown)
    return Result(
        node_id=node_id,
        receipt_text=text,
        hash=receipt_hash(text),
        violation=VIOLATIONS[account.violation],
        owed=owed,
        account=account,
        node=node,
        shown=shown,
    )


def _closed(period: PeriodInput, node: GridNode, account: UptimeAccount) -> UptimeAccount:
    account = uptime.closed(account, period.first_block, PUBLIC_LIMITS)
    twin = period.twins.get(node.twin_id)
    if twin is None:
        return uptime.judged(account, twin_exists=False, relay=None, public_key=None)
    return uptime.judged(account, True, twin.relay, twin.public_key)


def _owed(node: GridNode, policy: GridPolicy, use: _Use, account: UptimeAccount) -> Owed:
    capacity = Capacity(
        resources=node.resources,
        certified=node.certified,
        traffic=use.traffic,
        ip_seconds=use.used.ip_seconds,
    )
    terms = Terms(
        policy_id=node.policy_id,
        price_cu=policy.cu,
        price_su=policy.su,
        price_nu=policy.nu,
        price_ipv4=policy.ipv4,
        minimal_uptime=policy.minimal_uptime,
        policy_immutable=policy.immutable,
        policy_default=policy.default,
        connection_price=node.connection_price,
    )
    measured = Measured(
        length=Seconds(account.end - account.start),
        uptime=account.total,
        violation=account.violation,
        virtualized=node.virtualized,
    )
    return farming_v3.owed(capacity, terms, measured)


def _receipt(
    period: PeriodInput,
    node: GridNode,
    policy: GridPolicy,
    use: _Use,
    account: UptimeAccount,
    owed: Owed,
) -> TextReceipt:
    return TextReceipt(
        start=account.start,
        end=account.end,
        node_id=node.id,
        twin_id=node.twin_id,
        farm_id=node.farm_id,
        farm_name=period.farms.get(node.farm_id, ""),
        stellar_payout_address=period.payouts.get(node.farm_id, ""),
        measured_uptime=account.total,
        cloud_units=cloud_units(owed.cu, owed.su, owed.nu),
        resource_units=resource_units(node.resources),
        utilization=utilization(use.used, node.resources, Seconds(account.end - account.start)),
        reward=Reward(musd=MilliUsd(owed.musd), tft=owed.amount),
        carbon_offset=None,
        certified=node.certified,
        prices=Prices(
            policy_id=node.policy_id,
            cu=policy.cu,
            su=policy.su,
            nu=policy.nu,
            ipv4=policy.ipv4,
        ),
    )
