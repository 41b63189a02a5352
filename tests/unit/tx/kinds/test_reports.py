"""report_uptime, set_power_state, set_power_target: whose word counts, when, and only once."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tfchain.base.crypto import public_key
from tfchain.base.units import Address, Height, NodeId, Seconds
from tfchain.errors import Rejected
from tfchain.ledger import tables
from tfchain.ledger.params import Params
from tfchain.ledger.records import Uptime
from tfchain.ledger.state import State
from tfchain.ledger.terms import FirstReport
from tfchain.tx.kind import Context
from tfchain.tx.kinds.report_uptime import ReportUptime
from tfchain.tx.kinds.set_power_state import SetPowerState
from tfchain.tx.kinds.set_power_target import SetPowerTarget

Act = Callable[..., str]
FARMER, OWNER, REPORTER = (Address(public_key(bytes([n]) * 32)) for n in (1, 2, 4))
START = 1_700_000_000
NODE = NodeId(1)


def report(t: int, uptime: int = 5, node: int = 1) -> ReportUptime:
    return ReportUptime(node_id=NodeId(node), t=Seconds(t), uptime=uptime)


def power(t: int, *, up: bool = False, node: int = 1) -> SetPowerState:
    return SetPowerState(node_id=NodeId(node), t=Seconds(t), up=up)


def row_of(state: State) -> Uptime:
    return tables.UPTIMES.need(state, tables.id_key(NODE))


def total_of(state: State) -> int:
    running = row_of(state).running
    assert running is not None
    return running.total


def test_the_first_report_ever_begins_a_nodes_age(grid: State, act: Act) -> None:
    for t in (START + 4, START + 6, START + 64, START + 130):
        assert act(report(t, uptime=9), REPORTER, t) == "ok"
    assert tables.FIRST_REPORTS.need(grid, tables.id_key(NODE)) == FirstReport(
        at=Seconds(START + 4)
    )


def test_a_report_credits_its_node_in_one_row(grid: State, act: Act) -> None:
    assert act(report(START + 2, uptime=7), REPORTER, START + 2) == "ok"
    before = {(table.name, key): value for table, key, value in grid.changes()}
    assert act(report(START + 4, uptime=9), REPORTER, START + 4) == "ok"
    assert (row_of(grid).last_t, total_of(grid)) == (START + 4, 4)
    after = {(table.name, key): value for table, key, value in grid.changes()}
    assert [at for at in after if after[at] != before[at]] == [("uptimes", tables.id_key(NODE))]


@pytest.mark.parametrize(
    ("t", "code"),
    [
        pytest.param(START + 14, "report_time", id="signed six seconds ago"),
        pytest.param(START + 15, "ok", id="signed five seconds ago"),
        pytest.param(START + 25, "ok", id="signed in five seconds"),
        pytest.param(START + 26, "report_time", id="signed in six seconds"),
        pytest.param(0, "report_time", id="signed in 1970"),
        pytest.param((1 << 64) - 1, "report_time", id="signed at the end of time"),
        pytest.param(START + 20, "report_order", id="the same report again"),
        pytest.param(START + 19, "report_order", id="one from before the last"),
        pytest.param(START + 21, "ok", id="one second after the last"),
    ],
)
def test_when_a_report_counts(grid: State, act: Act, t: int, code: str) -> None:
    first = START + 20 if code == "report_order" or t == START + 21 else START + 10
    assert act(report(first), REPORTER, first) == "ok"
    assert act(report(t), REPORTER, START + 20) == code


def test_of_two_reports_of_one_second_the_first_counts(grid: State, act: Act) -> None:
    assert act(report(START + 4, uptime=4), REPORTER, START + 4) == "ok"
    assert act(report(START + 4, uptime=5), REPORTER, START + 4) == "report_order"
    assert total_of(grid) == 4


@pytest.mark.parametrize("kind", [report, power], ids=["report_uptime", "set_power_state"])
def test_only_the_reporter_speaks_for_a_node(
    grid: State, act: Act, kind: Callable[..., ReportUptime | SetPowerState]
) -> None:
    before = list(grid.changes())
    for sender in (FARMER, OWNER):
        assert act(kind(START + 4), sender, START + 4) == "not_the_reporter"
    assert act(kind(START + 4, node=2), REPORTER, START + 4) == "unknown_node"
    assert list(grid.changes()) == before


def test_nothing_has_been_up_since_before_1970(grid: State, act: Act) -> None:
    assert act(report(START + 4, uptime=START + 5), REPORTER, START + 4) == "bad_uptime"
    assert act(report(START + 4, uptime=START + 4), REPORTER, START + 4) == "ok"
    assert act(report(START + 5, uptime=(1 << 64) - 1), REPORTER, START + 5) == "bad_uptime"


def test_spacing_moves_nothing_but_the_node_s_time(grid: State, params: Params) -> None:
    context = Context(
        height=Height(1), time=Seconds(START + 4), params=params, sender=REPORTER, nonce=0
    )
    row = row_of(grid)
    report(START + 3).space(grid, context)
    assert row_of(grid) == replace(row, last_t=Seconds(START + 3))
    power(START + 2).space(grid, context)
    after = replace(row, last_t=Seconds(START + 3), power_moved=Seconds(START + 2))
    assert row_of(grid) == after


def test_a_node_goes_to_sleep_and_wakes_as_the_farm_asked(grid: State, act: Act) -> None:
    assert act(report(START + 4, uptime=4), REPORTER, START + 4) == "ok"
    assert act(SetPowerTarget(node_id=NODE, up=False), FARMER, START + 5) == "ok"
    assert act(power(START + 6), REPORTER, START + 6) == "ok"
    assert (row_of(grid).power.state_up, row_of(grid).power.down_at) == (False, START + 6)
    assert total_of(grid) == 6
    assert act(SetPowerTarget(node_id=NODE, up=True), FARMER, START + 9) == "ok"
    assert act(power(START + 11, up=True), REPORTER, START + 11) == "ok"
    assert row_of(grid).power.state_up
    assert act(report(START + 12, uptime=2), REPORTER, START + 12) == "ok"
    assert total_of(grid) == 12


@pytest.mark.parametrize(
    ("spacing", "t", "code"),
    [
        pytest.param(3, START + 12, "too_soon", id="two seconds after, three are due"),
        pytest.param(3, START + 13, "ok", id="three seconds after"),
        pytest.param(1, START + 10, "too_soon", id="the same again"),
        pytest.param(0, START + 10, "too_soon", id="the same again where no spacing is set"),
        pytest.param(0, START + 11, "ok", id="a second later where no spacing is set"),
        pytest.param(0, START + 4, "report_time", id="long ago"),
        pytest.param(0, START + 16, "report_time", id="far ahead"),
    ],
)
def test_power_states_are_spaced(
    grid: State, params: Params, spacing: int, t: int, code: str
) -> None:
    limits = replace(params.uptime, power_spacing=Seconds(spacing))
    context = Context(
        height=Height(1),
        time=Seconds(START + 10),
        params=replace(params, uptime=limits),
        sender=REPORTER,
        nonce=0,
    )
    power(START + 10).space(grid, context)
    assert _code(lambda: power(t).space(grid, context)) == code


def _code(call: Callable[[], None]) -> str:
    try:
        call()
    except Rejected as refusal:
        return refusal.code
    return "ok"


@pytest.mark.parametrize(
    ("node", "sender", "code"),
    [
        pytest.param(2, FARMER, "unknown_node", id="a node that is not there"),
        pytest.param(1, OWNER, "not_the_owner", id="the node's own twin"),
        pytest.param(1, REPORTER, "not_the_owner", id="the node's reporter"),
    ],
)
def test_only_the_farm_s_owner_asks_a_node_to_sleep(
    grid: State, act: Act, node: int, sender: Address, code: str
) -> None:
    assert act(SetPowerTarget(node_id=NodeId(node), up=False), sender) == code
