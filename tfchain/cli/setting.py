"""Options that name a home and its settings, for the verbs that take them."""

from collections.abc import Sequence
from typing import Annotated, Final

import typer

from tfchain.errors import Malformed
from tfchain.node.config import FORMATS, LEVELS
from tfchain.node.settings import FLAG, settings_of

HOME_VARIABLE: Final = "TFCHAIN_HOME"

SetOption = Annotated[
    list[str] | None,
    typer.Option(
        FLAG, metavar="NAME=VALUE", help="A setting for this run; `tfchain config show` has all."
    ),
]

LogLevelOption = Annotated[
    str,
    typer.Option(
        metavar="|".join(LEVELS),
        help="What is logged, from here up: --set log.level=...",
        show_default="what config.toml says",
    ),
]
LogFormatOption = Annotated[
    str,
    typer.Option(
        metavar="|".join(FORMATS),
        help="How a line of the log is written: for people, or one JSON object.",
        show_default="what config.toml says",
    ),
]

OwnLevelOption = Annotated[
    str,
    typer.Option("--log-level", metavar="|".join(LEVELS), help="What is logged, from here up."),
]
OwnFormatOption = Annotated[
    str,
    typer.Option(
        "--log-format",
        metavar="|".join(FORMATS),
        help="How a line of the log on stderr is written.",
    ),
]
"""For what has no config.toml."""


def logged(level: str, form: str) -> list[str]:
    """What `--log-level` and `--log-format` say, as `--set` would; empty where they say nothing."""
    flags = []
    for name, value, words in (("level", level, LEVELS), ("format", form, FORMATS)):
        if value and value not in words:
            raise typer.BadParameter(f"{', '.join(words)} are known", param_hint=f"--log-{name}")
        flags += [f"log.{name}={value}"] if value else []
    return flags


def flags_of(given: Sequence[str] | None, log: Sequence[str] = ()) -> tuple[str, ...]:
    """What `--set` said, and after it `log`; a wrong call where nothing can be set so."""
    flags = (*(given or ()), *log)
    try:
        settings_of("", {}, flags)
    except Malformed as fault:
        raise typer.BadParameter(str(fault), param_hint=FLAG) from None
    return flags
