"""Receipts of a chain that paid: waited for to the end, proven, and refused once anything is touched."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import trio

from tfchain.base import crypto
from tfchain.base.shapes import decode_record, encode_record
from tfchain.base.units import Address, Height, NodeId, PeriodIndex, ScheduleId
from tfchain.client import connect
from tfchain.client.anchors import from_block, from_genesis, set_of
from tfchain.client.chain import Chain
from tfchain.client.http import Client, SealedBatch
from tfchain.client.proofs import check_receipt_proof
from tfchain.client.stream import raw_block
from tfchain.errors import InvalidBlock, Malformed, Rejected, Unavailable
from tfchain.ledger import tables
from tfchain.ledger.minting import MintRecord
from tfchain.ledger.validators import genesis_set, validator_address

if TYPE_CHECKING:
    from tests.unit.node.minted.conftest import Minted

FIRST = ScheduleId(0), PeriodIndex(0)
NODE = NodeId(1)
BATCH = tables.batch_key(*FIRST)
PAID = [1, 2]


async def test_a_paid_receipt_comes_with_its_coins(minted: "Minted") -> None:
    async with connect(minted.url, genesis=minted.genesis) as chain:
        for number in PAID:
            settled = await chain.wait_receipt(NodeId(number), PeriodIndex(0), paid=True)
            assert settled.mint is not None
            assert settled.mint.node_id == settled.receipt.node_id == number
            assert settled.mint.amount == settled.receipt.amount > 0
            assert settled.mint.receipt == settled.id
            assert settled.height == minted.height - 1
            assert settled.block_id == minted.block_id


async def test_a_receipt_over_nothing_is_settled_too(minted: "Minted") -> None:
    async with connect(minted.url) as chain:
        settled = await chain.wait_receipt(NodeId(3), PeriodIndex(0), paid=True)
    assert (settled.receipt.amount, settled.receipt.reason) == (0, "violation")
    assert settled.mint is not None
    assert settled.mint.amount == 0


def test_the_blocking_face_waits_for_coins_and_follows_batches(minted: "Minted") -> None:
    with connect(minted.url) as chain:
        settled = chain.wait_receipt(NODE, PeriodIndex(0), paid=True)
        assert settled.mint is not None
        for start in (1, (0, 0)):
            found = next(iter(chain.batches(start)))
            assert found.batch.root == settled.root
        found_too = chain.proven_receipt(NODE, *FIRST)
        assert found_too.receipt == settled.receipt


async def test_what_is_not_settled_yet_is_waited_for_no_longer_than_told(minted: "Minted") -> None:
    async with connect(minted.url) as chain:
        with pytest.raises(Unavailable, match=r"batch 0/1 is not paid after 0\.2 s"):
            await chain.wait_receipt(NODE, PeriodIndex(1), paid=True, within_s=0.2)
        with pytest.raises(Unavailable, match=r"batch 0/9 is not sealed after 0\.2 s"):
            await chain.wait_receipt(NODE, PeriodIndex(9), within_s=0.2)
        none = await chain.proven_receipt(NodeId(9), *FIRST)
        assert (none.receipt, none.mint) == (None, None)


async def test_a_receipt_is_there_before_its_coins(sealed: "Minted") -> None:
    async with connect(sealed.url) as chain:
        settled = await chain.wait_receipt(NODE, PeriodIndex(0))
        assert (settled.receipt.uptime, settled.mint) == (60, None)
        with pytest.raises(Unavailable, match=r"batch 0/0 is not paid after 0\.3 s"):
            await chain.wait_receipt(NODE, PeriodIndex(0), paid=True, within_s=0.3)


# --- a node that keeps something back ---------------------------------------------------------------


async def _evidence(chain: Chain) -> Any:
    return await chain.client.proof("receipts", tables.in_batch(BATCH, NODE))


@pytest.mark.parametrize(
    ("hidden", "says"),
    [
        pytest.param({"receipt": None, "mint": None}, "hides its receipt", id="a receipt"),
        pytest.param({"mint": None}, "hides its mint record", id="a mint record"),
    ],
)
async def test_what_a_node_hides_is_missed(
    minted: "Minted", hidden: dict[str, None], says: str
) -> None:
    async with connect(minted.url) as chain:
        plain = {**(await _evidence(chain)), **hidden}
        found = check_receipt_proof(chain.anchor, BATCH, NODE, plain)
        with pytest.raises(InvalidBlock, match=says):
            await chain._settled(NODE, found)


async def test_that_there_is_none_is_proven_by_all_of_them(minted: "Minted") -> None:
    async with connect(minted.url) as chain:
        found = await chain.proven_receipt(NodeId(9), *FIRST)
        with pytest.raises(Rejected, match="no_receipt"):
            await chain._settled(NodeId(9), found)


# --- a proof that was touched -----------------------------------------------------------------------


def _flipped(text: str) -> str:
    return text[:-1] + format(int(text[-1], 16) ^ 1, "x")


def _with(path: tuple[str | int, ...], change: Callable[[Any], object]) -> Callable[[Any], object]:
    """The proof with one thing in it changed."""

    def touch(plain: Any) -> object:
        if not path:
            return change(plain)
        first, *rest = path
        deeper = _with(tuple(rest), change)
        if isinstance(plain, list):
            return [deeper(one) if at == first else one for at, one in enumerate(plain)]
        return {**plain, first: deeper(plain[first])}

    return touch


def _of_another_node(row: str) -> str:
    mint = decode_record(MintRecord, bytes.fromhex(row))
    return encode_record(replace(mint, node_id=NodeId(2))).hex()


TOUCHED: list[tuple[tuple[str | int, ...], Callable[[Any], object], str]] = [
    (("receipt", "row"), _flipped, "proof of a receipt: it is not under"),
    (("receipt", "path", 0), _flipped, "proof of a receipt: it is not under"),
    (("receipt", "path"), lambda _: [], "proof of a receipt: it is not under"),
    (("receipt", "index"), lambda at: at + 1, "proof of a receipt: it is not under"),
    (("mint", "row"), _of_another_node, "proof of a mint: it is not under"),
    (("mint", "path", 1), _flipped, "proof of a mint: it is not under"),
    (("batch", "row"), _flipped, "the row is not under the table's root"),
    (("batch", "tree", "leaf", 1), _flipped, "the row is not under the table's root"),
    (("batch", "table_root"), _flipped, "the table is not under the state root"),
    (("batch", "state", "path", 0), _flipped, "the table is not under the state root"),
    (("batch", "block", "header"), _flipped, "are not for block"),
    (("batch", "block", "part_root"), _flipped, "are not for block"),
]


@pytest.mark.parametrize(
    ("path", "change", "says"), TOUCHED, ids=[" ".join(map(str, row[0])) for row in TOUCHED]
)
async def test_a_receipt_s_proof_that_was_touched_is_refused(
    minted: "Minted", path: tuple[str | int, ...], change: Callable[[Any], object], says: str
) -> None:
    async with connect(minted.url) as chain:
        plain = await _evidence(chain)
        check_receipt_proof(chain.anchor, BATCH, NODE, plain)
        with pytest.raises(InvalidBlock, match=says):
            check_receipt_proof(chain.anchor, BATCH, NODE, _with(path, change)(plain))


async def test_a_proof_of_something_else_is_refused(minted: "Minted") -> None:
    async with connect(minted.url) as chain:
        plain = await _evidence(chain)
        other = await chain.client.proof("receipts", tables.in_batch(BATCH, 2))
        with pytest.raises(InvalidBlock, match="is of another node or batch"):
            check_receipt_proof(chain.anchor, BATCH, NodeId(2), plain)
        with pytest.raises(InvalidBlock, match="the receipt is of another node or batch"):
            check_receipt_proof(chain.anchor, BATCH, NodeId(2), {**plain, "mint": None})
        with pytest.raises(InvalidBlock, match="for another receipt"):
            check_receipt_proof(chain.anchor, BATCH, NODE, {**plain, "receipt": None})
        with pytest.raises(InvalidBlock, match="is of another node or batch"):
            check_receipt_proof(chain.anchor, BATCH, NODE, {**plain, "mint": other["mint"]})
        touched = _with(("receipt", "index"), lambda _: "0")(plain)
        with pytest.raises(Malformed, match="place of a leaf"):
            check_receipt_proof(chain.anchor, BATCH, NODE, touched)
        odds: list[object] = [[], {**plain, "batch": 1}, {**plain, "receipt": []}]
        for odd in odds:
            with pytest.raises(Malformed):
                check_receipt_proof(chain.anchor, BATCH, NODE, odd)
        with pytest.raises(Malformed):
            await chain.client.proof("receipts", BATCH)


# --- whom to trust ----------------------------------------------------------------------------------


async def test_signatures_of_others_count_for_nothing(minted: "Minted") -> None:
    async with connect(minted.url) as chain:
        plain, known = await _evidence(chain), from_genesis(chain.genesis)
        stranger = Address(crypto.public_key(bytes([99]) * 32))
        members = [*known.validators.validators]
        members[0] = replace(members[0], key=stranger, address=validator_address(stranger))
        others = replace(known, validators=genesis_set(members))
        with pytest.raises(InvalidBlock, match="other validators than the genesis"):
            check_receipt_proof(others, BATCH, NODE, plain)
        with pytest.raises(InvalidBlock, match="of another chain"):
            check_receipt_proof(replace(known, chain_id="other-1"), BATCH, NODE, plain)


async def test_a_block_that_is_trusted_names_its_validators(minted: "Minted") -> None:
    async with connect(minted.url) as chain:
        raw = await raw_block(chain.client, 5)
        assert raw is not None
        listed = await chain.client.validators(5)
        plain = await chain.client.block(5)
        assert plain is not None
        block_id = bytes.fromhex(str(plain["id"]))
        anchor = from_block(raw, Height(5), block_id, listed)
        found = check_receipt_proof(anchor, BATCH, NODE, await _evidence(chain))
        assert found.receipt is not None
        with pytest.raises(InvalidBlock, match="not the trusted one"):
            from_block(raw, Height(5), bytes(32), listed)
        with pytest.raises(InvalidBlock, match="not the trusted one"):
            from_block(raw, Height(6), block_id, listed)
        assert listed is not None
        rows: Any = listed["validators"]
        for wrong in (rows[1:], [{**rows[0], "power": "2"}, *rows[1:]]):
            with pytest.raises(InvalidBlock, match="not those that the node lists"):
                from_block(raw, Height(5), block_id, {"validators": wrong})
        assert await raw_block(chain.client, 999) is None


@pytest.mark.parametrize(
    "plain",
    [
        None,
        {},
        {"validators": 1},
        {"validators": [1]},
        {"validators": [{}]},
        {"validators": []},
        {"validators": [{}] * 10_000},
    ],
)
def test_a_list_of_validators_that_is_none_is_refused(plain: object) -> None:
    with pytest.raises(Malformed):
        set_of(plain)


# --- batches as they seal ---------------------------------------------------------------------------


async def test_batches_go_on_from_a_period_or_a_height(minted: "Minted") -> None:
    async with connect(minted.url) as chain:
        by_period = chain.batches((0, 0))
        async for found in by_period:
            assert (found.batch.period, found.sealed_at) == (0, None)
            break
        with pytest.raises(trio.TooSlowError), trio.fail_after(0.3):
            await anext(by_period)  # period 1 is not sealed: it is waited for, and not passed over
        with pytest.raises(trio.TooSlowError), trio.fail_after(0.3):
            await anext(chain.batches((0, 1)))
        by_height = chain.batches()
        found = await anext(by_height)
        sealed_at = found.sealed_at
        assert sealed_at is not None
        assert sealed_at < found.proof.height
        assert found.batch.root
        again = await anext(chain.batches(sealed_at))
        assert again.batch == found.batch
        with pytest.raises(trio.TooSlowError), trio.fail_after(0.3):
            await anext(chain.batches(sealed_at + 1))
        with pytest.raises(trio.TooSlowError), trio.fail_after(0.3):
            await anext(by_height)


async def test_a_batch_that_a_node_makes_up_is_refused(minted: "Minted") -> None:
    async with connect(minted.url) as chain:
        stream = chain.batches()
        unsealed = await chain.proven(
            tables.BATCHES.name, tables.batch_key(ScheduleId(0), PeriodIndex(1))
        )

        async def prove(_key: bytes, _after: int) -> Any:
            return unsealed

        stream.source._prove = prove  # type: ignore[attr-defined]
        with pytest.raises(InvalidBlock, match="it did not seal in block"):
            await anext(stream)


class Repeating:
    """A node that tells of old batches again and again, and then falls silent."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._asked = 0

    async def wait_height(self, height: int, _within_s: float) -> int:
        self._asked += 1
        if self._asked > 1:
            raise Unavailable("it is silent", "here", "none")
        return height

    async def sealed(self, _start: int) -> list[SealedBatch]:
        return await self._client.sealed(1)


async def test_a_batch_that_was_before_does_not_come_again(minted: "Minted") -> None:
    async with connect(minted.url) as chain:
        stream = chain.batches(minted.height)
        stream.source._client = Repeating(chain.client)  # type: ignore[attr-defined]
        with pytest.raises(Unavailable, match="silent"):
            await anext(stream)
