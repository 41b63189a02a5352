"""The ledger receipt as a record, with every integer of the node's own formula (P14)."""

from collections.abc import Sequence

from tfchain.base.units import PerMille, Seconds
from tfchain.chain.standing import Standing
from tfchain.ledger.minting import Batch, Receipt
from tfchain.ledger.uptime import ALWAYS_UP, NONE, UptimeAccount
from tfchain.rules import uptime
from tfchain.rules.regime import Owed

WHOLE = 1_000


def receipt_record(
    batch: Batch, standing: Standing, accounts: Sequence[UptimeAccount], owed: Owed
) -> Receipt:
    """One receipt of all the node's periods in a batch, without its text's hash.

    The violation is the first period's that has one; without any period it spans the batch.
    """
    seen = accounts or [uptime.opened(batch.start, batch.end, ALWAYS_UP, wake_from=batch.start)]
    start, end = seen[0].start, seen[-1].end
    total = Seconds(sum(account.total for account in seen))
    verdict = next((one for one in seen if one.violation != NONE), seen[-1])
    node, farm, contract = standing.node, standing.farm, standing.contract
    return Receipt(
        schedule=batch.schedule,
        period=batch.period,
        node_id=node.id,
        twin_id=node.twin_id,
        farm_id=farm.id,
        farm_name=farm.name,
        stellar_address=farm.stellar_address,
        account=farm.payout_account,
        regime=contract.regime,
        start=start,
        end=end,
        uptime=total,
        uptime_permille=PerMille(min(total * WHOLE // (end - start), WHOLE)),
        floor_permille=owed.floor_permille,
        cru=node.resources.cru,
        mru=node.resources.mru,
        hru=node.resources.hru,
        sru=node.resources.sru,
        cu=owed.cu,
        su=owed.su,
        nu=owed.nu,
        ip_seconds=standing.use.ip_seconds,
        policy_id=contract.policy_id,
        price_cu=contract.price_cu,
        price_su=contract.price_su,
        price_nu=contract.price_nu,
        price_ipv4=contract.price_ipv4,
        minimal_uptime=contract.minimal_uptime,
        certified=node.certified,
        connection_price=contract.connection_price,
        base_musd=owed.base,
        musd=owed.musd,
        violation=verdict.violation,
        evidence=verdict.evidence,
        slow_boots=verdict.slow_boots,
        reason=owed.reason,
        amount=owed.amount,
        text_hash=b"",
        missed=owed.missed,
        lock=owed.lock,
        steps=owed.steps,
        in_use=standing.use.mean,
    )
