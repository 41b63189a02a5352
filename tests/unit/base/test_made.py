"""Records made without their constructor: the same records, as frozen as any."""

from dataclasses import FrozenInstanceError, dataclass

import pytest

from tfchain.base.made import maker


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    number: int
    marks: tuple[int, ...]

    @property
    def first(self) -> int:
        return self.marks[0]


@dataclass(frozen=True, slots=True)
class Nothing:
    pass


@dataclass(frozen=True)
class Loose:
    number: int


def test_a_made_record_is_the_one_that_its_constructor_makes() -> None:
    one = maker(Shelf)(4, (5, 6))
    assert type(one) is Shelf
    assert one == Shelf(number=4, marks=(5, 6))
    assert hash(one) == hash(Shelf(number=4, marks=(5, 6)))
    assert repr(one) == repr(Shelf(number=4, marks=(5, 6)))
    assert one.first == 5


def test_a_made_record_is_frozen() -> None:
    one = maker(Shelf)(4, ())
    with pytest.raises(FrozenInstanceError):
        one.number = 5  # type: ignore[misc]


def test_a_record_of_no_fields_is_made_too() -> None:
    assert maker(Nothing)() == Nothing()


@pytest.mark.parametrize(
    "items", [pytest.param((4,), id="one missing"), pytest.param((4, (), 6), id="one too many")]
)
def test_every_field_is_due_once(items: tuple[object, ...]) -> None:
    with pytest.raises(TypeError):
        maker(Shelf)(*items)


def test_a_class_of_other_slots_is_refused_by_the_interpreter() -> None:
    with pytest.raises(TypeError, match="layout differs"):
        maker(Loose)(4)
