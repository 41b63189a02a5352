"""`tfchain tx KIND`: a verb for each kind of transaction, its options those of the kind's fields.

Done is 0, refused 1 with the code, a wrong call 2, a node out of reach 3.
"""

import inspect
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Final

import trio
import typer

from tfchain.base.address import to_text
from tfchain.base.codec import Plain
from tfchain.base.limits import MINT_TX_BYTES_MAX, TX_BYTES_MAX
from tfchain.base.shapes import Blob, Flag, Many, Nested, Shape, Text, UInt, Wide, layout
from tfchain.base.units import Address, Height, Utft
from tfchain.cli.keys import PassphraseFile, key_of, wrong_call
from tfchain.cli.nearby import NODE_VARIABLE, named
from tfchain.client.chain import opened
from tfchain.client.http import Client, connected
from tfchain.client.keys import Key
from tfchain.client.plain import amount_of, amount_text, bytes_of, hints_of, read_record
from tfchain.client.sender import Signed, sign_envelope
from tfchain.errors import Malformed, Rejected
from tfchain.ledger.measures import NAMED, AnyMeasure
from tfchain.ledger.params import Params
from tfchain.store.files import replace_file, told
from tfchain.tx.kind import FreeKind, Kind
from tfchain.tx.kinds.register_node import RegisterNode
from tfchain.tx.registry import KINDS, NUMBERS, name_of
from tfchain.tx.transaction import SYSTEM_KINDS, Envelope, decode_transaction, transaction_id

JSON_BYTES_MAX: Final = 4 * TX_BYTES_MAX
HEX_BYTES_MAX: Final = 2 * MINT_TX_BYTES_MAX + 1

app = typer.Typer(help="Sign transactions and hand them in.", no_args_is_help=True)

NodeUrl = Annotated[
    str, typer.Option(envvar=NODE_VARIABLE, help="A running node, like http://127.0.0.1:7480.")
]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for the block, and its code.")]
Within = Annotated[float, typer.Option(help="Seconds to wait for the block.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What every kind's verb takes beside its fields."""

    key: Annotated[str, typer.Option(help="A key file, or a secret URI like //Alice.")]
    node: NodeUrl = ""
    json: Annotated[
        str,
        typer.Option("--json", help="Fields from a JSON object in a file; - is standard input."),
    ] = ""
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show fee, deposit, nonce, size and id; send nothing.")
    ] = False
    offline: Annotated[
        Path | None, typer.Option(help="Sign into this file; `tx send` hands it in.")
    ] = None
    chain_id: Annotated[str, typer.Option(help="With --offline: no node is asked.")] = ""
    nonce: Annotated[int | None, typer.Option(min=0, help="The next one by default.")] = None
    valid_until: Annotated[
        int | None, typer.Option(min=1, help="The last height it may stand in.")
    ] = None
    fee: Annotated[str, typer.Option(help="The least of its kind by default.")] = ""
    wait: Wait = True
    within: Within = 60.0
    passphrase_file: PassphraseFile = None


def _command(kind: type[Kind]) -> Callable[..., None]:
    """The verb: one text option a field, and the options that all have."""
    names = layout(kind).names

    def run(**values: object) -> None:
        fields = {name: values.pop(f"field_{name}") for name in names}
        options = Options(**values)  # type: ignore[arg-type]
        _run(kind, {name: value for name, value in fields.items() if value is not None}, options)

    hints = hints_of(kind)
    own = [
        inspect.Parameter(
            f"field_{name}",
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[
                str | None,
                typer.Option(f"--{name.replace('_', '-')}", help=_due(shape, hints[name])),
            ],
        )
        for name, shape in zip(names, layout(kind).shapes, strict=True)
    ]
    shared = list(inspect.signature(Options).parameters.values())
    signature = inspect.Signature([*own, *shared])
    run.__signature__ = signature  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in signature.parameters.values()}
    run.__doc__ = " ".join((inspect.getdoc(kind) or "").replace("`", "").split())
    return run


def _due(shape: Shape, hint: object) -> str:
    """What a field takes, for people."""
    match shape:
        case UInt() | Wide():
            return "An amount: 1.5TFT, or whole units." if hint is Utft else "A whole number."
        case Blob(least=least, most=most):
            size = f"{least} to {most}" if least < most else f"{most}"
            return "An address." if hint is Address else f"{size} bytes in hex."
        case Text(least=least, most=most):
            return f"Text of {least} to {most} bytes."
        case Flag():
            return "true or false."
        case Nested(cls=cls):
            return f"Like {','.join(f'{name}=...' for name in layout(cls).names)}."
        case _:
            return _words_of(shape)


def _words_of(shape: Shape) -> str:
    if isinstance(shape, AnyMeasure):
        return f"Like set_price:price=90; measures: {', '.join(NAMED)}."
    assert isinstance(shape, Many), "every shape has words"
    return "A list, by --json."


for _number, _kind in KINDS.items():
    if _number not in SYSTEM_KINDS:
        app.command(name_of(_number))(_command(_kind))


@app.command("send")
def send(
    file: Annotated[Path, typer.Argument(help="A transaction in hex, as --offline leaves it.")],
    node: NodeUrl = "",
    wait: Wait = True,
    within: Within = 60.0,
) -> None:
    """Hand in a transaction that was signed before."""
    with told("cannot read the transaction", file), file.open("rb") as lines:
        text = lines.read(HEX_BYTES_MAX + 1).decode("ascii", "replace").removesuffix("\n")
    try:
        raw = bytes_of(text)
        decode_transaction(raw)
    except Malformed as fault:
        raise wrong_call(f"{file}: {fault}") from None
    _hand_in(named(node), raw, wait=wait, within_s=within)


def _run(kind: type[Kind], fields: dict[str, object], options: Options) -> None:
    try:
        body = read_record(kind, _with_json(fields, options.json))
        fee = amount_of(options.fee) if options.fee else None
    except Malformed as fault:
        raise wrong_call(str(fault)) from None
    key = key_of(options.key, options.passphrase_file)
    alone = options.offline is not None and bool(options.chain_id)
    if not alone:
        options = replace(options, node=named(options.node))
    if alone:
        signed, params = _signed_alone(key, body, options, fee), None
    else:
        signed, params = trio.run(_signed_by_node, key, body, options, fee)
    if options.dry_run:
        _show(signed, body, params)
    elif options.offline is not None:
        with told("cannot write the transaction", options.offline):
            replace_file(options.offline, signed.raw.hex().encode() + b"\n")
        typer.echo(f"{signed.id.hex()} in {options.offline}")
    else:
        _hand_in(options.node, signed.raw, wait=options.wait, within_s=options.within)


def _with_json(fields: dict[str, object], source: str) -> dict[str, object]:
    """What JSON says; an option says it louder."""
    if not source:
        return fields
    with told("cannot read the fields", Path(source)):
        if source == "-":
            text = sys.stdin.buffer.read(JSON_BYTES_MAX + 1)
        else:
            with Path(source).open("rb") as file:
                text = file.read(JSON_BYTES_MAX + 1)
    if len(text) > JSON_BYTES_MAX:
        raise Malformed(f"--json: more than {JSON_BYTES_MAX} bytes")
    try:
        plain = json.loads(text)
    except (ValueError, RecursionError):
        raise Malformed("--json: this is not JSON") from None
    if not isinstance(plain, dict):
        raise Malformed("--json: an object is due")
    return {**plain, **fields}


def _signed_alone(key: Key, body: Kind, options: Options, fee: Utft | None) -> Signed:
    """Signed without a question to anybody: then everything must be named."""
    free = isinstance(body, FreeKind)
    if options.valid_until is None or (not free and (fee is None or options.nonce is None)):
        raise wrong_call("with --chain-id: --nonce, --valid-until and --fee are due too")
    return _signed(
        key, body, options.chain_id, (options.nonce or 0, options.valid_until, fee or Utft(0))
    )


def _signed(key: Key, body: Kind, chain_id: str, terms: tuple[int, int, Utft]) -> Signed:
    nonce, valid_until, fee = terms
    plain: list[Plain] = [chain_id, key.address, nonce, valid_until, fee, NUMBERS[type(body)]]
    try:
        envelope = layout(Envelope).unpack([layout(Envelope).version, *plain])
    except Malformed as fault:
        raise wrong_call(str(fault)) from None
    return sign_envelope(key, envelope, body)


async def _signed_by_node(
    key: Key, body: Kind, options: Options, fee: Utft | None
) -> tuple[Signed, Params]:
    """Signed with what the node knows, but for what the options name."""
    async with opened(options.node, options.chain_id) as chain:
        due = (await chain.sender(key).prepare(body)).envelope
    nonce = due.nonce if options.nonce is None else options.nonce
    until = due.valid_until if options.valid_until is None else Height(options.valid_until)
    terms = nonce, until, due.fee if fee is None else fee
    return _signed(key, body, due.chain_id, terms), chain.params


def _show(signed: Signed, body: Kind, params: Params | None) -> None:
    envelope = signed.envelope
    typer.echo(f"kind        {name_of(envelope.kind)}")
    typer.echo(f"sender      {to_text(envelope.sender)}")
    typer.echo(f"fee         {amount_text(envelope.fee)}")
    if params is not None:
        deposit = params.node_deposit if isinstance(body, RegisterNode) else 0
        typer.echo(f"deposit     {amount_text(deposit)}")
    typer.echo(f"nonce       {envelope.nonce}")
    typer.echo(f"valid until {envelope.valid_until}")
    typer.echo(f"bytes       {len(signed.raw)}")
    typer.echo(f"id          {signed.id.hex()}")


def _hand_in(url: str, raw: bytes, *, wait: bool, within_s: float) -> None:
    async def hand_in() -> str:
        async with connected(url) as client:
            return await _done(client, raw, wait=wait, within_s=within_s)

    typer.echo(trio.run(hand_in))


async def _done(client: Client, raw: bytes, *, wait: bool, within_s: float) -> str:
    """What became of it; raises `Rejected` where it was refused, at the door or in its block."""
    result = await client.submit_one(raw)
    tx_id = transaction_id(raw)
    if not wait:
        return f"{result.code} {tx_id.hex()}"
    found = await client.wait_committed(tx_id, within_s)
    if found.code != "ok":
        raise Rejected(found.code or "unknown", f"in block {found.height}, {tx_id.hex()}")
    return f"ok {tx_id.hex()} in block {found.height}"
