"""Secrecy between two peers: X25519 agreement, a key for each direction, sealed messages.

XChaCha20-Poly1305 under a key used for one direction of one connection, with the message's number
as nonce: a message that was changed, repeated, left out or moved does not open. Chance comes from
the caller, so that the same secret always gives the same bytes.
"""

from typing import Final

from nacl import bindings
from nacl import exceptions as refusals

from tfchain.base.crypto import KEY_BYTES, digest
from tfchain.base.units import U64_MAX
from tfchain.errors import Malformed

SECRET_BYTES: Final = 32
SEAL_BYTES: Final = 16
"""How much longer a message is once sealed: the Poly1305 tag."""

_NONCE_BYTES: Final = 24


def exchange_key(secret: bytes) -> bytes:
    """The 32-byte X25519 public key of a 32-byte secret."""
    assert len(secret) == SECRET_BYTES, "a secret of another length is a bug of ours"
    return bindings.crypto_scalarmult_base(secret)


def agree(secret: bytes, theirs: bytes) -> bytes:
    """The 32 bytes that both sides compute from their own secret and the other's public key.

    Raises:
        Malformed: `theirs` is not 32 bytes, or a point of low order, which would make the shared
            secret known to everybody (consensus 1.13.1).
    """
    assert len(secret) == SECRET_BYTES, "a secret of another length is a bug of ours"
    if len(theirs) != KEY_BYTES:
        raise Malformed(f"an exchange key has {KEY_BYTES} bytes")
    try:
        return bindings.crypto_scalarmult(secret, theirs)
    except refusals.RuntimeError as fault:
        raise Malformed("an exchange key of low order") from fault


def direction_keys(shared: bytes, transcript: bytes) -> tuple[bytes, bytes]:
    """Two keys: for what the dialler says, and for what the listener says.

    Both arguments are 32 bytes. Two keys rather than one: a message sent back to its author, or the
    same number used by both sides, must not open.
    """
    return (
        digest(b"tf/net/dialler", shared, transcript),
        digest(b"tf/net/listener", shared, transcript),
    )


def seal(key: bytes, number: int, message: bytes) -> bytes:
    """`message` sealed, `SEAL_BYTES` longer. The caller never uses a number twice with one key."""
    return bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(message, None, _nonce(number), key)


def unseal(key: bytes, number: int, sealed: bytes) -> bytes:
    """The message that was sealed with this key under this number.

    Raises:
        Malformed: anything else, whatever was changed.
    """
    if len(sealed) < SEAL_BYTES:
        raise Malformed("too short to be sealed")
    try:
        return bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(
            sealed, None, _nonce(number), key
        )
    except refusals.CryptoError as fault:
        raise Malformed("the seal is broken") from fault


def _nonce(number: int) -> bytes:
    assert 0 <= number <= U64_MAX, "a connection never carries that many messages"
    return number.to_bytes(_NONCE_BYTES, "big")
