"""What simulated farmers sign: accounts from the devnet's seed, transactions, and nonces in order."""

from dataclasses import dataclass
from typing import Final

from tfchain.base.shapes import layout
from tfchain.base.units import UTFT_PER_TFT, Address, FarmId, Height, NodeId, Seconds, Utft
from tfchain.client.keys import Key
from tfchain.node.devnet.homes import key_of
from tfchain.node.devnet.mirror import Mirror
from tfchain.node.devnet.plan import Machine
from tfchain.tx.kind import FreeKind, Kind
from tfchain.tx.kinds.create_farm import CreateFarm
from tfchain.tx.kinds.create_twin import CreateTwin
from tfchain.tx.kinds.register_node import RegisterNode
from tfchain.tx.kinds.report_uptime import ReportUptime
from tfchain.tx.kinds.set_power_state import SetPowerState
from tfchain.tx.kinds.set_power_target import SetPowerTarget
from tfchain.tx.kinds.transfer import Transfer
from tfchain.tx.lookup import acceptance_message
from tfchain.tx.registry import NUMBERS
from tfchain.tx.transaction import Envelope, encode_transaction, message_of

VALID_BLOCKS: Final = 15
"""How long a farmer's transaction may wait; a lost one blocks its sender no longer than that."""
ENDOWMENT: Final = Utft(100 * UTFT_PER_TFT)
"""What the faucet gives each account: deposits and fees of a devnet's life."""
RELAY: Final = "relay.devnet"
PLACES: Final = (("Belgium", "Gent"), ("Egypt", "Cairo"), ("Austria", "Salzburg"))


@dataclass(slots=True)
class Purse:
    """An account that pays, and the nonces it has given out."""

    key: Key
    _next: int = 0
    _until: int = 0
    """Height after which what was sent is in a block or lost."""

    @property
    def address(self) -> Address:
        """The account."""
        return self.key.address

    def forget(self) -> None:
        """What was given out did not leave the house: count from the ledger again."""
        self._until = -1

    def signed(self, mirror: Mirror, body: Kind) -> bytes:
        """The transaction, under the next nonce."""
        nonce = self.next_nonce(mirror)
        self._next = nonce + 1
        self._until = mirror.height + VALID_BLOCKS
        number = NUMBERS[type(body)]
        return _signed(self.key, mirror, body, nonce, mirror.genesis.params.fee_of(number))

    def next_nonce(self, mirror: Mirror) -> int:
        """After what is on its way; the ledger's own where that was lost."""
        known = mirror.account(self.address).nonce
        return known if mirror.height > self._until else max(known, self._next)


@dataclass(frozen=True, slots=True)
class Farmer:
    """A farm's owner."""

    number: int
    purse: Purse

    @property
    def farm_name(self) -> str:
        """The name of the farm."""
        return f"devfarm-{self.number + 1}"


@dataclass(frozen=True, slots=True)
class Operator:
    """A node's own account, whose twin runs it, and the key that signs its reports."""

    machine: Machine
    farmer: Farmer
    purse: Purse
    reporter: Key


def farmers_of(seed: int, machines: tuple[Machine, ...]) -> list[Operator]:
    """An operator for each machine, a farmer for each farm."""
    numbers = sorted({machine.farm for machine in machines})
    farmers = {n: Farmer(n, Purse(key_of(seed, f"farmer/{n}"))) for n in numbers}
    return [
        Operator(
            machine=machine,
            farmer=farmers[machine.farm],
            purse=Purse(key_of(seed, f"operator/{machine.number}")),
            reporter=key_of(seed, f"reporter/{machine.number}"),
        )
        for machine in machines
    ]


def gift(faucet: Purse, mirror: Mirror, to: Address) -> bytes:
    """Coins from the faucet."""
    return faucet.signed(mirror, Transfer(to=to, amount=ENDOWMENT))


def twin(purse: Purse, mirror: Mirror) -> bytes:
    """An identity on the grid."""
    return purse.signed(mirror, CreateTwin(relay=RELAY, public_key=b""))


def farm(farmer: Farmer, mirror: Mirror) -> bytes:
    """A farm."""
    return farmer.purse.signed(mirror, CreateFarm(name=farmer.farm_name))


def registration(operator: Operator, mirror: Mirror, farm_id: FarmId) -> bytes:
    """The node joins the farm; its owner accepts under the very nonce that it uses (P21)."""
    purse, machine = operator.purse, operator.machine
    message = acceptance_message(
        mirror.genesis.params.chain_id,
        purse.address,
        purse.next_nonce(mirror),
        farm_id,
        machine.resources,
    )
    country, city = PLACES[machine.farm % len(PLACES)]
    body = RegisterNode(
        farm_id=farm_id,
        reporter=operator.reporter.address,
        resources=machine.resources,
        country=country,
        city=city,
        virtualized=False,
        acceptance=operator.farmer.purse.key.sign(message),
    )
    return purse.signed(mirror, body)


def report(operator: Operator, mirror: Mirror, node_id: NodeId, t: int, uptime: int) -> bytes:
    """A report of the node's own clock."""
    body = ReportUptime(node_id=node_id, t=Seconds(t), uptime=uptime)
    return _free(operator, mirror, body)


def power_state(operator: Operator, mirror: Mirror, node_id: NodeId, t: int, *, up: bool) -> bytes:
    """The node goes to sleep, or is awake."""
    return _free(operator, mirror, SetPowerState(node_id=node_id, t=Seconds(t), up=up))


def power_target(farmer: Farmer, mirror: Mirror, node_id: NodeId, *, up: bool) -> bytes:
    """The farmer asks the node to sleep, or to wake."""
    return farmer.purse.signed(mirror, SetPowerTarget(node_id=node_id, up=up))


def _free(operator: Operator, mirror: Mirror, body: FreeKind) -> bytes:
    return _signed(operator.reporter, mirror, body, 0, Utft(0))


def _signed(key: Key, mirror: Mirror, body: Kind, nonce: int, fee: Utft) -> bytes:
    envelope = Envelope(
        chain_id=mirror.genesis.params.chain_id,
        sender=key.address,
        nonce=nonce,
        valid_until=Height(mirror.height + VALID_BLOCKS),
        fee=fee,
        kind=NUMBERS[type(body)],
    )
    plain = layout(type(body)).pack(body)
    return encode_transaction(envelope, plain, key.sign(message_of(envelope, plain)))
