"""L1 while faults last: a node that stands still is named, unless links were cut."""

import pytest

from tfchain.sim.plan import Plan
from tfchain.sim.pulse import Pulse
from tfchain.sim.world import simulate


@pytest.mark.parametrize(
    ("cut_ms", "mended_ms", "now_ms", "fault"),
    [
        pytest.param(None, None, 1_000, "", id="within the bound"),
        pytest.param(None, None, 1_001, "node 1 stores nothing after 0 for 1001 ms", id="too long"),
        pytest.param(5, None, 9_000, "", id="links are cut"),
        pytest.param(5, 8_000, 9_000, "", id="whole again since the bound"),
        pytest.param(
            5, 8_000, 9_001, "node 1 stores nothing after 0 for 1001 ms", id="too long since then"
        ),
    ],
)
def test_a_node_stands_still(
    cut_ms: int | None, mended_ms: int | None, now_ms: int, fault: str
) -> None:
    pulse = Pulse((1,), bound_ms=1_000, now_ms=0)
    if cut_ms is not None:
        pulse.cut()
    if mended_ms is not None:
        pulse.mended(mended_ms)
    assert pulse.look([7, 0], now_ms) == fault


def test_whoever_goes_on_begins_anew() -> None:
    pulse = Pulse((0,), bound_ms=1_000, now_ms=0)
    assert pulse.look([1], 900) == ""
    assert pulse.look([1], 1_900) == ""
    assert pulse.longest_ms == 1_000
    assert pulse.look([1], 1_901) != ""


def test_three_minutes_of_the_week_holds_its_bound() -> None:
    """The whole of it: `tfchain simulate --scenario week`."""
    report = simulate(Plan(seed=1, scenario="week", heal_ms=180_000))
    assert report.violation == ""
    assert report.heights >= 15
    assert 0 < report.longest_ms <= 120_000
