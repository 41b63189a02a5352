"""`tfchain diff-state`: where two chains part: the first block, or the first row of the state."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from tfchain.base.units import Height
from tfchain.errors import InvalidBlock, Malformed
from tfchain.node.answers import Json
from tfchain.node.comparing import (
    BlockDiff,
    StateDiff,
    Tick,
    first_block_diff,
    rebuilt_at,
    rebuilt_rows,
    row_words,
    state_diff,
    table_name,
)
from tfchain.node.sources import Source, opened_source

COMPUTED = "computed from genesis"
Plain = dict[str, Json]


def diff_state(
    one: Annotated[Path, typer.Argument(help="A stopped node's home, or an export.")],
    other: Annotated[Path, typer.Argument(help="Another one.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Find the first block that differs, else the first row of the state. Ends with 1 if any does.

    States that stand at different heights are compared with what this program computes for them.
    """
    with opened_source(one) as left, opened_source(other) as right, progress() as tick:
        plain = compared(left, right, tick)
    typer.echo(json.dumps(plain) if as_json else "\n".join(lines_of(plain)))
    if not plain["equal"]:
        raise typer.Exit(1)


@contextmanager
def progress(what: str = "comparing") -> Iterator[Tick]:
    """A bar that shows the height, on a terminal."""
    console = Console(stderr=True)
    with Progress(console=console, disable=not sys.stderr.isatty(), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda height: bar.update(task, completed=height, description=f"{what} {height}")


def compared(one: Source, other: Source, tick: Tick) -> Plain:
    """The answer as plain values."""
    plain: Plain = {"a": one.name, "b": other.name, "equal": False}
    if one.genesis_text() != other.genesis_text():
        return {**plain, "genesis": "differs: these are two chains"}
    common, block = first_block_diff(one, other, tick)
    plain["equal_blocks"] = common
    if block is not None:
        return {**plain, "block": _block_plain(block), **_sides(one, other, block, tick)}
    states = list(_state_diffs(one, other, tick))
    return {**plain, "equal": not states, "states": [_state_plain(diff) for diff in states]}


def _sides(one: Source, other: Source, block: BlockDiff, tick: Tick) -> Plain:
    """Which side this program agrees with, where what was computed before the block differs."""
    verdicts: Plain = {}
    for name, source in (("a", one), ("b", other)):
        try:
            for _ in rebuilt_at(source, [block.height], tick):
                verdicts[name] = "is what this program computes"
        except (InvalidBlock, Malformed) as fault:
            verdicts[name] = str(fault)
    return {"verdicts": verdicts}


def _state_diffs(one: Source, other: Source, tick: Tick) -> Iterator[StateDiff]:
    """States of one height against each other; of two, each against what is computed."""
    heights = (one.state_height(), other.state_height())
    if heights[0] is not None and heights[0] == heights[1]:
        names = (one.name, other.name)
        diff = state_diff(one.state_rows(), other.state_rows(), heights[0], names)
        if diff is None:
            return
        yield diff
    held = [(source, at) for source in (one, other) if (at := source.state_height()) is not None]
    longest = max((one, other), key=lambda source: source.state_height() or _length(source))
    held.sort(key=lambda pair: pair[1])
    states = rebuilt_at(longest, [at for _, at in held], tick)
    for (source, at), rebuilt in zip(held, states, strict=True):
        names = (source.name, COMPUTED)
        diff = state_diff(source.state_rows(), rebuilt_rows(rebuilt), at, names)
        if diff is not None:
            yield diff


def _length(source: Source) -> int:
    return sum(1 for _ in source.raw_blocks())


def _block_plain(diff: BlockDiff) -> Json:
    ids: list[Json] = list(diff.ids)
    fields: list[Json] = list(diff.fields)
    return {"height": diff.height, "ids": ids, "fields": fields}


def _state_plain(diff: StateDiff) -> Json:
    key, left, right = diff.first
    rows: dict[str, Json] = dict(diff.rows)
    between: list[Json] = list(diff.between)
    return {
        "height": Height(diff.height),
        "between": between,
        "rows": rows,
        "table": table_name(key),
        "key": key[2:].hex(),
        "values": [row_words(key, left), row_words(key, right)],
    }


def lines_of(plain: Plain) -> Iterator[str]:
    """The answer for people."""
    yield f"A          {plain['a']}"
    yield f"B          {plain['b']}"
    if "genesis" in plain:
        yield f"genesis    {plain['genesis']}"
        return
    yield f"blocks     equal up to {plain['equal_blocks']}"
    block = plain.get("block")
    if isinstance(block, dict):
        yield from _block_lines(block, plain.get("verdicts"))
        return
    states = plain["states"]
    assert isinstance(states, list)
    for state in states:
        assert isinstance(state, dict)
        yield from _state_lines(state)
    if not states:
        yield "state      equal"


def _block_lines(block: dict[str, Json], verdicts: Json) -> Iterator[str]:
    ids, fields = block["ids"], block["fields"]
    assert isinstance(ids, list) and isinstance(fields, list) and isinstance(verdicts, dict)
    yield f"block      {block['height']} differs: {', '.join(str(field) for field in fields)}"
    for side, name in zip("AB", ids, strict=True):
        yield f"{side}          {name}: {verdicts[side.lower()]}"


def _state_lines(state: dict[str, Json]) -> Iterator[str]:
    between, values, rows = state["between"], state["values"], state["rows"]
    assert isinstance(between, list) and isinstance(values, list) and isinstance(rows, dict)
    counts = ", ".join(f"{name} {count}" for name, count in rows.items())
    yield f"state      differs after block {state['height']}; rows: {counts}"
    yield f"table      {state['table']}"
    yield f"key        {state['key']}"
    for name, value in zip(between, values, strict=True):
        yield f"value      {json.dumps(value)} in {name}"
