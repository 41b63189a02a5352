"""What `--proof` trusts, and what it says that it has checked.

A way of following the validators from a trusted block on is an `Anchor` of its own, made in
`trusting`: all else here, and every verb, takes whichever anchor the chain has.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from tfchain.base.limits import GENESIS_BYTES_MAX
from tfchain.base.units import U64_MAX, Height
from tfchain.chain.genesis import read_genesis
from tfchain.client.anchors import Anchor, KnownSet, from_block, from_genesis
from tfchain.client.chain import Chain, opened
from tfchain.client.http import Client
from tfchain.client.proofs import SignedBlock
from tfchain.client.stream import raw_block
from tfchain.errors import Malformed, Unavailable
from tfchain.store.files import told

TRUST_HELP: Final = (
    "What to trust, with --proof: HEIGHT:HASH of a block, or a genesis file. By default the genesis"
    " that the node gives."
)
_BLOCK: Final = re.compile(r"([0-9]{1,20}):([0-9a-f]{64})")


@asynccontextmanager
async def trusting(url: str, trust: str) -> AsyncIterator[Chain]:
    """The chain of the node at `url`, its answers to be checked from what is trusted.

    Raises:
        Unavailable: the node does not answer, the file cannot be read, or they differ in chain.
        Malformed: the file is no genesis.
        InvalidBlock: the node shows another block than the trusted one.
    """
    block = _BLOCK.fullmatch(trust)
    text = _genesis_text(Path(trust)) if trust and block is None else ""
    genesis = read_genesis(text) if text else None
    async with opened(url, genesis=text) as chain:
        if block is not None:
            chain.anchor = await _from_block(chain.client, int(block[1]), bytes.fromhex(block[2]))
        elif genesis is not None:
            chain.anchor = from_genesis(genesis, f"the genesis in {trust}")
        else:
            name = chain.genesis.params.chain_id
            told_by = f"the genesis of {name}, as this node gives it"
            chain.anchor = from_genesis(chain.genesis, told_by)
        yield chain


async def _from_block(client: Client, height: int, block_id: bytes) -> KnownSet:
    raw = None if not 0 < height <= U64_MAX else await raw_block(client, height)
    plain = await client.validators(height) if raw is not None else None
    if raw is None or plain is None:
        raise Unavailable(f"the node has no block {height}", client.url, "trust one that it has")
    return from_block(raw, Height(height), block_id, plain)


def _genesis_text(path: Path) -> str:
    with told("cannot read the genesis to trust", path), path.open("rb") as file:
        content = file.read(GENESIS_BYTES_MAX + 1)
    try:
        return content.decode()
    except UnicodeDecodeError as fault:
        raise Malformed(f"{path}: a genesis is UTF-8 text") from fault


def line(what: str, signed: SignedBlock, anchor: Anchor) -> str:
    """What was checked, from the thing up to whoever is trusted. `what`: as far as the header."""
    header = signed.header
    return (
        f"proof checked: {what}, header of block {header.height} ({signed.id.hex()}),"
        f" signed by {signed.power} of {signed.total} by power; validators from {anchor.told}"
    )
