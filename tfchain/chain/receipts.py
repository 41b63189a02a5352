"""What a ledger receipt is called and what its v3 text says: both derived from the record (P14)."""

from tfchain.base import merkle
from tfchain.base.shapes import encode_record
from tfchain.base.units import Millionths, MilliUsd, Seconds, Utft
from tfchain.ledger.minting import RECEIPT_TAG, Receipt
from tfchain.ledger.records import Resources
from tfchain.rules.receipt_text import (
    Prices,
    Reward,
    TextReceipt,
    Used,
    Utilization,
    cloud_units,
    receipt_text,
    resource_units,
    utilization,
)


def receipt_id(receipt: Receipt) -> bytes:
    """A receipt's leaf in the proof-of-capacity tree: its id on the ledger."""
    return merkle.leaf_hash(RECEIPT_TAG, encode_record(receipt))


def use_of(receipt: Receipt) -> Utilization:
    """What users had of the node, as a share of what it has."""
    length, mean = Seconds(receipt.end - receipt.start), receipt.in_use
    used = Used(
        cru=mean.cru * length,
        mru=mean.mru * length,
        hru=mean.hru * length,
        sru=mean.sru * length,
        ip_seconds=receipt.ip_seconds,
    )
    return utilization(used, _resources(receipt), length)


def _resources(receipt: Receipt) -> Resources:
    return Resources(cru=receipt.cru, mru=receipt.mru, hru=receipt.hru, sru=receipt.sru)


def v3_text(receipt: Receipt) -> str:
    """The text that the public minting program would write for this receipt (rules.md 2.4)."""
    return receipt_text(
        TextReceipt(
            start=receipt.start,
            end=receipt.end,
            node_id=receipt.node_id,
            twin_id=receipt.twin_id,
            farm_id=receipt.farm_id,
            farm_name=receipt.farm_name,
            stellar_payout_address=receipt.stellar_address,
            measured_uptime=receipt.uptime,
            cloud_units=cloud_units(
                Millionths(receipt.cu), Millionths(receipt.su), Millionths(receipt.nu)
            ),
            resource_units=resource_units(_resources(receipt)),
            utilization=use_of(receipt),
            reward=Reward(musd=MilliUsd(receipt.musd), tft=Utft(receipt.amount)),
            carbon_offset=None,
            certified=receipt.certified,
            prices=_prices(receipt),
        )
    )


def _prices(receipt: Receipt) -> Prices:
    return Prices(
        policy_id=receipt.policy_id,
        cu=receipt.price_cu,
        su=receipt.price_su,
        nu=receipt.price_nu,
        ipv4=receipt.price_ipv4,
    )
