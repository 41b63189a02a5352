"""Signed bytes, ids and roots that must never change: each row of `transactions.json` is recomputed.

Somebody else's program can be written against this file: `fields` are in the order of the bytes, an
object with the one field `bytes` stands for bytes, a list for a record inside (its version first).
"""

import json
from pathlib import Path
from typing import TypeAlias

import pytest

from tfchain.base.codec import Plain
from tfchain.base.crypto import public_key, sign, verify
from tfchain.base.shapes import encode_record, layout
from tfchain.ledger.block import decode_block, make_block
from tfchain.ledger.commit import Commit, commit_hash
from tfchain.ledger.header import Header, header_hash
from tfchain.ledger.tree import Tree, check, key_hash, value_hash
from tfchain.tx.registry import BY_NAME, open_body
from tfchain.tx.transaction import (
    Envelope,
    decode_transaction,
    encode_transaction,
    message_of,
)

Cell: TypeAlias = "bool | int | str | list[Cell] | dict[str, Cell] | None"
Row: TypeAlias = "dict[str, Cell]"

GOLDEN: dict[str, list[Row]] = json.loads(
    (Path(__file__).parent / "transactions.json").read_text(encoding="utf-8")
)
SIGNED = [row for row in GOLDEN["transactions"] if "seed" in row]


def _plain(cell: Cell) -> Plain:
    if isinstance(cell, dict):
        return _hex(cell["bytes"])
    if isinstance(cell, list):
        return [_plain(item) for item in cell]
    return cell


def _hex(cell: Cell) -> bytes:
    assert isinstance(cell, str)
    return bytes.fromhex(cell)


def _fields(cell: Cell, cls: type) -> Plain:
    """The plain form of a record from its fields by name; their order is the order of the bytes."""
    assert isinstance(cell, dict)
    assert tuple(cell) == layout(cls).names
    return [layout(cls).version, *[_plain(value) for value in cell.values()]]


def _envelope(row: Row) -> Envelope:
    envelope: Envelope = layout(Envelope).unpack(_fields(row["envelope"], Envelope))
    return envelope


def test_every_kind_has_golden_bytes() -> None:
    assert [row["kind"] for row in GOLDEN["transactions"]] == list(BY_NAME)


@pytest.mark.parametrize("row", GOLDEN["transactions"], ids=lambda row: row["kind"])
def test_a_transaction_has_the_bytes_it_had(row: Row) -> None:
    transaction = decode_transaction(_hex(row["encoded"]))
    body = open_body(transaction)
    plain = _fields(row["fields"], type(body))
    assert layout(type(body)).pack(body) == plain == transaction.body
    envelope = _envelope(row)
    assert transaction.envelope == envelope
    assert BY_NAME[str(row["kind"])] == envelope.kind
    assert message_of(envelope, plain) == transaction.message == _hex(row["message"])
    assert encode_transaction(envelope, plain, transaction.signature) == _hex(row["encoded"])
    assert transaction.id == _hex(row["id"])


@pytest.mark.parametrize("row", SIGNED, ids=lambda row: row["kind"])
def test_a_transaction_is_signed_as_ever(row: Row) -> None:
    seed, transaction = _hex(row["seed"]), decode_transaction(_hex(row["encoded"]))
    assert sign(seed, transaction.message) == transaction.signature
    assert transaction.envelope.sender == public_key(seed)
    assert verify(*transaction.check())


def test_a_block_has_the_bytes_and_the_id_it_had() -> None:
    (row,) = GOLDEN["block"]
    header = layout(Header).unpack(_fields(row["header"], Header))
    commit = layout(Commit).unpack(_fields(row["commit"], Commit))
    assert encode_record(header) == _hex(row["header_encoded"])
    assert header_hash(header) == _hex(row["header_hash"])
    assert encode_record(commit) == _hex(row["commit_encoded"])
    assert commit_hash(commit) == _hex(row["commit_hash"]) == header.last_commit_hash
    txs = row["txs"]
    assert isinstance(txs, list)
    block = make_block(header, tuple(_hex(tx) for tx in txs), commit)
    assert block.raw == _hex(row["encoded"])
    assert block.id == _hex(row["id"])
    assert decode_block(block.raw) == block


@pytest.mark.parametrize("row", GOLDEN["tree"], ids=lambda row: row["name"])
def test_a_table_has_the_root_it_had(row: Row) -> None:
    rows = row["rows"]
    assert isinstance(rows, dict)
    tree = Tree({}, 1)
    changes = [(key_hash(_hex(key)), value_hash(_hex(value))) for key, value in rows.items()]
    assert tree.update(changes) == _hex(row["root"])


@pytest.mark.parametrize("row", GOLDEN["tree_proof"], ids=lambda row: row["name"])
def test_a_proof_has_the_bytes_it_had(row: Row) -> None:
    rows = GOLDEN["tree"][-1]["rows"]
    assert isinstance(rows, dict)
    tree = Tree({}, 1)
    root = tree.update(
        [(key_hash(_hex(key)), value_hash(_hex(value))) for key, value in rows.items()]
    )
    proof = tree.prove(key_hash(_hex(row["key"])))
    assert encode_record(proof) == _hex(row["encoded"])
    value = None if row["value"] is None else value_hash(_hex(row["value"]))
    assert check(root, key_hash(_hex(row["key"])), value, proof)
