"""`tfchain init`: a new home for a node, its keys drawn here."""

import secrets
from pathlib import Path
from typing import Annotated

import typer

from tfchain.base import crypto
from tfchain.base.address import to_text
from tfchain.base.limits import GENESIS_BYTES_MAX
from tfchain.base.units import Address
from tfchain.node.config import LOOPBACK, NodeConfig, Place
from tfchain.node.home import Seeds, create_home, load_text
from tfchain.node.settings import HTTP_PORT, P2P_PORT


def init(
    genesis: Annotated[Path, typer.Option(help="The genesis file of the chain.")],
    home: Annotated[Path, typer.Option(help="The folder to make; it must be empty or absent.")],
) -> None:
    """Make a node's home: settings, genesis and fresh keys."""
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


def _address(seed: bytes) -> str:
    return to_text(Address(crypto.public_key(seed)))
