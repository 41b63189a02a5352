"""SS58: how people read and type an Ed25519 public key (prefix 42, as TFChain's users know it).

Also Substrate's hard key derivation for Ed25519, so that `//Alice` is the Alice of `subkey`.
"""

from hashlib import blake2b
from typing import Final

from tfchain.base.units import U64_MAX, Address
from tfchain.errors import Malformed

PREFIX: Final = 42
ALPHABET: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_DIGITS: Final = "0123456789"
_RAW_BYTES: Final = 1 + 32 + 2
_TEXT_MAX: Final = 64
_JUNCTION_BYTES_MAX: Final = 31
"""A junction is padded to 32 bytes behind one length byte; Substrate hashes longer ones, we refuse."""


def to_text(address: Address) -> str:
    """The SS58 text of a 32-byte public key."""
    assert len(address) == 32, "an address is a key of 32 bytes"
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
    # A leading "1" is a zero byte: it would let one address be written in many ways.
    if text[0] == ALPHABET[0] or number >= 1 << (8 * _RAW_BYTES):
        raise Malformed("an address of 32 bytes is due: this one is too long")
    raw = number.to_bytes(_RAW_BYTES, "big")
    if raw[0] != PREFIX:
        raise Malformed(f"an address with prefix {PREFIX} is due")
    if raw[-2:] != _checksum(raw[:-2]):
        raise Malformed("the address has a typo: its checksum does not fit")
    return Address(raw[1:-2])


def derive_hard(seed: bytes, junction: str) -> bytes:
    """The child seed of `//junction`, as Substrate derives it for Ed25519.

    Raises:
        Malformed: the junction is empty, too long, or not text that has bytes.
    """
    message = b"\x2cEd25519HDKD" + seed + _chain_code(junction).ljust(32, b"\x00")
    return blake2b(message, digest_size=32).digest()


def _chain_code(junction: str) -> bytes:
    """A number that fits 64 bits is eight little-endian bytes; all else is its length and text.

    Numbers are what Rust's `u64` parser takes: ASCII digits, leading zeros, one leading plus.
    """
    try:
        name = junction.encode()
    except UnicodeEncodeError:
        raise Malformed("a derivation step is text without lone surrogates") from None
    if not 0 < len(name) <= _JUNCTION_BYTES_MAX:
        raise Malformed(f"a derivation step has 1 to {_JUNCTION_BYTES_MAX} bytes")
    digits = junction.removeprefix("+")
    if digits and all(letter in _DIGITS for letter in digits) and int(digits) <= U64_MAX:
        return int(digits).to_bytes(8, "little")
    return bytes([len(name) << 2]) + name


def _checksum(body: bytes) -> bytes:
    return blake2b(b"SS58PRE" + body).digest()[:2]
