"""Every receipt layout the public program has used, rebuilt to the byte from its parsed fields."""

import json
from pathlib import Path

import pytest

from tfchain.base.units import FarmId, MilliUsd, NodeId, PolicyId, Seconds, TwinId, Utft
from tfchain.rules.receipt_text import (
    CERTIFIED,
    SHOWN_PRICE,
    CloudUnits,
    Json,
    Prices,
    ResourceUnits,
    Reward,
    TextReceipt,
    Utilization,
    json_text,
    receipt_hash,
    receipt_text,
)

RECORDED = Path(__file__).parent / "receipts.jsonl"


def _rows() -> list[dict[str, str]]:
    """Lines end at a line feed alone: a receipt's text may hold other separators."""
    lines = RECORDED.read_bytes().split(b"\n")
    rows = [json.loads(line) for line in lines if line]
    return [row for row in rows if "hash" in row]


ROWS = _rows()
MINTING = [row for row in ROWS if row["kind"] == "Minting"]


def _layout(row: dict[str, str]) -> str:
    return f"{row['kind']} {row['layout']}"


def _reward(fields: dict[str, int] | None) -> Reward | None:
    return (
        None if fields is None else Reward(musd=MilliUsd(fields["musd"]), tft=Utft(fields["tft"]))
    )


def _receipt(text: str) -> TextReceipt:
    fields = json.loads(text)
    reward = _reward(fields["reward"])
    assert reward is not None and fields["tft_connection_price"] == SHOWN_PRICE
    policy, prices = fields.get("farming_policy_id"), fields.get("resource_rewards")
    return TextReceipt(
        start=Seconds(fields["period"]["start"]),
        end=Seconds(fields["period"]["end"]),
        node_id=NodeId(fields["node_id"]),
        twin_id=TwinId(fields["twin_id"]),
        farm_id=FarmId(fields["farm_id"]),
        farm_name=fields["farm_name"],
        stellar_payout_address=fields["stellar_payout_address"],
        measured_uptime=Seconds(fields["measured_uptime"]),
        cloud_units=CloudUnits(**fields["cloud_units"]),
        resource_units=ResourceUnits(**fields["resource_units"]),
        utilization=Utilization(**fields["resource_utilization"]),
        reward=reward,
        carbon_offset=_reward(fields["carbon_offset"]),
        certified=fields["node_type"] == CERTIFIED,
        prices=prices and Prices(policy_id=PolicyId(policy), **prices),
    )


def test_every_layout_is_there() -> None:
    assert [_layout(row) for row in ROWS] == [
        "Minting v3.0.0",
        "Minting v3.4.0-2024",
        "Minting 2025(master)",
        "Minting 2025(master), carbon Some",
        "Fixup fix_may_2024 / period 75",
    ]


@pytest.mark.parametrize("row", MINTING, ids=_layout)
def test_a_receipt_is_rebuilt_from_its_fields(row: dict[str, str]) -> None:
    assert receipt_text(_receipt(row["json"])) == row["json"]


@pytest.mark.parametrize("row", ROWS, ids=_layout)
def test_a_text_has_its_hash(row: dict[str, str]) -> None:
    assert receipt_hash(row["json"]).hex() == row["hash"]


@pytest.mark.parametrize("row", ROWS, ids=_layout)
def test_a_text_survives_reading_and_writing(row: dict[str, str]) -> None:
    fields: Json = json.loads(row["json"])
    assert json_text(fields) == row["json"]
