"""`tfchain init`: a new home for a node, or the homes of a whole network; keys are drawn here."""

import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import time_ns
from typing import Annotated

import typer

from tfchain.base import crypto
from tfchain.base.address import to_text
from tfchain.base.limits import GENESIS_BYTES_MAX
from tfchain.base.units import Address
from tfchain.errors import Malformed
from tfchain.node.config import CONTACTS_MAX, LOOPBACK, NodeConfig, Place
from tfchain.node.devnet.homes import FAUCET_TFT, GUARDIAN_TFT, Stamp
from tfchain.node.founding import Founded, Seat, found, is_here, seat_text, seats_of
from tfchain.node.home import Seeds, create_home, load_text
from tfchain.node.settings import HTTP_PORT, P2P_PORT


def init(
    genesis: Annotated[
        Path,
        typer.Option(
            help="The genesis file of the chain; with --network a template, like genesis/testnet.toml."
        ),
    ],
    home: Annotated[Path, typer.Option(help="The folder to make; it must be empty or absent.")],
    network: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=CONTACTS_MAX,
            help="Found a network: a new genesis, and a home for each of so many validators.",
        ),
    ] = None,
    host: Annotated[
        list[str] | None,
        typer.Option(
            metavar="HOST[:PORT]",
            help="With --network: where a validator will run; once for each, or never for this machine.",
            show_default=f"{LOOPBACK}, ports from {P2P_PORT}",
        ),
    ] = None,
) -> None:
    """Make a node's home: settings, genesis and fresh keys. Or with --network, homes to carry away.

    A network's folder holds genesis.toml, founder.key (the account with the first coins) and
    validator-0, validator-1 and so on: copy each to its machine, and start it there.
    """
    if network is not None:
        seats = _seats(network, host or [])
        template = load_text(genesis, GENESIS_BYTES_MAX)
        stamp = Stamp(time=time_ns() // 10**9, salt=secrets.token_hex(8))
        for line in lines_of(home, found(home, template, stamp, seats, secrets.token_bytes)):
            typer.echo(line)
        return
    if host:
        raise typer.BadParameter("it goes with --network", param_hint="--host")
    _make_one(genesis, home)


def _seats(network: int, hosts: Sequence[str]) -> tuple[Seat, ...]:
    if hosts and len(hosts) != network:
        what = f"{network} are due, one for each validator, not {len(hosts)}"
        raise typer.BadParameter(what, param_hint="--host")
    try:
        return seats_of(hosts or [LOOPBACK] * network)
    except Malformed as fault:
        raise typer.BadParameter(str(fault), param_hint="--host") from None


def _make_one(genesis: Path, home: Path) -> None:
    config = NodeConfig(
        p2p=Place(host=LOOPBACK, port=P2P_PORT), http=Place(host=LOOPBACK, port=HTTP_PORT)
    )
    seeds = Seeds(node=secrets.token_bytes(32), validator=secrets.token_bytes(32))
    assert seeds.validator is not None
    made = create_home(home, load_text(genesis, GENESIS_BYTES_MAX), config, seeds)
    typer.echo(f"home       {home}")
    typer.echo(f"peer key   {_address(seeds.node)}")
    typer.echo(f"validator  {_address(seeds.validator)}")
    typer.echo("The keys are plain files that only you may read; keep them, and never copy the")
    typer.echo(f"validator key to a second running node. Peers and ports: {made.config}")


def lines_of(folder: Path, made: Founded) -> Iterator[str]:
    """What was made, and what to do with it."""
    yield f"network    {made.chain_id}: {len(made.members)} validators, a guardian each"
    yield f"genesis    {made.genesis}; it begins now, and with the first blocks"
    yield f"founder    {to_text(made.founder)} has {FAUCET_TFT} TFT; key in {made.founder_key}"
    for member in made.members:
        name, place = member.home.folder.name, seat_text(member.seat)
        yield f"{name}  {to_text(member.validator)} at {place}"
        yield f"  its guardian  {to_text(member.guardian)} has {GUARDIAN_TFT} TFT"
    yield from _next(folder, made)
    yield "Keys are plain files that only you may read. A guardian asks a person before it attests,"
    yield "unless its config.toml says automatic = true."


def _next(folder: Path, made: Founded) -> Iterator[str]:
    yield "next"
    carried = False
    for member in made.members:
        home, host = member.home.folder, member.seat.host
        if is_here(host):
            yield f"  here: tfchain start --home {home}"
            continue
        carried = True
        yield f"  scp -rp {home} {host}: and there: tfchain start --home {home.name}"
    if carried:
        yield f"  rm -r {folder}/validator-*: a key on two machines signs twice, and is punished"
    yield "  as a service: tfchain start --home HOME --print-unit"


def _address(seed: bytes) -> str:
    return to_text(Address(crypto.public_key(seed)))
