"""Every invariant is seen to be broken when it is."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tfchain.base.crypto import sign
from tfchain.base.units import Height, Millis, Round
from tfchain.bft.messages import Message, Proposal, Vote, sign_bytes
from tfchain.ledger.block import make_block
from tfchain.ledger.commit import ABSENT, FOR_NIL, NIL, PRECOMMIT, PREVOTE, CommitSlot
from tfchain.replica import messages as wire
from tfchain.replica.effects import Save
from tfchain.sim.disk import LogDisk
from tfchain.sim.genesis import genesis_text, key_of, seed_of
from tfchain.sim.invariants import Violation, Watch

FAR = 1 << 50
"""A time after all blocks."""
ONE, OTHER = b"\x01" * 32, b"\x02" * 32


def _watch(*liars: int) -> Watch:
    keys = [key_of("validator", number) for number in range(4)]
    return Watch(genesis_text(4), keys, liars)


@pytest.fixture
def watch() -> Watch:
    """Nobody lies."""
    return _watch()


def _broken(number: str, act: Callable[[], None]) -> None:
    with pytest.raises(Violation) as broken:
        act()
    assert broken.value.number == number, broken.value


def test_a_chain_that_all_store_alike_breaks_nothing(watch: Watch, saves: list[Save]) -> None:
    for node in range(4):
        for save in saves:
            watch.stored(node, save, FAR)
        watch.booted(node, Height(len(saves)))
    assert watch.heights == [len(saves)] * 4


def test_another_block_of_a_height_is_a_fork(watch: Watch, saves: list[Save]) -> None:
    watch.stored(0, saves[0], FAR)
    first = saves[0].block
    header = replace(first.header, time=Millis(first.header.time + 1))
    fork = replace(saves[0], block=make_block(header, first.txs, None))
    _broken("S1", lambda: watch.stored(1, fork, FAR))


def test_a_block_that_does_not_fit_its_parent_is_not_valid(watch: Watch, saves: list[Save]) -> None:
    block = saves[0].block
    header = replace(block.header, state_root=bytes(32))
    wrong = replace(saves[0], block=make_block(header, block.txs, None))
    _broken("S2", lambda: watch.stored(0, wrong, FAR))


def test_a_block_with_a_false_signature_is_not_valid(watch: Watch, saves: list[Save]) -> None:
    watch.stored(0, saves[0], FAR)
    block = saves[1].block
    assert block.last_commit is not None
    slots = (replace(block.last_commit.slots[0], signature=bytes(64)), *block.last_commit.slots[1:])
    slots = tuple(replace(slot, flag=1) if slot.signature == bytes(64) else slot for slot in slots)
    commit = replace(block.last_commit, slots=slots)
    unsigned = make_block(block.header, block.txs, commit)
    header = replace(block.header, last_commit_hash=_commit_hash(unsigned.last_commit))
    wrong = replace(saves[1], block=make_block(header, block.txs, commit))
    _broken("S2", lambda: watch.stored(0, wrong, FAR))


def _commit_hash(commit: object) -> bytes:
    from tfchain.ledger.block import last_commit_hash  # noqa: PLC0415
    from tfchain.ledger.commit import Commit  # noqa: PLC0415

    assert isinstance(commit, Commit)
    return last_commit_hash(commit)


def test_a_height_left_out_is_seen(watch: Watch, saves: list[Save]) -> None:
    _broken("S3", lambda: watch.stored(0, saves[1], FAR))


def test_a_height_stored_twice_is_seen(watch: Watch, saves: list[Save]) -> None:
    watch.stored(0, saves[0], FAR)
    _broken("S3", lambda: watch.stored(0, saves[0], FAR))


def test_a_restart_that_forgets_a_height_is_seen(watch: Watch, saves: list[Save]) -> None:
    watch.stored(0, saves[0], FAR)
    _broken("S3", lambda: watch.booted(0, Height(0)))


def _cut(save: Save, count: int, flag: int = ABSENT) -> Save:
    """Its commit with that many votes for the block taken out or belied."""
    slots, left = list[CommitSlot](), count
    for slot in save.commit.slots:
        gone = left > 0 and slot.flag not in {ABSENT, flag}
        left -= gone
        kept = b"" if flag == ABSENT else slot.signature
        slots.append(CommitSlot(flag=flag, signature=kept) if gone else slot)
    return replace(save, commit=replace(save.commit, slots=tuple(slots)))


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda save: _cut(save, 2), id="half of the power is missing"),
        pytest.param(lambda save: _cut(save, 2, FOR_NIL), id="votes for nil do not count"),
        pytest.param(
            lambda save: replace(save, commit=replace(save.commit, slots=save.commit.slots[:3])),
            id="a slot is missing",
        ),
        pytest.param(
            lambda save: replace(save, commit=replace(save.commit, block_id=ONE)),
            id="it is for another block",
        ),
        pytest.param(
            lambda save: replace(save, commit=replace(save.commit, round=Round(9))),
            id="it is of another round than was signed",
        ),
        pytest.param(
            lambda save: replace(
                save,
                commit=replace(
                    save.commit,
                    slots=tuple(
                        slot if slot.flag else CommitSlot(flag=ABSENT, signature=bytes(64))
                        for slot in _cut(save, 1).commit.slots
                    ),
                ),
            ),
            id="an absent slot has a signature",
        ),
    ],
)
def test_a_commit_that_proves_nothing_is_seen(
    spoil: Callable[[Save], Save], watch: Watch, saves: list[Save]
) -> None:
    full = next(save for save in saves if all(slot.flag for slot in save.commit.slots))
    for save in saves[: full.tip.height - 1]:
        watch.stored(0, save, FAR)
    _broken("S6", lambda: watch.stored(0, spoil(full), FAR))


def test_another_state_is_seen(watch: Watch, saves: list[Save]) -> None:
    wrong = replace(saves[0], tip=replace(saves[0].tip, state_root=ONE))
    _broken("S7", lambda: watch.stored(0, wrong, FAR))


def test_a_block_from_the_future_is_seen(watch: Watch, saves: list[Save]) -> None:
    _broken("S8", lambda: watch.stored(0, saves[0], saves[0].tip.time - 2_000))


def _vote(watch: Watch, kind: int, round_: int, block_id: bytes, node: int = 0) -> Vote:
    place = watch.fold.place_of(key_of("validator", node))
    vote = Vote(
        kind=kind, height=Height(1), round=Round(round_), block_id=block_id, validator=place
    )
    return replace(vote, signature=_signature(watch, vote, node))


def _signature(watch: Watch, message: Message, node: int) -> bytes:
    return sign(seed_of("validator", node), sign_bytes(watch.fold.chain_id, message))


def _send(watch: Watch, vote: Vote, node: int = 0, log: LogDisk | None = None) -> None:
    watch.sent(node, wire.VOTE, wire.encode_vote(vote), log or LogDisk())


def test_two_votes_in_one_place_are_seen(watch: Watch) -> None:
    _send(watch, _vote(watch, PREVOTE, 0, ONE))
    _send(watch, _vote(watch, PREVOTE, 0, ONE))
    _broken("S4", lambda: _send(watch, _vote(watch, PREVOTE, 0, NIL)))


def test_two_votes_are_seen_whoever_passes_them_on(watch: Watch) -> None:
    _send(watch, _vote(watch, PRECOMMIT, 0, ONE))
    _broken("S4", lambda: _send(watch, _vote(watch, PRECOMMIT, 0, OTHER), node=2))


def test_two_signatures_are_seen_before_they_leave(watch: Watch) -> None:
    watch.signed(_vote(watch, PREVOTE, 0, ONE))
    _broken("S4", lambda: watch.signed(_vote(watch, PREVOTE, 0, OTHER)))


def _proposal(watch: Watch, save: Save, time: int) -> bytes:
    proposal = Proposal(
        height=Height(1), round=Round(0), pol_round=-1, block_id=save.block.id, time_ms=Millis(time)
    )
    signed = replace(proposal, signature=_signature(watch, proposal, 0))
    return wire.encode_proposal(signed, save.block.raw)


def test_two_proposals_in_one_place_are_seen(watch: Watch, saves: list[Save]) -> None:
    log = LogDisk()
    watch.sent(0, wire.PROPOSAL, _proposal(watch, saves[0], 5), log)
    _broken("S4", lambda: watch.sent(0, wire.PROPOSAL, _proposal(watch, saves[0], 6), log))


def test_a_liar_may_say_two_things() -> None:
    watch = _watch(3)
    for block_id in (ONE, OTHER, NIL):
        _send(watch, _vote(watch, PREVOTE, 0, block_id, node=3), node=1)
    assert watch.correct == (0, 1, 2)


def test_other_messages_carry_no_words(watch: Watch) -> None:
    watch.sent(0, wire.WANT, ONE, LogDisk())


def test_a_vote_against_a_lock_is_seen(watch: Watch) -> None:
    _send(watch, _vote(watch, PRECOMMIT, 0, ONE))
    _send(watch, _vote(watch, PREVOTE, 1, ONE))
    _send(watch, _vote(watch, PREVOTE, 2, NIL))
    _broken("S5", lambda: _send(watch, _vote(watch, PREVOTE, 3, OTHER)))


@pytest.mark.parametrize("round_", [1, 2])
def test_a_later_polka_frees_a_lock(watch: Watch, round_: int) -> None:
    _send(watch, _vote(watch, PRECOMMIT, 0, ONE))
    for node in (1, 2, 3):
        _send(watch, _vote(watch, PREVOTE, round_, OTHER, node), node)
    _send(watch, _vote(watch, PREVOTE, 3, OTHER))


def test_two_of_four_prevotes_free_nobody(watch: Watch) -> None:
    _send(watch, _vote(watch, PRECOMMIT, 0, ONE))
    for node in (1, 2):
        _send(watch, _vote(watch, PREVOTE, 1, OTHER, node), node)
    _broken("S5", lambda: _send(watch, _vote(watch, PREVOTE, 3, OTHER)))


def test_a_word_that_leaves_before_it_is_on_the_disk_is_seen(watch: Watch) -> None:
    vote, log = _vote(watch, PREVOTE, 0, ONE), LogDisk()
    log.append(b"signed: " + vote.signature)
    _broken("W1", lambda: _send(watch, vote, log=log))


def test_what_others_said_may_be_passed_on_before_it_is_on_the_disk(watch: Watch) -> None:
    vote, log = _vote(watch, PREVOTE, 0, ONE), LogDisk()
    log.append(b"heard: " + vote.signature)
    _send(watch, vote, node=1, log=log)
