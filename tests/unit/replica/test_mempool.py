"""The pool by itself: lanes, turns, prices, room. Numbers are those of consensus 1.15 and 2.6."""

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfchain.base import limits
from tfchain.base.units import Address, Height, Millis
from tfchain.chain.admit import admit, context_of
from tfchain.chain.execute import params_of
from tfchain.errors import Rejected
from tfchain.ledger import tables
from tfchain.ledger.state import State
from tfchain.replica import mempool
from tfchain.replica.mempool import Allowances, Mempool
from tfchain.store.chain import ChainStore
from tfchain.store.memory import MemoryStore
from tfchain.tx.transaction import decode_transaction, transaction_id

if TYPE_CHECKING:
    from tests.unit.replica.conftest import Kit

ALICE, BOB = 50, 51
START = 1_700_000_000_000


class Desk:
    """A pool on a fresh chain, and hands that sign for it."""

    def __init__(self, kit: "type[Kit]") -> None:
        self.kit = kit
        self.store = MemoryStore()
        ChainStore(self.store).begin(kit.genesis_of(1))
        self.reader = self.store.snapshot()
        self.params = params_of(State(self.reader))
        self.pool = Mempool(self.reader, self.params, Height(1))
        self.now = Millis(START)

    def raw(self, who: int, nonce: int, fee: int | None = None, amount: int = 1_000) -> bytes:
        fee_of = self.kit.FEE if fee is None else fee
        return self.kit.transfer(self.params.chain_id, who, nonce, fee=fee_of, amount=amount)

    def add(self, *raws: bytes) -> list[str]:
        return [self._code(raw) for raw in raws]

    def _code(self, raw: bytes) -> str:
        try:
            self.pool.add(decode_transaction(raw), raw, self.now)
        except Rejected as refusal:
            return refusal.code
        return "ok"

    def waiting(self) -> list[bytes]:
        return [raw for _, raw in self.pool.waiting()]

    def after(self, *committed: bytes) -> None:
        """A block that holds these moved their nonces; their effects do not matter here."""
        state = State(self.reader)
        for raw in committed:
            transaction = decode_transaction(raw)
            admit(state, transaction, context_of(transaction, Height(1), self.now, self.params))
        self.store.write((table.stored_at(key), value) for table, key, value in state.changes())
        self.reader = self.store.snapshot()
        ids = [transaction_id(raw) for raw in committed]
        self.pool.advance(self.reader, self.params, Height(2), self.now, ids)


@pytest.fixture
def desk(kit: "type[Kit]") -> Desk:
    return Desk(kit)


def test_each_sender_has_its_turn(desk: Desk) -> None:
    """Scenario 50: a thousand of one do not stand before the one of another."""
    many = [desk.raw(ALICE, nonce) for nonce in range(30)]
    one = desk.raw(BOB, 0)
    assert set(desk.add(*many, one)) == {"ok"}
    assert desk.waiting() == [many[0], one, *many[1:]]


def test_a_gap_is_kept_until_it_is_closed(desk: Desk) -> None:
    """Scenario 52."""
    raws = [desk.raw(ALICE, nonce) for nonce in range(4)]
    assert desk.add(raws[0], raws[3], raws[2]) == ["ok", "ok", "ok"]
    assert desk.waiting() == raws[:1]
    assert len(desk.pool) == 3
    assert desk.add(raws[1]) == ["ok"]
    assert desk.waiting() == raws


@pytest.mark.parametrize(
    ("nonce", "code"),
    [
        pytest.param(limits.MEMPOOL_NONCE_AHEAD_MAX, "ok", id="the furthest that is kept"),
        pytest.param(limits.MEMPOOL_NONCE_AHEAD_MAX + 1, "nonce", id="one further"),
    ],
)
def test_too_far_ahead_is_not_kept(desk: Desk, nonce: int, code: str) -> None:
    assert desk.add(desk.raw(ALICE, nonce)) == [code]


def test_only_so_many_wait_ahead(desk: Desk) -> None:
    """1.15.5: and all of them follow once the gap is closed."""
    last = limits.MEMPOOL_NONCE_AHEAD_MAX
    raws = [desk.raw(ALICE, nonce) for nonce in range(1, last + 1)]
    assert set(desk.add(*raws)) == {"ok"}
    assert len(desk.pool) == last
    assert desk.add(desk.raw(ALICE, last + 1)) == ["nonce"]
    assert desk.add(desk.raw(ALICE, 0)) == ["ok"]
    assert desk.waiting()[1:] == raws


@pytest.mark.parametrize("nonce", [0, 1, 3], ids=["the head", "the middle", "ahead of the run"])
def test_a_higher_fee_takes_the_place(desk: Desk, nonce: int) -> None:
    """Scenario 52: the others keep theirs."""
    raws = {number: desk.raw(ALICE, number) for number in (0, 1, 3)}
    desk.add(*raws.values())
    dearer = desk.raw(ALICE, nonce, fee=desk.kit.FEE + desk.kit.FEE // 10 + 1)
    assert desk.add(dearer) == ["ok"]
    assert transaction_id(raws[nonce]) not in desk.pool
    assert len(desk.pool) == 3
    raws[nonce] = dearer
    assert desk.waiting() == [raws[0], raws[1]]
    assert desk.pool.size == sum(len(raw) for raw in raws.values())


def test_a_little_more_does_not(desk: Desk) -> None:
    raw = desk.raw(ALICE, 0)
    cheap = desk.raw(ALICE, 0, fee=desk.kit.FEE + desk.kit.FEE // 10)
    assert desk.add(raw, cheap) == ["ok", "underpriced"]
    assert desk.waiting() == [raw]


def test_a_price_that_nobody_can_pay_leaves_all_as_it_was(desk: Desk) -> None:
    raws = [desk.raw(ALICE, nonce) for nonce in range(3)]
    desk.add(*raws)
    assert desk.add(desk.raw(ALICE, 1, fee=2_000_000_000_000)) == ["balance"]
    assert desk.waiting() == raws


def test_who_pays_too_much_for_the_first_loses_the_rest(desk: Desk) -> None:
    """Scenario 52: no successor dangles behind one that can no longer be paid."""
    raws = [desk.raw(ALICE, nonce, fee=300_000_000_000) for nonce in range(3)]
    desk.add(*raws)
    dearer = desk.raw(ALICE, 0, fee=900_000_000_000)
    assert desk.add(dearer) == ["ok"]
    assert desk.waiting() == [dearer]
    assert len(desk.pool) == 1
    assert desk.pool.size == len(dearer)


def test_what_the_gap_held_back_and_cannot_pay_is_gone(desk: Desk) -> None:
    raws = [desk.raw(ALICE, nonce, fee=600_000_000_000) for nonce in (1, 2)]
    first = desk.raw(ALICE, 0)
    assert desk.add(*raws, first) == ["ok", "ok", "ok"]
    assert desk.waiting() == [first, raws[0]]
    assert len(desk.pool) == 2


def test_a_full_pool_takes_from_the_longest_lane(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scenario 52, eviction: the last of who has most goes, so that nothing dangles."""
    monkeypatch.setattr(mempool, "MEMPOOL_TXS_MAX", 4)
    raws = [desk.raw(ALICE, nonce) for nonce in range(4)]
    assert desk.add(*raws, desk.raw(ALICE, 4)) == ["ok"] * 4 + ["full"]
    one = desk.raw(BOB, 0)
    assert desk.add(one) == ["ok"]
    assert desk.waiting() == [raws[0], one, raws[1], raws[2]]
    assert desk.add(desk.raw(ALICE, 3, amount=7)) == ["full"]
    assert len(desk.pool) == 4


def test_a_lane_that_gave_way_waits_for_the_next_block(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    raws = [desk.raw(ALICE, nonce) for nonce in range(4)]
    desk.add(*raws)
    monkeypatch.setattr(mempool, "MEMPOOL_TXS_MAX", 4)
    one = desk.raw(BOB, 0)
    desk.add(one)
    monkeypatch.setattr(mempool, "MEMPOOL_TXS_MAX", 100)
    assert desk.add(raws[3]) == ["sender_full"]
    desk.after(one)
    assert desk.add(raws[3]) == ["ok"]
    assert desk.waiting() == raws


def test_a_sender_has_an_allowance_that_grows_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mempool, "MEMPOOL_SENDER_MAX", 3)
    raws = [desk.raw(ALICE, nonce) for nonce in range(5)]
    assert desk.add(*raws[:4]) == ["ok", "ok", "ok", "sender_full"]
    desk.after(*raws[:3])
    assert desk.add(raws[3]) == ["sender_full"]
    assert desk.add(desk.raw(BOB, 0)) == ["ok"]
    desk.now = Millis(START + 1_000 // limits.MEMPOOL_SENDER_PER_S)
    assert desk.add(raws[3], raws[4]) == ["ok", "sender_full"]


def test_a_clock_that_jumps_back_costs_nobody_anything() -> None:
    allowances, sender = Allowances(), Address(b"\x01" * 32)
    allowances.spend(sender, Millis(START))
    before = allowances.left(sender, Millis(START))
    assert allowances.left(sender, Millis(START - 5_000)) == before


def test_allowances_that_are_whole_again_are_forgotten() -> None:
    allowances, sender = Allowances(), Address(b"\x01" * 32)
    allowances.spend(sender, Millis(START))
    allowances.forget(Millis(START))
    assert allowances._spent
    allowances.forget(Millis(START + 1_000))
    assert not allowances._spent


def test_a_block_that_holds_a_rival_clears_what_stands_behind_it(desk: Desk) -> None:
    """1.15.7: what no longer passes is not in the pool after the update."""
    raws = [desk.raw(ALICE, nonce) for nonce in range(3)]
    desk.add(*raws)
    desk.after(desk.raw(ALICE, 0, amount=5))
    assert desk.waiting() == raws[1:]
    assert len(desk.pool) == 2


def test_a_block_that_holds_a_later_one_leaves_no_earlier(desk: Desk) -> None:
    raws = [desk.raw(ALICE, nonce) for nonce in range(3)]
    desk.add(*raws)
    rivals = [desk.raw(ALICE, nonce, amount=5) for nonce in range(2)]
    desk.after(*rivals, raws[2])
    assert desk.waiting() == []
    assert len(desk.pool) == 0


def test_lanes_are_looked_at_again_by_turns(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scenario 53: not all at once, and nobody for ever last."""
    monkeypatch.setattr(mempool, "LOOKED_AGAIN", 1)
    desk.add(desk.raw(ALICE, 0), desk.raw(BOB, 0))
    desk.after(desk.raw(ALICE, 0, amount=5), desk.raw(BOB, 0, amount=5))
    assert len(desk.pool) == 1
    desk.after()
    assert len(desk.pool) == 0


@pytest.mark.parametrize("looked_again", [0, mempool.LOOKED_AGAIN])
@pytest.mark.parametrize("taken", [0, 1, 2])
def test_a_run_goes_on_after_a_block_took_its_head(
    desk: Desk, taken: int, looked_again: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether or not its lane was laid anew."""
    monkeypatch.setattr(mempool, "LOOKED_AGAIN", looked_again)
    raws = [desk.raw(ALICE, nonce) for nonce in range(4)]
    desk.add(*raws[:3])
    desk.after(*raws[:taken])
    assert desk.add(raws[3]) == ["ok"]
    assert desk.waiting() == raws[taken:]


Move = tuple[str, int, int, int]


@settings(max_examples=60, deadline=None)
@given(
    moves=st.lists(
        st.tuples(
            st.sampled_from(["add", "add", "add", "block"]),
            st.sampled_from([ALICE, BOB]),
            st.integers(0, 6),
            st.integers(0, 3),
        ),
        max_size=40,
    )
)
def test_whatever_comes_the_pool_counts_right(kit: "type[Kit]", moves: list[Move]) -> None:
    """1.15.7: no duplicates, sizes add up, and what is offered may stand in the order it is offered."""
    desk = Desk(kit)
    for what, who, nonce, dear in moves:
        if what == "add":
            desk.add(desk.raw(who, nonce, fee=desk.kit.FEE * (2**dear)))
        else:
            desk.after(*desk.waiting()[:nonce])
        waiting = desk.waiting()
        held = [entry for lane in desk.pool._lanes.values() for entry in lane.entries()]
        assert len(held) == len(desk.pool) == len({entry.transaction.id for entry in held})
        assert desk.pool.size == sum(len(entry.raw) for entry in held)
        state = State(desk.reader)
        for raw in waiting:
            transaction = decode_transaction(raw)
            admit(state, transaction, context_of(transaction, Height(2), desk.now, desk.params))
        assert tables.ACCOUNTS.get(state, desk.kit.key(ALICE)) is not None
