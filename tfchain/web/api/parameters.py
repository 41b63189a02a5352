"""What a path or a query may say: read with a bound before anybody looks, and shown as a schema."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol, TypeAlias

from tfchain.base.address import from_text, to_text
from tfchain.errors import Malformed
from tfchain.index.sheet import SQL_INT_MAX
from tfchain.web.api import schemas
from tfchain.web.api.schemas import Object

Value: TypeAlias = "int | str | None"
Values: TypeAlias = Mapping[str, Value]

NUMBER_CHARS_MAX: Final = 20
TEXT_CHARS_MAX: Final = 256
_HEX: Final = frozenset("0123456789abcdef")


class Sort(Protocol):
    """What a parameter may be."""

    def read(self, text: str) -> int | str:
        """The value; raises `Malformed`."""
        ...

    def schema(self) -> Object:
        """What fits."""
        ...


@dataclass(frozen=True, slots=True)
class Number:
    """A whole number."""

    least: int = 0
    most: int = SQL_INT_MAX

    def read(self, text: str) -> int:
        """The number; raises `Malformed`."""
        if not 0 < len(text) <= NUMBER_CHARS_MAX or not (text.isascii() and text.isdigit()):
            raise Malformed("a whole number is due")
        number = int(text)
        if not self.least <= number <= self.most:
            raise Malformed(f"a number from {self.least} to {self.most} is due")
        return number

    def schema(self) -> Object:
        """What fits."""
        return {"type": "integer", "minimum": self.least, "maximum": self.most}


@dataclass(frozen=True, slots=True)
class Hexed:
    """Bytes as hex digits; upper case is lowered."""

    least: int
    most: int

    def read(self, text: str) -> str:
        """The digits; raises `Malformed`."""
        digits = text.lower() if text.isascii() else ""
        if not 2 * self.least <= len(digits) <= 2 * self.most or not _HEX.issuperset(digits):
            raise Malformed(f"hex digits of {self.least} to {self.most} bytes are due")
        if len(digits) % 2 or not text:
            raise Malformed("hex digits, two a byte, are due")
        return digits

    def schema(self) -> Object:
        """What fits."""
        return schemas.hexed(self.least, self.most)


@dataclass(frozen=True, slots=True)
class Account:
    """An address."""

    def read(self, text: str) -> str:
        """The address in its own spelling; raises `Malformed`."""
        return to_text(from_text(text))

    def schema(self) -> Object:
        """What fits."""
        return schemas.ADDRESS


@dataclass(frozen=True, slots=True)
class Word:
    """One of a few words."""

    words: Sequence[str]

    def read(self, text: str) -> str:
        """The word; raises `Malformed`."""
        if text not in self.words:
            raise Malformed(f"one of {', '.join(self.words)} is due")
        return text

    def schema(self) -> Object:
        """What fits."""
        return {"type": "string", "enum": [*self.words]}


@dataclass(frozen=True, slots=True)
class Text:
    """Any text within a bound."""

    most: int = TEXT_CHARS_MAX

    def read(self, text: str) -> str:
        """The text; raises `Malformed`."""
        if len(text) > self.most:
            raise Malformed(f"at most {self.most} letters are due")
        return text

    def schema(self) -> Object:
        """What fits."""
        return {"type": "string", "maxLength": self.most}


@dataclass(frozen=True, slots=True)
class HeightOrLast:
    """A height, or the word `last`."""

    def read(self, text: str) -> str:
        """The height as text, or `last`; raises `Malformed`."""
        return text if text == "last" else str(Number().read(text))

    def schema(self) -> Object:
        """What fits."""
        return {"anyOf": [{"const": "last"}, Number().schema()]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter: where it stands, what it may be, what it is without."""

    name: str
    sort: Sort
    about: str
    where: Literal["path", "query"] = "query"
    default: Value = None
    required: bool = False

    def read(self, text: str | None) -> Value:
        """The value; raises `Malformed`, which names the parameter."""
        if text is None:
            return self.default
        try:
            return self.sort.read(text)
        except Malformed as fault:
            raise Malformed(f"{self.name}: {fault}") from fault


def read_all(
    parameters: Sequence[Parameter], path: Mapping[str, object], query: Sequence[tuple[str, str]]
) -> Values:
    """Every parameter's value.

    Raises:
        Malformed: one does not fit, comes twice, or is unknown.
    """
    given = dict(query)
    if len(given) != len(query):
        raise Malformed("a parameter is there twice")
    known = {one.name for one in parameters if one.where == "query"}
    for name in given:
        if name not in known:
            raise Malformed(f"there is no such parameter here; there are {sorted(known)}")
    return {
        one.name: one.read(str(path[one.name]) if one.where == "path" else given.get(one.name))
        for one in parameters
    }
