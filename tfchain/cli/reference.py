"""`tfchain reference`: what a second program must know, read off this one's code."""

import json
from collections.abc import Iterator
from typing import Annotated, Final

import typer

from tfchain.cli.book.contents import contents
from tfchain.cli.book.layouts import Json

_PLACES: Final = ("where", "at")
"""Where in the code something stands: for machines, not for reading."""


def reference(
    as_json: Annotated[bool, typer.Option("--json", help="The same for machines.")] = False,
) -> None:
    """Print codec, tags, records, tables, kinds, codes, paths, messages, limits, exit codes, examples."""
    found = contents()
    if as_json:
        typer.echo(json.dumps(found, indent=1, ensure_ascii=False))
        return
    for line in lines_of(found):
        typer.echo(line)


def lines_of(found: dict[str, Json]) -> Iterator[str]:
    """The reference as Markdown."""
    yield f"# {found['program']}: reference"
    for chapter, value in found.items():
        if chapter != "program":
            yield ""
            yield f"## {chapter.replace('_', ' ')}"
            yield ""
            yield from _lines(value, 0)


def _lines(value: Json, depth: int) -> Iterator[str]:
    indent = "  " * depth
    match value:
        case dict():
            for name, inner in value.items():
                yield from _named(name, inner, depth)
        case list():
            for inner in value:
                yield f"{indent}- {_words(inner)}"
        case _:
            yield f"{indent}{_words(value)}"


def _named(name: str, value: Json, depth: int) -> Iterator[str]:
    indent = "  " * depth
    if isinstance(value, dict | list) and not _is_short(value):
        yield f"{indent}- **{name}**"
        yield from _lines(value, depth + 1)
    else:
        yield f"{indent}- **{name}** {_words(value)}"


def _is_short(value: Json) -> bool:
    return isinstance(value, dict) and not any(isinstance(v, dict | list) for v in value.values())


def _words(value: Json) -> str:
    """A row on one line: what has no better place is told with its name."""
    match value:
        case dict():
            parts = [f"{name} {_words(v)}" for name, v in value.items() if name not in _PLACES]
            return "; ".join(part for part in parts if part.strip())
        case list():
            return ", ".join(_words(inner) for inner in value)
        case None:
            return "nil"
        case bool():
            return "yes" if value else "no"
        case _:
            return " ".join(str(value).split())
