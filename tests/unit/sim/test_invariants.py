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
from tfchain.replica.effects import Conflict, Save
from tfchain.sim.cast import Cast
from tfchain.sim.disk import LogDisk
from tfchain.sim.genesis import genesis_text, key_of, seed_of
from tfchain.sim.invariants import Forked, Violation, Watch

FAR = 1 << 50
"""A time after all blocks."""
ONE, OTHER = b"\x01" * 32, b"\x02" * 32


EQUAL = (1, 1, 1, 1)


def _watch(cast: Cast = Cast(powers=EQUAL)) -> Watch:  # noqa: B008 -- it is frozen
    keys = [key_of("validator", number) for number in range(4)]
    return Watch(genesis_text(EQUAL), keys, cast)


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


def _send(watch: Watch, message: Message, node: int = 0, log: LogDisk | None = None) -> None:
    watch.sent(node, message, log or LogDisk())


def test_two_votes_in_one_place_are_seen(watch: Watch) -> None:
    _send(watch, _vote(watch, PREVOTE, 0, ONE))
    _send(watch, _vote(watch, PREVOTE, 0, ONE))
    _broken("S4", lambda: _send(watch, _vote(watch, PREVOTE, 0, NIL)))


def test_two_votes_are_seen_whoever_passes_them_on(watch: Watch) -> None:
    _send(watch, _vote(watch, PRECOMMIT, 0, ONE))
    _broken("S4", lambda: _send(watch, _vote(watch, PRECOMMIT, 0, OTHER), node=2))


def test_two_signatures_are_seen_before_they_leave(watch: Watch) -> None:
    watch.signed(0, _vote(watch, PREVOTE, 0, ONE))
    _broken("S4", lambda: watch.signed(0, _vote(watch, PREVOTE, 0, OTHER)))


def _proposal(watch: Watch, block_id: bytes, round_: int = 0, pol_round: int = -1) -> Proposal:
    proposal = Proposal(
        height=Height(1),
        round=Round(round_),
        pol_round=pol_round,
        block_id=block_id,
        time_ms=Millis(1),
    )
    place = watch.fold.validators(Height(1)).proposer_index(Round(round_))
    return replace(proposal, signature=_signature(watch, proposal, watch.places.index(place)))


def test_two_proposals_in_one_place_are_seen(watch: Watch) -> None:
    _send(watch, _proposal(watch, ONE))
    _broken("S4", lambda: _send(watch, _proposal(watch, OTHER)))


def test_a_liar_may_say_two_things() -> None:
    watch = _watch(Cast(powers=EQUAL, liars=((3, ()),)))
    for block_id in (ONE, OTHER, NIL):
        _send(watch, _vote(watch, PREVOTE, 0, block_id, node=3), node=1)
    assert watch.correct == (0, 1, 2)


def test_a_vote_against_a_lock_is_seen(watch: Watch) -> None:
    """1.9.2, amnesia: no correct node does it."""
    _send(watch, _vote(watch, PRECOMMIT, 0, ONE))
    _send(watch, _vote(watch, PREVOTE, 1, ONE))
    _send(watch, _vote(watch, PREVOTE, 2, NIL))
    _broken("S5", lambda: _send(watch, _vote(watch, PREVOTE, 3, OTHER)))


def _hear(watch: Watch, round_: int, *nodes: int) -> None:
    """The first node hears these nodes' prevotes for the other block."""
    for node in nodes:
        watch.words.arrived(0, _vote(watch, PREVOTE, round_, OTHER, node))


@pytest.mark.parametrize("round_", [1, 2])
def test_a_later_polka_frees_a_lock(watch: Watch, round_: int) -> None:
    _send(watch, _vote(watch, PRECOMMIT, 0, ONE))
    _hear(watch, round_, 1, 2, 3)
    _send(watch, _vote(watch, PREVOTE, 3, OTHER))


def test_a_polka_that_only_others_saw_frees_nobody(watch: Watch) -> None:
    _send(watch, _vote(watch, PRECOMMIT, 0, ONE))
    for node in (1, 2, 3):
        _send(watch, _vote(watch, PREVOTE, 1, OTHER, node), node)
    _broken("S5", lambda: _send(watch, _vote(watch, PREVOTE, 3, OTHER)))


def test_two_of_four_prevotes_free_nobody(watch: Watch) -> None:
    _send(watch, _vote(watch, PRECOMMIT, 0, ONE))
    _hear(watch, 1, 1, 2)
    _broken("S5", lambda: _send(watch, _vote(watch, PREVOTE, 3, OTHER)))


def test_false_votes_free_nobody(watch: Watch) -> None:
    _send(watch, _vote(watch, PRECOMMIT, 0, ONE))
    for node in (1, 2, 3):
        false = replace(_vote(watch, PREVOTE, 1, OTHER, node), signature=bytes(64))
        assert watch.words.arrived(0, false) is None
    _broken("S5", lambda: _send(watch, _vote(watch, PREVOTE, 3, OTHER)))


def test_a_block_proposed_again_needs_its_polka(watch: Watch) -> None:
    """Scenario 4: also of one who is not locked."""
    again = _proposal(watch, OTHER, round_=2, pol_round=1)
    watch.words.arrived(0, again)
    _broken("S5", lambda: _send(watch, _vote(watch, PREVOTE, 2, OTHER)))


def test_a_block_proposed_again_is_prevoted_for_its_polka(watch: Watch) -> None:
    """Scenario 3."""
    watch.words.arrived(0, _proposal(watch, OTHER, round_=2, pol_round=1))
    _hear(watch, 1, 1, 2, 3)
    _send(watch, _vote(watch, PREVOTE, 2, OTHER))


def test_a_fresh_block_needs_no_polka(watch: Watch) -> None:
    watch.words.arrived(0, _proposal(watch, OTHER, round_=2))
    _send(watch, _vote(watch, PREVOTE, 2, OTHER))


def test_words_of_heights_far_off_are_nobodys(watch: Watch) -> None:
    far = replace(_vote(watch, PREVOTE, 0, ONE), height=Height(9))
    assert watch.words.arrived(0, far) is None


def test_a_prevote_for_an_invalid_block_is_seen(watch: Watch, saves: list[Save]) -> None:
    """Scenario 38."""
    block = saves[0].block
    bad = make_block(replace(block.header, state_root=ONE), block.txs, None)
    for made in (block, bad):
        payload = wire.encode_proposal(_proposal(watch, made.id), made.raw)
        assert watch.words.word_in(wire.PROPOSAL, payload) is not None
    _send(watch, _vote(watch, PREVOTE, 0, block.id))
    _broken("S2", lambda: _send(watch, _vote(watch, PREVOTE, 1, bad.id)))


@pytest.mark.parametrize("kind", [wire.VOTE, wire.PROPOSAL, wire.STATUS])
def test_garbage_carries_no_word(watch: Watch, kind: int) -> None:
    assert watch.words.word_in(kind, b"\xff garbage") is None


def _conflict(watch: Watch, node: int) -> Conflict:
    first, second = (_vote(watch, PREVOTE, 0, block_id, node) for block_id in (ONE, OTHER))
    return Conflict(first=first, second=second)


def test_only_liars_may_be_accused_and_blamed() -> None:
    """S11 and S0."""
    watch = _watch(Cast(powers=EQUAL, liars=((3, ()),)))
    watch.accused(0, _conflict(watch, 3))
    watch.blamed(0, 3, "it lies")
    _broken("S11", lambda: watch.accused(0, _conflict(watch, 1)))
    _broken("S0", lambda: watch.blamed(0, 1, "nothing"))


def _forked(cast: Cast, saves: list[Save], *guilty: int) -> Watch:
    """The first node has stored a block, and of these nodes two words are known."""
    watch = _watch(cast)
    for node in guilty:
        for block_id in (ONE, OTHER):
            watch.words.heard(_vote(watch, PRECOMMIT, 0, block_id, node))
    watch.stored(0, saves[0], FAR)
    return watch


def _other(save: Save) -> Save:
    header = replace(save.block.header, time=Millis(save.block.header.time + 1))
    return replace(save, block=make_block(header, save.block.txs, None))


def test_a_fork_that_half_of_them_made_names_just_them(saves: list[Save]) -> None:
    """Scenario 32, S9."""
    watch = _forked(Cast(powers=EQUAL, twins=(2, 3)), saves, 2, 3)
    with pytest.raises(Forked) as fork:
        watch.stored(1, _other(saves[0]), FAR)
    assert fork.value.convicted == (2, 3)


@pytest.mark.parametrize(
    "guilty",
    [pytest.param((), id="nobody is convicted"), pytest.param((0, 1, 2), id="somebody correct is")],
)
def test_a_fork_without_its_guilty_is_seen(guilty: tuple[int, ...], saves: list[Save]) -> None:
    watch = _forked(Cast(powers=EQUAL, twins=(2, 3)), saves, *guilty)
    _broken("S9", lambda: watch.stored(1, _other(saves[0]), FAR))


def test_a_word_that_leaves_before_it_is_on_the_disk_is_seen(watch: Watch) -> None:
    """1.7.2, W1."""
    vote, log = _vote(watch, PREVOTE, 0, ONE), LogDisk()
    log.append(b"signed: " + vote.signature)
    _broken("W1", lambda: _send(watch, vote, log=log))


def test_what_others_said_may_be_passed_on_before_it_is_on_the_disk(watch: Watch) -> None:
    vote, log = _vote(watch, PREVOTE, 0, ONE), LogDisk()
    log.append(b"heard: " + vote.signature)
    _send(watch, vote, node=1, log=log)
