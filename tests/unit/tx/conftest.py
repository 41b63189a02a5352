"""A grid with a farm and a node, and the way a block applies what is sent."""

from collections.abc import Callable
from typing import Protocol

import pytest

from tfchain.base.crypto import public_key, sign
from tfchain.base.units import Address, FarmId, Height, Seconds
from tfchain.errors import Rejected
from tfchain.ledger.params import Params
from tfchain.ledger.records import Resources
from tfchain.ledger.state import State
from tfchain.tx.kind import Context, FreeKind, Kind
from tfchain.tx.kinds.create_farm import CreateFarm
from tfchain.tx.kinds.create_twin import CreateTwin
from tfchain.tx.kinds.register_node import RegisterNode
from tfchain.tx.lookup import acceptance_message

START = 1_700_000_000


class Act(Protocol):
    def __call__(self, kind: Kind, sender: Address, time: int = ..., nonce: int = ...) -> str: ...


@pytest.fixture
def act(state: State, params: Params) -> Act:
    """Apply a kind as a block does: on a branch that a refusal throws away. The answer is the code."""

    def run(kind: Kind, sender: Address, time: int = START + 1, nonce: int = 0) -> str:
        context = Context(
            height=Height(1), time=Seconds(time), params=params, sender=sender, nonce=nonce
        )
        branch = state.branch()
        try:
            if isinstance(kind, FreeKind):
                kind.space(branch, context)
            kind.apply(branch, context)
        except Rejected as refusal:
            return refusal.code
        branch.keep()
        return "ok"

    return run


@pytest.fixture
def accepted(params: Params) -> Callable[[int, Address, int, Resources], bytes]:
    """The acceptance of a farm's owner (a seed's byte) of a sender's node, for farm 1."""

    def signed(owner: int, sender: Address, nonce: int, resources: Resources) -> bytes:
        message = acceptance_message(params.chain_id, sender, nonce, FarmId(1), resources)
        return sign(bytes([owner]) * 32, message)

    return signed


@pytest.fixture
def grid(state: State, act: Act, accepted: Callable[..., bytes]) -> State:
    """Seed 1 owns twin 1 and farm 1; seed 2 owns twin 2 with node 1 in it, reported by seed 4."""
    farmer, owner, reporter = (Address(public_key(bytes([n]) * 32)) for n in (1, 2, 4))
    size = Resources(cru=8, mru=32 << 30, hru=0, sru=500 << 30)
    for sender in (farmer, owner):
        assert act(CreateTwin(relay="relay.example", public_key=b""), sender, START - 9) == "ok"
    assert act(CreateFarm(name="farm"), farmer, START - 9) == "ok"
    register = RegisterNode(
        farm_id=FarmId(1),
        reporter=reporter,
        resources=size,
        country="BE",
        city="Gent",
        virtualized=False,
        acceptance=accepted(1, owner, 5, size),
    )
    assert act(register, owner, START - 9, nonce=5) == "ok"
    return state
