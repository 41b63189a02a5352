"""From an account to a receipt: total, in node order, with everything as at the period's end."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

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
)
from tfchain.chain.receipts import receipt_id
from tfchain.ledger import kept, tables
from tfchain.ledger.minting import RECEIPT_TAG
from tfchain.ledger.records import Contract, Node, Resources, Twin
from tfchain.ledger.state import State
from tfchain.ledger.uptime import (
    BOOT_REQUEST_EXPIRED,
    CLOCK_SKEW,
    INVALID_PUBLIC_KEY,
    MISSING_RELAY,
    MISSING_TWIN,
)
from tfchain.tx import consumption
from tfchain.tx.kinds.create_farm import CreateFarm
from tfchain.tx.kinds.set_payout_account import SetPayoutAccount
from tfchain.tx.kinds.set_stellar_address import SetStellarAddress
from tfchain.tx.kinds.update_node import UpdateNode

if TYPE_CHECKING:
    from tests.unit.chain.conftest import Chain, MakeChain

FARMER, OTHER = 1, 20
NODE_1 = tables.id_key(1)
AddressOf = Callable[[int], Address]


def _settled(chain: "Chain", uptime: int, *changes: Callable[[State], None]) -> None:
    """Node 2 was up for that long; rows are changed before the period ends."""
    chain.at(16)
    chain.plant([uptime])
    for change in changes:
        chain.change(change)
    chain.at(75)
    chain.at(87)
    chain.at(97)


def _node(**fields: object) -> Callable[[State], None]:
    def write(state: State) -> None:
        node: Node = tables.NODES.need(state, tables.id_key(2))
        row = replace(node, **fields)  # type: ignore[arg-type]
        tables.NODES.put(state, tables.id_key(2), row)

    return write


def _contract(**fields: object) -> Callable[[State], None]:
    def write(state: State) -> None:
        contract: Contract = tables.CONTRACTS.need(state, tables.id_key(2))
        row = replace(contract, **fields)  # type: ignore[arg-type]
        tables.CONTRACTS.put(state, tables.id_key(2), row)

    return write


def _twin(**fields: object) -> Callable[[State], None]:
    def write(state: State) -> None:
        twin: Twin = tables.TWINS.need(state, NODE_1)
        row = replace(twin, **fields)  # type: ignore[arg-type]
        tables.TWINS.put(state, NODE_1, row)

    return write


def _violated(state: State) -> None:
    row = tables.UPTIMES.need(state, tables.id_key(2))
    assert row.running is not None
    running = replace(row.running, violation=CLOCK_SKEW, evidence=(1, 2, 3))
    tables.UPTIMES.put(state, tables.id_key(2), replace(row, running=running))


def _slow_to_wake(state: State) -> None:
    row = tables.UPTIMES.need(state, tables.id_key(2))
    assert row.running is not None
    running = replace(row.running, slow_boots=2)
    tables.UPTIMES.put(state, tables.id_key(2), replace(row, running=running))


def _untouched(state: State) -> None:
    row = tables.UPTIMES.need(state, tables.id_key(2))
    tables.UPTIMES.put(state, tables.id_key(2), replace(row, running=None, ended=None))


HUGE = Resources(cru=(1 << 64) - 1, mru=(1 << 64) - 1, hru=(1 << 64) - 1, sru=(1 << 64) - 1)
NOTHING = Resources(cru=0, mru=0, hru=0, sru=0)


@pytest.mark.parametrize(
    ("change", "uptime", "reason"),
    [
        pytest.param(_node(virtualized=True), 60, "virtualized", id="a virtual machine"),
        pytest.param(_violated, 60, "violation", id="a violation"),
        pytest.param(_contract(connection_price=MilliUsd(0)), 60, "zero_price", id="a price of 0"),
        pytest.param(_untouched, 0, "no_uptime", id="no reports at all"),
        pytest.param(_node(), 0, "no_uptime", id="no uptime"),
        pytest.param(_node(), 56, "below_sla", id="below the least uptime"),
        pytest.param(_node(certified=True), 58, "below_sla", id="below that of the certified"),
        pytest.param(_node(resources=NOTHING), 60, "nothing_owed", id="nothing to offer"),
        pytest.param(_twin(relay=""), 60, "violation", id="a relay missing"),
        pytest.param(_twin(public_key=b"short"), 60, "violation", id="a key that is none"),
        pytest.param(_node(twin_id=TwinId(99)), 60, "violation", id="a twin missing"),
        pytest.param(
            lambda state: (
                _node(resources=HUGE)(state),
                _contract(price_su=(1 << 32) - 1, connection_price=MilliUsd(1))(state),
            )[0],
            60,
            "out_of_range",
            id="more than 64 bits",
        ),
    ],
)
def test_what_is_missing_costs_pay_and_never_a_crash(
    chain: "Chain", change: Callable[[State], None], uptime: int, reason: str
) -> None:
    _settled(chain, uptime, change)
    receipt = chain.receipt(2)
    assert (receipt.reason, receipt.amount, receipt.musd) == (reason, 0, 0)
    assert chain.batch().count == 2


@pytest.mark.parametrize(
    ("change", "violation"),
    [
        pytest.param(_twin(relay=""), MISSING_RELAY, id="relay"),
        pytest.param(_twin(public_key=b"short"), INVALID_PUBLIC_KEY, id="public key"),
        pytest.param(_node(twin_id=TwinId(99)), MISSING_TWIN, id="twin"),
        pytest.param(_violated, CLOCK_SKEW, id="what the reports showed"),
        pytest.param(_slow_to_wake, BOOT_REQUEST_EXPIRED, id="what the close finds"),
    ],
)
def test_the_receipt_names_the_violation(
    chain: "Chain", change: Callable[[State], None], violation: int
) -> None:
    _settled(chain, 60, change)
    assert chain.receipt(2).violation == violation


def test_a_right_public_key_is_no_violation(chain: "Chain") -> None:
    _settled(chain, 60, _twin(public_key=b"\x02" * 33))
    assert chain.receipt(2).reason == ""


def test_a_period_of_reports_is_paid_in_full(chain: "Chain") -> None:
    chain.attend(1, 15, 75)
    chain.at(87)
    chain.at(97)
    receipt = chain.receipt(1)
    assert (receipt.uptime, receipt.uptime_permille) == (60, 1_000)
    assert (receipt.cu, receipt.su, receipt.base_musd) == (7_750_000, 2_000_000, 20_600)
    assert receipt.amount == 20_600 * 10_000_000 // 80
    assert (chain.batch().total, chain.batch().count) == (receipt.amount, 1)


def test_a_node_that_never_reported_has_a_receipt_all_the_same(chain: "Chain") -> None:
    """Count and root prove that nobody was left out (P13)."""
    for second in (15, 75, 87, 97):
        chain.at(second)
    assert (chain.receipt(1).uptime, chain.batch().count, chain.batch().total) == (0, 1, 0)


def test_the_root_is_over_the_receipts_in_node_order(chain: "Chain") -> None:
    chain.at(16)
    chain.plant([60, 50, 58, 0, 57])
    for second in (75, 87, 97):
        chain.at(second)
    receipts = [chain.receipt(node) for node in range(1, 7)]
    leaves = [encode_record(receipt) for receipt in receipts]
    assert chain.batch().root == merkle.root(RECEIPT_TAG, leaves)
    assert chain.batch().total == sum(receipt.amount for receipt in receipts)
    assert receipt_id(receipts[0]) == merkle.leaf_hash(RECEIPT_TAG, leaves[0])


def test_what_changes_after_the_end_counts_for_the_next_period(
    chain: "Chain", address_of: AddressOf
) -> None:
    """P8, P16: node, farm and payout account as at the period's end, though it settles later."""
    chain.attend(1, 15, 75)
    small = Resources(cru=1, mru=2 << 30, hru=0, sru=100 << 30)
    update = UpdateNode(
        node_id=NodeId(1),
        resources=small,
        country="FR",
        city="Paris",
        virtualized=True,
        acceptance=b"",
    )
    payout = SetPayoutAccount(farm_id=FarmId(1), account=address_of(OTHER))
    stellar = SetStellarAddress(farm_id=FarmId(1), address="GABC")
    codes = chain.at(76, *[chain.tx(FARMER, kind) for kind in (update, payout, stellar)])
    assert codes == ("ok",) * 3
    for second in (87, 97):
        chain.at(second)
    receipt = chain.receipt(1)
    assert receipt.account == address_of(FARMER)
    assert (receipt.stellar_address, receipt.reason, receipt.cru) == ("", "", 8)
    for second in (135, 147, 157):
        chain.at(second)
    after = chain.receipt(1, period=1)
    assert after.account == address_of(OTHER)
    assert (after.stellar_address, after.reason, after.cru) == ("GABC", "virtualized", 1)


def test_what_changes_in_the_last_block_before_the_end_counts(
    chain: "Chain", address_of: AddressOf
) -> None:
    chain.attend(1, 15, 69)
    payout = SetPayoutAccount(farm_id=FarmId(1), account=address_of(OTHER))
    chain.at(74, chain.tx(FARMER, payout))
    for second in (75, 87, 97):
        chain.at(second)
    assert chain.receipt(1).account == address_of(OTHER)


def test_a_change_that_was_refused_is_not_kept(chain: "Chain", address_of: AddressOf) -> None:
    chain.at(15)
    chain.at(75)
    payout = SetPayoutAccount(farm_id=FarmId(1), account=address_of(OTHER))
    assert chain.at(76, chain.tx(OTHER, payout)) == ("not_the_owner",)
    assert chain.batch().kept == 0


def test_a_farm_made_after_the_end_is_kept_as_absent(chain: "Chain") -> None:
    chain.at(15)
    chain.at(75)
    chain.at(76, chain.tx(FARMER, CreateFarm(name="second")))
    state, key = chain.state(), tables.id_key(2)
    assert kept.at_end(state, chain.batch(), tables.FARMS, key) is None
    assert tables.FARMS.get(state, key) is not None


def test_an_account_that_was_kept_is_the_one_that_settles(chain: "Chain") -> None:
    """Whoever drops the account of a batch that has not settled keeps it under the batch (P8)."""
    chain.attend(1, 15, 75)

    def lose(state: State) -> None:
        row = tables.UPTIMES.need(state, NODE_1)
        kept.put(state, tables.UPTIMES, NODE_1, replace(row, running=None, ended=None))

    chain.change(lose)
    for second in (87, 97):
        chain.at(second)
    assert chain.receipt(1).uptime == 60


def test_reports_of_the_post_window_are_settled_with_the_rest(chain: "Chain") -> None:
    chain.attend(1, 15, 69)
    chain.at(72, chain.report(1, 72, 72))
    chain.at(77, chain.report(1, 77, 77))
    for second in (87, 97):
        chain.at(second)
    assert chain.receipt(1).uptime == 60


def test_a_halt_over_the_end_pays_what_was_reported(chain: "Chain") -> None:
    """The account of the last period lived through waits, whatever period reports then feed."""
    chain.attend(1, 15, 69)
    chain.at(100_000, chain.report(1, 100_000, 100_000))
    for second in (100_004, 100_010):
        chain.at(second, chain.report(1, second, second))
    assert chain.receipt(1).uptime == 54
    assert chain.batch().count == 1


@pytest.mark.parametrize("stopped", [78, 90], ids=["in the post window", "in the commit window"])
def test_a_halt_that_begins_after_the_end_pays_what_was_reported(
    chain: "Chain", stopped: int
) -> None:
    """Reports of a third period push the account out before its batch has settled."""
    chain.attend(1, 15, stopped, step=3)
    for second in (100_000, 100_003, 100_006, 100_009, 100_012):
        chain.at(second, chain.report(1, second, second))
    assert chain.receipt(1).uptime == 60


def test_a_halt_that_ends_just_before_a_period_does_pays_what_was_reported(chain: "Chain") -> None:
    """The commit window then lies across another period's start."""
    chain.attend(1, 15, 69)
    for second in (99_972, 99_978, 99_984, 99_990):
        chain.at(second, chain.report(1, second, second))
    assert chain.receipt(1).uptime == 54


def test_a_node_of_another_schedule_has_no_receipt_here(make_chain: "MakeChain") -> None:
    chain: Chain = make_chain()
    chain.found()
    _settled(chain, 60, _contract(schedule=ScheduleId(1)))
    place = tables.in_batch(tables.batch_key(ScheduleId(0), PeriodIndex(0)), 2)
    assert tables.RECEIPTS.get(chain.state(), place) is None
    assert chain.batch().count == 1


@pytest.mark.parametrize("row", [tables.NODES, tables.CONTRACTS], ids=lambda table: table.name)
def test_a_node_that_is_gone_is_passed_over(chain: "Chain", row: object) -> None:
    def drop(state: State) -> None:
        table = tables.NODES if row is tables.NODES else tables.CONTRACTS
        table.drop(state, tables.id_key(2))

    _settled(chain, 60, drop)
    assert chain.batch().count == 1


def test_a_receipt_holds_the_account_of_its_own_period_alone(chain: "Chain") -> None:
    chain.attend(1, 15, 63)
    chain.until(74)
    chain.attend(1, 75, 87)
    chain.at(97)
    receipt = chain.receipt(1)
    assert (receipt.start, receipt.end) == (chain.genesis.time + 15, chain.genesis.time + 75)
    assert receipt.end - receipt.start == Seconds(60)
    assert receipt.reason == "below_sla"


# --- use ------------------------------------------------------------------------------------------


def test_use_is_read_from_its_row_of_the_batch(chain: "Chain") -> None:
    """Traffic and public IPs are paid by use; where no row stands, nothing was used (P20)."""
    used = replace(consumption.NONE, traffic=10 << 30, ip_seconds=7_200)
    place = tables.in_batch(tables.batch_key(ScheduleId(0), PeriodIndex(0)), 2)
    _settled(chain, 60, lambda state: tables.CONSUMED.put(state, place, used))
    with_use, without = chain.receipt(2), chain.receipt(1)
    assert (with_use.nu, with_use.ip_seconds) == (10_000_000, 7_200)
    assert with_use.base_musd >= 300 + 10
    assert (without.nu, without.ip_seconds) == (0, 0)
