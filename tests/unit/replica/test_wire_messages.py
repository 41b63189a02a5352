"""Every kind of message with bytes that no peer sends: its sender is blamed, and nothing else happens."""

from typing import TYPE_CHECKING

import pytest

from tfchain.base.codec import encode
from tfchain.base.limits import SUBMIT_TXS_MAX, SYNC_BLOCKS_MAX
from tfchain.base.shapes import encode_record, layout
from tfchain.base.units import Height
from tfchain.bft.gossip import Holding, View
from tfchain.bft.messages import Proposal
from tfchain.errors import Malformed
from tfchain.replica import effects as fx
from tfchain.replica import messages as wire
from tfchain.replica.snapshot_messages import LIMITS as SNAPSHOT_LIMITS

if TYPE_CHECKING:
    from tests.unit.replica.conftest import Author, Kit, Node

PEER = b"p" * 32
KINDS = {
    "status": wire.STATUS,
    "proposal": wire.PROPOSAL,
    "vote": wire.VOTE,
    "transactions": wire.TXS,
    "a request": wire.GET_BLOCKS,
    "blocks": wire.BLOCKS,
    "a wish": wire.WANT,
    "a block": wire.BLOCK,
    "evidence": wire.EVIDENCE,
    "no kind at all": 99,
}
BAD = {
    "nothing": b"",
    "a reserved byte": b"\xc1",
    "a number": b"\x07",
    "a short list": b"\x92\x01\x02",
    "lists within lists": b"\x91" * 40 + b"\x01",
    "a promise of four billion items": b"\xdd\xff\xff\xff\xff",
    "a map": b"\x81\x01\x02",
    "two values": b"\x01\x01",
}


@pytest.fixture(scope="module")
def author(kit: "type[Kit]") -> "Author":
    made: Author = kit.Author(kit.genesis_of(4), 4).chain(1)
    return made


@pytest.fixture
def node(kit: "type[Kit]") -> "Node":
    made: Node = kit.Node(kit.genesis_of(4), 1)
    made.start()
    return made


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("payload", BAD)
def test_bad_bytes_are_blamed_and_change_nothing(node: "Node", kind: str, payload: str) -> None:
    log = list(node.log)
    (effect,) = node.hear(PEER, KINDS[kind], BAD[payload])
    assert isinstance(effect, fx.Blame)
    assert effect.peer == PEER
    assert effect.reason
    assert node.log == log
    assert node.height == 0


def test_a_bitmap_of_another_length_is_blamed(node: "Node") -> None:
    """Scenario 35."""
    row = Holding(kind=1, round=0, block_id=b"", bits=bytes(2))  # type: ignore[arg-type]
    view = View(height=Height(1), round=0, step=0, holdings=(row,))  # type: ignore[arg-type]
    status = encode_record(wire.Status(tip=Height(0), view=view))
    (effect,) = node.hear(PEER, wire.STATUS, status)
    assert effect == fx.Blame(peer=PEER, reason="a bitmap of 1 bytes is due for 4 validators")


def test_a_proposal_comes_with_its_block(author: "Author") -> None:
    """1.2.2, P30: one message, whatever its length."""
    block = author.draft()
    proposal = author.proposal(block)
    assert wire.decode_proposal(wire.encode_proposal(proposal, block.raw)) == (proposal, block.raw)


@pytest.mark.parametrize(
    "plain", [[1, b""], [[], b"", b""], [[], "text"], 5], ids=["no record", "three", "text", "one"]
)
def test_anything_else_is_no_proposal(plain: object, author: "Author") -> None:
    with pytest.raises(Malformed):
        wire.decode_proposal(encode(plain))  # type: ignore[arg-type]
    packed = layout(Proposal).pack(author.proposal(author.draft()))
    with pytest.raises(Malformed, match="a proposal and a block"):
        wire.decode_proposal(encode([packed, None]))


def test_transactions_travel_in_as_many_messages_as_they_need() -> None:
    """1.15.4: in batches."""
    raws = [bytes([number % 251]) * 16_000 for number in range(70)]
    messages = wire.encode_txs(raws)
    assert len(messages) == 2
    assert all(len(message) <= wire.LIMITS[wire.TXS] for message in messages)
    assert [raw for message in messages for raw in wire.decode_txs(message)] == raws
    many = [bytes([number % 256]) for number in range(SUBMIT_TXS_MAX + 1)]
    assert [len(wire.decode_txs(message)) for message in wire.encode_txs(many)] == [
        SUBMIT_TXS_MAX,
        1,
    ]
    assert wire.encode_txs([]) == []


@pytest.mark.parametrize(
    ("plain", "named"),
    [
        pytest.param([b""] * (SUBMIT_TXS_MAX + 1), "at most 1000", id="too many"),
        pytest.param([b"", "x"], "are bytes", id="text"),
        pytest.param(3, "a list", id="no list"),
    ],
)
def test_anything_else_is_no_list_of_transactions(plain: object, named: str) -> None:
    with pytest.raises(Malformed, match=named):
        wire.decode_txs(encode(plain))  # type: ignore[arg-type]


def test_blocks_travel_with_their_commits(author: "Author") -> None:
    assert wire.decode_blocks(wire.encode_blocks(author.blocks)) == author.blocks


@pytest.mark.parametrize("count", [0, SYNC_BLOCKS_MAX + 1], ids=["none", "one too many"])
def test_an_answer_has_some_blocks_and_not_too_many(author: "Author", count: int) -> None:
    with pytest.raises(Malformed, match="1 to 32 blocks"):
        wire.decode_blocks(wire.encode_blocks(author.blocks[:1] * count))


@pytest.mark.parametrize("row", [1, [b"raw"], ["raw", []], [b"raw", 7]])
def test_anything_else_is_no_block_with_a_commit(row: object) -> None:
    with pytest.raises(Malformed):
        wire.decode_blocks(encode([row]))  # type: ignore[list-item]


def test_every_kind_has_a_bound_that_its_largest_message_keeps(author: "Author") -> None:
    """1.16.1."""
    assert set(wire.LIMITS) == {
        number for name, number in KINDS.items() if name != "no kind at all"
    } | set(SNAPSHOT_LIMITS) | {wire.BASE}
    assert len(wire.encode_blocks(author.blocks)) < wire.LIMITS[wire.BLOCKS]
    request = encode_record(wire.GetBlocks(height=Height((1 << 64) - 1), count=SYNC_BLOCKS_MAX))
    assert len(request) <= wire.LIMITS[wire.GET_BLOCKS]
