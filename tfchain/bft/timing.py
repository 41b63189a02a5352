"""How long a step waits, and when a proposal is on time. Milliseconds and integers throughout."""

from typing import Final

from tfchain.base.units import Millis
from tfchain.bft.events import PROPOSE
from tfchain.bft.messages import Proposal
from tfchain.ledger.commit import NO_POL
from tfchain.ledger.params import Consensus

DELAY_MAX_MS: Final = 24 * 60 * 60 * 1000
"""However many rounds passed, a proposal a day old is not on time (consensus 1.5 B4)."""

_GROWING_ROUNDS: Final = 200
"""After these, 1.1 to the round times any delay is past `DELAY_MAX_MS`: no need for big powers."""


def timeout_ms(params: Consensus, step: int, round_: int) -> Millis:
    """How long `step` waits: longer with every round of a height, up to a bound (1.4.1, 1.4.2)."""
    base = params.propose if step == PROPOSE else params.vote
    return Millis(min(base + params.growth * round_, params.timeout_max))


def is_timely(params: Consensus, proposal: Proposal, arrival_ms: Millis) -> bool:
    """Whether it came when its time says, as far as clocks and links allow (1.5 B1, B2, P3).

    Only a fresh proposal can be late: a block that some are locked on must stay acceptable. What is
    allowed grows by a tenth each round, so that constants set too small cannot stop the chain.
    """
    if proposal.pol_round != NO_POL:
        return True
    age = arrival_ms - proposal.time_ms
    return -params.precision <= age <= _delay_ms(params, proposal.round) + params.precision


def _delay_ms(params: Consensus, round_: int) -> int:
    exponent = min(round_, _GROWING_ROUNDS)
    grown: int = params.delay * 11**exponent // 10**exponent
    return min(grown, DELAY_MAX_MS)
