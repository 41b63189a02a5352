"""register_node and update_node: resources within bounds, the farm owner's word, frozen prices."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tfchain.base.crypto import public_key
from tfchain.base.shapes import layout
from tfchain.base.units import U64_MAX, Address, FarmId, NodeId, PolicyId, Seconds, Utft
from tfchain.errors import Malformed, Rejected
from tfchain.ledger import tables
from tfchain.ledger.accounts import account_of
from tfchain.ledger.params import Params, RegimeRow
from tfchain.ledger.records import Contract, Node, Resources
from tfchain.ledger.state import State
from tfchain.tx.kind import Context
from tfchain.tx.kinds.create_twin import CreateTwin
from tfchain.tx.kinds.register_node import RegisterNode
from tfchain.tx.kinds.update_node import UpdateNode

Act = Callable[..., str]
Accepted = Callable[[int, Address, int, Resources], bytes]
FARMER, OWNER, NEWCOMER, REPORTER = (Address(public_key(bytes([n]) * 32)) for n in (1, 2, 3, 4))
SIZE = Resources(cru=8, mru=32 << 30, hru=0, sru=500 << 30)
LARGER = replace(SIZE, cru=16)
NOW = 1_700_000_001


def register(**changes: object) -> RegisterNode:
    plain = RegisterNode(
        farm_id=FarmId(1),
        reporter=REPORTER,
        resources=SIZE,
        country="BE",
        city="Gent",
        virtualized=False,
        acceptance=b"",
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def update(**changes: object) -> UpdateNode:
    plain = UpdateNode(
        node_id=NodeId(1),
        resources=LARGER,
        country="DE",
        city="Ulm",
        virtualized=True,
        acceptance=b"",
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def node(state: State, number: int) -> Node:
    return tables.NODES.need(state, tables.id_key(number))


@pytest.fixture
def newcomer(grid: State, act: Act) -> State:
    """The grid with a twin of a third person, who has no node yet."""
    assert act(CreateTwin(relay="", public_key=b""), NEWCOMER) == "ok"
    return grid


def test_a_farm_s_owner_needs_nobody_s_acceptance(grid: State, act: Act, params: Params) -> None:
    before = account_of(grid, FARMER).balance
    assert act(register(), FARMER) == "ok"
    assert node(grid, 2) == Node(
        id=NodeId(2),
        farm_id=FarmId(1),
        twin_id=tables.TWIN_OF.need(grid, FARMER).twin_id,
        resources=SIZE,
        country="BE",
        city="Gent",
        certified=False,
        virtualized=False,
        created=Seconds(NOW),
        deposit=params.node_deposit,
    )
    assert account_of(grid, FARMER).balance == before - params.node_deposit
    assert tables.NODE_OF.need(grid, tables.id_key(1)).node_id == 2
    assert tables.UPTIMES.need(grid, tables.id_key(2)).reporter == REPORTER


def test_the_contract_copies_policy_and_price(grid: State, params: Params) -> None:
    policy = tables.POLICIES.need(grid, tables.id_key(params.policy))
    contract = tables.CONTRACTS.need(grid, tables.id_key(1))
    assert contract == Contract(
        node_id=NodeId(1),
        regime=params.regimes[0].regime,
        schedule=params.regimes[0].schedule,
        policy_id=policy.id,
        price_cu=policy.price_cu,
        price_su=policy.price_su,
        price_nu=policy.price_nu,
        price_ipv4=policy.price_ipv4,
        minimal_uptime=policy.minimal_uptime,
        policy_immutable=policy.immutable,
        policy_default=policy.default,
        connection_price=params.connection_price,
        registered=Seconds(NOW - 10),
        cu=7_750_000,
        su=2_000_000,
    )


def test_an_update_changes_the_node_and_never_its_contract(
    grid: State, act: Act, accepted: Accepted
) -> None:
    contract = tables.CONTRACTS.need(grid, tables.id_key(1))
    assert act(update(acceptance=accepted(1, OWNER, 6, LARGER)), OWNER, nonce=6) == "ok"
    assert (node(grid, 1).resources, node(grid, 1).country) == (LARGER, "DE")
    assert node(grid, 1).virtualized
    again = update(virtualized=False, acceptance=accepted(1, OWNER, 7, LARGER))
    assert act(again, OWNER, nonce=7) == "ok"
    assert node(grid, 1).virtualized, "once virtualized, always virtualized"
    assert tables.CONTRACTS.need(grid, tables.id_key(1)) == contract


@pytest.mark.parametrize(
    ("owner", "terms"),
    [
        pytest.param(1, (6, SIZE), id="for another nonce: it was used already"),
        pytest.param(1, (5, LARGER), id="for another size"),
        pytest.param(2, (5, SIZE), id="by the node's own twin"),
        pytest.param(3, (5, SIZE), id="by a stranger"),
    ],
)
@pytest.mark.parametrize("sent", ["register", "update"])
def test_an_acceptance_is_good_for_one_transaction(
    newcomer: State,
    act: Act,
    accepted: Accepted,
    sent: str,
    owner: int,
    terms: tuple[int, Resources],
) -> None:
    sender = NEWCOMER if sent == "register" else OWNER
    kind = register if sent == "register" else update
    said = kind(resources=SIZE, acceptance=accepted(owner, sender, *terms))
    assert act(said, sender, nonce=5) == "not_accepted"


def test_an_acceptance_of_one_sender_is_nobody_else_s(
    newcomer: State, act: Act, accepted: Accepted
) -> None:
    kind = register(acceptance=accepted(1, OWNER, 0, SIZE))
    assert act(kind, NEWCOMER) == "not_accepted"
    assert act(register(acceptance=accepted(1, NEWCOMER, 0, SIZE)), NEWCOMER) == "ok"


@pytest.mark.parametrize("name", ["cru", "mru", "hru", "sru"])
def test_resources_stand_within_the_bounds(
    grid: State, act: Act, params: Params, name: str
) -> None:
    least = getattr(params.resources, f"{name}_min")
    most = getattr(params.resources, f"{name}_max")
    beyond = [most + 1, U64_MAX] + ([0, least - 1] if least else [])
    for value in beyond:
        assert act(register(resources=replace(SIZE, **{name: value})), FARMER) == "resources", value
    for value in (least, most):
        assert act(register(resources=replace(SIZE, **{name: value})), FARMER) in {
            "ok",
            "node_exists",
        }


def test_an_update_stands_within_the_bounds(grid: State, act: Act) -> None:
    assert act(update(resources=replace(SIZE, cru=0)), OWNER) == "resources"


@pytest.mark.parametrize("name", ["cru", "mru", "hru", "sru"])
@pytest.mark.parametrize("value", [-1, 1 << 64, True, None, "8"])
def test_resources_beyond_64_bits_are_not_even_read(name: str, value: int) -> None:
    for kind in (register(), update()):
        fields = layout(type(kind)).pack(kind)
        size = layout(Resources).pack(SIZE)
        assert isinstance(fields, list) and isinstance(size, list)
        size[layout(Resources).names.index(name) + 1] = value
        fields[layout(type(kind)).names.index("resources") + 1] = size
        with pytest.raises(Malformed, match=f"Resources.{name}"):
            layout(type(kind)).unpack(fields)


@pytest.mark.parametrize(
    ("kind", "sender", "code"),
    [
        pytest.param(register(), REPORTER, "no_twin", id="register without a twin"),
        pytest.param(register(), OWNER, "node_exists", id="a twin's second node"),
        pytest.param(register(farm_id=FarmId(2)), FARMER, "unknown_farm", id="an unknown farm"),
        pytest.param(register(), NEWCOMER, "not_accepted", id="no acceptance at all"),
        pytest.param(update(), REPORTER, "no_twin", id="update without a twin"),
        pytest.param(update(node_id=NodeId(9)), OWNER, "unknown_node", id="an unknown node"),
        pytest.param(update(), FARMER, "not_the_owner", id="the farm's owner is not the node's"),
        pytest.param(update(), OWNER, "not_accepted", id="update without acceptance"),
    ],
)
def test_what_is_refused(
    newcomer: State, act: Act, kind: RegisterNode | UpdateNode, sender: Address, code: str
) -> None:
    before = list(newcomer.changes())
    assert act(kind, sender) == code
    assert list(newcomer.changes()) == before


def test_a_deposit_that_is_not_there_is_refused(grid: State, act: Act, params: Params) -> None:
    poor = replace(account_of(grid, FARMER), balance=Utft(params.node_deposit - 1))
    tables.ACCOUNTS.put(grid, FARMER, poor)
    assert act(register(), FARMER) == "balance"
    tables.ACCOUNTS.put(grid, FARMER, replace(poor, balance=params.node_deposit))
    assert act(register(), FARMER) == "ok"
    assert account_of(grid, FARMER).balance == 0


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        pytest.param({"policy": PolicyId(9)}, "unknown_policy", id="an unknown policy"),
        pytest.param({"regimes": ()}, "no_regime", id="no regime at all"),
        pytest.param(
            {"regimes": (RegimeRow(start=Seconds(NOW + 1), regime=3, schedule=0),)},  # type: ignore[arg-type]
            "no_regime",
            id="a regime that starts in a second",
        ),
    ],
)
def test_terms_that_are_not_there_are_refused(
    grid: State, params: Params, changes: dict[str, object], code: str
) -> None:
    odd = replace(params, **changes)  # type: ignore[arg-type]
    context = Context(height=1, time=Seconds(NOW), params=odd, sender=FARMER, nonce=0)  # type: ignore[arg-type]
    with pytest.raises(Rejected) as refusal:
        register().apply(grid.branch(), context)
    assert refusal.value.code == code
