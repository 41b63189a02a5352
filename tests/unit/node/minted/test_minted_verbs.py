"""`status`, `doctor`, `show` and `statement` asked of a node that answers from a chain it executed."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import typer
from typer.testing import CliRunner, Result

from tfchain.base.address import to_text
from tfchain.cli import doctor, show, statement, status
from tfchain.errors import InvalidBlock, Malformed, Rejected, Unavailable

if TYPE_CHECKING:
    from tests.unit.node.minted.conftest import Minted

APP = typer.Typer()
APP.command("status")(status.status)
APP.command("doctor")(doctor.doctor)
APP.command("statement")(statement.statement)
APP.add_typer(show.app, name="show")
WIDE = {"COLUMNS": "250"}


def _call(minted: "Minted", *arguments: str) -> Result:
    return CliRunner().invoke(APP, [*arguments], env={**WIDE, "TFCHAIN_NODE": minted.url})


def _json(minted: "Minted", *arguments: str) -> Any:
    result = _call(minted, *arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


# --- where the node stands --------------------------------------------------------------------------


def test_a_status_tells_of_the_chain_its_batches_and_the_peer(minted: "Minted") -> None:
    plain = _json(minted, "status")
    assert (plain["height"], plain["block_id"]) == (minted.height, minted.block_id.hex())
    assert plain["validator"] is None
    assert plain["totals"] == {**plain["totals"], "twins": 3, "farms": 3, "nodes": 3}
    assert [batch["state"] for batch in plain["batches"]] == ["paid", "post", "open"]
    assert [peer["connected"] for peer in plain["peers"]] == [True]
    shown = _call(minted, "status").stdout
    for piece in ("none: it follows", "3 twins, 3 farms, 3 nodes", "paid", "4 of 4"):
        assert piece in shown, piece


def test_a_doctor_sees_that_the_chain_stands_still(minted: "Minted") -> None:
    result = _call(minted, "doctor", "--json")
    assert result.exit_code == 1
    plain = json.loads(result.stdout)
    checks = {row["what"]: row["good"] for row in plain["checks"]}
    assert checks == {**checks, "clock": False, "peers": True, "version": True}
    assert "WRONG" in _call(minted, "doctor").stdout


def test_a_statement_comes_from_the_node_s_own_blocks(minted: "Minted", tmp_path: Path) -> None:
    lines = tmp_path / "lines.csv"
    arguments = [minted.url, "--node", "1", "--period", "0"]
    plain = _json(minted, "statement", *arguments, "--csv", str(lines))
    assert plain["settled"]
    assert sum(line["credited"] for line in plain["lines"]) == plain["credited"] == 60
    shown = _json(minted, "show", "receipt", "0/0", "1", "--proof")
    assert plain["receipt"] == {name: shown[name] for name in plain["receipt"]}
    assert plain["mint"]["height"] == 17
    told = len(plain["lines"]) + len(plain["downtimes"])
    assert len(lines.read_text(encoding="utf-8").splitlines()) == told + 2, "names, totals"
    assert "in block 17" in _call(minted, "statement", *arguments).stdout


# --- things on the chain ----------------------------------------------------------------------------

SHOWN = [
    pytest.param(("node", "1"), "country", "BE", "table nodes", id="a node"),
    pytest.param(("farm", "2"), "name", "farm-2", "table farms", id="a farm"),
    pytest.param(("twin", "3"), "relay", "", "table twins", id="a twin"),
    pytest.param(("contract", "1"), "regime", 3, "table contracts", id="a node's terms"),
    pytest.param(("totals",), "nodes", 3, "table totals", id="totals"),
    pytest.param(("batch", "0/0"), "state", "paid", "table batches", id="a batch"),
    pytest.param(("period", "0/0"), "count", 3, "table batches", id="a period"),
    pytest.param(("receipt", "0/0", "1"), "uptime", 60, "proof-of-capacity hash", id="a receipt"),
    pytest.param(("receipt", "0/0", "3"), "reason", "violation", "receipt", id="one of nothing"),
    pytest.param(("mint", "0/0", "2"), "height", 17, "its mint record", id="a mint record"),
    pytest.param(("block", "1"), "height", 1, "transactions and their codes", id="a block"),
    pytest.param(("block", "last"), "height", 20, "transactions, header", id="the last block"),
    pytest.param(("validators",), "height", 20, "validators", id="validators"),
    pytest.param(("validators", "3"), "height", 3, "header of block 3 ", id="validators once"),
]


@pytest.mark.parametrize(("arguments", "name", "value", "checked"), SHOWN)
def test_a_thing_is_shown_and_proven(
    minted: "Minted", arguments: tuple[str, ...], name: str, value: object, checked: str
) -> None:
    told = _json(minted, "show", *arguments)
    proven = _json(minted, "show", *arguments, "--proof")
    assert told[name] == proven[name] == value
    assert checked in proven["checked"]
    assert "signed by 3 of 4 by power; validators from the genesis of devnet" in proven["checked"]
    assert proven["proof"]
    shown = _call(minted, "show", *arguments, "--proof").stdout
    assert "proof checked: " in shown
    assert str(value) in shown


def test_an_account_is_proven_there_or_not_there(minted: "Minted") -> None:
    somebody, nobody = to_text(minted.farmer), to_text(type(minted.farmer)(bytes([77]) * 32))
    told, proven = (
        _json(minted, "show", "account", somebody, *more) for more in ((), ("--proof",))
    )
    assert told["balance"] == proven["balance"] != "0"
    none = _json(minted, "show", "account", nobody, "--proof")
    assert (none["balance"], none["proof"]["row"]) == ("0", None)


def test_a_transaction_is_proven_with_its_code(minted: "Minted") -> None:
    block = _json(minted, "show", "block", "1")
    assert [tx["kind"] for tx in block["txs"][:3]] == [
        "create_twin",
        "create_farm",
        "register_node",
    ]
    tx_id = block["txs"][2]["id"]
    proven = _json(minted, "show", "tx", tx_id, "--proof")
    assert (proven["height"], proven["position"], proven["code"]) == (1, 2, "ok")
    assert "transaction 2, header of block 1 " in proven["checked"]
    absent = _call(minted, "show", "tx", "00" * 32, "--proof")
    assert isinstance(absent.exception, Rejected)


def test_the_last_codes_are_not_proven_yet(minted: "Minted") -> None:
    """The root over them stands in the header of the block that is to come."""
    told = _json(minted, "show", "block", "last")
    (tx,) = told["txs"]
    assert tx["code"] == "ok"
    (proven,) = _json(minted, "show", "block", "last", "--proof")["txs"]
    assert proven == {**tx, "code": "not proven yet"}


def test_who_signed_is_read_from_the_signatures(minted: "Minted") -> None:
    rows = _json(minted, "show", "validators", "--proof")["validators"]
    assert [row["vote"] for row in rows] == ["signed", "signed", "signed", "absent"]
    assert [row["power"] for row in rows] == ["1", "1", "1", "1"]
    told = _json(minted, "show", "validators")["validators"]
    assert [row["key"] for row in told] == [row["key"] for row in rows]
    early = _json(minted, "show", "validators", "3")["validators"]
    assert [row["priority"] for row in early] != [row["priority"] for row in told]
    assert sum(int(row["priority"]) for row in early) == sum(int(row["priority"]) for row in told)


def test_periods_are_listed(minted: "Minted") -> None:
    rows = _json(minted, "show", "period")["batches"]
    assert [(row["period"], row["state"]) for row in rows] == [
        (0, "paid"),
        (1, "post"),
        (2, "open"),
    ]
    assert len(_json(minted, "show", "period", "--last", "1")["batches"]) == 1
    shown = _call(minted, "show", "period").stdout
    assert "0/0" in shown
    assert "515.0000000 TFT" in shown
    assert _call(minted, "show", "period", "--proof").exit_code == 2


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("node", "9"), id="a node"),
        pytest.param(("block", "99"), id="a block"),
        pytest.param(("validators", "99"), id="validators"),
        pytest.param(("batch", "0/9"), id="a batch"),
        pytest.param(("receipt", "0/0", "9"), id="a receipt"),
        pytest.param(("mint", "0/1", "1"), id="a mint record that is not there yet"),
    ],
)
@pytest.mark.parametrize(
    "more", [pytest.param((), id="told"), pytest.param(("--proof",), id="proven")]
)
def test_what_is_not_there_is_a_no(
    minted: "Minted", arguments: tuple[str, ...], more: tuple[str, ...]
) -> None:
    result = _call(minted, "show", *arguments, *more)
    assert isinstance(result.exception, Rejected)
    assert result.exception.code == "not_found"


# --- what to trust ----------------------------------------------------------------------------------


def test_trust_begins_where_it_is_told_to(minted: "Minted", tmp_path: Path) -> None:
    path = tmp_path / "genesis.toml"
    path.write_text(minted.genesis, encoding="utf-8")
    by_file = _json(minted, "show", "node", "1", "--trust", str(path))
    assert f"the genesis in {path}" in by_file["checked"]
    block = f"{minted.height}:{minted.block_id.hex()}"
    by_block = _json(minted, "show", "receipt", "0/0", "1", "--trust", block)
    assert f"the trusted block {minted.height}" in by_block["checked"]


def test_what_is_not_trusted_is_refused(minted: "Minted", tmp_path: Path) -> None:
    path = tmp_path / "genesis.toml"
    path.write_text(minted.genesis.replace("time = 17", "time = 16"), encoding="utf-8")
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe")
    for trust, kind in [
        (str(path), Unavailable),
        (str(tmp_path / "absent"), Unavailable),
        (str(binary), Malformed),
        (f"{minted.height}:{'00' * 32}", InvalidBlock),
        (f"0:{'00' * 32}", Unavailable),
        (f"99:{'00' * 32}", Unavailable),
        (f"{10**19}:{'00' * 32}", Unavailable),
    ]:
        result = _call(minted, "show", "node", "1", "--trust", trust)
        assert isinstance(result.exception, kind), (trust, result.exception)


@pytest.mark.parametrize("height", ["0", "-1", "first", "9" * 21, "1e3"])
def test_a_height_that_is_none_is_a_wrong_call(minted: "Minted", height: str) -> None:
    assert _call(minted, "show", "block", "--", height).exit_code == 2
