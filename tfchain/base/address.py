"""SS58: how people read and type an Ed25519 public key (prefix 42, as TFChain's users know it).

Also Substrate's hard key derivation for Ed25519, so that `//Alice` is the Alice of `subkey`.
"""

from hashlib import blake2b
from typing import Final

from tfchain.base.units import Address
from tfchain.errors import Malformed

PREFIX: Final = 42
ALPHABET: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_RAW_BYTES: Final = 1 + 32 + 2
_TEXT_MAX: Final = 64
_JUNCTION_BYTES_MAX: Final = 31
"""A junction is padded to 32 bytes behind one length byte; Substrate hashes longer ones, we refuse."""


def to_text(address: Address) -> str:
    """The SS58 text of a 32-byte public key."""
    body = bytes([PREFIX]) + address
    number = int.from_bytes(body + _checksum(body), "big")
    text = ""
    while number:
        number, digit = divmod(number, 58)
        text = ALPHABET[digit] + text
    return text


def from_text(text: str) -> Address:
    """The public key; raises `Malformed` for a typo, another network's prefix or other rubbish."""
    if not 0 < len(text) <= _TEXT_MAX or any(letter not in ALPHABET for letter in text):
        raise Malformed("an address is base58 text, like 5FA9nQDV...")
    number = 0
    for letter in text:
        number = number * 58 + ALPHABET.index(letter)
    if number >= 1 << (8 * _RAW_BYTES):
        raise Malformed("an address of 32 bytes is due: this one is too long")
    raw = number.to_bytes(_RAW_BYTES, "big")
    if raw[0] != PREFIX:
        raise Malformed(f"an address with prefix {PREFIX} is due")
    if raw[-2:] != _checksum(raw[:-2]):
        raise Malformed("the address has a typo: its checksum does not fit")
    return Address(raw[1:-2])


def derive_hard(seed: bytes, junction: str) -> bytes:
    """The child seed of `//junction`, as Substrate derives it for Ed25519."""
    name = junction.encode()
    if not 0 < len(name) <= _JUNCTION_BYTES_MAX:
        raise Malformed(f"a derivation step has 1 to {_JUNCTION_BYTES_MAX} bytes")
    code = bytes([len(name) << 2]) + name
    message = b"\x2cEd25519HDKD" + seed + code.ljust(32, b"\x00")
    return blake2b(message, digest_size=32).digest()


def _checksum(body: bytes) -> bytes:
    return blake2b(b"SS58PRE" + body).digest()[:2]
