"""Whoever signs two things for one place is found out, and no restart lets it slip (1.9, P24)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tfchain.base.codec import encode
from tfchain.base.shapes import encode_record, layout
from tfchain.base.units import Height, Millis, Seconds
from tfchain.bft.gossip import view_of
from tfchain.bft.messages import Proposal, Vote
from tfchain.chain.tip import accusing
from tfchain.ledger import tables
from tfchain.ledger.block import decode_block
from tfchain.ledger.commit import NIL, PRECOMMIT, PREVOTE, PROPOSAL
from tfchain.ledger.evidence import (
    KINDS,
    DoubleHistory,
    DoubleProposal,
    DoubleVote,
    Evidence,
    Precommitted,
    encode_evidence,
    kind_of,
)
from tfchain.ledger.header import Header, id_of_parts
from tfchain.ledger.state import State
from tfchain.ledger.validators import validator_address
from tfchain.replica import effects as fx
from tfchain.replica import messages as wire
from tfchain.replica.evidence import PENDING_KEY, PENDING_MAX, decode_pieces, encode_pieces

if TYPE_CHECKING:
    from tests.unit.replica.conftest import Author, Kit, Node, Town

LIAR = 4
PEER = b"p" * 32


@pytest.fixture
def town(kit: "Kit") -> "Town":
    """Four validators that have made two blocks."""
    text = kit.genesis_of(4)
    made = kit.Town([kit.Node(text, number) for number in range(1, 5)])
    made.begin()
    made.run(2_500)
    return made


def _author(kit: "Kit", node: "Node") -> "Author":
    """Somebody with all keys, at the node's height."""
    author = kit.Author(kit.genesis_of(4), 4)
    author.tip = node.replica.tip
    return author


def _votes(author: "Author", number: int, kind: int = PREVOTE) -> list[Vote]:
    return [author.vote(kind, block_id, number) for block_id in (b"x" * 32, b"y" * 32)]


def _hear(town: "Town", node: "Node", votes: Sequence[Vote]) -> list[fx.Effect]:
    effects = []
    for vote in votes:
        node.now = town.now
        effects += node.hear(town.nodes[3].key, wire.VOTE, wire.encode_vote(vote))
        town.collect(node)
    return effects


def _evidence_in(node: "Node") -> list[tuple[int, Evidence]]:
    found = []
    for number in range(1, node.height + 1):
        block = node.chain.block(Height(number))
        assert block is not None
        found += [(number, piece) for piece in block.evidence]
    return found


def _piece(author: "Author", number: int, kind: int = PREVOTE, round_: int = 0) -> DoubleVote:
    first, second = (author.vote(kind, block_id, number, round_) for block_id in (NIL, b"y" * 32))
    return DoubleVote(
        validator=validator_address(author.tip.validators.validators[first.validator].key),
        kind=kind,
        height=first.height,
        round=first.round,
        first_id=first.block_id,
        first_signature=first.signature,
        second_id=second.block_id,
        second_signature=second.signature,
    )


def test_a_double_vote_stands_in_one_block_and_its_validator_is_out_two_heights_on(
    kit: "Kit", town: "Town"
) -> None:
    """1.9.3, 1.10.1, scenarios 31 and 33: noticed by one node alone, told to all, committed once."""
    address = validator_address(kit.key(LIAR))
    height = town.nodes[0].replica.council.height
    _hear(town, town.nodes[0], _votes(_author(kit, town.nodes[0]), LIAR))
    town.run(8_000)
    ((at, piece),) = _evidence_in(town.nodes[1])
    assert isinstance(piece, DoubleVote)
    assert (piece.validator, piece.height, piece.kind) == (address, height, PREVOTE)
    assert at > height
    for node in town.nodes:
        assert node.height >= at + 3
        seat = tables.SEATS.need(State(node.store), address)
        assert seat.jailed
        assert (seat.power, seat.fault is not None and seat.fault.committed) == (0, at)
        assert node.replica.tip.validators.index_of(address) is None
        assert node.replica.council.evidence.ready(Height(node.height)) == []
    before = town.nodes[1].chain.block(Height(at + 1))
    after = town.nodes[1].chain.block(Height(at + 2))
    assert before is not None
    assert after is not None
    assert before.header.validators_hash != before.header.next_validators_hash, "announced at H + 1"
    assert before.header.next_validators_hash == after.header.validators_hash


def test_the_one_without_power_follows_and_says_no_more(kit: "Kit", town: "Town") -> None:
    """Scenario 45: its old words harm nobody, and nobody is blamed for lack of them."""
    _hear(town, town.nodes[0], _votes(_author(kit, town.nodes[0]), LIAR))
    town.run(6_000)
    liar = town.nodes[3]
    assert liar.replica.tip.validators.index_of(validator_address(kit.key(LIAR))) is None
    said, height = len(liar.words), liar.height
    town.run(6_000)
    assert len(liar.words) == said
    assert liar.height >= height + 4
    assert not [one for node in town.nodes for one in node.effects if isinstance(one, fx.Blame)]


def test_a_removed_validator_that_goes_on_voting_is_ignored(kit: "Kit", town: "Town") -> None:
    """1.9.2, a phantom. Scenario 45: no evidence, no crash."""
    _hear(town, town.nodes[0], _votes(_author(kit, town.nodes[0]), LIAR))
    town.run(6_000)
    node, author = town.nodes[0], _author(kit, town.nodes[0])
    alive = author.vote(PREVOTE, b"x" * 32, 1)
    for place in range(4):
        forged = author.signed(replace(alive, validator=place, block_id=b"z" * 32), LIAR)
        _hear(town, node, [forged])
    before = len(_evidence_in(node))
    town.run(3_000)
    assert len(_evidence_in(node)) == before == 1


def test_two_proposals_of_a_round_are_in_a_block(kit: "Kit", town: "Town") -> None:
    """Scenario 30: both signed, one round; whoever saw both tells everybody."""
    node, author = town.nodes[0], _author(kit, town.nodes[0])
    right = author.number_of(author.tip.validators.proposer_index(0))  # type: ignore[arg-type]
    witness = next(one for one in town.nodes if one.number != right)
    author.commit = node.chain.commit(node.replica.tip.height)
    for after_ms in (1_000, 1_001):
        block = author.draft(after_ms=after_ms)
        proposal: Proposal = author.proposal(block)
        witness.now = town.now
        witness.hear(PEER, wire.PROPOSAL, wire.encode_proposal(proposal, block.raw))
        town.collect(witness)
    town.run(9_000)
    found = _evidence_in(node)
    assert [kind_of(piece) for _, piece in found] == [PROPOSAL]
    piece = found[0][1]
    assert isinstance(piece, DoubleProposal)
    assert piece.validator == validator_address(kit.key(right))


def test_a_late_precommit_of_the_height_before_is_evidence_as_well(
    kit: "Kit", town: "Town"
) -> None:
    node = town.nodes[0]
    stored = node.replica.tip
    author = _author(kit, node)
    author.tip = replace(
        stored, height=Height(stored.height - 1), validators=stored.last_validators
    )
    _hear(town, node, [author.vote(PRECOMMIT, b"x" * 32, LIAR)])
    town.run(7_000)
    found = _evidence_in(town.nodes[1])
    assert [(piece.height, kind_of(piece)) for _, piece in found] == [(stored.height, PRECOMMIT)]


# --- what is kept, and where ------------------------------------------------------------------------


def _single(kit: "Kit") -> tuple["Node", "Author"]:
    """One of four nodes, alone, that has heard of three blocks; and somebody with all keys."""
    text = kit.genesis_of(4)
    author = kit.Author(text, 4).chain(3)
    node = kit.Node(text, 1)
    node.start()
    node.now = author.tip.time
    node.hear(PEER, wire.STATUS, _status(kit, author))
    node.hear(PEER, wire.BLOCKS, wire.encode_blocks(author.blocks))
    assert node.height == 3
    return node, author


def _status(kit: "Kit", author: "Author") -> bytes:
    machine = kit.Node(kit.genesis_of(4), 2).replica.council.machine
    return encode_record(wire.Status(tip=author.tip.height, view=view_of(machine)))


def _pending(node: "Node") -> list[Evidence]:
    return node.replica.council.evidence.ready(Height(99))


@pytest.mark.parametrize("how", ["noticed here", "told by a peer"])
def test_a_restart_before_the_next_block_forgets_nothing(kit: "Kit", how: str) -> None:
    """Scenario 33, also after restart: until the store has it, the log does."""
    node, author = _single(kit)
    if how == "noticed here":
        for vote in _votes(author, LIAR):
            node.hear(PEER, wire.VOTE, wire.encode_vote(vote))
    else:
        author.tip = replace(author.tip, height=Height(1))
        node.hear(PEER, wire.EVIDENCE, encode_pieces([_piece(author, LIAR)]))
    before = _pending(node)
    assert len(before) == 1
    node.restart()
    assert _pending(node) == before


def test_what_is_pending_stands_in_the_store_from_the_next_block_on(
    kit: "Kit", town: "Town"
) -> None:
    """Noticed in height h, it is stored with block h: the log of h may go."""
    node = town.nodes[0]
    _hear(town, node, _votes(_author(kit, node), LIAR))
    height = node.replica.council.height
    while node.height < height:
        town.run(50)
    stored = node.store.get(PENDING_KEY)
    assert stored is not None
    assert [piece.height for piece in decode_pieces(stored)] == [height]
    node.restart(log=())
    assert [piece.height for piece in _pending(node)] == [height]
    town.run(6_000)
    assert len(_evidence_in(node)) == 1
    stored = node.store.get(PENDING_KEY)
    assert stored is not None
    assert decode_pieces(stored) == ()


def test_our_own_key_is_not_reported_but_people_are_told(kit: "Kit") -> None:
    """1.9.7: whoever runs two nodes with one key hears of it here first."""
    node, author = _single(kit)
    effects = []
    for vote in _votes(author, 1):
        effects += node.hear(PEER, wire.VOTE, wire.encode_vote(vote))
    ((conflict),) = [one for one in effects if isinstance(one, fx.Conflict)]
    assert conflict.own
    assert _pending(node) == []
    for vote in _votes(author, LIAR):
        effects += node.hear(PEER, wire.VOTE, wire.encode_vote(vote))
    assert [one.own for one in effects if isinstance(one, fx.Conflict)] == [True, False]


# --- what peers send --------------------------------------------------------------------------------


def _older(author: "Author", height: int) -> "Author":
    """The author, as of an earlier height: sets are the same in all of them."""
    author.tip = replace(author.tip, height=Height(height - 1))
    return author


def test_news_is_passed_on_once(kit: "Kit") -> None:
    node, author = _single(kit)
    payload = encode_pieces([_piece(_older(author, 2), LIAR)])
    for expected in (1, 0):
        effects = node.hear(PEER, wire.EVIDENCE, payload)
        spread = [one for one in effects if isinstance(one, fx.Broadcast)]
        assert [one.kind for one in spread] == [wire.EVIDENCE] * expected
        assert not [one for one in effects if isinstance(one, fx.Blame)]


@pytest.mark.parametrize(
    ("edit", "named"),
    [
        pytest.param({"second_signature": bytes(64)}, "false signature", id="a forged signature"),
        pytest.param({"first_id": b"\x01" * 32}, "false signature", id="another vote than signed"),
        pytest.param({"validator": bytes(20)}, "not_a_validator", id="34b: a stranger"),
        pytest.param({"height": Height(1)}, "false signature", id="34a: another height"),
    ],
)
def test_false_evidence_is_blamed_on_its_sender(
    kit: "Kit", edit: dict[str, object], named: str
) -> None:
    """1.9.6, S11, scenario 34. Power, total and time are not stated, so that none can be wrong."""
    node, author = _single(kit)
    piece = replace(_piece(_older(author, 2), LIAR), **edit)  # type: ignore[arg-type]
    effects = node.hear(PEER, wire.EVIDENCE, encode_pieces([piece]))
    (blame,) = [one for one in effects if isinstance(one, fx.Blame)]
    assert named in blame.reason
    assert _pending(node) == []


def _histories(author: "Author") -> DoubleHistory:
    """The stored block 2, and in a later round one whose state is made up, both precommitted."""
    header = decode_block(author.blocks[1][0]).header
    older = _older(author, 2)

    def said(header: Header, round_: int) -> Precommitted:
        vote = older.vote(PRECOMMIT, id_of_parts(header, 1, bytes(32)), LIAR, round_)
        return Precommitted(
            header=header,
            parts=1,
            part_root=bytes(32),
            round=vote.round,
            signature=vote.signature,
        )

    return DoubleHistory(
        validator=_piece(older, LIAR).validator,
        first=said(header, 0),
        second=said(replace(header, state_root=bytes(32)), 1),
    )


def test_two_histories_are_news_like_any_other_evidence(kit: "Kit") -> None:
    node, author = _single(kit)
    piece = _histories(author)
    effects = node.hear(PEER, wire.EVIDENCE, encode_pieces([piece]))
    assert [one.kind for one in effects if isinstance(one, fx.Broadcast)] == [wire.EVIDENCE]
    assert _pending(node) == [piece]
    node.restart()
    assert _pending(node) == [piece], "it stands in the log"


@pytest.mark.parametrize(
    ("edit", "named"),
    [
        pytest.param({"state_root": b"\x01" * 32}, "false signature", id="another lie than signed"),
        pytest.param({"time": Millis(5)}, "false signature", id="a choice of the proposer's"),
        pytest.param({"state_root": None}, "two different statements", id="the state that is ours"),
        pytest.param({"height": Height(3)}, "two different statements", id="two heights"),
        pytest.param({"validator": bytes(20)}, "not_a_validator", id="a stranger"),
    ],
)
def test_false_histories_are_blamed_on_their_sender(
    kit: "Kit", edit: dict[str, object], named: str
) -> None:
    """S11: whose signature is under one history cannot be put under another."""
    node, author = _single(kit)
    piece = _histories(author)
    if edit == {"state_root": None}:
        edit = {"state_root": piece.first.header.state_root}
    if "validator" in edit:
        piece = replace(piece, validator=bytes(20))
    else:
        header = replace(piece.second.header, **edit)  # type: ignore[arg-type]
        piece = replace(piece, second=replace(piece.second, header=header))
    fields = layout(DoubleHistory).pack(piece)
    effects = node.hear(PEER, wire.EVIDENCE, encode([[KINDS.index(DoubleHistory), fields]]))
    (blame,) = [one for one in effects if isinstance(one, fx.Blame)]
    assert named in blame.reason
    assert _pending(node) == []


def test_the_other_order_is_another_spelling_and_blamed(kit: "Kit") -> None:
    """Scenario 34c: the wrong order cannot even be decoded."""
    node, author = _single(kit)
    piece = _piece(_older(author, 2), LIAR)
    raw = encode_pieces([piece])
    first, second = bytes([0xC4, 0]), b"\xc4\x20" + b"y" * 32
    assert raw.index(first) < raw.index(second)
    effects = node.hear(PEER, wire.EVIDENCE, _swapped(raw, piece))
    (blame,) = [one for one in effects if isinstance(one, fx.Blame)]
    assert "the smaller one first" in blame.reason


def _swapped(raw: bytes, piece: DoubleVote) -> bytes:
    """The same piece with its two statements exchanged."""
    one = b"\xc4\x00" + b"\xc4\x40" + piece.first_signature
    other = b"\xc4\x20" + piece.second_id + b"\xc4\x40" + piece.second_signature
    assert one + other in raw
    return raw.replace(one + other, other + one)


def test_what_is_not_stored_yet_is_no_lie(kit: "Kit") -> None:
    """A peer may be ahead of us: it says so again at its next height."""
    node, author = _single(kit)
    for height in (4, 9):
        piece = _piece(_older(author, height), LIAR)
        effects = node.hear(PEER, wire.EVIDENCE, encode_pieces([piece]))
        assert not [one for one in effects if isinstance(one, fx.Blame)]
    assert _pending(node) == []


def test_a_pool_takes_so_many(kit: "Kit") -> None:
    """S10."""
    node, author = _single(kit)
    pool = node.replica.council.evidence
    piece = _piece(_older(author, 2), LIAR)
    added = [pool.add(replace(piece, height=Height(n + 1))) for n in range(PENDING_MAX + 1)]
    assert added == [True] * PENDING_MAX + [False]
    assert not pool.add(replace(piece, height=Height(1)))


def test_a_block_holds_one_piece_a_validator_within_its_bound(kit: "Kit") -> None:
    """1.9.3: what has no room waits, and what expired meanwhile does not stop a block."""
    node, author = _single(kit)
    pool, council = node.replica.council.evidence, node.replica.council
    pieces = [
        _piece(_older(author, height), who) for height, who in ((1, 4), (2, 4), (2, 3), (3, 2))
    ]
    assert all(pool.add(piece) for piece in pieces)
    at = council.next_place()
    first, third, last = pieces[0], pieces[2], pieces[3]
    assert pool.chosen(council.reader, council.params, at) == (first, third, last)
    size = len(encode_evidence(first)) + len(encode_evidence(third))
    tight = replace(council.params, evidence=replace(council.params.evidence, bytes=size + 9))
    assert pool.chosen(council.reader, tight, at) == (first, third)
    brief = replace(tight, evidence=replace(tight.evidence, blocks=0, seconds=Seconds(0)))
    assert pool.chosen(council.reader, brief, at) == ()


def test_a_late_vote_of_the_height_before_accuses_nobody(kit: "Kit", town: "Town") -> None:
    node, author = town.nodes[0], _author(kit, town.nodes[0])
    stored = node.replica.tip
    author.tip = replace(
        stored, height=Height(stored.height - 1), validators=stored.last_validators
    )
    later = [author.vote(PRECOMMIT, NIL, LIAR, 1), author.vote(PREVOTE, NIL, LIAR, 1)]
    effects = _hear(town, node, later)
    assert not [one for one in effects if isinstance(one, fx.Conflict | fx.Blame)]


# --- blocks -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("edit", "vote"),
    [
        pytest.param({}, True, id="right"),
        pytest.param({"second_signature": bytes(64)}, False, id="a false signature"),
        pytest.param({"validator": bytes(20)}, False, id="a stranger"),
        pytest.param({"height": Height(9)}, False, id="a height to come"),
    ],
)
def test_a_block_is_voted_for_only_with_true_evidence(
    kit: "Kit", edit: dict[str, object], vote: bool
) -> None:
    """1.9.6, scenario 38: a block with invalid evidence is an invalid block."""
    node, author = _single(kit)
    node.fire("begin")
    tip = author.tip
    piece = replace(_piece(_older(author, 2), LIAR), **edit)  # type: ignore[arg-type]
    author.tip = tip
    block = accusing(author.draft(), (piece,))
    node.now = block.header.time
    node.hear(PEER, wire.PROPOSAL, wire.encode_proposal(author.proposal(block), block.raw))
    (word,) = [one for one in node.words if isinstance(one, Vote)]
    assert word.block_id == (block.id if vote else NIL)


def test_a_block_with_evidence_is_fetched_and_executed(kit: "Kit") -> None:
    """Catching up meets the same check; false evidence is blamed on who sent the block."""
    text = kit.genesis_of(4)
    for forged in (False, True):
        author = kit.Author(text, 4).chain(3)
        tip = author.tip
        piece = _piece(_older(author, 2), LIAR)
        author.tip = tip
        if forged:
            piece = replace(piece, second_signature=bytes(64))
        author.write(accusing(author.draft(), (piece,)))
        node = kit.Node(text, 1)
        node.start()
        node.now = author.tip.time
        node.hear(PEER, wire.STATUS, _status(kit, author))
        effects = node.hear(PEER, wire.BLOCKS, wire.encode_blocks(author.blocks))
        assert node.height == (3 if forged else 4)
        assert bool([one for one in effects if isinstance(one, fx.Blame)]) == forged


def test_what_a_block_has_leaves_the_pool(kit: "Kit") -> None:
    node, author = _single(kit)
    tip = author.tip
    piece = _piece(_older(author, 2), LIAR)
    author.tip = tip
    node.hear(PEER, wire.EVIDENCE, encode_pieces([piece]))
    assert _pending(node) == [piece]
    author.write(accusing(author.draft(), (piece,)))
    node.hear(PEER, wire.STATUS, _status(kit, author))
    node.hear(PEER, wire.BLOCKS, wire.encode_blocks(author.blocks[3:]))
    assert (node.height, _pending(node)) == (4, [])
