"""Witnesses, forks and who is guilty (consensus 1.17.5, 1.9.1, scenario 49 c)."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import settings as runs
from hypothesis import strategies as st

from tfchain.base.crypto import verify
from tfchain.base.shapes import decode_record, encode_record
from tfchain.base.units import Height, Millis
from tfchain.bft import attack, light
from tfchain.bft.attack import Comparison, check_attack, check_lag
from tfchain.bft.light import Climb, Distrust, Terms
from tfchain.errors import Malformed
from tfchain.ledger.commit import FOR_BLOCK
from tfchain.ledger.evidence import checks_of, decode_evidence, encode_evidence
from tfchain.ledger.light import ATTACK_BYTES_MAX, LightAttack, LightBlock
from tfchain.ledger.validators import ValidatorSet

if TYPE_CHECKING:
    from tests.unit.conftest import LightChain

FOUR = (1, 2, 3, 4)
TERMS = Terms(chain_id="light-1", period=Millis(90_000))
NOW = Millis(50_000)


def _sets(count: int) -> list[tuple[int, ...]]:
    """Every fifth height a member leaves and a new one comes."""
    sets, members = [], list(FOUR)
    for height in range(1, count + 1):
        if height % 5 == 0:
            members = [*members[1:], 4 + height // 5]
        sets.append(tuple(members))
    return sets


@pytest.fixture(scope="module")
def right(light_chain: "type[LightChain]") -> "LightChain":
    return light_chain(_sets(40))


@pytest.fixture(scope="module")
def stale(light_chain: "type[LightChain]", right: "LightChain") -> "LightChain":
    """From height 18 on another history, signed by those who were validators then (49 c)."""
    sets = _sets(17) + [_sets(17)[-1]] * 23
    return light_chain(sets, salt=7, trunk=(right, 17), made_up_from=18)


@pytest.fixture(scope="module")
def double(light_chain: "type[LightChain]", right: "LightChain") -> "LightChain":
    """From height 18 on, the same validators signed other transactions as well."""
    return light_chain(_sets(40), salt=7, trunk=(right, 17))


def _trace(chain: "LightChain", low: int, high: int) -> list[LightBlock]:
    climb = Climb(TERMS, chain.at(low), Height(high))
    while climb.wanted is not None:
        climb.take(chain.at(climb.wanted), NOW, verify)
    return climb.trace


def _compared(trace: list[LightBlock], witness: "LightChain") -> tuple[Comparison, int]:
    comparison, asked = Comparison(TERMS, trace), 0
    while comparison.wanted is not None:
        comparison.take(witness.at(comparison.wanted), NOW, verify)
        asked += 1
    return comparison, asked


def _code(call: Callable[[], object]) -> str:
    with pytest.raises(Distrust) as caught:
        call()
    return caught.value.code


def _named(members: ValidatorSet, numbers: "tuple[int, ...]", chain: "LightChain") -> set[bytes]:
    keys = {row.key: row.address for row in members.validators}
    from_seed = type(chain)([numbers]).at(1).validators.validators
    return {keys[row.key] for row in from_seed if row.key in keys}


def test_a_witness_that_agrees_is_asked_once(right: "LightChain") -> None:
    comparison, asked = _compared(_trace(right, 1, 40), right)
    assert comparison.fork is None
    assert asked == 1


def test_a_forked_primary_is_found_out_and_both_sides_get_evidence(
    right: "LightChain", stale: "LightChain"
) -> None:
    """Scenario 49 c: two thirds of a stale set serve a history of their own."""
    comparison, _ = _compared(_trace(stale, 3, 40), right)
    assert comparison.fork is not None
    one, other = comparison.fork.against_primary, comparison.fork.against_witness
    assert one.conflicting in stale.blocks and one.conflicting not in right.blocks
    assert other.conflicting in right.blocks and other.conflicting not in stale.blocks
    assert one.conflicting.height == other.conflicting.height
    assert one.common_height <= 17 < one.conflicting.height


def test_evidence_of_a_made_up_block_names_who_signed_it(
    right: "LightChain", stale: "LightChain"
) -> None:
    """1.9.2, a lunatic."""
    comparison, _ = _compared(_trace(stale, 16, 25), right)
    assert comparison.fork is not None
    proof = comparison.fork.against_primary
    common, own = right.at(proof.common_height), right.at(proof.conflicting.height)
    guilty = check_attack(TERMS, proof, common, own, verify)
    assert set(guilty) == {row.address for row in common.validators.validators}
    assert list(guilty) == sorted(guilty)


def test_evidence_of_two_signed_blocks_names_who_signed_both(
    right: "LightChain", double: "LightChain"
) -> None:
    comparison, _ = _compared(_trace(double, 16, 25), right)
    assert comparison.fork is not None
    proof = comparison.fork.against_primary
    assert proof.common_height == proof.conflicting.height, "the parent plays no part"
    own = right.at(proof.conflicting.height)
    guilty = check_attack(TERMS, proof, own, own, verify)
    assert guilty == tuple(row.address for row in own.validators.validators)
    other = comparison.fork.against_witness
    assert check_attack(TERMS, other, double.at(25), double.at(25), verify)


def test_only_those_in_both_commits_are_guilty(right: "LightChain", double: "LightChain") -> None:
    """Two sets of three of four have two in common."""
    own = _signed(right, 19, (4, 5, 6))
    block = _signed(double, 19, (5, 6, 7))
    assert right.numbers[18] == (4, 5, 6, 7)
    proof = attack.attack_of(right.at(17), block, own)
    guilty = check_attack(TERMS, proof, own, own, verify)
    assert set(guilty) == _named(own.validators, (5, 6), right)


def test_two_commits_of_one_round_are_evidence_that_a_block_can_hold(
    right: "LightChain", double: "LightChain"
) -> None:
    """For each in both: two precommits of one place, the smaller id first (1.9.1, 1.9.5)."""
    own, block = _signed(right, 19, (4, 5, 6)), _signed(double, 19, (5, 6, 7))
    pieces = attack.proofs_of(block, own)
    assert pieces == attack.proofs_of(own, block)
    assert {piece.validator for piece in pieces} == _named(own.validators, (5, 6), right)
    for piece in pieces:
        assert decode_evidence(encode_evidence(piece)) == piece
        key = next(row.key for row in own.validators.validators if row.address == piece.validator)
        assert all(verify(*check) for check in checks_of(own.header.chain_id, key, piece))
    assert attack.proofs_of(own, own) == ()
    assert attack.proofs_of(own, right.at(20)) == (), "two heights are two places"


def test_two_histories_in_two_rounds_are_evidence_that_a_block_can_hold(
    right: "LightChain", double: "LightChain", stale: "LightChain"
) -> None:
    """Whatever a header makes up, its parent included: no round need be shared (1.9.1)."""
    for other in (double, stale):
        own, block = _signed(right, 19, (4, 5, 6)), other.at(19)
        members = block.validators
        later = other.signed(block.header, members, (5, 6), round_=2)
        pieces = attack.proofs_of(later, own)
        assert pieces == attack.proofs_of(own, later)
        assert {piece.validator for piece in pieces} == _named(members, (5, 6), right)
        for piece in pieces:
            assert (piece.height, piece.round) == (19, 2)
            assert decode_evidence(encode_evidence(piece)) == piece
            key = next(row.key for row in members.validators if row.address == piece.validator)
            assert all(verify(*check) for check in checks_of(own.header.chain_id, key, piece))


def test_whoever_signed_two_histories_is_named_although_the_rounds_differ(
    right: "LightChain", double: "LightChain"
) -> None:
    """Both stand on other parents: who signs the one has decided against the other."""
    own, block = _signed(right, 19, (4, 5, 6)), double.at(19)
    later = double.signed(block.header, block.validators, (5, 6, 7), round_=2)
    proof = attack.attack_of(right.at(17), later, own)
    guilty = check_attack(TERMS, proof, own, own, verify)
    assert set(guilty) == _named(own.validators, (5, 6), right)


def test_two_values_in_two_rounds_name_nobody(right: "LightChain", double: "LightChain") -> None:
    """1.9.2: amnesia cannot be told from signatures alone (1.9.1); that there is a fork is
    shown."""
    block, own = double.at(18), right.at(18)
    later = double.signed(block.header, block.validators, right.numbers[17], round_=2)
    proof = attack.attack_of(right.at(17), later, own)
    assert check_attack(TERMS, proof, own, own, verify) == ()
    assert attack.proofs_of(later, own) == ()


def _signed(chain: "LightChain", height: int, numbers: tuple[int, ...]) -> LightBlock:
    block = chain.at(height)
    return chain.signed(block.header, block.validators, numbers)


# Witnesses at fault.


def test_a_witness_without_signatures_for_its_block_is_refused(
    right: "LightChain", light_chain: "type[LightChain]"
) -> None:
    lie = light_chain(_sets(40), salt=9, trunk=(right, 17))
    lie.blocks[17:] = [
        _signed(lie, height, lie.numbers[height - 1][:2]) for height in range(18, 41)
    ]
    found = _code(lambda: _compared(_trace(right, 16, 25), lie))
    assert found == light.NOT_SIGNED


def test_a_witness_of_another_chain_is_refused(
    right: "LightChain", light_chain: "type[LightChain]"
) -> None:
    other = light_chain([FOUR] * 3, salt=3)
    found = _code(lambda: _compared([right.at(1)], other))
    assert found == light.WRONG_HASH


def test_a_witness_gives_the_height_that_was_asked_for(right: "LightChain") -> None:
    comparison = Comparison(TERMS, _trace(right, 1, 40))
    assert _code(lambda: comparison.take(right.at(39), NOW, verify)) == light.WRONG_HEIGHT


def test_a_witness_that_lags_behind_an_older_block_shows_a_forgery(right: "LightChain") -> None:
    """Forward lunatic: a height that no honest chain has reached at that time (1.17.5)."""
    hasty = replace(right.at(30), header=replace(right.at(30).header, time=Millis(20_000)))
    assert _code(lambda: check_lag(hasty, right.at(25))) == attack.AHEAD_OF_TIME
    check_lag(hasty, right.at(19))
    check_lag(right.at(20), right.at(25))


# Evidence that is none.


def test_an_attack_has_bytes(right: "LightChain", stale: "LightChain") -> None:
    proof = LightAttack(conflicting=stale.at(20), common_height=Height(17))
    raw = encode_record(proof)
    assert decode_record(LightAttack, raw, ATTACK_BYTES_MAX) == proof


@pytest.mark.parametrize("raw", [b"", b"\x93\x01\x90\x01", bytes(ATTACK_BYTES_MAX + 1)])
def test_bad_bytes_are_malformed(raw: bytes) -> None:
    with pytest.raises(Malformed):
        decode_record(LightAttack, raw, ATTACK_BYTES_MAX)


def test_evidence_against_nobody_is_refused(
    right: "LightChain", stale: "LightChain", double: "LightChain"
) -> None:
    def code(proof: LightAttack, common: int, own: int) -> str:
        return _code(lambda: check_attack(TERMS, proof, right.at(common), right.at(own), verify))

    def of(block: LightBlock, common: int) -> LightAttack:
        return LightAttack(conflicting=block, common_height=Height(common))

    assert code(of(right.at(20), 17), 17, 20) == attack.NO_CONFLICT, "it is ours"
    assert code(of(stale.at(20), 17), 16, 20) == attack.WRONG_COMMON, "another common block"
    assert code(of(stale.at(16), 17), 17, 17) == attack.WRONG_COMMON, "below the common block"
    assert code(of(stale.at(20), 20), 20, 20) == attack.WRONG_COMMON, "made up, at its own height"
    assert code(of(double.at(20), 17), 17, 20) == attack.WRONG_COMMON, "not made up, from below"
    assert code(of(right.at(30), 17), 17, 25) == attack.NO_CONFLICT, "it may yet come"
    few = _signed(double, 20, (5, 6))
    assert code(of(few, 20), 20, 20) == light.NOT_SIGNED, "half of the set"
    other = replace(double.at(20), commit=double.at(21).commit)
    assert code(of(other, 20), 20, 20) == light.STRANGE_COMMIT, "the commit of another block"
    strangers = _signed(stale, 20, (4,))
    assert code(of(strangers, 17), 17, 20) == light.TOO_FAR, "a quarter of the common set"


def test_a_set_that_did_not_sign_makes_nobody_guilty(
    right: "LightChain", double: "LightChain"
) -> None:
    """S11: the slots are genuine, and named after others, or after too few."""
    own, block = right.at(19), _signed(double, 19, (5, 6, 7))
    members = block.validators
    turned = (*members.validators[1:], members.validators[0])
    for rows in (turned, members.validators[:-1], ()):
        others = replace(members, validators=rows, priorities=members.priorities[: len(rows)])
        proof = LightAttack(conflicting=replace(block, validators=others), common_height=Height(19))
        found = _code(lambda: check_attack(TERMS, proof, own, own, verify))  # noqa: B023
        assert found == light.STRANGE_SET


def test_a_block_above_our_own_that_is_older_is_a_forgery(
    right: "LightChain", light_chain: "type[LightChain]"
) -> None:
    """Forward lunatic, as a full node judges it: the height is not there yet, its time is past."""
    base = right.at(19)
    header = replace(base.header, height=Height(30), time=Millis(18_500))
    forged = light_chain.signed(header, base.validators, right.numbers[18])
    proof = LightAttack(conflicting=forged, common_height=Height(17))
    assert check_attack(TERMS, proof, right.at(17), right.at(25), verify)


@runs(max_examples=40)
@given(st.data())
def test_no_flipped_bit_makes_others_guilty(
    right: "LightChain", double: "LightChain", data: st.DataObject
) -> None:
    """S11: whatever evidence says, nobody who did not sign twice is named."""
    own = right.at(19)
    proof = attack.attack_of(right.at(17), _signed(double, 19, (5, 6, 7)), own)
    raw = bytearray(encode_record(proof))
    place = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[place >> 3] ^= 1 << (place & 7)
    try:
        changed = decode_record(LightAttack, bytes(raw), ATTACK_BYTES_MAX)
        guilty = check_attack(TERMS, changed, own, own, verify)
    except (Malformed, Distrust):
        return
    assert set(guilty) <= _named(own.validators, (5, 6, 7), right)
    signed = [slot.flag == FOR_BLOCK for slot in changed.conflicting.commit.slots]
    assert sum(signed) >= 3
