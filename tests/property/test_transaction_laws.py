"""Whatever is sent: bytes are a transaction or malformed, and nobody acts for another."""

from dataclasses import dataclass, replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tfchain.base.address import to_text
from tfchain.base.codec import Plain, encode
from tfchain.base.crypto import public_key, sign, verify
from tfchain.base.shapes import layout
from tfchain.base.units import (
    Address,
    FarmId,
    Height,
    MilliUsd,
    NodeId,
    PeriodIndex,
    ScheduleId,
    Seconds,
    Utft,
)
from tfchain.chain.genesis import genesis_outcome, read_genesis
from tfchain.errors import Malformed, Rejected
from tfchain.ledger import tables
from tfchain.ledger.electorate import UNKNOWN
from tfchain.ledger.measures import Halt, SetPrice
from tfchain.ledger.proposals import (
    Electorate,
    Electorates,
    FarmVote,
    FarmWeight,
    Offer,
    Proposal,
)
from tfchain.ledger.records import Account, Farm, Node, Resources, Twin, TwinRef, Uptime
from tfchain.ledger.state import State
from tfchain.tx.kind import Context, FreeKind, Kind
from tfchain.tx.kinds.accept_farm import AcceptFarm
from tfchain.tx.kinds.accept_twin import AcceptTwin
from tfchain.tx.kinds.attest_mint import AttestMint
from tfchain.tx.kinds.commit_mint import CommitMint
from tfchain.tx.kinds.create_farm import CreateFarm
from tfchain.tx.kinds.create_twin import CreateTwin
from tfchain.tx.kinds.dispute_nodes import DisputeNodes
from tfchain.tx.kinds.move_node import MoveNode
from tfchain.tx.kinds.offer_farm import OfferFarm
from tfchain.tx.kinds.offer_twin import OfferTwin
from tfchain.tx.kinds.propose import Propose
from tfchain.tx.kinds.register_node import RegisterNode
from tfchain.tx.kinds.report_uptime import ReportUptime
from tfchain.tx.kinds.rotate_reporter import RotateReporter
from tfchain.tx.kinds.set_payout_account import SetPayoutAccount
from tfchain.tx.kinds.set_power_state import SetPowerState
from tfchain.tx.kinds.set_power_target import SetPowerTarget
from tfchain.tx.kinds.set_stellar_address import SetStellarAddress
from tfchain.tx.kinds.transfer import Transfer
from tfchain.tx.kinds.update_node import UpdateNode
from tfchain.tx.kinds.veto_proposal import VetoProposal
from tfchain.tx.kinds.vote_as_guardian import VoteAsGuardian
from tfchain.tx.kinds.vote_proposal import VoteProposal
from tfchain.tx.lookup import acceptance_message, owner_of
from tfchain.tx.registry import KINDS, open_body
from tfchain.tx.transaction import (
    SYSTEM_KINDS,
    Envelope,
    Transaction,
    decode_transaction,
    encode_transaction,
    message_of,
)

SEEDS = [bytes([number]) * 32 for number in range(1, 5)]
PEOPLE = [Address(public_key(seed)) for seed in SEEDS]
START = 1_700_000_000

PLAINS: st.SearchStrategy[Plain] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, (1 << 64) - 1)
    | st.text(max_size=5)
    | st.binary(max_size=40),
    lambda inner: st.lists(inner, max_size=9),
    max_leaves=12,
)
ENVELOPES = st.builds(
    Envelope,
    chain_id=st.sampled_from(["devnet-00000000", "x"]),
    sender=st.just(PEOPLE[0]),
    nonce=st.integers(0, (1 << 64) - 1),
    valid_until=st.integers(0, (1 << 64) - 1),
    fee=st.integers(0, (1 << 64) - 1),
    kind=st.integers(1, 255).filter(lambda kind: kind not in SYSTEM_KINDS),
)


# --- bytes ----------------------------------------------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300) | PLAINS.map(encode))
def test_any_bytes_are_a_transaction_or_malformed(raw: bytes) -> None:
    try:
        transaction = decode_transaction(raw)
    except Malformed:
        return
    again = encode_transaction(transaction.envelope, transaction.body, transaction.signature)
    assert again == raw


@settings(max_examples=60, deadline=None)
@given(ENVELOPES, PLAINS, st.data())
def test_what_was_signed_comes_back_and_no_byte_of_it_moves(
    envelope: Envelope, body: Plain, draw: st.DataObject
) -> None:
    raw = encode_transaction(envelope, body, sign(SEEDS[0], message_of(envelope, body)))
    transaction = decode_transaction(raw)
    assert transaction.envelope == envelope
    assert verify(*transaction.check())
    place = draw.draw(st.integers(0, len(raw) - 1))
    byte = draw.draw(st.integers(1, 255))
    assert not holds(raw[:place] + bytes([raw[place] ^ byte]) + raw[place + 1 :])


def holds(raw: bytes) -> bool:
    try:
        return verify(*decode_transaction(raw).check())
    except Malformed:
        return False


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 255), PLAINS, st.lists(PLAINS, max_size=8))
def test_any_body_is_its_kind_or_malformed(kind: int, body: Plain, fields: list[Plain]) -> None:
    for plain in (body, [1, *fields]):
        envelope = Envelope(
            chain_id="x",
            sender=PEOPLE[0],
            nonce=0,
            valid_until=Height(0),
            fee=Utft(0),
            kind=kind,
        )
        try:
            opened = open_body(Transaction(envelope, plain, b"", b""))
        except Malformed:
            continue
        assert layout(type(opened)).pack(opened) == plain
        assert type(opened) is KINDS[kind]


# --- nobody acts for another ----------------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """Somebody sends something; whoever `signer` is has signed the acceptance in it."""

    sender: int
    signer: int
    later: int
    kind: Kind


def _genesis() -> dict[bytes, bytes]:
    template = Path(__file__).resolve().parents[2] / "genesis" / "devnet.toml"
    text = template.read_text(encoding="utf-8").replace("time = 0", f"time = {START - 15}", 1)
    for person in PEOPLE[:3]:
        text += f'\n[[account]]\naddress = "{to_text(person)}"\nbalance = 1000000000\n'
    key = to_text(PEOPLE[3])
    text += f'\n[[validator]]\nkey = "{key}"\npower = 1\nreward_account = "{key}"\n'
    text += f'\n[[guardian]]\naccount = "{to_text(PEOPLE[0])}"\n'
    rows = genesis_outcome(read_genesis(text)).rows
    return {key: value for key, value in rows if value is not None}


STORED = _genesis()
SIZE = Resources(cru=8, mru=32 << 30, hru=0, sru=500 << 30)
SIZES = st.sampled_from([SIZE, SIZE, SIZE, replace(SIZE, cru=0)])
ADDRESSES = st.sampled_from(PEOPLE)
IDS = st.integers(0, 3)
TIMES = st.integers(START, START + 40)
BATCH = {"schedule": st.just(ScheduleId(0)), "period": st.integers(0, 1).map(PeriodIndex)}
NODE = {"country": st.just("BE"), "city": st.just(""), "virtualized": st.booleans()}
KIND: st.SearchStrategy[Kind] = st.one_of(
    st.builds(CreateTwin, relay=st.just("r"), public_key=st.just(b"")),
    st.builds(CreateFarm, name=st.sampled_from(["one", "two", "three"])),
    st.builds(SetPayoutAccount, farm_id=IDS, account=ADDRESSES),
    st.builds(SetStellarAddress, farm_id=IDS, address=st.sampled_from(["", "G"])),
    st.builds(
        RegisterNode,
        farm_id=IDS,
        reporter=ADDRESSES,
        resources=SIZES,
        acceptance=st.just(b""),
        **NODE,
    ),
    st.builds(UpdateNode, node_id=IDS, resources=SIZES, acceptance=st.just(b""), **NODE),
    st.builds(ReportUptime, node_id=IDS, t=TIMES, uptime=st.integers(0, 100)),
    st.builds(SetPowerTarget, node_id=IDS, up=st.booleans()),
    st.builds(SetPowerState, node_id=IDS, t=TIMES, up=st.booleans()),
    st.builds(Transfer, to=ADDRESSES, amount=st.sampled_from([0, 1, 500, 10**9, 10**12])),
    st.builds(CommitMint, digest=st.just(bytes(32)), **BATCH),
    st.builds(
        AttestMint,
        root=st.just(bytes(32)),
        total=IDS,
        count=IDS,
        salt=st.just(bytes(32)),
        **BATCH,
    ),
    st.builds(RotateReporter, node_id=IDS, reporter=ADDRESSES),
    st.builds(OfferFarm, farm_id=IDS, to=ADDRESSES),
    st.builds(AcceptFarm, farm_id=IDS),
    st.builds(OfferTwin, to=ADDRESSES),
    st.builds(AcceptTwin, twin_id=IDS),
    st.builds(MoveNode, node_id=IDS, farm_id=IDS, acceptance=st.just(b"")),
    st.builds(
        Propose,
        farm_id=IDS,
        measure=st.sampled_from([SetPrice(price=MilliUsd(90)), Halt(halted=True)]),
        text_hash=st.just(bytes(32)),
        link=st.just(""),
        threshold=st.just(5),
        seconds=st.just(Seconds(0)),
    ),
    st.builds(VoteProposal, proposal=IDS, farm_id=IDS, yes=st.booleans()),
    st.builds(VoteAsGuardian, proposal=IDS, yes=st.booleans()),
    st.builds(VetoProposal, proposal=IDS),
    st.builds(DisputeNodes, named=st.just(()), **BATCH),
)
STEPS = st.lists(
    st.builds(
        Step,
        sender=st.integers(0, 3),
        signer=st.integers(0, 3),
        later=st.integers(0, 3),
        kind=KIND,
    ),
    max_size=25,
)
OPENING = [
    *[Step(one, one, 0, CreateTwin(relay="r", public_key=b"")) for one in range(3)],
    Step(0, 0, 0, CreateFarm(name="farm")),
    Step(
        1,
        0,
        0,
        RegisterNode(
            farm_id=FarmId(1),
            reporter=PEOPLE[2],
            resources=SIZE,
            country="",
            city="",
            virtualized=False,
            acceptance=b"",
        ),
    ),
    Step(2, 2, 1, ReportUptime(node_id=NodeId(1), t=Seconds(START), uptime=9)),
]


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_nobody_acts_for_another_and_no_unit_comes_or_goes(steps: list[Step]) -> None:
    state = _with_weights(State(STORED))
    supply, now = _owned(state), START
    for nonce, step in enumerate(OPENING + steps):
        now += step.later
        branch = state.branch()
        code = _apply(branch, step, now, nonce)
        assert code == "ok" or nonce >= len(OPENING), code
        if code != "ok":
            continue
        for table, key, _ in branch.changes():
            assert _may(state, branch, table.name, key, step), (table.name, step)
        branch.keep()
        assert _owned(state) == supply


def _with_weights(state: State) -> State:
    """Farms 1 to 3 may propose and vote, whoever will own them."""
    batch = Electorate(schedule=ScheduleId(0), period=PeriodIndex(0), farms=3, weight=3)
    tables.ELECTORATES.put(state, tables.SINGLE, Electorates(paid=(batch,), paying=()))
    for farm in range(1, 4):
        place = tables.in_batch(tables.batch_key(batch.schedule, batch.period), farm)
        tables.WEIGHTS.put(state, place, FarmWeight(weight=1))
        tables.STANDINGS.put(state, tables.id_key(farm), replace(UNKNOWN, paid_batches=3))
    return state


def _apply(state: State, step: Step, now: int, nonce: int) -> str:
    params, sender = tables.PARAMS.need(state, tables.SINGLE), PEOPLE[step.sender]
    context = Context(
        height=Height(1), time=Seconds(now), params=params, sender=sender, nonce=nonce
    )
    kind = step.kind
    if isinstance(kind, RegisterNode | UpdateNode | MoveNode):
        farm = FarmId(1) if isinstance(kind, UpdateNode) else kind.farm_id
        size = SIZE if isinstance(kind, MoveNode) else kind.resources
        message = acceptance_message(params.chain_id, sender, nonce, farm, size)
        kind = replace(kind, acceptance=sign(SEEDS[step.signer], message))
    try:
        if isinstance(kind, FreeKind):
            kind.space(state, context)
        kind.apply(state, context)
    except Rejected as refusal:
        return refusal.code
    return "ok"


def _owned(state: State) -> int:
    """All balances and deposits."""
    accounts = [tables.ACCOUNTS.get(state, person) for person in PEOPLE]
    totals = tables.TOTALS.need(state, tables.SINGLE)
    nodes = [
        tables.NODES.need(state, tables.id_key(number)) for number in range(1, totals.nodes + 1)
    ]
    balances = [account.balance for account in accounts if account is not None]
    assert min(balances) >= 0
    return sum(balances) + sum(node.deposit for node in nodes)


def _may(before: State, after: State, table: str, key: bytes, step: Step) -> bool:
    """Whether this row was the sender's to change."""
    sender, signer = PEOPLE[step.sender], PEOPLE[step.signer]
    had, has = _row(before, table, key), _row(after, table, key)
    match has:
        case Account():
            return key == sender or _only_got(had, has)
        case Twin():
            offered = _offered(before, tables.of_twin(has.id), had, sender)
            return (had is None or offered) and has.account == sender
        case Farm():
            same = not isinstance(had, Farm) or had.twin_id == has.twin_id
            offered = _offered(before, tables.of_farm(has.id), had, sender)
            return (same or offered) and owner_of(after, has) == sender
        case Node():
            return _runs(after, has, sender) and _joined(before, had, has, (sender, signer))
        case Uptime() if isinstance(had, Uptime):
            return _may_report(before, key, (had, has), sender)
        case _:
            return _may_more(before, table, key, (had, has), sender)


def _may_more(
    before: State, table: str, key: bytes, rows: tuple[object, object], sender: Address
) -> bool:
    """Votes, offers, and all that is new."""
    had, has = rows
    match has:
        case Proposal() if isinstance(had, Proposal):
            return _decides(had, has, sender)
        case FarmVote():
            farm = tables.FARMS.need(before, tables.id_key(has.farm_id))
            return has.account == sender == owner_of(before, farm)
        case Offer():
            return has.by == sender
        case None if isinstance(had, Offer):
            return sender in (had.by, had.to)
        case None if isinstance(had, TwinRef):
            return _offered(before, tables.of_twin(had.twin_id), had, sender)
        case _:
            # New rows, ids that rise, and what stands under the sender's own key.
            return had is None or table in {"totals", "docket"} or key.endswith(sender)


def _only_got(had: object, has: Account) -> bool:
    """A gift, perhaps to somebody new."""
    return had is None or (
        isinstance(had, Account) and has.balance >= had.balance and has.nonce == had.nonce
    )


def _joined(before: State, had: object, has: Node, willing: tuple[Address, Address]) -> bool:
    """A node stays in its farm, or its farm's owner sent or signed for it."""
    if isinstance(had, Node) and had.twin_id != has.twin_id:
        return False
    if isinstance(had, Node) and had.farm_id == has.farm_id:
        return True
    return owner_of(before, tables.FARMS.need(before, tables.id_key(has.farm_id))) in willing


def _may_report(state: State, key: bytes, rows: tuple[Uptime, Uptime], sender: Address) -> bool:
    """Its reporter speaks for a node; its farm's owner may ask, and no more."""
    had, has = rows
    if had.reporter != has.reporter:
        rest = replace(has, reporter=had.reporter) == had
        return rest and sender in (had.reporter, _owner_of_node(state, key))
    owner = owner_of(
        state, tables.FARMS.need(state, tables.id_key(tables.NODES.need(state, key).farm_id))
    )
    told = (had.last_t, had.power_moved, had.power.state_up)
    asked = owner == sender and told == (has.last_t, has.power_moved, has.power.state_up)
    return asked or sender == has.reporter


def _owner_of_node(state: State, key: bytes) -> Address:
    farm_id = tables.NODES.need(state, key).farm_id
    return owner_of(state, tables.FARMS.need(state, tables.id_key(farm_id)))


def _offered(before: State, key: bytes, had: object, sender: Address) -> bool:
    """Its holder of then held it out to the sender."""
    offer = tables.OFFERS.get(before, key)
    match had:
        case Twin():
            holder = had.account
        case Farm():
            holder = owner_of(before, had)
        case TwinRef():
            holder = tables.TWINS.need(before, tables.id_key(had.twin_id)).account
        case _:
            return False
    return offer is not None and (offer.by, offer.to) == (holder, sender)


def _decides(had: Proposal, has: Proposal, sender: Address) -> bool:
    """Nothing but votes moves, and of guardians' words only the sender's own."""
    for name in ("guardians_yes", "guardians_no", "vetoes"):
        moved = set(getattr(had, name)) ^ set(getattr(has, name))
        if not moved <= {sender}:
            return False
    farms = (had.farms_yes + had.farms_no, has.farms_yes + has.farms_no)
    return (had.id, had.measure, had.electorate) == (has.id, has.measure, has.electorate) and (
        farms[0] <= farms[1] <= farms[0] + 1
    )


def _row(state: State, table: str, key: bytes) -> object:
    return next(one for one in tables.TABLES if one.name == table).get(state, key)


def _runs(state: State, node: Node, account: Address) -> bool:
    return tables.TWINS.need(state, tables.id_key(node.twin_id)).account == account
