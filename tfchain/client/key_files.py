"""Key files under a passphrase, beside the plain ones of `keys`: one line, for its owner alone."""

from pathlib import Path
from typing import Final

from tfchain.base.secret_box import Box, seal, unseal
from tfchain.base.shapes import decode_record, encode_record
from tfchain.client.keys import SEED_BYTES, Key, read_line, save_line, seed_of_line
from tfchain.errors import Malformed

SEALED: Final = "tfchain-key-1 "
"""How the line of a sealed key begins; a plain one is hex digits alone."""
PASSPHRASE_BYTES_MAX: Final = 1_024
FILE_BYTES_MAX: Final = 1_024
_BOX_BYTES_MAX: Final = FILE_BYTES_MAX // 2


def save_sealed(path: Path, seed: bytes, passphrase: bytes, chance: bytes) -> None:
    """Write `seed` under `passphrase`. `chance`: 40 fresh bytes.

    Raises:
        Unavailable: something is already there, or the place cannot be written.
        Malformed: an empty passphrase, or one that is too long.
    """
    box = seal(seed, _checked(passphrase), chance)
    save_line(path, SEALED + encode_record(box).hex())


def is_sealed(line: str) -> bool:
    """Whether a passphrase is due."""
    return line.startswith(SEALED)


def load_line(path: Path) -> str:
    """The line of a key file, plain or sealed; raises as `keys.load` does."""
    return read_line(path, FILE_BYTES_MAX)


def open_line(line: str, passphrase: bytes = b"") -> Key:
    """The key that a line holds.

    Raises:
        Malformed: it holds none, or another passphrase opens it.
    """
    if not is_sealed(line):
        return Key(seed_of_line(line))
    box = decode_record(Box, _bytes(line.removeprefix(SEALED)), _BOX_BYTES_MAX)
    seed = unseal(box, _checked(passphrase))
    if len(seed) != SEED_BYTES:
        raise Malformed("the key file holds no seed")
    return Key(seed)


def _bytes(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise Malformed("a sealed key file is one line of hex digits behind its name") from None


def _checked(passphrase: bytes) -> bytes:
    if not 0 < len(passphrase) <= PASSPHRASE_BYTES_MAX:
        raise Malformed(f"a passphrase has 1 to {PASSPHRASE_BYTES_MAX} bytes")
    return passphrase
