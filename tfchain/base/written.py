"""A record's codec as one function each way, written from its shapes as dataclasses write constructors.

To call a shape for each field takes four times as long as what the shapes then do, and every
transaction and every row goes through here. The text is made of places, limits and nothing else, so
it is the same on every machine. Where a value does not fit, the careful codec is asked, which calls
the shapes one by one: it raises what there is to raise, and names the field.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, Protocol, TypeVar

from tfchain.base.codec import Plain
from tfchain.base.made import defined, known_of, making
from tfchain.errors import Malformed

R = TypeVar("R")

ALWAYS: Final = "True"
"""What fits as far as the expression is concerned."""


@dataclass(frozen=True, slots=True)
class Row(Generic[R]):
    """A record class: its version, and its fields in order."""

    cls: type[R]
    version: int
    names: tuple[str, ...]


@dataclass(slots=True)
class Names:
    """What a text refers to, under names of its own."""

    known: dict[str, object] = field(default_factory=dict)

    def of(self, thing: object) -> str:
        """A name for a thing."""
        name = f"x{len(self.known)}"
        self.known[name] = thing
        return name


@dataclass(frozen=True, slots=True)
class Code:
    """One field as expressions: whether a value, or its plain form, fits, and each from the other.

    What does not fit need not be seen here if the expression raises what the shape would raise.
    """

    fits: str
    packed: str
    plain_fits: str
    unpacked: str


def called(
    name: str, names: Names, pack: Callable[[object], Plain], unpack: Callable[[Plain], object]
) -> Code:
    """A field whose shape is called."""
    return Code(ALWAYS, f"{names.of(pack)}({name})", ALWAYS, f"{names.of(unpack)}({name})")


def packer(
    row: Row[R], names: Names, codes: Sequence[Code], careful: Callable[[object], Plain]
) -> Callable[[object], Plain]:
    """Packs records. `codes`: by field, each about the variable `f0`, `f1`, ..."""
    packed = ", ".join([f"{row.version}", *(code.packed for code in codes)])
    lines = [
        "def pack(record):",
        "    if type(record) is not cls:",
        "        return careful(record)",
        *(f"    f{place} = record.{name}" for place, name in enumerate(row.names)),
        f"    if {_all(code.fits for code in codes)}:",
        f"        return [{packed}]",
        "    return careful(record)",
    ]
    return defined("pack", lines, names.known | {"cls": row.cls, "careful": careful})  # type: ignore[return-value]


def unpacker(
    row: Row[R], names: Names, codes: Sequence[Code], careful: Callable[[Plain], R]
) -> Callable[[Plain], R]:
    """Unpacks records."""
    places = "".join(f"f{place}, " for place in range(len(codes)))
    fits = _all(
        [f"type(version) is int and version == {row.version}", *(c.plain_fits for c in codes)]
    )
    lines = [
        "def unpack(plain):",
        f"    if type(plain) is list and len(plain) == {len(codes) + 1}:",
        f"        version, {places} = plain",
        f"        if {fits}:",
        "            try:",
        *(f"                {line}" for line in making(row.names, (c.unpacked for c in codes))),
        "            except Malformed:",
        "                return careful(plain)",
        "            return record",
        "    return careful(plain)",
    ]
    known = known_of(row.cls, row.names) | {"Malformed": Malformed, "careful": careful}
    return defined("unpack", lines, names.known | known)  # type: ignore[return-value]


class Change(Protocol[R]):
    """Copies a record; what it is given beside is what the fields that it was made for become."""

    def __call__(self, record: R, /, *items: object) -> R: ...


def changer(row: Row[R], changing: Sequence[str]) -> Change[R]:
    """Copies a record, then come the fields that are others; ValueError for one that it has not."""
    new = {row.names.index(name): f"f{place}" for place, name in enumerate(changing)}
    items = (new.get(place, f"before.{name}") for place, name in enumerate(row.names))
    lines = [
        f"def changed({', '.join(['before', *new.values()])}):",
        *(f"    {line}" for line in making(row.names, items)),
        "    return record",
    ]
    return defined("changed", lines, known_of(row.cls, row.names))  # type: ignore[return-value]


def _all(fits: Iterable[str]) -> str:
    return " and ".join(one for one in fits if one != ALWAYS) or ALWAYS
