"""`tfchain keys`: make, show and import keys. A key is never printed; its words are, once, on `new`."""

import secrets
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from tfchain.base.address import to_text
from tfchain.base.secret_box import NONCE_BYTES, SALT_BYTES
from tfchain.client.key_files import (
    PASSPHRASE_BYTES_MAX,
    is_sealed,
    load_line,
    open_line,
    save_sealed,
)
from tfchain.client.keys import (
    URI_CHARS_MAX,
    Key,
    new_mnemonic,
    save_plain,
    seed_of_mnemonic,
    seed_of_uri,
)
from tfchain.errors import Malformed, Unavailable
from tfchain.store.files import told

WRONG_CALL: Final = 2
WORDS: Final = {12: 16, 24: 32}
"""Words, and the bytes of chance that they spell."""

app = typer.Typer(
    help="Keys: a mnemonic on paper, a file for its owner alone.", no_args_is_help=True
)

Out = Annotated[Path, typer.Argument(help="The key file; never overwritten.")]
Plain = Annotated[bool, typer.Option("--plain", help="No passphrase: for machines of a devnet.")]
PassphraseFile = Annotated[
    Path | None,
    typer.Option(help="A file whose first line is the passphrase; else it is asked for."),
]


def wrong_call(text: str) -> typer.Exit:
    """One line, and the code of a call that was wrong; to be raised."""
    typer.echo(f"tfchain: {' '.join(text.split())}", err=True)
    return typer.Exit(WRONG_CALL)


@app.command("new")
def new(
    out: Out,
    words: Annotated[int, typer.Option(help="12 or 24.")] = 24,
    plain: Plain = False,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Make a key. Its words are shown once, here: write them down."""
    if words not in WORDS:
        raise wrong_call("--words: 12 or 24 is due")
    if out.exists():
        raise Unavailable("a key file is never overwritten", str(out), "choose another name")
    passphrase = _new_passphrase(passphrase_file, plain=plain)
    phrase = new_mnemonic(secrets.token_bytes(WORDS[words]))
    key = _save(out, seed_of_mnemonic(phrase), passphrase)
    typer.echo(f"mnemonic: {phrase}")
    typer.echo(f"address:  {to_text(key.address)}")


@app.command("import")
def import_(out: Out, plain: Plain = False, passphrase_file: PassphraseFile = None) -> None:
    """Keep a key that there is: a mnemonic, seed or secret URI, asked for or from standard input."""
    passphrase = _new_passphrase(passphrase_file, plain=plain)
    try:
        seed = seed_of_uri(_secret())
    except Malformed as fault:
        raise wrong_call(str(fault)) from None
    typer.echo(f"address: {to_text(_save(out, seed, passphrase).address)}")


@app.command("show")
def show(
    key: Annotated[str, typer.Argument(help="A key file, or a secret URI like //Alice.")],
    passphrase_file: PassphraseFile = None,
) -> None:
    """The address of a key."""
    typer.echo(to_text(key_of(key, passphrase_file).address))


def key_of(text: str, passphrase_file: Path | None) -> Key:
    """The key that a secret URI spells, or that a file holds; a sealed one asks for its passphrase.

    Raises:
        Unavailable: the file cannot be read.
    """
    try:
        if text.startswith(("//", "0x")) or " " in text.strip():
            return Key(seed_of_uri(text))
        line = load_line(Path(text))
        if not is_sealed(line):
            return open_line(line)
        return open_line(line, _passphrase(passphrase_file, confirm=False))
    except Malformed as fault:
        raise wrong_call(f"--key: {fault}") from None


def _save(out: Path, seed: bytes, passphrase: bytes | None) -> Key:
    if passphrase is None:
        save_plain(out, seed)
    else:
        save_sealed(out, seed, passphrase, secrets.token_bytes(SALT_BYTES + NONCE_BYTES))
    return Key(seed)


def _new_passphrase(file: Path | None, *, plain: bool) -> bytes | None:
    """What seals a new file; None for a plain one."""
    if plain and file is not None:
        raise wrong_call("--plain has no passphrase: leave out --passphrase-file")
    return None if plain else _passphrase(file, confirm=True)


def _passphrase(file: Path | None, *, confirm: bool) -> bytes:
    if file is None:
        if not sys.stdin.isatty():
            raise wrong_call("the key needs a passphrase: name one with --passphrase-file")
        return str(
            typer.prompt("passphrase", hide_input=True, confirmation_prompt=confirm)
        ).encode()
    with told("cannot read the passphrase", file), file.open("rb") as lines:
        line = lines.readline(PASSPHRASE_BYTES_MAX + 2).removesuffix(b"\n").removesuffix(b"\r")
    if not 0 < len(line) <= PASSPHRASE_BYTES_MAX:
        raise wrong_call(f"{file}: a passphrase of 1 to {PASSPHRASE_BYTES_MAX} bytes is due")
    return line


def _secret() -> str:
    if sys.stdin.isatty():
        return str(typer.prompt("mnemonic, seed or secret URI", hide_input=True)).strip()
    return sys.stdin.readline(URI_CHARS_MAX + 2).strip()
