"""Whatever bytes a peer sends, of whatever kind: effects or blame, and never an exception."""

from dataclasses import dataclass, replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tfchain.base import crypto
from tfchain.base.address import to_text
from tfchain.base.codec import encode
from tfchain.base.shapes import decode_record, encode_record
from tfchain.base.units import Address, Height, Millis, Round
from tfchain.bft.gossip import Holding, View
from tfchain.bft.messages import Proposal, Vote, sign_bytes
from tfchain.chain.execute import params_of
from tfchain.chain.tip import next_block
from tfchain.errors import Malformed
from tfchain.ledger.commit import Commit, CommitSlot
from tfchain.ledger.state import State
from tfchain.replica import effects as fx
from tfchain.replica import events as ev
from tfchain.replica import messages as wire
from tfchain.replica import snapshot_messages as lent
from tfchain.replica.replica import Replica
from tfchain.replica.sync import PATIENCE, Sync
from tfchain.store.chain import ChainStore
from tfchain.store.memory import MemoryStore

ROOT = Path(__file__).resolve().parents[2]
GENESIS = 1_700_000_000
SEEDS = tuple(bytes([number]) * 32 for number in range(1, 5))
PEER = b"p" * 32
KINDS = st.sampled_from([*wire.LIMITS, *lent.REQUESTS, *lent.ANSWERS, 0, 99, 255])


def _store() -> MemoryStore:
    text = (ROOT / "genesis" / "devnet.toml").read_text(encoding="utf-8")
    rows = [text.replace("time = 0", f"time = {GENESIS}")]
    rows.append(
        f'[[account]]\naddress = "{to_text(Address(crypto.public_key(b"r" * 32)))}"\nbalance = 1000'
    )
    for seed in SEEDS:
        name = to_text(Address(crypto.public_key(seed)))
        rows.append(f'[[validator]]\nkey = "{name}"\npower = 1\nreward_account = "{name}"')
        rows.append(f'[[guardian]]\naccount = "{name}"')
    store = MemoryStore()
    ChainStore(store).begin("\n".join(rows) + "\n")
    return store


STORE = _store()
TIP = ChainStore(STORE).tip()
PARAMS = params_of(State(STORE))


def _replica() -> Replica:
    replica = Replica(TIP, STORE.snapshot(), None, None)
    now = Millis(GENESIS * 1_000)
    replica.step(ev.Start(now_ms=now, log=()))
    timer = ev.Timer(name=ev.BEGIN, height=Height(1))
    replica.step(ev.Fired(timer=timer, now_ms=now))
    return replica


def _hear(replica: Replica, kind: int, payload: bytes) -> list[fx.Effect]:
    now = Millis(GENESIS * 1_000 + 500)
    return replica.step(ev.Received(peer=PEER, kind=kind, payload=payload, now_ms=now))


def _answer(replica: Replica, effects: list[fx.Effect]) -> list[fx.Effect]:
    """Signatures are looked at at once."""
    done = list(effects)
    for effect in effects:
        if isinstance(effect, fx.Verify):
            good = tuple(crypto.verify(*check) for check in effect.checks)
            now = Millis(GENESIS * 1_000 + 500)
            done += replica.step(ev.Verified(number=effect.number, good=good, now_ms=now))
    return done


@settings(max_examples=80)
@given(kind=KINDS, payload=st.binary(max_size=200))
def test_any_bytes_of_any_kind_are_blamed_or_passed_over(kind: int, payload: bytes) -> None:
    replica = _replica()
    effects = _hear(replica, kind, payload)
    sorts = [type(effect) for effect in effects]
    if kind in lent.ANSWERS or _asks_for_nothing(kind, payload):
        assert sorts == []
    elif kind in lent.REQUESTS:
        assert sorts in ([fx.Lend], [fx.Blame])
    else:
        assert sorts == [fx.Blame]


def _asks_for_nothing(kind: int, payload: bytes) -> bool:
    """Well-formed by chance: a block that is not here, an empty list, a height that is not here."""
    if kind == wire.WANT:
        return len(payload) == 32
    if kind in {wire.GET_BLOCKS, wire.BASE}:
        return _is_record(wire.GetBlocks if kind == wire.GET_BLOCKS else wire.Base, payload)
    return kind in {wire.TXS, wire.EVIDENCE} and payload == encode([])


def _is_record(cls: type[object], payload: bytes) -> bool:
    try:
        decode_record(cls, payload)
    except Malformed:
        return False
    return True


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 64) - 1)
    | st.binary(max_size=40)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=8),
    max_leaves=20,
)


@settings(max_examples=80)
@given(kind=KINDS, plain=PLAIN)
def test_any_canonical_value_of_any_kind_is_no_surprise(kind: int, plain: object) -> None:
    replica = _replica()
    payload = encode(plain)  # type: ignore[arg-type]
    assert _answer(replica, _hear(replica, kind, payload)) is not None
    assert replica.tip == TIP


U64 = st.integers(0, (1 << 64) - 1)
U32 = st.integers(0, (1 << 32) - 1)
HEIGHTS = st.sampled_from([0, 1, 2, (1 << 64) - 1])
IDS = st.sampled_from([b"", bytes(32), b"i" * 32])
HOLDINGS = st.builds(
    Holding,
    kind=st.integers(1, 32),
    round=U32,
    block_id=IDS,
    bits=st.sampled_from([b"\x00", b"\xff", b"\xff\xff"]),
)
STATUSES = st.builds(
    wire.Status,
    tip=U64,
    view=st.builds(
        View,
        height=HEIGHTS,
        round=U32,
        step=st.integers(0, 5),
        holdings=st.lists(HOLDINGS, max_size=4).map(tuple),
    ),
)
VOTES = st.builds(
    Vote,
    kind=st.sampled_from([1, 2]),
    height=HEIGHTS,
    round=st.sampled_from([0, 1, 3, 1 << 31]),
    block_id=IDS,
    validator=st.sampled_from([0, 1, 3, 4, 65_535]),
    signature=st.just(bytes(64)),
)


@settings(max_examples=80)
@given(status=STATUSES)
def test_a_peer_may_claim_to_hold_anything(status: wire.Status) -> None:
    replica = _replica()
    assert _hear(replica, wire.STATUS, encode_record(status)) is not None
    assert replica.tip == TIP


def _signed(message: Vote, seed: bytes) -> Vote:
    text = sign_bytes(PARAMS.chain_id, message)
    return replace(message, signature=crypto.sign(seed, text))


@settings(max_examples=80)
@given(votes=st.lists(st.tuples(VOTES, st.booleans()), max_size=6))
def test_validators_may_sign_any_votes(votes: list[tuple[Vote, bool]]) -> None:
    """Genuine ones of liars, too. Two thirds for a block that is not here stop nobody."""
    replica = _replica()
    keys = {crypto.public_key(seed): seed for seed in SEEDS}
    for vote, genuine in votes:
        members = TIP.validators.validators
        if genuine and vote.validator < len(members):
            sent = _signed(vote, keys[members[vote.validator].key])
        else:
            sent = vote
        _hear(replica, wire.VOTE, wire.encode_vote(sent))
    assert replica.tip == TIP


@settings(max_examples=60)
@given(
    txs=st.lists(st.binary(max_size=60), max_size=3),
    after=st.integers(-5, 5_000),
    round_=st.sampled_from([0, 1, 2, 3, 1 << 31]),
    flip=st.none() | st.tuples(U32, st.integers(0, 7)),
)
def test_a_proposer_may_propose_anything(
    txs: list[bytes], after: int, round_: int, flip: tuple[int, int] | None
) -> None:
    member = TIP.validators.proposer(Round(round_))
    keys = {crypto.public_key(seed): seed for seed in SEEDS}
    block = next_block(TIP, PARAMS, Millis(TIP.time + after), member.address, txs, None)
    proposal = Proposal(
        height=Height(1),
        round=Round(round_),
        pol_round=-1,
        block_id=block.id,
        time_ms=block.header.time,
    )
    text = sign_bytes(PARAMS.chain_id, proposal)
    signed = replace(proposal, signature=crypto.sign(keys[member.key], text))
    raw = bytearray(block.raw)
    if flip is not None:
        raw[flip[0] % len(raw)] ^= 1 << flip[1]
    replica = _replica()
    effects = _hear(replica, wire.PROPOSAL, wire.encode_proposal(signed, bytes(raw)))
    _answer(replica, effects)
    assert any(isinstance(effect, fx.Blame) for effect in effects) == (flip is not None)
    assert replica.tip == TIP


SLOTS = st.builds(CommitSlot, flag=st.integers(0, 2), signature=st.sampled_from([b"", bytes(64)]))
COMMITS = st.builds(
    Commit,
    height=HEIGHTS,
    round=U32,
    block_id=st.sampled_from([bytes(32), b"i" * 32]),
    slots=st.lists(SLOTS, max_size=5).map(tuple),
)


@settings(max_examples=60)
@given(rows=st.lists(st.tuples(st.binary(max_size=80), COMMITS), min_size=1, max_size=3))
def test_fetched_blocks_may_be_anything(rows: list[tuple[bytes, Commit]]) -> None:
    replica = _replica()
    replica.sync.heard(PEER, Height(9))
    timer = ev.Timer(name=ev.GOSSIP, height=Height(1))
    replica.step(ev.Fired(timer=timer, now_ms=Millis(GENESIS * 1_000)))
    effects = _hear(replica, wire.BLOCKS, wire.encode_blocks(rows))
    assert any(isinstance(effect, fx.Blame) for effect in effects)
    assert replica.tip == TIP


# Whom to ask: one honest peer is enough, whatever the others do.


@dataclass(slots=True)
class _Peer:
    """How it behaves when it is asked: how long it takes, and how many good blocks it gives."""

    wait: int
    blocks: int


PEERS = st.lists(
    st.builds(_Peer, wait=st.sampled_from([1, PATIENCE - 1, 10**9]), blocks=st.integers(0, 2)),
    max_size=6,
)


@settings(max_examples=60)
@given(liars=PEERS, place=st.integers(0, 6), wait=st.sampled_from([1, PATIENCE - 1, PATIENCE + 9]))
def test_one_honest_peer_is_asked_again_and_again(
    liars: list[_Peer], place: int, wait: int
) -> None:
    """It gives 32 blocks each time, so that whatever liars do, catching up outruns a chain's growth."""
    peers = list(liars)
    peers.insert(min(place, len(liars)), _Peer(wait=wait, blocks=32))
    sync, tip, now = Sync(), 0, 0
    due: list[tuple[int, int]] = []
    for number in range(len(peers)):
        sync.heard(bytes([number]) * 32, Height(1 << 60))
    while tip < 1_000:
        for row in [row for row in due if row[0] <= now]:
            due.remove(row)
            if sync.accepts(bytes([row[1]]) * 32) and peers[row[1]].blocks:
                sync.helped(bytes([row[1]]) * 32)
                tip += peers[row[1]].blocks
        request = sync.ask(Height(tip), Millis(now))
        if request is not None:
            due.append((now + peers[request.peer[0]].wait, request.peer[0]))
        now += 100
        assert now < 1_000 * 1_000, "slower than a block a second"
