"""What is owed by the second program: prices, shares, floors, reasons (rules.md 2.2, 2.3)."""

import json
import lzma
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from tfchain.base.crypto import plain_digest
from tfchain.base.units import (
    Address,
    FarmId,
    MilliUsd,
    NodeId,
    PolicyId,
    ScheduleId,
    Seconds,
    TwinId,
    Utft,
)
from tfchain.chain.columns import receipts
from tfchain.chain.columns.case import Case
from tfchain.chain.columns.farming_v3 import compute_millionths, storage_millionths
from tfchain.chain.columns.receipt_text import text_of
from tfchain.chain.columns.uptime import Tally
from tfchain.ledger.minting import Receipt
from tfchain.ledger.records import Contract, Farm, Node, Resources

GIB: Final = 1 << 30
LENGTH: Final = 1_000_000
SIZE: Final = Resources(cru=56, mru=189 * GIB, hru=0, sru=1_863 * GIB)
NODE: Final = Node(
    id=NodeId(1),
    farm_id=FarmId(1),
    twin_id=TwinId(1),
    resources=SIZE,
    country="BE",
    city="Gent",
    certified=False,
    virtualized=False,
    created=Seconds(0),
    deposit=Utft(0),
)
FARM: Final = Farm(
    id=FarmId(1),
    twin_id=TwinId(1),
    name="farm",
    payout_account=Address(bytes(32)),
    stellar_address="GA",
)
DIY: Final = Contract(
    node_id=NodeId(1),
    regime=3,
    schedule=ScheduleId(0),
    policy_id=PolicyId(1),
    price_cu=2_400,
    price_su=1_000,
    price_nu=30,
    price_ipv4=5,
    minimal_uptime=95,
    policy_immutable=False,
    policy_default=True,
    connection_price=MilliUsd(80),
    registered=Seconds(0),
    cu=0,
    su=0,
)
BASE: Final = 37_260 * 2_400 // 1_000 + 7_452
"""mUSD: 37.26 CU (the flash allows no more) and 7.452 SU."""


def _case(permille: int = 1_000, node: Node = NODE, contract: Contract = DIY) -> Case:
    start = LENGTH
    tally = Tally(start=start, end=start + LENGTH, total=permille * 1_000)
    return Case(node=node, farm=FARM, contract=contract, terms=(), tally=tally)


def receipt_of(case: Case) -> Receipt:
    return receipts.receipt_of(ScheduleId(0), 1, (case,))


CERTIFIED: Final = replace(NODE, certified=True)
GOLD: Final = replace(DIY, policy_id=PolicyId(4), minimal_uptime=998)
THIRD: Final = replace(DIY, policy_id=PolicyId(3), policy_default=False)


@pytest.mark.parametrize(
    ("case", "musd", "reason"),
    [
        pytest.param(_case(), BASE, "", id="the whole period"),
        pytest.param(_case(2_000), BASE, "", id="more than the period: no more than all"),
        pytest.param(_case(950), BASE * 950 // 1_000, "", id="at the floor: by uptime"),
        pytest.param(_case(949), 0, "below_sla", id="below the floor"),
        pytest.param(_case(0), 0, "no_uptime", id="never up"),
        pytest.param(_case(980, CERTIFIED), BASE * 5 // 4 * 980 // 1_000, "", id="certified: more"),
        pytest.param(_case(979, CERTIFIED), 0, "below_sla", id="certified: and more is asked"),
        pytest.param(_case(998, contract=GOLD), BASE, "", id="other policies: all at their floor"),
        pytest.param(_case(997, contract=GOLD), 0, "below_sla", id="other policies: or nothing"),
        pytest.param(_case(998, CERTIFIED, GOLD), BASE, "", id="certified under another: no more"),
        pytest.param(_case(960, contract=THIRD), BASE * 960 // 1_000, "", id="policy 3 as it was"),
        pytest.param(
            _case(960, contract=replace(THIRD, policy_immutable=True)), BASE, "", id="immutable 3"
        ),
        pytest.param(
            _case(960, contract=replace(THIRD, policy_default=True)), BASE, "", id="default 3"
        ),
        pytest.param(
            _case(960, contract=replace(THIRD, minimal_uptime=96)), BASE, "", id="3 of another floor"
        ),
        pytest.param(
            _case(node=replace(NODE, virtualized=True)), 0, "virtualized", id="virtualized"
        ),
        pytest.param(
            _case(contract=replace(DIY, connection_price=MilliUsd(0))), 0, "zero_price", id="no price"
        ),
        pytest.param(
            _case(contract=replace(DIY, connection_price=MilliUsd(10**13))),
            BASE,
            "nothing_owed",
            id="less than a unit",
        ),
    ],
)  # fmt: skip
def test_what_is_owed(case: Case, musd: int, reason: str) -> None:
    receipt = receipt_of(case)
    price = case.contract.connection_price
    share = musd and (min(case.tally.total * 1_000 // LENGTH, 1_000) if musd != BASE else 1_000)
    full = receipt.base_musd * 10**7 // price if price else 0
    assert (receipt.musd, receipt.reason) == (musd, reason)
    assert receipt.amount == full * share // 1_000


def test_a_violation_forfeits_and_stays_with_its_evidence() -> None:
    case = _case()
    case.tally.blame(3, (1, 2))
    receipt = receipt_of(case)
    assert (receipt.reason, receipt.amount, receipt.base_musd) == ("violation", 0, BASE)
    assert (receipt.violation, receipt.evidence) == (3, (1, 2))


def test_what_no_account_could_hold_is_not_owed() -> None:
    dear = replace(DIY, price_cu=0xFFFFFFFF, connection_price=MilliUsd(1))
    huge = replace(NODE, resources=Resources(cru=1 << 40, mru=1 << 63, hru=0, sru=1 << 63))
    receipt = receipt_of(_case(node=huge, contract=dear))
    assert (receipt.reason, receipt.base_musd, receipt.amount) == ("out_of_range", 0, 0)


@pytest.mark.parametrize(
    ("size", "cu", "su"),
    [
        pytest.param(Resources(cru=1, mru=GIB, hru=0, sru=0), 0, 0, id="a GiB serves the machine"),
        pytest.param(Resources(cru=1, mru=0, hru=0, sru=50 * GIB), 0, 200_000, id="not below 0"),
        pytest.param(Resources(cru=1, mru=99 * GIB, hru=0, sru=999 * GIB), 2_000_000, 3_996_000, id="cores"),
        pytest.param(Resources(cru=9, mru=5 * GIB, hru=1_200 * GIB, sru=999 * GIB), 1_000_000, 4_996_000, id="memory"),
        pytest.param(Resources(cru=9, mru=99 * GIB, hru=1, sru=25 * GIB), 500_000, 100_000, id="flash"),
    ],
)  # fmt: skip
def test_capacity(size: Resources, cu: int, su: int) -> None:
    assert (compute_millionths(size), storage_millionths(size)) == (cu, su)


def test_the_text_is_the_public_programs() -> None:
    receipt = receipt_of(_case())
    text = text_of(receipt)
    assert receipt.text_hash == plain_digest(text.encode())
    assert text == (
        '{"period":{"start":1000000,"end":2000000},"node_id":1,"twin_id":1,"farm_id":1,'
        '"farm_name":"farm","stellar_payout_address":"GA","measured_uptime":1000000,'
        '"tft_connection_price":80,"cloud_units":{"cu":37.26,"su":7.452,"nu":0.0},'
        '"resource_units":{"cru":56.0,"mru":189.0,"hru":0.0,"sru":1863.0},'
        '"resource_utilization":{"cru":0.0,"mru":0.0,"hru":0.0,"sru":0.0,"ip":0.0},'
        f'"reward":{{"musd":{BASE},"tft":{receipt.amount}}},"carbon_offset":null,'
        '"node_type":"DIY","farming_policy_id":1,'
        '"resource_rewards":{"cu":2400,"su":1000,"nu":30,"ipv4":5}}'
    )


def test_recorded_capacity_comes_out_as_recorded(golden_folder: Path) -> None:
    """Cores, memory and disks of the last update, against the units on the recorded receipts."""
    with lzma.open(golden_folder / "period_v3_small.jsonl.xz", "rt", encoding="utf-8") as lines:
        stories = [json.loads(line) for line in lines]
    for story in stories:
        sizes = {row["id"]: row["resources"] for row in story["input"]["nodes"]}
        for block in story["input"]["blocks"]:
            for event in block["events"]:
                kind, told = next(iter(event.items()))
                if kind in {"NodeStoredEvent", "NodeUpdatedEvent"}:
                    sizes[told["id"]] = told["resources"]
        for row in story["expected"]:
            receipt = json.loads(row["receipt"])
            size = Resources(**sizes[receipt["node_id"]])
            found = (compute_millionths(size) / 10**6, storage_millionths(size) / 10**6)
            units = receipt["cloud_units"]
            assert found == (units["cu"], units["su"]), story["seed"]
