"""Whatever is voted, in whatever order: no contract of a node that is there ever changes (P18)."""

from dataclasses import replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tfchain.base.address import to_text
from tfchain.base.crypto import public_key
from tfchain.base.units import (
    Address,
    FarmId,
    Height,
    MilliUsd,
    NodeId,
    PolicyId,
    ScheduleId,
    Seconds,
    Utft,
)
from tfchain.chain.genesis import genesis_outcome, read_genesis
from tfchain.errors import Rejected
from tfchain.ledger import tables
from tfchain.ledger.measures import (
    MEASURES,
    AddRegime,
    AttachPolicy,
    CertifyFarm,
    CertifyNode,
    FlagFraud,
    Halt,
    LowerCap,
    Measure,
    PolicyOffer,
    SeatGuardian,
    SetDefaultPolicy,
    SetPrice,
    SetRule,
)
from tfchain.ledger.records import Contract, Policy, Resources
from tfchain.ledger.state import State
from tfchain.tx import measures
from tfchain.tx.kind import Context, Kind
from tfchain.tx.kinds.create_farm import CreateFarm
from tfchain.tx.kinds.create_twin import CreateTwin
from tfchain.tx.kinds.register_node import RegisterNode

START = 1_700_000_000
PEOPLE = [Address(public_key(bytes([number]) * 32)) for number in range(1, 9)]
SIZE = Resources(cru=8, mru=32 << 30, hru=0, sru=500 << 30)


def _genesis() -> dict[bytes, bytes]:
    template = Path(__file__).resolve().parents[2] / "genesis" / "devnet.toml"
    text = template.read_text(encoding="utf-8").replace("time = 0", f"time = {START - 15}", 1)
    for person in PEOPLE:
        text += f'\n[[account]]\naddress = "{to_text(person)}"\nbalance = 1000000000\n'
    first = to_text(PEOPLE[0])
    text += f'\n[[validator]]\nkey = "{first}"\npower = 1\nreward_account = "{first}"\n'
    text += f'\n[[guardian]]\naccount = "{first}"\n'
    rows = genesis_outcome(read_genesis(text)).rows
    return {key: value for key, value in rows if value is not None}


STORED = _genesis()
SMALL = st.integers(0, 4)
FLAGS = st.booleans()
MEASURE: st.SearchStrategy[Measure] = st.one_of(
    st.builds(SetPrice, price=st.integers(1, 500).map(MilliUsd)),
    st.builds(
        PolicyOffer,
        name=st.just("p"),
        price_cu=SMALL,
        price_su=SMALL,
        price_nu=SMALL,
        price_ipv4=SMALL,
        minimal_uptime=st.sampled_from([95, 500, 1_000]),
        immutable=FLAGS,
        default=FLAGS,
        node_certified=FLAGS,
        gold=FLAGS,
        until=st.sampled_from([0, START + 5]).map(Seconds),
        allow_low_uptime=FLAGS,
    ),
    st.builds(
        AttachPolicy,
        farm_id=st.just(FarmId(1)),
        policy_id=SMALL.map(PolicyId),
        cu=st.sampled_from([0, 10]),
        su=SMALL,
        nodes=SMALL,
        until=st.sampled_from([0, START + 5]).map(Seconds),
        node_certified=FLAGS,
    ),
    st.builds(SetDefaultPolicy, policy_id=SMALL.map(PolicyId)),
    st.builds(LowerCap, cap=st.integers(10**10, 10**17).map(Utft)),
    st.builds(SeatGuardian, account=st.sampled_from(PEOPLE), seated=FLAGS),
    st.builds(
        AddRegime,
        start=st.integers(START, START + 50).map(Seconds),
        regime=SMALL,
        schedule=st.integers(0, 1).map(ScheduleId),
        offer=st.sampled_from([(), (5, 6, 7)]),
    ),
    st.builds(
        SetRule,
        name=st.sampled_from(["farming_v3_lockup.age", "farming_2018.difficulty", "b"]),
        value=SMALL,
    ),
    st.builds(FlagFraud, node_id=SMALL.map(NodeId), evidence=st.just(bytes(32))),
    st.builds(CertifyNode, node_id=SMALL.map(NodeId), certified=FLAGS),
    st.builds(CertifyFarm, farm_id=SMALL.map(FarmId), gold=FLAGS),
    st.builds(Halt, halted=FLAGS),
)


def _done(state: State, what: Kind | Measure, sender: Address, now: int) -> str:
    """Its code; refused, it leaves nothing."""
    params = tables.PARAMS.need(state, tables.SINGLE)
    context = Context(height=Height(1), time=Seconds(now), params=params, sender=sender, nonce=0)
    branch = state.branch()
    try:
        if isinstance(what, tuple(row.record for row in MEASURES)):
            measures.carry_out(branch, context, 1, what)  # type: ignore[arg-type]
        else:
            what.apply(branch, context)  # type: ignore[union-attr]
    except Rejected as refusal:
        return refusal.code
    branch.keep()
    return "ok"


def _joined(state: State, number: int, now: int) -> None:
    """The farm's owner brings a machine of somebody's, and takes the twin over to do so."""
    twin = PEOPLE[number]
    assert _done(state, CreateTwin(relay="", public_key=b""), twin, now) == "ok"
    node = RegisterNode(
        farm_id=FarmId(number),
        reporter=twin,
        resources=SIZE,
        country="",
        city="",
        virtualized=False,
        acceptance=b"",
    )
    assert _done(state, CreateFarm(name=f"farm{number}"), twin, now) == "ok"
    assert _done(state, node, twin, now) == "ok"


def _contracts(state: State) -> list[Contract]:
    nodes = tables.TOTALS.need(state, tables.SINGLE).nodes
    return [tables.CONTRACTS.need(state, tables.id_key(n)) for n in range(1, nodes + 1)]


def _policies(state: State) -> list[Policy]:
    rows = [tables.POLICIES.get(state, tables.id_key(n)) for n in range(1, 40)]
    return [row for row in rows if row is not None]


@settings(max_examples=60, deadline=None)
@given(st.lists(MEASURE | st.none(), max_size=14))
def test_no_vote_changes_a_contract_or_a_policy_that_is_there(
    wanted: list[Measure | None],
) -> None:
    """`None`: somebody joins, under the terms of that moment."""
    state, joined = State(STORED), 1
    _joined(state, joined, START)
    cap = tables.PARAMS.need(state, tables.SINGLE).supply_cap
    for place, measure in enumerate(wanted):
        now = START + 1 + place
        contracts, policies = _contracts(state), _policies(state)
        if measure is not None:
            _done(state, measure, PEOPLE[0], now)
        elif joined < len(PEOPLE) - 1:
            joined += 1
            _joined(state, joined, now)
        assert _contracts(state)[: len(contracts)] == contracts
        assert _policies(state)[: len(policies)] == policies
        params = tables.PARAMS.need(state, tables.SINGLE)
        assert params.supply_cap <= cap, "the cap only falls"
        cap = params.supply_cap
        assert tables.GUARDIANS.need(state, tables.SINGLE).accounts


def test_a_new_contract_has_the_price_of_its_day() -> None:
    state = State(STORED)
    _joined(state, 1, START)
    assert _done(state, SetPrice(price=MilliUsd(123)), PEOPLE[0], START + 1) == "ok"
    _joined(state, 2, START + 2)
    first, second = _contracts(state)
    assert (first.connection_price, second.connection_price) == (80, 123)
    assert (
        replace(
            first, connection_price=MilliUsd(123), node_id=NodeId(2), registered=Seconds(START + 2)
        )
        == second
    )
