"""Shapes of fields: what a record may hold, declared once, beside the field.

A record is a frozen dataclass whose annotations carry their shape (`U32`, `Key`, `Name`, ...); its
codec, its command-line options and its reference entry are derived from them. `type(x) is int`
throughout: `True` is an `int`, and one byte of difference is a fork.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import partial
from typing import (
    Annotated,
    Generic,
    Protocol,
    TypeVar,
    get_args,
    get_origin,
    get_type_hints,
    runtime_checkable,
)

from tfchain.base import units
from tfchain.base.codec import Plain, decode, encode_shaped
from tfchain.base.limits import RECORD_BYTES_MAX
from tfchain.base.made import Make, maker
from tfchain.base.written import Change, Code, Names, Row, called, changer, packer, unpacker
from tfchain.errors import Malformed


@runtime_checkable
class Writable(Protocol):
    """A shape that can be written out where it is used (`base.written`)."""

    def code(self, name: str, names: Names) -> Code:
        """Exactly what `pack` and `unpack` do, about the variable of that name."""
        ...


class Shape(Protocol):
    """How one field goes to plain values and comes back, checked both ways."""

    def pack(self, value: object) -> Plain:
        """The plain form of `value`; a value out of range is a bug of ours."""
        ...

    def unpack(self, plain: Plain) -> object:
        """The value; raises `Malformed` for anything that `pack` never gives."""
        ...


@dataclass(frozen=True, slots=True)
class UInt:
    """An integer from `least` to `most`, both included."""

    least: int
    most: int

    def pack(self, value: object) -> Plain:
        assert type(value) is int and self.least <= value <= self.most, (value, self)
        return value

    def unpack(self, plain: Plain) -> object:
        if type(plain) is not int or not self.least <= plain <= self.most:
            raise Malformed(f"an integer from {self.least} to {self.most} is due")
        return plain

    def code(self, name: str, names: Names) -> Code:  # noqa: ARG002 -- it refers to nothing
        fits = f"type({name}) is int and {self.least} <= {name} <= {self.most}"
        return Code(fits, name, fits, name)


@dataclass(frozen=True, slots=True)
class Wide:
    """An unsigned quantity of up to 128 bits: 16 big-endian bytes (P27)."""

    def pack(self, value: object) -> Plain:
        assert type(value) is int and 0 <= value <= units.U128_MAX, (value, self)
        return value.to_bytes(16, "big")

    def unpack(self, plain: Plain) -> object:
        if type(plain) is not bytes or len(plain) != 16:
            raise Malformed("16 bytes are due")
        return int.from_bytes(plain, "big")


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes of a length from `least` to `most`."""

    least: int
    most: int

    def pack(self, value: object) -> Plain:
        assert type(value) is bytes and self.least <= len(value) <= self.most, (value, self)
        return value

    def unpack(self, plain: Plain) -> object:
        if type(plain) is not bytes or not self.least <= len(plain) <= self.most:
            raise Malformed(f"{self.least} to {self.most} bytes are due")
        return plain

    def code(self, name: str, names: Names) -> Code:  # noqa: ARG002 -- it refers to nothing
        fits = f"type({name}) is bytes and {self.least} <= len({name}) <= {self.most}"
        return Code(fits, name, fits, name)


@dataclass(frozen=True, slots=True)
class Text:
    """UTF-8 text of `least` to `most` bytes; with `alphabet`, of these characters only."""

    least: int
    most: int
    alphabet: str = ""

    def pack(self, value: object) -> Plain:
        assert type(value) is str, value
        assert self._fits(value), (value, self)
        return value

    def unpack(self, plain: Plain) -> object:
        if type(plain) is not str or not self._fits(plain):
            raise Malformed(f"text of {self.least} to {self.most} bytes is due")
        return plain

    def _fits(self, value: str) -> bool:
        if self.alphabet and value.strip(self.alphabet):  # what is left holds another letter
            return False
        try:
            size = len(value.encode())
        except UnicodeEncodeError:  # half a character, as a command line of broken bytes gives
            return False
        return self.least <= size <= self.most

    def code(self, name: str, names: Names) -> Code:
        """ASCII is looked at here, and in any other text each byte: an alphabet is always."""
        if self.alphabet:
            return called(name, names, self.pack, self.unpack)
        fits = f"type({name}) is str and {name}.isascii() and {self.least} <= len({name}) <= {self.most}"
        return Code(fits, name, fits, name)


@dataclass(frozen=True, slots=True)
class Flag:
    """True or false."""

    def pack(self, value: object) -> Plain:
        assert type(value) is bool, value
        return value

    def unpack(self, plain: Plain) -> object:
        if type(plain) is not bool:
            raise Malformed("true or false is due")
        return plain

    def code(self, name: str, names: Names) -> Code:  # noqa: ARG002 -- it refers to nothing
        return Code(f"type({name}) is bool", name, f"type({name}) is bool", name)


@dataclass(frozen=True, slots=True)
class Maybe:
    """A value or nothing; nothing means absent, never failed."""

    shape: Shape

    def pack(self, value: object) -> Plain:
        return None if value is None else self.shape.pack(value)

    def unpack(self, plain: Plain) -> object:
        return None if plain is None else self.shape.unpack(plain)

    def code(self, name: str, names: Names) -> Code:
        inner, absent = _code_of(self.shape, name, names), f"{name} is None"
        return Code(
            f"({absent} or {inner.fits})",
            f"(None if {absent} else {inner.packed})",
            f"({absent} or {inner.plain_fits})",
            f"(None if {absent} else {inner.unpacked})",
        )


@dataclass(frozen=True, slots=True)
class Many:
    """A tuple of up to `most` values."""

    shape: Shape
    most: int

    def pack(self, value: object) -> Plain:
        assert type(value) is tuple and len(value) <= self.most, (value, self)
        return [self.shape.pack(item) for item in value]

    def unpack(self, plain: Plain) -> object:
        if type(plain) is not list or len(plain) > self.most:
            raise Malformed(f"a list of at most {self.most} is due")
        return tuple(self.shape.unpack(item) for item in plain)

    def code(self, name: str, names: Names) -> Code:
        pack, unpack = map(names.of, _functions_of(self.shape))
        return Code(
            f"type({name}) is tuple and len({name}) <= {self.most}",
            f"[*map({pack}, {name})]",
            f"type({name}) is list and len({name}) <= {self.most}",
            f"(*map({unpack}, {name}),)",
        )


R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Fields(Generic[R]):
    """The fields of a record class in order, and the careful codec: it calls each field's shape."""

    cls: type[R]
    version: int
    names: tuple[str, ...]
    shapes: tuple[Shape, ...]
    make: Make[R]

    def pack(self, value: object) -> Plain:
        """The record as a list that starts with its version."""
        assert type(value) is self.cls, (value, self.cls)
        items = zip(self.names, self.shapes, strict=True)
        return [self.version, *(shape.pack(getattr(value, name)) for name, shape in items)]

    def unpack(self, plain: Plain) -> R:
        """The record; `Malformed` names the field that does not fit."""
        if type(plain) is not list or len(plain) != len(self.names) + 1:
            raise Malformed(f"{self.cls.__name__}: a list of {len(self.names) + 1} is due")
        version, *items = plain
        if type(version) is not int or version != self.version:
            raise Malformed(f"{self.cls.__name__}: version {self.version} is due")
        return self.make(*map(self._unpacked, self.names, self.shapes, items))

    def _unpacked(self, name: str, shape: Shape, item: Plain) -> object:
        try:
            return shape.unpack(item)
        except Malformed as fault:
            raise Malformed(f"{self.cls.__name__}.{name}: {fault}") from fault


@dataclass(frozen=True, slots=True)
class Layout(Generic[R]):
    """A record class with its fields in order: `[version, field, field, ...]` (P28).

    Every row and every transaction passes through here, so its codec is written out once.
    """

    version: int
    names: tuple[str, ...]
    shapes: tuple[Shape, ...]
    careful: Fields[R]
    """The same answers, by calling the shapes."""
    pack: Callable[[object], Plain]
    """The record as a list that starts with its version."""
    unpack: Callable[[Plain], R]
    """The record; raises `Malformed`, which names the field that does not fit."""
    changer: Callable[[Sequence[str]], Change[R]]
    """What copies a record with these fields others, given in this order."""


@dataclass(frozen=True, slots=True)
class Nested:
    """A record inside a record."""

    cls: type

    def pack(self, value: object) -> Plain:
        return layout(self.cls).pack(value)

    def unpack(self, plain: Plain) -> object:
        return layout(self.cls).unpack(plain)

    def code(self, name: str, names: Names) -> Code:
        return called(name, names, *_functions_of(self))


_LAYOUTS: dict[type, object] = {}


def layout(cls: type[R]) -> Layout[R]:
    """The layout of a record class, read once from its annotations.

    A field is annotated with a type that has a shape: an alias below, `Annotated[T, shape]`, or a
    unit of `base.units`. The class may state `VERSION`; 1 is the default.
    """
    known: Layout[R] | None = _LAYOUTS.get(cls)  # type: ignore[assignment]
    if known is None:
        known = _LAYOUTS[cls] = _read_layout(cls)
    return known


def _read_layout(cls: type[R]) -> Layout[R]:
    hints = get_type_hints(cls, include_extras=True)
    names = tuple(field.name for field in fields(cls))  # type: ignore[arg-type]
    shapes = tuple(_shape_of(cls, name, hints[name]) for name in names)
    version = getattr(cls, "VERSION", 1)
    assert type(version) is int
    assert not hasattr(cls, "__post_init__"), "a record is what its fields are"
    careful = Fields(cls=cls, version=version, names=names, shapes=shapes, make=maker(cls))
    row, known = Row(cls, version, names), Names()
    codes = [_code_of(shape, f"f{place}", known) for place, shape in enumerate(shapes)]
    return Layout(
        version=version,
        names=names,
        shapes=shapes,
        careful=careful,
        pack=packer(row, known, codes, careful.pack),
        unpack=unpacker(row, known, codes, careful.unpack),
        changer=partial(changer, row),
    )


def _code_of(shape: Shape, name: str, names: Names) -> Code:
    if isinstance(shape, Writable):
        return shape.code(name, names)
    return called(name, names, *_functions_of(shape))


def _functions_of(shape: Shape) -> tuple[Callable[[object], Plain], Callable[[Plain], object]]:
    """How to pack and unpack; of a record inside a record its own functions, without a detour."""
    if isinstance(shape, Nested):
        inner: Layout[object] = layout(shape.cls)
        return inner.pack, inner.unpack
    return shape.pack, shape.unpack


def _shape_of(cls: type, name: str, hint: object) -> Shape:
    if get_origin(hint) is Annotated:
        shape: Shape = get_args(hint)[1]
        return shape
    for unit, unit_shape in UNIT_SHAPES:
        if hint is unit:
            return unit_shape
    if hint is bool:
        return Flag()
    raise AssertionError(f"{cls.__name__}.{name} has no shape")


def encode_record(record: object) -> bytes:
    """The canonical bytes of a record."""
    return encode_shaped(layout(type(record)).pack(record))


def changed(record: R, **fields: object) -> R:
    """As `dataclasses.replace`, for records that change with every transaction: half its time."""
    place = (type(record), *fields)
    change: Change[R] | None = _CHANGERS.get(place)  # type: ignore[assignment]
    if change is None:
        change = _CHANGERS[place] = layout(type(record)).changer(tuple(fields))
    return change(record, *fields.values())


def changing(cls: type[R], *names: str) -> Change[R]:
    """`changed` with the fields settled beforehand, for what every report goes through.

    What it returns takes a record of that very class, and these fields' new items in this order.
    """
    return layout(cls).changer(names)


_CHANGERS: dict[tuple[object, ...], object] = {}
"""By class and fields: there are as many as there are lines that call `changed`."""


def decode_record(cls: type[R], data: bytes, bytes_max: int = RECORD_BYTES_MAX) -> R:
    """The record that `data` spells; raises `Malformed`."""
    return layout(cls).unpack(decode(data, bytes_max))


U8 = Annotated[int, UInt(0, 0xFF)]
U16 = Annotated[int, UInt(0, 0xFFFF)]
U32 = Annotated[int, UInt(0, units.U32_MAX)]
U64 = Annotated[int, UInt(0, units.U64_MAX)]
U128 = Annotated[int, Wide()]
Hash = Annotated[bytes, Blob(32, 32)]
MaybeHash = Annotated[bytes, Blob(0, 32)]
Signature = Annotated[bytes, Blob(64, 64)]

UNIT_SHAPES: tuple[tuple[object, Shape], ...] = (
    (units.Seconds, UInt(0, units.U64_MAX)),
    (units.Millis, UInt(0, units.U64_MAX)),
    (units.Utft, UInt(0, units.U64_MAX)),
    (units.MilliUsd, UInt(0, units.U64_MAX)),
    (units.PerMille, UInt(0, units.U64_MAX)),
    (units.Millionths, UInt(0, units.U64_MAX)),
    (units.Height, UInt(0, units.U64_MAX)),
    (units.Round, UInt(0, units.U32_MAX)),
    (units.Power, UInt(0, units.U64_MAX)),
    (units.TwinId, UInt(0, units.U32_MAX)),
    (units.FarmId, UInt(0, units.U32_MAX)),
    (units.NodeId, UInt(0, units.U32_MAX)),
    (units.PolicyId, UInt(0, units.U32_MAX)),
    (units.PeriodIndex, UInt(0, units.U32_MAX)),
    (units.ScheduleId, UInt(0, 0xFF)),
    (units.Address, Blob(32, 32)),
)
"""Units carry their range with them; ids are u32 as on the real chain."""
