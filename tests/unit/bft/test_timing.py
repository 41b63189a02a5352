"""How long a step waits and when a proposal is on time (consensus 1.4, 1.5 B; P3)."""

import pytest

from tfchain.base.units import Height, Millis, Round
from tfchain.bft.events import PRECOMMIT_STEP, PREVOTE_STEP, PROPOSE
from tfchain.bft.messages import Proposal
from tfchain.bft.timing import DELAY_MAX_MS, is_timely, timeout_ms
from tfchain.ledger.params import Consensus

NOW = 10_000_000_000


@pytest.mark.parametrize(
    ("step", "round_", "ms"),
    [
        pytest.param(PROPOSE, 0, 1_000, id="propose"),
        pytest.param(PREVOTE_STEP, 0, 500, id="prevote"),
        pytest.param(PRECOMMIT_STEP, 0, 500, id="precommit"),
        pytest.param(PROPOSE, 3, 2_500, id="longer each round"),
        pytest.param(PREVOTE_STEP, 119, 60_000, id="at the bound"),
        pytest.param(PREVOTE_STEP, 4_000_000_000, 60_000, id="never beyond"),
    ],
)
def test_timeouts_grow_up_to_a_bound(params: Consensus, step: int, round_: int, ms: int) -> None:
    """Consensus 1.4.1, 1.4.2."""
    assert timeout_ms(params, step, round_) == ms


@pytest.mark.parametrize(
    ("round_", "early", "late"),
    [
        pytest.param(0, 500, 2_500, id="round 0"),
        pytest.param(1, 500, 2_700, id="a tenth more"),
        pytest.param(2, 500, 2_920, id="and a tenth of that"),
        pytest.param(4_000_000_000, 500, DELAY_MAX_MS + 500, id="a day at most"),
    ],
)
def test_what_is_on_time_grows_with_the_round(
    params: Consensus, round_: int, early: int, late: int
) -> None:
    """Consensus 1.5 B1, B4: late by more each round, early never by more than the precision."""
    for pol_round, always in ((-1, False), (0, True)):
        proposal = Proposal(
            height=Height(1),
            round=Round(round_),
            pol_round=pol_round,
            block_id=bytes(32),
            time_ms=Millis(NOW),
        )
        assert is_timely(params, proposal, Millis(NOW - early))
        assert is_timely(params, proposal, Millis(NOW + late))
        assert is_timely(params, proposal, Millis(NOW - early - 1)) is always
        assert is_timely(params, proposal, Millis(NOW + late + 1)) is always
