"""The ledger receipt of one node for one batch, as the second program writes it (P14)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from tfchain.base.crypto import plain_digest
from tfchain.base.units import MilliUsd, PeriodIndex, PerMille, ScheduleId, Seconds, Utft
from tfchain.chain.columns import (
    farming_2018,
    farming_2019,
    farming_v2,
    farming_v3,
    farming_v3_lockup,
)
from tfchain.chain.columns.case import WHOLE, Case, Twin, together
from tfchain.chain.columns.receipt_text import text_of
from tfchain.ledger.minting import Receipt
from tfchain.ledger.uptime import NONE

TWINS: Final[dict[int, Twin]] = {
    1: farming_2018.TWIN,
    2: farming_2019.TWIN,
    3: farming_v3.TWIN,
    4: farming_v2.TWIN,
    5: farming_v3_lockup.TWIN,
}
"""Every regime by its number."""


def receipt_of(schedule: ScheduleId, period: int, cases: Sequence[Case]) -> Receipt:
    """The receipt of a node: the sum of its cases, the text's hash where there is a text."""
    twin = TWINS[cases[-1].contract.regime]
    bare = _receipt(schedule, period, cases, twin)
    if not twin.text:
        return bare
    return replace(bare, text_hash=plain_digest(text_of(bare).encode()))


def _receipt(schedule: ScheduleId, period: int, cases: Sequence[Case], twin: Twin) -> Receipt:
    last = cases[-1]
    node, farm, contract = last.node, last.farm, last.contract
    reward = together([twin.reward_of(case) for case in cases if case.due])
    start, end = cases[0].tally.start, last.tally.end
    total = sum(case.tally.total for case in cases)
    blamed = [case.tally for case in cases if case.tally.violation != NONE]
    verdict = blamed[0] if blamed else last.tally
    return Receipt(
        schedule=schedule,
        period=PeriodIndex(period),
        node_id=node.id,
        twin_id=node.twin_id,
        farm_id=farm.id,
        farm_name=farm.name,
        stellar_address=farm.stellar_address,
        account=farm.payout_account,
        regime=contract.regime,
        start=Seconds(start),
        end=Seconds(end),
        uptime=Seconds(total),
        uptime_permille=PerMille(min(total * WHOLE // (end - start), WHOLE)),
        floor_permille=PerMille(reward.floor),
        cru=node.resources.cru,
        mru=node.resources.mru,
        hru=node.resources.hru,
        sru=node.resources.sru,
        cu=reward.cu,
        su=reward.su,
        nu=reward.nu,
        ip_seconds=last.ip_seconds,
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
        violation=verdict.violation,
        evidence=verdict.evidence,
        slow_boots=verdict.slow_boots,
        reason=reward.reason,
        amount=Utft(reward.amount),
        text_hash=b"",
        missed=reward.missed,
        lock=reward.lock,
        steps=reward.steps,
        in_use=last.mean,
    )
