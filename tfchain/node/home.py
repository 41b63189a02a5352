"""A node's home: one folder with its settings, its genesis, its keys and what it stores."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from os import environ
from pathlib import Path
from typing import Final

from tfchain.base.limits import GENESIS_BYTES_MAX
from tfchain.chain.genesis import read_genesis
from tfchain.client import keys
from tfchain.errors import Malformed, Unavailable
from tfchain.node.config import CONFIG_BYTES_MAX, NodeConfig, write_config
from tfchain.node.settings import Settings, settings_of
from tfchain.store.files import replace_file, told
from tfchain.store.signer_files import create_signer_files

_TEXT_MODE: Final = 0o644


@dataclass(frozen=True, slots=True)
class Home:
    """Where each thing of a node stands."""

    folder: Path

    @property
    def config(self) -> Path:
        """The node's own settings; written last, so that it marks a whole home."""
        return self.folder / "config.toml"

    @property
    def genesis(self) -> Path:
        """What the chain begins with, as it was given."""
        return self.folder / "genesis.toml"

    @property
    def node_key(self) -> Path:
        """Who the node is to its peers."""
        return self.folder / "node.key"

    @property
    def validator_key(self) -> Path:
        """What signs votes. A node without one follows the chain and never votes."""
        return self.folder / "validator.key"

    @property
    def guardian_key(self) -> Path:
        """The account that attests mints; most nodes have none."""
        return self.folder / "guardian.key"

    @property
    def signer_state(self) -> Path:
        """What the validator key signed last."""
        return self.folder / "signer.state"

    @property
    def retired(self) -> Path:
        """There if this home's validator was moved to another one: then nothing may sign here."""
        return self.folder / "validator.retired"

    @property
    def wal(self) -> Path:
        """The write-ahead log."""
        return self.folder / "wal"

    @property
    def store(self) -> Path:
        """The folder of the database."""
        return self.folder / "data"

    @property
    def snapshots(self) -> Path:
        """The folder of the snapshots that this node made."""
        return self.folder / "snapshots"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeds:
    """32 bytes each. Without a validator seed the node only follows."""

    node: bytes = field(repr=False)
    validator: bytes | None = field(repr=False)
    guardian: bytes | None = field(default=None, repr=False)


def create_home(folder: Path, genesis: str, config: NodeConfig, seeds: Seeds) -> Home:
    """Lay out a new home. `genesis`: the file's text. Keys are plain files, 0600.

    Raises:
        Malformed: the genesis is none.
        Unavailable: the folder is not empty, or cannot be written.
    """
    read_genesis(genesis)
    home = Home(folder)
    with told("cannot make the home", folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise Unavailable("the home is not empty", str(folder), "give a new folder")
    with told("cannot write the home", folder):
        replace_file(home.genesis, genesis.encode(), _TEXT_MODE)
    keys.save_plain(home.node_key, seeds.node)
    if seeds.guardian is not None:
        keys.save_plain(home.guardian_key, seeds.guardian)
    if seeds.validator is not None:
        create_signer_files(home.validator_key, home.signer_state, seeds.validator)
    with told("cannot write the home", folder):
        replace_file(home.config, write_config(config).encode(), _TEXT_MODE)
    return home


def load_config(home: Home, flags: Sequence[str] = ()) -> NodeConfig:
    """The settings that hold: the file's, unless the environment or a flag says otherwise."""
    return load_settings(home, flags).config


def load_settings(home: Home, flags: Sequence[str] = ()) -> Settings:
    """The settings; raises `Unavailable` or `Malformed`, which name the file or the field."""
    if not home.config.exists():
        remedy = "make one with `tfchain init --genesis FILE --home DIR`"
        raise Unavailable("this is no node's home", str(home.folder), remedy)
    return settings_of(load_text(home.config, CONFIG_BYTES_MAX), environ, flags)


def load_genesis(home: Home) -> str:
    """The text of the genesis; raises `Unavailable` or `Malformed`."""
    return load_text(home.genesis, GENESIS_BYTES_MAX)


def load_node_seed(home: Home) -> bytes:
    """The seed of the node's identity; raises as `client.keys.load`."""
    keys.load(home.node_key)  # judges its rights and its form
    return bytes.fromhex(load_text(home.node_key, keys.KEY_FILE_BYTES_MAX).strip())


def load_text(path: Path, bytes_max: int) -> str:
    """A text file of at most `bytes_max`; raises `Unavailable` or `Malformed`."""
    with told("cannot read a file of the home", path), path.open("rb") as file:
        content = file.read(bytes_max + 1)
    if len(content) > bytes_max:
        raise Malformed(f"{path}: more than {bytes_max} bytes")
    try:
        return content.decode()
    except UnicodeDecodeError as fault:
        raise Malformed(f"{path}: not UTF-8 text") from fault
