"""Which header a light client trusts, and why not (consensus 1.17.1 to 1.17.4, scenario 49 a, b)."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import settings as runs
from hypothesis import strategies as st

from tfchain.base.crypto import verify
from tfchain.base.shapes import decode_record, encode_record
from tfchain.base.units import Address, Height, Millis, Power, Seconds
from tfchain.bft import light
from tfchain.bft.light import Climb, Distrust, Terms
from tfchain.errors import Malformed
from tfchain.ledger.block import block_id, make_block
from tfchain.ledger.commit import FOR_NIL, CommitSlot
from tfchain.ledger.light import LIGHT_BYTES_MAX, LightBlock, id_of, light_block
from tfchain.ledger.validators import POWER_TOTAL_MAX, ValidatorSet

if TYPE_CHECKING:
    from tests.unit.conftest import LightChain

Edit = Callable[[LightBlock], LightBlock]

FOUR = (1, 2, 3, 4)
TERMS = Terms(chain_id="light-1", period=Millis(60_000))
NOW = Millis(15_000)


@pytest.fixture(scope="module")
def steady(light_chain: "type[LightChain]") -> "LightChain":
    """Ten heights of the same four."""
    return light_chain([FOUR] * 10)


@pytest.fixture(scope="module")
def moving(light_chain: "type[LightChain]") -> "LightChain":
    """Forty heights; every fifth one a member leaves and a new one comes."""
    sets, members = [], list(FOUR)
    for height in range(1, 41):
        if height % 5 == 0:
            members = [*members[1:], 4 + height // 5]
        sets.append(tuple(members))
    return light_chain(sets)


def _code(call: Callable[[], object]) -> str:
    with pytest.raises(Distrust) as caught:
        call()
    assert str(caught.value) == f"{caught.value.code}: {caught.value.detail}"
    return caught.value.code


# The record.


def test_a_light_block_has_the_id_of_its_block(steady: "LightChain") -> None:
    block = make_block(steady.at(1).header, (b"x" * 70_000,), None)
    shown = light_block(block, steady.at(1).commit, steady.at(1).validators)
    assert shown.parts == 2
    assert id_of(shown) == block.id == block_id(block.header, block.raw)
    assert (shown.height, shown.time) == (1, 1_000)


def test_a_light_block_has_bytes(steady: "LightChain") -> None:
    raw = encode_record(steady.at(3))
    assert decode_record(LightBlock, raw, LIGHT_BYTES_MAX) == steady.at(3)


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\xc1", id="no MessagePack"),
        pytest.param(b"\x90", id="an empty list"),
        pytest.param(b"\x96\x01\x90\x01\xc4\x00\x90\x90", id="a hollow one"),
        pytest.param(bytes(LIGHT_BYTES_MAX + 1), id="too long"),
    ],
)
def test_bad_bytes_are_malformed(raw: bytes) -> None:
    with pytest.raises(Malformed):
        decode_record(LightBlock, raw, LIGHT_BYTES_MAX)


def test_a_light_block_of_the_largest_set_fits(light_chain: "type[LightChain]") -> None:
    rows = light_chain([range(256)]).at(1)
    heavy = tuple(replace(row, power=Power(POWER_TOTAL_MAX)) for row in rows.validators.validators)
    members = ValidatorSet(validators=heavy, priorities=(-(1 << 63),) * 256)
    header = replace(rows.header, chain_id="x" * 64)
    assert len(encode_record(replace(rows, validators=members, header=header))) < LIGHT_BYTES_MAX


# The first one, which a person names.


def test_the_block_that_was_named_is_trusted(steady: "LightChain") -> None:
    light.check_anchor(TERMS, steady.at(2), Height(2), id_of(steady.at(2)), verify)


@pytest.mark.parametrize(
    ("height", "wrong_id", "code"),
    [
        pytest.param(3, None, light.WRONG_HEIGHT, id="another height"),
        pytest.param(2, bytes(32), light.WRONG_HASH, id="another id"),
        pytest.param(2, b"", light.WRONG_HASH, id="no id"),
    ],
)
def test_another_block_than_the_named_is_refused(
    steady: "LightChain", height: int, wrong_id: bytes | None, code: str
) -> None:
    named = id_of(steady.at(2)) if wrong_id is None else wrong_id
    found = _code(lambda: light.check_anchor(TERMS, steady.at(2), Height(height), named, verify))
    assert found == code


def test_the_named_block_must_bring_its_own_set(steady: "LightChain") -> None:
    """The id says what the header is; the set beside it must be the header's."""
    others = replace(steady.at(2), validators=_without_last(steady.at(2).validators))
    named = id_of(steady.at(2))
    found = _code(lambda: light.check_anchor(TERMS, others, Height(2), named, verify))
    assert found == light.STRANGE_SET


def test_the_named_block_must_bring_its_signatures(steady: "LightChain") -> None:
    """The id does not cover them, and a node that starts from there stores and shows them."""
    block, named = steady.at(2), id_of(steady.at(2))
    slots = (replace(block.commit.slots[0], signature=bytes(64)), *block.commit.slots[1:])
    for bare in (slots, slots[1:]):
        unsigned = replace(block, commit=replace(block.commit, slots=bare))
        code = _code(lambda: light.check_anchor(TERMS, unsigned, Height(2), named, verify))  # noqa: B023
        assert code == light.NOT_SIGNED


# Going up.


@pytest.mark.parametrize("height", [3, 4, 10], ids=["the next", "the one after", "far up"])
def test_a_later_block_is_trusted(steady: "LightChain", height: int) -> None:
    light.check_next(TERMS, steady.at(2), steady.at(height), NOW, verify)


def _without_last(members: ValidatorSet) -> ValidatorSet:
    return ValidatorSet(validators=members.validators[:-1], priorities=members.priorities[:-1])


def _twice(members: ValidatorSet) -> ValidatorSet:
    first = members.validators[0]
    return replace(members, validators=(first, first, *members.validators[2:]))


def _false_key(members: ValidatorSet) -> ValidatorSet:
    first, *rest = members.validators
    return replace(members, validators=(replace(first, key=Address(bytes(32))), *rest))


def _too_heavy(members: ValidatorSet) -> ValidatorSet:
    first, *rest = members.validators
    return replace(members, validators=(replace(first, power=Power(POWER_TOTAL_MAX)), *rest))


def _of_set(edit: Callable[[ValidatorSet], ValidatorSet]) -> Edit:
    """The block with such a set, which its header names, too."""

    def edited(block: LightBlock) -> LightBlock:
        members = edit(block.validators)
        header = replace(block.header, validators_hash=members.hash())
        block = replace(block, header=header, validators=members)
        return replace(block, commit=replace(block.commit, block_id=id_of(block)))

    return edited


def _of_header(**fields: object) -> Edit:
    """The block with these fields, its commit moved along and no longer genuine."""

    def edited(block: LightBlock) -> LightBlock:
        block = replace(block, header=replace(block.header, **fields))  # type: ignore[arg-type]
        return replace(block, commit=replace(block.commit, block_id=id_of(block)))

    return edited


def _slots(edit: Callable[[tuple[CommitSlot, ...]], tuple[CommitSlot, ...]]) -> Edit:
    return lambda block: replace(
        block, commit=replace(block.commit, slots=edit(block.commit.slots))
    )


ABSENTEE = CommitSlot(flag=0, signature=b"")

FAULTS = {
    "of another chain": (_of_header(chain_id="other"), light.ANOTHER_CHAIN),
    "of the same time": (_of_header(time=Millis(2_000)), light.NOT_LATER),
    "from the future": (_of_header(time=Millis(NOW + 10_001)), light.FROM_THE_FUTURE),
    "with another set than it says": (
        lambda block: replace(block, validators=_without_last(block.validators)),
        light.STRANGE_SET,
    ),
    "with nobody in its set": (
        _of_set(lambda members: ValidatorSet(validators=(), priorities=())),
        light.STRANGE_SET,
    ),
    "with a priority missing": (
        _of_set(lambda members: replace(members, priorities=members.priorities[:-1])),
        light.STRANGE_SET,
    ),
    "with one member twice": (_of_set(_twice), light.STRANGE_SET),
    "with an address of another key": (_of_set(_false_key), light.STRANGE_SET),
    "with more power than there is": (_of_set(_too_heavy), light.STRANGE_SET),
    "with a commit of another height": (
        lambda block: replace(block, commit=replace(block.commit, height=Height(1))),
        light.STRANGE_COMMIT,
    ),
    "with a commit for another block": (
        lambda block: replace(block, commit=replace(block.commit, block_id=bytes(32))),
        light.STRANGE_COMMIT,
    ),
    "with other parts": (lambda block: replace(block, parts=2), light.STRANGE_COMMIT),
    "signed by nobody": (_slots(lambda slots: (ABSENTEE,) * 4), light.TOO_FAR),
    "with a slot too few": (_slots(lambda slots: slots[:-1]), light.NOT_SIGNED),
    "signed by half": (_slots(lambda slots: (*slots[:2], ABSENTEE, ABSENTEE)), light.NOT_SIGNED),
    "with a false signature": (
        _slots(lambda slots: (replace(slots[0], signature=bytes(64)), *slots[1:])),
        light.NOT_SIGNED,
    ),
    "with signatures for nil": (
        _slots(lambda slots: tuple(replace(slot, flag=FOR_NIL) for slot in slots)),
        light.TOO_FAR,
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_later_block_is_refused(steady: "LightChain", name: str) -> None:
    edit, code = FAULTS[name]
    block = edit(steady.at(5))
    found = _code(lambda: light.check_next(TERMS, steady.at(2), block, NOW, verify))
    assert found == code


@pytest.mark.parametrize("name", sorted(FAULTS.keys() - {"with a false signature"}))
def test_no_signature_is_verified_for_what_is_refused_without(
    steady: "LightChain", name: str
) -> None:
    """1.17.6: cheap checks first, the tally of the slots among them."""
    asked: list[bytes] = []

    def count(key: bytes, message: bytes, signature: bytes) -> bool:
        asked.append(signature)
        return verify(key, message, signature)

    block = FAULTS[name][0](steady.at(5))
    with pytest.raises(light.Distrust):
        light.check_next(TERMS, steady.at(2), block, NOW, count)
    assert asked == []


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        pytest.param(_of_header(last_block_id=bytes(32)), light.NOT_LINKED, id="on another block"),
        pytest.param(_of_set(_without_last), light.NOT_THE_NEXT_SET, id="with another set"),
        pytest.param(
            _slots(lambda slots: (*slots[:2], ABSENTEE, ABSENTEE)),
            light.NOT_SIGNED,
            id="signed by half",
        ),
    ],
)
def test_the_very_next_block_is_refused(steady: "LightChain", edit: Edit, code: str) -> None:
    """The next header needs the announced set, not an overlap (1.17.2)."""
    block = edit(steady.at(3))
    found = _code(lambda: light.check_next(TERMS, steady.at(2), block, NOW, verify))
    assert found == code


@pytest.mark.parametrize("height", [1, 2])
def test_no_block_follows_itself_or_a_later_one(steady: "LightChain", height: int) -> None:
    found = _code(lambda: light.check_next(TERMS, steady.at(2), steady.at(height), NOW, verify))
    assert found == light.NOT_LATER


def test_a_header_past_its_trusting_period_is_no_ground(steady: "LightChain") -> None:
    """Scenario 49 a: whoever signed it then may have nothing to lose now."""
    last = Millis(2_000 + TERMS.period - 1)
    light.check_next(TERMS, steady.at(2), steady.at(5), last, verify)
    found = _code(
        lambda: light.check_next(TERMS, steady.at(2), steady.at(5), Millis(last + 1), verify)
    )
    assert found == light.EXPIRED
    light.check_previous(TERMS, steady.at(2), steady.at(1), verify)


def test_a_clock_may_be_behind_by_the_drift(steady: "LightChain") -> None:
    light.check_next(TERMS, steady.at(1), steady.at(10), Millis(0), verify)


@pytest.mark.parametrize(
    ("level", "stayed", "trusted"),
    [
        pytest.param((1, 3), 2, True, id="a third is due, half have signed"),
        pytest.param((1, 3), 1, False, id="a third is due, a quarter has signed"),
        pytest.param((1, 2), 2, True, id="half are due, half have signed"),
        pytest.param((2, 3), 2, False, id="two thirds are due, half have signed"),
        pytest.param((1, 1), 4, True, id="all are due, all have signed"),
        pytest.param((1, 1), 3, False, id="all are due, three quarters have signed"),
    ],
)
def test_the_trust_level_counts_the_known_set(
    light_chain: "type[LightChain]", level: tuple[int, int], stayed: int, trusted: bool
) -> None:
    """Scenario 49 b: with less than a third in common nobody is trusted (1.17.3)."""
    later = (*FOUR[:stayed], *range(11, 15 - stayed))
    chain = light_chain([FOUR, FOUR, later, later])
    terms = replace(TERMS, level=level)

    def check() -> None:
        light.check_next(terms, chain.at(1), chain.at(4), NOW, verify)

    if trusted:
        check()
    else:
        assert _code(check) == light.TOO_FAR


def test_nobody_is_counted_twice(light_chain: "type[LightChain]") -> None:
    """1.17.3, 1.5 A4: a set that lists its one known member four times has no third of the known."""
    chain = light_chain([FOUR, FOUR, (4, 11, 12, 13)])
    block = chain.at(3)
    known = next(
        row for row in block.validators.validators if row in chain.at(1).validators.validators
    )
    fourfold = ValidatorSet(validators=(known,) * 4, priorities=(0,) * 4)
    forged = chain.signed(replace(block.header, validators_hash=fourfold.hash()), fourfold, (4,))
    found = _code(lambda: light.check_next(TERMS, chain.at(1), forged, NOW, verify))
    assert found == light.STRANGE_SET


@pytest.mark.parametrize("level", [(1, 4), (0, 1), (4, 3), (1, 0), (-1, -3)])
def test_a_trust_level_outside_of_a_third_to_all_is_our_bug(level: tuple[int, int]) -> None:
    with pytest.raises(AssertionError):
        Terms(chain_id="x", level=level)


# Going down.


@pytest.mark.parametrize(
    ("window", "period"),
    [
        pytest.param(0, 0, id="nobody can be held to anything: nothing is trusted"),
        pytest.param(100, 66_666, id="two thirds of the window, rounded down"),
        pytest.param(129_599, 86_399_333, id="a little less than a day and a half"),
        pytest.param(129_600, 86_400_000, id="two thirds of a day and a half are a day"),
        pytest.param(1_209_600, 86_400_000, id="two weeks: never more than a day"),
    ],
)
def test_trust_ends_before_a_liar_goes_free(window: int, period: int) -> None:
    assert light.period_of(Seconds(window)) == period


def test_going_down_follows_the_links(steady: "LightChain") -> None:
    for height in range(9, 0, -1):
        light.check_previous(TERMS, steady.at(height + 1), steady.at(height), verify)


@pytest.mark.parametrize(
    ("height", "edit", "code"),
    [
        pytest.param(3, lambda block: block, light.WRONG_HEIGHT, id="not the one below"),
        pytest.param(4, _of_header(time=Millis(1)), light.NOT_LINKED, id="not the linked one"),
        pytest.param(
            4,
            lambda block: replace(block, validators=_without_last(block.validators)),
            light.STRANGE_SET,
            id="with another set",
        ),
        pytest.param(4, _slots(lambda slots: slots[:-1]), light.NOT_SIGNED, id="not signed"),
    ],
)
def test_an_earlier_block_is_refused(
    steady: "LightChain", height: int, edit: Edit, code: str
) -> None:
    block = edit(steady.at(height))
    found = _code(lambda: light.check_previous(TERMS, steady.at(5), block, verify))
    assert found == code


# Priorities: for who goes on to vote.


def test_priorities_are_held_against_the_header(steady: "LightChain") -> None:
    """1.17.6: and only where somebody goes on to vote."""
    light.check_priorities(steady.at(5))
    turned = replace(steady.at(5), validators=steady.at(5).validators.stepped())
    light.check_next(TERMS, steady.at(2), turned, NOW, verify)
    assert _code(lambda: light.check_priorities(turned)) == light.STRANGE_PRIORITIES


# The climb.


def _climb(chain: "LightChain", low: int, high: int, terms: Terms = TERMS) -> tuple[Climb, int]:
    climb, fetched = Climb(terms, chain.at(low), Height(high)), 0
    while climb.wanted is not None:
        climb.take(chain.at(climb.wanted), Millis(40_000), verify)
        fetched += 1
    assert climb.trusted == chain.at(high)
    return climb, fetched


def test_one_step_is_enough_while_the_set_stays(steady: "LightChain") -> None:
    climb, fetched = _climb(steady, 1, 10)
    assert [block.height for block in climb.trace] == [1, 10]
    assert fetched == 1


def test_the_target_may_be_the_trusted_block(steady: "LightChain") -> None:
    assert Climb(TERMS, steady.at(4), Height(4)).wanted is None


def test_a_set_that_moved_on_is_reached_by_bisection(moving: "LightChain") -> None:
    """The first try between 1 and 40 is at 9/16 of the way."""
    climb = Climb(TERMS, moving.at(1), Height(40))
    climb.take(moving.at(40), Millis(40_000), verify)
    assert climb.wanted == 1 + 39 * 9 // 16
    climb, fetched = _climb(moving, 1, 40)
    assert len(climb.trace) - 1 <= fetched < 20


def test_a_climb_with_full_trust_level_takes_every_change(moving: "LightChain") -> None:
    climb, _ = _climb(moving, 1, 40, replace(TERMS, level=(1, 1)))
    changes = {height - 1 for height in range(5, 41, 5)} | set(range(5, 41, 5))
    assert changes <= {block.height for block in climb.trace} | {4}


@runs(max_examples=15)
@given(low=st.integers(1, 39), high=st.integers(1, 40))
def test_every_height_is_reached_and_fetches_stay_few(
    moving: "LightChain", low: int, high: int
) -> None:
    low, high = min(low, high), max(low, high)
    climb, fetched = _climb(moving, low, high)
    heights = [block.height for block in climb.trace]
    assert heights == sorted(set(heights))
    assert (heights[0], heights[-1]) == (low, high)
    assert fetched <= 20


def test_a_climb_wants_the_height_that_it_asked_for(steady: "LightChain") -> None:
    climb = Climb(TERMS, steady.at(1), Height(10))
    assert _code(lambda: climb.take(steady.at(9), NOW, verify)) == light.WRONG_HEIGHT


def test_a_climb_ends_at_a_block_that_is_not_signed(steady: "LightChain") -> None:
    climb = Climb(TERMS, steady.at(1), Height(10))
    block = _slots(lambda slots: (*slots[:2], ABSENTEE, ABSENTEE))(steady.at(10))
    assert _code(lambda: climb.take(block, NOW, verify)) == light.NOT_SIGNED


def test_too_long_a_way_is_refused(moving: "LightChain", monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(light, "HOPS_MAX", 3)
    assert _code(lambda: _climb(moving, 1, 40)) == light.TOO_MANY_HOPS


@runs(max_examples=40)
@given(st.data())
def test_a_flipped_bit_is_never_trusted(steady: "LightChain", data: st.DataObject) -> None:
    """Any other spelling of a light block is malformed, or refused, or says the same header."""
    raw = bytearray(encode_record(steady.at(5)))
    place = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[place >> 3] ^= 1 << (place & 7)
    try:
        block = decode_record(LightBlock, bytes(raw), LIGHT_BYTES_MAX)
        light.check_next(TERMS, steady.at(2), block, NOW, verify)
    except (Malformed, Distrust):
        return
    assert id_of(block) == id_of(steady.at(5))
