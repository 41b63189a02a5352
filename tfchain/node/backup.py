"""A stopped node's home in one file, to be kept elsewhere: its blocks and state, not who it is.

What signed last is never in it: a signer state that comes back from an archive is older than what
the validator has said since, and a validator that forgets what it said signs two things at one place.
"""

import io
import os
import tarfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tfchain.errors import Unavailable
from tfchain.node.home import Home, load_config, load_genesis
from tfchain.store.chain import ChainStore
from tfchain.store.files import sync_folder, told
from tfchain.store.open import open_store
from tfchain.store.still import held_still

RESTORE: Final = "RESTORE.txt"
_MODE: Final = 0o600
_TEXT: Final = """\
A tfchain node's home at height {height}: settings, genesis and database{more}.
Left out: {left}.

Back into the home that still has its keys and its signer state:
  mv HOME/data HOME/data.old
  tar -xf FILE -C HOME data
  tfchain start --home HOME --allow-old-store
It catches up from its peers, and is silent at the heights that it signed.

On a new machine, as another validator; the old one's key must not sign again:
  tar -xf FILE genesis.toml
  tfchain init --genesis genesis.toml --home NEW
  tar -xf FILE -C NEW data
  tfchain start --home NEW
Its peers stand in this archive's config.toml.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """What went into an archive."""

    height: int
    files: int
    size: int
    keys: tuple[str, ...]
    """Names of the key files in it."""


def back_up(
    home: Home, file: Path, *, with_keys: bool, told_of: Callable[[int, int], None]
) -> Backup:
    """Write the archive, a tar that only its owner may read.

    `told_of(done, all)`: bytes so far, for whoever watches.

    Raises:
        Unavailable: the node runs, the home is none, or `file` is there already or cannot be written.
    """
    height = _height(home)
    keys = [home.node_key, home.validator_key, home.guardian_key] if with_keys else []
    keys = [path for path in keys if path.exists()]
    with held_still(home.store) as rows:
        paths = [home.config, home.genesis, *keys, *rows]
        with told("cannot read the home", home.folder):
            size = sum(path.stat().st_size for path in paths)
        done = 0
        with _written(file) as archive:
            _add_text(archive, _TEXT.format(height=height, **_words(keys, with_keys=with_keys)))
            for path in paths:
                archive.add(path, path.relative_to(home.folder), filter=_nobody_s)
                done += path.stat().st_size
                told_of(done, size)
    names = tuple(path.name for path in keys)
    return Backup(height=height, files=len(paths), size=size, keys=names)


def _height(home: Home) -> int:
    """That of a store which is ours and whole enough to open."""
    config, genesis = load_config(home), load_genesis(home)
    if not home.store.is_dir():
        raise Unavailable("there is nothing to keep yet", str(home.store), "start the node once")
    with closing(open_store(home.store, config.store)) as store:
        chain = ChainStore(store)
        chain.begin(genesis)
        return chain.height()


def _words(keys: list[Path], *, with_keys: bool) -> dict[str, str]:
    if not with_keys:
        return {"more": "", "left": "all keys, and what they signed last"}
    names = ", ".join(path.name for path in keys)
    return {"more": f", and {names}", "left": "what the validator signed last (signer.state)"}


@contextmanager
def _written(file: Path) -> Iterator[tarfile.TarFile]:
    """An archive that stands under its name once it is whole and on the disk, or never."""
    fresh = file.with_name(file.name + ".new")
    if file.exists():
        raise Unavailable("a file is there already", str(file), "give another name")
    with told("cannot write the backup", file):
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        descriptor = os.open(fresh, flags, _MODE)
        try:
            os.fchmod(descriptor, _MODE)
            with os.fdopen(descriptor, "wb") as stream:
                with tarfile.open(fileobj=stream, mode="w") as archive:
                    yield archive
                stream.flush()
                os.fsync(stream.fileno())
            fresh.replace(file)
            sync_folder(file.resolve().parent)
        finally:
            fresh.unlink(missing_ok=True)


def _add_text(archive: tarfile.TarFile, text: str) -> None:
    entry = tarfile.TarInfo(RESTORE)
    entry.size, entry.mode = len(text), _MODE
    archive.addfile(entry, io.BytesIO(text.encode("ascii")))


def _nobody_s(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Whoever unpacks it owns it."""
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    entry.mode = _MODE
    return entry
