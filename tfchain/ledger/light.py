"""Light blocks: as much of a block as it takes to trust its header, and proof that two are at odds.

A light block is small whatever the block holds: header, what the block id says of the parts (P30),
the commit, and the set that signed it. `bft.light` says when to believe one.
"""

from dataclasses import dataclass
from typing import Annotated, Final

from tfchain.base.limits import RECORD_BYTES_MAX
from tfchain.base.shapes import Hash, Nested
from tfchain.base.units import Height, Millis
from tfchain.ledger.block import Block, parts_of
from tfchain.ledger.commit import Commit
from tfchain.ledger.header import Header, PartCount, id_of_parts
from tfchain.ledger.validators import ValidatorSet

LIGHT_BYTES_MAX: Final = RECORD_BYTES_MAX
"""A header and, of the largest set, its members and their signatures: about 48 KiB."""
ATTACK_BYTES_MAX: Final = RECORD_BYTES_MAX + 64


@dataclass(frozen=True, slots=True, kw_only=True)
class LightBlock:
    """A block without its body. Nothing in it is true before somebody has checked it.

    The members' reward accounts are under no hash of the header: whoever pays somebody looks them
    up elsewhere.
    """

    header: Annotated[Header, Nested(Header)]
    parts: PartCount
    part_root: Hash
    commit: Annotated[Commit, Nested(Commit)]
    validators: Annotated[ValidatorSet, Nested(ValidatorSet)]
    """The set of this height, with the priorities that name its proposers."""

    @property
    def height(self) -> Height:
        """The header's height."""
        return self.header.height

    @property
    def time(self) -> Millis:
        """The header's time."""
        return self.header.time


@dataclass(frozen=True, slots=True, kw_only=True)
class LightAttack:
    """Evidence: more than two thirds of a set signed a block that is not the chain's (1.9.1).

    `common_height`: the last height at which both histories agree. Where it is the block's own
    height, the set is the chain's and two blocks of one height were signed.
    """

    conflicting: Annotated[LightBlock, Nested(LightBlock)]
    common_height: Height


def light_block(block: Block, commit: Commit, validators: ValidatorSet) -> LightBlock:
    """The light form of a block that is here whole."""
    count, root = parts_of(block.raw)
    return LightBlock(
        header=block.header, parts=count, part_root=root, commit=commit, validators=validators
    )


def id_of(block: LightBlock) -> bytes:
    """The block id: that of the whole block, if this is its light form."""
    return id_of_parts(block.header, block.parts, block.part_root)
