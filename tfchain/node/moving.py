"""Moving a validator to another machine, so that its key never signs in two places.

The key and what it signed last travel in one file. The old home is retired before that file exists,
and the file is gone once it was taken in. What travels says nothing more at the height it stands at:
the log, which knows why it said what it said there, stays behind.
"""

import os
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final

from tfchain.base import crypto
from tfchain.base.shapes import Hash, Nested, Text, decode_record, encode_record
from tfchain.chain.genesis import read_genesis
from tfchain.errors import Malformed, Unavailable
from tfchain.ledger.commit import CHAIN_ID_BYTES_MAX
from tfchain.node.config import NodeConfig
from tfchain.node.home import Home, load_genesis
from tfchain.node.recovery import NOWHERE, last_shown, look, place_text, plan_of
from tfchain.store.chain import ChainStore
from tfchain.store.files import replace_file, sync_folder, told, write_all
from tfchain.store.open import open_store
from tfchain.store.signer import LastSigned, Signer
from tfchain.store.signer_files import (
    load_seed,
    load_state,
    open_signer,
    replace_signer_files,
)

MOVED_BYTES_MAX: Final = 8 * 1024
"""A moved validator: key, chain, and a state of some 200 bytes."""
_PERSON: Final = b"tf/moved-key"
_RETIRED: Final = (
    "The validator of this home was moved out, so that nothing here may sign for it any more.\n"
    "`tfchain validator move-in` brings it back. Once no key stands here, removing this file lets\n"
    "the home follow the chain without voting.\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A validator on its way."""

    chain_id: Annotated[str, Text(1, CHAIN_ID_BYTES_MAX)]
    seed: Hash = field(repr=False)
    last: Annotated[LastSigned, Nested(LastSigned)]


def check_not_retired(home: Home) -> None:
    """Raises `Unavailable` where the validator of a home was moved away."""
    if not home.retired.exists():
        return
    again = " (it was cut short: do it again first)" if home.validator_key.exists() else ""
    remedy = (
        "start the home that it was moved to, or bring it back with `tfchain validator move-in`;"
        " to let this home only follow, remove that file"
    )
    what = f"this home's validator was moved out{again}"
    raise Unavailable(what, str(home.retired), remedy)


def move_out(home: Home, config: NodeConfig, file: Path) -> Moved:
    """Take the validator out of a stopped home into `file`; the home is retired.

    Cut short, it may be done again.

    Raises:
        Unavailable: running, no validator here, an old signer state, or `file` is there already.
    """
    if not home.validator_key.exists():
        check_not_retired(home)
        remedy = "name the home of a validator"
        raise Unavailable("no validator key stands here", str(home.validator_key), remedy)
    if file.exists():
        raise Unavailable("a file is there already", str(file), "give another name")
    signer = open_signer(home.validator_key, home.signer_state)
    with closing(signer):
        _check_newest(home, config, signer)
        signer.skip_to_end_of(signer.last()[0])
        moved = Moved(
            chain_id=_chain_id(home),
            seed=load_seed(home.validator_key),
            last=load_state(home.signer_state, signer.key),
        )
        with told("cannot retire the home", home.retired):
            replace_file(home.retired, _RETIRED.encode())
        _save_moved(file, moved)
        with told("cannot remove the validator key", home.validator_key):
            home.validator_key.unlink()
            home.signer_state.unlink()
            sync_folder(home.folder)
    return moved


def move_in(home: Home, config: NodeConfig, file: Path) -> Moved:
    """Take a validator into a stopped home of the same chain; `file` is removed.

    A key that stands in the home and never signed is replaced.

    Raises:
        Unavailable: running, another chain, an older state than the home knows of, or the home has
            a validator of its own.
    """
    moved = _load_moved(file)
    if moved.chain_id != _chain_id(home):
        what = f"the validator belongs to {moved.chain_id}, this home to {_chain_id(home)}"
        raise Unavailable(what, str(file), "give a home of its own chain")
    store = open_store(home.store, config.store)
    with closing(store):
        chain = ChainStore(store)
        chain.begin(load_genesis(home))
        known = last_shown(chain, crypto.public_key(moved.seed), config.look_back)
        known = max(known, _known_here(home, moved))
        if known > moved.last.place:
            what = f"the file is older than what this home knows: {place_text(known)} is signed"
            raise Unavailable(what, str(file), "give the file of the last move-out")
        replace_signer_files(home.validator_key, home.signer_state, moved.seed, moved.last)
    with told("cannot remove what was moved in", file):
        home.retired.unlink(missing_ok=True)
        sync_folder(home.folder)
        file.unlink()
        sync_folder(file.parent)
    return moved


def _check_newest(home: Home, config: NodeConfig, signer: Signer) -> None:
    """Nothing here knows of a later word than the signer does."""
    if not home.store.is_dir():
        return
    store = open_store(home.store, config.store)
    with closing(store):
        chain = ChainStore(store)
        chain.begin(load_genesis(home))
        plan_of(look(home, chain, signer, config.look_back), home, allow_old_store=True)


def _known_here(home: Home, moved: Moved) -> tuple[int, int, int]:
    """What the key in this home signed last, if it is the one that comes in."""
    if not home.validator_key.exists():
        return NOWHERE
    with closing(open_signer(home.validator_key, home.signer_state)) as signer:
        if signer.key != crypto.public_key(moved.seed) and signer.last() != NOWHERE:
            remedy = "make another home with `tfchain init` for the one that comes in"
            what = "this home has a validator of its own, which has signed"
            raise Unavailable(what, str(home.validator_key), remedy)
        return signer.last() if signer.key == crypto.public_key(moved.seed) else NOWHERE


def _chain_id(home: Home) -> str:
    return read_genesis(load_genesis(home)).params.chain_id


def _save_moved(file: Path, moved: Moved) -> None:
    body = encode_record(moved)
    with told("cannot write the moved validator", file):
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            write_all(descriptor, crypto.digest(_PERSON, body) + body)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        sync_folder(file.parent)


def _load_moved(file: Path) -> Moved:
    with told("cannot read the moved validator", file), file.open("rb") as stream:
        content = stream.read(MOVED_BYTES_MAX + 1)
    checksum, body = content[: crypto.HASH_BYTES], content[crypto.HASH_BYTES :]
    remedy = "give the file that `tfchain validator move-out` wrote"
    if checksum != crypto.digest(_PERSON, body):
        raise Unavailable("this is no moved validator, or it is damaged", str(file), remedy)
    try:
        return decode_record(Moved, body)
    except Malformed as fault:
        what = f"the moved validator is of another version ({fault})"
        raise Unavailable(what, str(file), remedy) from fault
