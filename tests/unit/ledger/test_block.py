"""A block: its header fits its body, and its bytes are the only ones that say it."""

from dataclasses import replace

import pytest

from tfchain.base import merkle
from tfchain.base.codec import Plain, encode
from tfchain.base.crypto import ZERO_HASH, digest
from tfchain.base.limits import BLOCK_BYTES_MAX, PART_BYTES
from tfchain.base.shapes import encode_record, layout
from tfchain.base.units import Height, Millis, Round
from tfchain.errors import Malformed
from tfchain.ledger.block import (
    TXS_MAX,
    block_id,
    decode_block,
    last_commit_hash,
    make_block,
    results_root,
    tx_root,
)
from tfchain.ledger.commit import ABSENT, FOR_BLOCK, Commit, CommitSlot, commit_hash
from tfchain.ledger.evidence import evidence_root
from tfchain.ledger.header import Header, header_hash

TXS = (b"one", b"two", b"")
COMMIT = Commit(
    height=Height(6),
    round=Round(1),
    block_id=bytes([9]) * 32,
    slots=(
        CommitSlot(flag=FOR_BLOCK, signature=bytes([8]) * 64),
        CommitSlot(flag=ABSENT, signature=b""),
    ),
)


def header_of(txs: tuple[bytes, ...] = TXS, commit: Commit | None = COMMIT) -> Header:
    return Header(
        chain_id="test-00000000",
        height=Height(7),
        time=Millis(1_700_000_000_000),
        last_block_id=bytes([1]) * 32,
        last_commit_hash=last_commit_hash(commit),
        tx_root=tx_root(txs),
        evidence_root=evidence_root(),
        validators_hash=bytes([2]) * 32,
        next_validators_hash=bytes([3]) * 32,
        priorities_hash=bytes([4]) * 32,
        params_hash=bytes([5]) * 32,
        state_root=bytes([6]) * 32,
        results_root=bytes([7]) * 32,
        proposer=bytes([8]) * 20,
    )


HEADER = header_of()
BLOCK = make_block(HEADER, TXS, COMMIT)


@pytest.mark.parametrize(
    ("txs", "commit"),
    [
        pytest.param(TXS, COMMIT, id="a block"),
        pytest.param((), COMMIT, id="an empty block"),
        pytest.param(TXS, None, id="the first block"),
        pytest.param((bytes(3 * PART_BYTES),), COMMIT, id="a block of four parts"),
    ],
)
def test_a_block_comes_back_as_it_was_made(txs: tuple[bytes, ...], commit: Commit | None) -> None:
    block = make_block(header_of(txs, commit), txs, commit)
    again = decode_block(block.raw)
    assert again == block
    assert (again.txs, again.last_commit, again.header.height) == (txs, commit, 7)


def test_the_id_is_over_the_header_and_the_parts() -> None:
    """1.2.2, P30: so that parts may travel alone one day without another id."""
    raw = make_block(header_of((bytes(2 * PART_BYTES),)), (bytes(2 * PART_BYTES),), COMMIT).raw
    parts = [raw[:PART_BYTES], raw[PART_BYTES : 2 * PART_BYTES], raw[2 * PART_BYTES :]]
    root = merkle.root(b"part", parts)
    expected = digest(b"tf/block-id", header_hash(HEADER), b"\x00\x00\x00\x03", root)
    assert block_id(HEADER, raw) == expected


def test_another_signature_in_the_commit_is_another_block() -> None:
    """1.8.1: the carried commit is hashed."""
    other = replace(COMMIT, slots=(CommitSlot(flag=FOR_BLOCK, signature=bytes(64)),))
    block = make_block(HEADER, TXS, other)
    assert block.id != BLOCK.id
    with pytest.raises(Malformed, match="last_commit_hash"):
        decode_block(block.raw)


@pytest.mark.parametrize("name", layout(Header).names)
def test_every_field_of_the_header_is_in_its_hash(name: str) -> None:
    value = getattr(HEADER, name)
    match value:
        case int():
            other: object = value + 1
        case str():
            other = value + "x"
        case _:
            other = bytes(len(value))
    changed = replace(HEADER, **{name: other})  # type: ignore[arg-type]
    assert header_hash(changed) != header_hash(HEADER)
    assert header_hash(HEADER) == digest(b"tf/header", encode_record(HEADER))


def body(place: int, value: Plain) -> bytes:
    fields: list[Plain] = [
        layout(Header).pack(HEADER),
        list(TXS),
        [],
        layout(Commit).pack(COMMIT),
    ]
    return encode([*fields[:place], value, *fields[place + 1 :]])


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        pytest.param(b"", "canonical", id="nothing"),
        pytest.param(encode(None), "list of header", id="none"),
        pytest.param(encode([1, 2, 3]), "list of header", id="three things"),
        pytest.param(encode([1, 2, 3, 4, 5]), "list of header", id="five things"),
        pytest.param(body(0, [1]), "Header", id="half a header"),
        pytest.param(body(0, None), "Header", id="no header"),
        pytest.param(body(1, b"txs"), "list of transactions", id="bytes for transactions"),
        pytest.param(body(1, ["one"]), "transactions are bytes", id="text for a transaction"),
        pytest.param(body(1, [b"one", None]), "transactions are bytes", id="no transaction"),
        pytest.param(body(1, [b""] * (TXS_MAX + 1)), "list of transactions", id="too many"),
        pytest.param(body(2, [b"proof"]), "a tag and a piece of evidence", id="evidence"),
        pytest.param(body(2, None), "a list of at most 256 pieces", id="none for evidence"),
        pytest.param(body(3, [1]), "Commit", id="half a commit"),
        pytest.param(body(3, None), "last_commit_hash", id="a commit is missing"),
        pytest.param(body(1, [b"one", b"two"]), "tx_root", id="a transaction is missing"),
        pytest.param(body(1, [b"two", b"one", b""]), "tx_root", id="transactions in another order"),
        pytest.param(
            body(0, layout(Header).pack(replace(HEADER, evidence_root=ZERO_HASH))),
            "evidence_root",
            id="a root of evidence that is not there",
        ),
        pytest.param(BLOCK.raw + b"\x00", "canonical", id="a byte behind"),
        pytest.param(BLOCK.raw[:-1], "canonical", id="a byte short"),
        pytest.param(bytes(BLOCK_BYTES_MAX + 1), "at most", id="too large"),
    ],
)
def test_what_is_no_block_is_malformed(raw: bytes, says: str) -> None:
    with pytest.raises(Malformed, match=says):
        decode_block(raw)


def test_no_changed_byte_leaves_the_same_block() -> None:
    for place, byte in enumerate(BLOCK.raw):
        changed = BLOCK.raw[:place] + bytes([byte ^ 1]) + BLOCK.raw[place + 1 :]
        try:
            other = decode_block(changed)
        except Malformed:
            continue
        assert other.id != BLOCK.id


def test_most_transactions_that_may_be_are_read() -> None:
    txs = (b"",) * TXS_MAX
    assert decode_block(make_block(header_of(txs), txs, COMMIT).raw).txs == txs


def test_roots_are_over_lists_in_their_order() -> None:
    assert tx_root(TXS) == merkle.root(b"tx", TXS) != tx_root(TXS[::-1])
    assert results_root(["ok", "nonce"]) == merkle.root(b"code", [b"ok", b"nonce"])
    assert results_root([]) == merkle.empty_root(b"code") != tx_root([])
    assert evidence_root() == merkle.empty_root(b"evidence")


def test_the_first_block_carries_no_commit() -> None:
    assert last_commit_hash(None) == ZERO_HASH
    assert last_commit_hash(COMMIT) == commit_hash(COMMIT)
