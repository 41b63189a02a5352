"""Reading a recorded period: every field has a range, and a file that breaks one is `Malformed`."""

import copy
import json
import lzma
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfchain.chain.grid_input import EVENTS, read_period
from tfchain.errors import Malformed

RESOURCES = {"cru": 1, "mru": 2, "hru": 3, "sru": 4}
NODE: dict[str, Any] = {
    "id": 1,
    "farm_id": 1,
    "twin_id": 1,
    "resources": RESOURCES,
    "farming_policy_id": 1,
    "certification": "Certified",
    "virtualized": False,
    "connection_price": 80,
}
PRICES = {"cu": 1, "su": 1, "nu": 1, "ipv4": 1, "minimal_uptime": 95}
CONTENTS: dict[str, Any] = {
    "NodeStoredEvent": NODE,
    "NodeUpdatedEvent": NODE,
    "NodeUptimeReported": [1, 2, 3],
    "PowerTargetChanged": {"node_id": 1, "power_target": "Up"},
    "PowerStateChanged": {"node_id": 1, "power_state": "Down"},
    "ContractCreated": {
        "contract_id": 1,
        "contract_type": {"NodeContract": {"node_id": 1, "public_ips": 2}},
    },
    "ContractUsedResourcesUpdated": {"contract_id": 1, "used": RESOURCES},
    "NruConsumptionReceived": {"contract_id": 1, "timestamp": 2, "window": 3, "nru": 4},
}
PERIOD: dict[str, Any] = {
    "period": 1,
    "start_block_ts": 5,
    "nodes": [NODE],
    "power": [{"node_id": 1, "state": "Down", "target": "Up", "down_ts": 4}],
    "farms": [{"id": 1, "name": "mine"}],
    "twins": [{"id": 1, "relay": "r", "pk": [1, 2]}, {"id": 2, "relay": None, "pk": None}],
    "payouts": {"1": "G"},
    "policies": [{"id": 1, "immutable": True, "default": False, **PRICES}],
    "contracts": [{"contract_id": 1, "node_id": 1, "ips": 0, "resources": RESOURCES}],
    "blocks": [{"ts": 6, "events": [{name: content} for name, content in CONTENTS.items()]}],
    "post": [],
}


def _with(path: tuple[str | int, ...], value: object) -> dict[str, Any]:
    period = copy.deepcopy(PERIOD)
    place: Any = period
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return period


def _event(name: str, content: object) -> dict[str, Any]:
    return _with(("blocks", 0, "events"), [{name: content}])


def test_every_kind_of_event_can_be_read() -> None:
    assert CONTENTS.keys() == EVENTS.keys()
    period = read_period(PERIOD)
    assert len(next(iter(period.blocks)).events) == len(EVENTS)
    assert period.power[period.nodes[0].id].down_at == 4


def test_a_node_that_is_up_went_down_never() -> None:
    up = {"node_id": 1, "state": "Up", "target": "Up", "down_ts": None}
    assert read_period(PERIOD | {"power": [up]}).power[read_period(PERIOD).nodes[0].id].down_at == 0


@pytest.mark.parametrize("name", PERIOD.keys())
def test_every_field_is_due(name: str) -> None:
    with pytest.raises(Malformed, match=f"{name} is missing"):
        read_period({key: value for key, value in PERIOD.items() if key != name})


@pytest.mark.parametrize(
    "period",
    [
        pytest.param(None, id="nothing"),
        pytest.param([], id="a list"),
        pytest.param(_with(("period",), True), id="true for a number"),
        pytest.param(_with(("period",), 1 << 32), id="a period past 32 bits"),
        pytest.param(_with(("period",), -1), id="a negative period"),
        pytest.param(_with(("start_block_ts",), 1.5), id="half a second"),
        pytest.param(_with(("nodes",), {}), id="an object for a list"),
        pytest.param(_with(("nodes",), [1]), id="a number for a node"),
        pytest.param(_with(("nodes", 0, "id"), "1"), id="text for an id"),
        pytest.param(_with(("nodes", 0, "resources", "cru"), 1 << 64), id="cores past 64 bits"),
        pytest.param(_with(("nodes", 0, "certification"), "Gold"), id="no such certification"),
        pytest.param(_with(("nodes", 0, "certification"), None), id="no certification"),
        pytest.param(_with(("nodes", 0, "virtualized"), 0), id="a number for a flag"),
        pytest.param(_with(("power", 0, "down_ts"), None), id="down since never"),
        pytest.param(_with(("farms", 0, "name"), "\ud800"), id="half a character"),
        pytest.param(_with(("farms", 0, "name"), None), id="a farm without a name"),
        pytest.param(_with(("twins", 0, "pk"), [256]), id="a byte past 255"),
        pytest.param(_with(("twins", 0, "pk"), [0] * 5_000), id="a key without end"),
        pytest.param(_with(("twins", 0, "pk"), "ab"), id="text for a key"),
        pytest.param(_with(("payouts",), {"x": "G"}), id="a payout for no farm"),
        pytest.param(_with(("payouts",), {"": "G"}), id="a payout for an empty farm"),
        pytest.param(_with(("payouts",), {"²": "G"}), id="a payout for a raised farm"),
        pytest.param(_with(("payouts",), {"9999999999": "G"}), id="a payout past 32 bits"),
        pytest.param(_with(("payouts",), {"1" * 5_000: "G"}), id="a farm without end"),
        pytest.param(_with(("payouts",), {"1": 5}), id="a number for an address"),
        pytest.param(_with(("blocks", 0, "events"), [{}]), id="an empty event"),
        pytest.param(_with(("blocks", 0, "events"), [CONTENTS]), id="many events in one"),
        pytest.param(_event("Nothing", {}), id="an unknown event"),
        pytest.param(_event("NodeUptimeReported", [1, 2]), id="a report without uptime"),
        pytest.param(_event("NodeUptimeReported", [1, 2, -3]), id="negative uptime"),
        pytest.param(_event("NodeUptimeReported", {}), id="a report as an object"),
        pytest.param(_event("PowerStateChanged", {"node_id": 1}), id="no state"),
        pytest.param(_event("ContractCreated", {"contract_id": 1}), id="no contract type"),
    ],
)
def test_what_does_not_fit_is_malformed(period: object) -> None:
    with pytest.raises(Malformed):
        read_period(period)


def test_a_strange_event_is_named_in_ascii_and_cut_short() -> None:
    with pytest.raises(Malformed, match=r"not an event: '\\u2028x{39}'$"):
        read_period(_event("\u2028" + "x" * 100, {}))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)
PATHS = [(name,) for name in PERIOD] + [("blocks", 0, "events", n) for n in range(len(CONTENTS))]


@settings(max_examples=100)
@given(path=st.sampled_from(PATHS), value=JSON)
def test_any_json_is_a_period_or_malformed(path: tuple[str | int, ...], value: object) -> None:
    with suppress(Malformed):
        read_period(_with(path, value))


def test_recorded_periods_can_be_read(golden_folder: Path) -> None:
    with lzma.open(golden_folder / "period_v3_small.jsonl.xz") as lines:
        period = read_period(json.loads(lines.readline())["input"])
    assert (period.period, len(period.nodes)) == (60, 1)
