"""The straight-line computation against the published figures and the recorded periods."""

import ast
import json
import lzma
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

GIB = 2**30


@pytest.fixture(scope="module")
def examples(golden_folder: Path) -> dict[str, Any]:
    found = json.loads((golden_folder / "examples.json").read_text())["examples"]
    return {one["id"]: one for one in found}


def _size(inputs: dict[str, Any]) -> dict[str, Any]:
    """In bytes; fractions of a GiB stay exact."""
    size: dict[str, Any] = {"cru": inputs["cru"]}
    for name in ("mru", "sru", "hru"):
        gib = inputs.get(f"{name}_gb", inputs.get(f"{name}_gib", 0))
        size[name] = int(Fraction(str(gib)) * GIB)
    return size


def test_nothing_of_the_product_is_imported() -> None:
    tree = ast.parse((Path(__file__).parent / "straight.py").read_text())
    named = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    named += [
        name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names
    ]
    assert set(named) == {
        "collections.abc", "dataclasses", "datetime", "fractions", "json", "math", "sys", "typing",
    }  # fmt: skip


def test_the_white_papers_farm(straight: Any, examples: dict[str, Any]) -> None:
    one = examples["v1-farm-whitepaper"]
    inputs, due = one["inputs"], one["expected"]
    prices = (Fraction(inputs["cu_price_usd"]), Fraction(inputs["su_price_usd"]))
    units = (inputs["cu"] * 10**6, inputs["su"] * 10**6)
    token = Fraction(inputs["tft_price_usd"])
    found = straight.tokens_2018(units, prices, token, inputs["difficulty"])
    assert found == int(due["tft_per_month"]) * 10**7
    assert [price / token for price in prices] == [int(due["acpt"]), int(due["aspt"])]


def test_the_white_papers_cultivation(straight: Any, examples: dict[str, Any]) -> None:
    inputs = examples["v1-cultivation-whitepaper"]["inputs"]
    units = (Fraction(inputs["cu"]), Fraction(inputs["su"]))
    prices = (Fraction(inputs["cu_price_usd"]), Fraction(inputs["su_price_usd"]))
    used, token = Fraction(inputs["utilization"]), Fraction(inputs["tft_price_usd"])
    assert straight.cultivated(units, prices, used, token) == 26_250


@pytest.mark.parametrize("year", ["2018", "2019"])
def test_the_farms_of_the_first_two_years(
    straight: Any, examples: dict[str, Any], year: str
) -> None:
    one = examples[f"v1-rule-{year}-computed"]
    inputs, due = one["inputs"], one["expected"]
    units = getattr(straight, f"units_{year}")(_size(inputs))
    assert units == (int(Decimal(due["cu"]) * 10**6), int(Decimal(due["su"]) * 10**6))
    prices = (Fraction(inputs["cu_price_usd"]), Fraction(inputs["su_price_usd"]))
    found = straight.tokens_2018(units, prices, Fraction(inputs["tft_price_usd"]), 8)
    lost = Decimal(due["tft_per_month"]) - Decimal(found) / 10**7
    assert 0 <= lost < Decimal("0.00002")  # units are millionths, rounded down


@pytest.mark.parametrize("farmed", [0, 800_000_000])
def test_a_month_of_the_second_logic(straight: Any, examples: dict[str, Any], farmed: int) -> None:
    one = examples[f"v2-computed-supply-{farmed}"]
    inputs, due = one["inputs"], one["expected"]
    units = straight.units_v2(_size(inputs))
    assert units == (int(Decimal(due["cu"]) * 10**6), int(Decimal(due["su"]) * 10**6))
    price = Fraction(inputs["tft_price_usd"])
    found = straight.tokens_v2(units, price, farmed * 10**7, 4_000_000_000 * 10**7)
    assert found == int(Decimal(due["tft_per_month"]) * 10**7)


def test_the_price_rises_from_may_2020_to_december(straight: Any, examples: dict[str, Any]) -> None:
    due = examples["v2-price-series-computed"]["expected"]["compound_from_may_is_base"]
    found = [straight.price_v2(month) for month in range(len(due))]
    assert found == [Fraction(price) for price in due.values()]
    assert straight.price_v2(12) == found[-1]


@pytest.mark.parametrize("period", range(45, 57))
def test_the_periods_of_2022(straight: Any, examples: dict[str, Any], period: int) -> None:
    rows = examples["periods-2022"]["expected"]["rows"]
    starts = [1_522_501_000 + number * 2_630_880 for number in (period, period + 1)]
    shown = [datetime.fromtimestamp(start, UTC).strftime("%Y-%m-%d %H:%M:%S") for start in starts]
    assert shown == rows[period - 45]


def _worth(straight: Any, size: dict[str, Any], uptime: int, **more: Any) -> dict[str, Any]:
    policy = {"id": 1, "price_cu": 2400, "price_su": 1000, "price_nu": 30, "price_ipv4": 5}
    policy |= {"minimal_uptime": 95, "default": True, "immutable": False}
    node = {"resources": size, "certified": False, "virtualized": False, "violation": ""}
    node |= {"traffic": 0, "ip_seconds": 0, **more}
    contract = {"policy": policy, "connection_price": 80}
    found: dict[str, Any] = straight.v3_pay(contract, node, uptime, straight.STANDARD_MONTH)
    return found


def test_the_calculators_farm_in_whole_mills(straight: Any, examples: dict[str, Any]) -> None:
    inputs = examples["v3-calculator-simulator-png"]["inputs"]
    size = {"cru": inputs["threads"], "mru": inputs["mem_gb"] * GIB}
    size |= {"sru": inputs["ssd_gb"] * GIB, "hru": inputs["hdd_gb"] * GIB}
    found = _worth(straight, size, straight.STANDARD_MONTH)
    assert (found["cu"], found["su"]) == (7_750_000, 12_333_333)
    assert found["tft"] == 3_866_625_000  # 386.6625: whole mUSD first, as the note says


def test_the_freefarms_first_node(straight: Any, examples: dict[str, Any]) -> None:
    one = examples["v3-real-node1-explorer"]
    found = _worth(straight, _size(one["inputs"]), straight.STANDARD_MONTH)
    assert (found["cu"] // 10_000, found["su"] // 10_000) == (3726, 11_921)


# --- whole recorded periods ---


def _node_of(straight: Any, period: dict[str, Any], number: int) -> tuple[Any, dict[str, Any]]:
    """One node of a recorded period: uptime, and what it is paid."""
    start = 1_522_501_000 + period["period"] * straight.STANDARD_MONTH
    end = start + straight.STANDARD_MONTH
    month = straight.Month(start, end, straight.Clockwork(), period["start_block_ts"])
    for power in period["power"]:
        if power["node_id"] == number and power["state"] == "Down":
            up = power["target"] == "Up"
            month.begin_down(power["down_ts"], target_up=up)
        elif power["node_id"] == number:
            month.target_up = power["target"] == "Up"
    node = next((one for one in period["nodes"] if one["id"] == number), None)
    for block in period["blocks"] + period["post"]:
        for event in block["events"]:
            node = _heard(month, node, (number, block["ts"]), event)
    month.close()
    assert node is not None
    return month, node


def _heard(month: Any, node: Any, where: tuple[int, int], event: dict[str, Any]) -> Any:
    number, now = where
    [(kind, said)] = event.items()
    match kind:
        case "NodeUptimeReported" if said[0] == number:
            month.report(said[1], said[2])
        case "PowerTargetChanged" if said["node_id"] == number:
            month.target(now, up=said["power_target"] == "Up")
        case "PowerStateChanged" if said["node_id"] == number:
            month.state(now, up=said["power_state"] == "Up")
        case "NodeStoredEvent" | "NodeUpdatedEvent" if said["id"] == number and now < month.end:
            was = node is not None and node["virtualized"]
            return {**said, "virtualized": said["virtualized"] or was}
        case _:
            pass
    return node


def _traffic(period: dict[str, Any], number: int, start: int) -> tuple[int, int]:
    """Public bytes and IP seconds: reports newer than the last, and not before the period."""
    owners = {one["contract_id"]: (one["node_id"], one["ips"]) for one in period["contracts"]}
    last: dict[int, int] = {}
    traffic = ip_seconds = 0
    for block in period["blocks"]:
        for event in block["events"]:
            [(kind, said)] = event.items()
            if kind == "ContractCreated":
                made = said["contract_type"].get("NodeContract")
                if made is not None:
                    owners[said["contract_id"]] = (made["node_id"], made["public_ips"])
            if kind == "NruConsumptionReceived" and said["contract_id"] in owners:
                owner, ips = owners[said["contract_id"]]
                newer = said["timestamp"] > last.get(said["contract_id"], 0)
                if owner == number and newer and said["timestamp"] >= start:
                    last[said["contract_id"]] = said["timestamp"]
                    traffic += said["nru"]
                    ip_seconds += ips * said["window"]
    return traffic, ip_seconds


def _identity(period: dict[str, Any], node: dict[str, Any]) -> str:
    twin = next((one for one in period["twins"] if one["id"] == node["twin_id"]), None)
    if twin is None:
        return "missing_twin"
    if not twin["relay"]:
        return "missing_relay"
    return "invalid_public_key" if twin["pk"] is not None and len(twin["pk"]) != 33 else ""


def _receipt(straight: Any, period: dict[str, Any], number: int) -> dict[str, Any]:
    month, node = _node_of(straight, period, number)
    traffic, ip_seconds = _traffic(period, number, month.start)
    violation = month.violation or (_identity(period, node) if month.total else "")
    policy = next(one for one in period["policies"] if one["id"] == node["farming_policy_id"])
    named = {f"price_{name}": policy[name] for name in ("cu", "su", "nu", "ipv4")}
    contract = {"policy": {**policy, **named}, "connection_price": node["connection_price"]}
    seen = {
        "resources": node["resources"],
        "certified": node["certification"] == "Certified",
        "virtualized": node["virtualized"],
        "violation": violation,
        "traffic": traffic,
        "ip_seconds": ip_seconds,
    }
    paid = straight.v3_pay(contract, seen, month.total, month.end - month.start)
    return {"uptime": month.total, "violation": violation, **paid}


def _differences(straight: Any, file: Path) -> tuple[int, list[object]]:
    """How many receipts, and which of them came out otherwise."""
    receipts, different = 0, list[object]()
    with lzma.open(file) as lines:
        periods = [json.loads(line) for line in lines]
    for period in periods:
        for due in period["expected"]:
            text = json.loads(due["receipt"])
            told = {"uptime": text["measured_uptime"], "violation": due["violation"]} | text[
                "reward"
            ]
            found = _receipt(straight, period["input"], due["node_id"])
            receipts += 1
            if {name: found[name] for name in told} != told:
                different.append((period["seed"], due["node_id"], found, told))
    return receipts, different


def test_the_recorded_periods_come_out(straight: Any, golden_folder: Path) -> None:
    assert _differences(straight, golden_folder / "period_v3_small.jsonl.xz") == (47, [])


@pytest.mark.slow
def test_all_recorded_periods_come_out(straight: Any, vectors_folder: Path) -> None:
    assert _differences(straight, vectors_folder / "period_v3.jsonl.xz") == (243, [])


# --- diaries by hand ---

MONTH = 30 * 86_400
START = 1_530_000_000


def _genesis(regime: str, own: int) -> dict[str, Any]:
    return {
        "time": START,
        "consensus": {"interval": 21_600_000},
        "ledger": {"connection_price": 80, "policy": 1},
        "uptime": {
            "report_interval": 172_800, "grace": 64_800, "skew": 129_600,
            "sleep_max": 172_800, "boot_max": 64_800, "sleep_credit_max": 237_600,
        },
        "schedule": [{
            "id": 0, "start_from": "genesis", "start": 0, "length": MONTH, "own": own,
            "post_window": 172_800, "commit_window": 86_400, "attest_window": 0, "payout_delay": 0,
        }],
        "regime": [{"regime": regime, "start": 0, "schedule": 0}],
        "policy": [{
            "id": 1, "price_cu": 2400, "price_su": 1000, "price_nu": 30, "price_ipv4": 5,
            "minimal_uptime": 95, "default": True, "immutable": False,
        }],
        "account": [{"balance": 0}],
        "validator": [{}],
    }  # fmt: skip


def _diary(regime: str, own: int, months: int, more: list[dict[str, Any]]) -> list[str]:
    """One node that is up from its eleventh day on, and what else is said, each with its time."""
    size = {"cru": 8, "mru": 32 * GIB, "hru": 0, "sru": 500 * GIB}
    said = [{"at": START, "by": "a", "kind": "create_twin"}]
    said += [{"at": START, "by": "a", "kind": "create_farm", "name": "a"}]
    joined = START + 3 * 86_400
    said += [{"at": joined, "by": "a", "kind": "register_node", "farm_id": 1, "resources": size}]
    said[-1]["virtualized"] = False
    booted = joined + 10 * 86_400
    for at in range(booted + 3_600, START + months * MONTH + 400_000, 86_400):
        report = {"at": at, "by": "a", "kind": "report_uptime", "node_id": 1}
        said.append(report | {"t": at, "uptime": at - booted})
    blocks: dict[int, list[dict[str, Any]]] = {START + months * MONTH + 900_000: []}
    for one in sorted([*said, *more], key=lambda each: each["at"]):
        blocks.setdefault(one["at"], []).append(one)
    lines = [{"time": time, "said": blocks[time]} for time in sorted(blocks)]
    return [json.dumps(line) for line in (_genesis(regime, own), *lines)]


def test_a_contract_of_sixty_months_pays_sixty_times_in_sixty_one(straight: Any) -> None:
    found = straight.figures(_diary("farming_2018", MONTH, 64, []))
    amounts = [row["amount"] for row in found["rows"] if row["amount"]]
    full = straight.tokens_2018((7_200_000, 3_703_703), (15, 10), Fraction(1, 10), 8)
    assert len(amounts) == 61
    assert amounts[0] + amounts[-1] == full
    assert sum(amounts) == 60 * full == found["nodes"][0]["expected"]
    assert found["nodes"][0]["locked"] == 60 * full  # nobody certified it, nobody used it


def test_two_years_after_its_first_report_a_nodes_coins_are_free(straight: Any) -> None:
    early, late = (
        straight.figures(_diary("farming_v3_lockup", 0, months, []))["nodes"][0]
        for months in (23, 26)
    )
    assert 0 < early["expected"] == early["locked"]
    assert late["expected"] > early["expected"]
    assert late["locked"] == 0


def test_a_fraud_is_paid_nothing_more_and_gets_nothing_back(straight: Any) -> None:
    flagged = START + 3 * MONTH + 86_400
    measure = {"action": "flag_fraud", "node_id": 1, "evidence": ""}
    more = [
        {"at": flagged, "by": "g", "kind": "propose", "measure": measure},
        {"at": flagged, "by": "", "kind": "enact", "proposal": 1},
    ]
    found = straight.figures(_diary("farming_v3_lockup", 0, 30, more))
    paid = [row["period"] for row in found["rows"] if row["amount"]]
    assert not paid  # no mint stands before the flag
    mints = [
        {"at": flagged - 1, "by": "", "kind": "mint", "schedule": 0, "period": 1, "nodes": [1]}
    ]
    found = straight.figures(_diary("farming_v3_lockup", 0, 30, [*mints, *more]))
    assert [row["period"] for row in found["rows"] if row["amount"]] == [1]
    assert found["nodes"][0]["locked"] == found["nodes"][0]["expected"] > 0


# --- use ---


def test_units_are_billed_as_published(straight: Any, examples: dict[str, Any]) -> None:
    one = examples["price-node-contract"]
    size = [Fraction(str(one["inputs"].get(name, 0))) for name in ("cru", "mru", "hru", "sru")]
    found = straight.billed_units(*size)
    assert found == [Fraction(one["expected"]["cu"]), Fraction(one["expected"]["su"])]


WHOLE_NODE = {"cru": 8, "mru": 32 * GIB, "hru": 0, "sru": 500 * GIB}


@pytest.mark.parametrize(
    ("used", "days", "share"),
    [
        pytest.param(WHOLE_NODE, 30, Fraction(1), id="all of it all the time"),
        pytest.param(WHOLE_NODE, 9, Fraction(3, 10), id="all of it for a part of the time"),
        pytest.param({**WHOLE_NODE, "sru": 0}, 30, Fraction(1, 2), id="one of two kinds of units"),
        pytest.param({**WHOLE_NODE, "hru": 10**18}, 30, Fraction(1), id="more than there is"),
    ],
)
def test_a_share_of_a_node(straight: Any, used: dict[str, int], days: int, share: Fraction) -> None:
    times = {name: amount * days * 86_400 for name, amount in used.items()}
    assert straight.used_share(times, WHOLE_NODE, MONTH) == share


def _lease(by: str, periods: range) -> list[dict[str, Any]]:
    """All of the node, for twelve days in the middle of each of these periods."""
    begun = START + periods[0] * MONTH + 86_400
    said: list[dict[str, Any]] = (
        [] if by == "a" else [{"at": begun, "by": by, "kind": "create_twin"}]
    )
    taken = {"at": begun + 1, "by": by, "kind": "create_contract", "node_id": 1, "public_ips": 1}
    used = {"contract_id": 1, "used": WHOLE_NODE}
    said += [
        taken,
        {"at": begun + 2, "by": "a", "kind": "update_used_resources", "contracts": [used]},
    ]
    for period in periods:
        told = {"contract_id": 1, "window": 12 * 86_400, "traffic": 50 * GIB}
        at = START + period * MONTH + 20 * 86_400
        said.append({"at": at, "by": "a", "kind": "report_consumption", "contracts": [told]})
    return said


def _months(found: dict[str, Any]) -> list[int]:
    return [row["amount"] for row in found["rows"]]


def test_a_used_pools_coins_are_free_and_those_after_it_are_not(straight: Any) -> None:
    found = straight.figures(_diary("farming_2018", MONTH, 8, _lease("u", range(3, 4))))
    months = _months(found)
    assert found["nodes"][0]["locked"] == sum(months[4:]) > 0


def test_who_uses_his_own_node_frees_nothing(straight: Any) -> None:
    found = straight.figures(_diary("farming_2018", MONTH, 8, _lease("a", range(3, 4))))
    assert found["nodes"][0]["locked"] == found["nodes"][0]["expected"] > 0


@pytest.mark.parametrize(
    ("periods", "free"), [pytest.param(2, 0, id="too short"), pytest.param(3, 6, id="long enough")]
)
def test_three_periods_of_use_free_what_was_locked(straight: Any, periods: int, free: int) -> None:
    diary = _diary("farming_v3_lockup", 0, 9, _lease("u", range(3, 3 + periods)))
    found = straight.figures(diary)
    assert found["nodes"][0]["locked"] == sum(_months(found)[free:]) > 0


def test_traffic_and_addresses_are_paid(straight: Any) -> None:
    quiet, busy = (
        _months(straight.figures(_diary("farming_v3", 0, 6, more)))
        for more in ([], _lease("u", range(3, 4)))
    )
    nu, ip = 50 * 30, 12 * 24 * 5
    base = 7_750 * 24 // 10 + 2_000
    assert quiet[3] * 80 == base * 10**7
    assert busy[3] * 80 == (base + nu + ip) * 10**7
    assert [*busy[:3], *busy[4:]] == [*quiet[:3], *quiet[4:]]
