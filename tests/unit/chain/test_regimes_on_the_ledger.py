"""Nodes of all five regimes on one chain, for twenty months: what they are owed, locked and paid.

Blocks are twelve hours apart; the second program goes along and is asked about every batch that seals.
What is expected is computed here, straight from rules.md, not by the regimes.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Final

import pytest

from tfchain.base.address import to_text
from tfchain.base.crypto import SIGNATURE_BYTES, public_key
from tfchain.base.shapes import encode_record, layout
from tfchain.base.units import Address, FarmId, Height, Millis, NodeId, PeriodIndex, Seconds, Utft
from tfchain.chain import mints
from tfchain.chain.audit_report import held_change, newly_sealed
from tfchain.chain.batches import live
from tfchain.chain.columns import offers
from tfchain.chain.columns.program import Columns
from tfchain.chain.execute import Input, execute
from tfchain.chain.genesis import Genesis, genesis_outcome, read_genesis
from tfchain.ledger import kept, tables
from tfchain.ledger.locks import holding_of
from tfchain.ledger.measures import FlagFraud
from tfchain.ledger.minting import (
    COMMIT,
    SEALED,
    Batch,
    MintRecord,
    Receipt,
    commitment_digest,
)
from tfchain.ledger.proposals import FraudMark
from tfchain.ledger.records import Resources
from tfchain.ledger.state import State
from tfchain.rules.regime import FREE, UNTIL_OLD_OR_USED, UNTIL_POOL_USED, WITHHELD
from tfchain.tx.kind import Kind
from tfchain.tx.kinds.attest_mint import AttestMint
from tfchain.tx.kinds.commit_mint import CommitMint
from tfchain.tx.kinds.create_farm import CreateFarm
from tfchain.tx.kinds.create_twin import CreateTwin
from tfchain.tx.kinds.delete_node import DeleteNode
from tfchain.tx.kinds.register_node import RegisterNode
from tfchain.tx.kinds.release_lock import ReleaseLock
from tfchain.tx.kinds.renew_contract import RenewContract
from tfchain.tx.kinds.report_uptime import ReportUptime
from tfchain.tx.kinds.set_farm_pool import SetFarmPool
from tfchain.tx.registry import FREE_NUMBERS, NUMBERS
from tfchain.tx.transaction import Envelope, encode_transaction

GIB: Final = 1 << 30
TFT: Final = 10_000_000
DAY: Final = 86_400
STEP: Final = DAY // 2
BEGIN: Final = 1_527_811_200
"""1 June 2018."""
MONTH: Final = 2_630_880
OWN: Final = 30 * DAY
LOCK_AGE: Final = 200 * DAY
STARTS: Final = {
    "farming_2018": 0,
    "farming_2019": 40,
    "farming_v2": 80,
    "farming_v3": 120,
    "farming_v3_lockup": 160,
}
"""Days after the beginning from which on a regime takes registrations."""
SCHEDULE_OF: Final = {"farming_2018": 2, "farming_2019": 2, "farming_v2": 1}
SIZE: Final = Resources(cru=8, mru=33 * GIB, hru=0, sru=400 * GIB)
GUARDIAN: Final = 90
FARMER: Final = 1
ROOT: Final = Path(__file__).resolve().parents[3]


SALT: Final = bytes(32)


def _commit(batch: Batch, digest: bytes) -> CommitMint:
    return CommitMint(schedule=batch.schedule, period=batch.period, digest=digest)


def _attest(batch: Batch, root: bytes, total: int, count: int) -> AttestMint:
    return AttestMint(
        schedule=batch.schedule,
        period=batch.period,
        root=root,
        total=total,
        count=count,
        salt=SALT,
    )


def account(number: int) -> Address:
    return Address(public_key(bytes([number]) * 32))


def _schedule(number: int, name: str, start_from: str, length: int, own: int) -> str:
    start = (BEGIN - MONTH // 3) if start_from == "epoch" and length else BEGIN
    return (
        f'[[schedule]]\nid = {number}\nname = "{name}"\nstart_from = "epoch"\n'
        f"start = {start}\nlength = {length}\nown = {own}\npost_window = 97200\n"
        f"commit_window = {DAY}\nattest_window = {DAY}\npayout_delay = 3600\n"
    )


def _genesis() -> Genesis:
    text = (ROOT / "genesis" / "devnet.toml").read_text(encoding="utf-8")
    head, _, rest = text.partition("[[schedule]]")
    evidence = rest[rest.index("[evidence]") : rest.index("[[regime]]")]
    tail = rest[rest.index("[ledger]") :].replace("expiry_max = 1000", "expiry_max = 100000")
    uptime = (
        f"[uptime]\nreport_interval = {STEP}\ngrace = 7200\nskew = 14400\nreport_window = 600\n"
        "sleep_max = 86400\nboot_max = 1800\nsleep_credit_max = 50400\npower_spacing = 60\n"
    )
    schedules = [
        _schedule(0, "standard", "epoch", MONTH, 0),
        _schedule(1, "calendar", "epoch", 0, 0),
        _schedule(2, "fixed", "epoch", MONTH, OWN),
    ]
    regimes = [
        f'[[regime]]\nregime = "{name}"\nstart = {BEGIN + days * DAY}\n'
        f"schedule = {SCHEDULE_OF.get(name, 0)}\n"
        for name, days in STARTS.items()
    ]
    regimes[-1] += f"[regime.offer]\nage = {LOCK_AGE}\n"
    people = [
        f'[[account]]\naddress = "{to_text(account(n))}"\nbalance = {10**15}\n'
        for n in (*range(1, 20), GUARDIAN)
    ]
    key = to_text(account(99))
    people.append(f'[[validator]]\nkey = "{key}"\npower = 1\nreward_account = "{key}"\n')
    people.append(f'[[guardian]]\naccount = "{to_text(account(GUARDIAN))}"\n')
    parts = [
        head.replace("time = 0", f"time = {BEGIN}"),
        *schedules,
        uptime,
        evidence,
        *regimes,
        tail,
        *people,
    ]
    return read_genesis("\n".join(parts))


GENESIS: Final = _genesis()


@dataclass
class Ledger:
    """A chain by hand, the second program beside it."""

    rows: dict[bytes, bytes] = field(default_factory=dict)
    columns: Columns = field(
        default_factory=lambda: Columns(GENESIS.params, GENESIS.policies, GENESIS.supply())
    )
    nonces: dict[int, int] = field(default_factory=dict)
    height: int = 0
    held: int = GENESIS.supply()
    down: dict[int, range] = field(default_factory=dict)
    """Days on which a node does not report."""
    refused: list[tuple[int, str]] = field(default_factory=list)
    compared: int = 0
    committed: dict[tuple[int, int], tuple[bytes, int, int]] = field(default_factory=dict)
    receipts: dict[tuple[int, int], Receipt] = field(default_factory=dict)
    """By node and period."""

    def get(self, key: bytes, /) -> bytes | None:
        return self.rows.get(key)

    def write(self, rows: Iterable[tuple[bytes, bytes | None]], /) -> None:
        for key, value in rows:
            if value is None:
                self.rows.pop(key, None)
            else:
                self.rows[key] = value

    def state(self) -> State:
        return State(self)

    def tx(self, sender: int, body: Kind) -> bytes:
        number = NUMBERS[type(body)]
        free = number in FREE_NUMBERS
        nonce = 0 if free else self.nonces.get(sender, 0)
        if not free:
            self.nonces[sender] = nonce + 1
        envelope = Envelope(
            chain_id=GENESIS.params.chain_id,
            sender=account(sender),
            nonce=nonce,
            valid_until=Height(self.height + 10),
            fee=Utft(0 if free else 10_000),
            kind=number,
        )
        plain = layout(type(body)).pack(body)
        return encode_transaction(envelope, plain, bytes(SIGNATURE_BYTES))

    def block(self, now: int, *sent: tuple[int, Kind]) -> list[str]:
        self.height += 1
        txs = [self.tx(sender, body) for sender, body in sent]
        due = mints.due(State(self), GENESIS.params, Height(self.height), Seconds(now))
        block = Input(
            height=Height(self.height),
            time_ms=Millis(now * 1_000),
            reward_account=account(99),
            txs=(*due, *txs),
        )
        outcome = execute(self, block)
        self.held += held_change(self, outcome)
        sealed = newly_sealed(self, outcome)
        self.columns.take(self.height, now * 1_000, block.txs, outcome.codes)
        self.write(outcome.rows)
        for batch in sealed:
            self._compare(batch)
        minted = tables.TOTALS.need(self.state(), tables.SINGLE).minted_ever
        assert self.held == minted, "genesis and mints are what is held"
        assert minted <= GENESIS.params.supply_cap
        codes = list(outcome.codes[len(due) :])
        for (_, body), code in zip(sent, codes, strict=True):
            if code != "ok":
                self.refused.append((now, f"{type(body).__name__} {code}"))
        return codes

    def _compare(self, batch: Batch) -> None:
        result = self.columns.result(batch.schedule, batch.period)
        name = tables.batch_key(batch.schedule, batch.period)
        for theirs in result.receipts:
            mine = tables.RECEIPTS.need(self.state(), tables.in_batch(name, theirs.node_id))
            assert mine == theirs
            assert encode_record(mine) == encode_record(theirs)
            self.receipts[theirs.node_id, batch.period] = mine
        answer = (result.root, result.total, result.count)
        assert answer == (batch.root, batch.total, batch.count)
        assert self.committed[batch.schedule, batch.period] == answer
        self.columns.forget(batch.schedule, batch.period)
        sealed = self.columns.checkpoint()
        self.columns = Columns.resume(GENESIS.params, GENESIS.policies, sealed, GENESIS.supply())
        self.compared += len(result.receipts)

    def guardian(self) -> list[tuple[int, Kind]]:
        """Commit to what the second program says before the ledger does, and attest it after (P9)."""
        state, sent = self.state(), list[tuple[int, Kind]]()
        for _, batch in live(state, GENESIS.params):
            name = (batch.schedule, batch.period)
            if batch.state == COMMIT and name not in self.committed:
                result = self.columns.result(*name)
                self.committed[name] = (result.root, result.total, result.count)
                digest = commitment_digest(*self.committed[name], SALT)
                sent.append((GUARDIAN, _commit(batch, digest)))
            elif batch.state == SEALED and not batch.answers:
                sent.append((GUARDIAN, _attest(batch, *self.committed[name])))
        return sent

    def joins(self, farmer: int) -> list[tuple[int, Kind]]:
        """A twin with a farm and a node in it; the node reports with key 100 + farmer."""
        node = RegisterNode(
            farm_id=FarmId(farmer),
            reporter=account(100 + farmer),
            resources=SIZE,
            country="BE",
            city="Gent",
            virtualized=False,
            acceptance=b"",
        )
        twin, farm = (
            CreateTwin(relay="r.example", public_key=b""),
            CreateFarm(name=f"farm-{farmer}"),
        )
        pool = SetFarmPool(farm_id=FarmId(farmer), pool=2, guarantee=990)
        pools = [(farmer, pool)] if farmer == MANAGER else []
        return [(farmer, twin), (farmer, farm), *pools, (farmer, node)]


MANAGER: Final = 3
"""Whose farm is a managed pool."""
JOINED: Final = {1: 22, 2: 23, 3: 43, 4: 83, 5: 84, 6: 123, 7: 124, 8: 163, 9: 164, 10: 165}
"""By node: the day on which it joins. Two a regime; 10 is a third under the lock-up."""
DAYS: Final = 395
DOWN: Final = {
    2: range(40, 150),
    5: range(100, 130),
    7: range(140, 260),
}
DELETED: Final = 250
"""The day on which node 9 is deleted."""
FLAGGED: Final = 297
"""The day on which node 10 is found fraudulent."""
STRANGER: Final = 12
LEFT: Final = {9: DELETED, 10: FLAGGED}
ASKED: Final[tuple[tuple[int, int, Kind], ...]] = (
    (7, 200, RenewContract(node_id=NodeId(7))),
    (2, 260, RenewContract(node_id=NodeId(2))),
    (7, 270, RenewContract(node_id=NodeId(7))),
    (8, 270, RenewContract(node_id=NodeId(8))),
    (STRANGER, 249, DeleteNode(node_id=NodeId(9))),
    (9, DELETED, DeleteNode(node_id=NodeId(9))),
    (9, DELETED + 1, DeleteNode(node_id=NodeId(9))),
    (STRANGER, 363, ReleaseLock(node_id=NodeId(9))),
    (STRANGER, 366, ReleaseLock(node_id=NodeId(9))),
    (STRANGER, 367, ReleaseLock(node_id=NodeId(9))),
    (STRANGER, 370, ReleaseLock(node_id=NodeId(10))),
    (STRANGER, 370, ReleaseLock(node_id=NodeId(1))),
)


def _history() -> Ledger:
    ledger = Ledger()
    ledger.write(genesis_outcome(GENESIS).rows)
    for step in range(1, DAYS * 2):
        now, day = BEGIN + step * STEP, step // 2
        sent = ledger.guardian()
        for node, joined in JOINED.items():
            if step == joined * 2:
                sent += ledger.joins(node)
            elif step > joined * 2 and day not in DOWN.get(node, ()) and day < LEFT.get(node, DAYS):
                uptime = now - BEGIN - joined * DAY
                body = ReportUptime(node_id=NodeId(node), t=Seconds(now), uptime=uptime)
                sent.append((100 + node, body))
        for sender, at, asked in ASKED:
            if step == at * 2:
                sent.append((sender, asked))
        ledger.block(now, *sent)
        if step == FLAGGED * 2:
            _flag(ledger, now)
    return ledger


def _flag(ledger: Ledger, now: int) -> None:
    """As the guardians' vote would: between two blocks, and told to both programs."""
    node = NodeId(10)
    mark = FraudMark(
        node_id=node,
        proposal=1,
        evidence=bytes(32),
        height=Height(ledger.height),
        time=Seconds(now),
    )
    state = ledger.state()
    kept.put(state, tables.FRAUDS, tables.of_node(node), mark)
    ledger.write([(table.stored_at(key), value) for table, key, value in state.changes()])
    roster = ledger.columns._roster
    verdict = FlagFraud(node_id=node, evidence=bytes(32))
    roster.offered = offers.at_once(roster.offered, verdict, Seconds(now))


@pytest.fixture(scope="module")
def ledger() -> Ledger:
    return _history()


def _of(ledger: Ledger, node: int) -> dict[int, Receipt]:
    return {period: row for (number, period), row in ledger.receipts.items() if number == node}


def test_both_programs_agree_on_every_receipt_of_every_schedule(ledger: Ledger) -> None:
    """`_compare` has asked, at every seal, through a checkpoint each time."""
    assert ledger.compared == len(ledger.receipts) > 90
    assert {row.schedule for row in ledger.receipts.values()} == {0, 1, 2}
    assert {row.regime for row in ledger.receipts.values()} == {1, 2, 3, 4, 5}


def _usd(cu: Fraction, cu_price: int, su: Fraction, su_price: int) -> Fraction:
    return cu * cu_price + su * su_price


def _millionth(value: Fraction) -> Fraction:
    return Fraction(int(value * 1_000_000), 1_000_000)


OWN_STEPS: Final = 5
"""Integers on a receipt for each period of a node's own."""
FULL: Final = {
    1: _usd(Fraction("7.2"), 15, _millionth(Fraction(400, 135)), 10) / Fraction("0.10") / 8,
    3: _usd(Fraction("7.8375"), 15, _millionth(Fraction(400, 92)), 10) / Fraction("0.12") / 8,
    6: (8 * Fraction("2.4") + Fraction("1.6")) / Fraction("0.08"),
    8: (8 * Fraction("2.4") + Fraction("1.6")) / Fraction("0.08"),
}
"""TFT for a full period, by rules.md 4 and 2.3, for 8 cores, 33 GiB and 400 GiB of flash."""


@pytest.mark.parametrize("node", FULL)
def test_a_steady_node_is_owed_what_the_rules_say(ledger: Ledger, node: int) -> None:
    receipts = _of(ledger, node)
    steady = [row for row in receipts.values() if row.uptime_permille == 1_000]
    assert len(steady) >= 7
    periods = [max(1, len(row.steps) // OWN_STEPS) for row in steady]
    assert [row.amount for row in steady] == [int(FULL[node] * TFT) * each for each in periods]
    assert {row.reason for row in steady} == {""}


def test_v2_pays_by_what_was_minted_when_the_commit_window_opened(ledger: Ledger) -> None:
    rate = Fraction("1.5") * 8 + _millionth(Fraction(400, 240))
    seen = []
    for row in _of(ledger, 4).values():
        minted = row.steps[2]
        full = rate * 40 / Fraction("0.15") / 6 * (1 - Fraction(minted, 4_000_000_000 * TFT))
        assert row.amount == (int(full * TFT) if row.uptime_permille == 1_000 else 0)
        seen.append(minted)
    assert seen == sorted(seen) and seen[0] < seen[-1] < GENESIS.params.supply_cap


def test_a_managed_pool_keeps_the_uptime_that_it_promised(ledger: Ledger) -> None:
    floors = [row.floor_permille for row in _of(ledger, MANAGER).values() if row.steps]
    assert floors == [0] + [990] * (len(floors) - 1)
    assert [row.floor_permille for row in _of(ledger, 1).values() if row.steps][1:3] == [995, 995]


def test_periods_of_their_own_that_wait_for_their_batch_leave_nothing(ledger: Ledger) -> None:
    """Node 1's end a day after a batch began: two later ones start before that batch settles."""
    receipts = _of(ledger, 1).values()
    starts = [start for row in receipts for start in row.steps[1::OWN_STEPS]]
    assert starts == [BEGIN + (22 + 30 * index) * DAY for index in range(len(starts))]
    assert max(len(row.steps) for row in receipts) == 2 * OWN_STEPS, "one batch has two of them"
    mark = tables.OWN_ENDED.stored_at(b"")
    assert len([key for key in ledger.rows if key.startswith(mark)]) <= 2


def test_three_months_of_breach_void_a_contract_for_good(ledger: Ledger) -> None:
    receipts = _of(ledger, 2)
    assert [(row.reason, row.missed) for row in receipts.values()][1:6] == [
        ("", 0),
        ("no_uptime", 1),
        ("no_uptime", 2),
        ("no_uptime", 3),
        ("void", 3),
    ]
    assert {row.reason for row in [*receipts.values()][5:]} == {"void"}


def test_after_three_missed_periods_a_node_registers_anew_from_the_next_period_on(
    ledger: Ledger,
) -> None:
    reasons = [row.reason for row in _of(ledger, 7).values()]
    assert reasons[:6] == ["below_sla", "no_uptime", "no_uptime", *["must_register"] * 3]
    assert set(reasons[6:]) == {""}
    contract = tables.CONTRACTS.need(ledger.state(), tables.id_key(7))
    former = tables.FORMER.need(ledger.state(), tables.id_key(7))
    assert contract.registered == BEGIN + 270 * DAY
    assert former.contract.registered == BEGIN + JOINED[7] * DAY


def test_what_is_asked_too_early_or_by_strangers_is_refused(ledger: Ledger) -> None:
    days = [((now - BEGIN) // DAY, what) for now, what in ledger.refused]
    assert days == [
        (200, "RenewContract not_due"),
        (249, "DeleteNode not_the_owner"),
        (251, "DeleteNode unknown_node"),
        (260, "RenewContract void"),
        (270, "RenewContract not_due"),
        (363, "ReleaseLock too_early"),
        (367, "ReleaseLock no_lock"),
        (370, "ReleaseLock fraud"),
        (370, "ReleaseLock too_early"),
    ]


def _mint_of(ledger: Ledger, node: int, period: int) -> MintRecord | None:
    schedule = ledger.receipts[node, period].schedule
    name = tables.batch_key(schedule, PeriodIndex(period))
    return tables.MINTS.get(ledger.state(), tables.in_batch(name, node))


def test_uncertified_coins_of_2018_wait_for_use(ledger: Ledger) -> None:
    state = ledger.state()
    lock = tables.LOCKS.need(state, tables.id_key(1))
    assert (lock.kind, lock.held[0].account) == (UNTIL_POOL_USED, account(1))
    assert lock.held[0].amount == _minted(ledger, 1) > 10 * FULL[1] * TFT
    assert holding_of(state, account(1)).locked == lock.held[0].amount


def test_locked_coins_come_free_with_age_and_what_comes_later_is_free(ledger: Ledger) -> None:
    kinds = [row.lock for row in _of(ledger, 8).values()]
    assert kinds == [UNTIL_OLD_OR_USED] * 7 + [FREE] * (len(kinds) - 7)
    state = ledger.state()
    assert tables.LOCKS.get(state, tables.id_key(8)) is None
    assert holding_of(state, account(8)).locked == 0
    assert _gained(ledger, 8) == _minted(ledger, 8) - GENESIS.params.node_deposit


def test_a_deleted_node_is_paid_to_the_end_and_released_in_its_time(ledger: Ledger) -> None:
    periods = [*_of(ledger, 9)]
    assert periods[-1] == 8
    assert holding_of(ledger.state(), account(9)).locked == 0
    assert _gained(ledger, 9) == _minted(ledger, 9) > 0


def test_of_a_fraudulent_node_nothing_more_is_minted_and_nothing_released(ledger: Ledger) -> None:
    state = ledger.state()
    lock = tables.LOCKS.need(state, tables.id_key(10))
    assert holding_of(state, account(10)).locked == lock.held[0].amount == _minted(ledger, 10)
    withheld = [
        row for row in (_mint_of(ledger, 10, at) for at in _of(ledger, 10)) if row is not None
    ]
    late = [row for row in withheld if row.lock == WITHHELD]
    assert late and all(row.amount == 0 for row in late)
    assert any(row.owed for row in late)


def _minted(ledger: Ledger, node: int) -> int:
    records = [_mint_of(ledger, node, period) for period in _of(ledger, node)]
    return sum(record.amount for record in records if record is not None)


def _gained(ledger: Ledger, node: int) -> int:
    """What the node's farmer has more than at the beginning, fees given back."""
    row = tables.ACCOUNTS.need(ledger.state(), account(node))
    return row.balance - 10**15 + 10_000 * row.nonce
