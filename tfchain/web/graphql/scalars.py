"""Numbers that JSON and a 32-bit `Int` do not hold: they leave as strings, and come as both.

A literal of a wholly other kind (`true`, a list) reads as null, as it does on the public server:
nothing equals it. A text that is no number is an error.
"""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from graphql import (
    FloatValueNode,
    GraphQLError,
    GraphQLSchema,
    IntValueNode,
    StringValueNode,
    ValueNode,
)

DIGITS_MAX: Final = 128
"""Characters of a number: the longest that anything here is worth has 38 digits."""
EXPONENT_FROM: Final = 21
"""A decimal of more digits than that before the point is written with an exponent."""
EXPONENT_BELOW: Final = -18
"""So is one whose first digit stands further behind the point."""

_INTEGER: Final = re.compile(r"[+-]?[0-9]+")
_DECIMAL: Final = re.compile(r"[+-]?[0-9]+\.?[0-9]*(e[+-]?[0-9]{1,4})?")

Number: TypeAlias = int | str
Parse: TypeAlias = Callable[[object], Number]


def install(schema: GraphQLSchema) -> None:
    """Teach the scalars of a schema that was made from text to read."""
    for name, parse in _PARSE.items():
        scalar: Any = schema.type_map[name]
        scalar.parse_value = parse
        scalar.parse_literal = partial(_literal, name, parse)


def big_int(value: object) -> int:
    """A whole number out of JSON or a string; raises `GraphQLError`."""
    text = _text(value)
    if not _INTEGER.fullmatch(text):
        raise _bad("BigInt")
    return int(text)


def big_decimal(value: object) -> str:
    """A decimal out of JSON or a string, as text; raises `GraphQLError`."""
    text = _text(value)
    if not _DECIMAL.fullmatch(text):
        raise _bad("BigDecimal")
    return text


_PARSE: Final[Mapping[str, Parse]] = MappingProxyType(
    {"BigInt": big_int, "BigDecimal": big_decimal}
)


def _text(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = str(value)
    return text if len(text) <= DIGITS_MAX else ""


def _literal(name: str, parse: Parse, node: ValueNode, _variables: object = None) -> Number | None:
    match node:
        case StringValueNode() | IntValueNode():
            return parse(node.value)
        case FloatValueNode() if name == "BigDecimal":
            return parse(node.value.lower())
        case _:
            return None


def _bad(name: str) -> GraphQLError:
    return GraphQLError(f"not a {name}")


def decimal_text(text: str) -> str:
    """A decimal as the public server writes it: no zeros at the end, `1e+21` where it gets long."""
    number = Decimal(text)
    place = number.adjusted() if number else 0
    sign = "-" if number < 0 else ""
    digits = "".join(map(str, number.as_tuple().digits)).strip("0") or "0"
    if not EXPONENT_BELOW <= place < EXPONENT_FROM:
        return f"{sign}{digits[0]}{'.' if digits[1:] else ''}{digits[1:]}e{place:+d}"
    if place < 0:
        return f"{sign}0.{'0' * (-1 - place)}{digits}"
    whole, rest = digits[: place + 1].ljust(place + 1, "0"), digits[place + 1 :]
    return f"{sign}{whole}{'.' if rest else ''}{rest}"
