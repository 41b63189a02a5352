"""What a node of regime farming_v3 is owed for a period (rules.md 2.2, 2.3), computed once more."""

from dataclasses import dataclass, replace
from typing import Final

from tfchain.base.crypto import plain_digest
from tfchain.base.units import U64_MAX, MilliUsd, PeriodIndex, PerMille, Seconds, Utft
from tfchain.chain.columns.receipt_text import text_of
from tfchain.chain.columns.uptime import Tally
from tfchain.ledger.minting import Receipt
from tfchain.ledger.params import ScheduleRow
from tfchain.ledger.records import Contract, Farm, Node
from tfchain.ledger.uptime import NONE

REGIME: Final = 3
MILLION: Final = 1_000_000
GIB: Final = 1 << 30
FLOOR_DIY: Final = 950
FLOOR_CERTIFIED: Final = 980
WHOLE: Final = 1_000
UTFT: Final = 10_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Everything that a receipt is made of: the rows as at the period's end, and the uptime."""

    schedule: ScheduleRow
    period: int
    node: Node
    farm: Farm
    contract: Contract
    tally: Tally


@dataclass(frozen=True, slots=True)
class Reward:
    """Prices times capacity, and what is left of it."""

    base: int
    musd: int
    amount: int
    reason: str


def receipt_of(case: Case) -> Receipt:
    """The ledger receipt, its v3 text hashed into it."""
    bare = _receipt(case, _reward(case))
    return replace(bare, text_hash=plain_digest(text_of(bare).encode()))


def compute_millionths(node: Node) -> int:
    """CU: the least of what cores, memory and flash allow; no memory beyond 1 GiB gives none."""
    size = node.resources
    memory = max(size.mru - GIB, 0)
    return min(
        size.cru * 2 * MILLION, memory * MILLION // (4 * GIB), size.sru * MILLION // (50 * GIB)
    )


def storage_millionths(node: Node) -> int:
    """SU: disk and flash, each floored in millionths of bytes, then both by GiB."""
    size = node.resources
    return (size.hru * MILLION // 1_200 + size.sru * MILLION // 250) // GIB


def _reward(case: Case) -> Reward:
    node, contract = case.node, case.contract
    cu, su = compute_millionths(node), storage_millionths(node)
    base = (cu * contract.price_cu + su * contract.price_su) // MILLION
    if node.certified and contract.policy_id == 1:
        base = base * 5 // 4
    price = contract.connection_price
    full = base * UTFT // price if price else 0
    in_range = base <= U64_MAX and full <= U64_MAX
    reason = _refusal(case, in_range=in_range)
    shown = base if in_range else 0
    if reason:
        return Reward(shown, 0, 0, reason)
    share = _permille(case) if _prorated(contract) else WHOLE
    amount = full * share // WHOLE
    return Reward(shown, base * share // WHOLE, amount, "" if amount else "nothing_owed")


def _refusal(case: Case, *, in_range: bool) -> str:
    """The first reason why nothing is paid, in the order in which they are looked for."""
    if case.node.virtualized:
        return "virtualized"
    if case.tally.violation != NONE:
        return "violation"
    if not case.contract.connection_price:
        return "zero_price"
    if not in_range:
        return "out_of_range"
    if _permille(case) >= _floor(case):
        return ""
    return "below_sla" if case.tally.total else "no_uptime"


def _permille(case: Case) -> int:
    return min(case.tally.total * WHOLE // case.schedule.length, WHOLE)


def _prorated(contract: Contract) -> bool:
    """Policies that pay by uptime: 1, 2, and 3 as it once was."""
    if contract.policy_id == 3:
        special = contract.policy_default or contract.policy_immutable
        return not special and contract.minimal_uptime == 95
    return contract.policy_id in {1, 2}


def _floor(case: Case) -> int:
    if not _prorated(case.contract):
        return case.contract.minimal_uptime
    return FLOOR_CERTIFIED if case.node.certified else FLOOR_DIY


def _receipt(case: Case, reward: Reward) -> Receipt:
    node, farm, contract, tally = case.node, case.farm, case.contract, case.tally
    return Receipt(
        schedule=case.schedule.id,
        period=PeriodIndex(case.period),
        node_id=node.id,
        twin_id=node.twin_id,
        farm_id=farm.id,
        farm_name=farm.name,
        stellar_address=farm.stellar_address,
        account=farm.payout_account,
        regime=contract.regime,
        start=Seconds(tally.start),
        end=Seconds(tally.end),
        uptime=Seconds(tally.total),
        uptime_permille=PerMille(_permille(case)),
        floor_permille=PerMille(_floor(case)),
        cru=node.resources.cru,
        mru=node.resources.mru,
        hru=node.resources.hru,
        sru=node.resources.sru,
        cu=compute_millionths(node),
        su=storage_millionths(node),
        nu=0,
        ip_seconds=0,
        policy_id=contract.policy_id,
        price_cu=contract.price_cu,
        price_su=contract.price_su,
        price_nu=contract.price_nu,
        price_ipv4=contract.price_ipv4,
        minimal_uptime=contract.minimal_uptime,
        certified=node.certified,
        connection_price=contract.connection_price,
        base_musd=MilliUsd(reward.base),
        musd=MilliUsd(reward.musd),
        violation=tally.violation,
        evidence=tally.evidence,
        slow_boots=tally.slow_boots,
        reason=reward.reason,
        amount=Utft(reward.amount),
        text_hash=b"",
    )
