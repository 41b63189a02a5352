"""Where a chain goes on that was not followed from its genesis: the tip, from headers alone (1.12.2).

The header of the block above says what the state came to, so that a snapshot of height h needs the
light blocks of h, h + 1 and h + 2: for its time and commit, for its state, for the sets that follow.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from tfchain.base.shapes import Nested
from tfchain.chain.tip import Tip
from tfchain.errors import Divergence
from tfchain.ledger.light import LightBlock, id_of
from tfchain.ledger.validators import Validator, ValidatorSet


@dataclass(frozen=True, slots=True, kw_only=True)
class Headers:
    """The light blocks of a snapshot's height and of the two above it; trusted by whoever holds them."""

    at: Annotated[LightBlock, Nested(LightBlock)]
    above: Annotated[LightBlock, Nested(LightBlock)]
    beyond: Annotated[LightBlock, Nested(LightBlock)]


HEADERS_BYTES_MAX = 256 * 1024


def restored_tip(headers: Headers, members: Sequence[tuple[Validator, ...]]) -> Tip:
    """The tip after the snapshot's block. `members`: of the three heights, as the state lists them.

    Headers do not say where fees go; the state does, and must agree with them in all else.

    Raises:
        Divergence: it does not.
    """
    blocks = (headers.at, headers.above, headers.beyond)
    sets = [_paid(block, rows) for block, rows in zip(blocks, members, strict=True)]
    return Tip(
        height=headers.at.height,
        block_id=id_of(headers.at),
        time=headers.at.time,
        state_root=headers.above.header.state_root,
        results_root=headers.above.header.results_root,
        last_validators=sets[0],
        validators=sets[1],
        next_validators=sets[2],
    )


def _paid(block: LightBlock, members: tuple[Validator, ...]) -> ValidatorSet:
    """The set that voted on a block, with its reward accounts."""
    found = ValidatorSet(validators=members, priorities=block.validators.priorities)
    header = block.header
    # Priorities belong to the members in their order, so the members are compared first.
    if found.hash() != header.validators_hash or found.priorities_hash() != header.priorities_hash:
        raise Divergence(f"height {block.height}: the state's validators are not the header's")
    return found
