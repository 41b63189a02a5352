"""Pools, deletion, registering anew, and locks that age opens."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tfchain.base.crypto import public_key
from tfchain.base.units import Address, FarmId, Height, NodeId, PolicyId, ScheduleId, Seconds, Utft
from tfchain.ledger import tables
from tfchain.ledger.locks import holding_of, lock
from tfchain.ledger.params import Params, RegimeRow
from tfchain.ledger.proposals import FraudMark, PolicyBook, PolicyTerms
from tfchain.ledger.state import State
from tfchain.ledger.terms import FarmPool, FirstReport, Progress
from tfchain.rules.regime import MANAGED, UNTIL_OLD_OR_USED, named, numbers_of
from tfchain.rules.regimes import farming_2018, farming_v3_lockup
from tfchain.tx.kind import Context
from tfchain.tx.kinds.delete_node import DeleteNode
from tfchain.tx.kinds.register_node import RegisterNode
from tfchain.tx.kinds.release_lock import ReleaseLock
from tfchain.tx.kinds.renew_contract import RenewContract
from tfchain.tx.kinds.report_uptime import ReportUptime
from tfchain.tx.kinds.set_farm_pool import SetFarmPool
from tfchain.tx.kinds.set_power_target import SetPowerTarget
from tfchain.tx.kinds.update_node import UpdateNode

Act = Callable[..., str]
FARMER, OWNER, STRANGER, REPORTER = (Address(public_key(bytes([n]) * 32)) for n in (1, 2, 3, 4))
START = 1_700_000_000
NODE = tables.id_key(1)
ONE = NodeId(1)
AGE = farming_v3_lockup.Offer().age


def _lockup(state: State) -> None:
    own = farming_v3_lockup.Frozen(
        tokens=0,
        uptime=950,
        age=AGE,
        utilisation=300,
        used_periods=3,
        length=60,
        cu=0,
        su=0,
        cru=0,
        mru=0,
        hru=0,
        sru=0,
    )
    contract, terms = tables.CONTRACTS.need(state, NODE), tables.OWN_TERMS.need(state, NODE)
    number = farming_v3_lockup.REGIME.number
    tables.CONTRACTS.put(state, NODE, replace(contract, regime=number))
    tables.OWN_TERMS.put(state, NODE, replace(terms, numbers=numbers_of(own)))


def _missed(state: State, missed: int) -> None:
    since = tables.CONTRACTS.need(state, NODE).registered
    row = Progress(node_id=ONE, since=since, missed=missed, first=Seconds(0), used=0)
    tables.PROGRESS.put(state, NODE, row)


@pytest.mark.parametrize(
    ("pool", "guarantee", "code"),
    [
        pytest.param(0, 0, "ok", id="unmanaged and new"),
        pytest.param(1, 0, "ok", id="unmanaged and refurbished"),
        pytest.param(2, 990, "ok", id="managed"),
        pytest.param(2, 1_001, "guarantee", id="more than all of the time"),
        pytest.param(0, 990, "guarantee", id="an unmanaged pool that promises"),
        pytest.param(3, 0, "pool", id="no such pool"),
    ],
)
def test_a_farm_says_what_pool_it_is(
    grid: State, act: Act, pool: int, guarantee: int, code: str
) -> None:
    body = SetFarmPool(farm_id=FarmId(1), pool=pool, guarantee=guarantee)
    assert act(body, FARMER) == code
    row = tables.FARM_POOLS.get(grid, tables.id_key(1))
    assert row == (FarmPool(pool=pool, guarantee=guarantee) if code == "ok" else None)


def test_another_farm_is_not_ones_own(grid: State, act: Act) -> None:
    assert act(SetFarmPool(farm_id=FarmId(1), pool=0, guarantee=0), OWNER) == "not_the_owner"
    assert act(SetFarmPool(farm_id=FarmId(2), pool=0, guarantee=0), FARMER) == "unknown_farm"


def test_a_node_registers_as_the_pool_that_its_farm_is(
    grid: State, act: Act, params: Params
) -> None:
    """And what it froze then stays, whatever the farm says later."""
    row = RegimeRow(start=Seconds(0), regime=1, schedule=params.schedules[0].id)
    usual = farming_2018.Offer(cu_price_managed=20_000, su_price_managed=12_000)
    context = Context(
        height=Height(1),
        time=Seconds(START),
        params=replace(params, regimes=(replace(row, offer=numbers_of(usual)),)),
        sender=FARMER,
        nonce=0,
    )
    assert act(SetFarmPool(farm_id=FarmId(1), pool=MANAGED, guarantee=990), FARMER) == "ok"
    node = tables.NODES.need(grid, NODE)
    RegisterNode(
        farm_id=FarmId(1),
        reporter=REPORTER,
        resources=node.resources,
        country="BE",
        city="Gent",
        virtualized=False,
        acceptance=b"",
    ).apply(grid, context)
    assert act(SetFarmPool(farm_id=FarmId(1), pool=0, guarantee=0), FARMER) == "ok"
    terms = tables.OWN_TERMS.need(grid, tables.id_key(2))
    own = named(farming_2018.Frozen, terms.numbers)
    assert (terms.pool, terms.guarantee, own.uptime) == (MANAGED, 990, 990)
    assert (own.cu_price, own.su_price) == (20_000, 12_000)
    assert (own.length, own.periods, own.cru) == (60, 60, node.resources.cru)


# --- deletion -------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", [OWNER, FARMER], ids=["its twin", "the farm's owner"])
def test_a_node_is_deleted_and_its_deposit_comes_back(grid: State, act: Act, who: Address) -> None:
    before = tables.ACCOUNTS.need(grid, OWNER).balance
    deposit = tables.NODES.need(grid, NODE).deposit
    assert act(DeleteNode(node_id=ONE), who, START + 9) == "ok"
    assert tables.ACCOUNTS.need(grid, OWNER).balance == before + deposit
    assert tables.NODES.need(grid, NODE).deposit == 0
    assert tables.GONE.need(grid, NODE).at == START + 9


def test_a_deleted_node_is_unknown_and_its_twin_may_run_another(grid: State, act: Act) -> None:
    size = tables.NODES.need(grid, NODE).resources
    assert act(DeleteNode(node_id=ONE), OWNER) == "ok"
    report = ReportUptime(node_id=ONE, t=Seconds(START + 3), uptime=1)
    update = UpdateNode(
        node_id=ONE, resources=size, country="BE", city="Gent", virtualized=False, acceptance=b""
    )
    assert act(report, REPORTER, START + 3) == "not_the_reporter"
    assert act(update, OWNER) == "unknown_node"
    assert act(SetPowerTarget(node_id=ONE, up=False), FARMER) == "unknown_node"
    assert act(DeleteNode(node_id=ONE), OWNER) == "unknown_node"
    assert tables.NODE_OF.get(grid, tables.id_key(2)) is None


def test_a_stranger_deletes_nothing(grid: State, act: Act) -> None:
    assert act(DeleteNode(node_id=ONE), STRANGER) == "not_the_owner"
    assert act(DeleteNode(node_id=NodeId(9)), OWNER) == "unknown_node"


# --- registering anew -----------------------------------------------------------------------------


def test_after_three_misses_a_node_registers_anew_at_todays_price(
    grid: State, act: Act, params: Params
) -> None:
    policy = tables.POLICIES.need(grid, tables.id_key(1))
    tables.POLICIES.put(grid, tables.id_key(1), replace(policy, price_cu=9_999))
    before = tables.CONTRACTS.need(grid, NODE)
    _missed(grid, 3)
    assert act(RenewContract(node_id=ONE), OWNER, START + 70) == "ok"
    after = tables.CONTRACTS.need(grid, NODE)
    assert (after.price_cu, after.registered) == (9_999, START + 70)
    assert after.regime == before.regime
    assert tables.FORMER.need(grid, NODE).contract == before
    assert act(RenewContract(node_id=ONE), OWNER, START + 71) == "not_due"


@pytest.mark.parametrize("certified", [False, True], ids=["as it came", "certified since"])
def test_a_node_registers_anew_as_what_it_is_by_now(grid: State, act: Act, certified: bool) -> None:
    """The policy for certified nodes is open to a node that was certified after it had joined."""
    node = tables.NODES.need(grid, NODE)
    tables.NODES.put(grid, NODE, replace(node, certified=certified))
    known = tables.POLICIES.need(grid, tables.id_key(1))
    better = replace(known, id=PolicyId(7), price_cu=9_999)
    tables.POLICIES.put(grid, tables.id_key(7), better)
    terms = PolicyTerms(
        policy_id=better.id, default=True, node_certified=True, gold=False, until=Seconds(0)
    )
    tables.POLICY_BOOK.put(grid, tables.SINGLE, PolicyBook(terms=(terms,)))
    _missed(grid, 3)
    assert act(RenewContract(node_id=ONE), OWNER, START + 70) == "ok"
    assert tables.CONTRACTS.need(grid, NODE).policy_id == (7 if certified else 1)


def test_a_node_registers_anew_on_its_own_schedule(grid: State, params: Params) -> None:
    """Its account runs by the periods of that: an offer on other periods is for others."""
    first = params.regimes[0]
    more = replace(first, start=Seconds(START + 5), schedule=ScheduleId(1))
    before = tables.CONTRACTS.need(grid, NODE)
    _missed(grid, 3)
    context = Context(
        height=Height(1),
        time=Seconds(START + 70),
        params=replace(params, regimes=(first, more)),
        sender=OWNER,
        nonce=0,
    )
    RenewContract(node_id=ONE).apply(grid, context)
    after = tables.CONTRACTS.need(grid, NODE)
    assert (after.schedule, after.registered) == (before.schedule, START + 70)


@pytest.mark.parametrize("missed", [None, 0, 2], ids=["never settled", "never", "twice"])
def test_before_that_the_contract_stands(grid: State, act: Act, missed: int | None) -> None:
    if missed is not None:
        _missed(grid, missed)
    assert act(RenewContract(node_id=ONE), OWNER) == "not_due"


def test_only_its_twin_registers_a_node_anew(grid: State, act: Act) -> None:
    _missed(grid, 3)
    assert act(RenewContract(node_id=ONE), FARMER) == "not_the_owner"
    assert act(RenewContract(node_id=ONE), STRANGER) == "no_twin"
    assert act(RenewContract(node_id=NodeId(9)), OWNER) == "unknown_node"


def test_a_contract_of_sixty_months_is_not_made_again(grid: State, act: Act) -> None:
    contract = tables.CONTRACTS.need(grid, NODE)
    tables.CONTRACTS.put(grid, NODE, replace(contract, regime=1))
    _missed(grid, 3)
    assert act(RenewContract(node_id=ONE), OWNER) == "void"


# --- locks ----------------------------------------------------------------------------------------


def test_whoever_asks_opens_a_lock_that_is_old_enough(grid: State, act: Act) -> None:
    _lockup(grid)
    lock(grid, ONE, UNTIL_OLD_OR_USED, FARMER, Utft(700))
    lock(grid, ONE, UNTIL_OLD_OR_USED, OWNER, Utft(20))
    tables.FIRST_REPORTS.put(grid, NODE, FirstReport(at=Seconds(START)))
    before = tables.ACCOUNTS.need(grid, FARMER).balance
    assert act(ReleaseLock(node_id=ONE), STRANGER, START + AGE - 1) == "too_early"
    assert act(ReleaseLock(node_id=ONE), STRANGER, START + AGE) == "ok"
    assert tables.ACCOUNTS.need(grid, FARMER).balance == before + 700
    assert [holding_of(grid, who).locked for who in (FARMER, OWNER)] == [0, 0]
    assert act(ReleaseLock(node_id=ONE), STRANGER, START + AGE) == "no_lock"


def test_age_alone_opens_no_lock_of_2018(grid: State, act: Act) -> None:
    contract = tables.CONTRACTS.need(grid, NODE)
    tables.CONTRACTS.put(grid, NODE, replace(contract, regime=1))
    lock(grid, ONE, 1, FARMER, Utft(700))
    tables.FIRST_REPORTS.put(grid, NODE, FirstReport(at=Seconds(START)))
    assert act(ReleaseLock(node_id=ONE), STRANGER, START + 10 * AGE) == "too_early"


def test_fraud_keeps_locks_shut(grid: State, act: Act) -> None:
    _lockup(grid)
    lock(grid, ONE, UNTIL_OLD_OR_USED, FARMER, Utft(700))
    tables.FIRST_REPORTS.put(grid, NODE, FirstReport(at=Seconds(START)))
    mark = FraudMark(
        node_id=ONE, proposal=1, evidence=bytes(32), height=Height(1), time=Seconds(START)
    )
    tables.FRAUDS.put(grid, tables.of_node(ONE), mark)
    assert act(ReleaseLock(node_id=ONE), STRANGER, START + 10 * AGE) == "fraud"
    assert holding_of(grid, FARMER).locked == 700
