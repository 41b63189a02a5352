"""One machine, told things in every order: the paper's rules one by one (consensus 1.1, 1.2, 2.6)."""

from dataclasses import replace
from typing import Final

import pytest

from tfchain.base.crypto import digest
from tfchain.base.units import Height, Millis, Round
from tfchain.bft import events
from tfchain.bft.events import (
    BlockChecked,
    Build,
    Built,
    Conflict,
    Decide,
    Effect,
    Event,
    ProposalReceived,
    Send,
    SetTimer,
    Sign,
    Signed,
    Started,
    TimedOut,
    VoteReceived,
    WantBlock,
)
from tfchain.bft.machine import Config, Machine
from tfchain.bft.messages import Message, Proposal, Vote
from tfchain.bft.rounds import ROUNDS_KEPT
from tfchain.errors import Divergence
from tfchain.ledger.commit import FOR_BLOCK, FOR_NIL, NIL, PRECOMMIT, PREVOTE, PROPOSAL, check_tally
from tfchain.ledger.params import Consensus
from tfchain.ledger.validators import ValidatorSet

A, B, C, D = range(4)
V: Final = digest(b"test", b"v")
W: Final = digest(b"test", b"w")
NOW: Final = 10_000
HEIGHT: Final = Height(5)
SIGNED: Final = bytes(64)

PROPOSE, AT_PREVOTE, AT_PRECOMMIT = events.PROPOSE, events.PREVOTE_STEP, events.PRECOMMIT_STEP


class Seat:
    """A machine whose signer answers at once; `said` is what it sent."""

    def __init__(self, four: ValidatorSet, params: Consensus, index: int | None) -> None:
        config = Config(
            height=HEIGHT,
            validators=four,
            index=index,
            params=params,
            last_block_time_ms=Millis(NOW - 1_000),
        )
        self.machine = Machine(config)
        self.events: list[Event] = []
        self.effects: list[Effect] = []

    def tell(self, *told: Event) -> list[Effect]:
        fresh: list[Effect] = []
        queue = list(told)
        while queue:
            self.events.append(queue[0])
            effects = self.machine.receive(queue.pop(0))
            fresh += effects
            signs = [effect for effect in effects if isinstance(effect, Sign)]
            queue += [Signed(message=replace(one.message, signature=SIGNED)) for one in signs]
        self.effects += fresh
        return fresh

    @property
    def said(self) -> list[tuple[int, int, bytes]]:
        """(kind, round, block id) of all that was sent."""
        return [_place(effect.message) for effect in self.effects if isinstance(effect, Send)]

    def start(self) -> "Seat":
        self.tell(Started())
        return self

    def checked(self, block_id: bytes = V, *, valid: bool = True, time: int = NOW) -> list[Effect]:
        return self.tell(BlockChecked(block_id=block_id, valid=valid, time_ms=Millis(time)))

    def proposed(
        self,
        round_: int = 0,
        block_id: bytes = V,
        pol: int = -1,
        time: int = NOW,
        arrival: int = NOW + 100,
    ) -> list[Effect]:
        return self.tell(
            ProposalReceived(
                proposal=proposal(round_, block_id, pol, time), arrival_ms=Millis(arrival)
            )
        )

    def prevotes(self, round_: int, block_id: bytes, *whose: int) -> list[Effect]:
        return self.tell(
            *[VoteReceived(vote=vote(PREVOTE, round_, block_id, one)) for one in whose]
        )

    def precommits(self, round_: int, block_id: bytes, *whose: int) -> list[Effect]:
        return self.tell(
            *[VoteReceived(vote=vote(PRECOMMIT, round_, block_id, one)) for one in whose]
        )

    def timeout(self, step: int, round_: int) -> list[Effect]:
        return self.tell(TimedOut(height=HEIGHT, round=Round(round_), step=step))

    def pass_round(self, round_: int) -> None:
        """Nobody agrees on anything: nil, nil, next."""
        self.timeout(PROPOSE, round_)
        self.timeout(AT_PREVOTE, round_)
        self.timeout(AT_PRECOMMIT, round_)
        assert self.machine.round == round_ + 1

    def lock(self, block_id: bytes = V) -> "Seat":
        """Lock `block_id` in round 0 and leave the round."""
        self.checked(block_id)
        self.proposed(0, block_id)
        others = [one for one in (A, B, C, D) if one != self.machine.config.index]
        self.prevotes(0, block_id, *others[:2])
        assert self.machine.locked_round == 0
        self.timeout(AT_PRECOMMIT, 0)
        return self


def _place(message: Message) -> tuple[int, int, bytes]:
    kind = PROPOSAL if isinstance(message, Proposal) else message.kind
    return kind, message.round, message.block_id


def vote(kind: int, round_: int, block_id: bytes, whose: int) -> Vote:
    return Vote(
        kind=kind,
        height=HEIGHT,
        round=Round(round_),
        block_id=block_id,
        validator=whose,
        signature=SIGNED,
    )


def proposal(round_: int, block_id: bytes, pol: int = -1, time: int = NOW) -> Proposal:
    return Proposal(
        height=HEIGHT,
        round=Round(round_),
        pol_round=pol,
        block_id=block_id,
        time_ms=Millis(time),
        signature=SIGNED,
    )


@pytest.fixture
def b(four: ValidatorSet, params: Consensus) -> Seat:
    """B, started. It proposes in round 1."""
    return Seat(four, params, B).start()


@pytest.fixture
def d(four: ValidatorSet, params: Consensus) -> Seat:
    """D, started. It proposes in round 3."""
    return Seat(four, params, D).start()


def test_a_height_starts_with_a_timer_and_the_proposer_builds(
    four: ValidatorSet, params: Consensus
) -> None:
    """Consensus 1.1.2."""
    wait = SetTimer(height=HEIGHT, round=Round(0), step=PROPOSE, ms=Millis(1_000))
    assert Seat(four, params, D).tell(Started()) == [wait]
    first = Seat(four, params, A)
    assert first.tell(Started()) == [wait, Build(height=HEIGHT, round=Round(0))]
    assert first.tell(Started()) == []


def test_the_proposer_proposes_what_it_built_and_prevotes_it(
    four: ValidatorSet, params: Consensus
) -> None:
    seat = Seat(four, params, A).start()
    built = Built(round=Round(0), block_id=V, time_ms=Millis(NOW))
    effects = seat.tell(built)
    assert seat.said == [(PROPOSAL, 0, V), (PREVOTE, 0, V)]
    sign, send = effects[:2]
    assert isinstance(sign, Sign) and isinstance(send, Send)
    assert send.message == replace(sign.message, signature=SIGNED)
    assert seat.machine.proposal_at(Round(0)) == send.message
    assert seat.tell(built) == [], "once a round"


@pytest.mark.parametrize(
    ("round_", "index"),
    [
        pytest.param(0, A, id="a round that is over"),
        pytest.param(1, A, id="a round whose proposer is another"),
        pytest.param(2, C, id="a round to come"),
    ],
)
def test_a_block_built_for_another_turn_is_ignored(
    four: ValidatorSet, params: Consensus, round_: int, index: int
) -> None:
    seat = Seat(four, params, index).start()
    seat.pass_round(0)
    assert seat.tell(Built(round=Round(round_), block_id=V, time_ms=Millis(NOW))) == []


def test_a_block_built_after_the_decision_is_ignored(four: ValidatorSet, params: Consensus) -> None:
    seat = Seat(four, params, A).start()
    seat.checked()
    seat.precommits(0, V, B, C, D)
    assert seat.tell(Built(round=Round(0), block_id=W, time_ms=Millis(NOW))) == []


def test_a_block_built_before_the_start_is_ignored(four: ValidatorSet, params: Consensus) -> None:
    seat = Seat(four, params, A)
    assert seat.tell(Built(round=Round(0), block_id=V, time_ms=Millis(NOW))) == []


def test_a_good_fresh_proposal_is_prevoted_whichever_comes_first(
    four: ValidatorSet, params: Consensus
) -> None:
    """Consensus 1.1.3."""
    for first in (True, False):
        seat = Seat(four, params, D).start()
        if first:
            seat.checked()
        seat.proposed()
        if not first:
            assert seat.said == []
            seat.checked()
        assert seat.said == [(PREVOTE, 0, V)]


@pytest.mark.parametrize(
    ("valid", "time", "block_time", "arrival"),
    [
        pytest.param(False, NOW, NOW, NOW, id="an invalid block"),
        pytest.param(True, NOW, NOW + 1, NOW, id="a time that is not the block's (1.5 B1)"),
        pytest.param(True, NOW - 1_000, NOW - 1_000, NOW, id="no later than the last block (P3)"),
        pytest.param(True, NOW, NOW, NOW - 501, id="from the future (1.5 B1)"),
        pytest.param(True, NOW, NOW, NOW + 2_501, id="too late (1.5 B1)"),
    ],
)
def test_a_bad_fresh_proposal_gets_nil(
    d: Seat, valid: bool, time: int, block_time: int, arrival: int
) -> None:
    d.checked(valid=valid, time=block_time)
    d.proposed(time=time, arrival=arrival)
    assert d.said == [(PREVOTE, 0, NIL)]


@pytest.mark.parametrize("arrival", [NOW - 500, NOW, NOW + 2_500])
def test_a_proposal_just_in_time_is_prevoted(d: Seat, arrival: int) -> None:
    d.checked()
    d.proposed(arrival=arrival)
    assert d.said == [(PREVOTE, 0, V)]


def test_the_first_arrival_counts_whenever_the_same_proposal_comes_again(d: Seat) -> None:
    """P3: timeliness is judged once."""
    d.proposed(arrival=NOW + 9_000)
    assert d.proposed(arrival=NOW) == []
    d.checked()
    assert d.said == [(PREVOTE, 0, NIL)]


def test_a_proposal_for_a_later_round_is_judged_by_when_it_came(d: Seat) -> None:
    d.checked()
    d.proposed(1, arrival=NOW)
    assert d.said == []
    d.pass_round(0)
    assert d.said[-1] == (PREVOTE, 1, V)


def test_a_full_node_decides_and_signs_nothing(four: ValidatorSet, params: Consensus) -> None:
    seat = Seat(four, params, None).start()
    seat.checked()
    seat.proposed()
    assert seat.machine.step == AT_PREVOTE
    seat.prevotes(0, V, A, B, C)
    assert seat.machine.step == AT_PRECOMMIT
    seat.precommits(0, V, A, B, C)
    assert seat.machine.decided == (0, V)
    assert not any(isinstance(effect, Sign | Send | Build) for effect in seat.effects)


def test_timers_lead_through_a_round_of_nil_and_grow(d: Seat) -> None:
    """Consensus 1.1.11 and 1.4.1."""
    d.timeout(PROPOSE, 0)
    d.timeout(AT_PREVOTE, 0)
    effects = d.timeout(AT_PRECOMMIT, 0)
    assert d.said == [(PREVOTE, 0, NIL), (PRECOMMIT, 0, NIL)]
    assert effects == [SetTimer(height=HEIGHT, round=Round(1), step=PROPOSE, ms=Millis(1_500))]


@pytest.mark.parametrize(
    ("height", "round_", "step"),
    [
        pytest.param(4, 1, PROPOSE, id="another height"),
        pytest.param(5, 0, PROPOSE, id="an earlier round"),
        pytest.param(5, 2, AT_PRECOMMIT, id="a later round"),
        pytest.param(5, 1, AT_PREVOTE, id="another step"),
    ],
)
def test_a_timer_of_another_place_is_ignored(d: Seat, height: int, round_: int, step: int) -> None:
    """Consensus 1.1.11."""
    d.pass_round(0)
    assert d.tell(TimedOut(height=Height(height), round=Round(round_), step=step)) == []


def test_the_prevote_timer_is_set_once_when_two_thirds_voted_anything(d: Seat) -> None:
    """Consensus 1.1.5."""
    timer = SetTimer(height=HEIGHT, round=Round(0), step=AT_PREVOTE, ms=Millis(500))
    d.prevotes(0, V, A)
    d.prevotes(0, W, B)
    assert timer not in d.prevotes(0, NIL, C), "not before our own prevote"
    assert timer in d.timeout(PROPOSE, 0)
    assert d.effects.count(timer) == 1


def test_the_precommit_timer_is_set_once_when_two_thirds_voted_anything(d: Seat) -> None:
    """Consensus 1.1.8."""
    timer = SetTimer(height=HEIGHT, round=Round(0), step=AT_PRECOMMIT, ms=Millis(500))
    assert d.precommits(0, NIL, A) == []
    assert d.precommits(0, V, B) == []
    assert d.precommits(0, NIL, C) == [timer]
    d.timeout(PROPOSE, 0)
    d.timeout(AT_PREVOTE, 0)
    assert d.effects.count(timer) == 1


def test_a_polka_is_locked_and_precommitted(d: Seat) -> None:
    """Consensus 1.1.6."""
    d.checked()
    d.proposed()
    d.prevotes(0, V, A)
    assert d.machine.locked_round == -1, "two of four are no polka"
    d.prevotes(0, V, B)
    assert d.said == [(PREVOTE, 0, V), (PRECOMMIT, 0, V)]
    assert (d.machine.locked_id, d.machine.locked_round) == (V, 0)
    assert (d.machine.valid_id, d.machine.valid_round) == (V, 0)


def test_a_polka_for_a_block_whose_proposal_is_missing_is_not_precommitted(d: Seat) -> None:
    """Consensus 1.1.15: the block is here, the proposal of this round is not."""
    d.checked()
    d.timeout(PROPOSE, 0)
    d.prevotes(0, V, A, B, C)
    assert (PRECOMMIT, 0, V) not in d.said
    assert d.machine.valid_id == V
    d.proposed()
    assert d.said[-1] == (PRECOMMIT, 0, V), "the proposal came in time after all"


def test_a_polka_for_another_block_than_the_proposed_is_not_precommitted(d: Seat) -> None:
    d.checked(V)
    d.checked(W)
    d.proposed(0, W)
    d.prevotes(0, V, A, B, C)
    assert d.said == [(PREVOTE, 0, W)]


def test_a_polka_for_an_invalid_block_is_not_precommitted(d: Seat) -> None:
    d.checked(valid=False)
    d.proposed()
    d.prevotes(0, V, A, B, C)
    assert d.said == [(PREVOTE, 0, NIL)]
    assert d.machine.valid_round == -1


def test_a_locked_node_prevotes_nil_for_a_fresh_block(b: Seat) -> None:
    """1.1.14 a, scenario 2, consensus 1.1.3: B locked v, round 2's proposer offers fresh w."""
    b.lock(V)
    b.pass_round(1)
    b.checked(W)
    b.proposed(2, W)
    assert b.said[-1] == (PREVOTE, 2, NIL)


def test_w_may_still_be_decided_by_the_others_and_then_the_locked_node_follows(b: Seat) -> None:
    """Scenario 2: three prevote w without B, and B never precommits both in one round."""
    b.lock(V)
    b.pass_round(1)
    b.checked(W)
    b.proposed(2, W)
    b.prevotes(2, W, A, C, D)
    assert b.said[-2:] == [(PREVOTE, 2, NIL), (PRECOMMIT, 2, W)]
    assert (b.machine.locked_id, b.machine.locked_round) == (W, 2)
    b.precommits(2, W, A, C)
    assert b.machine.decided == (2, W)


def test_a_locked_node_prevotes_its_own_block_when_it_is_proposed_afresh(d: Seat) -> None:
    """Consensus 1.1.3: locked on that very value."""
    d.lock(V)
    d.proposed(1, V)
    assert d.said[-1] == (PREVOTE, 1, V)


def test_a_proposer_with_a_valid_block_proposes_it_again(b: Seat) -> None:
    """Scenario 3, consensus 1.1.2: with the round of its polka and its own old time."""
    b.lock(V)
    effects = b.effects[-8:]
    again = replace(proposal(1, V, pol=0, time=NOW), signature=b"")
    assert Sign(message=again) in effects
    assert not any(isinstance(effect, Build) for effect in b.effects)
    assert b.said[-1] == (PREVOTE, 1, V)


def test_an_unlocked_node_prevotes_a_reproposal_whose_polka_it_saw(d: Seat) -> None:
    """Scenario 3, consensus 1.1.4; exempt from timeliness (1.5 B2, scenario 40)."""
    d.prevotes(0, V, A, B, C)
    d.pass_round(0)
    d.checked()
    d.proposed(1, V, pol=0, arrival=NOW + 1_000_000)
    assert d.said[-1] == (PREVOTE, 1, V)


def test_a_reproposal_waits_for_its_polka(d: Seat) -> None:
    """Consensus 1.2.5: it is complete only with the prevotes it names."""
    d.pass_round(0)
    d.checked()
    d.proposed(1, V, pol=0)
    d.prevotes(0, V, A, B)
    assert (PREVOTE, 1, V) not in d.said
    d.prevotes(0, V, C)
    assert d.said[-1] == (PREVOTE, 1, V)


def test_a_reproposal_with_a_claimed_polka_is_not_prevoted(b: Seat) -> None:
    """Scenario 4: nobody prevotes w; the propose timer leads to nil."""
    b.lock(V)
    b.pass_round(1)
    b.checked(W)
    b.proposed(2, W, pol=1)
    assert (PREVOTE, 2, W) not in b.said
    b.timeout(PROPOSE, 2)
    assert b.said[-1] == (PREVOTE, 2, NIL)
    assert b.machine.locked_id == V


def test_a_later_polka_frees_the_lock(b: Seat) -> None:
    """Consensus 1.1.4: locked at 0, and round 1 prevoted w."""
    b.lock(V)
    b.pass_round(1)
    b.checked(W)
    b.prevotes(1, W, A, C, D)
    b.proposed(2, W, pol=1)
    assert b.said[-1] == (PREVOTE, 2, W)


def test_an_older_polka_does_not_free_the_lock(d: Seat) -> None:
    """Consensus 1.1.4: locked at 1 on w; round 0's polka for v is older."""
    d.pass_round(0)
    d.checked(W)
    d.proposed(1, W)
    d.prevotes(1, W, A, B)
    assert d.machine.locked_round == 1
    d.timeout(AT_PRECOMMIT, 1)
    d.checked(V)
    d.prevotes(0, V, A, B, C)
    d.proposed(2, V, pol=0)
    assert d.said[-1] == (PREVOTE, 2, NIL)


def test_a_late_polka_sets_what_to_propose(d: Seat) -> None:
    """Scenario 5, consensus 1.1.6: the polka came after D precommitted nil."""
    d.checked()
    d.proposed()
    d.timeout(AT_PREVOTE, 0)
    assert d.said[-1] == (PRECOMMIT, 0, NIL)
    d.prevotes(0, V, A, B)
    assert d.machine.locked_round == -1
    assert (d.machine.valid_id, d.machine.valid_round) == (V, 0)
    d.timeout(AT_PRECOMMIT, 0)
    d.pass_round(1)
    d.pass_round(2)
    assert (PROPOSAL, 3, V) in d.said
    assert d.machine.proposal_at(Round(3)) == proposal(3, V, pol=0)


def test_a_polka_that_comes_rounds_late_still_sets_what_to_propose(d: Seat) -> None:
    d.checked()
    d.pass_round(0)
    d.pass_round(1)
    d.prevotes(0, V, A, B, C)
    assert (d.machine.valid_id, d.machine.valid_round) == (V, 0)


@pytest.mark.parametrize("rounds", [0, 1, 3])
def test_two_thirds_of_precommits_of_any_round_decide(d: Seat, rounds: int) -> None:
    """Scenario 6, consensus 1.1.9: whatever round and step D is in."""
    for number in range(rounds):
        d.pass_round(number)
    d.checked()
    d.precommits(0, V, A, B)
    assert d.machine.decided is None
    effects = d.precommits(0, V, C)
    decides = [effect for effect in effects if isinstance(effect, Decide)]
    assert [(one.round, one.block_id) for one in decides] == [(0, V)]
    check_tally(d.machine.config.validators, decides[0].commit)


@pytest.mark.parametrize("step", [PROPOSE, AT_PREVOTE, AT_PRECOMMIT])
def test_a_decision_comes_in_every_step(d: Seat, step: int) -> None:
    if step > PROPOSE:
        d.timeout(PROPOSE, 0)
    if step > AT_PREVOTE:
        d.timeout(AT_PREVOTE, 0)
    assert d.machine.step == step
    d.checked()
    d.precommits(0, V, A, B, C)
    assert d.machine.decided == (0, V)


def test_a_decision_comes_even_before_the_start(four: ValidatorSet, params: Consensus) -> None:
    seat = Seat(four, params, D)
    seat.checked()
    seat.precommits(0, V, A, B, C)
    assert seat.machine.decided == (0, V)
    assert seat.tell(Started()) == []


def test_votes_before_the_start_are_kept_and_answered_after_it(
    four: ValidatorSet, params: Consensus
) -> None:
    """1.1.1: the log is of the height, not of the step."""
    seat = Seat(four, params, D)
    seat.checked()
    seat.proposed()
    seat.prevotes(0, V, A, B)
    assert seat.effects == []
    seat.start()
    assert seat.said == [(PREVOTE, 0, V), (PRECOMMIT, 0, V)]


def test_two_thirds_of_nil_precommits_decide_nothing(d: Seat) -> None:
    d.precommits(0, NIL, A, B, C)
    assert d.machine.decided is None
    assert d.machine.step == PROPOSE


def test_a_decided_block_that_is_missing_is_fetched_and_nothing_else_matters(d: Seat) -> None:
    """Scenario 7, consensus 1.1.13."""
    assert d.precommits(0, V, A, B, C) == [WantBlock(block_id=V)]
    assert d.machine.wanted == (V,)
    assert d.machine.step == events.COMMIT
    for step in (PROPOSE, AT_PREVOTE, AT_PRECOMMIT):
        assert d.timeout(step, 0) == [], "the round does not go on for ever"
    assert d.checked(W) == [], "a wrong block"
    assert d.proposed() == []
    effects = d.checked(V)
    assert [type(effect) for effect in effects] == [Decide]
    assert not d.machine.wanted


def test_a_block_is_held_as_valid_once_it_was_checked_and_passed(d: Seat) -> None:
    assert not d.machine.holds_valid(V)
    d.checked(V)
    d.checked(W, valid=False)
    assert d.machine.holds_valid(V)
    assert not d.machine.holds_valid(W)


def test_a_decision_comes_once(d: Seat) -> None:
    """S3."""
    d.checked()
    d.precommits(0, V, A, B, C)
    d.checked()
    d.proposed()
    d.prevotes(0, V, A, B, C)
    d.timeout(AT_PRECOMMIT, 0)
    assert sum(isinstance(effect, Decide) for effect in d.effects) == 1
    assert d.machine.step == events.DECIDED


def test_late_precommits_join_the_commit(d: Seat) -> None:
    """Consensus 1.1.16."""
    d.checked()
    d.precommits(0, V, A, B, C)
    assert [slot.flag for slot in d.machine.commit().slots] == [1, 1, 1, 0]
    assert d.precommits(0, NIL, D) == []
    assert [slot.flag for slot in d.machine.commit().slots] == [FOR_BLOCK] * 3 + [FOR_NIL]


def test_our_own_precommit_may_come_back_signed_after_the_decision(
    four: ValidatorSet, params: Consensus
) -> None:
    seat = Seat(four, params, D)
    machine = seat.machine
    seat.start()
    seat.checked()
    seat.proposed()
    seat.prevotes(0, V, A)
    asked = machine.receive(VoteReceived(vote=vote(PREVOTE, 0, V, B)))
    seat.precommits(0, V, A, B, C)
    assert machine.decided is not None
    assert isinstance(asked[-1], Sign)
    mine = replace(asked[-1].message, signature=SIGNED)
    assert machine.receive(Signed(message=mine)) == (Send(message=mine),)
    assert machine.commit().slots[D].flag == FOR_BLOCK


def test_a_block_that_two_thirds_precommitted_and_we_find_invalid_stops_us(d: Seat) -> None:
    d.checked(valid=False)
    with pytest.raises(Divergence, match="height 5"):
        d.precommits(0, V, A, B, C)


def test_a_third_and_one_further_on_take_us_along(d: Seat) -> None:
    """1.1.14 c, scenario 8, consensus 1.1.10: straight from round 0 to round 7."""
    d.prevotes(7, V, A)
    assert d.machine.round == 0
    effects = d.precommits(7, NIL, B)
    assert d.machine.round == 7
    assert SetTimer(height=HEIGHT, round=Round(7), step=PROPOSE, ms=Millis(4_500)) in effects


def test_a_validator_counts_once_across_kinds(d: Seat) -> None:
    """Consensus 1.1.10: a prevote and a precommit of one are one."""
    d.prevotes(2, V, A)
    d.precommits(2, V, A)
    d.prevotes(1, V, A)
    assert d.machine.round == 0


def test_a_proposal_counts_for_its_proposer(d: Seat) -> None:
    d.proposed(2, V)
    d.prevotes(2, V, C)
    assert d.machine.round == 0, "C proposes round 2: one validator"
    d.prevotes(2, V, A)
    assert d.machine.round == 2


def test_the_round_that_a_third_reached_is_the_one_we_go_to(d: Seat) -> None:
    """A liar far ahead and an honest one at 7: the round that an honest one is in."""
    d.prevotes(1_000_000_000, V, A)
    d.prevotes(7, V, B)
    assert d.machine.round == 7


def test_one_liar_far_ahead_moves_nothing_and_costs_nothing(d: Seat) -> None:
    """Scenario 9: no skip, and nothing kept beyond two rounds ahead."""
    for number in range(1, 1_000):
        d.prevotes(number * 1_000_000, V, A)
        d.precommits(number, V, A)
    d.proposed(1_000_000, V)
    assert d.machine.round == 0
    assert d.machine.rounds.numbers() == [0, 1, 2]


def test_rounds_far_behind_are_forgotten_but_for_the_locked_one(b: Seat) -> None:
    """S10."""
    b.lock(V)
    for number in range(1, 3 * ROUNDS_KEPT):
        b.pass_round(number)
    kept = b.machine.rounds.numbers()
    assert kept[0] == 0
    assert kept[1:] == list(range(2 * ROUNDS_KEPT, 3 * ROUNDS_KEPT + 1))
    b.precommits(1, W, A, C, D)
    assert b.machine.decided is None


def test_nil_two_thirds_keep_the_lock(b: Seat) -> None:
    """1.1.14 b, scenario 10, consensus 1.1.7: nil never unlocks."""
    b.lock(V)
    b.timeout(PROPOSE, 1)
    b.prevotes(1, NIL, A, C, D)
    assert b.said[-1] == (PRECOMMIT, 1, NIL)
    assert (b.machine.locked_id, b.machine.locked_round) == (V, 0)
    b.timeout(AT_PRECOMMIT, 1)
    b.checked(W)
    b.proposed(2, W)
    assert b.said[-1] == (PREVOTE, 2, NIL)


def test_two_thirds_of_nil_precommit_nil_at_once(d: Seat) -> None:
    d.timeout(PROPOSE, 0)
    d.prevotes(0, NIL, A, B)
    assert d.said == [(PREVOTE, 0, NIL), (PRECOMMIT, 0, NIL)]


def test_a_polka_for_a_block_that_is_not_here_keeps_the_lock(b: Seat) -> None:
    """1.1.14 b, scenario 11: precommit nil, fetch, and later only the valid value changes."""
    b.lock(V)
    b.timeout(PROPOSE, 1)
    assert WantBlock(block_id=W) in b.prevotes(1, W, A, C, D)
    b.timeout(AT_PREVOTE, 1)
    assert b.said[-1] == (PRECOMMIT, 1, NIL)
    before = list(b.said)
    b.checked(W)
    assert b.said == before
    assert (b.machine.locked_id, b.machine.locked_round) == (V, 0)
    assert (b.machine.valid_id, b.machine.valid_round) == (W, 1)
    for number in (1, 2, 3, 4):
        b.timeout(PROPOSE, number)
        b.timeout(AT_PREVOTE, number)
        b.timeout(AT_PRECOMMIT, number)
    assert b.machine.proposal_at(Round(5)) == proposal(5, W, pol=1)


def test_a_second_vote_is_proof_once_and_counts_for_nothing(d: Seat) -> None:
    """Scenario 33 as far as a machine goes: A prevotes v, then w, then nil."""
    d.checked()
    d.proposed()
    first, second = vote(PREVOTE, 0, V, A), vote(PREVOTE, 0, W, A)
    assert d.tell(VoteReceived(vote=first)) == []
    assert d.tell(VoteReceived(vote=second)) == [Conflict(kind=PREVOTE, first=first, second=second)]
    assert d.prevotes(0, NIL, A) == []
    assert d.prevotes(0, V, A) == []
    assert d.machine.locked_round == -1
    d.prevotes(0, W, B)
    assert d.machine.rounds.open(0).prevotes.two_thirds_for() is None


def test_a_vote_with_another_signature_is_no_second_vote(d: Seat) -> None:
    d.prevotes(0, V, A)
    again = replace(vote(PREVOTE, 0, V, A), signature=b"\x01" * 64)
    assert d.tell(VoteReceived(vote=again)) == []


@pytest.mark.parametrize(
    "second",
    [
        pytest.param(proposal(0, W), id="another block"),
        pytest.param(proposal(0, V, time=NOW + 1), id="another time"),
    ],
)
def test_a_second_proposal_is_proof_once_and_the_first_stays(d: Seat, second: Proposal) -> None:
    """Scenario 30 as far as a machine goes, consensus 1.2.6."""
    d.proposed(0, V)
    told = ProposalReceived(proposal=second, arrival_ms=Millis(NOW))
    first = proposal(0, V)
    assert d.tell(told) == [Conflict(kind=PROPOSAL, first=first, second=second)]
    assert d.tell(told) == []
    assert d.machine.proposal_at(Round(0)) == first


def test_a_liar_that_shows_two_faces_cannot_stop_those_locked_from_being_followed(d: Seat) -> None:
    """A prevoted v to B and nil to D. B locked v; D must be able to see B's polka."""
    d.prevotes(0, NIL, A)
    d.prevotes(0, V, B, C)
    d.pass_round(0)
    d.checked()
    d.proposed(1, V, pol=0)
    assert (PREVOTE, 1, V) not in d.said
    d.prevotes(0, V, A)
    assert d.said[-1] == (PREVOTE, 1, V)


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(replace(vote(PREVOTE, 0, V, A), validator=4), id="a place outside the set"),
        pytest.param(
            replace(vote(PREVOTE, 0, V, A), height=Height(4)), id="a vote of a past height"
        ),
        pytest.param(replace(proposal(0, V), height=Height(6)), id="a proposal of a later height"),
        pytest.param(proposal(1, V, pol=1), id="a POL round that is the round"),
        pytest.param(proposal(0, V, pol=2), id="a POL round after the round"),
    ],
)
def test_what_no_validator_of_this_height_says_changes_nothing(d: Seat, message: Message) -> None:
    """Scenario 35, consensus 1.2.1."""
    before = d.machine.rounds.numbers()
    if isinstance(message, Proposal):
        told: Event = ProposalReceived(proposal=message, arrival_ms=Millis(NOW))
    else:
        told = VoteReceived(vote=message)
    assert d.tell(told) == []
    assert d.machine.rounds.numbers() == before
    assert d.machine.proposal_at(Round(message.round)) is None


def test_we_do_not_say_the_contrary_of_what_the_network_heard_from_us(d: Seat) -> None:
    """Consensus 1.9.7: a vote of ours is about that we do not remember."""
    d.prevotes(0, W, D)
    d.checked()
    d.proposed()
    assert d.said == []
    assert any(isinstance(effect, Conflict) for effect in d.effects)


def test_a_signature_that_comes_when_its_round_is_forgotten_is_still_sent(d: Seat) -> None:
    mine = vote(PREVOTE, 1, V, D)
    assert d.tell(Signed(message=mine)) == [Send(message=mine)]


def test_blocks_checked_without_end_do_not_fill_memory(b: Seat) -> None:
    """S10: the locked block's verdict is still known after thousands of others."""
    b.lock(V)
    for number in range(500):
        b.checked(digest(b"test", bytes([number % 256, number // 256])))
    assert len(b.machine._blocks._verdicts) == 2 * ROUNDS_KEPT
    b.pass_round(1)
    b.proposed(2, V, pol=0)
    assert b.said[-1] == (PREVOTE, 2, V)


def test_the_same_events_give_the_same_effects(
    b: Seat, four: ValidatorSet, params: Consensus
) -> None:
    """Consensus 1.7.5: a log is replayed through the same machine."""
    b.lock(V)
    b.prevotes(1, W, A, C)
    b.prevotes(1, V, A)
    b.precommits(7, V, A, C)
    b.checked(W)
    b.precommits(1, W, A, C, D)
    machine = Machine(b.machine.config)
    assert [effect for event in b.events for effect in machine.receive(event)] == b.effects


def test_a_machine_alone_decides_alone(params: Consensus, four: ValidatorSet) -> None:
    alone = replace(four, validators=four.validators[:1], priorities=(0,))
    seat = Seat(alone, params, 0).start()
    seat.tell(Built(round=Round(0), block_id=V, time_ms=Millis(NOW)))
    assert seat.machine.decided == (0, V)
