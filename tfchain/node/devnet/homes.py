"""The homes of a network on one machine: a stamped genesis, keys from a seed, ports from the system."""

import socket
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import tfchain
from tfchain.base.address import to_text
from tfchain.base.crypto import digest
from tfchain.base.limits import GENESIS_BYTES_MAX
from tfchain.base.units import UTFT_PER_TFT, Address
from tfchain.client.keys import Key, seed_of_uri
from tfchain.errors import Malformed, Unavailable
from tfchain.net.surface import Contact
from tfchain.node.config import LOOPBACK, Format, Level, NodeConfig, Place
from tfchain.node.home import Home, Seeds, create_home, load_text
from tfchain.store.files import told
from tfchain.store.open import Kind

VALIDATORS_MAX: Final = 32
"""Processes on one machine; a guardian's second program comes with each."""
FAUCET_TFT: Final = 1_000_000
GUARDIAN_TFT: Final = 1_000
"""A guardian pays two fees a period: this lasts for years of devnet periods."""
BOND_TFT: Final = 100
"""What a validator loses that signs two things at one place."""
PERSON: Final = "//Alice"
PERSON_TFT: Final = 10_000
ALIKE: Final = NodeConfig(p2p=Place(), http=Place(), guardian_automatic=True)
"""What holds in each home of a devnet: its guardians ask nobody."""
_TEMPLATE: Final = Path("genesis") / "devnet.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One validator of a devnet."""

    number: int
    home: Home
    host: str
    http_port: int
    guardian: Address

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://{self.host}:{self.http_port}"

    @property
    def name(self) -> str:
        """For people."""
        return f"validator-{self.number}"

    @property
    def folder(self) -> Path:
        """Its home."""
        return self.home.folder

    @property
    def verb(self) -> list[str]:
        """What runs it."""
        return ["start", "--home", str(self.home.folder)]


@dataclass(frozen=True, slots=True, kw_only=True)
class WebMember:
    """What people and tools browse: a process that follows one of the validators."""

    folder: Path
    port: int
    follows: str
    """Where that validator answers."""
    log: Level = "info"
    log_format: Format = "text"
    name: str = "web"

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def verb(self) -> list[str]:
        """What runs it."""
        place = ["--home", str(self.folder), "--port", str(self.port)]
        log = ["--log-level", self.log, "--log-format", self.log_format]
        return ["web", "--node", self.follows, *place, *log]


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A devnet as it lies on the disk, not yet running."""

    seed: int
    genesis: str
    members: tuple[Member, ...]
    web: WebMember


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """What makes a network of a template its own."""

    time: int
    """When it begins, in whole seconds since 1970."""
    salt: str


def seed_of(seed: int, name: str) -> bytes:
    """The 32-byte seed of a devnet's key. Whoever knows the number knows all keys: for tests only."""
    return digest(b"tf/devnet-key", f"{seed}/{name}".encode())


def key_of(seed: int, name: str) -> Key:
    """The key itself."""
    return Key(seed_of(seed, name))


def template_text() -> str:
    """The devnet's genesis template: from the package, or from the clone around it.

    Raises:
        Unavailable: it is in neither.
    """
    package = Path(tfchain.__file__).resolve().parent
    for folder in (package, package.parent):
        if (folder / _TEMPLATE).exists():
            return load_text(folder / _TEMPLATE, GENESIS_BYTES_MAX)
    remedy = "run from a clone: it has genesis/devnet.toml"
    raise Unavailable("the devnet's genesis template is not here", str(package.parent), remedy)


def stamped(template: str, stamp: Stamp, seed: int, validators: int) -> str:
    """The genesis of a network of its own: time, salt, and who there is (P29).

    Raises:
        Malformed: the template has not exactly one line for time and one for salt.
    """
    rows = account_lines(key_of(seed, "faucet").address, FAUCET_TFT)
    rows += account_lines(Key(seed_of_uri(PERSON)).address, PERSON_TFT)
    for number in range(validators):
        guardian = key_of(seed, f"guardian/{number}").address
        rows += member_lines(key_of(seed, f"validator/{number}").address, guardian)
    return peopled(template, stamp, rows)


def peopled(template: str, stamp: Stamp, lines: Sequence[str]) -> str:
    """A genesis of a template: time and salt, and behind it who there is; raises as `stamped`."""
    head, mark, rest = template.partition("\n[")
    head = _with_line(head, "time", str(stamp.time))
    head = _with_line(head, "salt", f'"{stamp.salt}"')
    return head + mark + rest.rstrip("\n") + "\n\n" + "\n".join(lines)


def member_lines(validator: Address, guardian: Address) -> list[str]:
    """A validator in a genesis, and the guardian who runs it and has its rewards."""
    return [
        *account_lines(guardian, GUARDIAN_TFT),
        *["[[guardian]]", f'account = "{to_text(guardian)}"', ""],
        *["[[validator]]", f'key = "{to_text(validator)}"', "power = 1"],
        f"bond = {BOND_TFT * UTFT_PER_TFT}",
        *[f'reward_account = "{to_text(guardian)}"', ""],
    ]


def _with_line(head: str, name: str, value: str) -> str:
    lines = head.split("\n")
    places = [place for place, line in enumerate(lines) if line.startswith(f"{name} = ")]
    if len(places) != 1:
        raise Malformed(f"genesis template: one line for {name} is due, not {len(places)}")
    lines[places[0]] = f"{name} = {value}"
    return "\n".join(lines)


def account_lines(address: Address, amount_tft: int) -> list[str]:
    """Who has coins from the beginning."""
    balance = amount_tft * UTFT_PER_TFT
    return ["[[account]]", f'address = "{to_text(address)}"', f"balance = {balance}", ""]


def lay_out(
    folder: Path, genesis: str, seed: int, validators: int, store: Kind, *, base: NodeConfig = ALIKE
) -> Network:
    """Make the homes `validator-0` and so on under `folder`.

    `base`: the settings that are the same in all of them.

    Raises:
        Unavailable: a home is there already, or cannot be written.
    """
    ports = free_ports(2 * validators + 1)
    contacts = [
        Contact(key=key_of(seed, f"node/{n}").address, host=LOOPBACK, port=ports[2 * n])
        for n in range(validators)
    ]
    members = []
    for number in range(validators):
        config = replace(
            base,
            p2p=Place(port=ports[2 * number]),
            http=Place(port=ports[2 * number + 1]),
            peers=tuple(one for place, one in enumerate(contacts) if place != number),
            store=store,
        )
        seeds = Seeds(
            node=seed_of(seed, f"node/{number}"),
            validator=seed_of(seed, f"validator/{number}"),
            guardian=seed_of(seed, f"guardian/{number}"),
        )
        members.append(
            Member(
                number=number,
                home=create_home(folder / f"validator-{number}", genesis, config, seeds),
                host=LOOPBACK,
                http_port=ports[2 * number + 1],
                guardian=key_of(seed, f"guardian/{number}").address,
            )
        )
    web = WebMember(
        folder=folder / "web",
        port=ports[-1],
        follows=members[0].url,
        log=base.log,
        log_format=base.log_format,
    )
    with told("cannot make the web's folder", web.folder):
        web.folder.mkdir(mode=0o700, exist_ok=True)
    return Network(seed=seed, genesis=genesis, members=tuple(members), web=web)


def free_ports(count: int) -> list[int]:
    """Ports that nobody had a moment ago: all held at once, so that they differ, then let go."""
    with ExitStack() as stack:
        held = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in held:
            one.bind((LOOPBACK, 0))
        return [int(one.getsockname()[1]) for one in held]
