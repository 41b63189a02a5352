"""Stored blocks held against their commits at each reading: a bit that flipped is not handed on."""

from tfchain.base.units import Height
from tfchain.errors import Malformed, Unavailable
from tfchain.ledger.block import decode_block
from tfchain.ledger.commit import Commit
from tfchain.store.chain import ChainStore


class Spoiled(Unavailable):
    """A stored block, or its commit, is not what was written."""

    def __init__(self, height: Height, where: str) -> None:
        remedy = "it is fetched from the peers again; look after the disk"
        super().__init__(f"the store spoils block {height}", where, remedy)
        self.height = height


def sound_block(chain: ChainStore, height: Height) -> tuple[bytes, Commit] | None:
    """The bytes of a stored block and its commit, which names it; None where it is not here.

    The id covers every byte, so that whatever changed on the disk shows (scenario 29).

    Raises:
        Spoiled: the bytes or the commit are not those that were stored, or cannot be read; what is
            put there anew stands before them.
    """
    try:
        raw = chain.raw_block(height)
        commit = None if raw is None else chain.commit(height)
    except Unavailable as fault:
        raise Spoiled(height, chain.store.where) from fault
    if raw is None:
        return None
    if commit is None or not is_block(raw, height, commit):
        raise Spoiled(height, chain.store.where)
    return raw, commit


def is_block(raw: bytes, height: Height, commit: Commit) -> bool:
    """Whether these are the bytes of the block that the commit is for."""
    try:
        block = decode_block(raw)
    except Malformed:
        return False
    return (block.header.height, block.id) == (height, commit.block_id) and commit.height == height
