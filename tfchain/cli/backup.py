"""`tfchain backup`: a stopped node's home as one file, without what must never come back."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from tfchain.cli.setting import HOME_VARIABLE
from tfchain.node.backup import Backup, back_up
from tfchain.node.home import Home


def backup(
    file: Annotated[Path, typer.Argument(help="The archive to write, a tar; never overwritten.")],
    home: Annotated[Path, typer.Option(envvar=HOME_VARIABLE, help="The home of a stopped node.")],
    with_keys: Annotated[
        bool,
        typer.Option(
            "--with-keys",
            help="Put the node's, validator's and guardian's key in too: whoever has the file has them.",
        ),
    ] = False,
) -> None:
    """Write settings, genesis and database of a stopped node into one file.

    Keys stay out unless --with-keys says otherwise. What the validator signed last always does:
    an old one would make it sign twice. RESTORE.txt in the archive says how to bring it back.
    A node that runs need not stop for a snapshot: tfchain snapshot make.
    """
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("writing", total=None)

        def show(done: int, size: int) -> None:
            progress.update(bar, completed=done, total=size)

        made = back_up(Home(home), file, with_keys=with_keys, told_of=show)
    for line in lines_of(file, home, made):
        typer.echo(line)


def lines_of(file: Path, home: Path, made: Backup) -> list[str]:
    """What is in it, what is not, and the way back."""
    lines = [f"backup     {file}: height {made.height}, {made.files} files, {made.size} bytes"]
    if made.keys:
        lines.append(f"keys       {', '.join(made.keys)}: whoever has this file has them")
        lines.append("left out   signer.state, for good: an old one would sign twice")
    else:
        lines.append("left out   all keys, and signer.state: what the validator signed last")
    return [
        *lines,
        f"restore    tar -xOf {file} RESTORE.txt says how, for {home} and for a new one",
    ]
