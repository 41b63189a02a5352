"""JSON out of a request: judged by its depth before anything walks through it."""

import json
from typing import Final

from tfchain.errors import Malformed
from tfchain.node.answers import Json

DEPTH_MAX: Final = 64
"""Nesting of a request: a filter goes from row to row, a few at a time."""


def load_untrusted(raw: bytes | str) -> Json:
    """What the text says; raises `Malformed`."""
    try:
        value: Json = json.loads(raw)
    except (ValueError, RecursionError) as fault:
        raise Malformed("not JSON") from fault
    layer = [value]
    for _ in range(DEPTH_MAX):
        layer = [inner for outer in layer for inner in _inside(outer)]
    if layer:
        raise Malformed(f"JSON that nests deeper than {DEPTH_MAX}")
    return value


def _inside(value: Json) -> list[Json]:
    match value:
        case list():
            return value
        case dict():
            return list(value.values())
        case _:
            return []
