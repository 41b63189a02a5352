"""Whole nodes in one process: real disks, real sockets, blocks ten times as fast as on a devnet."""

import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    contextmanager,
)
from dataclasses import replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import time
from typing import Any

import httpx
import pytest
import trio

from tfchain.base import crypto
from tfchain.base.address import to_text
from tfchain.base.shapes import decode_record, encode_record, layout
from tfchain.base.units import Address, Height, Round, Utft
from tfchain.ledger.commit import ABSENT, FOR_BLOCK, PRECOMMIT, CommitSlot, vote_message
from tfchain.ledger.header import Header
from tfchain.ledger.light import LIGHT_BYTES_MAX, LightBlock, id_of
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


class Liar:
    """A node's HTTP face that shows another history from a height on, signed by whoever joins in.

    All else it hands on to a node that says the truth, and it keeps what it is accused of. Signed
    some rounds `later` than the chain's blocks, its own are a lunatic's.
    """

    def __init__(self, truth: str, seeds: Sequence[bytes], height: int, later: int = 0) -> None:
        self._truth = httpx.Client(base_url=truth, trust_env=False, timeout=PATIENCE_S)
        self._seeds = {crypto.public_key(seed): seed for seed in seeds}
        self._height = height
        self._later = later
        self.accused: list[bytes] = []
        self.url = ""

    def forged(self, block: LightBlock) -> LightBlock:
        """Another block of the same height: in its round, other transactions and the same state."""
        lie = {"results_root" if self._later else "tx_root": bytes(32)}
        header = replace(block.header, **lie)  # type: ignore[arg-type]
        made = replace(block, header=header)
        round_ = Round(block.commit.round + self._later)
        place = (header.height, round_, id_of(made))
        text = vote_message(header.chain_id, PRECOMMIT, *place)
        slots = [
            CommitSlot(flag=FOR_BLOCK, signature=crypto.sign(self._seeds[row.key], text))
            if row.key in self._seeds
            else CommitSlot(flag=ABSENT, signature=b"")
            for row in block.validators.validators
        ]
        commit = replace(block.commit, round=round_, block_id=id_of(made), slots=tuple(slots))
        return replace(made, commit=commit)

    def ask(self, path: str) -> tuple[int, bytes]:
        """What it answers, and the code."""
        response = self._truth.get(path)
        if response.status_code != httpx.codes.OK or not path.startswith(("/v1/light", "/v1/pro")):
            return response.status_code, response.content
        plain = response.json()
        if path.startswith("/v1/light"):
            block = self._other(plain["height"])
            return 200, json.dumps({**plain, "light_block": encode_record(block).hex()}).encode()
        proof = plain.get("batch", plain)
        block = self._other(self._height_of(proof["block"]["header"]))
        proof["block"]["header"] = encode_record(block.header).hex()
        proof["block"]["commit"] = encode_record(block.commit).hex()
        return 200, json.dumps(plain).encode()

    def _height_of(self, header: str) -> int:
        return decode_record(Header, bytes.fromhex(header)).height

    def _other(self, height: int) -> LightBlock:
        plain: dict[str, Any] = self._truth.get(f"/v1/light/{height}").json()
        block = decode_record(LightBlock, bytes.fromhex(plain["light_block"]), LIGHT_BYTES_MAX)
        return block if height < self._height else self.forged(block)

    def close(self) -> None:
        self._truth.close()


def _face_of(liar: Liar) -> type[BaseHTTPRequestHandler]:
    class Face(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._say(*liar.ask(self.path))

        def do_POST(self) -> None:
            liar.accused.append(self.rfile.read(int(self.headers["content-length"])))
            self._say(200, b"{}")

        def _say(self, code: int, body: bytes) -> None:
            self.send_response(code)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # type: ignore[explicit-override]  # noqa: A002
            return

    return Face


Lying = Callable[..., AbstractContextManager[Liar]]


@pytest.fixture(scope="session")
def lying() -> Lying:
    """`with lying(truth, seeds, height) as liar`: it answers at `liar.url` inside the block."""

    @contextmanager
    def run(truth: str, seeds: Sequence[bytes], height: int, later: int = 0) -> Iterator[Liar]:
        liar = Liar(truth, seeds, height, later)
        server = ThreadingHTTPServer(("127.0.0.1", 0), _face_of(liar))
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        liar.url = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield liar
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
            liar.close()

    return run
