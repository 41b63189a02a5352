"""Validator sets: quorum, whose turn it is, and the hashes that pin both (consensus 1.3, P31)."""

from collections import Counter
from dataclasses import replace

import pytest

from tfchain.base.shapes import decode_record, encode_record
from tfchain.base.units import Address, Power, Round
from tfchain.errors import Malformed
from tfchain.ledger.validators import (
    POWER_TOTAL_MAX,
    PROPOSER_ROUNDS_MAX,
    Validator,
    ValidatorSet,
    div_ceil,
    div_down,
    div_toward_zero,
    genesis_set,
    quorum_of,
    validator_address,
)


def member(seed: int, power: int = 10) -> Validator:
    key = Address(bytes([seed]) * 32)
    return Validator(
        address=validator_address(key), key=key, power=Power(power), reward_account=key
    )


def of_powers(*powers: int) -> ValidatorSet:
    return genesis_set([member(seed, power) for seed, power in enumerate(powers, start=1)])


@pytest.mark.parametrize(
    ("total", "quorum"),
    [
        pytest.param(1, 1, id="one alone decides"),
        pytest.param(2, 2, id="two must agree"),
        pytest.param(3, 3, id="of three all: two thirds is not more than two thirds"),
        pytest.param(4, 3, id="of four three"),
        pytest.param(5, 4, id="of five four"),
        pytest.param(6, 5, id="of six five"),
        pytest.param(7, 5, id="of seven five"),
        pytest.param(300, 201, id="of three hundred two hundred and one"),
        pytest.param(POWER_TOTAL_MAX, 2 * POWER_TOTAL_MAX // 3 + 1, id="the greatest total"),
    ],
)
def test_a_quorum_is_the_least_power_above_two_thirds(total: int, quorum: int) -> None:
    """Consensus 1.1.12."""
    assert quorum_of(total) == quorum
    assert 3 * quorum > 2 * total >= 3 * (quorum - 1)


def test_a_set_knows_its_power_and_its_members() -> None:
    members = of_powers(1, 2, 4)
    assert members.total_power() == 7
    assert members.quorum() == 5
    for index, one in enumerate(members.validators):
        assert members.index_of(one.address) == index
    assert members.index_of(bytes(20)) is None


def test_members_stand_in_order_of_address_whatever_order_genesis_names_them() -> None:
    rows = [member(seed) for seed in range(1, 6)]
    assert genesis_set(rows) == genesis_set(rows[::-1])
    addresses = [one.address for one in genesis_set(rows).validators]
    assert addresses == sorted(addresses)


def test_equal_powers_take_turns_from_the_smallest_address_on() -> None:
    """Consensus 1.3.1: ties go to the smaller address."""
    members = of_powers(10, 10, 10, 10)
    assert [members.proposer_index(Round(turn)) for turn in range(9)] == [0, 1, 2, 3, 0, 1, 2, 3, 0]
    assert members.proposer(Round(2)) == members.validators[2]


@pytest.mark.parametrize(
    "powers", [(1, 2, 3, 4), (1, 1, 1), (5, 1), (7, 3, 11), (1, 97, 2), (100,)]
)
def test_turns_are_exactly_as_frequent_as_power(powers: tuple[int, ...]) -> None:
    """Consensus 1.3.1: over as many heights as there is power, each proposes as often as it has."""
    members = of_powers(*powers)
    turns: Counter[bytes] = Counter()
    for _ in range(3 * members.total_power()):
        turns[members.proposer(Round(0)).address] += 1
        members = members.stepped()
    assert turns == {one.address: 3 * one.power for one in members.validators}


def test_a_round_more_is_a_step_of_a_copy() -> None:
    """Consensus 1.3.5: the stored set is stepped once a height, whatever rounds the height took."""
    members = of_powers(3, 5, 9)
    later = members
    for turn in range(40):
        assert members.proposer(Round(turn)) == later.proposer(Round(0))
        later = later.stepped()
    assert members == of_powers(3, 5, 9)


def test_rounds_begin_again_after_the_bound_so_that_no_round_costs_more() -> None:
    members = of_powers(3, 5, 9)
    for turn in (0, 1, 7):
        later = Round(PROPOSER_ROUNDS_MAX * 1_000_003 + turn)
        assert members.proposer(later) == members.proposer(Round(turn))


def test_priorities_stay_within_three_totals_and_around_zero() -> None:
    """Consensus 1.3.2, 1.3.7."""
    members = of_powers(1, 5, 1000)
    total = members.total_power()
    for _ in range(500):
        assert abs(sum(members.priorities) - total) < len(members.priorities)
        assert max(map(abs, members.priorities)) < 3 * total
        members = members.stepped()


def test_priorities_far_apart_are_brought_together_before_the_step() -> None:
    """Consensus 1.3.2: a spread of 900 over two totals of 60 divides by 15, toward zero."""
    members = replace(of_powers(10, 10, 10), priorities=(500, -430, 29))
    # The first pays 30: 470, -430, 29; the spread 900 is 15 times 60: 31, -28, 1; the average of 4
    # is 1 and a third, rounded down to 1: 30, -29, 0; then ten each.
    assert members.stepped().priorities == (40, -19, 10)


@pytest.mark.parametrize(
    ("value", "by", "up", "toward_zero", "down"),
    [
        pytest.param(7, 2, 4, 3, 3, id="positive"),
        pytest.param(-7, 2, -3, -3, -4, id="negative: only down is below"),
        pytest.param(6, 2, 3, 3, 3, id="exact"),
        pytest.param(-6, 2, -3, -3, -3, id="exact negative"),
        pytest.param(0, 5, 0, 0, 0, id="nothing"),
        pytest.param(-1, 5, 0, 0, -1, id="a little below nothing"),
    ],
)
def test_each_division_rounds_its_own_way(
    value: int, by: int, up: int, toward_zero: int, down: int
) -> None:
    """Consensus 1.3.4."""
    assert div_ceil(value, by) == up
    assert div_toward_zero(value, by) == toward_zero
    assert div_down(value, by) == down


def test_the_order_of_priorities_is_in_their_hash() -> None:
    """Consensus 1.3.6: the same numbers in other places are another order of turns."""
    members = of_powers(10, 10, 10)
    first = replace(members, priorities=(1, 2, 3))
    second = replace(members, priorities=(2, 1, 3))
    assert first.priorities_hash() != second.priorities_hash()
    assert first.hash() == second.hash()
    assert members.stepped().priorities_hash() != members.priorities_hash()


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"power": 11}, id="power"),
        pytest.param({"key": bytes([9]) * 32}, id="key"),
        pytest.param({"address": bytes(20)}, id="address"),
    ],
)
def test_the_set_hash_covers_who_votes_with_what(change: dict[str, int | bytes]) -> None:
    """P31."""
    members = of_powers(10, 10)
    changed = replace(members.validators[0], **change)  # type: ignore[arg-type]
    assert replace(members, validators=(changed, members.validators[1])).hash() != members.hash()


def test_the_set_hash_does_not_cover_where_fees_go() -> None:
    members = of_powers(10, 10)
    changed = replace(members.validators[0], reward_account=Address(bytes(32)))
    assert replace(members, validators=(changed, members.validators[1])).hash() == members.hash()


@pytest.mark.parametrize(
    ("rows", "fault"),
    [
        pytest.param([], "validators are due", id="nobody"),
        pytest.param([member(1, n + 1) for n in range(257)], "validators are due", id="too many"),
        pytest.param([member(1), member(1, 20)], "twice", id="the same key twice"),
        pytest.param([replace(member(1), address=bytes(20))], "its key", id="a false address"),
        pytest.param([replace(member(1), key=Address(b"short"))], "its key", id="a short key"),
        pytest.param([member(1, 0)], "no power", id="no power"),
        pytest.param([member(1), member(2, POWER_TOTAL_MAX)], "more power", id="too much power"),
    ],
)
def test_a_set_that_cannot_work_is_refused(rows: list[Validator], fault: str) -> None:
    with pytest.raises(Malformed, match=fault):
        genesis_set(rows)


def test_the_greatest_total_still_takes_turns_and_has_bytes() -> None:
    """Consensus 1.3.7: priorities fit 64 signed bits."""
    members = of_powers(POWER_TOTAL_MAX - 3, 1, 1, 1)
    for _ in range(50):
        members = members.stepped()
        assert decode_record(ValidatorSet, encode_record(members)) == members


def test_a_set_has_one_spelling_negative_priorities_included() -> None:
    members = replace(of_powers(1, 2), priorities=(-(1 << 63), (1 << 63) - 1))
    assert decode_record(ValidatorSet, encode_record(members)) == members


@pytest.mark.parametrize("raw", [b"", b"\xc0", b"\x90", b"\x93\x01\x90\xc0", b"\x93\x02\x90\x90"])
def test_bad_bytes_are_no_set(raw: bytes) -> None:
    with pytest.raises(Malformed):
        decode_record(ValidatorSet, raw)
