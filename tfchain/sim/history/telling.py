"""A story on four replicas, from its genesis to its end; and whether it paid what was due."""

from dataclasses import dataclass
from typing import Final

from tfchain.base.units import MS_PER_S
from tfchain.sim.cast import Cast
from tfchain.sim.fold import Fold
from tfchain.sim.history.diary import Paid
from tfchain.sim.history.genesis import BLOCK_S, genesis_text
from tfchain.sim.history.play import Play
from tfchain.sim.history.story import Story
from tfchain.sim.plan import Plan
from tfchain.sim.stage import Stage
from tfchain.sim.world import World
from tfchain.store.chain import ChainStore

REPLICAS: Final = 4
GUARDIANS: Final = 4
GOSSIP_MS: Final = 4 * 3_600_000


def world_of(story: Story, seed: int, replicas: int = REPLICAS) -> World:
    """The network, not started; its first node keeps all blocks.

    `replicas`: at most as many as there are guardians; one is enough to rehearse a story.
    """

    def play(fold: Fold, chain: ChainStore) -> Play:
        return Play(story, fold, chain, GUARDIANS)

    stage = Stage(
        genesis=genesis_text(story, GUARDIANS, replicas),
        start_ms=story.start * MS_PER_S,
        interval_ms=BLOCK_S * MS_PER_S,
        look_ms=BLOCK_S * MS_PER_S // 2,
        gossip_ms=GOSSIP_MS,
        keeps_all=True,
        play=play,
    )
    lasts_ms = (story.end - story.start) * MS_PER_S
    plan = Plan(seed=seed, scenario="quiet", validators=replicas, heal_ms=lasts_ms)
    return World(plan, Cast(powers=(1,) * replicas), stage)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One node: what is due by the second computation, and what the ledger did, in utft."""

    node: int
    regime: str
    expected: int
    paid: int
    expected_locked: int
    locked: int

    def differs(self) -> bool:
        """Whether they are not the same."""
        return (self.expected, self.expected_locked) != (self.paid, self.locked)


def lines_of(nodes: list[dict[str, object]], paid: Paid) -> list[Line]:
    """A line for each node of either side, in order."""
    due = {_number(row["node"]): row for row in nodes}
    lines = []
    for number in range(1, max(paid.nodes, *due, 0) + 1):
        row = due.get(number, {"regime": "?", "expected": 0, "locked": 0})
        line = Line(
            node=number,
            regime=str(row["regime"]),
            expected=_number(row["expected"]),
            paid=sum(amount for place, amount in paid.coins.items() if place[2] == number),
            expected_locked=_number(row["locked"]),
            locked=paid.locked.get(number, 0),
        )
        lines.append(line)
    return lines


def differences(rows: list[dict[str, object]], paid: Paid) -> list[str]:
    """Where a batch paid a node something else, or locked what was free or the reverse, in words."""
    due = {
        (_number(row["schedule"]), _number(row["period"]), _number(row["node"])): row
        for row in rows
    }
    found = []
    for place in sorted({*due, *paid.coins}):
        expected = _number(due[place]["amount"]) if place in due else 0
        got = paid.coins.get(place, 0)
        batch = f"batch {place[0]}/{place[1]}, node {place[2]}"
        if expected != got:
            why = due[place]["reason"] if place in due else "nothing was due"
            found.append(f"{batch}: {expected} was due, {got} was paid; {why}")
        elif place in paid.free and paid.free[place] != due[place]["free"]:
            found.append(f"{batch}: it was {'free' if paid.free[place] else 'locked'}")
    return found


def _number(value: object) -> int:
    assert type(value) is int, value
    return value
