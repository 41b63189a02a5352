"""Hashes with a purpose, and signatures by the published vectors."""

from hashlib import blake2b

import pytest

from tfchain.base import crypto

SEED = bytes(range(32))
KEY = crypto.public_key(SEED)
SIGNATURE = crypto.sign(SEED, b"message")


@pytest.mark.parametrize(
    ("seed", "key", "message", "signature"),
    [
        pytest.param(
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
            "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
            id="no message",
        ),
        pytest.param(
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
            id="one byte",
        ),
        pytest.param(
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
            "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
            id="two bytes",
        ),
    ],
)
def test_ed25519_gives_the_signatures_of_rfc_8032(
    seed: str, key: str, message: str, signature: str
) -> None:
    raw, text = bytes.fromhex(seed), bytes.fromhex(message)
    assert crypto.public_key(raw).hex() == key
    assert crypto.sign(raw, text).hex() == signature
    assert crypto.verify(bytes.fromhex(key), text, bytes.fromhex(signature))


@pytest.mark.parametrize("at", [0, 31, 32, 63])
def test_a_signature_with_one_bit_flipped_is_refused(at: int) -> None:
    flipped = bytearray(SIGNATURE)
    flipped[at] ^= 1
    assert crypto.verify(KEY, b"message", SIGNATURE)
    assert not crypto.verify(KEY, b"message", bytes(flipped))


@pytest.mark.parametrize(
    ("key", "message", "signature"),
    [
        pytest.param(KEY, b"massage", SIGNATURE, id="another message"),
        pytest.param(crypto.public_key(bytes(32)), b"message", SIGNATURE, id="another key"),
        pytest.param(KEY[:-1], b"message", SIGNATURE, id="a key too short"),
        pytest.param(KEY + b"\x00", b"message", SIGNATURE, id="a key too long"),
        pytest.param(b"", b"message", SIGNATURE, id="no key"),
        pytest.param(KEY, b"message", SIGNATURE[:-1], id="a signature too short"),
        pytest.param(KEY, b"essage", SIGNATURE + b"m", id="a signature that eats the message"),
        pytest.param(KEY, b"message", b"", id="no signature"),
        pytest.param(KEY, b"message", bytes(64), id="a signature of zeros"),
        pytest.param(b"\xff" * 32, b"message", SIGNATURE, id="a key that is no point"),
    ],
)
def test_a_stranger_is_refused(key: bytes, message: bytes, signature: bytes) -> None:
    assert not crypto.verify(key, message, signature)


def test_a_hash_of_one_purpose_never_passes_for_another() -> None:
    hashes = {crypto.digest(b"tf/a", b"x"), crypto.digest(b"tf/b", b"x"), crypto.plain_digest(b"x")}
    assert len(hashes) == 3
    assert all(len(hashed) == crypto.HASH_BYTES for hashed in hashes)


def test_a_hash_is_over_the_joined_parts() -> None:
    whole = blake2b(b"abc", digest_size=32, person=b"tf/a").digest()
    assert crypto.digest(b"tf/a", b"a", b"", b"bc") == whole
    assert crypto.digest(b"tf/a") == crypto.digest(b"tf/a", b"")


def test_a_tag_longer_than_sixteen_bytes_is_a_bug_of_ours() -> None:
    assert crypto.digest(b"0123456789abcdef")
    with pytest.raises(ValueError, match="person"):
        crypto.digest(b"0123456789abcdefg")


def test_the_plain_hash_is_blake2b_256() -> None:
    assert crypto.plain_digest(b"").hex() == (
        "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8"
    )
