"""`tfchain tx` without a network: wrong calls are one line each, signing needs nobody."""

import json
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner, Result

from tfchain.base.crypto import verify
from tfchain.base.units import UTFT_PER_TFT
from tfchain.cli import tx
from tfchain.errors import Unavailable
from tfchain.tx.registry import KINDS, name_of, open_body
from tfchain.tx.transaction import SYSTEM_KINDS, decode_transaction

TO = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty"
TRANSFER = ["transfer", "--key", "//Alice", "--to", TO, "--amount", "1.5TFT"]
ALONE = [
    "--chain-id",
    "devnet-01234567",
    "--nonce",
    "3",
    "--valid-until",
    "40",
    "--fee",
    "0.001TFT",
]


def call(*arguments: str, stdin: bytes = b"") -> Result:
    return CliRunner().invoke(tx.app, list(arguments), input=stdin, env={"TFCHAIN_NODE": ""})


@pytest.mark.parametrize("number", [number for number in KINDS if number not in SYSTEM_KINDS])
def test_every_kind_has_a_verb_with_its_fields(number: int) -> None:
    verb = get_command(tx.app).commands[name_of(number)]  # type: ignore[attr-defined]
    names = [parameter.name for parameter in verb.params]
    for field in KINDS[number].__dataclass_fields__:  # type: ignore[attr-defined]
        assert f"field_{field}" in names


def test_a_transaction_is_signed_with_nobody_there(tmp_path: Path) -> None:
    out = tmp_path / "tx"
    result = call(*TRANSFER, *ALONE, "--offline", str(out))
    assert result.exit_code == 0, result.output
    found = decode_transaction(bytes.fromhex(out.read_text("ascii")))
    assert (found.envelope.nonce, found.envelope.valid_until, found.envelope.fee) == (3, 40, 10_000)
    assert open_body(found).amount == 3 * UTFT_PER_TFT // 2  # type: ignore[attr-defined]
    assert verify(*found.check())
    assert found.id.hex() in result.stdout
    assert out.stat().st_mode & 0o077 == 0


def test_a_dry_run_alone_shows_what_would_be_signed(tmp_path: Path) -> None:
    out = tmp_path / "tx"
    result = call(*TRANSFER, *ALONE, "--offline", str(out), "--dry-run")
    assert "bytes       " in result.stdout
    assert "deposit" not in result.stdout
    assert not out.exists()


def test_a_free_kind_needs_no_nonce(tmp_path: Path) -> None:
    fields = tmp_path / "fields"
    fields.write_text(json.dumps({"node_id": 1, "t": "7", "uptime": 5}), "ascii")
    arguments = ["--json", str(fields), "--chain-id", "c", "--valid-until", "4"]
    out = tmp_path / "tx"
    result = call("report_uptime", "--key", "//Alice", *arguments, "--offline", str(out))
    assert result.exit_code == 0, result.output
    assert decode_transaction(bytes.fromhex(out.read_text("ascii"))).envelope.nonce == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param([*TRANSFER, "--amount", "1.5TfT"], "amount", id="an amount with a typo"),
        pytest.param([*TRANSFER, "--amount", "1.00000001TFT"], "7 places", id="too fine"),
        pytest.param([*TRANSFER, "--to", TO[:-1] + "z"], "to:", id="an address with a typo"),
        pytest.param(TRANSFER[:-2], "amount is due", id="a field is missing"),
        pytest.param([*TRANSFER, "--fee", "x"], "amount", id="a fee that is none"),
        pytest.param([*TRANSFER, "--json", "-"], "not JSON", id="no JSON"),
        pytest.param([*TRANSFER, "--key", "//Alice/soft"], "soft step", id="a bad key"),
        pytest.param(
            [*TRANSFER, "--offline", "x", "--chain-id", "c"], "are due too", id="terms are missing"
        ),
        pytest.param(
            [*TRANSFER, *ALONE, "--offline", "x", "--chain-id", "c" * 65], "chain_id", id="long id"
        ),
    ],
)
def test_a_wrong_call_is_one_line(arguments: list[str], says: str) -> None:
    result = call(*arguments)
    assert result.exit_code == 2
    assert says in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("text", [b"[]", b"[" * 70_000, b"{" * 10], ids=["list", "large", "broken"])
def test_json_that_is_no_object_is_refused(text: bytes) -> None:
    assert call("transfer", "--key", "//Alice", "--json", "-", stdin=text).exit_code == 2


@pytest.mark.parametrize("text", ["", "zz", "00", "00" * 70_000])
def test_a_file_that_holds_no_transaction_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "tx").write_text(text, "ascii")
    assert call("send", str(tmp_path / "tx")).exit_code == 2


def test_what_is_out_of_reach_is_told(tmp_path: Path) -> None:
    for arguments in (
        [*TRANSFER, "--node", "http://127.0.0.1:1"],
        ["send", str(tmp_path / "none")],
        [*TRANSFER, "--json", str(tmp_path / "none")],
        [*TRANSFER, "--key", str(tmp_path / "none")],
    ):
        assert isinstance(call(*arguments).exception, Unavailable)
