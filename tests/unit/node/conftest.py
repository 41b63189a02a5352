"""Whole nodes in one process: real disks, real sockets, blocks ten times as fast as on a devnet."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path
from time import time

import pytest
import trio

from tfchain.base import crypto
from tfchain.base.address import to_text
from tfchain.base.shapes import layout
from tfchain.base.units import Address, Height, Utft
from tfchain.node.config import NodeConfig, Place
from tfchain.node.faults import one_fault
from tfchain.node.home import Home, Seeds, create_home
from tfchain.node.node import Node
from tfchain.node.running import Companion, run_node
from tfchain.tx.kinds.transfer import Transfer
from tfchain.tx.registry import NUMBERS
from tfchain.tx.transaction import Envelope, encode_transaction, message_of

TEMPLATE = Path(__file__).resolve().parents[3] / "genesis" / "devnet.toml"
FUNDS = 1_000_000_000_000
FEE = 10_000
PATIENCE_S = 60
"""A test that hangs ends; none is this slow."""


class Keys:
    """Seeds of the tests' people and machines."""

    rich = bytes([50]) * 32
    poor = bytes([51]) * 32
    validators = tuple(bytes([number]) * 32 for number in range(1, 5))
    nodes = tuple(bytes([number]) * 32 for number in range(101, 105))

    @staticmethod
    def address(seed: bytes) -> Address:
        return Address(crypto.public_key(seed))


@pytest.fixture
def people() -> type[Keys]:
    return Keys


def genesis_of(validators: Sequence[bytes]) -> str:
    text = TEMPLATE.read_text(encoding="utf-8").replace("interval = 1000", "interval = 100")
    rows = [text.replace("time = 0", f"time = {int(time())}")]
    rows += [f'[[account]]\naddress = "{to_text(Keys.address(Keys.rich))}"\nbalance = {FUNDS}']
    for number in range(60, 80):  # so that the tree of accounts has some depth
        name = to_text(Keys.address(bytes([number]) * 32))
        rows.append(f'[[account]]\naddress = "{name}"\nbalance = 1000')
    for seed in validators:
        name = to_text(Keys.address(seed))
        rows.append(f'[[validator]]\nkey = "{name}"\npower = 1\nreward_account = "{name}"')
        rows.append(f'[[guardian]]\naccount = "{name}"')
    return "\n".join(rows) + "\n"


@pytest.fixture
def genesis() -> str:
    """A chain with one validator."""
    return genesis_of(Keys.validators[:1])


@pytest.fixture
def config() -> NodeConfig:
    """Ports that the system picks, and a quiet log."""
    return NodeConfig(p2p=Place(), http=Place(), log="warning")


@pytest.fixture
def home(tmp_path: Path, genesis: str, config: NodeConfig) -> Home:
    """The only validator's home."""
    seeds = Seeds(node=Keys.nodes[0], validator=Keys.validators[0])
    return create_home(tmp_path / "home", genesis, config, seeds)


RunNode = Callable[..., AbstractAsyncContextManager[Node]]


@pytest.fixture
def running() -> RunNode:
    """`async with running(home) as node`: it runs inside the block."""

    @asynccontextmanager
    async def run(home: Home, companions: Sequence[Companion] = ()) -> AsyncIterator[Node]:
        with trio.fail_after(PATIENCE_S), one_fault():
            async with trio.open_nursery() as nursery:
                start = partial(run_node, home.folder, companions=companions)
                node: Node = await nursery.start(start)
                yield node
                nursery.cancel_scope.cancel()

    return run


Transferring = Callable[..., bytes]


@pytest.fixture
def transfer() -> Transferring:
    """`transfer(chain_id, nonce)`: 500 units from the rich to the poor, signed."""

    def make(chain_id: str, nonce: int, amount: int = 500, seed: bytes = Keys.rich) -> bytes:
        body = Transfer(to=Keys.address(Keys.poor), amount=Utft(amount))
        envelope = Envelope(
            chain_id=chain_id,
            sender=Keys.address(seed),
            nonce=nonce,
            valid_until=Height(1_000),
            fee=Utft(FEE),
            kind=NUMBERS[Transfer],
        )
        plain = layout(Transfer).pack(body)
        signature = crypto.sign(seed, message_of(envelope, plain))
        return encode_transaction(envelope, plain, signature)

    return make
