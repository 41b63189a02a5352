"""JSON Schema of what is answered, read from the records that are answered.

`node.answers` words a record's fields by their annotations; the same annotations lead to the schema
here, so that nobody keeps a second list of fields.
"""

from dataclasses import fields, is_dataclass
from types import NoneType, UnionType
from typing import Annotated, Final, TypeAlias, get_args, get_origin, get_type_hints

from tfchain.base.shapes import Blob, Many, Maybe, Shape, Text, UInt
from tfchain.base.units import U64_MAX, Address, Millionths, MilliUsd, Power, Utft
from tfchain.ledger.measures import MEASURES

Schema: TypeAlias = "dict[str, Schema] | list[Schema] | str | int | bool"
Object: TypeAlias = dict[str, Schema]

NUMBER: Final[Object] = {"type": "integer", "minimum": 0}
WIDE: Final[Object] = {
    "type": "string",
    "pattern": "^[0-9]{1,20}$",
    "description": "a 64-bit number, as text: JavaScript's end at 2^53",
}
ADDRESS: Final[Object] = {
    "type": "string",
    "pattern": "^[1-9A-HJ-NP-Za-km-z]{40,64}$",
    "description": "an SS58 address with prefix 42",
}
TEXT: Final[Object] = {"type": "string"}
FLAG: Final[Object] = {"type": "boolean"}
ANYTHING: Final[Object] = {"type": "object"}
_WIDE: Final = (Utft, MilliUsd, Millionths, Power)
_MEASURED: Final = {row.record: row.name for row in MEASURES}


def hexed(least: int, most: int) -> Object:
    """So many bytes as hex digits."""
    return {
        "type": "string",
        "pattern": "^(?:[0-9a-f]{2})*$",
        "minLength": 2 * least,
        "maxLength": 2 * most,
    }


HASH: Final = hexed(32, 32)
BYTES: Final[Object] = {"type": "string", "pattern": "^(?:[0-9a-f]{2})*$"}


def many(item: Object) -> Object:
    """A list."""
    return {"type": "array", "items": item}


def maybe(schema: Object) -> Object:
    """The same, or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def fields_of(**parts: Object) -> Object:
    """An object with exactly these fields, all of them there."""
    return {
        "type": "object",
        "properties": {**parts},
        "required": [*parts],
        "additionalProperties": False,
    }


def record_of(cls: type, without: tuple[str, ...] = (), **more: Object) -> Object:
    """The fields of a record, as `answers.record` words them, and some beside them."""
    hints = get_type_hints(cls, include_extras=True)
    names = [field.name for field in fields(cls) if field.name not in without]
    return fields_of(**{**{name: _schema(hints[name]) for name in names}, **more})


def _schema(hint: object) -> Object:
    if get_origin(hint) is Annotated:
        return _annotated(*get_args(hint)[:2])
    if get_origin(hint) is tuple:
        return many(_schema(get_args(hint)[0]))
    if get_origin(hint) is UnionType:
        return _one_of(get_args(hint))
    if isinstance(hint, type) and is_dataclass(hint):
        return record_of(hint)
    return _single(hint)


def _single(hint: object) -> Object:
    for known, schema in ((bool, FLAG), (str, TEXT), (bytes, BYTES), (Address, ADDRESS)):
        if hint is known:
            return schema
    return WIDE if hint in _WIDE else NUMBER


def _annotated(hint: object, shape: Shape) -> Object:
    match shape:
        case UInt():
            wide = shape.most == U64_MAX
            return WIDE if wide else {**NUMBER, "minimum": shape.least, "maximum": shape.most}
        case Text():
            return {**TEXT, "maxLength": shape.most}
        case Blob():
            return ADDRESS if hint is Address else hexed(shape.least, shape.most)
        case Many():
            return {**_schema(hint), "maxItems": shape.most}
        case Maybe(shape=UInt()):
            return maybe(NUMBER)
        case _:
            return _schema(hint)


def _one_of(kinds: tuple[object, ...]) -> Object:
    """One of several records says which it is, if it is a measure; null stands for itself."""
    options: list[Schema] = [_named(kind) for kind in kinds if kind is not NoneType]
    if NoneType in kinds:
        options.append({"type": "null"})
    return {"anyOf": options}


def _named(kind: object) -> Object:
    name = _MEASURED.get(kind) if isinstance(kind, type) else None
    return _schema(kind) if name is None else fields_of(**{name: _schema(kind)})
