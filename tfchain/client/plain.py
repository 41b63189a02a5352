"""Plain values to records: what JSON and command lines say, read by the shapes of a record's fields.

The way back from a node's answers, and the way in for people: numbers may come as digits, amounts as
`1.5TFT`, addresses as SS58, other bytes as hex, a record inside as an object or as `cru=4,mru=8`, a list of numbers as `2+7`.
"""

from collections.abc import Mapping
from dataclasses import fields
from typing import Annotated, Final, TypeVar, cast, get_args, get_origin, get_type_hints

from tfchain.base.address import from_text
from tfchain.base.codec import Plain
from tfchain.base.limits import RECORD_BYTES_MAX
from tfchain.base.shapes import Blob, Flag, Many, Nested, Shape, Text, UInt, Wide, layout
from tfchain.base.units import U128_MAX, UTFT_PER_TFT, Address, Utft
from tfchain.errors import Malformed
from tfchain.ledger.measures import NAMED, AnyMeasure, Measure

R = TypeVar("R")

NUMBER_CHARS_MAX: Final = 40
"""Digits of 128 bits, and a unit."""
COIN: Final = "TFT"
_PLACES: Final = 7
_HEX: Final = frozenset("0123456789abcdefABCDEF")
_DIGITS: Final = frozenset("0123456789")
_FLAGS: Final = {"true": True, "yes": True, "false": False, "no": False}


def read_record(cls: type[R], plain: object) -> R:
    """The record that an object spells; fields that the class does not have are refused.

    Raises:
        Malformed: names the field.
    """
    values = _object(cls, plain)
    shape, hints = layout(cls), hints_of(cls)
    unknown = sorted(set(values) - set(shape.names))
    missing = [name for name in shape.names if name not in values]
    if unknown or missing:
        what = f"no field {unknown[0]}" if unknown else f"{missing[0]} is due"
        raise Malformed(f"{cls.__name__}: {what}; it has {', '.join(shape.names)}")
    spelled: list[Plain] = [shape.version]
    for name, one in zip(shape.names, shape.shapes, strict=True):
        try:
            spelled.append(_plain(one, hints[name], values[name]))
        except Malformed as fault:
            raise Malformed(f"{name}: {fault}") from fault
    return shape.unpack(spelled)


def hints_of(cls: type) -> dict[str, object]:
    """What each field is annotated with, its shape taken off: `Utft`, `Address`, `bytes`."""
    hints = get_type_hints(cls, include_extras=True)
    return {field.name: _bare(hints[field.name]) for field in fields(cls)}


def amount_of(text: str) -> Utft:
    """`1.5TFT`, or a bare number of units (1 TFT = 10^7).

    Raises:
        Malformed: neither, or finer than a unit.
    """
    due = "an amount is like 1.5TFT, or a whole number of units"
    if len(text) > NUMBER_CHARS_MAX:
        raise Malformed(due)
    coins = text.removesuffix(COIN).rstrip(" ")
    if coins == text:
        return Utft(_digits(text, due))
    whole, point, fraction = coins.partition(".")
    if len(fraction) > _PLACES or (point and not fraction):
        raise Malformed(f"{due}; TFT has {_PLACES} places")
    units = _digits(fraction.ljust(_PLACES, "0"), due)
    return Utft(_digits(whole, due) * UTFT_PER_TFT + units)


def amount_text(amount: int) -> str:
    """An amount for people, exact: `1.5TFT`."""
    whole, units = divmod(amount, UTFT_PER_TFT)
    fraction = str(units).rjust(_PLACES, "0").rstrip("0")
    return f"{whole}.{fraction}{COIN}" if fraction else f"{whole}{COIN}"


def bytes_of(text: object) -> bytes:
    """The bytes that hex digits spell; raises `Malformed`."""
    if not isinstance(text, str) or len(text) % 2 or not _HEX.issuperset(text):
        raise Malformed("hex digits, two a byte, are due")
    if len(text) > 2 * RECORD_BYTES_MAX:
        raise Malformed("too long")
    return bytes.fromhex(text)


def number_of(value: object) -> int:
    """A whole number of up to 128 bits, or its digits; raises `Malformed`."""
    return _number(int, value)


def _object(cls: type, plain: object) -> Mapping[str, object]:
    """An object, or its short form `name=value,name=value`."""
    if isinstance(plain, Mapping):
        return cast("Mapping[str, object]", plain)
    if not isinstance(plain, str) or not 0 < len(plain) <= RECORD_BYTES_MAX:
        raise Malformed(f"{cls.__name__}: an object is due")
    pairs = [part.partition("=") for part in plain.split(",")]
    names = [name.strip() for name, _, _ in pairs]
    if len(set(names)) < len(names) or not all(sign for _, sign, _ in pairs):
        raise Malformed(f"like {','.join(f'{name}=...' for name in layout(cls).names)}")
    return {name: value.strip() for name, (_, _, value) in zip(names, pairs, strict=True)}


def _plain(shape: Shape, hint: object, value: object) -> Plain:
    match shape:
        case UInt() | Wide():
            number = _number(hint, value)
            return number if isinstance(shape, UInt) else number.to_bytes(16, "big")
        case Blob():
            is_address = hint is Address and isinstance(value, str)
            return from_text(cast("str", value)) if is_address else bytes_of(value)
        case Flag():
            return _flag(value)
        case Many():
            item = get_args(hint)[0]
            return [_plain(shape.shape, item, one) for one in _list(value)[: shape.most + 1]]
        case _:
            return _deep(shape, value)


def _list(value: object) -> list[object]:
    """A list, or its short form `2+7`; the empty text is the empty list."""
    if isinstance(value, str) and len(value) <= RECORD_BYTES_MAX:
        return [*value.split("+")] if value else []
    if not isinstance(value, list):
        raise Malformed("a list is due")
    return value


def _deep(shape: Shape, value: object) -> Plain:
    """Text, a record inside, or a measure by its name."""
    match shape:
        case Nested(cls=cls):
            return shape.pack(read_record(cls, value))
        case AnyMeasure():
            return shape.pack(_measure(value))
        case Text() if isinstance(value, str):
            return value
        case _:
            raise Malformed("text is due")


def _measure(value: object) -> Measure:
    """`{"set_price": {"price": 90}}`, or its short form `set_price:price=90`."""
    name, fields = "", value
    if isinstance(value, Mapping) and len(value) == 1:
        ((name, fields),) = value.items()
    elif isinstance(value, str):
        name, _, fields = value.partition(":")
    if name not in NAMED:
        raise Malformed(f"like set_price:price=90; measures are {', '.join(NAMED)}")
    return read_record(NAMED[name], fields)


def _number(hint: object, value: object) -> int:
    if type(value) is int and 0 <= value <= U128_MAX:
        return value
    if not isinstance(value, str):
        raise Malformed("a whole number is due")
    number: int = amount_of(value) if hint is Utft else _digits(value, "a whole number is due")
    if number > U128_MAX:
        raise Malformed("the number is too large")
    return number


def _digits(text: str, due: str) -> int:
    if not 0 < len(text) <= NUMBER_CHARS_MAX or not _DIGITS.issuperset(text):
        raise Malformed(due)
    return int(text)


def _flag(value: object) -> bool:
    known = _FLAGS.get(value) if isinstance(value, str) else value
    if type(known) is not bool:
        raise Malformed("true or false is due")
    return known


def _bare(hint: object) -> object:
    return get_args(hint)[0] if get_origin(hint) is Annotated else hint
