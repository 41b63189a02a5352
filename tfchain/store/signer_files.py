"""A signer on disk: a key file, and a state file that is replaced before each signature leaves.

The state names its key and carries a checksum: a state of another key, or with a flipped bit, would
let this validator contradict itself, so both are refused.
"""

import os
import stat
from pathlib import Path
from string import hexdigits
from typing import Final

from tfchain.base import crypto
from tfchain.base.shapes import decode_record, encode_record
from tfchain.errors import Malformed, Unavailable
from tfchain.store.files import lock_file, replace_file, sync_folder, told, write_all
from tfchain.store.signer import MESSAGE_BYTES_MAX, NOTHING_SIGNED, LastSigned, Signer

_PERSON: Final = b"tf/signer-state"
_STATE_BYTES_MAX: Final = MESSAGE_BYTES_MAX + 256
_KEY_TEXT_BYTES: Final = 2 * crypto.KEY_BYTES
_RESTORE_STATE: Final = (
    "restore the newest copy, or bring it with `tfchain validator move-in` if the validator was"
    " moved; without either this key must not sign again: make a new validator"
)


class FileMemo:
    """A memo in a file that this process owns through a lock file beside it.

    The state file itself is replaced at each save, so that a lock on it would not last.
    """

    def __init__(self, path: Path, key: bytes, locks: tuple[int, ...]) -> None:
        self.last: LastSigned = load_state(path, key)
        self._path = path
        self._key = key
        self._locks = locks

    def save(self, last: LastSigned) -> None:
        with told("cannot write the signer state", self._path):
            replace_file(self._path, encode_state(last, self._key))
        self.last = last

    def close(self) -> None:
        for lock in self._locks:
            os.close(lock)
        self._locks = ()


def create_signer_files(path_key: Path, path_state: Path, seed: bytes) -> None:
    """Write a new validator's key (0600) and its empty state. The state comes first.

    Raises:
        Unavailable: one of them is there already, or the disk refuses.
    """
    for path in (path_key, path_state):
        if path.exists():
            raise Unavailable("a signer file is there already", str(path), "give another home")
    state = encode_state(NOTHING_SIGNED, crypto.public_key(seed))
    with told("cannot write the signer state", path_state):
        replace_file(path_state, state)
    with told("cannot write the validator key", path_key):
        descriptor = os.open(path_key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            write_all(descriptor, seed.hex().encode() + b"\n")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        sync_folder(path_key.parent)


def open_signer(path_key: Path, path_state: Path) -> Signer:
    """The signer of a key file and its state file; both are locked for this process (1.6.8).

    Raises:
        Unavailable: in use by another process, missing, damaged, of another key, or a key file
            that others may read. The texts never show the key.
    """
    key_lock = lock_file(path_key, os.O_RDONLY, "the validator key")
    try:
        seed = _load_seed(path_key, key_lock)
        beside = path_state.with_name(path_state.name + ".lock")
        state_lock = lock_file(beside, os.O_RDWR | os.O_CREAT, "the signer state")
    except Unavailable:
        os.close(key_lock)
        raise
    try:
        memo = FileMemo(path_state, crypto.public_key(seed), (state_lock, key_lock))
    except Unavailable:
        os.close(state_lock)
        os.close(key_lock)
        raise
    return Signer(seed, memo)


def load_seed(path: Path) -> bytes:
    """The seed of a key file, which another descriptor of this process may have locked.

    Raises:
        Unavailable: as `open_signer`.
    """
    with told("cannot read the validator key", path):
        descriptor = os.open(path, os.O_RDONLY)
    try:
        return _load_seed(path, descriptor)
    finally:
        os.close(descriptor)


def replace_signer_files(path_key: Path, path_state: Path, seed: bytes, last: LastSigned) -> None:
    """Put another validator's key and state where none is in use. The state comes first.

    A key that stands there goes before either: at no moment is a key beside another one's state.
    """
    with told("cannot replace the validator key", path_key):
        path_key.unlink(missing_ok=True)
        sync_folder(path_key.parent)
    with told("cannot write the signer state", path_state):
        replace_file(path_state, encode_state(last, crypto.public_key(seed)))
    with told("cannot write the validator key", path_key):
        replace_file(path_key, seed.hex().encode() + b"\n")


def encode_state(last: LastSigned, key: bytes) -> bytes:
    """The content of a state file: checksum, key, record."""
    body = key + encode_record(last)
    return crypto.digest(_PERSON, body) + body


def load_state(path: Path, key: bytes) -> LastSigned:
    """What `key` signed last, by its state file.

    Raises:
        Unavailable: missing, damaged, or the state of another key. A validator without its state
            could sign twice, so there is no default.
    """
    if not path.exists():
        raise Unavailable("the signer state is missing", str(path), _RESTORE_STATE)
    with told("cannot read the signer state", path), path.open("rb") as stream:
        content = stream.read(_STATE_BYTES_MAX + 1)
    checksum, body = content[: crypto.HASH_BYTES], content[crypto.HASH_BYTES :]
    if checksum != crypto.digest(_PERSON, body):
        raise Unavailable("the signer state is damaged", str(path), _RESTORE_STATE)
    if body[: crypto.KEY_BYTES] != key:
        remedy = "put the key and the state of one validator together"
        raise Unavailable("the signer state belongs to another key", str(path), remedy)
    try:
        return decode_record(LastSigned, body[crypto.KEY_BYTES :])
    except Malformed as fault:
        what = f"the signer state is of another version ({fault})"
        raise Unavailable(what, str(path), "use the program that wrote it") from fault


def _load_seed(path: Path, descriptor: int) -> bytes:
    with told("cannot read the validator key", path):
        mode = os.fstat(descriptor).st_mode
        text = os.pread(descriptor, _KEY_TEXT_BYTES + 2, 0).strip()
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise Unavailable("others may read the validator key", str(path), f"chmod 600 {path}")
    if len(text) != _KEY_TEXT_BYTES or not all(chr(byte) in hexdigits for byte in text):
        remedy = "restore the file: it holds 64 hexadecimal digits"
        raise Unavailable("the validator key is damaged", str(path), remedy)
    return bytes.fromhex(text.decode("ascii"))
