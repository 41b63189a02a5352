"""Every receipt layout the public program has used, rebuilt to the byte from its parsed fields.

And the periods that its receipts were of, by number. Every line of `receipts.jsonl` is looked at once,
as the examples are: nothing in it was rounded, and nothing is out of reach.
"""

import json
import sys
from pathlib import Path

import pytest

from tfchain.base.units import (
    FarmId,
    MilliUsd,
    NodeId,
    PeriodIndex,
    PolicyId,
    Seconds,
    TwinId,
    Utft,
)
from tfchain.rules.periods import standard_bounds
from tfchain.rules.receipt_text import (
    CERTIFIED,
    SHOWN_PRICE,
    CloudUnits,
    FixupPart,
    FixupText,
    Json,
    Prices,
    ResourceUnits,
    RetryText,
    Reward,
    TextReceipt,
    Utilization,
    fixup_text,
    json_text,
    receipt_hash,
    receipt_text,
    retry_text,
)

RECORDED = Path(__file__).parent / "receipts.jsonl"


LINES = [json.loads(line) for line in RECORDED.read_bytes().split(b"\n") if line]
"""Lines end at a line feed alone: a receipt's text may hold other separators."""
ROWS: list[dict[str, str]] = [row for row in LINES if "hash" in row]
PERIODS: list[dict[str, int]] = [row for row in LINES if "period" in row]
MINTING = [row for row in ROWS if row["kind"] == "Minting"]
FIXUPS = [row for row in ROWS if row["kind"] == "Fixup"]


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


def _is_period(row: dict[str, int]) -> bool:
    return standard_bounds(PeriodIndex(row["period"])) == (row["start"], row["end"])


def _is_rebuilt(row: dict[str, str]) -> bool:
    text = fixup_text(_fixup(row["json"])) if row in FIXUPS else receipt_text(_receipt(row["json"]))
    return text == row["json"] and receipt_hash(text).hex() == row["hash"]


@pytest.mark.parametrize("row", PERIODS, ids=lambda row: str(row["period"]))
def test_a_period_begins_and_ends_as_published(row: dict[str, int]) -> None:
    assert _is_period(row)


def test_so_many_receipts_are_reproduced(capsys: pytest.CaptureFixture[str]) -> None:
    texts, periods = sum(map(_is_rebuilt, ROWS)), sum(map(_is_period, PERIODS))
    counts = {"reproduced": texts + periods, "rounded": 0}
    counts["not applicable"] = len(LINES) - texts - periods
    with capsys.disabled():
        told = ", ".join(f"{way} {count}" for way, count in counts.items())
        sys.stdout.write(f"\nreceipts: {told} ({texts} texts, {periods} periods)\n")
    assert counts == {"reproduced": 13, "rounded": 0, "not applicable": 0}


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


def _part(fields: dict[str, dict[str, float]], side: str) -> FixupPart:
    reward, offset = (_reward(fields[f"{side}_{name}"]) for name in ("reward", "carbon_offset"))  # type: ignore[arg-type]
    assert reward is not None and offset is not None
    units = CloudUnits(**fields[f"{side}_cloud_units"])
    return FixupPart(units=units, reward=reward, carbon_offset=offset)


def _fixup(text: str) -> FixupText:
    fields = json.loads(text)
    uptimes = None
    if "minted_uptime" in fields:
        uptimes = (Seconds(fields["minted_uptime"]), Seconds(fields["correct_uptime"]))
    return FixupText(
        start=Seconds(fields["period"]["start"]),
        end=Seconds(fields["period"]["end"]),
        node_id=NodeId(fields["node_id"]),
        farm_id=FarmId(fields["farm_id"]),
        uptimes=uptimes,
        stellar_payout_address=fields["stellar_payout_address"],
        minted_receipt=bytes.fromhex(fields["minted_receipt"]),
        correct_receipt=bytes.fromhex(fields["correct_receipt"]),
        minted=_part(fields, "minted"),
        correct=_part(fields, "correct"),
        difference=_part(fields, "fixup"),
    )


@pytest.mark.parametrize("row", FIXUPS, ids=_layout)
def test_a_fixup_is_rebuilt_from_its_fields(row: dict[str, str]) -> None:
    assert fixup_text(_fixup(row["json"])) == row["json"]
    assert receipt_hash(fixup_text(_fixup(row["json"]))).hex() == row["hash"]


def test_fixups_of_other_months_have_no_uptimes() -> None:
    """Only those of May and July 2024 tell them; the rest of the layout is the same."""
    (row,) = FIXUPS
    plain = row["json"].replace('"minted_uptime":1,"correct_uptime":2,', "")
    assert plain != row["json"]
    assert fixup_text(_fixup(plain)) == plain


def test_a_retry_has_the_fields_of_its_layout_in_order() -> None:
    """No recorded retry is at hand: the order is that of rules.md 2.4."""
    retry = RetryText(
        failed=(Seconds(1_640_890_600), Seconds(1_643_521_480)),
        retried=(Seconds(1_643_521_480), Seconds(1_646_152_360)),
        farm_id=FarmId(3),
        previous_stellar_payout_address="",
        stellar_payout_address="G" * 56,
        retry_for_receipt=bytes([0x11]) * 32,
        reward=Reward(musd=MilliUsd(24_800), tft=Utft(3_100_000_000)),
    )
    assert retry_text(retry) == (
        '{"failed_payout_period":{"start":1640890600,"end":1643521480},'
        '"retry_period":{"start":1643521480,"end":1646152360},"farm_id":3,'
        f'"previous_stellar_payout_address":"","stellar_payout_address":"{"G" * 56}",'
        f'"retry_for_receipt":"{"11" * 32}","reward":{{"musd":24800,"tft":3100000000}}}}'
    )
