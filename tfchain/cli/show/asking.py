"""What every verb of `show` has in common: whom to ask, whether to check, how to print.

A verb turns its arguments into a question; a question is put in a session, and what it shows is
printed as a table or as one JSON object. The options stand here once, for all verbs.
"""

import inspect
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import wraps
from typing import Annotated, ParamSpec

import trio
import typer
from rich.console import Console
from rich.table import Table

from tfchain.cli.nearby import named
from tfchain.cli.show.checking import TRUST_HELP, trusting
from tfchain.cli.show.following import following
from tfchain.cli.show.tables import table_of
from tfchain.cli.status import JsonOption, NodeOption
from tfchain.client.chain import Chain
from tfchain.client.http import Client, connected
from tfchain.errors import Malformed, Rejected

P = ParamSpec("P")
Plain = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A node that answers; `chain` where its answers are to be checked."""

    client: Client
    chain: Chain | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What is shown. With a proof: the bytes that were checked, and in one line how."""

    plain: Plain
    table: Table | None = None
    """For people, where names beside values will not do."""
    proof: object = None
    checked: str = ""


Question = Callable[[Session], Awaitable[Shown]]

ProofOption = Annotated[
    bool,
    typer.Option("--proof", help="Check here that the ledger says so; --json holds the proof."),
]
LightOption = Annotated[
    bool,
    typer.Option("--light", help="Follow the validators here, from --trust HEIGHT:HASH on."),
]
WitnessOption = Annotated[
    list[str] | None,
    typer.Option("--witness", metavar="URL", help="With --light: nodes that must agree."),
]
TrustOption = Annotated[str, typer.Option("--trust", metavar="WHAT", help=TRUST_HELP)]


def verb(question: Callable[P, Question]) -> Callable[..., None]:
    """The command that puts this question: its own arguments, then the options of all verbs."""

    @wraps(question)
    def run(*args: P.args, **fields: P.kwargs) -> None:
        options = {name: fields.pop(name) for name in _COMMON}
        try:
            asked = question(*args, **fields)
        except Malformed as fault:  # nobody was asked yet: the call is wrong
            raise typer.BadParameter(str(fault)) from None
        answer(asked, **options)  # type: ignore[arg-type]

    own = list(inspect.signature(question).parameters.values())
    common = list(inspect.signature(_options).parameters.values())
    run.__signature__ = inspect.Signature([*own, *common])  # type: ignore[attr-defined]
    hints = inspect.get_annotations(question) | inspect.get_annotations(_options)
    run.__annotations__ = {**hints, "return": None}
    return run


def _options(
    node: NodeOption = "",
    as_json: JsonOption = False,
    proof: ProofOption = False,
    trust: TrustOption = "",
    light: LightOption = False,
    witness: WitnessOption = None,
) -> None:
    """Stands for its parameters alone."""


_COMMON = tuple(inspect.signature(_options).parameters)


def answer(  # noqa: PLR0913 -- the options of all verbs
    question: Question,
    *,
    node: str,
    as_json: bool,
    proof: bool,
    trust: str,
    light: bool = False,
    witness: list[str] | None = None,
) -> None:
    """Ask, check where that is wanted, print."""
    if witness and not light:
        raise typer.BadParameter("a witness is for --light", param_hint="--witness")

    async def run() -> Shown:
        url, check = named(node), proof or light or bool(trust)
        witnesses = (witness or []) if light else None
        async with _session(url, check=check, trust=trust, witnesses=witnesses) as session:
            return await question(session)

    shown = trio.run(run)
    if as_json:
        extra = {"proof": shown.proof, "checked": shown.checked} if shown.checked else {}
        typer.echo(json.dumps({**shown.plain, **extra}))
        return
    console = Console()
    console.print(table_of(shown.plain) if shown.table is None else shown.table)
    if shown.checked:
        console.print(shown.checked, soft_wrap=True, highlight=False, markup=False)


@asynccontextmanager
async def _session(
    url: str, *, check: bool, trust: str, witnesses: list[str] | None
) -> AsyncIterator[Session]:
    if witnesses is not None:
        async with following(url, trust, witnesses) as chain:
            yield Session(client=chain.client, chain=chain)
    elif check:
        async with trusting(url, trust) as chain:
            yield Session(client=chain.client, chain=chain)
    else:
        async with connected(url) as client:
            yield Session(client=client, chain=None)


def there(plain: Plain | None, what: str) -> Plain:
    """What was found; raises `Rejected` where there is nothing."""
    if plain is None:
        raise Rejected("not_found", f"there is no {what}")
    return plain
