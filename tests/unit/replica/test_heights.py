"""From one height to the next: what is done in which order, and what does not outlive a height."""

from typing import TYPE_CHECKING

import pytest

from tfchain.base.units import Height, Millis
from tfchain.bft import events as bft
from tfchain.bft.machine import NO_ROUND
from tfchain.bft.messages import Message, Vote
from tfchain.ledger.commit import ABSENT, NIL, PREVOTE, Commit, CommitSlot
from tfchain.replica import effects as fx
from tfchain.replica import events as ev
from tfchain.replica import messages as wire
from tfchain.replica.log import event_record, height_record
from tfchain.store.chain import block_rows

if TYPE_CHECKING:
    from tests.unit.replica.conftest import Author, Kit, Node

PEER = b"p" * 32


@pytest.fixture
def alone(kit: "type[Kit]") -> "Node":
    """A single validator whose first height may begin."""
    node: Node = kit.Node(kit.genesis_of(1), 1)
    node.start()
    node.now += 1_000
    return node


def test_a_height_begins_with_nothing_of_the_one_before(alone: "Node") -> None:
    """1.1.1: round 0, no step, no lock, no valid value, no word of anybody."""
    alone.fire("begin")
    council = alone.replica.council
    assert council.previous is not None
    assert council.previous.locked_round == council.previous.valid_round == 0
    machine = council.machine
    assert (machine.config.height, machine.round, machine.step) == (2, 0, bft.NEW)
    assert (machine.locked_id, machine.locked_round) == (NIL, NO_ROUND)
    assert (machine.valid_id, machine.valid_round) == (NIL, NO_ROUND)
    assert machine.rounds.numbers() == []


def _until_stored(node: "Node") -> tuple[list[fx.Effect], fx.Save]:
    """Everything up to the block that is to be stored; the disk has not answered yet."""
    begin = ev.Timer(name=ev.BEGIN, height=Height(1))
    work: list[ev.Event] = [ev.Fired(timer=begin, now_ms=Millis(node.now))]
    done: list[fx.Effect] = []
    while work:
        for effect in node.replica.step(work.pop(0)):
            done.append(effect)
            answer = None if isinstance(effect, fx.Save) else node._carry(effect)
            if answer is not None:
                work.append(answer)
    (save,) = [effect for effect in done if isinstance(effect, fx.Save)]
    return done, save


def _order(effects: list[fx.Effect]) -> list[type]:
    """The sorts of what makes one height end and another begin."""
    named = (fx.Execute, fx.Save, fx.EndLog, fx.Committed)
    return [type(effect) for effect in effects if isinstance(effect, named)]


def test_a_height_ends_once_its_block_is_on_the_disk(alone: "Node") -> None:
    """1.7.3, 1.7.10: run, then stored whole, then the log's end marker, then others hear of it.

    Here the block is run before the marker (P35): state and block are one batch.
    """
    before, save = _until_stored(alone)
    assert _order(before) == [fx.Execute, fx.Save]
    assert alone.replica.council.height == 1
    assert alone.fire("gossip"), "it goes on answering meanwhile"
    assert alone.replica.council.height == 1
    alone.store.write(block_rows(save))
    reader = alone.store.snapshot()
    after = alone.give(ev.Saved(tip=save.tip, reader=reader, now_ms=Millis(alone.now)))
    assert _order(after) == [fx.EndLog, fx.Committed]
    assert after[:3] == [fx.EndLog(), fx.Log(payload=height_record(Height(2))), fx.SyncLog()]
    assert alone.replica.pool._ground.height == alone.replica.council.height == 2


def test_our_own_words_are_on_the_disk_before_anybody_hears_them(kit: "type[Kit]") -> None:
    """1.7.2: logged, synced, told to our own machine, and only then to others."""
    town = kit.Town([kit.Node(kit.genesis_of(4), number) for number in range(1, 5)])
    town.begin()
    town.run(4_500)
    for node in town.nodes:
        assert node.words
        for word in node.words:
            logged = node.effects.index(fx.Log(payload=event_record(bft.Signed(message=word))))
            told = next(at for at, one in enumerate(node.effects) if _says(one, word))
            assert fx.SyncLog() in node.effects[logged:told]


def _says(effect: fx.Effect, word: Message) -> bool:
    """Whether a word leaves here."""
    if not isinstance(effect, fx.Broadcast | fx.SendTo):
        return False
    if effect.kind == wire.PROPOSAL:
        return wire.decode_proposal(effect.payload)[0] == word
    return isinstance(word, Vote) and effect.payload == wire.encode_vote(word)


def test_what_a_peer_says_is_in_the_log_before_it_is_acted_upon(kit: "type[Kit]") -> None:
    """1.7.2: it needs no sync of its own, for whoever said it says it again."""
    author: Author = kit.Author(kit.genesis_of(4), 4)
    node: Node = kit.Node(kit.genesis_of(4), 1)
    node.start()
    first, second = (author.vote(PREVOTE, block_id, 2) for block_id in (NIL, b"x" * 32))
    node.hear(PEER, wire.VOTE, wire.encode_vote(first))
    effects = node.hear(PEER, wire.VOTE, wire.encode_vote(second))
    assert effects[0] == fx.Log(payload=event_record(bft.VoteReceived(vote=second)))
    assert isinstance(effects[1], fx.Conflict)


def _fewer(commit: Commit) -> Commit:
    rest = commit.slots[1:]
    absent = CommitSlot(flag=ABSENT, signature=b"")
    return Commit(
        height=commit.height, round=commit.round, block_id=commit.block_id, slots=(absent, *rest)
    )


@pytest.mark.parametrize("seen", ["with a signature less", "of another round"])
def test_the_commit_that_a_node_saw_is_its_own_affair(kit: "type[Kit]", seen: str) -> None:
    """1.8.1: each keeps the one that convinced it; the header hashes the one that a block carries."""
    text = kit.genesis_of(4)
    author: Author = kit.Author(text, 4)
    block = author.draft()
    other = author.commit_of(block.header.height, block.id, round_=2)
    commit = author.write(block)
    author.write(author.draft())
    (first, (second, last)) = author.blocks
    node, twin = (kit.Node(text, number) for number in (1, 2))
    odd = _fewer(commit) if seen == "with a signature less" else other
    for each, shown in ((node, commit), (twin, odd)):
        each.start()
        each.now = author.tip.time
        each.replica.sync.heard(PEER, Height(2))
        each.fire("gossip")
        each.hear(PEER, wire.BLOCKS, wire.encode_blocks([(first[0], shown), (second, last)]))
        assert each.chain.commit(Height(1)) == shown
    assert node.replica.tip == twin.replica.tip == author.tip
