"""Scenarios: which faults strike when, who is weak, and how long it lasts, by name.

A scenario draws its faults before the run begins, so that what happens is known from the seed alone.
After its last fault everything heals, and the network must go on by itself (consensus 2.5, L1).
"""

from dataclasses import dataclass, field
from typing import Final

from tfchain.sim import faults
from tfchain.sim.cast import (
    CLOCK,
    FORGETFUL,
    LIAR,
    SIZES,
    TWIN,
    WEAKNESSES,
    Cast,
    drawn_powers,
    with_weak,
)  # fmt: skip
from tfchain.sim.chance import Chance
from tfchain.sim.faults import Crash, Cut, Draw, Fault, Turn
from tfchain.sim.genesis import EVIDENCE_S, INTERVAL_MS
from tfchain.sim.liar import ACCUSING, FORGED, HABITS, INVALID, PROPOSALS, TIPS, VOTES
from tfchain.sim.network import Weather, between

PAUSE_MS: Final = (200, 1_800)
"""From one fault to the next."""
HEAL_MS: Final = 15_000
"""When the faults of a run of four are over: a dozen heights, if all were well."""
HEAL_LEAST_MS: Final = 4_000
"""And of the largest: its heights have six times the messages."""
HOUR_MS: Final = 3_600_000
WEEK_MS: Final = 7 * 24 * HOUR_MS
PARTITION_MS: Final = 120_000
"""How long the partition of an hour lasts."""
WEEK_BOUND_MS: Final = 120_000
"""Twenty blocks of six seconds. With every third message lost a height takes a round or two, told again
every half second; whoever missed its end hears of it within a few of those."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """A fault and when it strikes, in milliseconds from the start."""

    at_ms: int
    fault: Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What is drawn from, again and again until the heal."""

    draws: tuple[Draw, ...] = ()
    weaknesses: tuple[str, ...] = ()
    sizes: tuple[int, ...] = (4,)
    habits: tuple[str, ...] = HABITS
    """What liars draw their ways from."""
    equal: bool = True
    """Whether all have one power."""
    pause_ms: tuple[int, int] = PAUSE_MS
    heal_ms: int = HEAL_MS
    interval_ms: int = INTERVAL_MS
    evidence_s: int = EVIDENCE_S
    bound_ms: int = 0
    """L1 before the heal: the longest that a node stores nothing while links are whole; 0: not asked."""
    cast: Cast | None = field(default=None)
    """Who plays, where that is not drawn."""


_LINKS: Final[tuple[Draw, ...]] = (
    faults.halves, faults.alone, faults.deaf, faults.one_way, faults.ring, faults.swizzle,
)  # fmt: skip
_WORDS: Final[tuple[Draw, ...]] = (faults.unheard, faults.rounds, faults.rounds)
_MENDS: Final[tuple[Draw, ...]] = (faults.whole, faults.whole)
_MACHINES: Final[tuple[Draw, ...]] = (
    faults.crash, faults.crash, faults.outage, faults.behind, faults.slow, faults.full,
)  # fmt: skip

ALL: Final[tuple[Draw, ...]] = (
    *_LINKS, *_WORDS, *_MENDS, faults.storm, faults.storm, *_MACHINES, faults.clock,
    faults.forgotten,
)  # fmt: skip

MIXED: Final = "mixed"
FORK: Final = "fork"
BOUNDARIES: Final = "boundaries"
WEEK: Final = "week"

SCENARIOS: Final[dict[str, Scenario]] = {
    MIXED: Scenario(draws=ALL, weaknesses=WEAKNESSES, sizes=SIZES, equal=False),
    "quiet": Scenario(),
    "halves": Scenario(draws=(faults.halves, faults.halves, faults.whole, faults.storm)),
    "links": Scenario(draws=(*_LINKS, faults.whole)),
    "storm": Scenario(draws=(faults.storm,)),
    "unheard": Scenario(draws=(*(faults.unheard,) * 3, faults.storm, faults.whole)),
    "rounds": Scenario(
        draws=(*(faults.rounds,) * 3, faults.lossy), pause_ms=(2_000, 5_000), heal_ms=20_000
    ),
    "crashes": Scenario(draws=(faults.crash, faults.behind, faults.outage, faults.full)),
    BOUNDARIES: Scenario(heal_ms=6_000),
    "power cuts": Scenario(
        draws=(faults.forgotten, faults.forgotten, faults.outage, faults.rounds),
        weaknesses=(FORGETFUL,),
    ),
    "clocks": Scenario(draws=(faults.clock, faults.clock, faults.whole), weaknesses=(CLOCK,)),
    "slow": Scenario(draws=(faults.slow, faults.storm)),
    "liar": Scenario(draws=(*_LINKS, *_WORDS, *_MENDS, faults.storm), weaknesses=(LIAR,)),
    "forgers": Scenario(
        draws=(*_LINKS, faults.whole), weaknesses=(LIAR,), habits=(INVALID, FORGED, TIPS, ACCUSING)
    ),
    "catch-up": Scenario(
        draws=(faults.alone, faults.alone, faults.behind, faults.whole), weaknesses=(LIAR,),
        habits=(FORGED, TIPS), pause_ms=(3_000, 6_000), heal_ms=25_000,
    ),
    "evidence": Scenario(
        draws=(faults.alone, faults.alone, faults.rounds), weaknesses=(LIAR,),
        habits=(VOTES, PROPOSALS), pause_ms=(2_000, 5_000), evidence_s=1,
    ),
    "liars": Scenario(
        draws=(faults.rounds, faults.rounds, faults.whole), weaknesses=(LIAR,), sizes=(7, 8),
        heal_ms=8_000, equal=False,
    ),
    "twins": Scenario(draws=(faults.rounds, faults.halves, faults.whole), weaknesses=(TWIN,)),
    FORK: Scenario(
        draws=(faults.halves, faults.rounds), pause_ms=(4_000, 8_000), heal_ms=30_000,
        cast=Cast(powers=(1, 1, 1, 1), twins=(2, 3)),
    ),
    WEEK: Scenario(heal_ms=WEEK_MS, interval_ms=6_000, bound_ms=WEEK_BOUND_MS),
}  # fmt: skip


def cast_of(name: str, chance: Chance, validators: int | None) -> Cast:
    """Who plays in a run."""
    scenario = SCENARIOS[name]
    if scenario.cast is not None and validators in {None, scenario.cast.validators}:
        return scenario.cast
    sizes = scenario.sizes if validators is None else (validators,)
    powers = drawn_powers(chance, sizes, equal=scenario.equal)
    return with_weak(chance, powers, scenario.weaknesses, scenario.habits)


def heal_of(name: str, cast: Cast) -> int:
    """When faults are over: the more nodes, the earlier, for a run has so many messages."""
    heal_ms = SCENARIOS[name].heal_ms
    if cast.nodes <= 5:
        return heal_ms
    return max(HEAL_LEAST_MS, heal_ms * 20 // (cast.nodes * cast.nodes))


def episodes(name: str, seed: int, chance: Chance, cast: Cast, heal_ms: int) -> list[Episode]:
    """The faults of a scenario in order of time, all of them before the heal."""
    if name == BOUNDARIES:
        return [_boundary(seed, chance, cast)]
    if name == WEEK:
        return _partitions(chance, cast, heal_ms)
    scenario, found = SCENARIOS[name], list[Episode]()
    at_ms = chance.between(*scenario.pause_ms)
    while scenario.draws and at_ms < heal_ms:
        for wait_ms, fault in chance.pick(scenario.draws)(chance, cast):
            found.append(Episode(at_ms=at_ms + wait_ms, fault=fault))
        at_ms += chance.between(*scenario.pause_ms)
    found = [one for one in found if one.at_ms < heal_ms]
    return sorted(found, key=lambda one: one.at_ms)


def _boundary(seed: int, chance: Chance, cast: Cast) -> Episode:
    """Scenario 21: the seed is the effect, of one node after the other, that a crash comes before."""
    node, effects = seed % cast.nodes, seed // cast.nodes
    down_ms = chance.pick((1, 300, 1_500))
    crash = Crash(nodes=(node,), effects=effects, down_ms=down_ms, power=True)
    return Episode(at_ms=0, fault=crash)


def _partitions(chance: Chance, cast: Cast, heal_ms: int) -> list[Episode]:
    """30 % loss for ever, and a partition every hour."""
    loss = Weather(least_ms=5, most_ms=150, lost=300)
    found = [Episode(at_ms=1, fault=Turn(weather=loss))]
    for start in range(0, heal_ms - PARTITION_MS, HOUR_MS):
        at_ms = start + chance.between(1_000, max(1_000, min(HOUR_MS, heal_ms) - PARTITION_MS))
        order = chance.shuffled(range(cast.nodes))
        half = chance.between(1, cast.nodes - 1)
        links = tuple(between(order[:half], order[half:]))
        found.append(Episode(at_ms=at_ms, fault=Cut(links=links)))
        found.append(Episode(at_ms=at_ms + PARTITION_MS, fault=Cut()))
    return found
