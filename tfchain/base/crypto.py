"""Hashes with a purpose and Ed25519: the only module that knows libsodium.

Every hash is BLAKE2b-256 under a personal tag, so that bytes of one purpose can never pass for
another's. Signatures are libsodium's cofactorless check: canonical S, R and A, no small order (P34).
"""

from collections.abc import Callable
from functools import cache
from hashlib import blake2b
from typing import Final, Protocol

from nacl import bindings
from nacl.exceptions import BadSignatureError

HASH_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64
KEY_BYTES: Final = 32
ZERO_HASH: Final = bytes(HASH_BYTES)


def digest(person: bytes, *parts: bytes) -> bytes:
    """BLAKE2b-256 of the joined parts for one purpose. `person`: at most 16 bytes, one per use.

    The caller frames: parts are joined as they are, so only one of them may vary in length.
    """
    state = _begun(person).copy()
    state.update(b"".join(parts))
    return state.digest()


class Hashing(Protocol):
    """A hash that takes bytes in."""

    def update(self, data: bytes, /) -> None: ...

    def digest(self) -> bytes: ...


def hasher(person: bytes, first: bytes = b"") -> Callable[[], Hashing]:
    """What begins a hash for one purpose: `digest` in three steps, for a loop of thousands.

    `first`: bytes that all of them begin with.
    """
    return _begun(person, first).copy


@cache
def _begun(person: bytes, first: bytes = b"") -> blake2b:
    """A hash that has taken in no more than this: to copy one takes half as long as to set one up."""
    return blake2b(first, digest_size=HASH_BYTES, person=person)


def plain_digest(data: bytes) -> bytes:
    """BLAKE2b-256 without a tag: the id of a v3 receipt text, as the public program makes it."""
    return blake2b(data, digest_size=HASH_BYTES).digest()


def public_key(seed: bytes) -> bytes:
    """The Ed25519 public key of a 32-byte seed."""
    return bindings.crypto_sign_seed_keypair(seed)[0]


def sign(seed: bytes, message: bytes) -> bytes:
    """The 64-byte Ed25519 signature; the same for the same seed and message, always."""
    secret = bindings.crypto_sign_seed_keypair(seed)[1]
    return bindings.crypto_sign(message, secret)[:SIGNATURE_BYTES]


def verify(key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether `signature` is `key`'s over `message`. Any lengths; never raises."""
    if len(key) != KEY_BYTES or len(signature) != SIGNATURE_BYTES:
        return False
    try:
        bindings.crypto_sign_open(signature + message, key)
    except BadSignatureError:
        return False
    return True
