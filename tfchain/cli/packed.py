"""`tfchain minting pack`: a period whose uptime stands in columns of bytes, to be read at once."""

import json
from typing import Annotated

import typer

from tfchain.chain.grid_columns import as_columns
from tfchain.cli.imported import PeriodOption, taken_from
from tfchain.cli.written import write, writing


def pack_period(
    source: Annotated[
        str,
        typer.Argument(
            metavar="FILE", help="Recorded periods (.jsonl, .jsonl.xz, -) or a collector's SQLite."
        ),
    ],
    out: Annotated[
        str, typer.Option("--out", metavar="FILE", help="Write the line and its columns here.")
    ],
    number: PeriodOption = None,
    state: Annotated[
        str, typer.Option("--state", metavar="FILE", help="With SQLite: a recorded period.")
    ] = "",
) -> None:
    """Write a period in columns, which `minting compute` reads a hundred times faster."""
    with taken_from(source, number, state) as taken:
        plain, columns = as_columns(taken.plain, taken.period)
    line = json.dumps({"seed": plain["period"], "input": plain}) + "\n"
    with writing(out, [source, state]) as target:
        write(target, line.encode() + columns, out)
