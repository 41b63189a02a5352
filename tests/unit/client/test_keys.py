"""Keys: the same as Substrate's, and silent about themselves."""

import copy
import os
import pickle
import traceback
from pathlib import Path

import pytest

from tfchain.base import crypto
from tfchain.base.address import derive_hard, to_text
from tfchain.client.keys import (
    DEV_PHRASE,
    KEY_FILE_BYTES_MAX,
    URI_CHARS_MAX,
    Key,
    load,
    new_mnemonic,
    save_plain,
    seed_of_mnemonic,
    seed_of_uri,
)
from tfchain.errors import Malformed, TfchainError, Unavailable

DEV_SEED = "fac7959dbfe72f052e5a0c3c8d6530f202b02fd8f9f5ca3580ec8deb7797479e"
SEED = bytes(range(32))
TWELVE = "abandon " * 11 + "about"
TWENTY_FOUR = "abandon " * 23 + "art"


@pytest.mark.parametrize(
    ("phrase", "entropy", "seed"),
    [
        pytest.param(
            TWELVE,
            "00" * 16,
            "44e9d125f037ac1d51f0a7d3649689d422c2af8b1ec8e00d71db4d7bf6d127e3",
            id="zeros",
        ),
        pytest.param(
            "legal winner thank year wave sausage worth useful legal winner thank yellow",
            "7f" * 16,
            "4313249608fe8ac10fd5886c92c4579007272cb77c21551ee5b8d60b78041685",
            id="7f",
        ),
        pytest.param(
            "letter advice cage absurd amount doctor acoustic avoid letter advice cage above",
            "80" * 16,
            "27f3eb595928c60d5bc91a4d747da40ed236328183046892ed6cd5aa9ae38122",
            id="80",
        ),
        pytest.param(
            "zoo " * 11 + "wrong",
            "ff" * 16,
            "227d6256fd4f9ccaf06c45eaa4b2345969640462bbb00c5f51f43cb43418c7a7",
            id="ff",
        ),
    ],
)
def test_a_mnemonic_and_a_password_give_substrates_seed(
    phrase: str, entropy: str, seed: str
) -> None:
    assert new_mnemonic(bytes.fromhex(entropy)) == phrase
    assert seed_of_mnemonic(phrase, "Substrate").hex() == seed
    assert seed_of_uri(phrase + "///Substrate").hex() == seed


@pytest.mark.parametrize(
    ("uri", "address"),
    [
        ("//Alice", "5FA9nQDVg267DEd8m1ZypXLBnvN7SFxYwV7ndqSYGiN9TTpu"),
        ("//Bob", "5GoNkf6WdbxCFnPdAnYYQyCjAKPJgLNxXwPjwTh6DGg6gN3E"),
        ("//Charlie", "5DbKjhNLpqX3zqZdNBc9BGb4fHU1cRBaDhJUskrvkwfraDi6"),
        ("//Dave", "5ECTwv6cZ5nJQPk6tWfaTrEk8YH2L7X1VT4EL5Tx2ikfFwb7"),
    ],
)
def test_the_names_of_the_development_network_are_those_of_subkey(uri: str, address: str) -> None:
    assert to_text(Key(seed_of_uri(uri)).address) == address
    assert seed_of_uri(DEV_PHRASE + uri) == seed_of_uri(uri)


def test_the_development_phrase_gives_its_well_known_seed() -> None:
    assert seed_of_mnemonic(DEV_PHRASE).hex() == DEV_SEED
    assert seed_of_uri(f"0x{DEV_SEED}//Alice") == seed_of_uri("//Alice")
    assert seed_of_uri(f"0x{DEV_SEED.upper()}") == seed_of_uri(DEV_PHRASE)


def test_a_path_is_walked_step_by_step() -> None:
    walked = derive_hard(derive_hard(bytes.fromhex(DEV_SEED), "farm"), "0")
    assert seed_of_uri("//farm//0") == walked
    assert seed_of_uri("//farm//0///pass///word/") != walked


def test_a_password_may_hold_slashes_and_letters_of_any_script() -> None:
    assert seed_of_uri(DEV_PHRASE + "////ü") == seed_of_mnemonic(DEV_PHRASE, "/ü")
    assert seed_of_uri("//a///p//b") == derive_hard(seed_of_mnemonic(DEV_PHRASE, "p//b"), "a")


def test_24_words_and_spaces_between_them_are_read() -> None:
    assert new_mnemonic(bytes(32)) == TWENTY_FOUR
    spaced = "  " + TWENTY_FOUR.replace(" ", "  ") + " \n"
    assert seed_of_mnemonic(spaced) == seed_of_mnemonic(TWENTY_FOUR)


SECRET = "zzqq"


@pytest.mark.parametrize(
    ("uri", "complaint"),
    [
        pytest.param("", "1 to", id="nothing"),
        pytest.param("//" + "a" * URI_CHARS_MAX, "1 to", id="too long"),
        pytest.param("///zzqq", "starts with", id="a password alone"),
        pytest.param("//Alice/zzqq", "soft", id="a soft step at the end"),
        pytest.param("/zzqq//Alice", "soft", id="a soft step at the start"),
        pytest.param(TWELVE + "/zzqq", "soft", id="a soft step behind words"),
        pytest.param("//zzqq/", "soft", id="a slash at the end"),
        pytest.param("//", "1 to 31 bytes", id="a step of nothing"),
        pytest.param("//zzqq//", "1 to 31 bytes", id="a step of nothing at the end"),
        pytest.param("//" + "zzqq" * 8, "1 to 31 bytes", id="a step too long"),
        pytest.param("//zzqq\ud800", "surrogates", id="a step that is no text"),
        pytest.param("//a///zzqq\ud800", "surrogates", id="a password that is no text"),
        pytest.param("//zzqq\n", "control", id="a line end"),
        pytest.param("//zz\x7fqq", "control", id="a delete"),
        pytest.param("0xzzqq", "64 hex digits", id="a seed too short"),
        pytest.param("0x" + "zzqq" * 16, "64 hex digits", id="a seed that is no hex"),
        pytest.param("0x" + "1 " * 32, "64 hex digits", id="a seed with spaces"),
        pytest.param("0x" + "00" * 32 + "///zzqq", "no password", id="a seed with a password"),
        pytest.param("zzqq", "12 or 24 words", id="one word"),
        pytest.param("abandon " * 14 + "address", "12 or 24 words", id="15 words"),
        pytest.param("abandon " * 11 + "zzqq", "not in the list", id="an unknown word"),
        pytest.param("abandon " * 11 + "abandon", "not in the list", id="a wrong checksum"),
        pytest.param(TWELVE.upper(), "not in the list", id="capital letters"),
    ],
)
def test_a_bad_secret_is_refused_and_never_quoted(uri: str, complaint: str) -> None:
    with pytest.raises(Malformed, match=complaint) as caught:
        seed_of_uri(uri)
    _says_nothing_of(SECRET, caught.value)


def test_a_phrase_of_any_length_is_refused_unread() -> None:
    with pytest.raises(Malformed, match="12 or 24 words"):
        seed_of_mnemonic("abandon " * 1_000_000)


@pytest.mark.parametrize("length", [0, 15, 20, 33])
def test_chance_of_another_length_is_a_bug_of_ours(length: int) -> None:
    with pytest.raises(AssertionError):
        new_mnemonic(bytes(length))


def _says_nothing_of(secret: str, fault: BaseException) -> None:
    """Neither the message nor what it hangs on; source lines of this file are not shown."""
    chain: BaseException | None = fault
    while chain is not None:
        assert secret not in "".join(traceback.format_exception_only(chain))
        assert chain.__suppress_context__ or chain.__context__ is None
        chain = chain.__cause__


def test_a_key_signs_for_its_address() -> None:
    key = Key(SEED)
    assert key.address == crypto.public_key(SEED)
    assert crypto.verify(key.address, b"message", key.sign(b"message"))
    assert key.sign(b"message") == crypto.sign(SEED, b"message")


@pytest.mark.parametrize("template", ["{}", "{!r}", "{!s:>80}"])
def test_a_key_shows_its_address_and_not_its_seed(template: str) -> None:
    shown = template.format(Key(SEED))
    assert to_text(Key(SEED).address) in shown
    assert SEED.hex() not in shown
    assert repr(SEED) not in shown


def test_a_key_is_not_pickled_or_copied() -> None:
    for leave in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="not pickled or copied"):
            leave(Key(SEED))


def test_a_key_has_no_place_for_more() -> None:
    with pytest.raises(TypeError):
        vars(Key(SEED))


@pytest.mark.parametrize("seed", [b"", bytes(31), bytes(33)])
def test_a_seed_of_another_length_is_a_bug_of_ours(seed: bytes, tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        Key(seed)
    with pytest.raises(AssertionError):
        save_plain(tmp_path / "key", seed)


def test_a_saved_key_is_one_line_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "key"
    before = os.umask(0)
    try:
        save_plain(path, SEED)
    finally:
        os.umask(before)
    assert path.read_bytes() == SEED.hex().encode() + b"\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.stat().st_nlink == 1
    assert [file.name for file in tmp_path.iterdir()] == ["key"]
    assert load(path).address == Key(SEED).address


def test_a_key_file_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "key"
    save_plain(path, SEED)
    with pytest.raises(Unavailable, match="never overwritten") as caught:
        save_plain(path, bytes(32))
    assert load(path).address == Key(SEED).address
    assert [file.name for file in tmp_path.iterdir()] == ["key"]
    _says_nothing_of(bytes(32).hex(), caught.value)


def test_a_dangling_link_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "key").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Unavailable, match="never overwritten"):
        save_plain(tmp_path / "key", SEED)
    assert not (tmp_path / "elsewhere").exists()


def test_a_place_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "key"
    for attempt in (lambda: save_plain(path, SEED), lambda: load(path)):
        with pytest.raises(Unavailable, match="No such file") as caught:
            attempt()
        assert str(path) in str(caught.value)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o644])
def test_a_file_that_others_may_touch_is_refused(mode: int, tmp_path: Path) -> None:
    path = tmp_path / "key"
    save_plain(path, SEED)
    path.chmod(mode)
    with pytest.raises(Unavailable, match="chmod 600") as caught:
        load(path)
    _says_nothing_of(SEED.hex(), caught.value)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\n", id="an empty line"),
        pytest.param(b"zzqq" * 16, id="no hex"),
        pytest.param(b"ab" * 31, id="too short"),
        pytest.param(b"ab" * 32 + b"\n\n", id="a line too many"),
        pytest.param(b"ab" * 32 + b"a", id="a digit too many"),
        pytest.param(b"0x" + b"ab" * 31, id="a prefix"),
        pytest.param(b"\xff" * 64, id="bytes"),
        pytest.param(b" " + b"ab" * 31 + b"a", id="a space"),
        pytest.param(b"ab" * 5_000_000, id="megabytes"),
    ],
)
def test_a_file_of_anything_else_is_refused_and_never_quoted(
    content: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "key"
    path.touch(mode=0o600)
    path.write_bytes(content)
    with pytest.raises(Malformed, match="64 hex digits") as caught:
        load(path)
    for secret in (SECRET, "abab", "ÿ"):
        _says_nothing_of(secret, caught.value)


def test_the_end_of_the_line_may_be_missing(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.touch(mode=0o600)
    path.write_bytes(SEED.hex().encode())
    assert load(path).address == Key(SEED).address
    assert len(SEED.hex()) + 1 == KEY_FILE_BYTES_MAX


def test_a_folder_or_a_pipe_is_no_key_file(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o600)
    for path in (tmp_path, pipe):
        with pytest.raises(Unavailable, match="plain file"):
            load(path)


def test_a_full_place_leaves_nothing_behind(tmp_path: Path) -> None:
    """A name too long for the file system fails at the last step, after the bytes were written."""
    with pytest.raises(TfchainError, match="too long"):
        save_plain(tmp_path / ("k" * 300), SEED)
    assert list(tmp_path.iterdir()) == []
