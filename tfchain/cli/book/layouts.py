"""Records as the reference shows them: fields in the order of their bytes, each with its shape."""

from dataclasses import fields, is_dataclass
from importlib import import_module
from typing import Final, TypeAlias, get_args, get_type_hints

from tfchain.base import units
from tfchain.base.shapes import (
    Blob,
    Flag,
    Layout,
    Many,
    Maybe,
    Nested,
    Shape,
    Text,
    UInt,
    Wide,
    layout,
)
from tfchain.cli.book.sources import field_words, modules_of, words
from tfchain.ledger.commit import OneLengthOf

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | bool | None"

PACKAGES: Final = (
    "bft.gossip",
    "bft.messages",
    "chain.export_records",
    "chain.genesis",
    "chain.snapshot",
    "ledger",
    "net.handshake",
    "replica.messages",
    "tx",
)
"""Where records are that others must read and write."""


def records() -> dict[str, type]:
    """Every record class by module and name."""
    found = {}
    for name in modules_of(*PACKAGES):
        module = import_module(f"tfchain.{name}")
        for cls in vars(module).values():
            if isinstance(cls, type) and cls.__module__ == module.__name__ and has_layout(cls):
                found[name_of(cls)] = cls
    return found


def name_of(cls: type) -> str:
    """How the reference calls a record: by module and name."""
    return f"{cls.__module__.removeprefix('tfchain.')}.{cls.__name__}"


def has_layout(cls: type) -> bool:
    """Whether it is a record: keyword-only, and a shape for each field."""
    if not is_dataclass(cls) or vars(cls).get("__match_args__", ("inherited",)) or not fields(cls):
        return False
    try:
        layout(cls)
    except AssertionError:
        return False
    return True


def record_entry(cls: type) -> dict[str, Json]:
    """A record: its version, and its fields in the order of the bytes."""
    own: Layout[object] = layout(cls)
    said = field_words(cls.__module__.removeprefix("tfchain."), cls.__name__)
    hints = get_type_hints(cls, include_extras=True)
    fields: list[Json] = []
    for name, shape in zip(own.names, own.shapes, strict=True):
        field: dict[str, Json] = {"name": name, **shape_entry(shape)}
        unit = _unit(hints[name])
        if unit:
            field["unit"] = unit
        if name in said:
            field["what"] = said[name]
        fields.append(field)
    return {"version": own.version, "what": words(cls.__doc__), "fields": fields}


def shape_entry(shape: Shape) -> dict[str, Json]:
    """What a field may hold."""
    found: dict[str, Json]
    match shape:
        case UInt(least=least, most=most):
            found = {"is": "integer", "least": least, "most": most}
        case Wide():
            found = {"is": "u128"}
        case Blob(least=least, most=most):
            found = {"is": "bytes", "least": least, "most": most}
        case Text(least=least, most=most, alphabet=alphabet):
            found = {"is": "text", "least": least, "most": most}
            if alphabet:
                found["of"] = alphabet
        case Flag():
            found = {"is": "boolean"}
        case Maybe(shape=inner):
            found = {"is": "nil or", "item": shape_entry(inner)}
        case Many(shape=inner, most=most):
            found = {"is": "array", "most": most, "item": shape_entry(inner)}
        case Nested(cls=cls):
            found = {"is": "record", "record": name_of(cls)}
        case OneLengthOf(lengths=lengths):
            found = {"is": "bytes", "lengths": list(lengths)}
        case _:
            found = {"is": type(shape).__name__, "what": words(type(shape).__doc__)}
    return found


def _unit(hint: object) -> str:
    """The name of the unit that a field is annotated with."""
    for part in (hint, *get_args(hint)):
        name = getattr(part, "__name__", "")
        if name and getattr(units, name, None) is part:
            return str(name)
    return ""
