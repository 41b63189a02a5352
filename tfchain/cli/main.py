"""`tfchain`: one line a verb, and the only place where an error becomes an exit code.

0: done. 1: the answer is no (an audit failed, a transaction was refused). 2: the call was wrong.
3: something could not be reached or read.
"""

import sys
from typing import Final

import typer

from tfchain import __version__
from tfchain.cli import audit, devnet, export, init, minting, simulate, start
from tfchain.errors import Divergence, InvalidBlock, Malformed, Rejected, TfchainError

NO: Final = 1
WRONG_CALL: Final = 2
UNREACHABLE: Final = 3

app = typer.Typer(
    name="tfchain",
    help="A ledger of node registrations, uptime and minting, kept by a BFT validator set.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=True,
)
app.command("devnet")(devnet.devnet)
app.command("init")(init.init)
app.command("start")(start.start)
app.command("export")(export.export)
app.command("audit")(audit.audit)
app.command("simulate")(simulate.simulate)
app.add_typer(minting.app, name="minting")


def _version(value: bool) -> None:
    if value:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def options(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version and end."
    ),
) -> None:
    """A ledger of node registrations, uptime and minting, kept by a BFT validator set."""


def exit_code(fault: TfchainError) -> int:
    """The code that says what kind of no this is."""
    if isinstance(fault, Rejected | InvalidBlock | Divergence):
        return NO
    return UNREACHABLE


def main() -> None:
    """Run the verb that was asked for; an error is one line on stderr, never a traceback."""
    if not __debug__:
        sys.exit("tfchain: assertions guard the ledger: run it without -O and PYTHONOPTIMIZE")
    try:
        app()
    except TfchainError as fault:
        typer.echo(f"tfchain: {_one_line(fault)}", err=True)
        sys.exit(exit_code(fault))


def _one_line(fault: TfchainError) -> str:
    kind = "malformed: " if isinstance(fault, Malformed) else ""
    return kind + " ".join(str(fault).split())
