"""A chain on paper: blocks of transactions and their codes, made without executing anything."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tfchain.base.address import to_text
from tfchain.base.crypto import SIGNATURE_BYTES, public_key
from tfchain.base.shapes import layout
from tfchain.base.units import Address, FarmId, Height, NodeId, Seconds, Utft
from tfchain.chain.columns.program import Columns
from tfchain.chain.genesis import Genesis, read_genesis
from tfchain.ledger.params import UptimeRow
from tfchain.ledger.records import Resources
from tfchain.tx.kind import Kind
from tfchain.tx.kinds.create_farm import CreateFarm
from tfchain.tx.kinds.create_twin import CreateTwin
from tfchain.tx.kinds.register_node import RegisterNode
from tfchain.tx.kinds.report_uptime import ReportUptime
from tfchain.tx.kinds.set_power_state import SetPowerState
from tfchain.tx.kinds.set_power_target import SetPowerTarget
from tfchain.tx.registry import NUMBERS
from tfchain.tx.transaction import Envelope, encode_transaction

ZERO = 1_000_000
"""Where period 0 starts; periods last 60 s and take reports for 12 s more."""
GIB = 1 << 30


class Paper:
    """Feeds the program; times are seconds since period 0 began."""

    def __init__(self, genesis: Genesis) -> None:
        self.genesis = genesis
        self.columns = Columns(genesis.params, genesis.policies, genesis.supply())
        self.height = 0

    def account(self, number: int) -> Address:
        return Address(public_key(bytes([number]) * 32))

    def tx(self, body: Kind, sender: int = 1) -> bytes:
        envelope = Envelope(
            chain_id=self.genesis.params.chain_id,
            sender=self.account(sender),
            nonce=0,
            valid_until=Height(1_000),
            fee=Utft(0),
            kind=NUMBERS[type(body)],
        )
        return encode_transaction(envelope, layout(type(body)).pack(body), bytes(SIGNATURE_BYTES))

    def block(self, time: int, *bodies: Kind, code: str = "ok", sender: int = 1) -> None:
        self.height += 1
        txs = [self.tx(body, sender) for body in bodies]
        time_ms = (ZERO + time) * 1_000 + self.height
        self.columns.take(self.height, time_ms, txs, [code] * len(txs))

    def join(self, time: int, *, sender: int = 1, farm: int = 1, key: bytes = b"") -> None:
        """A twin, its farm and its node, in one block."""
        node = RegisterNode(
            farm_id=FarmId(farm),
            reporter=self.account(3),
            resources=Resources(cru=8, mru=33 * GIB, hru=0, sru=400 * GIB),
            country="BE",
            city="Gent",
            virtualized=False,
            acceptance=b"",
        )
        twin = CreateTwin(relay="r.example", public_key=key)
        self.block(time, twin, CreateFarm(name=f"farm-{sender}"), node, sender=sender)

    def report(self, time: int, uptime: int, *, node: int = 1, block: int | None = None) -> None:
        body = ReportUptime(node_id=NodeId(node), t=Seconds(ZERO + time), uptime=uptime)
        self.block(time if block is None else block, body)

    def target(self, time: int, *, up: bool, node: int = 1) -> None:
        self.block(time, SetPowerTarget(node_id=NodeId(node), up=up))

    def state(self, time: int, *, up: bool, node: int = 1) -> None:
        self.block(time, SetPowerState(node_id=NodeId(node), t=Seconds(ZERO + time), up=up))


@pytest.fixture(scope="session")
def genesis() -> Genesis:
    """The devnet's constants, its period 0 at `ZERO`."""
    text = (Path(__file__).parents[4] / "genesis" / "devnet.toml").read_text(encoding="utf-8")
    text = text.replace("time = 0", f"time = {ZERO - 15}")
    key = to_text(Address(public_key(bytes([9]) * 32)))
    text += f'[[account]]\naddress = "{key}"\nbalance = 1000000000\n'
    text += f'[[validator]]\nkey = "{key}"\npower = 1\nreward_account = "{key}"\n'
    return read_genesis(text + f'[[guardian]]\naccount = "{key}"\n')


@pytest.fixture(scope="session")
def new_paper(genesis: Genesis) -> Callable[[], Paper]:
    """Paper by the sheet."""
    return lambda: Paper(genesis)


@pytest.fixture
def paper(genesis: Genesis) -> Paper:
    """A chain without a block."""
    return Paper(genesis)


@pytest.fixture
def joined(paper: Paper) -> Paper:
    """A chain with one node, registered before period 0."""
    paper.join(-5)
    return paper


@pytest.fixture(scope="session")
def public_limits() -> UptimeRow:
    """The constants of TFGrid 3 (rules.md 2.1): a sleep is credited whole."""
    return UptimeRow(
        report_interval=Seconds(2_400),
        grace=Seconds(60),
        skew=Seconds(120),
        report_window=Seconds(600),
        sleep_max=Seconds(86_400),
        boot_max=Seconds(1_800),
        sleep_credit_max=Seconds(1 << 60),
        power_spacing=Seconds(1),
    )
