"""Transactions on their way into the pool: who is answered what, in which order, within which bounds."""

from typing import TYPE_CHECKING

import pytest

from tfchain.base.limits import TX_BYTES_MAX
from tfchain.base.units import FarmId, Height, NodeId, PeriodIndex, ScheduleId, Seconds, Utft
from tfchain.ledger import tables
from tfchain.ledger.records import Resources
from tfchain.ledger.state import State
from tfchain.replica import effects as fx
from tfchain.replica import intake, mempool
from tfchain.replica import messages as wire
from tfchain.replica.building import OVERHEAD_BYTES
from tfchain.tx.kind import Kind
from tfchain.tx.kinds.attest_mint import AttestMint
from tfchain.tx.kinds.create_farm import CreateFarm
from tfchain.tx.kinds.create_twin import CreateTwin
from tfchain.tx.kinds.register_node import RegisterNode
from tfchain.tx.kinds.report_uptime import ReportUptime
from tfchain.tx.kinds.transfer import Transfer
from tfchain.tx.transaction import (
    SYSTEM,
    SYSTEM_KIND,
    Envelope,
    decode_transaction,
    encode_transaction,
    transaction_id,
)

if TYPE_CHECKING:
    from tests.unit.replica.conftest import Kit, Node

PEER = b"p" * 32
FARMER, OTHER, REPORTER = 50, 51, 60


@pytest.fixture
def node(kit: "type[Kit]") -> "Node":
    """A single validator before its first block."""
    alone: Node = kit.Node(kit.genesis_of(1), 1)
    alone.start()
    return alone


@pytest.fixture
def chain_id(node: "Node") -> str:
    return node.replica.council.params.chain_id


def _next_block(node: "Node") -> None:
    """A second later the validator makes a block of what waits."""
    node.now = max(node.now, node.replica.tip.time) + 1_000
    before = node.height
    node.fire("begin")
    assert node.height == before + 1


def _answers(effects: list[fx.Effect]) -> list[fx.Answer]:
    return [effect for effect in effects if isinstance(effect, fx.Answer)]


def _codes(effects: list[fx.Effect]) -> list[str]:
    return [reply.code for answer in _answers(effects) for reply in answer.replies]


def _spread(effects: list[fx.Effect]) -> list[bytes]:
    return [
        raw
        for effect in effects
        if isinstance(effect, fx.Broadcast) and effect.kind == wire.TXS
        for raw in wire.decode_txs(effect.payload)
    ]


def test_what_is_admitted_is_answered_with_its_id_and_goes_to_all_peers(
    node: "Node", kit: "type[Kit]", chain_id: str
) -> None:
    raw = kit.transfer(chain_id, FARMER, 0)
    effects = node.submit(raw, ticket=7)
    (answer,) = _answers(effects)
    assert answer.ticket == 7
    assert answer.replies == (fx.Reply(tx_id=transaction_id(raw), code="ok", detail=""),)
    assert _spread(effects) == [raw]
    assert transaction_id(raw) in node.replica.pool
    assert node.replica.pool.size == len(raw)


def _found(node: "Node", kit: "type[Kit]", chain_id: str) -> None:
    """Node 1, whose reports a key of its own signs."""
    resources = Resources(cru=8, mru=32 << 30, hru=0, sru=500 << 30)
    registration = RegisterNode(
        farm_id=FarmId(1),
        reporter=kit.key(REPORTER),
        resources=resources,
        country="BE",
        city="Gent",
        virtualized=False,
        acceptance=b"",
    )
    kinds: tuple[Kind, ...] = (
        CreateTwin(relay="", public_key=b""),
        CreateFarm(name="farm"),
        registration,
    )
    node.submit(*(kit.transaction(chain_id, FARMER, kind, nonce=n) for n, kind in enumerate(kinds)))
    _next_block(node)
    assert node.chain.codes(Height(1)) == ("ok", "ok", "ok")


def _report(kit: "type[Kit]", chain_id: str, t: int, who: int = REPORTER, node: int = 1) -> bytes:
    kind = ReportUptime(node_id=NodeId(node), t=Seconds(kit.GENESIS + t), uptime=10)
    return bytes(kit.transaction(chain_id, who, kind, fee=0))


def _altered(raw: bytes) -> bytes:
    return raw[:-1] + bytes([raw[-1] ^ 1])


def test_every_bad_transaction_is_told_what_is_wrong(
    node: "Node", kit: "type[Kit]", chain_id: str
) -> None:
    """1.15.1: each with a code of its own."""
    long = kit.transaction(chain_id, FARMER, CreateFarm(name="farm"), nonce=0)
    system = Envelope(
        chain_id=chain_id,
        sender=SYSTEM,
        nonce=0,
        valid_until=Height(5),
        fee=0,  # type: ignore[arg-type]
        kind=0,
    )
    cases = {
        "bytes of no transaction": (b"\xc1", "malformed"),
        "nothing": (b"", "malformed"),
        "too long": (long + bytes(TX_BYTES_MAX), "malformed"),
        "a changed signature": (_altered(long), "signature"),
        "a mint": (encode_transaction(system, [], b""), "signature"),
        "of another chain": (kit.transfer("devnet-00000000", FARMER, 0), "wrong_chain"),
        "no fee": (kit.transfer(chain_id, FARMER, 0, fee=0), "fee"),
        "no coins": (kit.transfer(chain_id, 70, 0), "balance"),
        "a nonce far ahead": (kit.transfer(chain_id, FARMER, 17), "nonce"),
        "a nonce ahead without a fee": (kit.transfer(chain_id, FARMER, 1, fee=0), "nonce"),
        "a nonce ahead without coins": (kit.transfer(chain_id, 70, 1), "nonce"),
        "expired": (kit.transfer(chain_id, FARMER, 0, until=0), "expired"),
        "valid for ever": (kit.transfer(chain_id, FARMER, 0, until=9_999), "far_expiry"),
    }
    effects = node.submit(*(raw for raw, _ in cases.values()))
    assert dict(zip(cases, _codes(effects), strict=True)) == {
        name: code for name, (_, code) in cases.items()
    }
    assert _spread(effects) == []
    assert len(node.replica.pool) == 0


def test_a_nonce_of_the_past_is_stale(node: "Node", kit: "type[Kit]", chain_id: str) -> None:
    """1.15.2: what a block holds does not come in again, though the pool forgets it."""
    raw = kit.transfer(chain_id, FARMER, 0)
    node.submit(raw)
    _next_block(node)
    assert _codes(node.submit(raw)) == ["nonce"]


def test_what_was_refused_may_come_again(node: "Node", kit: "type[Kit]", chain_id: str) -> None:
    """1.15.2: the very bytes that found no balance are let in once there is one."""
    poor = 70
    raw = kit.transfer(chain_id, poor, 0)
    assert _codes(node.submit(raw)) == ["balance"]
    gift = Transfer(to=kit.key(poor), amount=Utft(10_000_000))
    assert _codes(node.submit(kit.transaction(chain_id, FARMER, gift, nonce=0))) == ["ok"]
    _next_block(node)
    assert _codes(node.submit(raw)) == ["ok"]


@pytest.mark.parametrize(
    ("report", "codes"),
    [
        pytest.param({"t": 2}, ["ok"], id="on time"),
        pytest.param({"t": 2, "who": OTHER}, ["not_the_reporter"], id="for another's node"),
        pytest.param({"t": 2, "node": 9}, ["unknown_node"], id="for no node"),
        pytest.param({"t": 60}, ["report_time"], id="from the future"),
        pytest.param({"t": -60}, ["report_time"], id="from the past"),
    ],
)
def test_a_report_is_for_the_own_node_and_for_now(
    node: "Node", kit: "type[Kit]", chain_id: str, report: dict[str, int], codes: list[str]
) -> None:
    _found(node, kit, chain_id)
    assert _codes(node.submit(_report(kit, chain_id, **report))) == codes


def test_two_reports_in_one_second_are_one_too_many(
    node: "Node", kit: "type[Kit]", chain_id: str
) -> None:
    _found(node, kit, chain_id)
    kind = ReportUptime(node_id=NodeId(1), t=Seconds(kit.GENESIS + 2), uptime=11)
    other = kit.transaction(chain_id, REPORTER, kind, fee=0)
    first = _report(kit, chain_id, 2)
    assert _codes(node.submit(first, other, first)) == ["ok", "report_order", "known"]


def test_what_waits_already_is_known(node: "Node", kit: "type[Kit]", chain_id: str) -> None:
    """1.15.2."""
    raw = kit.transfer(chain_id, FARMER, 0)
    node.submit(raw)
    checked = len(node.checks)
    assert _codes(node.submit(raw)) == ["known"]
    assert len(node.checks) == checked, "and is not verified again"


def test_a_batch_is_answered_in_its_order(node: "Node", kit: "type[Kit]", chain_id: str) -> None:
    good = [kit.transfer(chain_id, FARMER, nonce) for nonce in range(3)]
    effects = node.submit(good[0], b"\xc1", good[1], _altered(good[1]), good[2])
    assert _codes(effects) == ["ok", "malformed", "ok", "signature", "ok"]


def test_transactions_enter_in_the_order_in_which_they_came(
    node: "Node", kit: "type[Kit]", chain_id: str
) -> None:
    """1.15.3: signatures come back in any order; consecutive nonces do not trip over that."""
    node.holding = True
    raws = [kit.transfer(chain_id, FARMER, nonce) for nonce in range(3)]
    asked = [
        effect
        for ticket, raw in enumerate(raws)
        for effect in node.submit(raw, ticket=ticket)
        if isinstance(effect, fx.Verify)
    ]
    first, second, third = (node.verified(each) for each in asked)
    assert node.give(third) == []
    assert node.give(second) == []
    answers = _answers(node.give(first))
    assert [answer.ticket for answer in answers] == [0, 1, 2]
    assert [answer.replies[0].code for answer in answers] == ["ok", "ok", "ok"]
    assert [raw for _, raw in node.replica.pool.waiting()] == raws
    assert node.give(first) == [], "nobody waits for it any more"


def test_a_peers_transactions_wait_too_and_are_not_sent_on(
    node: "Node", kit: "type[Kit]", chain_id: str
) -> None:
    """1.15.4: neither back nor on; who hands them in tells everybody."""
    raws = [kit.transfer(chain_id, FARMER, nonce) for nonce in range(2)]
    (payload,) = wire.encode_txs(raws)
    effects = node.hear(PEER, wire.TXS, payload)
    assert [type(effect) for effect in effects] == [fx.Verify]
    assert len(node.replica.pool) == 2
    assert node.hear(PEER, wire.TXS, payload) == []


def test_a_peer_with_a_false_signature_is_blamed_and_the_others_are_let_in(
    node: "Node", kit: "type[Kit]", chain_id: str
) -> None:
    raws = [_altered(kit.transfer(chain_id, FARMER, 0)), kit.transfer(chain_id, OTHER, 0)]
    (payload,) = wire.encode_txs(raws)
    effects = node.hear(PEER, wire.TXS, payload)
    assert effects[-1] == fx.Blame(peer=PEER, reason="a false signature")
    assert len(node.replica.pool) == 1


def test_a_stale_transaction_of_a_peer_is_nobodys_fault(
    node: "Node", kit: "type[Kit]", chain_id: str
) -> None:
    (payload,) = wire.encode_txs([kit.transfer(chain_id, FARMER, 50)])
    assert [type(effect) for effect in node.hear(PEER, wire.TXS, payload)] == [fx.Verify]
    assert len(node.replica.pool) == 0


# Bounds. Twenty thousand signatures would take a while: the bounds are smaller here.


def test_a_full_pool_says_so(
    node: "Node", kit: "type[Kit]", chain_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1.15.1. And verifies nothing for whoever would be refused."""
    monkeypatch.setattr(mempool, "MEMPOOL_TXS_MAX", 1)
    node.submit(kit.transfer(chain_id, FARMER, 0))
    raw = kit.transfer(chain_id, OTHER, 0)
    assert _codes(node.submit(raw)) == ["full"]
    (payload,) = wire.encode_txs([raw])
    assert node.hear(PEER, wire.TXS, payload) == []
    assert len(node.replica.pool) == 1


def test_so_does_one_with_too_many_bytes(
    node: "Node", kit: "type[Kit]", chain_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1.15.1."""
    node.submit(kit.transfer(chain_id, FARMER, 0))
    monkeypatch.setattr(mempool, "MEMPOOL_BYTES_MAX", node.replica.pool.size)
    assert _codes(node.submit(kit.transfer(chain_id, OTHER, 0))) == ["full"]


def test_one_sender_does_not_fill_the_pool(
    node: "Node", kit: "type[Kit]", chain_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scenario 50: the other one's is let in."""
    monkeypatch.setattr(mempool, "MEMPOOL_SENDER_MAX", 2)
    own = [kit.transfer(chain_id, FARMER, nonce) for nonce in range(3)]
    codes = _codes(node.submit(*own, kit.transfer(chain_id, OTHER, 0)))
    assert codes == ["ok", "ok", "sender_full", "ok"]


def test_what_is_being_verified_counts_as_well(
    node: "Node", kit: "type[Kit]", chain_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "MEMPOOL_TXS_MAX", 1)
    node.holding = True
    raw, other = kit.transfer(chain_id, FARMER, 0), kit.transfer(chain_id, OTHER, 0)
    node.submit(raw)
    effects = node.submit(other)
    (verify,) = effects
    assert verify == fx.Verify(number=2, checks=())
    (payload,) = wire.encode_txs([other])
    assert node.hear(PEER, wire.TXS, payload) == []


def test_what_is_being_verified_counts_for_its_sender(
    node: "Node", kit: "type[Kit]", chain_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mempool, "MEMPOOL_SENDER_MAX", 1)
    node.holding = True
    node.submit(kit.transfer(chain_id, FARMER, 0))
    (verify,) = node.submit(kit.transfer(chain_id, FARMER, 1))
    assert verify == fx.Verify(number=2, checks=())
    (verify,) = node.submit(kit.transfer(chain_id, OTHER, 0))
    assert isinstance(verify, fx.Verify)
    assert len(verify.checks) == 1


# After a block.


def test_a_block_takes_what_it_holds_and_what_can_no_longer_stand(
    node: "Node", kit: "type[Kit]", chain_id: str
) -> None:
    """1.15.3, scenario 53: the rest was admitted to another state, and is looked at again."""
    node.submit(kit.transfer(chain_id, FARMER, 0), kit.transfer(chain_id, OTHER, 0, until=1))
    author = kit.Author(kit.genesis_of(1), 1)
    rival = kit.transfer(chain_id, FARMER, 0, amount=5_000)
    block = author.draft(rival)
    commit = author.write(block)
    node.replica.sync.heard(PEER, Height(1))
    node.fire("gossip")
    node.hear(PEER, wire.BLOCKS, wire.encode_blocks([(block.raw, commit)]))
    assert node.height == 1
    assert len(node.replica.pool) == 0
    assert node.replica.pool.size == 0


def test_what_still_may_stand_stays_in_its_order(
    node: "Node", kit: "type[Kit]", chain_id: str
) -> None:
    raws = [kit.transfer(chain_id, FARMER, nonce) for nonce in range(4)]
    node.submit(*raws)
    author = kit.Author(kit.genesis_of(1), 1)
    block = author.draft(*raws[:2])
    commit = author.write(block)
    node.replica.sync.heard(PEER, Height(1))
    node.fire("gossip")
    node.hear(PEER, wire.BLOCKS, wire.encode_blocks([(block.raw, commit)]))
    assert [raw for _, raw in node.replica.pool.waiting()] == raws[2:]


# Blocks that are made of it.


@pytest.mark.parametrize(("spare", "held"), [(10, 2), (0, 2), (-1, 1)])
def test_a_block_holds_what_has_room_in_order(kit: "type[Kit]", spare: int, held: int) -> None:
    """1.15.6."""
    length = len(kit.transfer("devnet-00000000", FARMER, 0)) + 5
    room = OVERHEAD_BYTES + 2 * length + spare
    text = kit.genesis_of(1).replace("block_bytes = 2097152", f"block_bytes = {room}")
    node = kit.Node(text, 1)
    node.start()
    chain_id = node.replica.council.params.chain_id
    raws = [kit.transfer(chain_id, FARMER, nonce) for nonce in range(4)]
    node.submit(*raws)
    _next_block(node)
    block = node.chain.block(Height(1))
    assert block is not None
    assert list(block.txs) == raws[:held]
    assert [raw for _, raw in node.replica.pool.waiting()] == raws[held:]


def test_what_this_time_does_not_admit_stays_for_a_later_block(
    node: "Node", kit: "type[Kit]", chain_id: str
) -> None:
    _found(node, kit, chain_id)
    node.now = kit.START + 2_000
    assert _codes(node.submit(_report(kit, chain_id, 7))) == ["ok"]
    node.now = kit.START + 1_100
    node.fire("begin")
    assert node.chain.codes(Height(2)) == ()
    node.now = kit.START + 2_200
    node.fire("begin")
    assert node.height == 3


def test_a_clock_that_stands_still_still_makes_growing_times(node: "Node") -> None:
    """1.5 B3: it does not wait for its clock; the others judge the time by theirs."""
    node.fire("begin")
    node.now -= 60_000
    first = node.replica.tip.time
    node.fire("begin")
    assert node.replica.tip.time == first + 1


def _block_at(node: "Node", kit: "type[Kit]", second: int) -> None:
    node.now = kit.START + second * 1_000
    before = node.height
    node.fire("begin")
    assert node.height == before + 1


def test_mints_that_are_due_stand_before_what_waits(
    node: "Node", kit: "type[Kit]", chain_id: str
) -> None:
    """P43: a period passes with one node; its guardian attests after the deadline."""
    _found(node, kit, chain_id)
    guardian = Transfer(to=kit.key(1), amount=Utft(1_000_000))
    node.submit(kit.transaction(chain_id, OTHER, guardian, nonce=0))
    for second in (20, 76, 88, 99, 100, 135):
        _block_at(node, kit, second)
    name = tables.batch_key(ScheduleId(0), PeriodIndex(0))
    batch = tables.BATCHES.need(State(node.store), name)
    answer = AttestMint(
        schedule=batch.schedule,
        period=batch.period,
        root=batch.root,
        total=batch.total,
        count=batch.count,
        salt=bytes(32),
    )
    assert _codes(node.submit(kit.transaction(chain_id, 1, answer, nonce=0))) == ["ok"]
    _block_at(node, kit, 136)
    raw = kit.transfer(chain_id, FARMER, 3)
    assert _codes(node.submit(raw)) == ["ok"]
    _block_at(node, kit, 141)
    block = node.chain.block(Height(node.height))
    assert block is not None
    mint, waiting = block.txs
    assert decode_transaction(mint).envelope.kind == SYSTEM_KIND
    assert waiting == raw
