"""Blocks that are proposed: what is voted for, what is voted nil, and what does not even get that far."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tfchain.base.limits import SEEN_TXS_MAX
from tfchain.base.shapes import encode_record
from tfchain.base.units import Round
from tfchain.bft.messages import Proposal, Vote
from tfchain.chain.execute import execute
from tfchain.chain.tip import input_of
from tfchain.errors import Divergence
from tfchain.ledger.block import (
    Block,
    last_commit_hash,
    make_block,
    tx_root,
)
from tfchain.ledger.commit import NIL, PRECOMMIT, PREVOTE, Commit
from tfchain.ledger.header import Header
from tfchain.replica import effects as fx
from tfchain.replica import events as ev
from tfchain.replica import messages as wire
from tfchain.replica.checks import Checks
from tfchain.replica.council import BLOCKS_HELD_MAX
from tfchain.tx.transaction import decode_transaction

if TYPE_CHECKING:
    from tests.unit.replica.conftest import Author, Kit, Node

PEER = b"p" * 32


class Stage:
    """A validator that waits at height 3 for a proposal of somebody else; it has all other keys."""

    def __init__(self, kit: "type[Kit]", *, holding: bool = False) -> None:
        text = kit.genesis_of(4)
        self.author: Author = kit.Author(text, 4).chain(2)
        tip = self.author.tip
        proposers = [
            self.author.number_of(tip.validators.proposer_index(Round(r))) for r in (0, 1, 2)
        ]
        self.number = next(number for number in self.author.numbers if number not in proposers)
        self.node: Node = kit.Node(text, self.number)
        self.node.store.write(_rows(self.author))
        self.node.restart()
        self.node.holding = holding
        self.node.now = tip.time + 1_000
        self.node.fire("begin")
        self.node.words.clear()
        self.node.said.clear()

    def propose(self, block: Block, round_: int = 0) -> list[fx.Effect]:
        proposal = self.author.proposal(block, round_)
        payload = wire.encode_proposal(proposal, block.raw)
        return self.node.hear(PEER, wire.PROPOSAL, payload)

    def others(self) -> list[int]:
        return [number for number in self.author.numbers if number != self.number]

    def vote(self, kind: int, block_id: bytes, round_: int = 0) -> list[fx.Effect]:
        """Everybody else's."""
        done: list[fx.Effect] = []
        for number in self.others():
            vote = self.author.vote(kind, block_id, number, round_)
            done += self.node.hear(PEER, wire.VOTE, wire.encode_vote(vote))
        return done

    def prevotes(self) -> list[bytes]:
        words = self.node.words
        return [each.block_id for each in words if isinstance(each, Vote) and each.kind == PREVOTE]


def _rows(author: "Author") -> list[tuple[bytes, bytes | None]]:
    return list(author.store.scan(b""))


def blamed(effects: list[fx.Effect]) -> list[str]:
    return [effect.reason for effect in effects if isinstance(effect, fx.Blame)]


@pytest.fixture
def stage(kit: "type[Kit]") -> Stage:
    return Stage(kit)


def _changed(block: Block, **fields: object) -> Block:
    return make_block(
        replace(block.header, **fields),  # type: ignore[arg-type]
        block.txs,
        block.last_commit,
    )


def _with_txs(block: Block, *txs: bytes) -> Block:
    return make_block(replace(block.header, tx_root=tx_root(txs)), txs, block.last_commit)


def _with_commit(block: Block, commit: Commit | None) -> Block:
    header = replace(block.header, last_commit_hash=last_commit_hash(commit))
    return make_block(header, block.txs, commit)


def test_a_good_block_is_prevoted(stage: Stage) -> None:
    block = stage.author.draft()
    assert blamed(stage.propose(block)) == []
    assert stage.prevotes() == [block.id]


ODD: dict[str, object] = {
    "chain_id": "devnet-00000000",
    "height": 4,
    "last_block_id": bytes(32),
    "validators_hash": bytes(32),
    "next_validators_hash": bytes(32),
    "priorities_hash": bytes(32),
    "params_hash": bytes(32),
    "state_root": bytes(32),
    "results_root": bytes(32),
}


@pytest.mark.parametrize("field", ODD)
def test_a_block_with_another_header_field_is_prevoted_nil(stage: Stage, field: str) -> None:
    """1.2.4, 1.2.7: also of another height."""
    block = _changed(stage.author.draft(), **{field: ODD[field]})
    proposal = replace(stage.author.proposal(block), height=stage.node.replica.council.height)
    proposal = stage.author.signed(
        proposal,
        stage.author.number_of(stage.author.tip.validators.proposer_index(0)),  # type: ignore[arg-type]
    )
    stage.node.hear(PEER, wire.PROPOSAL, wire.encode_proposal(proposal, block.raw))
    assert stage.prevotes() == [NIL]


def test_every_header_field_is_altered_by_some_test() -> None:
    elsewhere = {"time", "last_commit_hash", "tx_root", "evidence_root", "proposer"}
    assert set(ODD) | elsewhere == set(Header.__dataclass_fields__)


@pytest.mark.parametrize("field", ["last_commit_hash", "tx_root", "evidence_root"])
def test_a_root_that_belies_the_body_is_blamed(stage: Stage, field: str) -> None:
    block = _changed(stage.author.draft(), **{field: bytes(32)})
    (reason,) = blamed(stage.propose(block))
    assert field in reason
    assert stage.prevotes() == []
    stage.node.fire("round")
    assert stage.prevotes() == [NIL]


def test_a_fresh_block_of_another_author_is_blamed(stage: Stage) -> None:
    other = stage.author.tip.validators.proposer(1).address  # type: ignore[arg-type]
    block = _changed(stage.author.draft(), proposer=other)
    assert blamed(stage.propose(block)) == ["a fresh block that names another proposer"]


def test_a_block_by_no_validator_is_invalid(stage: Stage, kit: "type[Kit]") -> None:
    """It can only come as one that is wanted: it is no validator's fresh proposal."""
    block = _changed(stage.author.draft(), proposer=bytes(20))
    stage.vote(PREVOTE, block.id)
    assert blamed(stage.node.hear(PEER, wire.BLOCK, block.raw)) == []
    assert block.id not in stage.node.replica.council.machine.wanted
    assert stage.node.replica.council.machine.valid_id == NIL


@pytest.mark.parametrize(
    ("after_ms", "timely"),
    [
        pytest.param(0, False, id="the last block's own time"),
        pytest.param(-1, False, id="before the last block"),
        pytest.param(1_400, True, id="a little ahead of our clock"),
        pytest.param(9_000, False, id="far in the future"),
    ],
)
def test_time_grows_and_is_about_now(stage: Stage, after_ms: int, timely: bool) -> None:
    block = stage.author.draft(after_ms=after_ms)
    stage.propose(block)
    assert stage.prevotes() == [block.id if timely else NIL]


def _forged(raw: bytes) -> bytes:
    return raw[:-1] + bytes([raw[-1] ^ 1])


def test_a_block_with_a_false_transaction_signature_is_prevoted_nil(
    stage: Stage, kit: "type[Kit]"
) -> None:
    raw = kit.transfer(stage.author.params.chain_id, 50, 0)
    stage.propose(stage.author.draft(_forged(raw)))
    assert stage.prevotes() == [NIL]


BAD_TXS: dict[str, Callable[["type[Kit]", str], list[bytes]]] = {
    "no transaction at all": lambda kit, chain: [b"\x00"],
    "of another chain": lambda kit, chain: [kit.transfer("devnet-00000000", 50, 0)],
    "a nonce that is not due": lambda kit, chain: [kit.transfer(chain, 50, 1)],
    "twice the same": lambda kit, chain: [kit.transfer(chain, 50, 0)] * 2,
    "no fee": lambda kit, chain: [kit.transfer(chain, 50, 0, fee=0)],
    "of somebody without coins": lambda kit, chain: [kit.transfer(chain, 60, 0)],
    "expired": lambda kit, chain: [kit.transfer(chain, 50, 0, until=2)],
}


@pytest.mark.parametrize("case", BAD_TXS)
def test_a_block_with_a_transaction_that_may_not_stand_there_is_prevoted_nil(
    stage: Stage, kit: "type[Kit]", case: str
) -> None:
    block = stage.author.draft(*BAD_TXS[case](kit, stage.author.params.chain_id))
    stage.propose(block)
    assert stage.prevotes() == [NIL]


def _swapped(commit: Commit) -> Commit:
    first, second, *rest = commit.slots
    return replace(commit, slots=(second, first, *rest))


COMMITS: dict[str, Callable[[Commit], Commit | None]] = {
    "none": lambda commit: None,
    "slots swapped": _swapped,
    "a slot too few": lambda commit: replace(commit, slots=commit.slots[:-1]),
    "of another height": lambda commit: replace(commit, height=1),  # type: ignore[arg-type]
    "for another block": lambda commit: replace(commit, block_id=bytes(32)),
    "of another round": lambda commit: replace(commit, round=1),  # type: ignore[arg-type]
    "half of the votes missing": lambda commit: replace(
        commit, slots=tuple(replace(slot, flag=0, signature=b"") for slot in commit.slots)
    ),
}


@pytest.mark.parametrize("case", COMMITS)
def test_a_block_with_a_wrong_last_commit_is_prevoted_nil(stage: Stage, case: str) -> None:
    block = stage.author.draft()
    assert block.last_commit is not None
    stage.propose(_with_commit(block, COMMITS[case](block.last_commit)))
    assert stage.prevotes() == [NIL]


def test_a_block_longer_than_the_chain_allows_is_prevoted_nil(kit: "type[Kit]") -> None:
    """P30: the bound is a parameter of the chain, below that of the wire."""
    stage = Stage(kit)
    council = stage.node.replica.council
    block = stage.author.draft()
    consensus = replace(council.params.consensus, block_bytes=len(block.raw) - 1)
    council.params = replace(council.params, consensus=consensus)
    stage.propose(block)
    assert stage.prevotes() == [NIL]


# Proposals and votes by the wrong hands.


def test_a_proposal_with_a_false_signature_is_blamed(stage: Stage) -> None:
    block = stage.author.draft()
    proposal = stage.author.proposal(block, number=stage.number)
    effects = stage.node.hear(PEER, wire.PROPOSAL, wire.encode_proposal(proposal, block.raw))
    assert blamed(effects) == ["a false signature on a proposal or vote"]
    assert stage.node.replica.council.machine.proposal_at(0) is None  # type: ignore[arg-type]


def test_a_proposal_beside_another_block_is_blamed(stage: Stage) -> None:
    """1.2.4."""
    block, other = stage.author.draft(), stage.author.draft(after_ms=1_001)
    proposal = stage.author.proposal(block)
    effects = stage.node.hear(PEER, wire.PROPOSAL, wire.encode_proposal(proposal, other.raw))
    assert blamed(effects) == ["a proposal with another block than it names"]


def test_a_proposal_that_names_no_earlier_round_is_blamed(stage: Stage) -> None:
    """Scenario 35."""
    block = stage.author.draft()
    proposal = replace(stage.author.proposal(block), pol_round=0)
    effects = stage.node.hear(PEER, wire.PROPOSAL, wire.encode_proposal(proposal, block.raw))
    assert blamed(effects) == ["a message that no validator of this height sends"]


@pytest.mark.parametrize("height", [1, 2, 4, 1 << 60])
def test_a_proposal_of_another_height_is_passed_over(stage: Stage, height: int) -> None:
    block = stage.author.draft()
    proposal = replace(stage.author.proposal(block), height=height)  # type: ignore[arg-type]
    assert stage.node.hear(PEER, wire.PROPOSAL, wire.encode_proposal(proposal, block.raw)) == []


def test_a_proposal_that_is_known_costs_nothing(stage: Stage) -> None:
    block = stage.author.draft()
    stage.propose(block)
    assert stage.propose(block) == []


def test_a_block_that_is_proposed_again_is_not_checked_again(stage: Stage) -> None:
    """1.2.4: what came in one round serves in another."""
    block = stage.author.draft()
    stage.propose(block)
    first = replace(stage.author.proposal(block), round=Round(1), pol_round=0)
    second = stage.author.tip.validators.proposer_index(Round(1))
    proposal = stage.author.signed(first, stage.author.number_of(second))
    effects = stage.node.hear(PEER, wire.PROPOSAL, wire.encode_proposal(proposal, block.raw))
    assert [type(effect) for effect in effects] == [fx.Log]


def test_two_proposals_of_one_round_are_proof_of_a_fault_and_the_second_block_is_not_kept(
    stage: Stage,
) -> None:
    block, other = stage.author.draft(), stage.author.draft(after_ms=1_001)
    stage.propose(block)
    effects = stage.propose(other)
    assert [type(each) for each in effects if isinstance(each, fx.Conflict)] == [fx.Conflict]
    assert list(stage.node.replica.council.blocks) == [block.id]


def test_a_proposer_of_many_blocks_pushes_none_out(stage: Stage) -> None:
    """Else whoever voted for the first one could not run it once it is decided."""
    block = stage.author.draft()
    stage.propose(block)
    for number in range(BLOCKS_HELD_MAX + 2):
        stage.propose(stage.author.draft(after_ms=1_001 + number))
    stage.vote(PREVOTE, block.id)
    stage.vote(PRECOMMIT, block.id)
    assert stage.node.height == 3


def test_proposals_of_rounds_far_ahead_are_not_kept(stage: Stage) -> None:
    for round_ in range(4, 4 * BLOCKS_HELD_MAX, 4):  # all of them one validator's turn
        block = stage.author.draft(round_=round_, after_ms=1_000 + round_)
        stage.propose(block, round_)
    assert stage.node.replica.council.blocks == {}


def test_a_precommit_with_garbage_for_a_signature_is_blamed_and_not_counted(stage: Stage) -> None:
    """Scenario 36."""
    block = stage.author.draft()
    vote = replace(stage.author.vote(PRECOMMIT, block.id, stage.others()[0]), signature=bytes(64))
    effects = stage.node.hear(PEER, wire.VOTE, wire.encode_vote(vote))
    assert blamed(effects) == ["a false signature on a proposal or vote"]
    assert stage.node.replica.council.machine.rounds.earlier(vote) is None


def test_a_vote_of_no_validator_is_blamed_before_any_cryptography(stage: Stage) -> None:
    vote = replace(stage.author.vote(PREVOTE, NIL, stage.others()[0]), validator=4)
    effects = stage.node.hear(PEER, wire.VOTE, wire.encode_vote(vote))
    assert blamed(effects) == ["a message that no validator of this height sends"]


@pytest.mark.parametrize("height", [1, 2, 4])
def test_a_vote_of_another_height_is_passed_over(stage: Stage, height: int) -> None:
    vote = replace(stage.author.vote(PREVOTE, NIL, stage.others()[0]), height=height)  # type: ignore[arg-type]
    assert stage.node.hear(PEER, wire.VOTE, wire.encode_vote(vote)) == []


def test_a_vote_that_is_known_costs_nothing(stage: Stage) -> None:
    stage.vote(PREVOTE, NIL)
    assert stage.vote(PREVOTE, NIL) == []


# Blocks that two thirds speak of and that are not here.


def test_a_block_that_two_thirds_decided_is_fetched_by_its_id(stage: Stage) -> None:
    """1.2.4, scenario 7."""
    block, other = stage.author.draft(), stage.author.draft(after_ms=1_001)
    asked = stage.vote(PRECOMMIT, block.id)
    wants = [each for each in asked if isinstance(each, fx.Broadcast) and each.kind == wire.WANT]
    assert [each.payload for each in wants] == [block.id]
    assert stage.node.hear(PEER, wire.BLOCK, other.raw) == [], "nobody asked for this one"
    again = stage.node.fire("gossip")
    assert fx.Broadcast(kind=wire.WANT, payload=block.id) in again
    stage.node.hear(PEER, wire.BLOCK, block.raw)
    assert stage.node.height == 3


def test_a_peer_that_wants_a_block_gets_it(stage: Stage) -> None:
    block = stage.author.draft()
    stage.propose(block)
    (effect,) = stage.node.hear(PEER, wire.WANT, block.id)
    assert effect == fx.SendTo(peer=PEER, kind=wire.BLOCK, payload=block.raw)
    assert stage.node.hear(PEER, wire.WANT, bytes(32)) == []


def test_a_decided_block_that_is_gone_waits_for_catch_up(stage: Stage) -> None:
    block = stage.author.draft()
    stage.propose(block)
    stage.node.replica.council.blocks.clear()
    stage.vote(PRECOMMIT, block.id)
    assert stage.node.height == 2
    commit = stage.author.write(block)
    view = stage.node.replica.council.machine.config.height
    stage.node.replica.sync.heard(PEER, view)
    stage.node.now += 1_000
    stage.node.fire("gossip")
    stage.node.hear(PEER, wire.BLOCKS, wire.encode_blocks([(block.raw, commit)]))
    assert stage.node.height == 3


def test_two_thirds_for_a_block_found_invalid_stop_the_node(stage: Stage) -> None:
    block = _changed(stage.author.draft(), state_root=bytes(32))
    stage.propose(block)
    with pytest.raises(Divergence, match="finds invalid"):
        stage.vote(PRECOMMIT, block.id)


def test_two_decided_blocks_of_one_height_stop_the_node(stage: Stage) -> None:
    block, other = stage.author.draft(), stage.author.draft(after_ms=1_001)
    council = stage.node.replica.council
    commit = stage.author.commit_of(block.header.height, block.id)
    council.decide(block, commit)
    council.decide(block, commit)
    with pytest.raises(Divergence, match="both have two thirds"):
        council.decide(other, stage.author.commit_of(block.header.height, other.id))


# Answers that come late or that nobody waits for.


def test_an_execution_that_nobody_waits_for_is_passed_over(stage: Stage) -> None:
    block = stage.author.draft()
    outcome = execute(stage.author.store, input_of(stage.author.tip, block))
    event = ev.Executed(block_id=block.id, outcome=outcome, now_ms=stage.author.tip.time)
    assert stage.node.give(event) == []


def test_what_was_found_genuine_longest_ago_is_forgotten(kit: "type[Kit]") -> None:
    checks = Checks()
    one = decode_transaction(kit.transfer("devnet-00000000", 50, 0))
    checks.remember(one)
    assert checks.unknown([one]) == ()
    for number in range(SEEN_TXS_MAX):
        checks.remember(replace(one, raw=number.to_bytes(4, "big")))
    assert checks.unknown([one]) == (one,)
    assert len(checks._genuine) == SEEN_TXS_MAX


def test_a_verdict_that_comes_after_its_height_is_dropped(kit: "type[Kit]") -> None:
    stage = Stage(kit, holding=True)
    block = stage.author.draft()
    effects = stage.propose(block)
    (verify,) = [each for each in effects if isinstance(each, fx.Verify)]
    stage.node.holding = False
    commit = stage.author.write(block)
    stage.node.replica.sync.heard(PEER, block.header.height)
    stage.node.fire("gossip")
    stage.node.hear(PEER, wire.BLOCKS, wire.encode_blocks([(block.raw, commit)]))
    assert stage.node.height == 3
    records = len(stage.node.log)
    assert stage.node.give(stage.node.verified(verify)) == []
    assert len(stage.node.log) == records


def test_an_answer_nobody_waits_for_changes_nothing(stage: Stage) -> None:
    now = stage.author.tip.time
    assert stage.node.give(ev.Verified(number=77, good=(True,), now_ms=now)) == []
    block = stage.author.draft()
    stage.vote(PREVOTE, block.id)
    outcome = stage.node.replica
    assert outcome.step(ev.PeerDown(peer=PEER)) == []


def test_timers_of_another_height_or_round_say_nothing(stage: Stage) -> None:
    now = stage.author.tip.time
    for timer in (
        ev.Timer(name=ev.ROUND, height=2, round=0, step=1),  # type: ignore[arg-type]
        ev.Timer(name=ev.ROUND, height=3, round=1, step=1),  # type: ignore[arg-type]
        ev.Timer(name=ev.BEGIN, height=3),  # type: ignore[arg-type]
    ):
        assert stage.node.give(ev.Fired(timer=timer, now_ms=now)) == []


def test_late_precommits_go_into_the_next_block(stage: Stage) -> None:
    """1.1.16: whoever signed is paid, and the commit is the proof for light clients."""
    block = stage.author.draft()
    stage.propose(block)
    one, two, three = stage.others()
    for number in (one, two, three):
        vote = stage.author.vote(PREVOTE, block.id, number)
        stage.node.hear(PEER, wire.VOTE, wire.encode_vote(vote))
    votes = [stage.author.vote(PRECOMMIT, block.id, number) for number in (one, two, three)]
    for vote in votes[:2]:
        stage.node.hear(PEER, wire.VOTE, wire.encode_vote(vote))
    assert stage.node.height == 3
    previous = stage.node.replica.council.previous
    assert previous is not None
    before = sum(slot.flag for slot in previous.commit().slots)
    stage.node.hear(PEER, wire.VOTE, wire.encode_vote(votes[2]))
    assert sum(slot.flag for slot in previous.commit().slots) == before + 1


def test_too_many_candidates_push_out_the_oldest_that_nobody_points_at(stage: Stage) -> None:
    block = stage.author.draft()
    stage.propose(block)
    council = stage.node.replica.council
    others = [stage.author.draft(after_ms=1_001 + n) for n in range(BLOCKS_HELD_MAX)]
    for other in others:
        council.keep(other)
    assert len(council.blocks) == BLOCKS_HELD_MAX
    assert block.id in council.blocks, "it is what this round is about"
    assert others[0].id not in council.blocks


def test_our_proposal_whose_block_is_gone_is_not_sent(stage: Stage) -> None:
    proposal: Proposal = stage.author.proposal(stage.author.draft())
    assert stage.node.replica.council.worded(proposal) == []
    assert encode_record(proposal)
