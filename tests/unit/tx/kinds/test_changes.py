"""Who may propose, who votes with what, what carries a change, and what refuses it (1.10, P24)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tfchain.base.crypto import public_key
from tfchain.base.limits import COMMIT_SLOTS_MAX
from tfchain.base.units import Address, Height, Power, Round, Seconds, Utft
from tfchain.ledger import roster, tables
from tfchain.ledger.changes import CARRIED, OPEN, OPEN_MAX, Agenda, Join
from tfchain.ledger.commit import PREVOTE
from tfchain.ledger.params import Params
from tfchain.ledger.seats import LEAVING_MAX, Fault, Members, Roster, Seat
from tfchain.ledger.state import State
from tfchain.ledger.validators import POWER_TOTAL_MAX, Validator, validator_address
from tfchain.tx.changes import GUESTS_MAX, bond_held, expire
from tfchain.tx.kind import Kind
from tfchain.tx.kinds.leave_validators import LeaveValidators
from tfchain.tx.kinds.propose_constant import ProposeConstant
from tfchain.tx.kinds.propose_power import ProposePower
from tfchain.tx.kinds.propose_upgrade import ProposeUpgrade
from tfchain.tx.kinds.propose_validator import ProposeValidator
from tfchain.tx.kinds.vote_change import VoteChange

if TYPE_CHECKING:
    from tests.unit.tx.conftest import Act

FIRST = Height(1)
BOND = 1_000
RICH = Address(public_key(bytes([1]) * 32))


def _key(number: int) -> Address:
    return Address(public_key(bytes([number]) * 32))


def _at(number: int) -> bytes:
    return validator_address(_key(number))


def _pay(number: int) -> Address:
    """The account that a validator is paid to."""
    return Address(bytes([number]) * 32)


def _seat(state: State, powers: Sequence[int]) -> State:
    """Validators 11 and up with these powers; the block under way is block 1."""
    rows = []
    for number, power in enumerate(powers, start=11):
        seat = Seat(
            key=_key(number),
            power=Power(power),
            bond=Utft(BOND),
            reward_account=_pay(number),
            jailed=False,
            fault=None,
            answers_from=FIRST,
            left=None,
        )
        tables.SEATS.put(state, _at(number), seat)
        rows.append(
            Validator(
                address=_at(number),
                key=_key(number),
                power=Power(power),
                reward_account=_pay(number),
            )
        )
    rows.sort(key=lambda row: row.address)
    tables.MEMBERS.put(state, tables.height_key(FIRST), Members(validators=tuple(rows)))
    blank = Roster(newest=FIRST, before=FIRST, accused=(), leaving=(), past_first=0)
    tables.ROSTER.put(state, tables.SINGLE, blank)
    tables.AGENDA.put(state, tables.SINGLE, Agenda(last=0, open=()))
    return state


@pytest.fixture
def four(state: State) -> State:
    """Validators 11 to 14 with power 10 each."""
    return _seat(state, (10, 10, 10, 10))


def _power(number: int, power: int, *, force: bool = True) -> ProposePower:
    return ProposePower(validator=_at(number), power=Power(power), force=force)


def _join(
    number: int = 50, power: int = 10, *, bond: int = 5_000, force: bool = False
) -> ProposeValidator:
    return ProposeValidator(
        validator_key=_key(number),
        power=Power(power),
        bond=Utft(bond),
        reward_account=_pay(number),
        force=force,
    )


def _constant(name: str = "consensus.propose", value: int = 1_500) -> ProposeConstant:
    return ProposeConstant(name=name, value=value)


def _yes(number: int = 1) -> VoteChange:
    return VoteChange(change=number, yes=True)


def _powers(state: State) -> dict[int, int]:
    names = {_at(number): number for number in range(11, 70)}
    return {names[row.address]: row.power for row in roster.newest(state)}


def _change(state: State, number: int = 1) -> int:
    return tables.CHANGES.need(state, tables.id_key(number)).state


# --- who decides ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind",
    [_power(11, 5), _constant(), ProposeUpgrade(height=Height(9), rules=2, release="9")],
    ids=["a power", "a constant", "an upgrade"],
)
def test_only_a_validators_account_proposes(four: State, act: "Act", kind: Kind) -> None:
    assert act(kind, RICH) == "not_a_validator"
    assert act(kind, _key(11)) == "not_a_validator", "its key is not its account"
    assert act(kind, _pay(11)) == "ok"


def test_more_than_two_thirds_carry_a_change(four: State, act: "Act", params: Params) -> None:
    """20 of 40 and even 26 of 39 would not do; 30 of 40 do."""
    assert act(_constant(), _pay(11)) == "ok"
    assert act(_yes(), _pay(12)) == "ok"
    assert tables.PARAMS.need(four, tables.SINGLE) == params
    assert act(_yes(), _pay(13)) == "ok"
    assert tables.PARAMS.need(four, tables.SINGLE).consensus.propose == 1_500
    assert _change(four) == CARRIED
    assert tables.AGENDA.need(four, tables.SINGLE) == Agenda(last=1, open=())
    assert act(_yes(), _pay(14)) == "closed"


def test_two_thirds_are_not_enough(state: State, act: "Act", params: Params) -> None:
    _seat(state, (10, 10, 10))
    act(_constant(), _pay(11))
    assert act(_yes(), _pay(12)) == "ok"
    assert tables.PARAMS.need(state, tables.SINGLE) == params
    assert _change(state) == OPEN


def test_a_vote_counts_once_and_may_be_taken_back(four: State, act: "Act") -> None:
    act(_constant(), _pay(11))
    for _ in range(3):
        assert act(_yes(), _pay(12)) == "ok"
    assert act(VoteChange(change=1, yes=False), _pay(12)) == "ok"
    assert tables.CHANGES.need(four, tables.id_key(1)).yes == (_pay(11),)
    assert act(_yes(), _pay(13)) == "ok"
    assert _change(four) == OPEN


def test_votes_weigh_as_much_as_the_power_they_speak_for(state: State, act: "Act") -> None:
    """One account of several validators has the power of them all."""
    _seat(state, (10, 10, 10, 10))
    for number in (12, 13):
        row = tables.SEATS.need(state, _at(number))
        tables.SEATS.put(state, _at(number), replace(row, reward_account=_pay(11)))
    rows = tuple(
        replace(row, reward_account=_pay(11)) if row.address in (_at(12), _at(13)) else row
        for row in roster.newest(state)
    )
    tables.MEMBERS.put(state, tables.height_key(FIRST), Members(validators=rows))
    assert act(_constant(), _pay(11)) == "ok"
    assert _change(state) == CARRIED


def test_whoever_has_no_power_left_has_no_vote_left(four: State, act: "Act") -> None:
    act(_constant(), _pay(11))
    act(_yes(), _pay(12))
    roster.set_power(four, FIRST, _at(12), Power(0))
    assert act(_yes(), _pay(12)) == "not_a_validator"
    assert act(_yes(), _pay(13)) == "ok"
    assert tables.CHANGES.need(four, tables.id_key(1)).yes == tuple(sorted((_pay(11), _pay(13))))
    assert _change(four) == OPEN, "20 of 30"
    assert act(_yes(), _pay(14)) == "ok"
    assert _change(four) == CARRIED


def test_what_nobody_proposed_cannot_be_voted_on(four: State, act: "Act") -> None:
    assert act(_yes(7), _pay(11)) == "unknown_change"


# --- joining and leaving ----------------------------------------------------------------------------


def test_a_stranger_joins_by_a_vote_and_puts_up_its_bond(four: State, act: "Act") -> None:
    before = tables.ACCOUNTS.need(four, RICH).balance
    assert act(_join(), RICH) == "ok"
    assert tables.ACCOUNTS.need(four, RICH).balance == before - 5_000
    held = tables.CHANGES.need(four, tables.id_key(1))
    assert (bond_held(held), held.proposer, held.yes) == (5_000, RICH, ())
    for number in (11, 12, 13):
        assert act(_yes(), _pay(number)) == "ok"
    assert _powers(four) == {11: 10, 12: 10, 13: 10, 14: 10, 50: 10}
    seat = tables.SEATS.need(four, _at(50))
    assert (seat.bond, seat.power, seat.answers_from) == (5_000, 10, 3)
    assert bond_held(tables.CHANGES.need(four, tables.id_key(1))) == 0
    assert roster.roster_of(four).newest == 3, "block 1 changes the set of height 3"
    assert roster.changed(four, FIRST) == roster.newest(four)
    assert roster.changed(four, Height(2)) is None


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        pytest.param(_join(11), "known_validator", id="one that is there"),
        pytest.param(_join(bond=1 << 62), "balance", id="a bond that is not there"),
        pytest.param(_join(power=POWER_TOTAL_MAX), "power_total", id="overflow"),
    ],
)
def test_a_join_that_could_never_be_is_refused_at_once(
    four: State, act: "Act", kind: Kind, code: str
) -> None:
    """1.10.2, scenario 44: same code everywhere, nothing half done."""
    before = list(four.changes())
    assert act(kind, RICH) == code
    assert list(four.changes()) == before


def test_two_votes_for_one_seat_are_carried_once(four: State, act: "Act") -> None:
    act(_join(), RICH)
    act(_join(), RICH)
    for number in (11, 12, 13):
        assert act(_yes(1), _pay(number)) == "ok"
    codes = [act(_yes(2), _pay(number)) for number in (11, 12, 13, 14)]
    assert codes == ["ok", "ok", "ok", "known_validator"], "30 of 50 carry nothing, 40 do"
    assert _change(four, 2) == OPEN


def test_a_set_has_room_for_so_many(state: State, act: "Act") -> None:
    _seat(state, (10, *[1] * 9))
    members = roster.newest(state)
    fill = [
        replace(members[0], address=bytes([1, n % 256, n // 256]) + bytes(17), power=Power(1))
        for n in range(COMMIT_SLOTS_MAX - len(members))
    ]
    row = Members(validators=tuple(sorted((*members, *fill), key=lambda one: one.address)))
    tables.MEMBERS.put(state, tables.height_key(FIRST), row)
    assert act(_join(power=1), RICH) == "set_full"


def test_a_validator_leaves_by_itself(four: State, act: "Act") -> None:
    assert act(LeaveValidators(validator=_at(14)), _pay(14)) == "ok"
    assert _powers(four) == {11: 10, 12: 10, 13: 10}
    seat = tables.SEATS.need(four, _at(14))
    assert (seat.power, seat.left, seat.bond) == (0, 2, BOND)
    assert roster.roster_of(four).leaving == (_at(14),)
    assert act(LeaveValidators(validator=_at(14)), _pay(14)) == "no_change"


@pytest.mark.parametrize(
    ("sender", "number", "code"),
    [
        pytest.param(12, 14, "not_the_owner", id="another's"),
        pytest.param(14, 60, "unknown_validator", id="nobody's"),
    ],
)
def test_nobody_makes_another_leave(
    four: State, act: "Act", sender: int, number: int, code: str
) -> None:
    assert act(LeaveValidators(validator=_at(number)), _pay(sender)) == code


def test_the_accused_answers_before_it_leaves_or_gets_power(four: State, act: "Act") -> None:
    fault = Fault(
        kind=PREVOTE, height=Height(1), round=Round(0), committed=Height(1), burned=Utft(BOND)
    )
    seat = replace(tables.SEATS.need(four, _at(14)), fault=fault)
    tables.SEATS.put(four, _at(14), seat)
    assert act(LeaveValidators(validator=_at(14)), _pay(14)) == "accused"
    assert act(_power(14, 0), _pay(11)) == "accused"


@pytest.mark.parametrize("kind", ["leave", "vote"])
def test_the_last_validator_stays(state: State, act: "Act", kind: str) -> None:
    """1.10.2, scenario 44: nothing empties a set, not even a vote with force."""
    _seat(state, (10,))
    by_itself = LeaveValidators(validator=_at(11))
    assert act(by_itself if kind == "leave" else _power(11, 0), _pay(11)) == "last_validator"
    assert _powers(state) == {11: 10}


def test_so_many_bonds_are_held_back_at_once(four: State, act: "Act") -> None:
    full = replace(roster.roster_of(four), leaving=(bytes(20),) * LEAVING_MAX)
    tables.ROSTER.put(four, tables.SINGLE, full)
    assert act(LeaveValidators(validator=_at(14)), _pay(14)) == "leaving_full"
    assert _powers(four) == {11: 10, 12: 10, 13: 10, 14: 10}


# --- power, and the guard of a third ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "power", "code"),
    [
        pytest.param(14, 11, "ok", id="more"),
        pytest.param(14, 0, "ok", id="voted out"),
        pytest.param(14, 10, "no_change", id="what it has"),
        pytest.param(60, 0, "unknown_validator", id="44: removing a stranger"),
        pytest.param(14, POWER_TOTAL_MAX, "power_total", id="44: overflow"),
    ],
)
def test_power_is_set_by_a_vote(
    four: State, act: "Act", number: int, power: int, code: str
) -> None:
    assert act(_power(number, power), _pay(11)) == code
    if code == "ok":
        for voter in (12, 13):
            assert act(_yes(), _pay(voter)) == "ok"
        assert _powers(four).get(number, 0) == power
        assert tables.SEATS.need(four, _at(number)).power == power


@pytest.mark.parametrize(
    ("powers", "force", "code"),
    [
        pytest.param((23,), False, "ok", id="13 of 40 move"),
        pytest.param((24,), False, "third", id="14 of 40 move"),
        pytest.param((24,), True, "ok", id="14 of 40, with force"),
        pytest.param((17, 16), False, "ok", id="7 and 6 in one block"),
        pytest.param((17, 17), False, "third", id="7 and 7 in one block"),
        pytest.param((3, 16), False, "ok", id="7 down and 6 up"),
        pytest.param((3, 17), False, "third", id="7 down and 7 up"),
    ],
)
def test_less_than_a_third_moves_in_one_block_without_force(
    four: State, act: "Act", powers: tuple[int, ...], force: bool, code: str
) -> None:
    """S 1.10.4, P24: counted over all that the block has changed so far."""
    codes = []
    for number, power in enumerate(powers, start=1):
        assert act(_power(10 + number, power, force=force), _pay(11)) == "ok"
        act(_yes(number), _pay(12))
        codes.append(act(_yes(number), _pay(13)))
    assert codes == ["ok"] * (len(powers) - 1) + [code]
    if code == "third":
        assert _change(four, len(powers)) == OPEN
        assert _powers(four)[10 + len(powers)] == 10


def test_leaving_is_bound_by_the_third_as_well(state: State, act: "Act") -> None:
    _seat(state, (10, 10, 10))
    assert act(LeaveValidators(validator=_at(11)), _pay(11)) == "third"
    assert _powers(state) == {11: 10, 12: 10, 13: 10}
    assert roster.roster_of(state).leaving == ()


def test_the_next_block_counts_from_anew(four: State) -> None:
    roster.set_power(four, FIRST, _at(11), Power(22))
    roster.check_third(four, FIRST)
    roster.set_power(four, Height(2), _at(12), Power(24))
    roster.check_third(four, Height(2))
    assert roster.base(four, Height(2)) != roster.newest(four)
    assert (roster.roster_of(four).before, roster.roster_of(four).newest) == (3, 4)


# --- constants --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        pytest.param("consensus.block_bytes", 1 << 20, "ok", id="a block's size"),
        pytest.param("evidence.blocks", 1_000, "ok", id="the window of evidence"),
        pytest.param("ledger.voting", 120, "ok", id="how long a vote lasts"),
        pytest.param("consensus.propose", 1_000, "no_change", id="what it is"),
        pytest.param("consensus.propose", 0, "constant", id="no timeout at all"),
        pytest.param("consensus.block_bytes", 1 << 40, "constant", id="beyond its shape"),
        pytest.param("consensus.interval", 60_000, "constant", id="at odds with another"),
        pytest.param("ledger.supply_cap", 10**16, "ok", id="a cap that falls"),
        pytest.param("ledger.supply_cap", 10**17, "constant", id="a cap that rises"),
        pytest.param("ledger.supply_cap", 1, "constant", id="a cap below what is minted"),
        pytest.param("ledger.node_deposit", 1, "constant", id="none that a vote changes"),
        pytest.param("consensus", 1, "constant", id="no field"),
    ],
)
def test_a_constant_is_changed_within_what_a_genesis_may_say(
    four: State, act: "Act", name: str, value: int, code: str
) -> None:
    assert act(_constant(name, value), _pay(11)) == code


def test_two_constants_of_one_block_both_count(four: State, act: "Act") -> None:
    act(_constant("consensus.propose", 1_500), _pay(11))
    act(_constant("consensus.vote", 700), _pay(11))
    for change in (1, 2):
        for number in (12, 13):
            assert act(_yes(change), _pay(number)) == "ok"
    after = tables.PARAMS.need(four, tables.SINGLE).consensus
    assert (after.propose, after.vote) == (1_500, 700)


# --- the agenda -------------------------------------------------------------------------------------


def test_strangers_never_crowd_out_the_validators(four: State, act: "Act") -> None:
    """P11: so many votes at once, half of them for whoever has a vote."""
    for number in range(GUESTS_MAX):
        assert act(_join(51, bond=number), RICH) == "ok"
    assert act(_join(51), RICH) == "agenda_full"
    for number in range(OPEN_MAX - GUESTS_MAX):
        assert act(_constant(value=2_000 + number), _pay(11)) == "ok"
    assert act(_constant(), _pay(11)) == "agenda_full"
    agenda = tables.AGENDA.need(four, tables.SINGLE)
    assert [row.id for row in agenda.open] == list(range(1, OPEN_MAX + 1))
    assert sum(row.guest for row in agenda.open) == GUESTS_MAX
    assert isinstance(tables.CHANGES.need(four, tables.id_key(1)).action, Join)


# --- faults of the real chain that are not here ---------------------------------------------------


def test_a_removed_validator_adds_itself_again(four: State, act: "Act") -> None:
    """There the list of the approved is not rewritten; here only those who are seated propose."""
    assert act(_power(11, 0), _pay(12)) == "ok"
    for number in (13, 14):
        assert act(_yes(), _pay(number)) == "ok"
    assert 11 not in _powers(four)
    assert act(_power(11, 10), _pay(11)) == "not_a_validator"
    assert act(_yes(), _pay(11)) == "closed"


def test_a_removed_validator_stays_in_the_consensus_set(four: State, act: "Act") -> None:
    assert act(_power(11, 0), _pay(12)) == "ok"
    for number in (13, 14):
        assert act(_yes(), _pay(number)) == "ok"
    assert _powers(four) == {12: 10, 13: 10, 14: 10}


def test_what_is_given_back_is_refunded_twice(four: State, act: "Act") -> None:
    """There a refund that was made could be created again; here what is closed is closed."""
    assert act(_join(), RICH) == "ok"
    before = tables.ACCOUNTS.need(four, RICH).balance
    for _ in range(3):
        expire(four, Height(9), Seconds(1_700_000_000 + 90))
    assert tables.ACCOUNTS.need(four, RICH).balance == before + 5_000


def test_one_validator_votes_twice(four: State, act: "Act") -> None:
    assert act(_power(11, 0), _pay(12)) == "ok"
    for _ in range(4):
        assert act(_yes(), _pay(12)) == "ok"
    assert _change(four) == OPEN
    assert tables.CHANGES.need(four, tables.id_key(1)).yes == (_pay(12),)
