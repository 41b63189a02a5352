"""The verbs as one command line, loaded one at a time: nobody waits for what was not asked for."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Final

import typer
from typer.main import get_command

from tfchain import __version__
from tfchain.cli.collecting import collect_seldom

NAME: Final = "tfchain"
COMPLETE: Final = "_TFCHAIN_COMPLETE"
"""Set by a shell that asks what could stand here; the words so far are in one of the next two."""
_WORDS: Final = ("COMP_WORDS", "_TYPER_COMPLETE_ARGS")
_HELP: Final = "--help"


def called(argv: Sequence[str], environ: Mapping[str, str], verbs: Sequence[str]) -> int:
    """Run what `argv` asks for and answer with its exit code; errors pass through."""
    words = typed(argv, environ)
    asked = words[0] if words else ""
    loaded = verbs if asked == _HELP else [verb for verb in verbs if verb == asked]
    command = get_command(front(verbs, loaded))
    _expect_verbs(command)
    collect_seldom()
    code = command.main(args=list(argv), prog_name=NAME, standalone_mode=False)
    return code if type(code) is int else 0


def typed(argv: Sequence[str], environ: Mapping[str, str]) -> Sequence[str]:
    """The words behind the program's name: as called, or as they stand in the shell's line."""
    if COMPLETE not in environ:
        return argv
    line = next((environ[name] for name in _WORDS if name in environ), "")
    return line.split()[1:]


def front(verbs: Sequence[str], loaded: Sequence[str]) -> typer.Typer:
    """The command line with all `verbs`; those that are not `loaded` are mere names."""
    app = typer.Typer(
        name=NAME, pretty_exceptions_enable=False, add_completion=True, rich_markup_mode="rich"
    )
    app.callback()(options)
    for verb in verbs:
        if verb not in loaded:
            app.command(verb)(_unloaded)
            continue
        name = verb.replace("-", "_")
        module = import_module(f"tfchain.cli.{name}")
        if hasattr(module, "app"):
            app.add_typer(module.app, name=verb)
        else:
            app.command(verb)(getattr(module, name))
    return app


def _unloaded() -> None:
    raise AssertionError("a verb that is called is loaded")


def _expect_verbs(command: object) -> None:
    """A call without its verb is a wrong call like any other, not a page of help."""
    verbs = getattr(command, "commands", {})
    if verbs:
        command.no_args_is_help = False  # type: ignore[attr-defined]
    for verb in verbs.values():
        _expect_verbs(verb)


def _version(value: bool) -> None:
    if value:
        typer.echo(__version__)
        raise typer.Exit


def options(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version and end."
    ),
) -> None:
    """A ledger of node registrations, uptime and minting, kept by a BFT validator set.

    Exit codes: 0 done, 1 the answer is no, 2 a wrong call, 3 something could not be reached or read.
    """
