"""The second program agrees with the ledger: random chains, both ways, every receipt (P36)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from tfchain.base.address import to_text
from tfchain.base.crypto import SIGNATURE_BYTES, public_key
from tfchain.base.shapes import layout
from tfchain.base.units import (
    Address,
    FarmId,
    Height,
    Millis,
    NodeId,
    PeriodIndex,
    ScheduleId,
    Seconds,
    Utft,
)
from tfchain.chain import mints
from tfchain.chain.columns.blocks import FarmMade, NodeMade, Reported, TargetSet, TwinMade
from tfchain.chain.columns.program import Columns
from tfchain.chain.columns.regular import split
from tfchain.chain.columns.roster import Roster
from tfchain.chain.columns.routes import Routes
from tfchain.chain.columns.streams import NODE, REPORT, Stream, Table
from tfchain.chain.columns.uptime import Report, Tally, reported
from tfchain.chain.execute import Input, execute
from tfchain.chain.genesis import Genesis, genesis_outcome, read_genesis
from tfchain.ledger import tables
from tfchain.ledger.minting import SEALED, Receipt
from tfchain.ledger.records import Resources
from tfchain.ledger.state import State
from tfchain.ledger.uptime import NONE
from tfchain.tx.kind import Kind
from tfchain.tx.kinds.create_farm import CreateFarm
from tfchain.tx.kinds.create_twin import CreateTwin
from tfchain.tx.kinds.register_node import RegisterNode
from tfchain.tx.kinds.report_uptime import ReportUptime
from tfchain.tx.kinds.set_payout_account import SetPayoutAccount
from tfchain.tx.kinds.set_power_state import SetPowerState
from tfchain.tx.kinds.set_power_target import SetPowerTarget
from tfchain.tx.kinds.set_stellar_address import SetStellarAddress
from tfchain.tx.kinds.update_node import UpdateNode
from tfchain.tx.registry import NUMBERS
from tfchain.tx.transaction import Envelope, encode_transaction

GENESIS_S = 1_700_000_000
PERIODS = 3
LAST_S = 15 + 60 * PERIODS + 12 + 10 + 4
"""Where the last of them is sealed."""
NODES = 5
RELAYS = ("r.example", "r.example", "r.example", "", "r.example")
KEYS = (b"", b"k" * 33, b"", b"", b"k" * 32)
GIB = 1 << 30


def _account(number: int) -> Address:
    return Address(public_key(bytes([number]) * 32))


def _genesis() -> Genesis:
    template = Path(__file__).parents[2] / "genesis" / "devnet.toml"
    text = template.read_text(encoding="utf-8").replace("time = 0", f"time = {GENESIS_S}")
    for number in range(1, NODES + 1):
        text += f'[[account]]\naddress = "{to_text(_account(number))}"\nbalance = 1000000000000\n'
    text += f'[[validator]]\nkey = "{to_text(_account(99))}"\npower = 1\n'
    text += f'reward_account = "{to_text(_account(99))}"\n'
    text += f'[[guardian]]\naccount = "{to_text(_account(1))}"\n'
    return read_genesis(text)


GENESIS = _genesis()


@dataclass
class Machine:
    """A node in the test: what it truly did, and how it tells of it."""

    id: int
    booted: int
    last_t: int = 0
    power_t: int = 0
    up: bool = True
    due: int = 0
    honest: float = 1.0
    """Periods that something of it fell into."""


@dataclass
class Chain:
    """A chain by hand, with the second program beside it."""

    rows: dict[bytes, bytes] = field(default_factory=dict)
    columns: Columns = field(
        default_factory=lambda: Columns(GENESIS.params, GENESIS.policies, GENESIS.supply())
    )
    nonces: dict[int, int] = field(default_factory=dict)
    height: int = 0

    def get(self, key: bytes, /) -> bytes | None:
        return self.rows.get(key)

    def write(self, rows: Sequence[tuple[bytes, bytes | None]]) -> None:
        for key, value in rows:
            if value is None:
                self.rows.pop(key, None)
            else:
                self.rows[key] = value

    def tx(self, sender: int, body: Kind, *, free: bool = False) -> bytes:
        nonce = 0 if free else self.nonces.get(sender, 0)
        if not free:
            self.nonces[sender] = nonce + 1
        envelope = Envelope(
            chain_id=GENESIS.params.chain_id,
            sender=_account(sender),
            nonce=nonce,
            valid_until=Height(self.height + 10),
            fee=Utft(0 if free else 10_000),
            kind=NUMBERS[type(body)],
        )
        plain = layout(type(body)).pack(body)
        return encode_transaction(envelope, plain, bytes(SIGNATURE_BYTES))

    def block(self, time_ms: int, txs: list[bytes]) -> None:
        self.height += 1
        now = Seconds(time_ms // 1_000)
        due = mints.due(State(self), GENESIS.params, Height(self.height), now)
        block = Input(
            height=Height(self.height),
            time_ms=Millis(time_ms),
            reward_account=_account(99),
            txs=(*due, *txs),
        )
        outcome = execute(self, block)
        self.columns.take(self.height, time_ms, block.txs, outcome.codes)
        self.write(outcome.rows)


def _period(time: int) -> int:
    return (time - GENESIS_S - 15) // 60


def _size(chance: Random) -> Resources:
    return Resources(
        cru=chance.randint(1, 64),
        mru=chance.randint(2 * GIB, 256 * GIB),
        hru=chance.choice((0, chance.randint(1, 40_000 * GIB))),
        sru=chance.randint(100 * GIB, 4_000 * GIB),
    )


def _joining(chain: Chain, chance: Random, number: int) -> list[bytes]:
    twin = CreateTwin(relay=RELAYS[number - 1], public_key=KEYS[number - 1])
    node = RegisterNode(
        farm_id=FarmId(number),
        reporter=_account(50 + number),
        resources=_size(chance),
        country="BE",
        city="Gent",
        virtualized=False,
        acceptance=b"",
    )
    return [chain.tx(number, body) for body in (twin, CreateFarm(name=f"farm-{number}"), node)]


def _report(chain: Chain, chance: Random, node: Machine, now: int) -> list[bytes]:
    """Mostly true, sometimes late or early, now and then a lie."""
    steady = chance.random() < node.honest
    t = now if steady else now + chance.randint(-5, 5)
    if t <= node.last_t:
        return []
    if chance.random() > 0.15 + node.honest:
        node.booted = t - chance.choice((0, 1, 3, 30))
    told = t - node.booted if steady else t - node.booted + chance.choice((0, 0, 1, -3, 7, -30, 9))
    node.last_t = t
    uptime = min(max(told, 0), t + chance.choice((0,) * 20 + (1,)))
    body = ReportUptime(node_id=NodeId(node.id), t=Seconds(t), uptime=uptime)
    return [chain.tx(50 + node.id, body, free=True)]


def _power(chain: Chain, chance: Random, node: Machine, now: int) -> list[bytes]:
    """The farmer asks, the node follows; either may happen at any time."""
    if chance.random() < 0.5:
        body = SetPowerTarget(node_id=NodeId(node.id), up=chance.random() < 0.5)
        return [chain.tx(node.id, body)]
    t = now + chance.randint(-2, 2)
    if t < node.power_t + 1:
        return []
    node.power_t, node.up = t, chance.random() < 0.5
    node.booted = now
    told = SetPowerState(node_id=NodeId(node.id), t=Seconds(t), up=node.up)
    return [chain.tx(50 + node.id, told, free=True)]


def _paper(chain: Chain, chance: Random, node: Machine) -> list[bytes]:
    """Owner's business, at any time; some of it refused."""
    farm = FarmId(chance.choice((node.id, node.id, 1)))
    bodies: tuple[Kind, ...] = (
        SetPayoutAccount(farm_id=farm, account=_account(chance.randint(1, 9))),
        SetStellarAddress(farm_id=farm, address=chance.choice(("", "GA", "GB"))),
        UpdateNode(
            node_id=NodeId(node.id),
            resources=_size(chance),
            country="BE",
            city="Gent",
            virtualized=chance.random() < 0.1,
            acceptance=b"",
        ),
    )
    return [chain.tx(node.id, chance.choice(bodies))]


def _grow(chance: Random) -> Chain:
    """A chain over three periods, each node with a character of its own."""
    chain = Chain()
    chain.write(genesis_outcome(GENESIS).rows)
    joins = [0, 0, chance.randint(1, 80), chance.randint(1, 80), chance.randint(1, 190)]
    restless = chance.choice((0.0, 0.05, 0.3))
    nodes: list[Machine] = []
    time_ms = GENESIS_S * 1_000 + 700
    while time_ms < (GENESIS_S + LAST_S + 6) * 1_000:
        now, txs = time_ms // 1_000, []
        while len(nodes) < NODES and joins[len(nodes)] <= now - GENESIS_S:
            txs += _joining(chain, chance, len(nodes) + 1)
            booted = now - chance.choice((0, 5, 10_000))
            nodes.append(Machine(len(nodes) + 1, booted, honest=chance.choice((1.0, 0.97, 0.7))))
        old = [] if txs else nodes
        for node in old:
            if chance.random() < (0.02 if node.id == 1 else restless):
                txs += _power(chain, chance, node, now)
            if (now >= node.due and node.id != 2) or chance.random() < 0.05:
                txs += _report(chain, chance, node, now)
                node.due = now + chance.choice((1, 2, 2, 2, 3, 12 if node.honest < 0.9 else 2))
            if chance.random() < 0.02:
                txs += _paper(chain, chance, node)
        chain.block(time_ms, txs)
        time_ms += chance.choice((400, 1_000, 1_000, 1_000, 1_300, 2_500))
    return chain


def _ledger_receipts(state: State, period: int, count: int) -> list[Receipt]:
    name = tables.batch_key(ScheduleId(0), PeriodIndex(period))
    return [
        tables.RECEIPTS.need(state, tables.in_batch(name, node)) for node in range(1, count + 1)
    ]


def _walk(chance: Random, stream: Stream, node: int, start: int) -> None:
    """Reports of one node: mostly steady, its clock and its luck its own."""
    t, uptime, rate = (
        start + chance.randint(0, 40),
        chance.randint(0, 200),
        chance.choice((0, 0, 1)),
    )
    luck = chance.choice((0.0, 0.0, 0.2))
    while t < start + 80:
        stream.append(REPORT, node, t, uptime, t + 1)
        step = chance.randint(1, 9)
        t += step
        uptime = max(uptime + step + rate + chance.choice((0, 0, 0, 2, -2)), 0)
        if chance.random() < luck:
            uptime = chance.choice((0, uptime + 9, uptime - 3 if uptime > 3 else 0))


def _one_by_one(rows: Table, start: int) -> Tally:
    tally = Tally(start=start, end=start + 60)
    for _kind, _node, time, uptime, block in rows.T.tolist():
        reported(tally, GENESIS.params.uptime, Report(time, uptime, block))
    return tally


@given(st.integers(0, 1 << 32))
def test_all_at_once_gives_what_one_by_one_gives(seed: int) -> None:
    chance, start, stream = Random(seed), 10_000, Stream()
    for node in range(1, 9):
        _walk(chance, stream, node, start)
    rows = stream.by_node()
    parts = split(stream, GENESIS.params.uptime, start, start + 60)
    for node in range(1, 9):
        own = rows[:, rows[NODE] == node]
        tally = _one_by_one(own, start)
        if node in parts.others:
            assert parts.others[node].tolist() == own.tolist()
        else:
            found = (parts.totals.get(node, 0), NONE, ())
            assert found == (tally.total, tally.violation, tally.evidence)


@settings(max_examples=12)
@given(st.integers(0, 1 << 32))
def test_both_programs_come_to_the_same_receipts(seed: int) -> None:
    chain = _grow(Random(seed))
    state = State(chain)
    for period in range(PERIODS):
        batch = tables.BATCHES.need(state, tables.batch_key(ScheduleId(0), PeriodIndex(period)))
        assert batch.state >= SEALED
        result = chain.columns.result(0, period)
        assert list(result.receipts) == _ledger_receipts(state, period, batch.count)
        assert (result.root, result.total, result.count) == (batch.root, batch.total, batch.count)


ROUTED = 3
"""Nodes whose reports are routed."""
FIRST_S, PERIOD_S, WINDOW_S = 15, 60, 12
"""The devnet's schedule: its first period, how long each is, how long one takes reports after its end."""


def _unlearned(routes: Routes) -> Routes:
    """The same streams with somebody who has not learned yet where reports fall."""
    fresh = Routes(GENESIS.params)
    fresh.streams = routes.streams
    return fresh


def _routed(steps: Sequence[tuple[int, int, int, bool]], *, learning: bool) -> object:
    """Streams and machines after `steps`: node, seconds from genesis to the block and to the report's
    own time, and whether it is a wish to wake instead; by the blocks' time."""
    routes = Routes(GENESIS.params)
    roster, now = Roster(GENESIS.params, GENESIS.policies), Seconds(GENESIS_S)
    roster.add_twin(TwinMade(_account(1), "", b""))
    roster.add_farm(FarmMade(_account(1), "farm"), now)
    size = Resources(cru=8, mru=16 * GIB, hru=0, sru=500 * GIB)
    for _ in range(ROUTED):
        roster.add_node(NodeMade(_account(1), 1, size, "BE", "Ghent", virtualized=False), now)
    for node, block, told, wake in sorted(steps, key=lambda step: step[1]):
        now = Seconds(GENESIS_S + block)
        routes = routes if learning else _unlearned(routes)
        if wake:
            routes.target(roster, TargetSet(node, up=True), now)
        else:
            routes.report(roster, Reported(node, GENESIS_S + told, told), now)
    streams = {place: stream.encode() for place, stream in sorted(routes.streams.items())}
    return streams, roster.machines


def _around(*seconds: int) -> st.SearchStrategy[int]:
    return st.sampled_from([each + beside for each in seconds for beside in (-1, 0, 1)])


STARTS = [FIRST_S + PERIOD_S * period for period in range(4)]
STEPS = st.lists(
    st.tuples(
        st.integers(1, ROUTED),
        _around(*STARTS, *(start + WINDOW_S for start in STARTS)),
        _around(*STARTS),
        st.integers(0, 9).map(lambda one_in_ten: one_in_ten == 0),
    ),
    max_size=30,
)


@settings(max_examples=1_000)  # seconds, and one of them matters
@given(STEPS)
def test_a_report_goes_where_the_long_way_takes_it(
    steps: list[tuple[int, int, int, bool]],
) -> None:
    assert _routed(steps, learning=True) == _routed(steps, learning=False)
