"""A few bytes under a passphrase: argon2id makes the key, secretbox seals (XSalsa20-Poly1305).

Chance comes from the caller. The work that argon2id is asked for travels with the box, bounded on the
way in: a stranger's file must not cost gigabytes.
"""

from dataclasses import dataclass
from typing import Annotated, Final

from nacl import bindings
from nacl import exceptions as refusals
from nacl.pwhash import argon2id

from tfchain.base.shapes import Blob, UInt
from tfchain.errors import Malformed

SALT_BYTES: Final = 16
NONCE_BYTES: Final = 24
KEY_BYTES: Final = 32
TAG_BYTES: Final = 16
SECRET_BYTES_MAX: Final = 1_024
OPS: Final = 2
MEMORY: Final = 64 * 1024 * 1024
"""libsodium's "interactive": a fraction of a second for the owner, each time for a guesser too."""
OPS_MAX: Final = 16
MEMORY_MIN: Final = 8 * 1024
MEMORY_MAX: Final = 1024 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A sealed secret, with all that its passphrase needs beside it."""

    salt: Annotated[bytes, Blob(SALT_BYTES, SALT_BYTES)]
    nonce: Annotated[bytes, Blob(NONCE_BYTES, NONCE_BYTES)]
    ops: Annotated[int, UInt(1, OPS_MAX)]
    memory: Annotated[int, UInt(MEMORY_MIN, MEMORY_MAX)]
    """Bytes that argon2id fills."""
    sealed: Annotated[bytes, Blob(TAG_BYTES, SECRET_BYTES_MAX + TAG_BYTES)]


def seal(
    secret: bytes,
    passphrase: bytes,
    chance: bytes,
    ops: int = OPS,
    memory: int = MEMORY,
) -> Box:
    """`secret` under `passphrase`. `chance`: 40 fresh bytes, salt and nonce."""
    assert len(secret) <= SECRET_BYTES_MAX, "a key, not a file"
    assert len(chance) == SALT_BYTES + NONCE_BYTES, "40 bytes of chance are due"
    salt, nonce = chance[:SALT_BYTES], chance[SALT_BYTES:]
    key = _key(passphrase, salt, ops, memory)
    sealed = bindings.crypto_secretbox(secret, nonce, key)
    return Box(salt=salt, nonce=nonce, ops=ops, memory=memory, sealed=sealed)


def unseal(box: Box, passphrase: bytes) -> bytes:
    """The secret.

    Raises:
        Malformed: another passphrase, or a box that was changed.
    """
    key = _key(passphrase, box.salt, box.ops, box.memory)
    try:
        return bindings.crypto_secretbox_open(box.sealed, box.nonce, key)
    except refusals.CryptoError:
        raise Malformed("the passphrase does not open the key, or its file was changed") from None


def _key(passphrase: bytes, salt: bytes, ops: int, memory: int) -> bytes:
    return argon2id.kdf(KEY_BYTES, passphrase, salt, opslimit=ops, memlimit=memory)
