"""SS58 as people type it, and Substrate's hard derivation."""

from hashlib import blake2b

import pytest

from tfchain.base.address import ALPHABET, derive_hard, from_text, to_text
from tfchain.base.units import Address
from tfchain.errors import Malformed

ALICE = "5FA9nQDVg267DEd8m1ZypXLBnvN7SFxYwV7ndqSYGiN9TTpu"
ALICE_KEY = "88dc3417d5058ec4b4503e0c12ea1a0a89be200fe98922423d4334014fa6b0ee"
SEED = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")


@pytest.mark.parametrize(
    ("text", "key"),
    [
        pytest.param(ALICE, ALICE_KEY, id="Alice"),
        pytest.param(
            "5GoNkf6WdbxCFnPdAnYYQyCjAKPJgLNxXwPjwTh6DGg6gN3E",
            "d17c2d7823ebf260fd138f2d7e27d114c0145d968b5ff5006125f2414fadae69",
            id="Bob",
        ),
        pytest.param(
            "5C4hrfjw9DjXZTzV3MwzrrAr9P1MJhSrvWGWqi1eSuyUpnhM", "00" * 32, id="the key of zeros"
        ),
    ],
)
def test_an_address_reads_as_on_tfchain(text: str, key: str) -> None:
    assert to_text(Address(bytes.fromhex(key))) == text
    assert from_text(text).hex() == key


def test_no_single_typo_in_alice_is_let_through() -> None:
    for at in range(len(ALICE) + 1):
        before, after = ALICE[:at], ALICE[at:]
        typos = [before + after[1:], *(before + letter + after for letter in ALPHABET)]
        typos += [before + letter + after[1:] for letter in ALPHABET]
        typos.append(before + after[1:2] + after[:1] + after[2:])
        for typo in typos:
            if typo != ALICE:
                with pytest.raises(Malformed):
                    from_text(typo)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        pytest.param("", "base58", id="nothing"),
        pytest.param("5" * 65, "base58", id="longer than any address"),
        pytest.param("5" * 64, "too long", id="too large a number"),
        pytest.param("1" + ALICE, "too long", id="a leading zero byte"),
        pytest.param("2" * 48, "prefix", id="too small a number"),
        pytest.param(ALICE[:-1] + "0", "base58", id="a zero, which base58 has not"),
        pytest.param(ALICE + "\n", "base58", id="a line end"),
        pytest.param(" " + ALICE, "base58", id="a space"),
        pytest.param(ALICE[:-1] + "\u0661", "base58", id="a digit that is not ASCII"),
        pytest.param(ALICE[:-1] + "\ud800", "base58", id="half a surrogate pair"),
        pytest.param(
            "15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5", "32 bytes", id="Polkadot's"
        ),
        pytest.param(
            "HNZata7iMYWmk5RvZRTiAsSDhV8366zq2YGb3tLH5Upf74F", "prefix", id="Kusama's Alice"
        ),
        pytest.param(ALICE[:-1] + "v", "typo", id="the last letter"),
    ],
)
def test_rubbish_is_refused_with_its_reason(text: str, complaint: str) -> None:
    with pytest.raises(Malformed, match=complaint):
        from_text(text)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_an_address_of_another_length_is_a_bug_of_ours(length: int) -> None:
    with pytest.raises(AssertionError):
        to_text(Address(bytes(length)))


def test_the_step_zero_is_that_of_substrates_own_test() -> None:
    child = "ede3354e133f9c8e337ddd6ee5415ed4b4ffe5fc7d21e933f4930a3730e5b21c"
    assert derive_hard(SEED, "0").hex() == child


@pytest.mark.parametrize(
    ("junction", "same"),
    [
        pytest.param("7", "007", id="leading zeros"),
        pytest.param("7", "+7", id="a leading plus"),
        pytest.param("18446744073709551615", "+018446744073709551615", id="the greatest number"),
    ],
)
def test_numbers_are_read_as_rust_reads_them(junction: str, same: str) -> None:
    assert derive_hard(SEED, junction) == derive_hard(SEED, same)


def test_what_is_no_number_of_64_bits_is_text() -> None:
    steps = ["7", "18446744073709551616", "0x7", "-7", "++7", "+", "7 ", "\u0667", "7_0", "Alice"]
    assert len({derive_hard(SEED, step) for step in steps}) == len(steps)


def test_a_number_is_written_little_end_first() -> None:
    message = b"\x2cEd25519HDKD" + SEED + b"\x00\x01" + bytes(30)
    assert derive_hard(SEED, "256") == blake2b(message, digest_size=32).digest()


def test_a_text_is_written_behind_its_length() -> None:
    message = b"\x2cEd25519HDKD" + SEED + b"\x14Alice" + bytes(26)
    assert derive_hard(SEED, "Alice") == blake2b(message, digest_size=32).digest()


@pytest.mark.parametrize(
    "junction",
    [
        pytest.param("", id="nothing"),
        pytest.param("a" * 32, id="32 bytes"),
        pytest.param("é" * 16, id="16 letters of two bytes"),
        pytest.param("0" * 32, id="a number of 32 digits"),
        pytest.param("\ud800", id="half a surrogate pair"),
    ],
)
def test_a_step_that_does_not_fit_is_refused(junction: str) -> None:
    with pytest.raises(Malformed, match="step"):
        derive_hard(SEED, junction)


def test_a_step_has_up_to_31_bytes() -> None:
    assert len(derive_hard(SEED, "a" * 31)) == 32
