"""`tfchain wal`: what stands in a stopped node's write-ahead log, and what a start would make of it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from tfchain.errors import Divergence, Unavailable
from tfchain.node.disk import opened_parts
from tfchain.node.home import Home, load_config
from tfchain.node.recovery import Found, Plan, look, place_text, plan_of
from tfchain.node.wal_words import kind_and_text
from tfchain.store.wal import inspect_wal, read_wal

app = typer.Typer(help="Look into the write-ahead log of a stopped node.", no_args_is_help=True)

HomeOption = Annotated[Path, typer.Option(help="The home of a stopped node.")]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object.")]
Plain = dict[str, object]


@app.command()
def show(
    home: HomeOption,
    all_records: Annotated[
        bool, typer.Option("--all", help="Also the records of heights that are in the store.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """List the records, each with its place in the file; torn and damaged bytes are named."""
    path = Home(home).wal
    if not path.exists():
        raise Unavailable("there is no log", str(path), "name the home of a node that was started")
    plain = shown(path, all_records=all_records)
    typer.echo(json.dumps(plain) if as_json else "\n".join(show_lines(plain)))


@app.command()
def check(home: HomeOption, as_json: JsonOption = False) -> None:
    """Say what a start would do with store, log and signer. Ends with 1 if it would refuse."""
    at = Home(home)
    config = load_config(at)
    with opened_parts(at, config) as (chain, signer):
        try:
            plain = checked(look(at, chain, signer, config.look_back), at, config.look_back)
        except Divergence as fault:
            plain = {"starts": False, "start": f"it would stop: {fault}"}
    typer.echo(json.dumps(plain) if as_json else "\n".join(check_lines(plain)))
    if not plain["starts"]:
        raise typer.Exit(1)


def shown(path: Path, *, all_records: bool) -> Plain:
    """The records of a log and what is wrong with it."""
    survey, _ = inspect_wal(path)
    records: list[Plain] = []
    for offset, payload, whole in read_wal(path):
        kind, text = kind_and_text(payload) if whole else ("damaged", "not what was written")
        records.append({"offset": offset, "bytes": len(payload), "kind": kind, "text": text})
    if not all_records:
        ends = [place for place, row in enumerate(records) if row["kind"] == "end"]
        del records[: ends[-1] + 1 if ends else 0]
    torn = path.stat().st_size - survey.end if survey.damage is None else 0
    return {
        "path": str(path),
        "records": records,
        "damage": survey.damage,
        "torn_bytes": torn,
    }


def show_lines(plain: Plain) -> Iterator[str]:
    """The same for people."""
    records = plain["records"]
    assert isinstance(records, list)
    for row in records:
        yield f"{row['offset']:>10}  {row['bytes']:>8}  {row['kind']:<9} {row['text']}"
    yield f"{len(records)} records in {plain['path']}"
    if plain["damage"] is not None:
        yield f"damaged at byte {plain['damage']}: `tfchain wal check` says what a start would do"
    if plain["torn_bytes"]:
        yield f"torn end of {plain['torn_bytes']} bytes: a write that was cut short; a start cuts it"


def checked(found: Found, home: Home, look_back: int) -> Plain:
    """What was found, and what a start would do."""
    log = found.log
    plain: Plain = {
        "store_height": found.height,
        "signer": None if found.signer is None else place_text(found.signer),
        "in_blocks": place_text(found.shown),
        "look_back": look_back,
        "log": None,
    }
    if log is not None:
        torn = log.size - log.survey.end if log.survey.damage is None else 0
        plain["log"] = {
            "bytes": log.size,
            "records": len(log.survey.spans),
            "height": log.height,
            "own": place_text(log.own),
            "due": place_text(log.due),
            "damage": log.survey.damage,
            "torn_bytes": torn,
        }
    try:
        plan = plan_of(found, home, allow_old_store=False)
    except Unavailable as refusal:
        return {**plain, "starts": False, "start": f"it would refuse: {refusal}"}
    return {**plain, "starts": True, "start": plan_text(plan, found)}


def plan_text(plan: Plan, found: Found) -> str:
    """What a start would do."""
    kept = "" if found.log is None else f" from {len(found.log.survey.spans)} records"
    mended = ", after keeping the damaged log aside" if plan.mend else ""
    replays = found.log is not None and found.log.height == found.height + 1
    how = (
        f"replay height {found.height + 1}{kept}" if replays else f"begin height {found.height + 1}"
    )
    return f"it would {how}{mended}"


def check_lines(plain: Plain) -> Iterator[str]:
    """The same for people."""
    if "store_height" in plain:
        yield f"store      height {plain['store_height']}"
        yield f"signer     {plain['signer'] or 'none: this node follows'}"
        yield f"in blocks  {plain['in_blocks']} (the last {plain['look_back']} were searched)"
        log = plain["log"]
        if isinstance(log, dict):
            yield f"log        {log['records']} records of height {log['height']}, {log['bytes']} bytes"
            yield f"in log     {log['own']}; it leads to {log['due']}"
            yield f"torn end   {log['torn_bytes']} bytes"
            yield f"damage     {'none' if log['damage'] is None else 'at byte ' + str(log['damage'])}"
        else:
            yield "log        none"
    yield f"start      {plain['start']}"
