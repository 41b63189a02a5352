"""`tfchain keys`: words once, files for their owner, one line for what is wrong."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tfchain.base.address import to_text
from tfchain.cli import keys
from tfchain.client.keys import DEV_PHRASE, Key, load, seed_of_mnemonic, seed_of_uri
from tfchain.errors import Unavailable


def call(*arguments: object, stdin: str = "") -> Result:
    return CliRunner().invoke(keys.app, [str(one) for one in arguments], input=stdin)


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "passphrase"
    path.write_text("open sesame\n", "ascii")
    return path


@pytest.mark.parametrize("words", [12, 24])
def test_a_new_key_is_the_one_of_its_words(words: int, tmp_path: Path) -> None:
    result = call("new", tmp_path / "key", "--plain", "--words", words)
    assert result.exit_code == 0, result.output
    phrase, address = (line.partition(":")[2].strip() for line in result.stdout.splitlines())
    key = Key(seed_of_mnemonic(phrase))
    assert (len(phrase.split()), address) == (words, to_text(key.address))
    assert load(tmp_path / "key").address == key.address
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    assert call("show", tmp_path / "key").stdout.strip() == address


def test_a_sealed_key_opens_with_its_passphrase_alone(tmp_path: Path, secret: Path) -> None:
    path, uri = tmp_path / "key", f"{DEV_PHRASE}//Bert"
    result = call("import", path, "--passphrase-file", secret, stdin=uri + "\n")
    address = to_text(Key(seed_of_uri(uri)).address)
    assert result.stdout == f"address: {address}\n"
    assert seed_of_uri(uri).hex() not in path.read_text("ascii")
    assert call("show", path, "--passphrase-file", secret).stdout.strip() == address
    assert call("show", uri).stdout.strip() == address
    secret.write_text("open barley", "ascii")
    result = call("show", path, "--passphrase-file", secret)
    assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)
    assert call("show", path).exit_code == 2
    path.write_text(path.read_text("ascii")[:-9] + "zz", "ascii")
    assert call("show", path, "--passphrase-file", secret).exit_code == 2


def test_a_terminal_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter(["//Bert", "open sesame", "open sesame"])
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("typer.prompt", lambda *_, **__: next(answers))
    assert keys._secret() == "//Bert"
    assert keys._passphrase(None, confirm=True) == b"open sesame"


def test_wrong_calls_are_one_line(tmp_path: Path, secret: Path) -> None:
    secret.with_name("empty").touch()
    for arguments in (
        ["new", tmp_path / "key", "--words", 13],
        ["new", tmp_path / "key"],
        ["new", tmp_path / "key", "--plain", "--passphrase-file", secret],
        ["new", tmp_path / "key", "--passphrase-file", secret.with_name("empty")],
        ["import", tmp_path / "key", "--plain"],
        ["show", "//a/b"],
    ):
        result = call(*arguments)
        assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1), arguments
    assert not (tmp_path / "key").exists()


def test_a_key_file_is_never_overwritten_and_must_be_there(tmp_path: Path) -> None:
    assert isinstance(call("show", tmp_path / "key").exception, Unavailable)
    call("new", tmp_path / "key", "--plain")
    kept = (tmp_path / "key").read_bytes()
    assert isinstance(call("new", tmp_path / "key", "--plain").exception, Unavailable)
    result = call("import", tmp_path / "key", "--plain", stdin="//Bert")
    assert isinstance(result.exception, Unavailable)
    assert (tmp_path / "key").read_bytes() == kept
