"""A node's own settings: where it listens, whom it calls, what it stores on. `config.toml`.

Nothing here is agreed with anybody: what a chain must have in common stands in its genesis.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, TypeVar

from tfchain.base.address import from_text, to_text
from tfchain.base.units import Address
from tfchain.errors import Malformed
from tfchain.net.surface import Contact
from tfchain.store.open import Kind

CONFIG_BYTES_MAX: Final = 64 * 1024
"""Room for a few hundred peers."""
CONTACTS_MAX: Final = 256
"""Peers that are called: a whole set of validators."""
SNAPSHOT_EVERY: Final = 2_000
"""Three hours of blocks at six seconds: whoever joins has at most so many to run."""
KEEP_BLOCKS_MIN: Final = 1_000
"""A peer that was away for a while, and a snapshot under way, find the blocks that they need."""
KEPT_MAX: Final = (1 << 63) - 1
HOST_CHARS_MAX: Final = 253
PORT_MAX: Final = 0xFFFF
LOOPBACK: Final = "127.0.0.1"
LOOK_BACK: Final = 16
"""A validator that was down for this many blocks signed none of them: what it said is older."""
LOOK_BACK_MAX: Final = 10_000

_HOST_LETTERS: Final = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:%_"

Level: TypeAlias = Literal["debug", "info", "warning"]
Format: TypeAlias = Literal["text", "json"]

_KINDS: Final[tuple[Kind, ...]] = ("auto", "leveldb", "sqlite")
LEVELS: Final[tuple[Level, ...]] = ("debug", "info", "warning")
FORMATS: Final[tuple[Format, ...]] = ("text", "json")

Word = TypeVar("Word", bound=str)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where to listen. Port 0 lets the system pick."""

    host: str = LOOPBACK
    port: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeConfig:
    """What `config.toml` says."""

    p2p: Place
    http: Place
    peers: tuple[Contact, ...] = ()
    anyone: bool = False
    """Whether others than `peers` may connect."""
    store: Kind = "auto"
    guardian_automatic: bool = False
    """Whether a guardian here attests by itself, or waits for a person."""
    log: Level = "info"
    log_format: Format = "text"
    look_back: int = LOOK_BACK
    """Stored commits in which this validator's own signatures are looked for at start (1.6.7)."""
    snapshot_every: int = SNAPSHOT_EVERY
    """Blocks from one snapshot of the state to the next; 0 makes none (P33)."""
    keep_blocks: int = 0
    """Blocks that are kept, the newest; 0 keeps all: an archive. Beside them those stay that follow
    the snapshots here, `pruning.most_kept` in all."""
    keep_batches: int = 0
    """Paid batches of a schedule whose receipts are kept, the newest; 0 keeps all (P17)."""


def read_config(text: str) -> NodeConfig:
    """The settings that a file's text says.

    Raises:
        Malformed: names the first field that is missing, unknown or out of range.
    """
    return config_of(read_plain(text))


def read_plain(text: str) -> dict[str, object]:
    """The file's tables as they stand there; raises `Malformed`."""
    if len(text) > CONFIG_BYTES_MAX:
        raise Malformed(f"config: more than {CONFIG_BYTES_MAX} bytes")
    try:
        plain: dict[str, object] = tomllib.loads(text)
    except (ValueError, RecursionError) as fault:
        raise Malformed(f"config: {fault}") from fault
    return plain


def config_of(plain: Mapping[str, object]) -> NodeConfig:
    """The settings that a file's tables say; raises as `read_config`."""
    top = _Section("config", plain)
    p2p, http = top.section("p2p"), top.section("http")
    guardian, log = top.section("guardian"), top.section("log")
    store, validator = top.section("store"), top.optional("validator")
    config = NodeConfig(
        p2p=p2p.place(),
        anyone=p2p.flag("anyone"),
        http=http.place(),
        peers=_peers(top.sections("peer")),
        store=store.chosen("kind", _KINDS),
        guardian_automatic=guardian.flag("automatic"),
        log=log.chosen("level", LEVELS),
        log_format=log.chosen("format", FORMATS, "text"),
        look_back=validator.number("look_back", LOOK_BACK, LOOK_BACK_MAX),
        snapshot_every=store.number("snapshot_every", SNAPSHOT_EVERY, KEPT_MAX, least=0),
        keep_blocks=_kept(store, "keep_blocks", KEEP_BLOCKS_MIN),
        keep_batches=_kept(store, "keep_batches", 1),
    )
    for section in (top, p2p, http, guardian, log, store, validator):
        section.check_all_read()
    return config


def write_config(config: NodeConfig) -> str:
    """The text that `read_config` gives `config` for."""
    lines = [
        "# This node's own settings. What the chain agrees on stands in genesis.toml.",
        *_place_lines("p2p", config.p2p),
        f"anyone = {_flag(config.anyone)} # whether others than the peers below may connect",
        *_place_lines("http", config.http),
        "",
        "[store]",
        f'kind = "{config.store}" # auto, leveldb or sqlite',
        f"snapshot_every = {config.snapshot_every} # blocks between snapshots; 0 makes none",
        f"keep_blocks = {config.keep_blocks} # the newest blocks; 0 keeps all",
        f"keep_batches = {config.keep_batches} # paid batches with receipts; 0 keeps all",
        "",
        "[guardian]",
        f"automatic = {_flag(config.guardian_automatic)} # attest without asking a person",
        "",
        "[log]",
        f'level = "{config.log}" # debug, info or warning',
        f'format = "{config.log_format}" # text or json',
        "",
        "[validator]",
        f"look_back = {config.look_back} # blocks searched at start for this key's signatures",
    ]
    for peer in config.peers:
        lines += ["", "[[peer]]", f'key = "{to_text(Address(peer.key))}"']
        lines += [f'host = "{peer.host}"', f"port = {peer.port}"]
    return "\n".join(lines) + "\n"


def _place_lines(name: str, place: Place) -> list[str]:
    return ["", f"[{name}]", f'host = "{place.host}"', f"port = {place.port}"]


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _kept(store: "_Section", name: str, least: int) -> int:
    """How much of something is kept: all of it, or enough for who is a little behind."""
    number = store.number(name, 0, KEPT_MAX, least=0)
    if 0 < number < least:
        raise Malformed(f"{store.where}.{name}: 0 for all, or a number from {least} to {KEPT_MAX}")
    return number


def _peers(sections: "list[_Section]") -> tuple[Contact, ...]:
    peers: dict[bytes, Contact] = {}
    for section in sections:
        key = section.address("key")
        if key in peers:
            raise Malformed(f"{section.where}.key: named twice")
        peers[key] = Contact(key=key, host=section.host(), port=section.port(least=1))
        section.check_all_read()
    return tuple(peers.values())


class _Section:
    """A table of the file that remembers which of its fields were read."""

    def __init__(self, where: str, plain: Mapping[str, object]) -> None:
        self.where = where
        self._plain = plain
        self._read: dict[str, None] = {}

    def section(self, name: str) -> "_Section":
        return _section(f"{self.where}.{name}", self._value(name))

    def optional(self, name: str) -> "_Section":
        """A table that files of earlier versions lack."""
        return self.section(name) if name in self._plain else _section(f"{self.where}.{name}", {})

    def sections(self, name: str) -> "list[_Section]":
        """The tables of a list, which may be absent."""
        value = self._value(name) if name in self._plain else []
        if not isinstance(value, list) or len(value) > CONTACTS_MAX:
            raise Malformed(f"{self.where}.{name}: a list of at most {CONTACTS_MAX} tables is due")
        return [_section(f"{self.where}.{name}[{at}]", row) for at, row in enumerate(value)]

    def place(self) -> Place:
        return Place(host=self.host(), port=self.port(least=0))

    def host(self) -> str:
        host = self._text("host")
        if not 0 < len(host) <= HOST_CHARS_MAX or any(c not in _HOST_LETTERS for c in host):
            raise Malformed(f"{self.where}.host: a name or a numeric address is due")
        return host

    def port(self, least: int) -> int:
        port = self._value("port")
        if type(port) is not int or not least <= port <= PORT_MAX:
            raise Malformed(f"{self.where}.port: a number from {least} to {PORT_MAX} is due")
        return port

    def number(self, name: str, default: int, most: int, least: int = 1) -> int:
        number = self._value(name) if name in self._plain else default
        if type(number) is not int or not least <= number <= most:
            raise Malformed(f"{self.where}.{name}: a number from {least} to {most} is due")
        return number

    def flag(self, name: str) -> bool:
        value = self._value(name)
        if type(value) is not bool:
            raise Malformed(f"{self.where}.{name}: true or false is due")
        return value

    def address(self, name: str) -> Address:
        try:
            return from_text(self._text(name))
        except Malformed as fault:
            raise Malformed(f"{self.where}.{name}: {fault}") from fault

    def chosen(self, name: str, words: tuple[Word, ...], default: Word | None = None) -> Word:
        """One of the words; a field that files of earlier versions lack has a default."""
        if default is not None and name not in self._plain:
            return default
        text = self._text(name)
        for word in words:
            if word == text:
                return word
        raise Malformed(f"{self.where}.{name}: {', '.join(words)} are known")

    def check_all_read(self) -> None:
        for name in self._plain:
            if name not in self._read:
                raise Malformed(f"{self.where}: nobody knows {name}")

    def _text(self, name: str) -> str:
        value = self._value(name)
        if type(value) is not str:
            raise Malformed(f"{self.where}.{name}: text is due")
        return value

    def _value(self, name: str) -> object:
        if name not in self._plain:
            raise Malformed(f"{self.where}: {name} is missing")
        self._read[name] = None
        return self._plain[name]


def _section(where: str, value: object) -> _Section:
    if not isinstance(value, dict):
        raise Malformed(f"{where}: a table is due")
    return _Section(where, value)
