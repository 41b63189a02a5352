"""The second program from blocks to results, and from one run to the next."""

from dataclasses import replace
from typing import Protocol

import pytest

from tfchain.base import merkle
from tfchain.base.shapes import encode_record
from tfchain.base.units import (
    Address,
    FarmId,
    MilliUsd,
    NodeId,
    PeriodIndex,
    ScheduleId,
    Seconds,
    TwinId,
    Utft,
)
from tfchain.chain.columns.program import Columns
from tfchain.chain.columns.settling import _unpaid
from tfchain.chain.genesis import Genesis
from tfchain.errors import Malformed, Unavailable
from tfchain.ledger.minting import RECEIPT_TAG, Receipt
from tfchain.ledger.records import Resources
from tfchain.tx.kind import Kind
from tfchain.tx.kinds.accept_twin import AcceptTwin
from tfchain.tx.kinds.create_farm import CreateFarm
from tfchain.tx.kinds.report_uptime import ReportUptime
from tfchain.tx.kinds.set_payout_account import SetPayoutAccount
from tfchain.tx.kinds.set_stellar_address import SetStellarAddress
from tfchain.tx.kinds.update_node import UpdateNode

GIB = 1 << 30
ZERO = 1_000_000


class Paper(Protocol):
    """What `conftest` lends."""

    columns: Columns
    height: int

    def account(self, number: int) -> Address: ...
    def block(self, time: int, *bodies: Kind, code: str = ..., sender: int = ...) -> None: ...
    def join(self, time: int, *, sender: int = ..., farm: int = ..., key: bytes = ...) -> None: ...
    def report(self, time: int, uptime: int, *, node: int = ..., block: int = ...) -> None: ...
    def target(self, time: int, *, up: bool, node: int = ...) -> None: ...
    def state(self, time: int, *, up: bool, node: int = ...) -> None: ...


def _only(paper: Paper, period: int = 0) -> Receipt:
    """The single node's receipt, once its period may be computed."""
    paper.block(60 * (period + 1) + 12)
    (receipt,) = paper.columns.result(0, period).receipts
    return receipt


def test_a_fraud_is_owed_nothing_whether_its_receipt_has_a_text_or_not(paper: Paper) -> None:
    paper.join(5)
    idle = _only(paper)
    assert idle.text_hash
    told = replace(idle, amount=Utft(7), musd=MilliUsd(5), text_hash=bytes(32), reason="")
    bare = _unpaid(told)
    assert bare == replace(idle, reason="fraud")
    assert _unpaid(replace(told, text_hash=b"")) == replace(bare, text_hash=b"")


def _update(paper: Paper, time: int, cru: int, *, virtualized: bool = False) -> None:
    body = UpdateNode(
        node_id=NodeId(1),
        resources=Resources(cru=cru, mru=33 * GIB, hru=0, sru=400 * GIB),
        country="BE",
        city="Gent",
        virtualized=virtualized,
        acceptance=b"",
    )
    paper.block(time, body)


def _steady(paper: Paper, first: int, last: int) -> None:
    for time in range(first, last + 1, 2):
        paper.report(time, 100 + time)


def test_a_node_that_reports_all_along_is_paid(joined: Paper) -> None:
    _steady(joined, 1, 61)
    receipt = _only(joined)
    assert (receipt.uptime, receipt.uptime_permille, receipt.reason) == (60, 1_000, "")
    base = 8_000 * 2_400 // 1_000 + 1_600
    assert (receipt.base_musd, receipt.musd, receipt.amount) == (base, base, base * 10**7 // 80)


def test_the_root_is_over_all_receipts_in_node_order(joined: Paper) -> None:
    joined.join(3, sender=2, farm=2)
    _steady(joined, 5, 61)
    joined.block(72)
    result = joined.columns.result(0, 0)
    assert [receipt.node_id for receipt in result.receipts] == [1, 2]
    leaves = [encode_record(receipt) for receipt in result.receipts]
    assert result.root == merkle.root(RECEIPT_TAG, leaves)
    assert (result.total, result.count) == (sum(r.amount for r in result.receipts), 2)


def test_a_period_without_nodes_has_the_empty_root(paper: Paper) -> None:
    paper.block(72)
    result = paper.columns.result(0, 0)
    assert (result.root, result.total, result.count) == (merkle.empty_root(RECEIPT_TAG), 0, 0)


@pytest.mark.parametrize(("time", "count"), [(59, 1), (60, 0)])
def test_a_node_belongs_to_periods_that_end_after_it_came(
    paper: Paper, time: int, count: int
) -> None:
    paper.join(time)
    paper.block(72)
    assert paper.columns.result(0, 0).count == count


def test_rows_are_read_as_at_the_end(joined: Paper) -> None:
    _update(joined, 20, 2)
    joined.block(58, SetStellarAddress(farm_id=FarmId(1), address="GA"))
    _update(joined, 59, 3)
    joined.block(59, SetPayoutAccount(farm_id=FarmId(1), account=joined.account(5)))
    joined.block(60, SetPayoutAccount(farm_id=FarmId(1), account=joined.account(6)))
    _update(joined, 60, 4)
    joined.block(61, SetStellarAddress(farm_id=FarmId(1), address="GB"))
    receipt = _only(joined)
    assert (receipt.cru, receipt.account, receipt.stellar_address) == (3, joined.account(5), "GA")
    after = _only(joined, 1)
    assert (after.cru, after.account, after.stellar_address) == (4, joined.account(6), "GB")


def test_once_virtualized_always_virtualized(joined: Paper) -> None:
    _update(joined, 5, 2, virtualized=True)
    _update(joined, 6, 2)
    assert _only(joined).reason == "virtualized"


def test_what_took_no_effect_counts_for_nothing(joined: Paper) -> None:
    told = ReportUptime(node_id=NodeId(1), t=Seconds(ZERO + 5), uptime=5)
    joined.block(5, told, code="report_order")
    assert _only(joined).uptime == 0


def test_the_signed_time_picks_the_period(joined: Paper) -> None:
    """Either way across the end: a late report of the old one, an early one of the new."""
    joined.report(50, 100)
    for time in (54, 58, 62):
        joined.block(time)
    joined.report(59, 109, block=63)
    joined.report(60, 110, block=63)
    assert _only(joined).uptime == 6 + 6 + 1
    assert _only(joined, 1).uptime == 0


def test_a_first_report_comes_too_late_once_a_power_change_opened_the_next(joined: Paper) -> None:
    joined.target(61, up=False)
    joined.report(58, 5, block=62)
    assert _only(joined).uptime == 0


def test_a_late_report_counts_where_the_node_was_heard_of_before(joined: Paper) -> None:
    joined.report(54, 100)
    joined.target(61, up=False)
    joined.report(58, 104, block=62)
    assert _only(joined).uptime == 6 + 4


def test_the_old_period_closes_with_its_window(paper: Paper) -> None:
    paper.join(-5)
    paper.report(59, 100)
    for time in (63, 67):
        paper.block(time)
    paper.report(70, 111, block=71)
    assert _only(paper).uptime == 6 + 1
    for time in range(75, 119, 4):
        paper.block(time)
    paper.report(119, 160)
    paper.report(131, 172, block=132)
    paper.block(132)
    assert paper.columns.result(0, 1).receipts[0].uptime == 6 + 6


@pytest.mark.parametrize(
    ("asked", "uptime", "slow"),
    [
        pytest.param(65, 0, 1, id="asked in the period, never woke"),
        pytest.param(55, 0, 0, id="asked before it: as at its start"),
    ],
)
def test_a_node_comes_in_asleep(joined: Paper, asked: int, uptime: int, slow: int) -> None:
    joined.report(40, 100)
    joined.target(41, up=False)
    joined.state(44, up=False)
    joined.target(asked, up=True)
    joined.target(70, up=True)
    receipt = _only(joined, 1)
    assert (receipt.uptime, receipt.slow_boots) == (uptime, slow)


def test_a_node_asleep_wakes_with_a_report_and_is_credited(joined: Paper) -> None:
    joined.report(40, 100)
    joined.target(41, up=False)
    joined.state(44, up=False)
    joined.target(50, up=True)
    joined.report(55, 2)
    joined.state(55, up=True)
    assert _only(joined).uptime == 6 + 4 + (55 - 44)


def test_going_down_twice_or_unasked_is_no_sleep(joined: Paper) -> None:
    joined.report(10, 100)
    joined.state(11, up=False)
    joined.target(12, up=False)
    joined.state(13, up=False)
    joined.report(14, 104)
    assert _only(joined).uptime == 6 + 4


def test_a_node_sleeps_since_it_went_down_however_often_it_says_so(joined: Paper) -> None:
    joined.target(40, up=False)
    joined.state(44, up=False)
    joined.state(59, up=False)
    joined.target(60, up=True)
    joined.report(65, 2)
    assert _only(joined, 1).uptime == 0


def test_an_account_opened_ahead_of_time_hears_of_power_too(joined: Paper) -> None:
    """A report dated into the next period, then to sleep before that period began."""
    joined.target(50, up=False)
    joined.report(61, 100, block=57)
    joined.state(58, up=False)
    joined.report(66, 105)
    assert _only(joined, 1).uptime == 1


def test_before_the_first_period_only_power_is_remembered(joined: Paper) -> None:
    joined.target(-4, up=False)
    joined.report(-3, 5)
    joined.state(-3, up=False)
    joined.report(1, 9)
    assert joined.columns.checkpoint()
    assert _only(joined).uptime == 0


def test_a_twin_of_a_bad_key_is_found_at_the_close(paper: Paper) -> None:
    paper.join(1, key=b"k")
    paper.report(5, 5)
    assert (_only(paper).violation, _only(paper, 1).violation) == (7, 0)


@pytest.mark.parametrize(
    ("schedule", "period", "said"),
    [
        pytest.param(0, 1, "take blocks up to 1000132", id="its window is open"),
        pytest.param(0, -1, "there is none", id="before the first"),
        pytest.param(0, 1 << 32, "there is none", id="beyond the last"),
        pytest.param(7, 0, "schedule 7", id="an unknown schedule"),
    ],
)
def test_a_period_that_cannot_be_computed(
    joined: Paper, schedule: int, period: int, said: str
) -> None:
    joined.block(131)
    with pytest.raises(Unavailable, match=said):
        joined.columns.result(schedule, period)


def _versions(paper: Paper) -> tuple[int, int]:
    roster = paper.columns._roster
    return len(roster.farms[0].versions), len(roster.machines[0].versions)


def test_what_was_forgotten_is_gone_and_nothing_else(joined: Paper) -> None:
    _update(joined, 2, 2)
    joined.block(3, SetStellarAddress(farm_id=FarmId(1), address="GA"))
    _steady(joined, 5, 131)
    _update(joined, 132, 3)
    joined.block(132, SetStellarAddress(farm_id=FarmId(1), address="GB"))
    before = joined.columns.result(0, 1)
    kept = _versions(joined)
    size = len(joined.columns.checkpoint())
    joined.columns.forget(0, 0)
    joined.columns.forget(0, 0)
    assert len(joined.columns.checkpoint()) < size
    assert (kept, _versions(joined)) == ((3, 3), (2, 2))
    assert joined.columns.result(0, 1) == before
    with pytest.raises(Unavailable, match="forgotten"):
        joined.columns.result(0, 0)
    joined.columns.forget(0, 1)
    assert _versions(joined) == (1, 1)
    assert _only(joined, 2).stellar_address == "GB"


def test_a_running_period_is_not_forgotten(joined: Paper) -> None:
    with pytest.raises(Unavailable, match="take blocks"):
        joined.columns.forget(0, 0)


@pytest.mark.parametrize(
    "body",
    [
        ReportUptime(node_id=NodeId(2), t=Seconds(ZERO), uptime=5),
        ReportUptime(node_id=NodeId(0), t=Seconds(ZERO), uptime=5),
        ReportUptime(node_id=NodeId(1), t=Seconds(5), uptime=6),
        SetStellarAddress(farm_id=FarmId(2), address=""),
        SetStellarAddress(farm_id=FarmId(0), address=""),
    ],
    ids=["no such node", "node 0", "up since before 1970", "no such farm", "farm 0"],
)
def test_a_block_that_cannot_be_of_a_chain(joined: Paper, body: Kind) -> None:
    with pytest.raises(Malformed):
        joined.block(1, body)


def test_a_farm_needs_a_twin(paper: Paper) -> None:
    with pytest.raises(Malformed, match="twin"):
        paper.block(1, CreateFarm(name="farm"))


@pytest.mark.parametrize(
    ("height", "time_ms"),
    [
        pytest.param(3, 999_996_000, id="a block left out"),
        pytest.param(1, 999_996_000, id="a block again"),
        pytest.param(2, 999_995_001, id="no later than the one before"),
        pytest.param(2, (1 << 48) * 1_000, id="beyond all time"),
    ],
)
def test_blocks_come_in_order(joined: Paper, height: int, time_ms: int) -> None:
    with pytest.raises(Malformed):
        joined.columns.take(height, time_ms, [], [])


def test_a_registration_needs_terms(genesis: Genesis, joined: Paper) -> None:
    unknown = replace(genesis.params.regimes[0], regime=99)
    txs = _joining(joined)
    for params, policies, error in (
        (genesis.params, (), Malformed),
        (replace(genesis.params, regimes=()), genesis.policies, Malformed),
        (replace(genesis.params, regimes=(unknown,)), genesis.policies, Unavailable),
    ):
        with pytest.raises(error):
            Columns(params, policies).take(1, 999_995_000, txs, ["ok"] * len(txs))


def _joining(paper: Paper) -> list[bytes]:
    """The transactions by which a node joins, as `conftest` puts them into a block."""
    caught: list[bytes] = []

    class Catcher:
        def take(self, _height: int, _time_ms: int, txs: list[bytes], _codes: list[str]) -> None:
            caught.extend(txs)

    paper.columns = Catcher()  # type: ignore[assignment]
    paper.join(1)
    return caught


def test_keys_of_results_are_those_of_the_ledger(joined: Paper) -> None:
    receipt = _only(joined)
    assert (receipt.schedule, receipt.period) == (ScheduleId(0), PeriodIndex(0))


def test_a_twin_that_no_block_made_is_taken_by_nobody(joined: Paper) -> None:
    with pytest.raises(Malformed, match="no block made twin 7"):
        joined.block(20, AcceptTwin(twin_id=TwinId(7)))
