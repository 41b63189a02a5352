"""A small ledger to try things on: the devnet's constants, three people, no batch yet."""

import pytest

from tfchain.base.crypto import public_key
from tfchain.base.units import (
    Address,
    Millis,
    MilliUsd,
    PolicyId,
    ScheduleId,
    Seconds,
    Utft,
)
from tfchain.ledger import tables
from tfchain.ledger.params import (
    Consensus,
    FeeRow,
    Params,
    RegimeRow,
    ResourceRow,
    ScheduleRow,
    UptimeRow,
)
from tfchain.ledger.records import Account, Guardians, Policy, ScheduleState, Totals
from tfchain.ledger.state import State

TFT = 10_000_000
REGIME = 3
PAID = (1, 2, 3, 4, 5, 6, 8, 10, 11, 12)
"""Kinds with a fee."""
GUARDIAN = Address(public_key(bytes([7]) * 32))
ENDOWED = tuple(Address(public_key(bytes([seed]) * 32)) for seed in (1, 2, 3))


@pytest.fixture(scope="session")
def params() -> Params:
    """The devnet's constants; period 0 starts at 1,700,000,000 and has 60 seconds."""
    return Params(
        chain_id="test-00000000",
        consensus=_consensus(),
        schedules=(_schedule(),),
        uptime=_uptime(),
        resources=_resources(),
        regimes=(RegimeRow(start=Seconds(0), regime=REGIME, schedule=ScheduleId(0)),),
        fees=tuple(FeeRow(kind=kind, fee=Utft(10_000)) for kind in PAID),
        supply_cap=Utft(4_000_000_000 * TFT),
        balance_min=Utft(500),
        node_deposit=Utft(TFT),
        policy=PolicyId(1),
        connection_price=MilliUsd(80),
        settle_nodes=500,
        expiry_max=1_000,
    )


def _consensus() -> Consensus:
    return Consensus(
        precision=Millis(500),
        delay=Millis(2_000),
        propose=Millis(1_000),
        vote=Millis(500),
        growth=Millis(250),
        timeout_max=Millis(10_000),
        interval=Millis(1_000),
        block_bytes=2 << 20,
    )


def _schedule() -> ScheduleRow:
    return ScheduleRow(
        id=ScheduleId(0),
        name="standard",
        start=Seconds(1_700_000_000),
        length=Seconds(60),
        post_window=Seconds(12),
        commit_window=Seconds(10),
        attest_window=Seconds(30),
        payout_delay=Seconds(4),
    )


def _uptime() -> UptimeRow:
    return UptimeRow(
        report_interval=Seconds(2),
        grace=Seconds(4),
        skew=Seconds(8),
        report_window=Seconds(5),
        sleep_max=Seconds(20),
        boot_max=Seconds(6),
        sleep_credit_max=Seconds(6),
        power_spacing=Seconds(1),
    )


def _resources() -> ResourceRow:
    return ResourceRow(
        cru_min=1,
        cru_max=1 << 10,
        mru_min=2 << 30,
        mru_max=64 << 40,
        hru_min=0,
        hru_max=4 << 50,
        sru_min=100 << 30,
        sru_max=4 << 50,
    )


@pytest.fixture
def rows() -> dict[bytes, bytes]:
    """What is stored: nothing yet."""
    return {}


@pytest.fixture
def state(rows: dict[bytes, bytes], params: Params) -> State:
    """A ledger as genesis leaves it: seeds 1 to 3 have 1,000 TFT each."""
    ledger = State(rows)
    each = Utft(1_000 * TFT)
    tables.PARAMS.put(ledger, tables.SINGLE, params)
    supply = Utft(len(ENDOWED) * each)
    totals = Totals(twins=0, farms=0, nodes=0, minted_ever=supply, reserved=Utft(0))
    tables.TOTALS.put(ledger, tables.SINGLE, totals)
    tables.GUARDIANS.put(ledger, tables.SINGLE, Guardians(accounts=(GUARDIAN,)))
    for address in ENDOWED:
        tables.ACCOUNTS.put(ledger, address, Account(balance=each, nonce=0))
    tables.POLICIES.put(ledger, tables.id_key(params.policy), _policy(params))
    for row in params.schedules:
        tables.SCHEDULES.put(
            ledger, tables.schedule_key(row.id), ScheduleState(running=None, live=())
        )
    return ledger


def _policy(params: Params) -> Policy:
    return Policy(
        id=params.policy,
        name="diy",
        price_cu=2_400,
        price_su=1_000,
        price_nu=30,
        price_ipv4=5,
        minimal_uptime=95,
        immutable=False,
        default=True,
    )
