"""A stored block as a proof begins with it: the header, what its id is over, and who signed that."""

from dataclasses import dataclass

from tfchain.base import merkle
from tfchain.base.limits import PART_BYTES
from tfchain.base.shapes import encode_record
from tfchain.base.units import Height
from tfchain.ledger.block import Block
from tfchain.ledger.commit import Commit
from tfchain.store.chain import ChainStore


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedHeader:
    """What the commit's signatures lead to: the header, and the parts that its block's id is over."""

    block: Block
    header: bytes
    part_count: int
    part_root: bytes
    commit: Commit


def signed_header(chain: ChainStore, height: Height) -> SignedHeader | None:
    """The header of a stored block with its signatures; None where there is none."""
    block, commit = chain.block(height), chain.commit(height)
    if block is None or commit is None:
        return None
    parts = [block.raw[at : at + PART_BYTES] for at in range(0, len(block.raw), PART_BYTES)]
    return SignedHeader(
        block=block,
        header=encode_record(block.header),
        part_count=len(parts),
        part_root=merkle.root(b"part", parts),
        commit=commit,
    )
