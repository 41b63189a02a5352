"""What a page is asked for: numbers and names out of the path and the query, bounded before they are read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tfchain.errors import Malformed
from tfchain.index.sheet import SQL_INT_MAX, Cell

NUMBER_CHARS_MAX: Final = 19
TEXT_CHARS_MAX: Final = 128
"""The longest that is searched for: an id has 64 characters, a farm's name fewer."""
_DIGITS: Final = frozenset("0123456789")
_LETTERS: Final = _DIGITS | frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request: its path's parts, the first of each parameter, and when it came (seconds)."""

    path: Mapping[str, str]
    query: Mapping[str, str]
    now: int

    def number(self, name: str) -> int | None:
        """A number in the path; None for what is none that anything here could have."""
        return number(self.path[name])

    def text(self, name: str) -> str:
        """A parameter, without blanks around it; empty where it is not given.

        Raises:
            Malformed: longer than anything that could be found.
        """
        text = self.query.get(name, "").strip()
        if len(text) > TEXT_CHARS_MAX:
            raise Malformed(f"{name} has at most {TEXT_CHARS_MAX} characters")
        return text

    def word(self, name: str) -> str:
        """A parameter of letters and digits alone; raises `Malformed`."""
        text = self.text(name)
        if not _LETTERS.issuperset(text):
            raise Malformed(f"{name} has letters and digits alone")
        return text

    def cursor(self, name: str, sorts: str) -> tuple[Cell, ...] | None:
        """Where a list goes on: a part for each key, `i` for a number and `t` for a word.

        Raises:
            Malformed: it is no such place.
        """
        text = self.text(name)
        if not text:
            return None
        parts = text.split(".")
        if len(parts) != len(sorts):
            raise Malformed(f"{name} has {len(sorts)} parts")
        return tuple(_part(name, *pair) for pair in zip(sorts, parts, strict=True))


def _part(name: str, sort: str, text: str) -> Cell:
    if sort == "t":
        if not _LETTERS.issuperset(text):
            raise Malformed(f"{name} has letters and digits alone")
        return text
    found = number(text)
    if found is None:
        raise Malformed(f"{name} is no place in this list")
    return found


def number(text: str) -> int | None:
    """What the digits say, if a row could have such a number."""
    if not text or len(text) > NUMBER_CHARS_MAX or not _DIGITS.issuperset(text):
        return None
    found = int(text)
    return found if found <= SQL_INT_MAX else None
