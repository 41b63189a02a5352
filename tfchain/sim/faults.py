"""What may happen to a simulated network, as values, and scenarios: which of it happens, and when.

A scenario draws its faults before the run begins, so that what happens is known from the seed alone.
After its last fault everything heals, and the network must go on by itself (consensus 2.5, L1).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from tfchain.sim.chance import Chance
from tfchain.sim.network import WORDS, Link, Weather, Word, between, chords, into


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """These links carry nothing, and some no words of one kind; all others carry all."""

    links: tuple[Link, ...]
    words: tuple[Word, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """The weather turns."""

    weather: Weather


@dataclass(frozen=True, slots=True, kw_only=True)
class Crash:
    """These nodes crash, each before the effect that many after this, and come back by themselves."""

    nodes: tuple[int, ...]
    effects: int
    down_ms: int
    power: bool
    """Whether what the log had not synced is lost, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Skew:
    """A node's clock jumps, to so many milliseconds beside the true time."""

    node: int
    ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Slow:
    """Verifying, executing and saving take a node up to so long, and answers come in any order."""

    node: int
    most_ms: int


Fault: TypeAlias = Cut | Turn | Crash | Skew | Slow


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """A fault and when it strikes, in milliseconds from the start."""

    at_ms: int
    fault: Fault


Draw = Callable[[Chance, int], Fault]
"""A fault for a network of so many nodes."""

PAUSE_MS: Final = (200, 1_800)
"""From one fault to the next."""
LYING: Final = "liar"
"""The scenario with a validator that says different things to different peers."""


def halves(chance: Chance, count: int) -> Fault:
    """Two halves, neither of which may decide (scenario 12)."""
    order = chance.shuffled(range(count))
    return Cut(links=tuple(between(order[: count // 2], order[count // 2 :])))


def alone(chance: Chance, count: int) -> Fault:
    """One node alone (scenario 13)."""
    order = chance.shuffled(range(count))
    return Cut(links=tuple(between(order[:1], order[1:])))


def deaf(chance: Chance, count: int) -> Fault:
    """One node hears nobody (scenario 14)."""
    return Cut(links=tuple(into(chance.between(0, count - 1), count)))


def one_way(chance: Chance, count: int) -> Fault:
    """Some links carry nothing in one direction."""
    links = [(one, other) for one in range(count) for other in range(count) if one != other]
    return Cut(links=tuple(link for link in links if chance.happens(300)))


def ring(chance: Chance, count: int) -> Fault:
    """Each node reaches its neighbours only (scenario 15)."""
    return Cut(links=tuple(chords(chance.shuffled(range(count)))))


def unheard(chance: Chance, count: int) -> Fault:
    """Votes and proposals reach some and not others, so that few lock what others never saw (2)."""
    share = chance.pick((300, 500, 700))
    words = [
        (one, other, word)
        for one in range(count)
        for other in range(count)
        for word in WORDS
        if one != other and chance.happens(share)
    ]
    return Cut(links=(), words=tuple(words))


def whole(_chance: Chance, _count: int) -> Fault:
    """All links are there."""
    return Cut(links=())


def storm(chance: Chance, _count: int) -> Fault:
    """Loss, copies and long ways round (scenario 16)."""
    slowest = chance.pick((100, 400, 1_000, 2_000))
    lost, doubled = chance.pick((0, 50, 300)), chance.pick((0, 200))
    return Turn(weather=Weather(least_ms=1, most_ms=slowest, lost=lost, doubled=doubled))


def crash(chance: Chance, count: int) -> Fault:
    """One node crashes at any effect (scenario 21)."""
    return _crash(chance, (chance.between(0, count - 1),))


def outage(chance: Chance, count: int) -> Fault:
    """All crash, each at an effect of its own (scenario 23)."""
    return _crash(chance, tuple(range(count)))


def _crash(chance: Chance, nodes: tuple[int, ...]) -> Crash:
    effects, down_ms = chance.between(0, 60), chance.pick((1, 300, 1_500, 4_000))
    return Crash(nodes=nodes, effects=effects, down_ms=down_ms, power=chance.happens(700))


def clock(chance: Chance, count: int) -> Fault:
    """The first node's clock jumps, by an hour at most (scenario 40).

    Time is safe while less than a third of the clocks are wrong: in a set of three, none may be.
    """
    jumps = (-3_600_000, -10_000, -800, 800, 10_000, 3_600_000) if count > 3 else (0,)
    return Skew(node=0, ms=chance.pick(jumps))


def slow(chance: Chance, count: int) -> Fault:
    """A busy machine."""
    return Slow(node=chance.between(0, count - 1), most_ms=chance.pick((50, 600, 3_000)))


SCENARIOS: Final[dict[str, tuple[Draw, ...]]] = {
    "mixed": (
        halves, alone, deaf, one_way, ring, whole, whole, storm, storm, crash, crash, outage,
        clock, slow, unheard, unheard, unheard,
    ),
    "quiet": (),
    "halves": (halves, halves, whole, storm),
    "links": (alone, deaf, one_way, ring, whole),
    "storm": (storm,),
    "unheard": (unheard, unheard, unheard, storm, whole),
    "crashes": (crash, crash, outage),
    "clocks": (clock, whole, storm),
    "slow": (slow, storm),
    LYING: (halves, alone, one_way, whole, whole, storm, crash, slow, unheard, unheard, unheard),
}  # fmt: skip
"""By name: what is drawn from, again and again until the heal."""


def episodes(name: str, chance: Chance, count: int, heal_ms: int) -> list[Episode]:
    """The faults of a scenario in order of time, all of them before the heal."""
    draws, found = SCENARIOS[name], list[Episode]()
    at_ms = chance.between(*PAUSE_MS)
    while draws and at_ms < heal_ms:
        found.append(Episode(at_ms=at_ms, fault=chance.pick(draws)(chance, count)))
        at_ms += chance.between(*PAUSE_MS)
    return found
