"""`tfchain completion`: the lines that teach a shell to complete verbs, options and fields."""

from typing import Annotated, Final, Literal

import typer
from typer._completion_shared import get_completion_script

from tfchain.cli.front import COMPLETE, NAME

WHERE: Final = {
    "bash": "source <(tfchain completion bash)",
    "zsh": "source <(tfchain completion zsh)",
    "fish": "tfchain completion fish | source",
}
"""What goes into the shell's own start file."""


def completion(
    shell: Annotated[Literal["bash", "zsh", "fish"], typer.Argument(help="Whose lines to print.")],
) -> None:
    """Print the lines by which a shell completes; `source <(tfchain completion bash)` uses them now.

    `tfchain --install-completion` puts them into the start file of the shell that runs it.
    """
    typer.echo(get_completion_script(prog_name=NAME, complete_var=COMPLETE, shell=shell))
    typer.echo(f"# For the start file of {shell}: {WHERE[shell]}")
