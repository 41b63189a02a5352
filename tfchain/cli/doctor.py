"""`tfchain doctor`: what an operator looks at first when something is wrong, each with its cure.

The clock is judged against block time: two thirds of the validators agreed on that.
"""

import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Final

import trio
import typer
from rich.console import Console
from rich.table import Table

from tfchain import __version__
from tfchain.base.units import MS_PER_S
from tfchain.cli.nearby import named
from tfchain.cli.status import (
    JsonOption,
    NodeOption,
    Plain,
    ask_status,
    missing,
    rows,
    short,
)
from tfchain.store.files import told

CLOCK_S_MAX: Final = 30
"""Block time may lag an interval and a few rounds behind; more is a stopped chain or a wrong clock."""
AHEAD_S_MAX: Final = 2
"""Block time ahead of this machine's: more than the precision of any genesis here."""
DISK_BYTES_MIN: Final = 1 << 30
"""A year of reports of a thousand nodes has room in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    what: str
    good: bool
    found: str
    cure: str


def doctor(
    node: NodeOption = "",
    home: Annotated[
        Path | None, typer.Option(help="A node's home on this machine, for its disk.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check clock, disk, peers, versions and guardians of a running node; end with 1 if any is wrong."""
    plain = trio.run(ask_status, named(node))
    findings = list(examined(plain, int(time.time() * MS_PER_S)))  # noqa: TID251 -- the point of it
    if home is not None:
        findings.append(_disk(home))
    healthy = all(finding.good for finding in findings)
    if as_json:
        checks = [asdict(finding) for finding in findings]
        typer.echo(json.dumps({"healthy": healthy, "checks": checks}))
    else:
        Console().print(_table(findings))
    if not healthy:
        raise typer.Exit(1)


def examined(plain: Plain, now_ms: int) -> Iterator[Finding]:
    """What a status says about the health of a node. `now_ms`: this machine's clock."""
    yield _clock(plain, now_ms)
    yield _peers(rows(plain, "peers"))
    yield _version(plain)
    for batch in rows(plain, "batches"):
        if batch.get("state") in ("sealed", "disputed"):
            yield _guardians(batch)


def _clock(plain: Plain, now_ms: int) -> Finding:
    block_ms = plain.get("time_ms")
    assert type(block_ms) is int, "ask_status has seen it"
    behind = (now_ms - block_ms) // MS_PER_S
    if behind < 0:
        found = f"block time is {-behind} s ahead of this clock"
    else:
        found = f"the last block ({plain.get('height')}) is {behind} s old"
    return Finding(
        what="clock",
        good=-AHEAD_S_MAX <= behind <= CLOCK_S_MAX,
        found=found,
        cure="set this machine's clock by NTP; if it is right, the chain stands still: see peers",
    )


def _peers(peers: list[Plain]) -> Finding:
    absent = [short(str(peer.get("key"))) for peer in peers if not peer.get("connected")]
    count = f"{len(peers) - len(absent)} of {len(peers)} connected"
    return Finding(
        what="peers",
        good=not absent,
        found=f"{count}; missing: {' '.join(absent)}" if absent else count,
        cure="`status` says why; check that they run, their addresses and ports",
    )


def _version(plain: Plain) -> Finding:
    theirs = plain.get("version")
    return Finding(
        what="version",
        good=theirs == __version__,
        found=f"the node has {theirs}, this program is {__version__}",
        cure="install the same version on both sides",
    )


def _guardians(batch: Plain) -> Finding:
    silent = missing(batch)
    name = f"batch {batch.get('schedule')}/{batch.get('period')}"
    said = f"not attested: {' '.join(short(one) for one in silent)}" if silent else "all attested"
    return Finding(
        what=name,
        good=batch.get("state") != "disputed",
        found=f"{batch.get('state')}, {said}",
        cure="ask the missing guardians to attest",
    )


def _disk(home: Path) -> Finding:
    with told("cannot look at the disk", home):
        free = shutil.disk_usage(home).free
    return Finding(
        what="disk",
        good=free >= DISK_BYTES_MIN,
        found=f"{free >> 20} MiB free at {home}",
        cure="make room, or move the home",
    )


def _table(findings: list[Finding]) -> Table:
    table = Table()
    for name in ("check", "", "found", "what to do"):
        table.add_column(name)
    for one in findings:
        table.add_row(
            one.what, "ok" if one.good else "WRONG", one.found, "" if one.good else one.cure
        )
    return table
