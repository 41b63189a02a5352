"""A disputed batch: who computed what, paid without some, or void; and receipts put right (P10, P15, P16)."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tfchain.base import merkle
from tfchain.base.crypto import plain_digest
from tfchain.base.shapes import encode_record, layout
from tfchain.base.units import (
    Address,
    Height,
    MilliUsd,
    NodeId,
    PeriodIndex,
    ScheduleId,
    Seconds,
    Utft,
)
from tfchain.chain.execute import OK, check_txs
from tfchain.chain.receipts import receipt_id
from tfchain.errors import InvalidBlock
from tfchain.ledger import locks, tables
from tfchain.ledger.disputes import WAITING_MAX, Fixup, NamedNode, Ruling
from tfchain.ledger.measures import (
    ApproveBatch,
    FixReceipt,
    FlagFraud,
    Halt,
    LowerCap,
    Measure,
    VoidBatch,
)
from tfchain.ledger.minting import APPROVED, DISPUTED, PAID, RECEIPT_TAG, SEALED, VOID, Receipt
from tfchain.ledger.state import State
from tfchain.ledger.terms import Held, Lock
from tfchain.rules.regime import FREE, UNCHANGED, UNTIL_OLD_OR_USED, UNTIL_POOL_USED
from tfchain.tx.fixups import book_of, text_of
from tfchain.tx.kinds.dispute_nodes import DisputeNodes
from tfchain.tx.kinds.mint import Mint
from tfchain.tx.kinds.mint_fixup import MintFixup
from tfchain.tx.registry import open_body
from tfchain.tx.transaction import decode_transaction, encode_transaction

if TYPE_CHECKING:
    from tests.unit.chain.conftest import Chain, Watched

FARMER, FIRST, SECOND, THIRD, STRANGER = 1, 2, 3, 4, 20
FULL = 2_575_000_000
"""What a planted node is owed at full uptime."""
BATCH = {"schedule": ScheduleId(0), "period": PeriodIndex(0)}
NAME = bytes(5)
OTHER = bytes([9]) * 32
ELSEWHERE = b"\x07" * 32
AddressOf = Callable[[int], Address]


@pytest.fixture
def disputed(watched: "Watched") -> "Watched":
    """Batch 0 with nodes 2, 3 and 4 of 60, 60 and 58 seconds; the third guardian differs."""
    chain = watched.chain
    chain.until(16)
    chain.plant([60, 60, 58])
    _ahead(chain, 90)
    chain.run(*chain.commitments())
    _ahead(chain, 99)
    assert chain.run(chain.attestation(FIRST)) == (OK,)
    _ahead(chain, 131)
    answers = [chain.attestation(SECOND, total=5), chain.attestation(THIRD, total=7)]
    assert chain.run(*answers) == (OK, OK)
    assert chain.batch().state == DISPUTED
    return watched


def _ahead(chain: "Chain", second: int) -> None:
    chain.until(second)


def _named(*nodes: int, receipt: bytes = OTHER) -> DisputeNodes:
    named = [NamedNode(node_id=NodeId(n), receipt=receipt, amount=Utft(5)) for n in nodes]
    return DisputeNodes(named=tuple(named), **BATCH)  # type: ignore[arg-type]


def _without(*nodes: int) -> ApproveBatch:
    return ApproveBatch(without=tuple(NodeId(n) for n in nodes), **BATCH)  # type: ignore[arg-type]


VOIDED = VoidBatch(**BATCH)  # type: ignore[arg-type]


def _enacted(watched: "Watched", measure: Measure) -> str:
    """The code of its enactment; the second program is not asked for its terms of planted nodes."""
    watched.passed(measure)
    watched.chain.run()
    block = watched.chain.blocks[-1]
    codes = zip(block.txs, watched.chain.outcome.codes, strict=True)
    kinds = {type(open_body(decode_transaction(raw))).__name__: code for raw, code in codes}
    return kinds["Enact"]


def _mints(chain: "Chain") -> list[Mint | MintFixup]:
    bodies = [open_body(decode_transaction(raw)) for raw in chain.blocks[-1].txs]
    return [body for body in bodies if isinstance(body, Mint | MintFixup)]


def _until_paid(chain: "Chain", period: int = 0) -> None:
    while chain.batch(period).state != PAID:
        chain.run()


# --- naming ---------------------------------------------------------------------------------------


def test_a_guardian_that_differs_names_its_nodes_on_the_ledger(
    disputed: "Watched", address_of: AddressOf
) -> None:
    chain = disputed.chain
    assert chain.run(chain.tx(SECOND, _named(2, 4))) == (OK,)
    place = tables.of_guardian(NAME, address_of(SECOND))
    row = tables.DISPUTES.need(chain.state(), place)
    assert (row.named, row.height) == (_named(2, 4).named, chain.height)
    chain.run(chain.tx(SECOND, _named()))
    assert tables.DISPUTES.need(chain.state(), place).named == ()


@pytest.mark.parametrize(
    ("who", "body", "code"),
    [
        pytest.param(STRANGER, _named(2), "not_a_guardian", id="a stranger"),
        pytest.param(FIRST, _named(2), "agreed", id="who agrees with the ledger"),
        pytest.param(SECOND, _named(4, 2), "not_in_order", id="nodes out of order"),
        pytest.param(SECOND, _named(2, 2), "not_in_order", id="a node twice"),
        pytest.param(SECOND, _named(0), "unknown_node", id="node 0"),
        pytest.param(SECOND, _named(5), "unknown_node", id="a node after the last"),
        pytest.param(
            SECOND, replace(_named(2), period=PeriodIndex(7)), "unknown_batch", id="no batch"
        ),
        pytest.param(
            SECOND, replace(_named(2), period=PeriodIndex(1)), "not_disputed", id="a running batch"
        ),
    ],
)
def test_who_may_not_name(disputed: "Watched", who: int, body: DisputeNodes, code: str) -> None:
    chain = disputed.chain
    assert chain.run(chain.tx(who, body)) == (code,)


def test_what_the_ledger_has_too_is_no_difference(disputed: "Watched") -> None:
    chain = disputed.chain
    same = receipt_id(chain.receipt(2))
    assert chain.run(chain.tx(SECOND, _named(2, receipt=same))) == ("same_receipt",)


def test_who_has_attested_nothing_names_nothing(watched: "Watched") -> None:
    chain = watched.chain
    chain.until(131)
    assert chain.batch().state == DISPUTED
    assert chain.run(chain.tx(FIRST, _named(1))) == ("not_attested",)


# --- approval without them ------------------------------------------------------------------------


def test_a_batch_is_paid_without_the_named_nodes(disputed: "Watched") -> None:
    chain = disputed.chain
    chain.run(chain.tx(SECOND, _named(3)))
    before = chain.totals()
    assert _enacted(disputed, _without(3)) == OK
    assert chain.batch().state == APPROVED
    height = Height(chain.height)
    assert tables.RULINGS.need(chain.state(), NAME) == Ruling(
        proposal=1, without=(NodeId(3),), void=False, height=height
    )
    _until_paid(chain)
    paid = [chain.minted(node).amount for node in (1, 2, 3, 4)]
    assert paid == [0, FULL, 0, FULL * 966 // 1_000]
    assert chain.minted(3).owed == FULL
    after = chain.totals()
    assert (after.minted_ever - before.minted_ever, after.reserved) == (sum(paid), 0)


@pytest.mark.parametrize(
    ("measure", "code"),
    [
        pytest.param(_without(2), "not_named", id="a node that nobody named"),
        pytest.param(_without(3, 3), "not_in_order", id="a node twice"),
        pytest.param(
            replace(_without(), period=PeriodIndex(1)), "not_disputed", id="a running batch"
        ),
        pytest.param(replace(VOIDED, period=PeriodIndex(9)), "unknown_batch", id="no batch"),
        pytest.param(replace(VOIDED, period=PeriodIndex(1)), "not_disputed", id="nothing to void"),
    ],
)
def test_a_ruling_that_cannot_be(disputed: "Watched", measure: Measure, code: str) -> None:
    disputed.chain.run(disputed.chain.tx(SECOND, _named(3)))
    assert _enacted(disputed, measure) == code
    assert disputed.chain.batch().state == DISPUTED


def test_new_guardians_may_pay_all_of_it(disputed: "Watched") -> None:
    """Those of the seal may be gone for good: nobody can attest any more, but a vote can approve."""
    chain = disputed.chain
    assert _enacted(disputed, _without()) == OK
    _until_paid(chain)
    assert chain.batch().minted == chain.batch().total


def test_nobody_approves_twice(disputed: "Watched") -> None:
    assert _enacted(disputed, _without()) == OK
    assert _enacted(disputed, _without()) == "not_disputed"


# --- void -----------------------------------------------------------------------------------------


def test_a_void_batch_pays_nothing_and_returns_its_room(disputed: "Watched") -> None:
    chain = disputed.chain
    before = chain.totals()
    assert before.reserved == chain.batch().payable == chain.batch().total > 0
    assert _enacted(disputed, VOIDED) == OK
    assert chain.batch().state == VOID
    assert chain.totals() == replace(before, reserved=Utft(0))
    assert tables.RULINGS.need(chain.state(), NAME).void
    assert 0 not in chain.live()
    chain.until(chain.second + 20)
    assert (chain.batch().minted, chain.totals().minted_ever) == (0, before.minted_ever)


def test_a_void_batch_hears_no_attestation_and_no_ruling(disputed: "Watched") -> None:
    chain = disputed.chain
    _enacted(disputed, VOIDED)
    assert chain.run(chain.attestation(SECOND), chain.tx(SECOND, _named(2))) == (
        "closed",
        "not_disputed",
    )
    assert _enacted(disputed, _without()) == "not_disputed"


# --- fixups ---------------------------------------------------------------------------------------


@pytest.fixture
def settled(disputed: "Watched") -> "Watched":
    """Batch 0 paid: node 2 and 3 in full, node 4 for 966 per mille."""
    _enacted(disputed, _without())
    _until_paid(disputed.chain)
    return disputed


def _fix(chain: "Chain", node: int, amount: int, **changes: object) -> FixReceipt:
    """The receipt of a planted node of batch 0, with another amount."""
    rows = [tables.RECEIPTS.get(chain.state(), tables.in_batch(NAME, n)) for n in range(1, 5)]
    leaves = [encode_record(row) for row in rows]
    receipt = chain.receipt(node)
    found = FixReceipt(
        receipt=leaves[node - 1],
        index=node - 1,
        path=tuple(merkle.prove(RECEIPT_TAG, leaves, node - 1)),
        uptime=receipt.uptime,
        cu=receipt.cu,
        su=receipt.su,
        nu=receipt.nu,
        musd=MilliUsd(receipt.musd),
        amount=Utft(amount),
        correct_receipt=OTHER,
        **BATCH,  # type: ignore[arg-type]
    )
    return replace(found, **changes)  # type: ignore[arg-type]


def _fixup(chain: "Chain", number: int = 1) -> Fixup:
    return tables.FIXUPS.need(chain.state(), tables.id_key(number))


def _debt(chain: "Chain", node: int) -> int:
    row = tables.DEBTS.get(chain.state(), tables.id_key(node))
    return 0 if row is None else row.owed


def test_what_was_too_little_is_minted_in_the_next_block(
    settled: "Watched", address_of: AddressOf
) -> None:
    chain = settled.chain
    before, had = chain.totals(), chain.balance(FARMER)
    short = chain.receipt(4).amount
    assert _enacted(settled, _fix(chain, 4, FULL)) == OK
    assert chain.totals() == replace(before, reserved=Utft(FULL - short))
    chain.run()
    (body,) = _mints(chain)
    assert isinstance(body, MintFixup)
    (entry,) = body.entries
    assert (entry.fixup, entry.node_id, entry.amount) == (1, 4, FULL - short)
    assert (entry.account, entry.receipt) == (address_of(FARMER), _fixup(chain).text_hash)
    assert chain.balance(FARMER) == had + FULL - short
    minted = Utft(before.minted_ever + FULL - short)
    assert chain.totals() == replace(before, minted_ever=minted)
    chain.run()
    assert _mints(chain) == [] and book_of(chain.state()).waiting == ()


def test_a_fixup_says_what_was_and_what_is_right(settled: "Watched") -> None:
    chain = settled.chain
    receipt = chain.receipt(4)
    _enacted(settled, _fix(chain, 4, FULL, uptime=Seconds(60), cu=receipt.cu + 500_000))
    fixup = _fixup(chain)
    assert plain_digest(text_of(fixup).encode()) == fixup.text_hash
    assert (fixup.minted.uptime, fixup.correct.uptime) == (58, 60)
    assert fixup.minted_receipt == receipt.text_hash
    text = text_of(fixup)
    assert '"minted_uptime":58,"correct_uptime":60' in text
    assert '"fixup_cloud_units":{"cu":0.5,"su":0.0,"nu":0.0}' in text
    assert f'"fixup_reward":{{"musd":0,"tft":{FULL - receipt.amount}}}' in text


def test_what_was_too_much_is_taken_from_the_next_payout(settled: "Watched") -> None:
    chain = settled.chain
    had = chain.balance(FARMER)
    assert _enacted(settled, _fix(chain, 2, 1_000)) == OK
    assert (_fixup(chain).debt, _debt(chain, 2)) == (FULL - 1_000, FULL - 1_000)
    chain.run()
    assert (_mints(chain), chain.balance(FARMER)) == ([], had), "nobody's account is touched"


def test_a_debt_shows_in_the_mint_transactions(settled: "Watched") -> None:
    """Batch 1 is settled by hand: node 2 is owed a third more than its debt."""
    chain = settled.chain
    _enacted(settled, _fix(chain, 2, FULL - 600))
    _pay_batch_1(chain, {2: 900, 3: 500})
    before, reserved = chain.totals(), chain.totals().reserved
    chain.run()
    (mint,) = _mints(chain)
    assert isinstance(mint, Mint)
    assert {entry.node_id: entry.amount for entry in mint.entries} == {2: 300, 3: 500}
    assert [chain.minted(n, 1).owed for n in (2, 3)] == [900, 500]
    place = tables.in_batch(tables.batch_key(ScheduleId(0), PeriodIndex(1)), 2)
    assert tables.DEDUCTIONS.need(chain.state(), place).amount == 600
    assert _debt(chain, 2) == 0
    assert chain.totals().minted_ever == before.minted_ever + 800
    assert chain.totals().reserved == reserved - 1_400


def test_a_debt_that_is_larger_stays_until_it_is_paid(settled: "Watched") -> None:
    chain = settled.chain
    _enacted(settled, _fix(chain, 2, FULL - 600))
    _pay_batch_1(chain, {2: 250})
    chain.run()
    assert (chain.minted(2, 1).amount, _debt(chain, 2)) == (0, 350)


def _pay_batch_1(chain: "Chain", amounts: dict[int, int]) -> None:
    """Let batch 1 be paying with these receipts, all others away."""
    name = tables.batch_key(ScheduleId(0), PeriodIndex(1))
    while chain.batch(1).state < SEALED:
        chain.run()

    def write(state: object) -> None:
        batch = chain.batch(1)
        for node in range(1, 5):
            place = tables.in_batch(name, node)
            receipt = replace(chain.receipt(node, 1), amount=Utft(amounts.get(node, 0)))
            if node in amounts:
                tables.RECEIPTS.put(state, place, receipt)  # type: ignore[arg-type]
            else:
                tables.RECEIPTS.drop(state, place)  # type: ignore[arg-type]
        total = sum(amounts.values())
        after = replace(batch, state=APPROVED, pay_at=Seconds(0), total=total, payable=total)
        tables.BATCHES.put(state, name, after)  # type: ignore[arg-type]
        now = chain.totals()
        reserved = Utft(now.reserved + total - batch.payable)
        tables.TOTALS.put(state, tables.SINGLE, replace(now, reserved=reserved))  # type: ignore[arg-type]

    chain.change(write)


def test_what_a_node_gets_pays_its_debt_first(settled: "Watched") -> None:
    chain = settled.chain
    _enacted(settled, _fix(chain, 2, FULL - 600))
    _enacted(settled, _fix(chain, 2, FULL - 100))
    fixup = _fixup(chain, 2)
    assert (fixup.owed, fixup.offset, fixup.payable, _debt(chain, 2)) == (500, 500, 0, 100)
    assert (fixup.minted.amount, fixup.minted_receipt) == (FULL - 600, OTHER)
    _enacted(settled, _fix(chain, 2, FULL + 50))
    fixup = _fixup(chain, 3)
    assert (fixup.owed, fixup.offset, fixup.payable, _debt(chain, 2)) == (150, 100, 50, 0)
    assert fixup.given == FULL + 50


def test_a_node_that_was_left_out_gets_all_of_what_is_right(disputed: "Watched") -> None:
    chain = disputed.chain
    chain.run(chain.tx(SECOND, _named(3)))
    _enacted(disputed, _without(3))
    _until_paid(chain)
    assert _enacted(disputed, _fix(chain, 3, 700)) == OK
    assert _fixup(chain).payable == 700


def test_nodes_of_a_void_batch_may_be_paid_one_by_one(disputed: "Watched") -> None:
    chain = disputed.chain
    _enacted(disputed, VOIDED)
    assert _enacted(disputed, _fix(chain, 2, FULL)) == OK
    chain.run()
    assert [entry.amount for body in _mints(chain) for entry in body.entries] == [FULL]


def test_nothing_is_minted_beyond_the_cap(settled: "Watched") -> None:
    chain = settled.chain
    cap = chain.totals().minted_ever + chain.totals().reserved + 40
    assert _enacted(settled, LowerCap(cap=Utft(cap))) == OK
    assert _enacted(settled, _fix(chain, 2, FULL + 100)) == OK
    fixup = _fixup(chain)
    assert (fixup.owed, fixup.payable, fixup.given) == (100, 40, FULL + 40)
    assert _enacted(settled, _fix(chain, 2, FULL + 100)) == OK, "the rest is still due"
    assert (_fixup(chain, 2).owed, _fixup(chain, 2).payable) == (60, 0)


def test_a_fixup_of_a_batch_that_was_cut_is_cut_alike(
    make_chain: Callable[..., "Chain"], watch: "type[Watched]"
) -> None:
    """Half of the batch had room: what is right is halved too, and there is no room for that."""
    half = 8 * 1_000_000_000_000 + FULL
    watched = watch(make_chain(("supply_cap = 40000000000000000", f"supply_cap = {half}")))
    chain = watched.chain
    chain.until(16)
    chain.plant([60, 60])
    chain.until(90)
    chain.run(*chain.commitments())
    chain.until(99)
    chain.run(*chain.attestations())
    _until_paid(chain)
    assert (chain.batch().total, chain.batch().payable) == (2 * FULL, FULL)
    assert chain.minted(2).amount == FULL // 2
    rows = [chain.receipt(node) for node in (1, 2, 3)]
    path = tuple(merkle.prove(RECEIPT_TAG, [encode_record(row) for row in rows], 1))
    less, more = (
        FixReceipt(
            receipt=encode_record(rows[1]),
            index=1,
            path=path,
            uptime=Seconds(60),
            cu=0,
            su=0,
            nu=0,
            musd=MilliUsd(0),
            amount=Utft(amount),
            correct_receipt=OTHER,
            **BATCH,  # type: ignore[arg-type]
        )
        for amount in (FULL - 1_000, FULL + 1_000)
    )
    assert _enacted(watched, less) == OK
    fixup = _fixup(chain)
    assert (fixup.owed, fixup.debt, fixup.given) == (0, 500, FULL // 2 - 500)
    assert _enacted(watched, more) == OK
    fixup = _fixup(chain, 2)
    assert (fixup.owed, fixup.offset, fixup.payable, _debt(chain, 2)) == (1_000, 500, 0, 0)
    assert fixup.given == FULL // 2, "the rest waits for room that there is not"
    chain.run()
    assert _mints(chain) == []
    assert chain.totals().minted_ever == half


@pytest.mark.parametrize(
    ("kind", "before", "after"),
    [
        pytest.param(FREE, None, None, id="free"),
        pytest.param(UNTIL_POOL_USED, None, UNTIL_POOL_USED, id="until the pool is used"),
        pytest.param(UNTIL_OLD_OR_USED, None, UNTIL_OLD_OR_USED, id="until old or used"),
        pytest.param(UNCHANGED, None, None, id="as what the node has locked: nothing"),
        pytest.param(UNCHANGED, UNTIL_POOL_USED, UNTIL_POOL_USED, id="as what the node has locked"),
    ],
)
def test_coins_of_a_fixup_wait_as_those_of_its_receipt(
    settled: "Watched", address_of: AddressOf, kind: int, before: int | None, after: int | None
) -> None:
    chain, place = settled.chain, tables.id_key(4)
    _enacted(settled, _fix(chain, 4, FULL))
    due, had, farmer = _fixup(chain).payable, chain.balance(FARMER), address_of(FARMER)

    def write(state: State) -> None:
        tables.FIXUPS.put(state, tables.id_key(1), replace(_fixup(chain), lock=kind))
        if before is not None:
            locks.lock(state, NodeId(4), before, farmer, Utft(3))

    chain.change(write)
    chain.run()
    found = tables.LOCKS.get(chain.state(), place)
    if after is None:
        assert (found, chain.balance(FARMER)) == (None, had + due)
        return
    held = Held(account=farmer, amount=Utft(due + (0 if before is None else 3)))
    assert found == Lock(node_id=NodeId(4), kind=after, held=(held,))
    assert chain.balance(FARMER) == had


def test_so_many_fixups_wait_while_all_is_halted_and_no_more(settled: "Watched") -> None:
    chain = settled.chain
    _enacted(settled, Halt(halted=True))
    assert _enacted(settled, _fix(chain, 4, FULL)) == OK

    def write(state: State) -> None:
        known, all_ = _fixup(chain), tuple(range(1, WAITING_MAX + 1))
        for number in all_:
            tables.FIXUPS.put(state, tables.id_key(number), replace(known, id=number))
        book = replace(book_of(state), waiting=all_)
        tables.FIXUP_BOOK.put(state, tables.SINGLE, book)

    chain.change(write)
    assert _enacted(settled, _fix(chain, 2, FULL + 1)) == "busy"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        pytest.param({"index": 2}, "not_its_receipt", id="another place"),
        pytest.param({"receipt": b"\x00"}, "not_its_receipt", id="another receipt"),
        pytest.param({"path": (bytes(32),)}, "not_its_receipt", id="another path"),
        pytest.param({"period": PeriodIndex(1)}, "not_paid", id="a batch on its way"),
        pytest.param({"period": PeriodIndex(99)}, "unknown_batch", id="no batch"),
        pytest.param({}, "no_change", id="what it says already"),
    ],
)
def test_a_fixup_that_cannot_be(settled: "Watched", changes: dict[str, object], code: str) -> None:
    chain = settled.chain
    assert _enacted(settled, _fix(chain, 2, FULL, **changes)) == code
    assert book_of(chain.state()).last == 0


def test_a_flagged_node_is_paid_no_more(settled: "Watched") -> None:
    chain = settled.chain
    assert _enacted(settled, FlagFraud(node_id=NodeId(2), evidence=OTHER)) == OK
    assert _enacted(settled, _fix(chain, 2, FULL + 1)) == "fraud"


def test_a_block_without_the_coins_that_are_due_is_invalid(settled: "Watched") -> None:
    chain = settled.chain
    _enacted(settled, _fix(chain, 4, FULL))
    (due,) = chain.due(chain.second + 1)
    plain = decode_transaction(due)
    body = open_body(plain)
    assert isinstance(body, MintFixup)
    more = replace(body, entries=(replace(body.entries[0], amount=Utft(1)),))
    forged = encode_transaction(plain.envelope, layout(MintFixup).pack(more), b"")
    for txs in ((), (forged,), (due, due)):
        with pytest.raises(InvalidBlock):
            check_txs(chain, chain.raw_block(chain.second + 1, *txs))


def test_a_halt_keeps_the_coins_of_fixups_waiting(settled: "Watched") -> None:
    chain = settled.chain
    settled.passed(_fix(chain, 4, FULL))
    assert _enacted(settled, Halt(halted=True)) == OK
    chain.run()
    assert _mints(chain) == []
    assert _enacted(settled, Halt(halted=False)) == OK
    chain.run()
    assert [type(body) for body in _mints(chain)] == [MintFixup]


def test_the_chain_keeps_its_coins_counted(settled: "Watched") -> None:
    """Genesis and mints give what everybody holds, fixups and debts included."""
    chain = settled.chain
    before = chain.supply() - chain.totals().minted_ever
    _enacted(settled, _fix(chain, 2, FULL - 600))
    _enacted(settled, _fix(chain, 4, FULL))
    chain.run()
    assert chain.supply() - chain.totals().minted_ever == before
    assert isinstance(chain.receipt(2), Receipt)
