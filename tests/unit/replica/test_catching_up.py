"""A replica that is behind: whom it asks, what it believes, and that no liar keeps it there."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tfchain.base.limits import SYNC_BLOCKS_MAX
from tfchain.base.shapes import decode_record, encode_record
from tfchain.base.units import Height, Millis
from tfchain.bft.gossip import View
from tfchain.bft.messages import Proposal, Vote
from tfchain.ledger.block import Block, decode_block, make_block
from tfchain.ledger.commit import Commit
from tfchain.replica import effects as fx
from tfchain.replica import events as ev
from tfchain.replica import messages as wire
from tfchain.replica.sync import (
    ANSWERS_HELD_MAX,
    PATIENCE,
    REMEMBERED_MAX,
    UNASKED_MAX,
    Sync,
)

if TYPE_CHECKING:
    from tests.unit.replica.conftest import Author, Kit, Node

A, B, C, D = (bytes([number]) * 32 for number in (65, 66, 67, 68))
LENGTH = 70
"""More than two answers hold."""


@pytest.fixture(scope="module")
def author(kit: "type[Kit]") -> "Author":
    """A chain of four validators with all its commits."""
    chain: Author = kit.Author(kit.genesis_of(4), 4).chain(LENGTH)
    return chain


@pytest.fixture
def node(kit: "type[Kit]", author: "Author") -> "Node":
    behind: Node = kit.Node(kit.genesis_of(4), 1)
    behind.start()
    behind.now = author.tip.time
    return behind


def _status(node: "Node", peer: bytes, tip: int) -> list[fx.Effect]:
    view = View(height=Height(tip + 1), round=0, step=0, holdings=())  # type: ignore[arg-type]
    status = wire.Status(tip=Height(tip), view=view)
    return node.hear(peer, wire.STATUS, encode_record(status))


def _asked(effects: list[fx.Effect]) -> list[tuple[bytes, int]]:
    return [
        (each.peer, decode_record(wire.GetBlocks, each.payload).height)
        for each in effects
        if isinstance(each, fx.SendTo) and each.kind == wire.GET_BLOCKS
    ]


def _answer(author: "Author", height: int) -> bytes:
    return wire.encode_blocks(author.blocks[height - 1 : height - 1 + SYNC_BLOCKS_MAX])


def _blamed(effects: list[fx.Effect]) -> list[bytes]:
    return [effect.peer for effect in effects if isinstance(effect, fx.Blame)]


def test_whoever_says_that_it_is_ahead_is_asked_for_what_follows(node: "Node") -> None:
    assert _asked(_status(node, A, 0)) == []
    assert _asked(_status(node, A, LENGTH)) == [(A, 1)]
    assert _asked(_status(node, A, LENGTH)) == [], "one request at a time"


def test_blocks_are_verified_run_stored_and_the_next_asked_for(
    node: "Node", author: "Author"
) -> None:
    """1.11.1."""
    _status(node, A, LENGTH)
    effects = node.hear(A, wire.BLOCKS, _answer(author, 1))
    assert node.height == SYNC_BLOCKS_MAX
    assert _asked(effects) == [(A, SYNC_BLOCKS_MAX + 1)]
    node.hear(A, wire.BLOCKS, _answer(author, 33))
    node.hear(A, wire.BLOCKS, _answer(author, 65))
    assert node.height == LENGTH
    assert node.replica.tip == author.tip
    assert node.chain.commit(Height(LENGTH)) == author.commit


def test_blocks_nobody_asked_for_are_dropped(node: "Node", author: "Author") -> None:
    _status(node, A, LENGTH)
    assert node.hear(B, wire.BLOCKS, _answer(author, 1)) == []
    node.hear(A, wire.BLOCKS, _answer(author, 1))
    assert node.replica.sync.accepts(A), "it was asked for the next ones"
    assert node.hear(A, wire.BLOCKS, _answer(author, 33)) == []
    assert node.height == SYNC_BLOCKS_MAX


def test_an_answer_that_comes_late_still_helps(node: "Node", author: "Author") -> None:
    """A link that needs longer than our patience for every answer keeps nobody behind."""
    _status(node, A, LENGTH)
    node.now += PATIENCE + 1
    assert _asked(_status(node, B, LENGTH)) == [(B, 1)], "another peer is asked meanwhile"
    node.hear(A, wire.BLOCKS, _answer(author, 1))
    assert node.height == SYNC_BLOCKS_MAX
    node.hear(B, wire.BLOCKS, _answer(author, 1))
    assert node.height == SYNC_BLOCKS_MAX, "known blocks are passed over"


def test_a_request_moves_on_when_its_peer_leaves(node: "Node") -> None:
    _status(node, A, LENGTH)
    _status(node, B, LENGTH)
    node.give(ev.PeerDown(peer=A))
    assert _asked(node.fire("gossip")) == [(B, 1)]
    node.give(ev.PeerDown(peer=C))
    assert _asked(node.fire("gossip")) == []


def test_what_consensus_decided_meanwhile_is_passed_over(node: "Node", author: "Author") -> None:
    _status(node, A, LENGTH)
    node.replica.sync.heard(B, Height(LENGTH))
    node.now += PATIENCE + 1
    node.fire("gossip")
    node.hear(B, wire.BLOCKS, wire.encode_blocks(author.blocks[:3]))
    assert node.height == 3
    node.hear(A, wire.BLOCKS, wire.encode_blocks(author.blocks[:5]))
    assert node.height == 5


# What is forged.


def _forge_signature(raw: bytes, commit: Commit) -> tuple[bytes, Commit]:
    first, *rest = commit.slots
    return raw, replace(commit, slots=(replace(first, signature=bytes(64)), *rest))


def _forge_few(raw: bytes, commit: Commit) -> tuple[bytes, Commit]:
    one, two, *rest = commit.slots
    gone = [replace(slot, flag=0, signature=b"") for slot in (one, two)]
    return raw, replace(commit, slots=(*gone, *rest))


def _forge_block(raw: bytes, commit: Commit) -> tuple[bytes, Commit]:
    return raw[:-1] + bytes([raw[-1] ^ 1]), commit


FORGED: dict[str, Callable[[bytes, Commit], tuple[bytes, Commit]]] = {
    "a false signature in the commit": _forge_signature,
    "too few signatures": _forge_few,
    "bytes changed": _forge_block,
    "no block": lambda raw, commit: (b"\x00", commit),
    "a commit for another block": lambda raw, commit: (raw, replace(commit, block_id=bytes(32))),
    "a commit of another height": lambda raw, commit: (raw, replace(commit, height=Height(9))),
}


@pytest.mark.parametrize("forge", FORGED)
def test_a_forged_block_is_blamed_and_another_peer_asked(
    node: "Node", author: "Author", forge: str
) -> None:
    """1.11.1, 1.11.4. Scenario 46."""
    _status(node, A, LENGTH)
    node.replica.sync.heard(B, Height(LENGTH))
    rows = [author.blocks[0], FORGED[forge](*author.blocks[1]), author.blocks[2]]
    effects = node.hear(A, wire.BLOCKS, wire.encode_blocks(rows))
    assert _blamed(effects) == [A]
    assert node.height == 1
    assert _asked(effects) == [(B, 2)]


def test_a_block_with_another_state_root_is_forged_however_it_is_signed(
    node: "Node", author: "Author"
) -> None:
    """1.11.1: a block is held against our own state as well."""
    first = _first(author)
    header = replace(first.header, state_root=bytes(32))
    block = make_block(header, first.txs, first.last_commit)
    commit = author.commit_of(block.header.height, block.id)
    _status(node, A, LENGTH)
    effects = node.hear(A, wire.BLOCKS, wire.encode_blocks([(block.raw, commit)]))
    assert _blamed(effects) == [A]
    assert not any(isinstance(effect, fx.Verify) for effect in effects), "every signature is true"
    assert node.height == 0


def _first(author: "Author") -> Block:
    return decode_block(author.blocks[0][0])


def test_a_validator_votes_while_it_waits_for_blocks_that_never_come(
    node: "Node", author: "Author"
) -> None:
    """1.11.5: it is its turn, and whoever boasts of blocks does not keep it from proposing."""
    _status(node, A, LENGTH)
    for height in (1, 1 + SYNC_BLOCKS_MAX, 1 + 2 * SYNC_BLOCKS_MAX):
        node.hear(A, wire.BLOCKS, _answer(author, height))
    assert _asked(_status(node, B, 1 << 40)) == [(B, LENGTH + 1)]
    node.now += 1_000
    node.fire("begin")
    assert [type(word) for word in node.words] == [Proposal, Vote]
    assert {word.height for word in node.words} == {LENGTH + 1}
    assert node.replica.sync.request is not None, "and it waits all the same"


def test_a_fetched_block_that_comes_back_verified_too_late_is_passed_over(
    node: "Node", author: "Author"
) -> None:
    _status(node, A, LENGTH)
    node.holding = True
    effects = node.hear(A, wire.BLOCKS, wire.encode_blocks(author.blocks[:2]))
    (verify,) = [each for each in effects if isinstance(each, fx.Verify)]
    node.holding = False
    block, commit = _first(author), author.blocks[0][1]
    council = node.replica.council
    council.decide(block, commit)
    for effect in node.replica.step(ev.PeerUp(peer=C)):
        answer = node._carry(effect)
        if answer is not None:
            node.give(answer)
    assert node.height == 1
    node.give(node.verified(verify))
    assert node.height == 2, "and the one after it is taken"


# Peers that serve.


def test_a_peer_that_asks_is_served_what_is_stored(node: "Node", author: "Author") -> None:
    """1.14.3."""
    _status(node, A, LENGTH)
    node.hear(A, wire.BLOCKS, _answer(author, 1))
    request = encode_record(wire.GetBlocks(height=Height(2), count=5))
    assert node.hear(B, wire.GET_BLOCKS, request) == [fx.Serve(peer=B, height=Height(2), count=5)]
    for height in (0, 33, 1 << 60):
        request = encode_record(wire.GetBlocks(height=Height(height), count=5))
        assert node.hear(B, wire.GET_BLOCKS, request) == []


# Liars. Each case says what the liars do; one honest peer is among them.

Liar = Callable[["Author", int], list[tuple[int, bytes]]]
"""What it sends, and how many milliseconds later, when it is asked for a height."""


def _silent(author: "Author", height: int) -> list[tuple[int, bytes]]:
    return []


def _first_again(author: "Author", height: int) -> list[tuple[int, bytes]]:
    return [(1, wire.encode_blocks(author.blocks[:1]))]


def _forger(author: "Author", height: int) -> list[tuple[int, bytes]]:
    return [(1, wire.encode_blocks([_forge_signature(*author.blocks[height - 1])]))]


def _one_by_one(author: "Author", height: int) -> list[tuple[int, bytes]]:
    return [(PATIENCE - 100, wire.encode_blocks(author.blocks[height - 1 : height]))]


def _late_forger(author: "Author", height: int) -> list[tuple[int, bytes]]:
    rows = [author.blocks[height - 1], _forge_signature(*author.blocks[min(height, LENGTH - 1)])]
    return [(PATIENCE + 5, wire.encode_blocks(rows))]


def _garbage(author: "Author", height: int) -> list[tuple[int, bytes]]:
    return [(1, b"\xc1")]


LIARS: dict[str, Liar] = {
    "never answers": _silent,
    "sends what is known, at once, for ever": _first_again,
    "sends forged blocks": _forger,
    "sends one block at a time, slowly": _one_by_one,
    "sends half truths too late": _late_forger,
    "sends garbage": _garbage,
}


@pytest.mark.parametrize("liar", LIARS)
@pytest.mark.parametrize("slow", [False, True], ids=["quick links", "slow links"])
def test_no_liar_keeps_a_replica_behind(
    node: "Node", author: "Author", liar: str, slow: bool
) -> None:
    """1.11.2. Three that claim any height, one honest peer, last in order: three answers are
    enough."""
    lies = LIARS[liar]
    pending: list[tuple[int, bytes, bytes]] = []
    end = node.now + 15 * PATIENCE
    while node.height < LENGTH and node.now < end:
        effects = []
        for peer in (A, B, C):
            effects += _status(node, peer, (1 << 63) + node.now)
        effects += _status(node, D, LENGTH)
        due = [row for row in pending if row[0] <= node.now]
        pending = [row for row in pending if row[0] > node.now]
        for _, peer, payload in due:
            effects += node.hear(peer, wire.BLOCKS, payload)
        for peer, height in _asked(effects):
            if height > LENGTH:
                continue
            honest = [(PATIENCE + 500 if slow else 50, _answer(author, height))]
            for wait, payload in honest if peer == D else lies(author, height):
                pending.append((node.now + wait, peer, payload))
        node.now += 100
    assert node.height == LENGTH
    assert D not in _blamed(node.effects)


def test_scenario_46_of_three_peers_one_forges_and_one_boasts(
    kit: "type[Kit]", author: "Author"
) -> None:
    """A new node: who forges is blamed, a height that is huge and then lower leads nowhere, and with
    what it has it takes part in the next height, without a restart (1.11.3, 1.11.6)."""
    node = kit.Node(kit.genesis_of(4), 1)
    node.start()
    node.now = author.tip.time
    pending: list[tuple[int, bytes, bytes]] = []
    for turn in range(400):
        effects = _status(node, A, LENGTH)
        effects += _status(node, B, 1 << 40 if turn < 20 else 3)
        effects += _status(node, C, LENGTH)
        for _, peer, payload in [row for row in pending if row[0] <= node.now]:
            effects += node.hear(peer, wire.BLOCKS, payload)
        pending = [row for row in pending if row[0] > node.now]
        for peer, height in _asked(effects):
            if height > LENGTH:  # of the boaster
                continue
            raw, commit = author.blocks[height - 1]
            forged = wire.encode_blocks([_forge_signature(raw, commit)])
            answers = {A: forged, C: _answer(author, height)}
            if peer in answers:
                pending.append((node.now + 50, peer, answers[peer]))
        node.now += 100
        if node.height == LENGTH:
            break
    assert node.height == LENGTH
    assert set(_blamed(node.effects)) == {A}
    node.now = author.tip.time + 1_000
    node.fire("begin")
    said = [one.kind for one in node.said[-20:]]
    assert node.replica.council.height == LENGTH + 1
    assert wire.STATUS in said or wire.VOTE in said or wire.PROPOSAL in said


def test_whoever_keeps_sending_what_nobody_asked_for_is_blamed(
    node: "Node", author: "Author"
) -> None:
    """1.11.4: a copy now and then is the wire's; a stream of them is not."""
    for _ in range(UNASKED_MAX):
        assert node.hear(B, wire.BLOCKS, _answer(author, 1)) == []
    (blame,) = node.hear(B, wire.BLOCKS, _answer(author, 1))
    assert isinstance(blame, fx.Blame)
    assert "nobody asked" in blame.reason


def test_whoever_has_pruned_the_next_block_is_asked_no_more(node: "Node", author: "Author") -> None:
    base = encode_record(wire.Base(height=Height(40)))
    _status(node, A, LENGTH)
    assert not node.replica.sync.stranded(node.replica.tip.height)
    assert _asked(node.hear(A, wire.BASE, base)) == []
    assert node.replica.sync.stranded(node.replica.tip.height), "only a snapshot leads on"
    assert _asked(_status(node, A, LENGTH)) == []
    assert _asked(_status(node, B, LENGTH)) == [(B, 1)]
    assert not node.replica.sync.stranded(node.replica.tip.height)
    node.hear(B, wire.BLOCKS, _answer(author, 1))
    node.hear(B, wire.BLOCKS, _answer(author, 33))
    assert node.height == 64
    node.give(ev.PeerDown(peer=B))
    assert _asked(node.fire("gossip")) == [(A, 65)], "this one it has"


def test_a_base_that_nobody_asked_for_says_nothing(node: "Node") -> None:
    node.hear(A, wire.BASE, encode_record(wire.Base(height=Height(40))))
    assert _asked(_status(node, A, LENGTH)) == [(A, 1)]
    (blame,) = node.hear(A, wire.BASE, b"\xc1")
    assert isinstance(blame, fx.Blame)


# The book of requests by itself.


def test_a_claimed_height_never_goes_down() -> None:
    """1.11.3: an older word that comes late says nothing new."""
    sync = Sync()
    sync.heard(A, Height(9))
    sync.heard(A, Height(4))
    assert sync.tips == {A: 9}
    sync.gone(A)
    sync.heard(A, Height(4))
    assert sync.tips == {A: 4}


def test_helping_makes_up_for_copies() -> None:
    """1.13.6: a copy weighs less than a forgery."""
    sync = Sync()
    for _ in range(UNASKED_MAX):
        assert not sync.unasked(A)
    sync.helped(A)
    assert not sync.unasked(A)


def test_peers_that_helped_take_turns() -> None:
    sync, order = Sync(), []
    for peer in (A, B, C):
        sync.heard(peer, Height(100))
    for _ in range(6):
        request = sync.ask(Height(0), Millis(0))
        assert request is not None
        order.append(request.peer)
        assert sync.accepts(request.peer)
        sync.helped(request.peer)
    assert order == [A, B, C, A, B, C]


def test_whoever_did_not_help_comes_after_the_others() -> None:
    sync = Sync()
    for peer in (A, B):
        sync.heard(peer, Height(100))
    order = []
    for turn in range(4):
        request = sync.ask(Height(0), Millis(turn * PATIENCE))
        assert request is not None
        order.append(request.peer)
        if request.peer == B:
            sync.accepts(B)
            sync.helped(B)
    assert order == [A, B, B, B]


def test_leaving_and_coming_back_makes_no_liar_honest() -> None:
    sync = Sync()
    for peer in (A, B):
        sync.heard(peer, Height(100))
    assert sync.ask(Height(0), Millis(0)) is not None
    sync.gone(A)
    assert not sync.accepts(A)
    sync.heard(A, Height(100))
    request = sync.ask(Height(0), Millis(1))
    assert request is not None
    assert request.peer == B


def test_a_clock_that_is_set_back_makes_no_wait_longer() -> None:
    sync = Sync()
    sync.heard(A, Height(100))
    assert sync.ask(Height(0), Millis(10_000_000)) is not None
    assert sync.ask(Height(0), Millis(5_000)) is not None


def test_answers_and_memories_are_bounded(author: "Author") -> None:
    """1.11.2."""
    sync = Sync()
    for number in range(ANSWERS_HELD_MAX + 2):
        sync.keep(bytes([number]) * 32, author.blocks[:1])
    assert len(sync.fetched) == ANSWERS_HELD_MAX
    assert sync.ask(Height(0), Millis(0)) is None, "first what is here"
    sync.fetched.clear()
    for number in range(REMEMBERED_MAX + 5):
        peer = number.to_bytes(32, "big")
        sync.tips = {peer: Height(9)}
        sync.ask(Height(0), Millis(number * PATIENCE))
    assert len(sync._asked) == REMEMBERED_MAX
