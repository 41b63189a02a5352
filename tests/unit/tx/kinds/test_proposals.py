"""Who proposes, who decides with what, when a vote closes, and the faults that are not copied (P21).

The first half of a name like `test_one_voter_votes_twice` is a fault of the real chain; here it is
refused.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tfchain.base.crypto import public_key
from tfchain.base.units import (
    Address,
    FarmId,
    Height,
    MilliUsd,
    PeriodIndex,
    ScheduleId,
    Seconds,
    TwinId,
    Utft,
)
from tfchain.ledger import tables
from tfchain.ledger.electorate import UNKNOWN, standing_of
from tfchain.ledger.measures import (
    CertifyFarm,
    Halt,
    LowerCap,
    Measure,
    SeatGuardian,
    SetPrice,
    SetRule,
)
from tfchain.ledger.proposals import (
    DECLINED,
    OPEN,
    OPEN_EACH_MAX,
    PASSED,
    VETOED,
    Electorate,
    Electorates,
    FarmWeight,
    Proposal,
)
from tfchain.ledger.records import Account, Farm, Guardians, Twin, TwinRef
from tfchain.ledger.state import State
from tfchain.tx import proposals
from tfchain.tx.kinds.propose import Propose
from tfchain.tx.kinds.veto_proposal import VetoProposal
from tfchain.tx.kinds.vote_as_guardian import VoteAsGuardian
from tfchain.tx.kinds.vote_proposal import VoteProposal

if TYPE_CHECKING:
    from tests.unit.tx.conftest import Act

START = 1_700_000_000
USUAL = 60
WEIGHTS = (10, 20, 30, 40, 50, 60)
"""Of farms 1 to 6, owned by seeds 101 to 106."""
PAID = Electorate(schedule=ScheduleId(0), period=PeriodIndex(4), farms=6, weight=sum(WEIGHTS))


def _who(number: int) -> Address:
    return Address(public_key(bytes([number]) * 32))


GUARDIANS = tuple(sorted(_who(number) for number in (7, 8, 9, 10)))


def _owner(farm: int) -> Address:
    return _who(100 + farm)


@pytest.fixture
def hall(state: State) -> State:
    """Six farms that were paid in three batches, one that never was, and four guardians."""
    for farm in range(1, 8):
        number, owner = tables.id_key(farm), _owner(farm)
        twin = Twin(id=TwinId(farm), account=owner, relay="r", public_key=b"")
        row = Farm(
            id=FarmId(farm),
            twin_id=TwinId(farm),
            name=f"farm{farm}",
            payout_account=owner,
            stellar_address="",
        )
        tables.TWINS.put(state, number, twin)
        tables.TWIN_OF.put(state, owner, TwinRef(twin_id=TwinId(farm)))
        tables.FARMS.put(state, number, row)
        tables.ACCOUNTS.put(state, owner, Account(balance=Utft(10**9), nonce=0))
    for farm, weight in enumerate(WEIGHTS, start=1):
        place = tables.in_batch(tables.batch_key(PAID.schedule, PAID.period), farm)
        tables.WEIGHTS.put(state, place, FarmWeight(weight=weight))
        tables.STANDINGS.put(state, tables.id_key(farm), replace(UNKNOWN, paid_batches=3))
    tables.ELECTORATES.put(state, tables.SINGLE, Electorates(paid=(PAID,), paying=()))
    tables.GUARDIANS.put(state, tables.SINGLE, Guardians(accounts=GUARDIANS))
    return state


def _ask(measure: Measure, farm: int = 0, *, threshold: int = 5, seconds: int = 0) -> Propose:
    return Propose(
        farm_id=FarmId(farm),
        measure=measure,
        text_hash=bytes(32),
        link="https://example.org/gep",
        threshold=threshold,
        seconds=Seconds(seconds),
    )


PRICE = SetPrice(price=MilliUsd(90))
CAP = LowerCap(cap=Utft(10**16))
HALT = Halt(halted=True)


def _vote(farm: int, *, yes: bool = True, number: int = 1) -> VoteProposal:
    return VoteProposal(proposal=number, farm_id=FarmId(farm), yes=yes)


def _proposal(state: State, number: int = 1) -> Proposal:
    return tables.PROPOSALS.need(state, tables.id_key(number))


def _end(state: State, time: int = START + USUAL + 1) -> int:
    proposals.close_due(state, Height(9), Seconds(time))
    return _proposal(state).state


# --- who proposes, and what -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sender", "body", "code"),
    [
        pytest.param(_owner(1), _ask(PRICE, 1), "ok", id="a farm that was paid three times"),
        pytest.param(GUARDIANS[0], _ask(PRICE), "ok", id="a guardian, for farms to vote on"),
        pytest.param(GUARDIANS[0], _ask(HALT), "ok", id="a guardian, for guardians"),
        pytest.param(_owner(2), _ask(PRICE, 1), "not_the_owner", id="for another's farm"),
        pytest.param(_owner(7), _ask(PRICE, 7), "too_new", id="a farm that was never paid"),
        pytest.param(_owner(1), _ask(PRICE, 70), "unknown_farm", id="a farm that is not there"),
        pytest.param(_owner(1), _ask(PRICE), "not_a_guardian", id="a farmer as a guardian"),
        pytest.param(_owner(1), _ask(HALT, 1), "not_a_guardian", id="a farm, what guardians do"),
        pytest.param(_owner(1), _ask(PRICE, 1, threshold=4), "threshold", id="four farms to vote"),
        pytest.param(_owner(1), _ask(PRICE, 1, seconds=8), "duration", id="below a seventh"),
        pytest.param(_owner(1), _ask(PRICE, 1, seconds=9), "ok", id="a seventh of the usual"),
        pytest.param(_owner(1), _ask(PRICE, 1, seconds=257), "ok", id="below thirty sevenths"),
        pytest.param(_owner(1), _ask(PRICE, 1, seconds=258), "duration", id="thirty sevenths"),
        pytest.param(
            _owner(1), _ask(SetPrice(price=MilliUsd(80)), 1), "no_change", id="what is so already"
        ),
        pytest.param(
            _owner(1), _ask(LowerCap(cap=Utft(10**17)), 1), "cap_rises", id="what cannot be done"
        ),
    ],
)
def test_who_may_propose(
    hall: State, act: "Act", sender: Address, body: Propose, code: str
) -> None:
    assert act(body, sender) == code
    assert (tables.PROPOSALS.get(hall, tables.id_key(1)) is not None) == (code == "ok")


def test_a_tenth_of_many_farms_must_vote(hall: State, act: "Act") -> None:
    many = replace(PAID, farms=61)
    tables.ELECTORATES.put(hall, tables.SINGLE, Electorates(paid=(many,), paying=()))
    assert act(_ask(PRICE, 1, threshold=6), _owner(1)) == "threshold"
    assert act(_ask(PRICE, 1, threshold=7), _owner(1)) == "ok"


def test_the_same_measure_is_not_voted_on_twice_at_once(hall: State, act: "Act") -> None:
    assert act(_ask(PRICE, 1), _owner(1)) == "ok"
    assert act(_ask(PRICE, 2), _owner(2)) == "duplicate_proposal"
    assert _end(hall) == DECLINED
    assert act(_ask(PRICE, 2), _owner(2)) == "ok"


def test_nobody_fills_the_docket_alone(hall: State, act: "Act") -> None:
    for price in range(1, 1 + OPEN_EACH_MAX):
        assert act(_ask(SetPrice(price=MilliUsd(price)), 1), _owner(1)) == "ok"
    assert act(_ask(PRICE, 1), _owner(1)) == "docket_full"
    assert act(_ask(PRICE, 2), _owner(2)) == "ok"


# --- farms ----------------------------------------------------------------------------------------


def _open(act: "Act", measure: Measure = PRICE, threshold: int = 5) -> None:
    assert act(_ask(measure, 1, threshold=threshold), _owner(1)) == "ok"


def test_a_vote_closes_at_its_threshold_and_the_heavier_side_wins(hall: State, act: "Act") -> None:
    _open(act)
    for farm in (1, 2, 3, 4):
        assert act(_vote(farm, yes=farm > 2), _owner(farm)) == "ok"
        assert _proposal(hall).state == OPEN
    assert act(_vote(5, yes=False), _owner(5)) == "ok"
    found = _proposal(hall)
    assert (found.state, found.farms_yes, found.farms_no) == (DECLINED, 2, 3)
    assert (found.yes, found.no) == (70, 80)
    assert act(_vote(6), _owner(6)) == "closed"


def test_it_passes_and_waits_to_be_enacted(hall: State, act: "Act") -> None:
    _open(act)
    for farm in (2, 3, 4, 5, 6):
        assert act(_vote(farm), _owner(farm)) == "ok"
    assert _proposal(hall).state == PASSED
    docket = tables.DOCKET.need(hall, tables.SINGLE)
    assert (docket.open, docket.passed) == ((), (1,))
    assert tables.PARAMS.need(hall, tables.SINGLE).connection_price == 80


def test_nothing_closes_by_itself_but_here_the_end_does(hall: State, act: "Act") -> None:
    """On the real chain somebody must ask for it."""
    _open(act, threshold=6)
    for farm in (2, 3, 4, 5, 6):
        assert act(_vote(farm), _owner(farm)) == "ok"
    assert _end(hall, START + USUAL) == OPEN
    assert act(_vote(1), _owner(1), START + USUAL + 1) == "closed"
    assert _end(hall) == DECLINED, "five farms voted where six were due"


def test_a_tie_is_no(hall: State, act: "Act") -> None:
    _open(act)
    for farm in (1, 2, 3, 6):  # 120
        place = tables.in_batch(tables.batch_key(PAID.schedule, PAID.period), 5)
        tables.WEIGHTS.put(hall, place, FarmWeight(weight=120))
        assert act(_vote(farm), _owner(farm)) == "ok"
    assert act(_vote(5, yes=False), _owner(5)) == "ok"
    assert _proposal(hall).state == DECLINED


@pytest.mark.parametrize(
    "measure",
    [
        pytest.param(CAP, id="the cap"),
        pytest.param(SeatGuardian(account=_who(3), seated=True), id="the guardians"),
    ],
)
def test_what_is_for_good_never_closes_early(hall: State, act: "Act", measure: Measure) -> None:
    _open(act, measure)
    for farm in range(1, 7):
        assert act(_vote(farm), _owner(farm)) == "ok"
    assert _proposal(hall).state == OPEN
    assert _end(hall) == PASSED


@pytest.mark.parametrize(
    ("sender", "body", "code"),
    [
        pytest.param(_owner(2), _vote(1), "not_the_owner", id="with another's farm"),
        pytest.param(_owner(7), _vote(7), "no_weight", id="with a farm that was not paid"),
        pytest.param(_owner(1), _vote(1, number=2), "unknown_proposal", id="on nothing"),
        pytest.param(
            GUARDIANS[0], VoteAsGuardian(proposal=1, yes=True), "wrong_chamber", id="as a guardian"
        ),
    ],
)
def test_a_vote_that_does_not_count(
    hall: State, act: "Act", sender: Address, body: VoteProposal, code: str
) -> None:
    _open(act)
    before = _proposal(hall)
    assert act(body, sender) == code
    assert _proposal(hall) == before


def test_one_voter_votes_twice(hall: State, act: "Act") -> None:
    """On the real chain's bridge a validator could vote often enough to be the majority alone."""
    _open(act)
    assert act(_vote(1), _owner(1)) == "ok"
    for _ in range(5):
        assert act(_vote(1), _owner(1)) == "duplicate_vote"
    assert (_proposal(hall).farms_yes, _proposal(hall).yes) == (1, 10)


def test_a_turned_vote_changes_sides_and_counts_once(hall: State, act: "Act") -> None:
    _open(act)
    for yes in (True, False, True, False):
        assert act(_vote(4, yes=yes), _owner(4)) == "ok"
    found = _proposal(hall)
    assert (found.farms_yes, found.yes, found.farms_no, found.no) == (0, 0, 1, 40)


def test_a_node_that_moves_votes_for_two_farms(hall: State, act: "Act") -> None:
    """Farms weigh by the batch that the vote was opened by, whatever is paid meanwhile."""
    _open(act)
    newer = replace(PAID, period=PeriodIndex(5))
    place = tables.in_batch(tables.batch_key(newer.schedule, newer.period), 2)
    tables.WEIGHTS.put(hall, place, FarmWeight(weight=10**9))
    tables.ELECTORATES.put(hall, tables.SINGLE, Electorates(paid=(newer,), paying=()))
    assert act(_vote(2), _owner(2)) == "ok"
    assert _proposal(hall).yes == 20


def test_who_voted_what_stays_on_the_ledger(hall: State, act: "Act") -> None:
    _open(act)
    assert act(_vote(3, yes=False), _owner(3)) == "ok"
    row = tables.VOTES.need(hall, proposals.vote_key(1, FarmId(3)))
    assert (row.account, row.weight, row.yes, row.height) == (_owner(3), 30, False, 1)


def test_every_vote_that_was_cast_is_listed_turned_ones_too(hall: State, act: "Act") -> None:
    _open(act)
    for farm, yes in ((3, True), (4, True), (3, False)):
        assert act(_vote(farm, yes=yes), _owner(farm)) == "ok"
    cast = [tables.VOTES.need(hall, proposals.cast_key(1, place)) for place in range(3)]
    assert _proposal(hall).casts == 3
    assert [(row.farm_id, row.yes) for row in cast] == [(3, True), (4, True), (3, False)]


# --- guardians ------------------------------------------------------------------------------------


def _say(number: int, *, yes: bool = True, proposal: int = 1) -> tuple[VoteAsGuardian, Address]:
    return VoteAsGuardian(proposal=proposal, yes=yes), GUARDIANS[number]


def test_more_than_two_thirds_of_the_heads_carry_it_at_once(hall: State, act: "Act") -> None:
    assert act(_ask(HALT), GUARDIANS[0]) == "ok"
    for number in (0, 1):
        assert act(*_say(number)) == "ok"
    assert act(*_say(1)) == "duplicate_vote"
    assert _proposal(hall).state == OPEN
    assert act(*_say(2)) == "ok"
    assert _proposal(hall).state == PASSED


def test_it_is_declined_once_two_thirds_are_out_of_reach(hall: State, act: "Act") -> None:
    assert act(_ask(HALT), GUARDIANS[0]) == "ok"
    assert act(*_say(0, yes=False)) == "ok"
    assert _proposal(hall).state == OPEN
    assert act(*_say(1, yes=False)) == "ok"
    assert _proposal(hall).state == DECLINED


def test_what_no_two_thirds_wanted_in_time_is_declined(hall: State, act: "Act") -> None:
    assert act(_ask(HALT), GUARDIANS[0]) == "ok"
    assert _end(hall) == DECLINED


def test_a_guardian_that_left_its_seat_is_not_counted(hall: State, act: "Act") -> None:
    assert act(_ask(HALT), GUARDIANS[0]) == "ok"
    for number in (0, 1):
        assert act(*_say(number)) == "ok"
    tables.GUARDIANS.put(hall, tables.SINGLE, Guardians(accounts=GUARDIANS[1:]))
    assert act(*_say(0)) == "not_a_guardian"
    assert act(*_say(2)) == "ok"
    assert _proposal(hall).guardians_yes == GUARDIANS[1:3], "two of three are no more than 2/3"
    assert _proposal(hall).state == OPEN


def test_farms_do_not_vote_on_what_guardians_decide(hall: State, act: "Act") -> None:
    rule = SetRule(name="farming_2018.difficulty", value=6)
    assert act(_ask(rule, threshold=0), GUARDIANS[0]) == "ok"
    assert act(_vote(1), _owner(1)) == "wrong_chamber"
    assert act(VetoProposal(proposal=1), GUARDIANS[0]) == "wrong_chamber"


def test_three_vetoes_kill_it_and_nobody_vetoes_twice(hall: State, act: "Act") -> None:
    _open(act)
    veto = VetoProposal(proposal=1)
    assert act(veto, _owner(1)) == "not_a_guardian"
    for number in (0, 1):
        assert act(veto, GUARDIANS[number]) == "ok"
        assert act(veto, GUARDIANS[number]) == "duplicate_veto"
    assert _proposal(hall).state == OPEN
    assert act(veto, GUARDIANS[2]) == "ok"
    assert _proposal(hall).state == VETOED
    assert act(_vote(1), _owner(1)) == "closed"


def test_an_unknown_standing_is_a_blank_one(hall: State) -> None:
    assert standing_of(hall, FarmId(99)) == UNKNOWN


def test_nobody_but_guardians_certify(hall: State, act: "Act") -> None:
    """On the real chain one council member alone could approve a validator."""
    measure = CertifyFarm(farm_id=FarmId(1), gold=True)
    assert act(_ask(measure, threshold=0), GUARDIANS[0]) == "ok"
    assert act(*_say(0)) == "ok"
    assert _proposal(hall).state == OPEN
    assert act(_vote(1), _owner(1)) == "wrong_chamber"
