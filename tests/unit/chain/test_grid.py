"""The fold from a period's events to receipts: what replaces what, and what changes nothing."""

import copy
import json
from typing import Any

import pytest

from tfchain.chain.grid import Result, compute
from tfchain.chain.grid_input import read_period

START, LENGTH = 1_680_353_800, 2_630_880
END = START + LENGTH
GIB = 1 << 30
MOST = (1 << 64) - 1

Plain = dict[str, Any]

RESOURCES: Plain = {"cru": 4, "mru": 33 * GIB, "hru": 1_200 * GIB, "sru": 500 * GIB}
NODE: Plain = {
    "id": 1,
    "farm_id": 1,
    "twin_id": 10,
    "resources": RESOURCES,
    "farming_policy_id": 4,
    "certification": "Diy",
    "virtualized": False,
    "connection_price": 80,
}
POLICY: Plain = {
    "id": 4,
    "cu": 2_400,
    "su": 1_000,
    "nu": 30,
    "ipv4": 5,
    "minimal_uptime": 0,
    "immutable": False,
    "default": True,
}
PERIOD: Plain = {
    "period": 60,
    "start_block_ts": START,
    "nodes": [NODE],
    "power": [],
    "farms": [{"id": 1, "name": "mine"}],
    "twins": [{"id": 10, "relay": "relay.grid.tf", "pk": None}],
    "payouts": {"1": "GABC"},
    "contracts": [{"contract_id": 7, "node_id": 1, "ips": 2, "resources": RESOURCES}],
    "policies": [POLICY],
    "blocks": [],
    "post": [],
}


def _block(ts: int, *events: Plain) -> Plain:
    return {"height": 1, "ts": ts, "events": list(events)}


def _said(t: int, uptime: int, node: int = 1) -> Plain:
    return {"NodeUptimeReported": [node, t, uptime]}


def _traffic(t: int, *, window: int = 3_600, nru: int = GIB, contract: int = 7) -> Plain:
    return {
        "NruConsumptionReceived": {
            "contract_id": contract,
            "timestamp": t,
            "window": window,
            "nru": nru,
        }
    }


def _target(up: str, node: int = 1) -> Plain:
    return {"PowerTargetChanged": {"node_id": node, "power_target": up}}


def _state(up: str, node: int = 1) -> Plain:
    return {"PowerStateChanged": {"node_id": node, "power_state": up}}


def _run(*blocks: Plain, post: tuple[Plain, ...] = (), **changes: Any) -> list[Result]:
    period = copy.deepcopy(PERIOD) | {"blocks": list(blocks), "post": list(post)} | changes
    return compute(read_period(period))


def _one(*blocks: Plain, post: tuple[Plain, ...] = (), **changes: Any) -> Plain:
    [result] = _run(*blocks, post=post, **changes)
    receipt: Plain = json.loads(result.receipt_text)
    return receipt


REPORT = _block(START + 1_006, _said(START + 1_000, 5_000))


def test_a_receipt_shows_what_was_there_at_the_end() -> None:
    receipt = _one(REPORT)
    assert receipt["period"] == {"start": START, "end": END}
    assert (receipt["farm_name"], receipt["stellar_payout_address"]) == ("mine", "GABC")
    assert (receipt["measured_uptime"], receipt["node_type"]) == (1_000, "DIY")
    assert receipt["reward"] == {"musd": 22_200, "tft": 2_775_000_000}
    assert receipt["resource_rewards"] == {"cu": 2_400, "su": 1_000, "nu": 30, "ipv4": 5}


def test_what_is_missing_is_shown_as_empty_and_pays_nothing() -> None:
    [result] = _run(REPORT, farms=[], twins=[], payouts={}, policies=[])
    receipt = json.loads(result.receipt_text)
    assert (receipt["farm_name"], receipt["stellar_payout_address"]) == ("", "")
    assert receipt["resource_rewards"] == {"cu": 0, "su": 0, "nu": 0, "ipv4": 0}
    assert (result.violation, receipt["reward"]["tft"]) == ("missing_twin", 0)


def test_a_missing_policy_alone_pays_nothing() -> None:
    [result] = _run(REPORT, policies=[])
    assert (result.owed.reason, result.owed.amount) == ("nothing_owed", 0)


def test_receipts_come_in_node_order() -> None:
    nodes = [NODE | {"id": number} for number in (9, 2, 5)]
    assert [result.node_id for result in _run(nodes=nodes)] == [2, 5, 9]


def test_an_update_replaces_a_node_and_keeps_its_uptime() -> None:
    update = {"NodeUpdatedEvent": NODE | {"certification": "Certified", "farm_id": 3}}
    receipt = _one(REPORT, _block(START + 2_000, update))
    assert (receipt["node_type"], receipt["farm_id"]) == ("CERTIFIED", 3)
    assert receipt["measured_uptime"] == 1_000


def test_once_virtualized_always_virtualized() -> None:
    virtual = {"NodeUpdatedEvent": NODE | {"virtualized": True}}
    plain = {"NodeUpdatedEvent": NODE}
    [result] = _run(REPORT, _block(START + 2_000, virtual, plain))
    assert result.owed.reason == "virtualized"
    [result] = _run(REPORT, _block(START + 2_000, plain))
    assert result.owed.reason == ""


def test_a_node_may_come_during_the_period() -> None:
    stored = {"NodeStoredEvent": NODE | {"id": 2}}
    later = _block(START + 5_000, _said(START + 5_000, 300, node=2))
    results = _run(_block(START + 100, stored), later)
    assert [(r.node_id, r.account.total) for r in results] == [(1, 0), (2, 300)]


def test_power_states_of_the_start_are_known() -> None:
    asleep = {"node_id": 1, "down_ts": START - 1_000, "state": "Down", "target": "Up"}
    receipt = _one(_block(START + 1_500, _said(START + 1_500, 100)), power=[asleep])
    assert receipt["measured_uptime"] == 1_500


def test_a_nap_is_credited_up_to_the_wake_up() -> None:
    receipt = _one(
        REPORT,
        _block(START + 1_100, _target("Down")),
        _block(START + 2_000, _state("Down")),
        _block(START + 8_000, _target("Up")),
        _block(START + 9_000, _said(START + 9_000, 500), _state("Up")),
    )
    assert receipt["measured_uptime"] == 9_000


def test_after_the_period_only_uptime_counts() -> None:
    last = _block(END - 1_000, _said(END - 1_000, LENGTH))
    update = {"NodeUpdatedEvent": NODE | {"certification": "Certified"}}
    late = _block(END + 300, update, _traffic(END + 200), _said(END + 300, LENGTH + 1_300))
    receipt = _one(last, post=(late, _block(END + 400, _target("Down"), _state("Down"))))
    assert receipt["measured_uptime"] == 2_460 + 1_000
    assert (receipt["node_type"], receipt["cloud_units"]["nu"]) == ("DIY", 0.0)


def test_traffic_counts_once_and_only_inside() -> None:
    receipt = _one(
        _block(START + 100, _traffic(START - 1), _traffic(START)),
        _block(START + 200, _traffic(START), _traffic(START + 5, nru=GIB // 2)),
    )
    assert receipt["cloud_units"]["nu"] == 1.5
    assert receipt["resource_utilization"]["ip"] == 2 * 2 * 3_600 / 3_600


def test_traffic_stops_counting_at_64_bits() -> None:
    most = _block(START + 100, _traffic(START, nru=MOST), _traffic(START + 1, nru=MOST))
    [result] = _run(most)
    assert result.owed.nu == MOST * 10**6 // GIB


def test_use_is_that_of_the_contract_at_the_report() -> None:
    half = {
        "ContractUsedResourcesUpdated": {
            "contract_id": 7,
            "used": {key: value // 2 for key, value in RESOURCES.items()},
        }
    }
    whole = _block(START + 10, _traffic(START + 10, window=LENGTH), half)
    receipt = _one(whole, _block(START + 20, _traffic(START + 20, window=LENGTH)))
    assert [receipt["resource_utilization"][name] for name in RESOURCES] == [150.0] * 4


def test_a_contract_may_come_during_the_period() -> None:
    made = {
        "ContractCreated": {
            "contract_id": 8,
            "contract_type": {"NodeContract": {"node_id": 1, "public_ips": 3}},
        }
    }
    name = {"ContractCreated": {"contract_id": 9, "contract_type": {"NameContract": {}}}}
    receipt = _one(
        _block(START + 10, made, name),
        _block(START + 20, _traffic(START + 20, contract=8), _traffic(START + 20, contract=9)),
    )
    assert receipt["resource_utilization"]["ip"] == 3.0
    assert receipt["resource_utilization"]["cru"] == 0.0


def test_events_about_strangers_change_nothing() -> None:
    used = {"ContractUsedResourcesUpdated": {"contract_id": 99, "used": RESOURCES}}
    strange = (
        _said(START + 500, 100, node=99),
        _target("Down", node=99),
        _state("Down", node=99),
        _traffic(START + 500, contract=99),
        used,
    )
    lost = [{"contract_id": 7, "node_id": 99, "ips": 2, "resources": RESOURCES}]
    assert _run(REPORT, _block(START + 2_000, *strange)) == _run(REPORT)
    assert _run(REPORT, _block(START + 2_000, _traffic(START)), contracts=lost) == _run(REPORT)


def test_absurd_numbers_give_a_receipt_and_no_crash() -> None:
    huge = dict.fromkeys(RESOURCES, MOST)
    contract = {"contract_id": 7, "node_id": 1, "ips": (1 << 32) - 1, "resources": huge}
    [result] = _run(
        _block(MOST, _said(START, MOST), _said(MOST, 0), _said(0, MOST), _traffic(MOST)),
        _block(0, _target("Down"), _state("Down"), _target("Up"), _state("Up"), _said(0, 0)),
        _block(0, _traffic(START, window=MOST, nru=MOST)),
        post=(_block(0, _said(0, MOST), _state("Down")), _block(MOST, _said(MOST, MOST))),
        nodes=[NODE | {"resources": huge, "connection_price": 0}],
        contracts=[contract],
    )
    assert result.owed.amount == 0
    assert json.loads(result.receipt_text)["node_id"] == 1


@pytest.mark.parametrize("period", [0, (1 << 32) - 1])
def test_the_first_and_the_last_period_can_be_computed(period: int) -> None:
    assert _one(REPORT, period=period)["period"]["start"] == 1_522_501_000 + LENGTH * period
