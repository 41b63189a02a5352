"""The verbs of `tfchain guardian`: review, attest, dispute; sign-offline, merge and send."""

import json
from pathlib import Path
from typing import Annotated, Final

import trio
import typer

from tfchain.base.address import to_text
from tfchain.base.units import U32_MAX, PeriodIndex, ScheduleId
from tfchain.chain.review import Review, Reviewer
from tfchain.cli.guardian import papers
from tfchain.cli.guardian.looking import is_node, looked_at
from tfchain.cli.guardian.words import lines_of, plain_of
from tfchain.cli.keys import PassphraseFile, key_of, wrong_call
from tfchain.cli.nearby import NODE_VARIABLE, named
from tfchain.client.http import Client, connected
from tfchain.errors import Malformed, Rejected
from tfchain.node.guardian import signing
from tfchain.tx.transaction import transaction_id

WITHIN_S: Final = 60.0

app = typer.Typer(no_args_is_help=True, help="A guardian's desk: look at a period, then sign.")

PeriodArgument = Annotated[int, typer.Argument(min=0, max=U32_MAX, help="The period's number.")]
SourceArgument = Annotated[
    str,
    typer.Argument(
        envvar=NODE_VARIABLE,
        help="An exported chain, or a node's URL; by default the devnet that runs here.",
    ),
]
NodeArgument = Annotated[
    str,
    typer.Argument(
        envvar=NODE_VARIABLE, help="A node's URL; by default the devnet that runs here."
    ),
]
ScheduleOption = Annotated[int, typer.Option(min=0, max=255, help="The schedule's number.")]
KeyOption = Annotated[str, typer.Option(help="The guardian's key file, or a secret URI.")]
YesOption = Annotated[bool, typer.Option("--yes", help="Sign without being asked.")]
ToOption = Annotated[Path, typer.Option("--to", help="The file to write.")]


@app.command()
def review(
    period: PeriodArgument,
    source: SourceArgument = "",
    schedule: ScheduleOption = 0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Show what a guardian looks at before it signs, computed here from the blocks.

    Ends with 1 where the sealed ledger has something else.
    """
    found = _looked_at(source or named(""), schedule, period).review()
    typer.echo(json.dumps(plain_of(found)) if as_json else "\n".join(lines_of(found)))
    if found.batch.root and not found.agrees:
        raise typer.Exit(1)


@app.command()
def attest(
    period: PeriodArgument,
    key: KeyOption,
    node: NodeArgument = "",
    schedule: ScheduleOption = 0,
    yes: YesOption = False,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Say on the ledger what was computed here: a commitment in its window, an attestation after it.

    Shows the review first, and asks.
    """
    url = _node(node)
    _, raw = _signed(url, (schedule, period), key_of(key, passphrase_file), yes=yes)
    _hand_in(url, [raw])


@app.command()
def dispute(
    period: PeriodArgument,
    key: KeyOption,
    node: NodeArgument = "",
    schedule: ScheduleOption = 0,
    yes: YesOption = False,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Name on the ledger the nodes of a disputed period whose receipts are others here."""
    url, owner = _node(node), key_of(key, passphrase_file)
    looked = _looked_at(url, schedule, period)
    found = looked.review()
    body = signing.naming(found)
    _confirm(found, f"name {len(body.named)} nodes", yes=yes)
    _hand_in(url, [signing.signed(looked, owner, body)])


@app.command("sign-offline")
def sign_offline(  # noqa: PLR0913, PLR0917 -- the options of a verb
    period: PeriodArgument,
    export: Annotated[Path, typer.Argument(help="An exported chain.")],
    key: KeyOption,
    to: ToOption,
    schedule: ScheduleOption = 0,
    yes: YesOption = False,
    passphrase_file: PassphraseFile = None,
) -> None:
    """As attest, on a machine without a network: the signature goes into a file of one's own.

    `merge` makes one file of those of all guardians, `send` hands it in.
    """
    owner = key_of(key, passphrase_file)
    _, raw = _signed(str(export), (schedule, period), owner, yes=yes)
    papers.save_paper(to, papers.paper_of(str(to), raw))
    typer.echo(f"{to_text(owner.address)} in {to}")


@app.command()
def merge(
    files: Annotated[list[Path], typer.Argument(help="Files that guardians signed in parallel.")],
    to: ToOption,
) -> None:
    """Make one file of those that guardians signed. Ends with 1 where their results differ."""
    paper = papers.merged([_paper(path) for path in files], str(to))
    papers.save_paper(to, paper)
    typer.echo(f"{len(paper.signed)} guardians in {to}")


@app.command()
def send(
    file: Annotated[Path, typer.Argument(help="A signed file, merged or not.")],
    node: NodeArgument = "",
) -> None:
    """Hand in what guardians signed offline, and wait for the blocks."""
    paper = _paper(file)
    _hand_in(_node(node), [raw for _, raw in paper.signed])


def _node(source: str) -> str:
    url = source or named("")
    if not is_node(url):
        raise wrong_call(f"{url}: a node's URL is due")
    return url


def _paper(path: Path) -> papers.Paper:
    try:
        return papers.load_paper(path)
    except Malformed as fault:
        raise wrong_call(str(fault)) from None


def _looked_at(source: str, schedule: int, period: int) -> Reviewer:
    return looked_at(source, ScheduleId(schedule), PeriodIndex(period))


def _signed(
    source: str, name: tuple[int, int], owner: signing.Key, *, yes: bool
) -> tuple[Review, bytes]:
    """The review, and what this guardian owes the batch, signed once a person said so."""
    looked = _looked_at(source, *name)
    found = looked.review()
    body = signing.due(looked, found, owner)
    _confirm(found, signing.words_of(body), yes=yes)
    return found, signing.signed(looked, owner, body)


def _confirm(found: Review, what: str, *, yes: bool) -> None:
    typer.echo("\n".join(lines_of(found)))
    if not yes and not typer.confirm(f"Sign: {what}?"):
        raise Rejected("not_signed", "nothing was signed")


def _hand_in(url: str, raws: list[bytes]) -> None:
    async def hand_in() -> list[str]:
        async with connected(url) as client:
            return [await _done(client, raw) for raw in raws]

    for line in trio.run(hand_in):
        typer.echo(line)


async def _done(client: Client, raw: bytes) -> str:
    """What became of it; raises `Rejected` where it was refused."""
    await client.submit_one(raw)
    tx_id = transaction_id(raw)
    found = await client.wait_committed(tx_id, WITHIN_S)
    if found.code != "ok":
        raise Rejected(found.code or "unknown", f"in block {found.height}, {tx_id.hex()}")
    return f"ok {tx_id.hex()} in block {found.height}"
