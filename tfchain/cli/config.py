"""`tfchain config show`: every setting of a home, and who said so. Keys are named, never shown."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from os import environ
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tfchain.base.address import to_text
from tfchain.base.units import Address
from tfchain.chain.genesis import genesis_hash, read_genesis
from tfchain.cli.nearby import NODE_VARIABLE
from tfchain.cli.setting import HOME_VARIABLE, SetOption, flags_of
from tfchain.client.key_files import is_sealed, load_line
from tfchain.errors import TfchainError
from tfchain.node.home import Home, load_genesis, load_settings
from tfchain.node.settings import DEFAULT, FILE, FLAG, SETTINGS, Settings, settings_of
from tfchain.store.files import told

HOME_FLAG: Final = "--home"

app = typer.Typer(help="Settings, and where they come from.", no_args_is_help=True)


@app.callback()
def _config() -> None:
    """Keeps `show` a verb of its own while it is the only one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One setting as it is shown."""

    name: str
    value: str
    source: str
    unit: str
    default: str
    what: str


@app.command("show")
def show(
    home: Annotated[
        Path | None, typer.Option(HOME_FLAG, help="The node's home; else what a new one gets.")
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Unit, default and a sentence for each.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    setting: SetOption = None,
) -> None:
    """Show every setting with its value and where that comes from: default, file, environment, flag."""
    rows = list(rows_of(home, flags_of(setting)))
    if as_json:
        plain = [{"from": row.source, **asdict(row)} for row in rows]
        for one in plain:
            del one["source"]
        typer.echo(json.dumps({"settings": plain}))
        return
    Console().print(_table(rows, explain=explain))


def rows_of(given: Path | None, flags: tuple[str, ...]) -> Iterator[Row]:
    """Every setting of the home, or of none; raises as `load_settings`."""
    folder, source = _home(given)
    yield Row(
        name="home",
        value=str(folder or "none: these are the defaults"),
        source=source,
        unit="folder",
        default="",
        what="The folder of one node: settings, genesis, keys, log and database.",
    )
    settings = settings_of("", environ, flags)
    if folder is not None:
        settings = load_settings(Home(folder), flags)
    yield from _settings(settings)
    if folder is not None:
        yield from _peers(settings)
        yield from _chain(Home(folder))
        yield from _keys(Home(folder))
    yield _node_to_ask()


def _home(given: Path | None) -> tuple[Path | None, str]:
    if given is not None:
        return given, HOME_FLAG
    named = environ.get(HOME_VARIABLE, "")
    return (Path(named), HOME_VARIABLE) if named else (None, DEFAULT)


def _settings(settings: Settings) -> Iterator[Row]:
    for setting in SETTINGS:
        yield Row(
            name=setting.name,
            value=_text(settings.values[setting.name]),
            source=settings.sources[setting.name],
            unit=setting.unit,
            default=_text(setting.default),
            what=f"{setting.what} Else: {setting.variable}, {FLAG} {setting.name}=...",
        )


def _peers(settings: Settings) -> Iterator[Row]:
    for place, peer in enumerate(settings.config.peers):
        yield Row(
            name=f"peer[{place}]",
            value=f"{to_text(Address(peer.key))} at {peer.host}:{peer.port}",
            source=FILE,
            unit="key, address and port",
            default="",
            what="A node that this one calls, and lets in.",
        )


def _chain(home: Home) -> Iterator[Row]:
    genesis = read_genesis(load_genesis(home))
    yield Row(
        name="chain.id",
        value=genesis.params.chain_id,
        source=home.genesis.name,
        unit="text",
        default="",
        what="The chain of this home. Its constants are the chain's: nobody sets them here.",
    )
    yield Row(
        name="chain.genesis",
        value=genesis_hash(genesis).hex(),
        source=home.genesis.name,
        unit="hash",
        default="",
        what="The hash over everything that the genesis says.",
    )


def _keys(home: Home) -> Iterator[Row]:
    """Which keys are there, and how they are kept; nothing of what they hold."""
    for path, what in (
        (home.node_key, "Who this node is to its peers."),
        (home.validator_key, "What signs votes; a node without one follows the chain."),
        (home.guardian_key, "The account that attests mints."),
    ):
        yield Row(
            name=path.name,
            value=_kept(path),
            source=path.name,
            unit="key, never shown",
            default="",
            what=what,
        )


def _kept(path: Path) -> str:
    """In words."""
    with told("cannot look for a key", path):
        if not path.exists():
            return "absent"
        rights = f"{path.stat().st_mode & 0o777:04o}"
    try:
        sealed = is_sealed(load_line(path))
    except TfchainError:
        return f"there, {rights}, cannot be used"
    return f"there, {rights}, {'under a passphrase' if sealed else 'plain'}"


def _node_to_ask() -> Row:
    url = _without_password(environ.get(NODE_VARIABLE, ""))
    return Row(
        name="node",
        value=url or "the devnet on this machine, if one runs",
        source=NODE_VARIABLE if url else DEFAULT,
        unit="URL",
        default="",
        what="The node that verbs ask; --node names another one.",
    )


def _without_password(url: str) -> str:
    """What stands before the @ of an address is for the server alone."""
    scheme, mark, rest = url.partition("://")
    place, slash, path = rest.partition("/")
    return scheme + mark + place.rpartition("@")[2] + slash + path


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _table(rows: list[Row], *, explain: bool) -> Table:
    names = ["setting", "value", "from", *(["unit", "default", "what"] if explain else [])]
    table = Table(show_lines=explain)
    for name in names:
        table.add_column(name, overflow="fold")
    for row in rows:
        cells = [row.name, row.value, row.source]
        cells += [row.unit, row.default, row.what] if explain else []
        table.add_row(*[Text(cell) for cell in cells])
    return table
