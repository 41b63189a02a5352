"""Frozen records made at the speed of open ones, for those that come by the thousand.

A frozen class sets each field through `object.__setattr__`, by name, which takes four times as long as
an assignment. So a record is begun as one of an open class with the same slots, and handed over to
the frozen class when it is whole: the interpreter lets no instance change to a class of other slots.
"""

from dataclasses import fields, make_dataclass
from typing import Protocol, TypeVar

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


class Make(Protocol[R_co]):
    """Makes a record of all its fields, in their order."""

    def __call__(self, *items: object) -> R_co: ...


def maker(cls: type[R]) -> Make[R]:
    """What makes records of a frozen class with slots and without a constructor of its own."""
    begin = open_twin(cls)

    def make(*items: object) -> R:
        record = begin(*items)
        record.__class__ = cls
        return record

    return make


def open_twin(cls: type[R]) -> Make[R]:
    """Begins a record of a frozen class: to be finished with `record.__class__ = cls`."""
    names = [field.name for field in fields(cls)]  # type: ignore[arg-type]
    twin: Make[R] = make_dataclass(cls.__name__, names, slots=True)  # type: ignore[assignment]
    return twin
