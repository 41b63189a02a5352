"""The end of a block: bonds come free, votes run out, the past is kept as long as it must be."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tfchain.base import crypto
from tfchain.base.units import Address, Height, Power, Utft
from tfchain.chain.execute import check_txs
from tfchain.chain.succession import RELEASED_MAX
from tfchain.errors import InvalidBlock
from tfchain.ledger import roster, tables
from tfchain.ledger.changes import EXPIRED
from tfchain.ledger.seats import PAST_BLOCKS
from tfchain.ledger.validators import validator_address
from tfchain.tx.kinds.leave_validators import LeaveValidators
from tfchain.tx.kinds.propose_constant import ProposeConstant
from tfchain.tx.kinds.propose_power import ProposePower
from tfchain.tx.kinds.propose_validator import ProposeValidator
from tfchain.tx.kinds.vote_change import VoteChange

if TYPE_CHECKING:
    from tests.unit.chain.conftest import Chain, MakeChain

BOND, FEE, FUNDS = 5_000, 10_000, 1_000_000_000_000
SHORT = (("blocks = 600", "blocks = 64"), ("seconds = 600", "seconds = 70"))
Seated = Callable[..., tuple[str, str]]


@pytest.fixture
def four(make_chain: "MakeChain", seated: Seated) -> "Chain":
    """Keys 31 to 34 with power 1 each; evidence lives 64 blocks and 70 seconds."""
    made: Chain = make_chain(seated(), *SHORT)
    made.until(3)
    return made


def _key(who: int) -> Address:
    return Address(crypto.public_key(bytes([who]) * 32))


def _at(who: int) -> bytes:
    return validator_address(_key(who))


def _power(who: int, power: int, *, force: bool = False) -> ProposePower:
    return ProposePower(validator=_at(who), power=Power(power), force=force)


def _join(who: int, power: int, bond: int, reward: int) -> ProposeValidator:
    return ProposeValidator(
        validator_key=_key(who),
        power=Power(power),
        bond=Utft(bond),
        reward_account=_key(reward),
        force=False,
    )


def test_a_bond_comes_back_once_nothing_can_be_proved_any_more(four: "Chain") -> None:
    """P24, P37: 65 blocks and 71 s after block 5, the last that 32 voted on."""
    before = four.balance(21)
    four.run(four.tx(21, LeaveValidators(validator=_at(32))))
    four.run()
    seat = four.seat(32)
    assert seat is not None
    assert (seat.left, seat.bond) == (5, BOND + 1)
    while four.height < 5 + 64:
        four.at(20)
    four.at(5 + 70)
    four.at(5 + 70)
    assert four.seat(32) is not None, "the seconds are not over"
    supply = four.supply()
    four.at(5 + 71)
    assert four.seat(32) is None
    assert four.balance(21) == before - FEE + BOND + 1
    assert (four.roster().leaving, four.supply()) == ((), supply)


def test_as_long_as_a_bond_is_held_evidence_counts_and_no_longer(four: "Chain") -> None:
    """Release and expiry are one line: the block that gives the bond back refuses the evidence."""
    four.run(four.tx(21, LeaveValidators(validator=_at(32))))
    four.run()
    while four.height < 5 + 64:
        four.at(20)
    piece = four.double_vote(32, 5)
    early = replace(four.block(5 + 70), evidence=(piece,))
    assert len(check_txs(four, early).evidence) == 2
    late = replace(four.block(5 + 71), evidence=(piece,))
    with pytest.raises(InvalidBlock, match="expired"):
        check_txs(four, late)
    four.at(5 + 71)
    assert four.seat(32) is None


def test_a_few_bonds_are_released_in_a_block(make_chain: "MakeChain", seated: Seated) -> None:
    """P11: no unbounded work."""
    chain: Chain = make_chain(seated((1,) * 40), *SHORT)
    chain.until(2)
    gone = range(31, 31 + RELEASED_MAX + 2)
    codes = chain.run(
        *[chain.tx(20 + (who - 31) % 4, LeaveValidators(validator=_at(who))) for who in gone]
    )
    assert set(codes) == {"ok"}
    while chain.height < 4 + 65:
        chain.at(chain.second)
    chain.at(100)
    assert [chain.seat(who) is None for who in gone] == [True] * RELEASED_MAX + [False, False]
    chain.at(100)
    assert all(chain.seat(who) is None for who in gone)


def test_where_nothing_was_put_up_nothing_comes_back(
    make_chain: "MakeChain", seated: Seated
) -> None:
    """P24: bond 0 means jailing only; the seat is given up all the same."""
    old, new = seated()
    chain: Chain = make_chain((old, new.replace(f"bond = {BOND + 1}\n", "")), *SHORT)
    chain.until(3)
    before = chain.balance(21)
    chain.run(chain.tx(21, LeaveValidators(validator=_at(32))))
    while chain.height < 5 + 65:
        chain.at(chain.second)
    chain.at(100)
    assert chain.seat(32) is None
    assert chain.balance(21) == before - FEE


def test_power_for_one_that_left_brings_it_back(four: "Chain") -> None:
    four.run(four.tx(21, LeaveValidators(validator=_at(32))))
    four.run(four.tx(20, _power(32, 1, force=True)))
    four.run(*[four.tx(who, VoteChange(change=1, yes=True)) for who in (22, 23)])
    seat = four.seat(32)
    assert seat is not None
    assert (seat.power, seat.left, seat.bond) == (1, None, BOND + 1)
    assert four.roster().leaving == ()


def test_a_vote_that_ran_out_gives_the_bond_back(four: "Chain") -> None:
    """60 s on a devnet; the change is closed and no vote counts any more."""
    supply = four.supply()
    join = four.tx(1, _join(50, 1, 7_000, 1))
    constant = four.tx(20, ProposeConstant(name="consensus.propose", value=1_500))
    assert four.run(join, constant) == ("ok", "ok")
    assert four.balance(1) == FUNDS - FEE - 7_000
    assert four.supply() == supply
    four.at(4 + 59)
    assert len(tables.AGENDA.need(four.state(), tables.SINGLE).open) == 2
    four.at(4 + 60)
    assert tables.AGENDA.need(four.state(), tables.SINGLE).open == ()
    change = tables.CHANGES.need(four.state(), tables.id_key(1))
    assert (change.state, change.closed) == (EXPIRED, four.height)
    assert four.balance(1) == FUNDS - FEE
    assert four.run(four.tx(20, VoteChange(change=1, yes=True))) == ("closed",)
    assert four.supply() == supply


def test_a_constant_counts_from_the_next_block(four: "Chain") -> None:
    """1.10.1: params at H + 1."""
    four.run(four.tx(20, ProposeConstant(name="ledger.expiry_max", value=5)))
    votes = [four.tx(who, VoteChange(change=1, yes=True)) for who in (21, 22)]
    late = four.tx(1, _power(32, 2))  # valid for ten more blocks: five too many from then on
    assert four.run(*votes, late) == ("ok", "ok", "not_a_validator")
    assert tables.PARAMS.need(four.state(), tables.SINGLE).expiry_max == 5
    with pytest.raises(InvalidBlock, match="far_expiry"):
        check_txs(four, four.block(9, four.tx(1, _power(32, 2))))


def test_the_past_is_kept_for_the_window_and_then_dropped(four: "Chain") -> None:
    """1.10.5: every height of the window has its time and its set; what is older takes no room."""
    four.run(four.tx(21, LeaveValidators(validator=_at(32))))
    four.run()
    while four.height < 4 * PAST_BLOCKS:
        four.run()
        if four.height % 23 == 0:
            _check_past(four)
    marks = tables.MEMBERS.stored_at(b"")
    kept = [place for place in four.rows if place.startswith(marks)]
    assert kept == [tables.MEMBERS.stored_at(tables.height_key(6))]
    assert roster.past_block(four.state(), Height(four.height + 1)) is None


def _check_past(chain: "Chain") -> None:
    state = chain.state()
    rows = [(h, roster.past_block(state, Height(h))) for h in range(chain.height + 1)]
    known = [(height, past) for height, past in rows if past is not None]
    first = known[0][0]
    assert [height for height, _ in known] == list(range(first, chain.height + 1))
    assert first <= max(0, chain.height - 70), "70 seconds and 64 blocks"
    assert len(known) <= 71 + 2 * PAST_BLOCKS
    for height, past in known:
        assert past.members == (6 if height >= 6 else 1)
        assert (roster.member_at(state, past, _at(32)) is None) == (height >= 6)
