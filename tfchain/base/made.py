"""Frozen records made at the speed of open ones, for those that come by the thousand.

A frozen class sets each field through `object.__setattr__`, by name, which takes four times as long as
an assignment. So a record is begun as one of an open class with the same slots and no constructor, and
handed over to the frozen class when it is whole: the interpreter lets no instance change to a class of
other slots. The function that does it is written out, as dataclasses write theirs.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from typing import Protocol, TypeVar

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


class Make(Protocol[R_co]):
    """Makes a record of all its fields, in their order."""

    def __call__(self, *items: object) -> R_co: ...


def maker(cls: type[R]) -> Make[R]:
    """What makes records of a frozen class with slots and without a constructor of its own."""
    names = [field.name for field in fields(cls)]  # type: ignore[arg-type]
    places = [f"f{place}" for place in range(len(names))]
    head = f"def make({', '.join(places)}):"
    lines = [head, *(f"    {line}" for line in making(names, places)), "    return record"]
    return defined("make", lines, known_of(cls, names))  # type: ignore[return-value]


def making(names: Sequence[str], items: Iterable[str]) -> list[str]:
    """Lines that make `record`, of expressions for its fields; they refer to `known_of` its class."""
    sets = (f"record.{name} = {item}" for name, item in zip(names, items, strict=True))
    return ["record = begin()", *sets, "record.__class__ = cls"]


def known_of(cls: type, names: Sequence[str]) -> dict[str, object]:
    """The class, and what begins a record of it."""
    begin: Callable[[], object] = type(cls.__name__, (), {"__slots__": tuple(names)})
    return {"cls": cls, "begin": begin}


def defined(name: str, lines: Sequence[str], known: dict[str, object]) -> object:
    """The function that the lines define; `known`: what they refer to."""
    exec("\n".join(lines), known)  # noqa: S102 -- names, places and limits of our own alone
    return known[name]
