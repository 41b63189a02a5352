"""Fields and records: what they hold, checked on the way out and on the way in."""

from dataclasses import dataclass, field, fields
from typing import Annotated, ClassVar

import pytest

from tfchain.base import units
from tfchain.base.codec import Plain, encode
from tfchain.base.shapes import (
    U8,
    UNIT_SHAPES,
    Blob,
    Flag,
    Hash,
    Many,
    Maybe,
    Nested,
    Shape,
    Text,
    UInt,
    Wide,
    changed,
    decode_record,
    encode_record,
    layout,
)
from tfchain.errors import Malformed


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    shelf: U8
    lit: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    VERSION: ClassVar[int] = 3

    farm: units.FarmId
    label: Annotated[str, Text(1, 8)]
    root: Hash
    spot: Annotated[Spot, Nested(Spot)]
    marks: Annotated[tuple[int, ...], Many(UInt(0, 9), 3)]
    note: Annotated[bytes | None, Maybe(Blob(0, 4))]


BOX = Box(
    farm=units.FarmId(7),
    label="ü",
    root=bytes(32),
    spot=Spot(shelf=2, lit=True),
    marks=(1, 2),
    note=None,
)
BOX_PLAIN: list[Plain] = [3, 7, "ü", bytes(32), [1, 2, True], [1, 2], None]


@pytest.mark.parametrize(
    ("shape", "value", "plain"),
    [
        pytest.param(UInt(2, 5), 2, 2, id="the least integer"),
        pytest.param(UInt(2, 5), 5, 5, id="the greatest integer"),
        pytest.param(Wide(), 258, bytes(14) + b"\x01\x02", id="a wide integer, big end first"),
        pytest.param(Wide(), 0, bytes(16), id="a wide zero"),
        pytest.param(Wide(), (1 << 128) - 1, b"\xff" * 16, id="the widest integer"),
        pytest.param(Blob(1, 2), b"a", b"a", id="the fewest bytes"),
        pytest.param(Blob(1, 2), b"ab", b"ab", id="the most bytes"),
        pytest.param(Text(2, 3), "é", "é", id="text counted in bytes"),
        pytest.param(Text(0, 3, "ab"), "aba", "aba", id="text of an alphabet"),
        pytest.param(Flag(), True, True, id="true"),
        pytest.param(Flag(), False, False, id="false"),
        pytest.param(Maybe(Flag()), None, None, id="nothing"),
        pytest.param(Maybe(Flag()), False, False, id="something that is false"),
        pytest.param(Many(Wide(), 2), (1, 0), [bytes(15) + b"\x01", bytes(16)], id="many"),
        pytest.param(Many(Flag(), 0), (), [], id="none of many"),
        pytest.param(Nested(Spot), Spot(shelf=9, lit=False), [1, 9, False], id="a record"),
    ],
)
def test_a_value_goes_to_its_plain_form_and_back(shape: Shape, value: object, plain: Plain) -> None:
    packed = shape.pack(value)
    assert packed == plain
    assert encode(packed) == encode(plain)
    back = shape.unpack(packed)
    assert back == value
    assert type(back) is type(value)


REFUSED = [
    pytest.param(UInt(0, 5), True, id="true where an integer is due"),
    pytest.param(UInt(2, 5), 1, id="an integer too small"),
    pytest.param(UInt(2, 5), 6, id="an integer too great"),
    pytest.param(UInt(0, 5), "1", id="text where an integer is due"),
    pytest.param(UInt(0, 5), None, id="nothing where an integer is due"),
    pytest.param(Blob(2, 3), b"a", id="too few bytes"),
    pytest.param(Blob(2, 3), b"abcd", id="too many bytes"),
    pytest.param(Blob(1, 3), "ab", id="text where bytes are due"),
    pytest.param(Text(1, 3), b"ab", id="bytes where text is due"),
    pytest.param(Text(2, 3), "a", id="too short a text"),
    pytest.param(Text(0, 3), "éé", id="a text of two letters and four bytes"),
    pytest.param(Text(0, 3, "ab"), "abc", id="a letter outside the alphabet"),
    pytest.param(Text(0, 9, "0123456789"), "\u0661", id="a digit that is not ASCII"),
    pytest.param(Text(0, 9), "\ud800", id="half a surrogate pair"),
    pytest.param(Text(0, 9), "\udfff", id="the other half"),
    pytest.param(Flag(), 1, id="one where true is due"),
    pytest.param(Flag(), 0, id="zero where false is due"),
    pytest.param(Flag(), None, id="nothing where a flag is due"),
    pytest.param(Maybe(UInt(0, 5)), False, id="false where an integer or nothing is due"),
]


@pytest.mark.parametrize(
    ("shape", "plain"),
    [
        *REFUSED,
        pytest.param(Wide(), 5, id="a short integer where a wide one is due"),
        pytest.param(Wide(), bytes(15), id="15 bytes where 16 are due"),
        pytest.param(Wide(), bytes(17), id="17 bytes where 16 are due"),
        pytest.param(Many(UInt(0, 9), 2), [1, 2, 3], id="one too many"),
        pytest.param(Many(UInt(0, 9), 2), [1, True], id="true among integers"),
        pytest.param(Many(UInt(0, 9), 2), b"12", id="bytes where a list is due"),
        pytest.param(Nested(Spot), [1, 2], id="a record without its last field"),
    ],
)
def test_a_plain_value_that_pack_never_gives_is_refused(shape: Shape, plain: Plain) -> None:
    with pytest.raises(Malformed):
        shape.unpack(plain)


@pytest.mark.parametrize(
    ("shape", "value"),
    [
        *REFUSED,
        pytest.param(Wide(), -1, id="a negative wide integer"),
        pytest.param(Wide(), 1 << 128, id="a wide integer too great"),
        pytest.param(Wide(), True, id="true where a wide integer is due"),
        pytest.param(Many(UInt(0, 9), 2), (1, 2, 3), id="one too many"),
        pytest.param(Many(UInt(0, 9), 2), [1], id="a list that may change"),
        pytest.param(Blob(1, 3), bytearray(b"ab"), id="bytes that may change"),
        pytest.param(Nested(Spot), BOX, id="another record"),
    ],
)
def test_packing_a_value_out_of_range_is_a_bug_of_ours(shape: Shape, value: object) -> None:
    with pytest.raises(AssertionError):
        shape.pack(value)


def test_a_record_is_its_version_and_its_fields_in_order() -> None:
    assert layout(Box).pack(BOX) == BOX_PLAIN
    assert encode_record(BOX) == encode(BOX_PLAIN)
    assert decode_record(Box, encode(BOX_PLAIN)) == BOX


@pytest.mark.parametrize(
    ("plain", "complaint"),
    [
        pytest.param(7, "Box: a list of 7 is due", id="no list"),
        pytest.param([], "Box: a list of 7 is due", id="an empty list"),
        pytest.param(BOX_PLAIN[:-1], "Box: a list of 7 is due", id="a field missing"),
        pytest.param([*BOX_PLAIN, 0], "Box: a list of 7 is due", id="a field too many"),
        pytest.param([2, *BOX_PLAIN[1:]], "Box: version 3 is due", id="an older version"),
        pytest.param([4, *BOX_PLAIN[1:]], "Box: version 3 is due", id="a version to come"),
        pytest.param([b"3", *BOX_PLAIN[1:]], "Box: version 3 is due", id="a version in bytes"),
        pytest.param([3, -1, *BOX_PLAIN[2:]], "Box.farm: an integer", id="a field out of range"),
        pytest.param(
            [*BOX_PLAIN[:4], [1, 256, True], *BOX_PLAIN[5:]],
            "Box.spot: Spot.shelf: an integer from 0 to 255 is due",
            id="a field of the record inside",
        ),
    ],
)
def test_a_record_that_does_not_fit_is_refused_by_the_name_of_its_field(
    plain: Plain, complaint: str
) -> None:
    with pytest.raises(Malformed, match=complaint):
        decode_record(Box, encode(plain))


def test_true_is_not_version_one() -> None:
    assert decode_record(Spot, encode([1, 2, True])) == Spot(shelf=2, lit=True)
    with pytest.raises(Malformed, match="version 1 is due"):
        decode_record(Spot, encode([True, 2, True]))


def test_a_record_longer_than_its_bound_is_refused_unread() -> None:
    spelled = encode_record(BOX)
    assert decode_record(Box, spelled, len(spelled)) == BOX
    with pytest.raises(Malformed, match="at most"):
        decode_record(Box, spelled, len(spelled) - 1)


def test_a_layout_packs_no_other_class() -> None:
    with pytest.raises(AssertionError):
        layout(Spot).pack(BOX)


def test_a_layout_is_read_once() -> None:
    assert layout(Box) is layout(Box)


def test_a_field_without_a_shape_is_found_when_the_record_is_first_used() -> None:
    @dataclass(frozen=True, slots=True, kw_only=True)
    class Vague:
        count: int = field(default=0)

    with pytest.raises(AssertionError, match=r"Vague\.count has no shape"):
        layout(Vague)


def test_every_unit_has_one_shape_that_refuses_what_is_too_wide() -> None:
    named = [unit for unit, _ in UNIT_SHAPES]
    declared = [unit for unit in vars(units).values() if hasattr(unit, "__supertype__")]
    assert sorted(map(str, named)) == sorted(map(str, declared))
    for unit, shape in UNIT_SHAPES:
        too_wide: Plain = bytes(33) if unit is units.Address else 1 << 64
        with pytest.raises(Malformed):
            shape.unpack(too_wide)
        with pytest.raises(Malformed):
            shape.unpack(True)


def test_a_record_is_frozen() -> None:
    assert [column.name for column in fields(Spot)] == ["shelf", "lit"]
    with pytest.raises(AttributeError):
        BOX.spot.shelf = 1  # type: ignore[misc]


def test_a_changed_record_is_another_one_with_the_other_fields_as_they_were() -> None:
    one = Spot(shelf=5, lit=True)
    assert changed(one, shelf=8) == Spot(shelf=8, lit=True)
    assert one.shelf == 5
    assert changed(one) == one
    assert changed(one) is not one


def test_a_field_that_a_record_has_not_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match=r"tuple\.index"):
        changed(BOX, owner=1)


def test_a_class_that_checks_its_fields_itself_has_no_layout() -> None:
    @dataclass(frozen=True, slots=True, kw_only=True)
    class Careful:
        number: U8

        def __post_init__(self) -> None:
            assert self.number

    with pytest.raises(AssertionError, match="a record is what its fields are"):
        layout(Careful)
