"""Coins come into being in mint transactions that everybody derives, and nowhere else (P43)."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tfchain.base import merkle
from tfchain.base.limits import MINT_RUN_MAX, MINT_TX_BYTES_MAX
from tfchain.base.shapes import encode_record, layout
from tfchain.base.units import Address, FarmId, Seconds, Utft
from tfchain.chain.execute import check_txs, execute
from tfchain.chain.receipts import receipt_id
from tfchain.errors import InvalidBlock
from tfchain.ledger import tables
from tfchain.ledger.constants import MINT_NODE_BYTES_MAX
from tfchain.ledger.minting import MINT_TAG, PAID, PAYING, SEALED
from tfchain.ledger.state import State
from tfchain.tx.kinds.mint import Mint
from tfchain.tx.kinds.set_payout_account import SetPayoutAccount
from tfchain.tx.kinds.transfer import Transfer
from tfchain.tx.transaction import SYSTEM_KIND, Envelope, decode_transaction, encode_transaction

if TYPE_CHECKING:
    from tests.unit.chain.conftest import Chain, MakeChain

FARMER, OTHER, STRANGER = 1, 20, 88
SUPPLY = 8 * 1_000_000_000_000
FULL = 2_575_000_000
"""What a planted node is owed at full uptime."""
AddressOf = Callable[[int], Address]
AddSchedule = Callable[..., tuple[str, str]]


def _approved(chain: "Chain", uptimes: list[int], *, schedules: tuple[int, ...] = (0,)) -> None:
    """Nodes 2 and up of schedule 0 as given; mints are due from second 104."""
    chain.at(16)
    chain.plant(uptimes)
    chain.at(75)
    chain.at(87)
    chain.at(90, *[tx for number in schedules for tx in chain.commitments(0, number)])
    chain.until(99)
    chain.at(100, *[tx for number in schedules for tx in chain.attestations(0, number)])


def _opened(raw: bytes) -> Mint:
    return layout(Mint).unpack(decode_transaction(raw).body)


def _closed(chain: "Chain", raw: bytes, mint: Mint, **envelope: object) -> bytes:
    """The same transaction with another body."""
    before: Envelope = decode_transaction(raw).envelope
    after = replace(before, **envelope)  # type: ignore[arg-type]
    return encode_transaction(after, layout(Mint).pack(mint), b"")


def test_a_mint_names_batch_root_nodes_accounts_amounts_and_receipts(
    chain: "Chain", address_of: AddressOf
) -> None:
    _approved(chain, [60, 0])
    assert chain.due(103) == []
    (raw,) = chain.due(104)
    mint, batch = _opened(raw), chain.batch()
    assert (mint.schedule, mint.period, mint.root, mint.upto) == (0, 0, batch.root, 4)
    assert [entry.node_id for entry in mint.entries] == [1, 2, 3]
    assert [entry.amount for entry in mint.entries] == [0, FULL, 0]
    assert {entry.account for entry in mint.entries} == {address_of(FARMER)}
    assert {entry.lock for entry in mint.entries} == {0}
    for entry in mint.entries:
        assert entry.receipt == receipt_id(chain.receipt(entry.node_id))
    envelope = decode_transaction(raw).envelope
    assert (envelope.kind, envelope.valid_until) == (SYSTEM_KIND, chain.height + 1)


def test_a_mint_credits_and_leaves_records_under_a_root(chain: "Chain") -> None:
    _approved(chain, [60, 58, 0])
    owned, before = chain.balance(FARMER), chain.totals()
    chain.at(104)
    assert chain.outcome.codes == ("ok",)
    records = [chain.minted(node) for node in range(1, 5)]
    assert [record.amount for record in records] == [0, FULL, FULL * 966 // 1_000, 0]
    minted = sum(record.amount for record in records)
    assert chain.balance(FARMER) == owned + minted
    assert chain.totals() == replace(
        before, minted_ever=Utft(before.minted_ever + minted), reserved=Utft(0)
    )
    assert {record.height for record in records} == {chain.height}
    leaves = [encode_record(record) for record in records]
    assert chain.batch().mints_root == merkle.root(MINT_TAG, leaves)
    assert (chain.batch().state, chain.batch().mints_count) == (PAID, 4)


def test_nothing_is_due_once_all_are_paid(chain: "Chain") -> None:
    _approved(chain, [60])
    chain.at(104)
    assert chain.due(105) == []


def test_runs_are_bounded_and_in_node_order(make_chain: "MakeChain") -> None:
    chain: Chain = make_chain()
    chain.found()
    _approved(chain, [60] * (2 * MINT_RUN_MAX))
    (settled,) = ([_opened(raw) for raw in chain.due(104)],)
    # 500 nodes a block: a full run of 256, and one of 244
    assert [len(mint.entries) for mint in settled] == [256, 244]
    assert [mint.upto for mint in settled] == [257, 501]
    sizes = [len(raw) for raw in chain.due(104)]
    assert max(sizes) < min(MINT_TX_BYTES_MAX, 256 * MINT_NODE_BYTES_MAX)
    chain.at(104)
    assert chain.batch().state == PAYING
    assert [_opened(raw).upto for raw in chain.due(105)] == [514]
    chain.at(105)
    assert chain.batch().state == PAID
    assert chain.batch().minted == 2 * MINT_RUN_MAX * FULL


@pytest.fixture(scope="module")
def paying(make_chain: "MakeChain") -> "Chain":
    """A chain whose next block, at second 104, must carry two mints; no test adds it."""
    chain: Chain = make_chain()
    chain.found()
    _approved(chain, [60] * 260)
    assert len(chain.due(104)) == 2
    return chain


def _changed_amount(chain: "Chain", first: bytes, second: bytes) -> list[bytes]:
    mint = _opened(first)
    more = replace(mint.entries[1], amount=Utft(mint.entries[1].amount + 1))
    entries = (mint.entries[0], more, *mint.entries[2:])
    return [_closed(chain, first, replace(mint, entries=entries)), second]


def _other_account(chain: "Chain", first: bytes, second: bytes) -> list[bytes]:
    mint = _opened(first)
    mine = tuple(replace(entry, account=Address(bytes([9] * 32))) for entry in mint.entries)
    return [_closed(chain, first, replace(mint, entries=mine)), second]


WRONG = [
    pytest.param(lambda c, a, b: [], id="both are missing"),
    pytest.param(lambda c, a, b: [a], id="the second is missing"),
    pytest.param(lambda c, a, b: [b], id="the first is missing"),
    pytest.param(lambda c, a, b: [b, a], id="the other way round"),
    pytest.param(lambda c, a, b: [a, a], id="the first in place of the second"),
    pytest.param(lambda c, a, b: [a, b, a], id="the first again"),
    pytest.param(lambda c, a, b: [a, b, b], id="the second again"),
    pytest.param(
        lambda c, a, b: [
            *c.block(104, c.tx(OTHER, Transfer(to=Address(bytes(32)), amount=Utft(500)))).txs[2:],
            a,
            b,
        ],
        id="not first in the block",
    ),
    pytest.param(_changed_amount, id="a unit more for a node"),
    pytest.param(_other_account, id="another account"),
    pytest.param(
        lambda c, a, b: [_closed(c, a, replace(_opened(a), upto=256)), b], id="another end"
    ),
    pytest.param(
        lambda c, a, b: [_closed(c, a, replace(_opened(a), root=bytes(32))), b], id="another root"
    ),
    pytest.param(
        lambda c, a, b: [
            _closed(c, a, replace(_opened(a), entries=_opened(a).entries[:-1])),
            b,
        ],
        id="a node left out",
    ),
    pytest.param(
        lambda c, a, b: [
            _closed(c, a, replace(_opened(a), entries=_opened(a).entries[::-1])),
            b,
        ],
        id="nodes in another order",
    ),
    pytest.param(
        lambda c, a, b: [_closed(c, a, _opened(a), valid_until=c.height + 2), b],
        id="another envelope",
    ),
    pytest.param(lambda c, a, b: [a, b[:-1]], id="a byte short"),
]


@pytest.mark.parametrize("wrong", WRONG)
def test_a_block_with_other_mints_than_those_due_is_invalid(
    paying: "Chain", wrong: "Callable[[Chain, bytes, bytes], list[bytes]]"
) -> None:
    first, second = paying.due(104)
    block = paying.raw_block(104, *wrong(paying, first, second))
    for judge in (execute, check_txs):
        with pytest.raises(InvalidBlock):
            judge(paying, block)


def test_a_block_with_the_mints_that_are_due_is_valid(paying: "Chain") -> None:
    assert paying.fork().at(104) == ()


def test_a_mint_before_its_time_is_invalid(paying: "Chain") -> None:
    block = paying.raw_block(103, *paying.due(104))
    for judge in (execute, check_txs):
        with pytest.raises(InvalidBlock, match="unsigned"):
            judge(paying, block)


def test_pay_comes_before_the_other_transactions_of_the_block(
    chain: "Chain", address_of: AddressOf
) -> None:
    """P11: coins minted in a block can be sent in it, once fees are paid from what was there."""
    _approved(chain, [60])
    whole = chain.balance(FARMER) - 10_000 + FULL
    transfer = Transfer(to=address_of(OTHER), amount=Utft(whole))
    assert chain.at(104, chain.tx(FARMER, transfer)) == ("ok",)
    assert chain.balance(FARMER) == 0


def test_a_node_that_is_owed_nothing_makes_no_account(
    chain: "Chain", address_of: AddressOf
) -> None:
    payout = SetPayoutAccount(farm_id=FarmId(1), account=address_of(STRANGER))
    chain.run(chain.tx(FARMER, payout))
    _approved(chain, [])
    chain.at(104)
    assert chain.minted(1).amount == 0
    assert tables.ACCOUNTS.get(chain.state(), address_of(STRANGER)) is None


# --- the supply cap -------------------------------------------------------------------------------


def _capped(make_chain: "MakeChain", room: int, *edits: tuple[str, str]) -> "Chain":
    cap = ("supply_cap = 40000000000000000", f"supply_cap = {SUPPLY + room}")
    chain: Chain = make_chain(cap, *edits)
    chain.found()
    return chain


def test_a_cut_at_the_cap_is_pro_rata_and_its_dust_is_never_minted(
    make_chain: "MakeChain",
) -> None:
    chain = _capped(make_chain, 1_000)
    _approved(chain, [60, 60, 60])
    assert (chain.batch().total, chain.batch().payable) == (3 * FULL, 1_000)
    assert chain.totals().reserved == 1_000
    chain.at(104)
    assert [chain.minted(node).amount for node in (1, 2, 3, 4)] == [0, 333, 333, 333]
    assert chain.minted(2).owed == FULL
    assert chain.totals().minted_ever == SUPPLY + 999
    assert chain.totals().reserved == 0


@pytest.mark.parametrize("room", [0, 1, FULL - 1, FULL, FULL + 1])
def test_the_cap_is_reached_and_never_passed(make_chain: "MakeChain", room: int) -> None:
    chain = _capped(make_chain, room)
    _approved(chain, [60])
    chain.at(104)
    assert chain.minted(2).amount == min(room, FULL)
    assert chain.totals().minted_ever == SUPPLY + min(room, FULL)


def test_a_supply_above_the_cap_leaves_no_room_and_no_debt(make_chain: "MakeChain") -> None:
    """A cap may be lowered below what there is; nothing is minted then."""
    chain = _capped(make_chain, FULL)

    def more(state: State) -> None:
        totals = tables.TOTALS.need(state, tables.SINGLE)
        more_ever = replace(totals, minted_ever=Utft(totals.minted_ever + 2 * FULL))
        tables.TOTALS.put(state, tables.SINGLE, more_ever)

    chain.change(more)
    _approved(chain, [60])
    chain.at(104)
    assert (chain.batch().payable, chain.minted(2).amount) == (0, 0)


def test_batches_of_one_block_reserve_in_batch_order(
    make_chain: "MakeChain", second_schedule: AddSchedule
) -> None:
    """P15: the first has all it needs, the second what is left."""
    schedule = second_schedule()
    chain = _capped(make_chain, FULL + 7, schedule)
    chain.plant([60], schedule=1)
    _approved(chain, [60], schedules=(0, 1))
    assert [chain.batch(0, number).payable for number in (0, 1)] == [FULL, 7]
    chain.at(104)
    assert [chain.minted(3).amount, chain.minted(2, 0, 1).amount] == [FULL, 7]
    assert chain.totals().minted_ever == SUPPLY + FULL + 7


def test_a_batch_half_paid_is_not_counted_twice(
    make_chain: "MakeChain", second_schedule: AddSchedule
) -> None:
    """What was minted is no longer reserved: the next batch that seals is not cut for it."""
    schedule = second_schedule(17)
    few = ("settle_nodes = 500", "settle_nodes = 4")
    chain = _capped(make_chain, 5 * FULL, schedule, few)
    chain.plant([60], schedule=1)
    chain.at(16)
    chain.plant([60] * 4)
    chain.until(90)
    chain.at(91, *chain.commitments())
    chain.until(100)
    chain.at(101, *chain.attestations())
    chain.until(105)
    assert (chain.batch().state, chain.batch().pay_cursor) == (PAYING, 5)
    assert chain.totals().reserved == chain.batch().payable - chain.batch().minted
    chain.at(106)
    assert (chain.batch().state, chain.batch(0, 1).state) == (PAID, SEALED)
    assert chain.batch(0, 1).payable == chain.batch(0, 1).total == FULL


def test_reservations_of_a_dispute_stay_reserved(make_chain: "MakeChain") -> None:
    chain = _capped(make_chain, FULL)
    chain.at(16)
    chain.plant([60])
    for second in (75, 87, 97, 127):
        chain.at(second)
    assert chain.totals().reserved == FULL
    chain.at(200)
    now = Seconds(chain.genesis.time + 200)
    assert chain.batch().attest_until < now
    assert chain.totals().reserved == FULL
