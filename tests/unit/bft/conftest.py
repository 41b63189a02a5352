"""Four validators of equal power, A to D: A proposes in round 0, B in round 1, and so on."""

import pytest

from tfchain.base.units import Address, Millis, Power
from tfchain.ledger.params import Consensus
from tfchain.ledger.validators import Validator, ValidatorSet, genesis_set, validator_address


@pytest.fixture
def four() -> ValidatorSet:
    keys = [Address(bytes([seed]) * 32) for seed in range(1, 5)]
    return genesis_set(
        [
            Validator(address=validator_address(key), key=key, power=Power(1), reward_account=key)
            for key in keys
        ]
    )


@pytest.fixture
def params() -> Consensus:
    return Consensus(
        precision=Millis(500),
        delay=Millis(2_000),
        propose=Millis(1_000),
        vote=Millis(500),
        growth=Millis(500),
        timeout_max=Millis(60_000),
        interval=Millis(1_000),
        block_bytes=1_000_000,
    )
