"""Bytes that must never change: each row of `bytes.json` is recomputed here.

The edge cases of Ed25519 (P34) were made with plain arithmetic on the curve, so that in most of them
the equation holds and the signature is refused for the reason its row names. An upgrade of libsodium
that answers one of them otherwise would split the ledger: it fails here first.
"""

import json
from pathlib import Path
from typing import TypeAlias

import pytest

from tfchain.base import crypto, merkle
from tfchain.base.address import derive_hard, from_text, to_text
from tfchain.base.codec import Plain, decode, encode
from tfchain.base.units import Address

Cell: TypeAlias = "bool | int | str | list[Cell] | dict[str, str] | None"

GOLDEN: dict[str, list[dict[str, Cell]]] = json.loads(
    (Path(__file__).parent / "bytes.json").read_text(encoding="utf-8")
)


def _hex(cell: Cell) -> bytes:
    assert isinstance(cell, str)
    return bytes.fromhex(cell)


def _text(cell: Cell) -> str:
    assert isinstance(cell, str)
    return cell


def _int(cell: Cell) -> int:
    assert type(cell) is int
    return cell


def _list(cell: Cell) -> list[Cell]:
    assert isinstance(cell, list)
    return cell


def _plain(cell: Cell) -> Plain:
    """JSON has no bytes: an object with the one field `bytes` stands for them."""
    if isinstance(cell, dict):
        return bytes.fromhex(cell["bytes"])
    if isinstance(cell, list):
        return [_plain(item) for item in cell]
    return cell


@pytest.mark.parametrize("row", GOLDEN["codec"], ids=lambda row: row["name"])
def test_a_value_is_spelled_as_ever(row: dict[str, Cell]) -> None:
    value, spelled = _plain(row["value"]), _hex(row["encoded"])
    assert encode(value) == spelled
    assert decode(spelled, len(spelled)) == value


@pytest.mark.parametrize("row", GOLDEN["address"], ids=lambda row: row["text"])
def test_a_key_is_written_as_ever(row: dict[str, Cell]) -> None:
    assert to_text(Address(_hex(row["key"]))) == row["text"]
    assert from_text(_text(row["text"])) == _hex(row["key"])


@pytest.mark.parametrize("row", GOLDEN["derive_hard"], ids=lambda row: row["junction"])
def test_a_step_leads_where_it_led(row: dict[str, Cell]) -> None:
    assert derive_hard(_hex(row["seed"]), _text(row["junction"])) == _hex(row["child"])


@pytest.mark.parametrize(
    "row", GOLDEN["digest"], ids=lambda row: f"{row['person']} {row['parts']}"[:40]
)
def test_a_purpose_hashes_as_ever(row: dict[str, Cell]) -> None:
    parts = [_hex(part) for part in _list(row["parts"])]
    assert crypto.digest(_text(row["person"]).encode(), *parts) == _hex(row["digest"])


def test_the_hash_without_a_purpose_is_as_ever() -> None:
    for row in GOLDEN["plain_digest"]:
        assert crypto.plain_digest(_hex(row["data"])) == _hex(row["digest"])


def _leaves(count: int) -> list[bytes]:
    return [b"leaf %d" % number for number in range(count)]


@pytest.mark.parametrize(
    "row", GOLDEN["merkle_root"], ids=lambda row: f"{row['tag']} {row['count']}"
)
def test_a_tree_has_the_root_it_had(row: dict[str, Cell]) -> None:
    assert merkle.root(_hex(row["tag"]), _leaves(_int(row["count"]))) == _hex(row["root"])


@pytest.mark.parametrize(
    "row", GOLDEN["merkle_path"], ids=lambda row: f"{row['index']} of {row['count']}"
)
def test_a_proof_has_the_steps_it_had(row: dict[str, Cell]) -> None:
    index, leaves = _int(row["index"]), _leaves(_int(row["count"]))
    path = [_hex(step) for step in _list(row["path"])]
    assert merkle.prove(b"tx", leaves, index) == path
    assert merkle.check(b"tx", merkle.root(b"tx", leaves), index, len(leaves), leaves[index], path)


@pytest.mark.parametrize("row", GOLDEN["ed25519"], ids=lambda row: row["name"])
def test_an_odd_signature_is_answered_as_ever(row: dict[str, Cell]) -> None:
    key, message, signature = (_hex(row[name]) for name in ("key", "message", "signature"))
    assert crypto.verify(key, message, signature) is row["valid"], row["reason"]
