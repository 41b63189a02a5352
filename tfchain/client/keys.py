"""Keys of people and validators: from words, secret URIs and files to something that signs.

The same words, paths and passwords give the same key as Substrate's `subkey --scheme ed25519`, so that
a farmer keeps the address he has. No error ever quotes what it read: errors end in logs and bug reports.
"""

import os
import stat
from functools import cache
from hashlib import pbkdf2_hmac
from pathlib import Path
from tempfile import mkstemp
from typing import Final, NoReturn

from mnemonic import Mnemonic

from tfchain.base import crypto
from tfchain.base.address import derive_hard, to_text
from tfchain.base.units import Address
from tfchain.errors import Malformed, Unavailable

DEV_PHRASE: Final = "bottom drive obey lake curtain smoke basket hold race lonely fit walk"
"""Known to everybody: what a bare `//Alice` derives from, for networks of one machine."""

SEED_BYTES: Final = 32
URI_CHARS_MAX: Final = 1_024
"""24 words, a password and a path have ample room; the bound comes before any work."""
KEY_FILE_BYTES_MAX: Final = 2 * SEED_BYTES + 1
"""One line: 64 hex digits and its end."""

_WORDS: Final = (12, 24)
_ENTROPY_BYTES: Final = (16, 32)
_ROUNDS: Final = 2_048
_HEX: Final = "0123456789abcdefABCDEF"


class Key:
    """A seed that signs and never shows itself: not in `repr`, not in `str`, not pickled or copied."""

    __slots__ = ("_seed", "address")

    def __init__(self, seed: bytes) -> None:
        assert type(seed) is bytes and len(seed) == SEED_BYTES, "a seed has 32 bytes"
        self._seed = seed
        self.address = Address(crypto.public_key(seed))

    def sign(self, message: bytes) -> bytes:
        """The 64-byte Ed25519 signature over `message`; the same each time."""
        return crypto.sign(self._seed, message)

    def __repr__(self) -> str:  # type: ignore[explicit-override]
        return f"Key({to_text(self.address)})"

    def __reduce__(self) -> NoReturn:  # type: ignore[explicit-override]
        raise TypeError("a key is not pickled or copied: it stays where it was opened")


def new_mnemonic(entropy: bytes) -> str:
    """The 12 or 24 words that spell 16 or 32 bytes of chance, which the caller brings."""
    assert len(entropy) in _ENTROPY_BYTES, "12 words are 16 bytes, 24 words are 32"
    phrase: str = _english().to_mnemonic(entropy)
    return phrase


def seed_of_mnemonic(phrase: str, password: str = "") -> bytes:
    """The 32-byte seed, as Substrate makes it: PBKDF2 over the entropy, not over the words.

    Raises:
        Malformed: not 12 or 24 words of the English list, or their checksum does not fit.
    """
    words = phrase.split() if len(phrase) <= URI_CHARS_MAX else []
    if len(words) not in _WORDS:
        raise Malformed("a mnemonic of 12 or 24 words is due")
    if not _english().check(" ".join(words)):
        raise Malformed("the mnemonic has a word that is not in the list, or one out of place")
    entropy = bytes(_english().to_entropy(words))
    return pbkdf2_hmac("sha512", entropy, _salt(password), _ROUNDS)[:SEED_BYTES]


def seed_of_uri(uri: str) -> bytes:
    """The seed of a secret URI: `words//hard//path///password`, `0x<64 hex digits>//path`, `//Alice`.

    A bare path means the development phrase. Steps are hard: Ed25519 has no soft derivation.

    Raises:
        Malformed: too long, control characters, a soft or empty step, a bad mnemonic or seed.
    """
    if not 0 < len(uri) <= URI_CHARS_MAX:
        raise Malformed(f"a secret URI has 1 to {URI_CHARS_MAX} characters")
    if any(letter < " " or letter == "\x7f" for letter in uri):
        raise Malformed("a secret URI is one line without control characters")
    head, _, password = uri.partition("///")
    phrase, slash, path = head.partition("/")
    seed = _seed_of_phrase(phrase, path != "", password)
    for junction in _junctions(slash + path):
        seed = derive_hard(seed, junction)
    return seed


def _seed_of_phrase(phrase: str, has_path: bool, password: str) -> bytes:
    if phrase.startswith("0x"):
        if password:
            raise Malformed("a seed takes no password: only a mnemonic does")
        return _seed_of_hex(phrase[2:])
    if not phrase and not has_path:
        raise Malformed("a secret URI starts with a mnemonic, a seed or //name")
    return seed_of_mnemonic(phrase or DEV_PHRASE, password)


def _junctions(path: str) -> list[str]:
    """The steps of `//a//b`; a single slash anywhere is a soft step."""
    soft_before, *steps = path.split("//")
    if soft_before or any("/" in step for step in steps):
        raise Malformed("a single / is a soft step, which Ed25519 does not have: write //")
    return steps


def save_plain(path: Path, seed: bytes) -> None:
    """Write `seed` as one line of hex that only its owner may read: whole or not at all.

    Raises:
        Unavailable: something is already there, or the place cannot be written.
    """
    assert len(seed) == SEED_BYTES, "a seed has 32 bytes"
    save_line(path, seed.hex())


def save_line(path: Path, line: str) -> None:
    """The same for a line that holds a key in any form."""
    try:
        _create(path, line.encode() + b"\n")
    except FileExistsError:
        raise Unavailable(
            "a key file is never overwritten", str(path), "move it away or choose another name"
        ) from None
    except OSError as fault:
        raise _unusable(path, fault) from None


def _create(path: Path, line: bytes) -> None:
    """Beside its place first, then linked there: a crash leaves no half a key, a link no overwrite."""
    handle, beside = mkstemp(prefix=".new-key-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(handle, stat.S_IRUSR | stat.S_IWUSR)
            file.write(line)
            file.flush()
            os.fsync(handle)
        os.link(beside, path)
    finally:
        Path(beside).unlink()
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def load(path: Path) -> Key:
    """The key of a file that `save_plain` wrote.

    Raises:
        Unavailable: no such file, not a plain file, or others than its owner may read it.
        Malformed: the file is not one line of 64 hex digits.
    """
    return Key(seed_of_line(read_line(path, KEY_FILE_BYTES_MAX)))


def seed_of_line(line: str) -> bytes:
    """The seed of 64 hex digits; raises `Malformed`."""
    return _seed_of_hex(line)


def read_line(path: Path, bytes_max: int) -> str:
    """What a private file says, its end of line taken off; raises as `load` does."""
    try:
        line = _read_private(path, bytes_max)
    except OSError as fault:
        raise _unusable(path, fault) from None
    if len(line) > bytes_max:
        raise Malformed("a key file is one line of 64 hex digits: this one is longer")
    return line.decode("ascii", "replace").removesuffix("\n")


def _read_private(path: Path, bytes_max: int) -> bytes:
    """The first bytes of the file; its rights are asked of what was opened, not of the name."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise Unavailable("a key file is a plain file", str(path), "name the file itself")
        if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise Unavailable("a key file is open to others", str(path), f"run chmod 600 {path}")
        return os.read(handle, bytes_max + 1)
    finally:
        os.close(handle)


def _unusable(path: Path, fault: OSError) -> Unavailable:
    reason = os.strerror(fault.errno or 0)
    return Unavailable(f"a key file cannot be used ({reason})", str(path), "check name and rights")


def _seed_of_hex(text: str) -> bytes:
    if len(text) != 2 * SEED_BYTES or any(letter not in _HEX for letter in text):
        raise Malformed("a seed of 64 hex digits is due")
    return bytes.fromhex(text)


def _salt(password: str) -> bytes:
    try:
        return b"mnemonic" + password.encode()
    except UnicodeEncodeError:
        raise Malformed("a password is text without lone surrogates") from None


@cache
def _english() -> Mnemonic:
    return Mnemonic("english")
