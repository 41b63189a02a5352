"""Evidence in blocks: what is accepted, what it costs, and who is jailed when (1.9, P24)."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tfchain.base import crypto
from tfchain.base.shapes import encode_record
from tfchain.base.units import Height, Millis, Round
from tfchain.chain.execute import check_txs
from tfchain.errors import InvalidBlock
from tfchain.ledger import tables
from tfchain.ledger.commit import PRECOMMIT, PROPOSAL, proposal_message
from tfchain.ledger.evidence import DoubleProposal, Evidence, Proposed, encode_evidence, place_of
from tfchain.ledger.seats import Members
from tfchain.ledger.validators import validator_address
from tfchain.tx.kinds.leave_validators import LeaveValidators
from tfchain.tx.kinds.propose_power import ProposePower
from tfchain.tx.kinds.vote_change import VoteChange

if TYPE_CHECKING:
    from tests.unit.chain.conftest import Chain, MakeChain

BOND = 5_000
SHORT = (("blocks = 600", "blocks = 64"), ("seconds = 600", "seconds = 100"))
Seated = Callable[..., tuple[str, str]]


@pytest.fixture
def four(make_chain: "MakeChain", seated: Seated) -> "Chain":
    """Keys 31 to 34 with power 1 each; three blocks, a second apart."""
    made: Chain = make_chain(seated())
    made.until(3)
    return made


def _at(who: int) -> bytes:
    return validator_address(crypto.public_key(bytes([who]) * 32))


def _refusal(chain: "Chain", *pieces: Evidence, second: int | None = None) -> str:
    block = chain.block(chain.second + 1 if second is None else second)
    with pytest.raises(InvalidBlock) as refused:
        check_txs(chain, replace(block, evidence=pieces))
    return str(refused.value)


def _proposals(chain: "Chain", who: int, height: int) -> Evidence:
    def signed(block_id: bytes) -> Proposed:
        text = proposal_message(
            chain.params.chain_id, Height(height), Round(1), -1, block_id, Millis(7)
        )
        signature = crypto.sign(bytes([who]) * 32, text)
        return Proposed(pol_round=-1, block_id=block_id, time_ms=Millis(7), signature=signature)

    return DoubleProposal(
        validator=_at(who),
        height=Height(height),
        round=Round(1),
        first=signed(bytes(32)),
        second=signed(b"\x01" * 32),
    )


def test_a_fault_burns_the_bond_and_takes_the_power_two_heights_on(four: "Chain") -> None:
    """P24, 1.10.1: block 4 accuses, the set of height 6 is the first without it."""
    before = four.supply()
    four.at(4, evidence=(four.double_vote(32, 2, PRECOMMIT, 3),))
    seat = four.seat(32)
    assert seat is not None
    assert (seat.power, seat.bond, seat.jailed) == (0, 0, True)
    fault = seat.fault
    assert fault is not None
    assert (fault.kind, fault.height, fault.round) == (PRECOMMIT, 2, 3)
    assert (fault.committed, fault.burned) == (4, BOND + 1)
    assert (four.roster().newest, four.powers()) == (6, {31: 1, 33: 1, 34: 1})
    members = four.outcome.validators
    assert members is not None
    assert sorted(row.address for row in members) == [row.address for row in members]
    assert len(members) == 3
    assert four.totals().burned == BOND + 1
    assert four.supply() == before - BOND - 1


def test_two_proposals_of_one_round_are_a_fault_too(four: "Chain") -> None:
    """Scenario 30."""
    four.at(4, evidence=(_proposals(four, 33, 3),))
    seat = four.seat(33)
    assert seat is not None
    assert seat.fault is not None
    assert (seat.jailed, seat.fault.kind) == (True, PROPOSAL)


def test_precommits_of_two_histories_are_a_fault_whatever_their_rounds(four: "Chain") -> None:
    """1.9.1: what a light client was shown in a later round, with a state that nobody computed."""
    before = four.supply()
    four.at(4, evidence=(four.double_history(33, 2),))
    seat = four.seat(33)
    assert seat is not None
    assert seat.fault is not None
    assert (seat.jailed, seat.fault.kind) == (True, PRECOMMIT)
    assert (seat.fault.height, seat.fault.round) == (2, 2)
    assert four.supply() < before
    for again in (four.double_history(33, 3), four.double_vote(33, 2)):
        assert "evidence 0: settled" in _refusal(four, again)


def test_signatures_of_evidence_are_handed_out_for_verification(four: "Chain") -> None:
    pieces = (four.double_vote(32, 2), _proposals(four, 33, 3), four.double_history(34, 3))
    block = replace(four.block(4), evidence=tuple(sorted(pieces, key=place_of)))
    checks = check_txs(four, block).evidence
    assert len(checks) == 6
    assert all(crypto.verify(*check) for check in checks)
    for piece in (four.double_vote(32, 2), four.double_history(32, 2)):
        forged = replace(piece, validator=_at(31))
        checks = check_txs(four, replace(block, evidence=(forged,))).evidence
        assert not any(crypto.verify(*check) for check in checks)


def test_one_is_jailed_a_block_in_order_of_height_and_address(four: "Chain") -> None:
    """P24: whichever block brought the evidence, the older fault has its turn first."""
    late, early = four.double_vote(31, 3), four.double_vote(32, 1)
    four.at(4, evidence=(early, late))
    assert four.powers() == {31: 1, 33: 1, 34: 1}
    assert [row.height for row in four.roster().accused] == [3]
    four.at(5, evidence=(four.double_vote(33, 2),))
    assert four.powers() == {31: 1, 34: 1}, "33's fault is older than 31's"
    four.run()
    assert four.powers() == {34: 1}
    assert four.roster().accused == ()
    four.run()
    assert four.outcome.validators is None, "nothing more to change"


def test_the_last_validator_keeps_its_power(make_chain: "MakeChain", seated: Seated) -> None:
    """P24: never emptying the set. Its bond burns all the same."""
    chain: Chain = make_chain(seated((1,)))
    chain.until(2)
    chain.at(3, evidence=(chain.double_vote(31, 1),))
    chain.run()
    assert chain.powers() == {31: 1}
    seat = chain.seat(31)
    assert seat is not None
    assert (seat.bond, seat.jailed) == (0, False)
    assert len(chain.roster().accused) == 1
    assert "settled" in _refusal(chain, chain.double_vote(31, 2))


def test_a_fault_counts_once(four: "Chain") -> None:
    """1.9.6, scenarios 31 and 33: neither the same piece nor another of its time comes in again."""
    piece = four.double_vote(32, 2)
    four.at(4, evidence=(piece,))
    for again in (piece, four.double_vote(32, 3), four.double_vote(32, 2, PRECOMMIT)):
        assert "evidence 0: settled" in _refusal(four, again)


@pytest.mark.parametrize(
    ("make", "named"),
    [
        pytest.param(lambda c: (c.double_vote(32, 4),), "unknown_height", id="of this very block"),
        pytest.param(lambda c: (c.double_vote(32, 9),), "unknown_height", id="of a height to come"),
        pytest.param(lambda c: (c.double_vote(9, 2),), "not_a_validator", id="34b: a stranger"),
        pytest.param(
            lambda c: (c.double_history(32, 4),), "unknown_height", id="histories of this block"
        ),
        pytest.param(
            lambda c: (c.double_history(9, 2),), "not_a_validator", id="histories of a stranger"
        ),
        pytest.param(
            lambda c: (c.double_vote(32, 2), c.double_history(32, 2)), "accused twice", id="mixed"
        ),
        pytest.param(
            lambda c: (c.double_vote(32, 3), c.double_vote(31, 2)), "not in order", id="order"
        ),
        pytest.param(
            lambda c: (c.double_vote(32, 2), c.double_vote(32, 3)), "accused twice", id="twice"
        ),
        pytest.param(
            lambda c: (c.double_vote(32, 2), c.double_vote(32, 2)), "accused twice", id="one piece"
        ),
    ],
)
def test_a_block_with_other_evidence_is_invalid(
    four: "Chain", make: "Callable[[Chain], tuple[Evidence, ...]]", named: str
) -> None:
    """1.9.5, 1.9.6, scenarios 34 and 38."""
    assert named in _refusal(four, *make(four))


def test_evidence_has_its_share_of_a_block(make_chain: "MakeChain", seated: Seated) -> None:
    chain: Chain = make_chain(seated(), ("bytes = 16384", "bytes = 1280"))
    chain.until(3)
    pieces = (chain.double_vote(31, 1), chain.double_history(32, 2), chain.double_vote(33, 3))
    size = sum(len(encode_evidence(piece)) for piece in pieces)
    assert size > 1280
    assert f"{size} bytes of evidence are too many" in _refusal(chain, *pieces)
    chain.at(4, evidence=pieces[:2])


@pytest.mark.parametrize(
    ("blocks", "seconds", "counts"),
    [
        pytest.param(64, 200, True, id="34d: past the seconds alone"),
        pytest.param(65, 100, True, id="34d: past the blocks alone"),
        pytest.param(65, 101, False, id="34d: past both"),
        pytest.param(64, 100, True, id="at both limits"),
    ],
)
@pytest.mark.parametrize("of_histories", [False, True], ids=["two votes", "two histories"])
def test_evidence_expires_past_both_limits(
    make_chain: "MakeChain",
    seated: Seated,
    blocks: int,
    seconds: int,
    *,
    counts: bool,
    of_histories: bool,
) -> None:
    """1.9.4: 64 blocks and 100 seconds, from the block that it is about."""
    chain: Chain = make_chain(seated(), *SHORT)
    chain.until(2)
    for _ in range(blocks - 1):
        chain.at(3)
    piece = chain.double_history(32, 2) if of_histories else chain.double_vote(32, 2)
    if counts:
        chain.at(2 + seconds, evidence=(piece,))
        assert chain.powers() == {31: 1, 33: 1, 34: 1}
    else:
        assert "expired" in _refusal(chain, piece, second=2 + seconds)


def test_whoever_left_answers_with_its_bond(four: "Chain") -> None:
    """P24: leaving saves nothing while evidence counts."""
    assert four.run(four.tx(21, LeaveValidators(validator=_at(32)))) == ("ok",)
    assert four.roster().leaving == (_at(32),)
    four.at(5, evidence=(four.double_vote(32, 4),))
    seat = four.seat(32)
    assert seat is not None
    assert (seat.bond, seat.jailed, seat.power) == (0, True, 0)
    assert (four.roster().leaving, four.roster().accused) == ((), ())


def test_the_accused_cannot_leave_in_the_block_that_accuses(four: "Chain") -> None:
    leave = four.tx(21, LeaveValidators(validator=_at(32)))
    assert four.at(4, leave, evidence=(four.double_vote(32, 2),)) == ("accused",)


def test_a_vote_takes_out_of_jail_and_the_past_stays_settled(four: "Chain") -> None:
    """Jailed for good until governance: then it answers anew, for what it signs from there on."""
    four.at(4, evidence=(four.double_vote(32, 2),))
    back = ProposePower(validator=_at(32), power=1, force=True)  # type: ignore[arg-type]
    assert four.run(four.tx(20, back)) == ("ok",)
    votes = [four.tx(who, VoteChange(change=1, yes=True)) for who in (22, 23)]
    assert four.run(*votes) == ("ok", "ok")
    seat = four.seat(32)
    assert seat is not None
    assert (seat.power, seat.jailed, seat.fault) == (1, False, None)
    assert seat.answers_from == four.height + 2
    assert "settled" in _refusal(four, four.double_vote(32, 3))
    four.until(four.second + 3)
    four.at(four.second + 1, evidence=(four.double_vote(32, four.height),))
    assert four.powers() == {31: 1, 33: 1, 34: 1}


def test_old_evidence_is_judged_by_the_set_of_its_height(four: "Chain") -> None:
    """1.9.2, a phantom, 1.10.5: whoever was no member then is no member, and the sets of the window
    are there."""
    four.at(4, evidence=(four.double_vote(32, 2),))
    four.until(8)
    row = tables.MEMBERS.need(four.state(), tables.height_key(6))
    assert encode_record(row) != encode_record(Members(validators=()))
    assert "not_a_validator" in _refusal(four, four.double_vote(32, 6))
    assert "settled" in _refusal(four, four.double_vote(32, 5))
