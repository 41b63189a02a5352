"""Answers checked here: a node is believed nothing that more than two thirds have not signed.

Trust begins with an anchor, which knows the validators (`anchors`). From there commit, header, state
root, table root and row are followed down; and from a batch's row its roots, down to a receipt.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tfchain.base import merkle
from tfchain.base.codec import encode
from tfchain.base.crypto import digest, verify
from tfchain.base.shapes import decode_record, encode_record
from tfchain.base.units import Height, Millis, NodeId
from tfchain.chain.receipts import receipt_id
from tfchain.client.anchors import Anchor
from tfchain.client.plain import bytes_of
from tfchain.errors import InvalidBlock, Malformed
from tfchain.ledger import tables, tree
from tfchain.ledger.commit import FOR_BLOCK, Commit, check_commit
from tfchain.ledger.header import Header, header_hash
from tfchain.ledger.minting import MINT_TAG, RECEIPT_TAG, Batch, MintRecord, Receipt
from tfchain.ledger.validators import ValidatorSet

STATE_TAG: Final = b"state"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedBlock:
    """A header that more than two thirds of its validators' power have signed."""

    header: Header
    id: bytes
    power: int
    """What signed it, of `total`."""
    total: int
    commit: Commit


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenRow:
    """A row as it stood after block `height`, or that there was none; signed as block `block_id`."""

    table: str
    row: bytes | None
    height: Height
    signed: SignedBlock
    """The block after `height`, whose header has the state root."""
    evidence: object
    """The answer that was checked, for others to check."""

    @property
    def block_id(self) -> bytes:
        """Of the block that was signed."""
        return self.signed.id

    @property
    def time(self) -> Millis:
        """Of the block that was signed."""
        return self.signed.header.time


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenReceipt:
    """What stands under a batch's roots for one node.

    `receipt` is None unless the batch is sealed, `mint` unless it is paid; or the node says that
    there is none for this node, which only all rows of the batch together can prove.
    """

    batch: Batch | None
    proof: ProvenRow
    """Of the batch's row."""
    receipt: Receipt | None
    mint: MintRecord | None
    evidence: object


def check_proof(anchor: Anchor, table: str, key: bytes, plain: object) -> ProvenRow:
    """What a `GET /v1/proofs/...` shows of this table and key.

    Raises:
        Malformed: it is not laid out like one.
        InvalidBlock: it does not lead from the anchor's validators to the row.
    """
    root = _object(plain)
    row = None if root.get("row") is None else bytes_of(root.get("row"))
    signed = check_signed(anchor, root.get("block"))
    table_root = bytes_of(root.get("table_root"))
    _check_table(signed.header, table, table_root, _object(root.get("state")))
    leaves = _object(root.get("tree"))
    proof = tree.TreeProof(
        siblings=_hashes(leaves.get("siblings")), leaf=_hashes(leaves.get("leaf"))
    )
    value = None if row is None else tree.value_hash(row)
    if not tree.check(table_root, tree.key_hash(key), value, proof):
        raise InvalidBlock(f"proof of {table}: the row is not under the table's root")
    height = Height(signed.header.height - 1)
    return ProvenRow(table=table, row=row, height=height, signed=signed, evidence=plain)


def check_signed(anchor: Anchor, plain: object) -> SignedBlock:
    """The header of a proof's `block`, once the anchor's validators are seen to have signed it.

    Raises:
        Malformed: it is not laid out like one.
        InvalidBlock: another chain's, or not signed.
    """
    block = _object(plain)
    header = decode_record(Header, bytes_of(block.get("header")))
    commit = decode_record(Commit, bytes_of(block.get("commit")))
    count, part_root = block.get("part_count"), bytes_of(block.get("part_root"))
    if type(count) is not int or not 0 < count < 1 << 32:
        raise Malformed("proof: a number of parts is due")
    block_id = digest(b"tf/block-id", header_hash(header), count.to_bytes(4, "big"), part_root)
    if header.chain_id != anchor.chain_id:
        raise InvalidBlock(
            f"proof: block {header.height} is of another chain than {anchor.chain_id}"
        )
    validators = anchor.validators_of(header)
    if (commit.height, commit.block_id) != (header.height, block_id):
        raise InvalidBlock(f"proof: the signatures are not for block {header.height}")
    check_commit(anchor.chain_id, validators, commit, verify)
    power = _power_for(validators, commit)
    total = validators.total_power()
    return SignedBlock(header=header, id=block_id, power=power, total=total, commit=commit)


def _power_for(validators: ValidatorSet, commit: Commit) -> int:
    pairs = zip(validators.validators, commit.slots, strict=True)
    return sum(member.power for member, slot in pairs if slot.flag == FOR_BLOCK)


def check_receipt_proof(
    anchor: Anchor, batch_key: bytes, node_id: NodeId, plain: object
) -> ProvenReceipt:
    """What a `GET /v1/proofs/receipts/...` shows of a node in a batch.

    Raises:
        Malformed: it is not laid out like one.
        InvalidBlock: it does not lead from the anchor's validators to receipt and mint record.
    """
    root = _object(plain)
    proof = check_proof(anchor, tables.BATCHES.name, batch_key, root.get("batch"))
    batch = None if proof.row is None else tables.BATCHES.decode(proof.row)
    if batch is None:
        return ProvenReceipt(batch=None, proof=proof, receipt=None, mint=None, evidence=plain)
    receipt = mint = None
    if root.get("receipt") is not None:
        row = _leaf(RECEIPT_TAG, batch.root, batch.count, root.get("receipt"))
        receipt = decode_record(Receipt, row)
        _check_place("receipt", receipt, batch, node_id)
    if root.get("mint") is not None:
        row = _leaf(MINT_TAG, batch.mints_root, batch.mints_count, root.get("mint"))
        mint = decode_record(MintRecord, row)
        _check_place("mint record", mint, batch, node_id)
        check_mint_of(receipt, mint)
    return ProvenReceipt(batch=batch, proof=proof, receipt=receipt, mint=mint, evidence=plain)


def _leaf(tag: bytes, top: bytes, count: int, plain: object) -> bytes:
    """The row, once it is seen to be a leaf under the root."""
    found = _object(plain)
    row, index, path = bytes_of(found.get("row")), found.get("index"), _hashes(found.get("path"))
    if type(index) is not int:
        raise Malformed("proof: the place of a leaf is due")
    if not merkle.check(tag, top, index, count, row, path):
        raise InvalidBlock(f"proof of a {tag.decode()}: it is not under its batch's root")
    return row


def _check_place(what: str, row: Receipt | MintRecord, batch: Batch, node_id: NodeId) -> None:
    if (row.schedule, row.period, row.node_id) != (batch.schedule, batch.period, node_id):
        raise InvalidBlock(f"proof: the {what} is of another node or batch")


def check_mint_of(receipt: Receipt | None, mint: MintRecord) -> None:
    """Whether coins were minted for this very receipt; raises `InvalidBlock`."""
    if receipt is None or mint.receipt != receipt_id(receipt):
        raise InvalidBlock(f"node {mint.node_id}: the mint record is for another receipt")


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
    if not isinstance(plain, list) or len(plain) > tree.SIBLINGS_MAX:
        raise Malformed("proof: a list of hashes is due")
    return tuple(bytes_of(one) for one in plain)
