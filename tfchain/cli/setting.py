"""Options that name a home and its settings, for the verbs that take them."""

from collections.abc import Sequence
from typing import Annotated, Final

import typer

from tfchain.errors import Malformed
from tfchain.node.settings import FLAG, settings_of

HOME_VARIABLE: Final = "TFCHAIN_HOME"

SetOption = Annotated[
    list[str] | None,
    typer.Option(
        FLAG, metavar="NAME=VALUE", help="A setting for this run; `tfchain config show` has all."
    ),
]


def flags_of(given: Sequence[str] | None) -> tuple[str, ...]:
    """What `--set` said; a wrong call where nothing can be set so."""
    flags = tuple(given or ())
    try:
        settings_of("", {}, flags)
    except Malformed as fault:
        raise typer.BadParameter(str(fault), param_hint=FLAG) from None
    return flags
