"""A period that was collected pays what the recorded one pays, whatever nodes reported."""

import json
import lzma
from collections.abc import Callable
from itertools import count, islice
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfchain.base.units import Seconds
from tfchain.chain.grid import compute
from tfchain.chain.grid_input import read_period
from tfchain.chain.grid_merge import POST_WINDOW, with_collected
from tfchain.store.collected import collected

START: Final = 1_522_501_000
LENGTH: Final = 2_630_880
Collect = Callable[[Path, dict[str, Any]], None]
NODE: Final = {
    "farm_id": 1,
    "twin_id": 1,
    "resources": {"cru": 8, "mru": 1 << 35, "hru": 0, "sru": 1 << 39},
    "farming_policy_id": 1,
    "certification": "Diy",
    "virtualized": False,
    "connection_price": 80,
}
STATE: Final[dict[str, Any]] = {
    "period": 0,
    "start_block_ts": START + 6,
    "farms": [{"id": 1, "name": "farm"}],
    "twins": [{"id": 1, "relay": "relay", "pk": [1, 2]}],
    "payouts": {"1": "GADDRESS"},
    "policies": [
        {
            "id": 1,
            "cu": 2400,
            "su": 1000,
            "nu": 30,
            "ipv4": 5,
            "minimal_uptime": 0,
            "immutable": False,
            "default": True,
        }
    ],
    "contracts": [],
}


def _node(number: int) -> dict[str, Any]:
    return {"id": number, **NODE}


numbers = st.integers(1, 3)
powers = st.sampled_from(["Up", "Down"])
reports = st.builds(
    lambda node, drift, uptime: ("NodeUptimeReported", node, drift, uptime),
    numbers,
    st.integers(-90, 90),
    st.integers(0, 400_000),
)
events = st.one_of(
    reports,
    st.tuples(st.just("PowerTargetChanged"), numbers, powers, st.none()),
    st.tuples(st.just("PowerStateChanged"), numbers, powers, st.none()),
    st.tuples(st.just("NodeUpdatedEvent"), numbers, st.none(), st.none()),
)
blocks = st.lists(
    st.tuples(st.integers(6, 40_000), st.lists(events, min_size=1, max_size=4)), max_size=60
)


def _event(event: tuple[Any, ...], time: int) -> dict[str, Any]:
    match event:
        case ("NodeUptimeReported", node, drift, uptime):
            return {"NodeUptimeReported": [node, time + drift, uptime]}
        case ("PowerTargetChanged", node, power, _):
            return {"PowerTargetChanged": {"node_id": node, "power_target": power}}
        case ("PowerStateChanged", node, power, _):
            return {"PowerStateChanged": {"node_id": node, "power_state": power}}
        case (_, node, _, _):
            return {"NodeUpdatedEvent": _node(node)}
        case _:
            raise AssertionError(event)


def _chain(steps: list[tuple[int, list[Any]]], begin: int) -> list[dict[str, Any]]:
    found, time, heights = [], begin, count(10, 3)
    for step, said in steps:
        time += step
        one = {"height": next(heights), "ts": time, "events": [_event(e, time) for e in said]}
        found.append(one)
    return found


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """A fresh path at each call."""
    folder, numbers = tmp_path_factory.mktemp("collected"), count()
    return lambda: folder / f"{next(numbers)}.db"


def _both(path: Path, period: dict[str, Any], collect: Collect) -> None:
    collect(path, period)
    start = START + LENGTH * period["period"]
    end = start + LENGTH
    recorded = read_period(period)
    with collected(path) as rows:
        assert rows.missing(Seconds(start), Seconds(end + POST_WINDOW)) == 0
        merged = with_collected(
            recorded,
            rows.power_at(Seconds(start)),
            rows.events(Seconds(start), Seconds(end)),
            rows.events(Seconds(end + 1), Seconds(end + POST_WINDOW)),
        )
        found = compute(merged)
    assert found == compute(recorded)
    path.unlink()


@settings(max_examples=40)
@given(steps=blocks, begin=st.sampled_from([0, LENGTH - 100_000]), power=st.data())
def test_a_collected_period_pays_what_the_recorded_one_pays(
    steps: list[tuple[int, list[Any]]],
    begin: int,
    power: st.DataObject,
    places: Callable[[], Path],
    collect: Collect,
) -> None:
    chain = _chain(steps, START + begin)
    down = power.draw(st.sets(st.integers(1, 2)))
    known = [
        {"node_id": one, "state": "Down", "target": "Down", "down_ts": START - 60} for one in down
    ]
    end = START + LENGTH
    period = STATE | {
        "nodes": [_node(1), _node(2)],
        "power": known,
        "blocks": [one for one in chain if one["ts"] <= end],
        "post": [one for one in chain if end < one["ts"] <= end + POST_WINDOW],
    }
    _both(places(), period, collect)


@pytest.mark.slow
def test_every_third_recorded_period_survives_a_collector(
    golden_folder: Path, places: Callable[[], Path], collect: Collect
) -> None:
    with lzma.open(golden_folder / "period_v3_small.jsonl.xz") as file:
        for line in islice(file, 0, None, 3):
            _both(places(), json.loads(line)["input"], collect)
