"""A short chain that a quiet simulated network made, as the nodes stored it."""

import pytest

from tfchain.base.units import Height
from tfchain.replica.effects import Save
from tfchain.sim.plan import Plan
from tfchain.sim.world import World

HEIGHTS = 5


@pytest.fixture(scope="session")
def world() -> World:
    """A network that has run to its end. Nobody changes it."""
    network = World(Plan(seed=1, scenario="quiet", heal_ms=2_000))
    assert network.run().violation == ""
    return network


@pytest.fixture(scope="session")
def saves(world: World) -> list[Save]:
    """What the first node stored, from height 1 on."""
    return [_save(world, Height(height)) for height in range(1, HEIGHTS + 1)]


def _save(world: World, height: Height) -> Save:
    store, fold = world.nodes[0].machine.chain, world.watch.fold
    block, commit = store.block(height), store.commit(height)
    assert block is not None and commit is not None
    outcome, tip = fold.outcomes[height], fold.tips[height]
    return Save(block=block, commit=commit, outcome=outcome, tip=tip)
