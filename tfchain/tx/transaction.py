"""The envelope around every kind: who asks, in which order, until when, for what fee.

`[[version, chain id, sender, nonce, valid until, fee, kind, body], signature]`; the signature covers
a domain tag and the inner list, the id is the hash of all bytes, signature included (P34).
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Final

from tfchain.base.codec import Plain, check_plain, check_spelling, encode, read
from tfchain.base.crypto import KEY_BYTES, SIGNATURE_BYTES, digest
from tfchain.base.limits import MINT_TX_BYTES_MAX, TX_BYTES_MAX
from tfchain.base.made import maker
from tfchain.base.shapes import U8, U64, Text, layout
from tfchain.base.units import Address, Height, Utft
from tfchain.errors import Malformed

DOMAIN: Final = b"tfchain/tx/1\x00"
SYSTEM: Final = Address(bytes(KEY_BYTES))
"""Sender of what nobody signs: mints and enactments. No key has this address (small order, P34)."""
SYSTEM_KIND: Final = 0
"""Kind of the mint transaction (P43)."""
ENACT_KIND: Final = 23
"""Kind of what brings a vote into force."""
FIXUP_KIND: Final = 70
"""Kind of what mints for receipts that were put right."""
SYSTEM_KINDS: Final = frozenset({SYSTEM_KIND, ENACT_KIND, FIXUP_KIND})
"""Kinds that nobody signs and everybody derives."""

IDS_KEPT_MAX: Final = 1_024
"""Ids that are remembered: on its way into a block a transaction is asked for it half a dozen times."""

Check = tuple[bytes, bytes, bytes]
"""A signature to verify: key, message, signature."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """The facts about a transaction that are the same for every kind."""

    chain_id: Annotated[str, Text(1, 64)]
    sender: Address
    nonce: U64
    """Count of the sender's paid transactions before this one; 0 for free kinds."""
    valid_until: Height
    fee: Utft
    kind: U8


@dataclass(frozen=True, slots=True)
class Transaction:
    """A decoded transaction: envelope, body still plain, and the bytes it came in.

    Its id is not made before it is asked for: whoever executes a block never asks.
    """

    envelope: Envelope
    body: Plain
    signature: bytes
    raw: bytes

    @property
    def id(self) -> bytes:
        """The hash of all bytes."""
        return transaction_id(self.raw)

    @property
    def size(self) -> int:
        """In bytes."""
        return len(self.raw)

    @property
    def message(self) -> bytes:
        """The bytes that the sender signed."""
        return DOMAIN + _inner_bytes(self.raw, self.signature)

    def check(self) -> Check:
        """The signature to verify, by whoever verifies."""
        return (self.envelope.sender, self.message, self.signature)


_MAKE: Final = maker(Transaction)
_ENVELOPE: Final = layout(Envelope)


def message_of(envelope: Envelope, body: Plain) -> bytes:
    """The bytes that the sender signs."""
    return DOMAIN + encode(_inner(envelope, body))


def encode_transaction(envelope: Envelope, body: Plain, signature: bytes) -> bytes:
    """The bytes of a transaction."""
    return encode([_inner(envelope, body), signature])


def decode_transaction(raw: bytes) -> Transaction:
    """The transaction that `raw` spells, its body not looked into.

    Raises:
        Malformed: not a transaction, too large, or signed where nobody signs.
    """
    plain = read(raw, MINT_TX_BYTES_MAX)
    if type(plain) is not list or len(plain) != 2 or type(plain[1]) is not bytes:
        raise Malformed("a transaction is a list of envelope and signature")
    inner, signature = plain
    if type(inner) is not list or len(inner) != 8:
        raise Malformed("a transaction has 8 fields before its signature")
    envelope = _ENVELOPE.unpack(inner[:7])
    check_plain(inner[7], within=2)
    check_spelling(plain, raw)
    _check_signature_shape(envelope, signature, len(raw))
    return _MAKE(envelope, inner[7], signature, raw)


def _inner_bytes(raw: bytes, signature: bytes) -> bytes:
    """The inner list as it stands in the canonical bytes of a transaction.

    Before it stands the head of a list of two (one byte), after it the head of up to 255 bytes (two
    bytes) and the signature: there is no other way to write it.
    """
    return raw[1 : len(raw) - 2 - len(signature)]


@lru_cache(IDS_KEPT_MAX)
def transaction_id(raw: bytes) -> bytes:
    """The id: hash over all bytes."""
    return digest(b"tf/tx", raw)


def _inner(envelope: Envelope, body: Plain) -> Plain:
    fields = _ENVELOPE.pack(envelope)
    assert type(fields) is list
    return [*fields, body]


def _check_signature_shape(envelope: Envelope, signature: bytes, size: int) -> None:
    system = envelope.kind in SYSTEM_KINDS
    if len(signature) != (0 if system else SIGNATURE_BYTES):
        raise Malformed("a signature has 64 bytes, and a system transaction has none")
    if system != (envelope.sender == SYSTEM):
        raise Malformed("only a system transaction is without a sender")
    if not system and size > TX_BYTES_MAX:
        raise Malformed(f"{size} bytes where at most {TX_BYTES_MAX} are allowed")
