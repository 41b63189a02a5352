"""A network on several machines: its genesis, and a home a validator to be carried to its machine.

Keys are drawn here and stand in the homes alone. Whoever founds a network this way has held them all:
for one whose validators do not know each other, each makes a home of its own and says its addresses.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from tfchain.base.units import Address
from tfchain.chain.genesis import read_genesis
from tfchain.client import keys
from tfchain.client.keys import Key
from tfchain.errors import Malformed, Unavailable
from tfchain.net.surface import Contact
from tfchain.node.config import LOOPBACK, PORT_MAX, NodeConfig, Place, read_config, write_config
from tfchain.node.devnet.homes import FAUCET_TFT, Stamp, account_lines, member_lines, peopled
from tfchain.node.home import Home, Seeds, create_home
from tfchain.node.settings import HTTP_PORT, P2P_PORT
from tfchain.store.files import replace_file, told

ANYWHERE: Final = "0.0.0.0"  # noqa: S104 -- peers come from other machines, with keys that are known
ANYWHERE_V6: Final = "::"
FOUNDER_KEY: Final = "founder.key"
_MODE: Final = 0o644

Draw = Callable[[int], bytes]
"""So many bytes of chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """Where a validator will run. Ports of one machine differ."""

    host: str
    p2p_port: int
    http_port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """A validator with the home that was made for it."""

    home: Home
    seat: Seat
    validator: Address
    guardian: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Founded:
    """A network as it lies on the disk, to be carried away."""

    chain_id: str
    genesis: Path
    founder: Address
    founder_key: Path
    members: tuple[Settled, ...]


def seats_of(hosts: Sequence[str]) -> tuple[Seat, ...]:
    """The seats that `HOST` or `HOST:PORT` name; of one machine each gets the next port.

    Raises:
        Malformed: what is neither, or a port that is none.
    """
    seats: list[Seat] = []
    for text in hosts:
        host, port = _parted(text)
        before = sum(seat.host == host for seat in seats)
        port = P2P_PORT + before if port is None else port
        seats.append(Seat(host=host, p2p_port=port, http_port=HTTP_PORT + before))
    named = [(seat.host, seat.p2p_port) for seat in seats]
    if len(set(named)) < len(named):
        raise Malformed("two validators would have the same host and port")
    return tuple(seats)


def _parted(text: str) -> tuple[str, int | None]:
    """An address of version 6 stands in brackets where a port follows it."""
    host, colon, port = text.rpartition(":")
    if not colon or (":" in host and not host.endswith("]")):
        return text.removeprefix("[").removesuffix("]"), None
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and 0 < int(port) <= PORT_MAX):
        raise Malformed(f"{text}: HOST or HOST:PORT is due, a port from 1 to {PORT_MAX}")
    return host.removeprefix("[").removesuffix("]"), int(port)


def found(folder: Path, template: str, stamp: Stamp, seats: Sequence[Seat], draw: Draw) -> Founded:
    """Make `genesis.toml`, `founder.key` and the homes `validator-0` and so on under `folder`.

    Who stands in the template already stays in the genesis.

    Raises:
        Malformed: the template is none, or a host is none.
        Unavailable: the folder is not empty, or cannot be written.
    """
    seeds = [Seeds(node=draw(32), validator=draw(32), guardian=draw(32)) for _ in seats]
    founder = draw(32)
    lines = account_lines(Key(founder).address, FAUCET_TFT)
    for one in seeds:
        lines += member_lines(_address(one.validator), _address(one.guardian))
    genesis = peopled(template, stamp, lines)
    chain_id = read_genesis(genesis).params.chain_id
    configs = _configs(seats, seeds)
    path = folder / "genesis.toml"
    with told("cannot make the network's folder", folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise Unavailable("the folder is not empty", str(folder), "give a new folder")
        replace_file(path, genesis.encode(), _MODE)
    keys.save_plain(folder / FOUNDER_KEY, founder)
    members = [
        Settled(
            home=create_home(folder / f"validator-{number}", genesis, config, one),
            seat=seats[number],
            validator=_address(one.validator),
            guardian=_address(one.guardian),
        )
        for number, (one, config) in enumerate(zip(seeds, configs, strict=True))
    ]
    return Founded(
        chain_id=chain_id,
        genesis=path,
        founder=Key(founder).address,
        founder_key=folder / FOUNDER_KEY,
        members=tuple(members),
    )


def _configs(seats: Sequence[Seat], seeds: Sequence[Seeds]) -> list[NodeConfig]:
    """The settings of each: it calls all others."""
    contacts = [
        Contact(key=_address(one.node), host=seat.host, port=seat.p2p_port)
        for one, seat in zip(seeds, seats, strict=True)
    ]
    return [_config(seat, contacts, number) for number, seat in enumerate(seats)]


def _config(seat: Seat, contacts: Sequence[Contact], number: int) -> NodeConfig:
    """Peers reach it from where they are; people and scripts ask it on its own machine."""
    config = NodeConfig(
        p2p=Place(host=_listens(seat.host), port=seat.p2p_port),
        http=Place(host=LOOPBACK, port=seat.http_port),
        peers=tuple(one for place, one in enumerate(contacts) if place != number),
    )
    own = replace(config, peers=(contacts[number],))
    read_config(write_config(own))  # judges the host, which its peers will read
    return config


def is_here(host: str) -> bool:
    """Whether a host is this very machine, whatever it is called elsewhere."""
    return host in {"localhost", "::1"} or host.startswith("127.")


def _listens(host: str) -> str:
    if is_here(host):
        return host
    return ANYWHERE_V6 if ":" in host else ANYWHERE


def _address(seed: bytes | None) -> Address:
    assert seed is not None, "each member has all three keys"
    return Key(seed).address


def seat_text(seat: Seat) -> str:
    """As people write it."""
    host = f"[{seat.host}]" if ":" in seat.host else seat.host
    return f"{host}:{seat.p2p_port}"
