"""`tfchain replay`: execute one stored block again and show what it did, transaction by transaction."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from tfchain.cli.diff_state import progress
from tfchain.errors import InvalidBlock, Unavailable
from tfchain.ledger.block import Block, decode_block
from tfchain.node.answers import Json
from tfchain.node.comparing import Tick, rebuilt_at, row_words, table_name
from tfchain.node.rebuilding import Change, Rebuilt, Step, steps_of
from tfchain.node.sources import Source, opened_source

Plain = dict[str, Json]


def replay(
    home: Annotated[Path, typer.Option(help="A stopped node's home, or an export.")],
    height: Annotated[int, typer.Option(min=1, help="The block to execute.")],
    trace: Annotated[
        bool, typer.Option("--trace", help="Show every step with the rows that it changed.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Rebuild the state before a block from genesis, then execute it. Ends with 1 if roots differ.

    Signatures are not verified: `tfchain audit` does that.
    """
    with opened_source(home) as source, progress("rebuilding") as tick:
        plain = replayed(source, height, tick, trace=trace)
    typer.echo(json.dumps(plain) if as_json else "\n".join(lines_of(plain)))
    if not plain["equal"]:
        raise typer.Exit(1)


def replayed(source: Source, height: int, tick: Tick, *, trace: bool) -> Plain:
    """What the block did, as plain values.

    Raises:
        InvalidBlock: a block before it is not what this program makes of the ones before that.
        Unavailable: the chain does not go that far.
    """
    block, following = _blocks_at(source, height)
    rebuilt = next(iter(rebuilt_at(source, [height - 1], tick)))
    plain: Plain = {"height": height, "block_id": block.id.hex(), "transactions": len(block.txs)}
    try:
        steps = list(steps_of(rebuilt, rebuilt.check(block))) if trace else []
        outcome = rebuilt.take(block)
    except InvalidBlock as fault:
        return {**plain, "equal": False, "verdict": str(fault)}
    plain["codes"] = [*outcome.codes]
    plain["state_root"] = outcome.state_root.hex()
    plain["steps"] = [_step_plain(step) for step in steps]
    equal, verdict = _verdict(rebuilt, following)
    return {**plain, "equal": equal, "verdict": verdict}


def _blocks_at(source: Source, height: int) -> tuple[Block, Block | None]:
    """The block, and the one after it, which carries its roots."""
    found: list[Block] = []
    for number, raw in enumerate(source.raw_blocks(), start=1):
        if number >= height:
            found.append(decode_block(raw))
        if len(found) == 2:
            break
    if not found:
        raise Unavailable(f"block {height} is not here", source.name, "give a lower height")
    return found[0], found[1] if len(found) > 1 else None


def _verdict(rebuilt: Rebuilt, following: Block | None) -> tuple[bool, str]:
    if following is None:
        return True, "no later block carries its roots"
    header, tip = following.header, rebuilt.tip
    for name in ("state_root", "results_root"):
        if getattr(header, name) != getattr(tip, name):
            mine, agreed = getattr(tip, name).hex(), getattr(header, name).hex()
            return False, f"{name} is {mine} here, block {header.height} says {agreed}"
    return True, f"roots are those that block {header.height} carries"


def _step_plain(step: Step) -> Json:
    changes: list[Json] = [_change_plain(change) for change in step.changes]
    return {"what": step.what, "code": step.code, "changes": changes}


def _change_plain(change: Change) -> Json:
    key, before, after = change
    return {
        "table": table_name(key),
        "key": key[2:].hex(),
        "before": row_words(key, before),
        "after": row_words(key, after),
    }


def lines_of(plain: Plain) -> Iterator[str]:
    """The answer for people."""
    yield f"block      {plain['height']}, {plain['block_id']}, {plain['transactions']} transactions"
    steps = plain.get("steps", [])
    assert isinstance(steps, list)
    for step in steps:
        assert isinstance(step, dict)
        yield from _step_lines(step)
    if not steps:
        codes = plain.get("codes", [])
        assert isinstance(codes, list)
        for place, code in enumerate(codes):
            yield f"{place:>10} {code}"
    yield f"verdict    {plain['verdict']}"


def _step_lines(step: dict[str, Json]) -> Iterator[str]:
    yield f"{step['what']}: {step['code']}"
    changes = step["changes"]
    assert isinstance(changes, list)
    for change in changes:
        assert isinstance(change, dict)
        yield f"    {change['table']} {change['key']}"
        yield f"        before {json.dumps(change['before'])}"
        yield f"        after  {json.dumps(change['after'])}"
