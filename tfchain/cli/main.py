"""`tfchain`: one line a verb, and the only place where an error becomes an exit code.

0: done. 1: the answer is no (an audit failed, a transaction was refused). 2: the call was wrong.
3: something could not be reached or read.
"""

import sys
from importlib import import_module
from typing import Final

import typer

from tfchain import __version__
from tfchain.errors import Divergence, InvalidBlock, Malformed, Rejected, TfchainError

NO: Final = 1
WRONG_CALL: Final = 2
UNREACHABLE: Final = 3

VERBS: Final = (
    "devnet",
    "init",
    "start",
    "status",
    "doctor",
    "show",
    "statement",
    "keys",
    "tx",
    "export",
    "audit",
    "minting",
    "simulate",
)
"""A verb is the module of its name in this folder; it holds a function of
that name, or `app` where the verb has verbs of its own. Only the one that is asked for is loaded: a
validator that starts need not wait for the simulator."""


def front(verbs: tuple[str, ...]) -> typer.Typer:
    """The command line with these verbs."""
    app = typer.Typer(
        name="tfchain",
        help="A ledger of node registrations, uptime and minting, kept by a BFT validator set.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        add_completion=True,
    )
    app.callback()(options)
    for verb in verbs:
        module = import_module(f"tfchain.cli.{verb}")
        if hasattr(module, "app"):
            app.add_typer(module.app, name=verb)
        else:
            app.command(verb)(getattr(module, verb))
    return app


def _version(value: bool) -> None:
    if value:
        typer.echo(__version__)
        raise typer.Exit


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
    asked = tuple(verb for verb in VERBS if verb in sys.argv[1:2])
    try:
        front(asked or VERBS)()
    except TfchainError as fault:
        typer.echo(f"tfchain: {_one_line(fault)}", err=True)
        sys.exit(exit_code(fault))


def _one_line(fault: TfchainError) -> str:
    kind = "malformed: " if isinstance(fault, Malformed) else ""
    return kind + " ".join(str(fault).split())
