"""`tfchain validator`: move a validator to another machine without ever signing on two."""

from pathlib import Path
from typing import Annotated

import typer

from tfchain.base.address import to_text
from tfchain.base.crypto import public_key
from tfchain.base.units import Address
from tfchain.node.home import Home, load_config
from tfchain.node.moving import Moved
from tfchain.node.moving import move_in as take_in
from tfchain.node.moving import move_out as take_out
from tfchain.node.recovery import place_text

app = typer.Typer(
    help="Move a validator to another machine; never copy its key.", no_args_is_help=True
)

HomeOption = Annotated[Path, typer.Option(help="The home of a stopped node.")]


@app.command("move-out")
def move_out(
    file: Annotated[Path, typer.Argument(help="The file to write; it holds the key.")],
    home: HomeOption,
) -> None:
    """Take the validator out of a home. The home is retired: it refuses to start."""
    at = Home(home)
    moved = take_out(at, load_config(at), file)
    typer.echo(f"validator  {_address(moved)} is in {file}, and no more in {home}")
    typer.echo(f"signed     {place_text(moved.last.place)}")
    typer.echo(f"next       carry {file} over, then `tfchain validator move-in FILE --home DIR`")


@app.command("move-in")
def move_in(
    file: Annotated[Path, typer.Argument(help="What move-out wrote; it is removed.")],
    home: HomeOption,
) -> None:
    """Take a moved validator into a home of the same chain, made by `tfchain init`."""
    at = Home(home)
    moved = take_in(at, load_config(at), file)
    typer.echo(f"validator  {_address(moved)} is in {home}; {file} is gone")
    typer.echo(f"signed     {place_text(moved.last.place)}: it votes from the next height on")
    typer.echo(f"next       tfchain start --home {home}")


def _address(moved: Moved) -> str:
    return to_text(Address(public_key(moved.seed)))
