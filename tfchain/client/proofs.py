"""Answers checked here: a node is believed nothing that more than two thirds have not signed.

Trust begins with the genesis: it names the validators, and the chain's name carries its hash. From
there commit, header, state root, table root and row are followed down, and a receipt up to the root
that its batch was sealed with.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tfchain.base import merkle
from tfchain.base.codec import encode
from tfchain.base.crypto import digest, verify
from tfchain.base.shapes import decode_record, encode_record
from tfchain.base.units import Height, Millis
from tfchain.chain.genesis import Genesis
from tfchain.client.plain import bytes_of
from tfchain.errors import InvalidBlock, Malformed
from tfchain.ledger import tables, tree
from tfchain.ledger.block import Header, header_hash
from tfchain.ledger.commit import Commit, check_commit
from tfchain.ledger.minting import MINT_TAG, RECEIPT_TAG, Batch, MintRecord, Receipt

STATE_TAG: Final = b"state"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenRow:
    """A row as it stood after block `height`, or that there was none; signed as block `block_id`."""

    row: bytes | None
    height: Height
    block_id: bytes
    time: Millis
    """Of the block that was signed, the one after `height`."""


def check_proof(genesis: Genesis, table: str, key: bytes, plain: object) -> ProvenRow:
    """What a `GET /v1/proofs/...` shows of this table and key.

    Raises:
        Malformed: it is not laid out like one.
        InvalidBlock: it does not lead from the genesis' validators to the row.
    """
    root = _object(plain)
    row = None if root.get("row") is None else bytes_of(root.get("row"))
    header, block_id = _check_block(genesis, _object(root.get("block")))
    table_root = bytes_of(root.get("table_root"))
    _check_table(header, table, table_root, _object(root.get("state")))
    leaves = _object(root.get("tree"))
    proof = tree.TreeProof(
        siblings=_hashes(leaves.get("siblings")), leaf=_hashes(leaves.get("leaf"))
    )
    value = None if row is None else tree.value_hash(row)
    if not tree.check(table_root, tree.key_hash(key), value, proof):
        raise InvalidBlock(f"proof of {table}: the row is not under the table's root")
    height = Height(header.height - 1)
    return ProvenRow(row=row, height=height, block_id=block_id, time=header.time)


def _check_block(genesis: Genesis, plain: dict[str, object]) -> tuple[Header, bytes]:
    """The header, once the validators of the genesis are seen to have signed it."""
    header = decode_record(Header, bytes_of(plain.get("header")))
    commit = decode_record(Commit, bytes_of(plain.get("commit")))
    count, part_root = plain.get("part_count"), bytes_of(plain.get("part_root"))
    if type(count) is not int or not 0 < count < 1 << 32:
        raise Malformed("proof: a number of parts is due")
    chain_id, validators = genesis.params.chain_id, genesis.validator_set()
    block_id = digest(b"tf/block-id", header_hash(header), count.to_bytes(4, "big"), part_root)
    if (header.chain_id, header.validators_hash) != (chain_id, validators.hash()):
        raise InvalidBlock(f"proof: block {header.height} is of another chain than {chain_id}")
    if (commit.height, commit.block_id) != (header.height, block_id):
        raise InvalidBlock(f"proof: the signatures are not for block {header.height}")
    check_commit(chain_id, validators, commit, verify)
    return header, block_id


def _check_table(header: Header, table: str, table_root: bytes, plain: dict[str, object]) -> None:
    names = [one.name for one in tables.IN_TREE]
    leaf, path = encode([table, table_root]), _hashes(plain.get("path"))
    top, index = header.state_root, names.index(table)
    if not merkle.check(STATE_TAG, top, index, len(names), leaf, path):
        raise InvalidBlock(f"proof of {table}: the table is not under the state root")


def check_receipts(batch: Batch, receipts: Sequence[Receipt]) -> None:
    """Whether these are all the receipts of a sealed batch, in order.

    Raises:
        InvalidBlock: the batch was sealed over others.
    """
    leaves = [encode_record(receipt) for receipt in receipts]
    if not batch.root or merkle.root(RECEIPT_TAG, leaves) != batch.root:
        raise InvalidBlock(f"batch {batch.schedule}/{batch.period} was sealed over other receipts")


def check_mints(batch: Batch, mints: Sequence[MintRecord]) -> None:
    """Whether these are all the mint records of a paid batch, in order.

    Raises:
        InvalidBlock: the batch was paid by others.
    """
    leaves = [encode_record(record) for record in mints]
    if not batch.mints_root or merkle.root(MINT_TAG, leaves) != batch.mints_root:
        raise InvalidBlock(f"batch {batch.schedule}/{batch.period} was paid by other records")


def _object(plain: object) -> dict[str, object]:
    if not isinstance(plain, dict):
        raise Malformed("proof: an object is due")
    return plain


def _hashes(plain: object) -> tuple[bytes, ...]:
    if not isinstance(plain, list) or len(plain) > tree.DEPTH_MAX:
        raise Malformed("proof: a list of hashes is due")
    return tuple(bytes_of(one) for one in plain)
