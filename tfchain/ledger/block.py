"""Blocks: a header that commits to everything, the transactions, and the last block's commit."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from tfchain.base import merkle
from tfchain.base.codec import decode, encode
from tfchain.base.crypto import ZERO_HASH
from tfchain.base.last import of_last
from tfchain.base.limits import BLOCK_BYTES_MAX, PART_BYTES
from tfchain.base.shapes import layout
from tfchain.errors import Malformed
from tfchain.ledger.commit import Commit, commit_hash
from tfchain.ledger.evidence import Evidence, evidence_root, pack_pieces, unpack_pieces
from tfchain.ledger.header import Header, id_of_parts

ROOTS_KEPT_MAX: Final = 64
"""Of codes: blocks of as many transactions, all of which took effect, have the same."""
TXS_MAX: Final = 20_000
"""Transactions in a block; the smallest signed one has over 100 bytes."""


@dataclass(frozen=True, slots=True)
class Block:
    """A block with the bytes it came in; equal blocks have equal bytes."""

    header: Header
    txs: tuple[bytes, ...]
    evidence: tuple[Evidence, ...]
    last_commit: Commit | None
    """None in the first block."""
    raw: bytes
    id: bytes


def make_block(
    header: Header,
    txs: tuple[bytes, ...],
    last_commit: Commit | None,
    evidence: tuple[Evidence, ...] = (),
) -> Block:
    """A block of these; the caller has set the header's roots."""
    commit = None if last_commit is None else layout(Commit).pack(last_commit)
    raw = encode([layout(Header).pack(header), list(txs), pack_pieces(evidence), commit])
    return Block(header, txs, evidence, last_commit, raw, block_id(header, raw))


def decode_block(raw: bytes) -> Block:
    """The block that `raw` spells, its own roots checked.

    Raises:
        Malformed: not a block, too large, or its header's roots do not fit its body.
    """
    plain = decode(raw, BLOCK_BYTES_MAX)
    if type(plain) is not list or len(plain) != 4:
        raise Malformed("a block is a list of header, transactions, evidence, last commit")
    header = layout(Header).unpack(plain[0])
    txs = plain[1]
    if type(txs) is not list or len(txs) > TXS_MAX:
        raise Malformed("a block has a list of transactions")
    if not all(type(tx) is bytes for tx in txs):
        raise Malformed("a block's transactions are bytes")
    evidence = unpack_pieces(plain[2])
    last_commit = None if plain[3] is None else layout(Commit).unpack(plain[3])
    block = Block(header, tuple(txs), evidence, last_commit, raw, block_id(header, raw))
    _check_roots(block)
    return block


def _check_roots(block: Block) -> None:
    header = block.header
    if tx_root(block.txs) != header.tx_root:
        raise Malformed(f"block {header.height}: tx_root does not fit the transactions")
    if last_commit_hash(block.last_commit) != header.last_commit_hash:
        raise Malformed(f"block {header.height}: last_commit_hash does not fit the last commit")
    if header.evidence_root != evidence_root(block.evidence):
        raise Malformed(f"block {header.height}: evidence_root does not fit the evidence")


def block_id(header: Header, raw: bytes) -> bytes:
    """The id of a whole block (P30)."""
    return id_of_parts(header, *parts_of(raw))


def parts_of(raw: bytes) -> tuple[int, bytes]:
    """How many parts a block has, and the root over them (P30)."""
    parts = [raw[start : start + PART_BYTES] for start in range(0, len(raw), PART_BYTES)]
    return len(parts), merkle.root(b"part", parts)


def tx_root(txs: Sequence[bytes]) -> bytes:
    """The root over a block's transactions."""
    return merkle.root(b"tx", txs)


def results_root(codes: Sequence[str]) -> bytes:
    """The root over the codes of a block's transactions, codes alone (P32)."""
    return _codes_root(tuple(codes))


@lru_cache(ROOTS_KEPT_MAX)
def _codes_root(codes: tuple[str, ...]) -> bytes:
    return merkle.root_of_known(b"code", [code.encode() for code in codes])


def last_commit_hash(commit: Commit | None) -> bytes:
    """The hash of the commit that a block carries; zeros in the first block."""
    return ZERO_HASH if commit is None else _commit_hash(commit)


_commit_hash = of_last(commit_hash)
