"""The envelope: who signs what, how large it may be, and that no byte of it can move."""

from dataclasses import replace

import msgpack
import pytest

from tfchain.base.codec import INT_MAX, Plain, encode
from tfchain.base.crypto import digest, public_key, sign, verify
from tfchain.base.limits import CODEC_DEPTH_MAX, MINT_TX_BYTES_MAX, TX_BYTES_MAX
from tfchain.base.shapes import layout
from tfchain.base.units import Address, Height, Utft
from tfchain.errors import Malformed
from tfchain.tx.transaction import (
    DOMAIN,
    SYSTEM,
    SYSTEM_KIND,
    Envelope,
    decode_transaction,
    encode_transaction,
    message_of,
    transaction_id,
)

SEED = bytes([1]) * 32
SENDER = Address(public_key(SEED))
PLAIN = Envelope(
    chain_id="test-00000000",
    sender=SENDER,
    nonce=3,
    valid_until=Height(99),
    fee=Utft(10_000),
    kind=10,
)
BODY: Plain = [1, bytes(32), 5]
UNSIGNED = replace(PLAIN, sender=SYSTEM, kind=SYSTEM_KIND)


def signed(envelope: Envelope = PLAIN, body: Plain = BODY) -> bytes:
    return encode_transaction(envelope, body, sign(SEED, message_of(envelope, body)))


def test_a_transaction_comes_back_as_it_was_sent() -> None:
    raw = signed()
    transaction = decode_transaction(raw)
    assert (transaction.envelope, transaction.body) == (PLAIN, BODY)
    assert (transaction.id, transaction.size) == (transaction_id(raw), len(raw))
    assert transaction.message == message_of(PLAIN, BODY)
    assert verify(*transaction.check())


def test_the_signature_is_over_a_domain_and_the_chain() -> None:
    message = message_of(PLAIN, BODY)
    assert message.startswith(DOMAIN)
    assert b"test-00000000" in message
    assert message_of(replace(PLAIN, chain_id="test-00000001"), BODY) != message


def nested(depth: int) -> Plain:
    """A list in a list in a list ..."""
    value: Plain = 0
    for _ in range(depth):
        value = [value]
    return value


def test_a_body_may_lie_as_deep_as_the_codec_goes_and_no_deeper() -> None:
    assert decode_transaction(signed(body=nested(CODEC_DEPTH_MAX - 2))).body
    packed = msgpack.packb([[*_fields(), nested(CODEC_DEPTH_MAX - 1)], bytes(64)])
    with pytest.raises(Malformed, match="nested deeper"):
        decode_transaction(packed)


@pytest.mark.parametrize(
    "body", [1.5, [1, 1.5], msgpack.ExtType(1, b""), [msgpack.ExtType(1, b"")]]
)
def test_a_body_of_no_type_of_ours_is_no_transaction(body: object) -> None:
    with pytest.raises(Malformed, match="has no place here"):
        decode_transaction(msgpack.packb([[*_fields(), body], bytes(64)]))


@pytest.mark.parametrize(
    ("place", "spelled"),
    [
        pytest.param(0, b"\xcc\x01", id="the version in two bytes"),
        pytest.param(3, b"\xcd\x00\x03", id="the nonce in three bytes"),
        pytest.param(1, b"\xd9\x0dtest-00000000", id="the chain with a longer head"),
        pytest.param(7, b"\xdc\x00\x01\x05", id="the body with a longer head"),
    ],
)
def test_a_transaction_has_one_spelling(place: int, spelled: bytes) -> None:
    parts = [msgpack.packb(item) for item in [*_fields(), [5]]]
    genuine = b"\x92\x98" + b"".join(parts) + msgpack.packb(bytes(64))
    assert decode_transaction(genuine).body == [5]
    other = b"\x92\x98" + b"".join([*parts[:place], spelled, *parts[place + 1 :]])
    with pytest.raises(Malformed, match="not the canonical spelling"):
        decode_transaction(other + msgpack.packb(bytes(64)))


def _fields() -> list[Plain]:
    """The envelope as it is packed, its body left out."""
    plain = layout(Envelope).pack(PLAIN)
    assert type(plain) is list
    return plain


def test_the_id_covers_the_signature() -> None:
    raw = signed()
    assert transaction_id(raw) == digest(b"tf/tx", raw)
    assert transaction_id(raw[:-1] + bytes([raw[-1] ^ 1])) != transaction_id(raw)


def test_no_byte_of_a_signed_transaction_can_change() -> None:
    raw = signed()
    for place, byte in enumerate(raw):
        for other in {byte ^ 1, byte ^ 0x80, (byte + 1) & 0xFF} - {byte}:
            changed = raw[:place] + bytes([other]) + raw[place + 1 :]
            assert not holds(changed), (place, other)


@pytest.mark.parametrize("changed", [signed()[:-1], signed() + b"\x00", signed()[1:], b""])
def test_no_byte_can_be_added_or_left_out(changed: bytes) -> None:
    assert not holds(changed)


def holds(raw: bytes) -> bool:
    try:
        return verify(*decode_transaction(raw).check())
    except Malformed:
        return False


FIELDS: list[Plain] = [1, "test-00000000", SENDER, 3, 99, 10_000, 10, BODY]
SIGNATURE = bytes(64)


def with_field(place: int, value: Plain) -> bytes:
    return encode([[*FIELDS[:place], value, *FIELDS[place + 1 :]], SIGNATURE])


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(encode(None), id="nothing"),
        pytest.param(encode([]), id="an empty list"),
        pytest.param(encode([FIELDS]), id="no signature"),
        pytest.param(encode([FIELDS, SIGNATURE, b""]), id="something behind the signature"),
        pytest.param(encode([FIELDS, "x" * 64]), id="text for a signature"),
        pytest.param(encode([FIELDS, b""]), id="an empty signature"),
        pytest.param(encode([FIELDS, bytes(63)]), id="a signature a byte short"),
        pytest.param(encode([FIELDS, bytes(65)]), id="a signature a byte long"),
        pytest.param(encode([FIELDS[:-1], SIGNATURE]), id="no body"),
        pytest.param(encode([[*FIELDS, None], SIGNATURE]), id="a field too many"),
        pytest.param(encode([b"", SIGNATURE]), id="bytes for the fields"),
        pytest.param(with_field(0, 2), id="another version"),
        pytest.param(with_field(0, True), id="true for a version"),
        pytest.param(with_field(1, ""), id="no chain id"),
        pytest.param(with_field(1, "x" * 65), id="a long chain id"),
        pytest.param(with_field(1, b"test"), id="bytes for a chain id"),
        pytest.param(with_field(2, bytes(31)), id="a short sender"),
        pytest.param(with_field(2, bytes(32)), id="nobody as the sender"),
        pytest.param(with_field(3, -1), id="a negative nonce"),
        pytest.param(with_field(4, -1), id="a negative height"),
        pytest.param(with_field(5, -1), id="a negative fee"),
        pytest.param(with_field(5, True), id="true for a fee"),
        pytest.param(with_field(6, 256), id="a kind beyond a byte"),
        pytest.param(with_field(6, False), id="false for a kind"),
        pytest.param(with_field(6, 0), id="a signed system transaction"),
    ],
)
def test_what_is_no_transaction_is_malformed(raw: bytes) -> None:
    with pytest.raises(Malformed):
        decode_transaction(raw)


def test_a_system_transaction_has_neither_sender_nor_signature() -> None:
    transaction = decode_transaction(encode_transaction(UNSIGNED, BODY, b""))
    assert (transaction.envelope, transaction.signature) == (UNSIGNED, b"")


@pytest.mark.parametrize(
    ("envelope", "signature"),
    [
        pytest.param(UNSIGNED, bytes(64), id="a signature on a mint"),
        pytest.param(replace(UNSIGNED, sender=SENDER), b"", id="a mint with a sender"),
        pytest.param(
            replace(UNSIGNED, sender=SENDER),
            sign(SEED, message_of(replace(UNSIGNED, sender=SENDER), BODY)),
            id="a mint that somebody signed",
        ),
        pytest.param(replace(UNSIGNED, kind=10), b"", id="a transfer without sender or signature"),
        pytest.param(replace(UNSIGNED, kind=10), bytes(64), id="a transfer without a sender"),
        pytest.param(PLAIN, b"", id="a transfer without a signature"),
    ],
)
def test_system_and_signature_exclude_each_other(envelope: Envelope, signature: bytes) -> None:
    with pytest.raises(Malformed):
        decode_transaction(encode_transaction(envelope, BODY, signature))


def padded(envelope: Envelope, signature: bytes, size: int) -> bytes:
    room = size - len(encode_transaction(envelope, bytes(1 << 10), signature))
    raw = encode_transaction(envelope, bytes((1 << 10) + room), signature)
    assert len(raw) == size
    return raw


@pytest.mark.parametrize(
    ("envelope", "signature", "most"),
    [
        pytest.param(PLAIN, bytes(64), TX_BYTES_MAX, id="signed"),
        pytest.param(UNSIGNED, b"", MINT_TX_BYTES_MAX, id="system"),
    ],
)
def test_a_transaction_has_its_size(envelope: Envelope, signature: bytes, most: int) -> None:
    assert decode_transaction(padded(envelope, signature, most)).size == most
    with pytest.raises(Malformed, match="at most"):
        decode_transaction(padded(envelope, signature, most + 1))


def test_the_largest_numbers_fit() -> None:
    largest = replace(
        PLAIN, nonce=INT_MAX, valid_until=Height(INT_MAX), fee=Utft(INT_MAX), kind=255
    )
    assert decode_transaction(signed(largest)).envelope == largest
