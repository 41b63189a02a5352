"""Two sides agree on keys that nobody else has, and notice every change to what they say."""

import pytest

from tfchain.base.sealing import (
    SEAL_BYTES,
    agree,
    direction_keys,
    exchange_key,
    seal,
    unseal,
)
from tfchain.errors import Malformed

ALICE_PUBLIC = bytes.fromhex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a")
BOB_SECRET = bytes.fromhex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb")
BOB_PUBLIC = bytes.fromhex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f")
SHARED = bytes.fromhex("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742")
KEY = bytes(range(32))


def test_agreement_is_that_of_rfc_7748() -> None:
    assert exchange_key(BOB_SECRET) == BOB_PUBLIC
    assert agree(BOB_SECRET, ALICE_PUBLIC) == SHARED


def test_both_sides_agree() -> None:
    ours, theirs = b"\x01" * 32, b"\x02" * 32
    assert agree(ours, exchange_key(theirs)) == agree(theirs, exchange_key(ours))


@pytest.mark.parametrize(
    "point",
    [
        pytest.param("00" * 32, id="zero"),
        pytest.param("01" + "00" * 31, id="one"),
        pytest.param(
            "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800", id="order 8"
        ),
        pytest.param(
            "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157", id="order 8 again"
        ),
        pytest.param("ec" + "ff" * 30 + "7f", id="minus one"),
        pytest.param("ed" + "ff" * 30 + "7f", id="zero, spelled p"),
        pytest.param("ee" + "ff" * 30 + "7f", id="one, spelled p + 1"),
    ],
)
def test_a_point_of_low_order_is_refused(point: str) -> None:
    """1.13.1."""
    with pytest.raises(Malformed, match="low order"):
        agree(BOB_SECRET, bytes.fromhex(point))


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_key_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(Malformed, match="32 bytes"):
        agree(BOB_SECRET, b"\x09" * length)


def test_each_direction_and_each_transcript_has_a_key_of_its_own() -> None:
    keys = [
        *direction_keys(SHARED, b"\x01" * 32),
        *direction_keys(SHARED, b"\x02" * 32),
        *direction_keys(BOB_PUBLIC, b"\x01" * 32),
    ]
    assert len(set(keys)) == len(keys)
    assert all(len(key) == 32 for key in keys)


@pytest.mark.parametrize("message", [b"", b"a vote", bytes(100_000)], ids=["none", "few", "many"])
def test_what_was_sealed_opens(message: bytes) -> None:
    sealed = seal(KEY, 7, message)
    assert len(sealed) == len(message) + SEAL_BYTES
    assert unseal(KEY, 7, sealed) == message


def test_the_seal_is_the_same_in_every_release() -> None:
    assert seal(KEY, 1, b"a vote").hex() == "2454abde94d2eb82fdd83a45a3b902e8bc6827c7ce0e"


def test_every_changed_bit_is_noticed() -> None:
    sealed = seal(KEY, 0, b"a vote")
    for place in range(len(sealed) * 8):
        changed = bytearray(sealed)
        changed[place // 8] ^= 1 << place % 8
        with pytest.raises(Malformed, match="broken"):
            unseal(KEY, 0, bytes(changed))


@pytest.mark.parametrize(
    ("key", "number"),
    [
        pytest.param(KEY, 6, id="a message repeated"),
        pytest.param(KEY, 8, id="a message left out"),
        pytest.param(bytes(32), 7, id="the key of the other direction"),
    ],
)
def test_another_place_or_key_does_not_open(key: bytes, number: int) -> None:
    with pytest.raises(Malformed, match="broken"):
        unseal(key, number, seal(KEY, 7, b"a vote"))


@pytest.mark.parametrize("length", range(SEAL_BYTES))
def test_too_short_is_refused(length: int) -> None:
    with pytest.raises(Malformed, match="too short"):
        unseal(KEY, 0, bytes(length))
