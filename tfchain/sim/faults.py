"""What may happen to a simulated network, as values, and how each of it is drawn.

A draw is a strike or several: when, after the draw, which fault. Scenarios choose between draws.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from tfchain.sim.cast import Cast
from tfchain.sim.chance import Chance
from tfchain.sim.network import LOCKS, Link, Weather, Word, between, chords, into, scattered

LOG: Final = "log"
SIGNER: Final = "signer"
STORE: Final = "store"
DISKS: Final = (LOG, SIGNER, STORE)
"""What a node writes to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """These links carry nothing, and some no words of one kind; all others carry all."""

    links: tuple[Link, ...] = ()
    words: tuple[Word, ...] = ()
    deal: str | None = None
    """Losses that are drawn for each round of voting, from this name."""


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
    """A node's clock jumps, to so many milliseconds beside the true time, and drifts from there."""

    node: int
    ms: int
    drift: int = 0
    """Milliseconds gained in a thousand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slow:
    """Verifying, executing and saving take a node up to so long, and answers come in any order."""

    node: int
    most_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Full:
    """A node's disk has room for so many writes more; then it stops until somebody frees space."""

    node: int
    disk: str
    writes: int
    down_ms: int


Fault: TypeAlias = Cut | Turn | Crash | Skew | Slow | Full
Strike: TypeAlias = tuple[int, Fault]
"""A fault, and how many milliseconds after its draw it strikes."""
Draw: TypeAlias = Callable[[Chance, Cast], Sequence[Strike]]


def _now(fault: Fault) -> Sequence[Strike]:
    return ((0, fault),)


def halves(chance: Chance, cast: Cast) -> Sequence[Strike]:
    """Two halves, neither of which may decide (scenario 12)."""
    order = chance.shuffled(range(cast.nodes))
    return _now(Cut(links=tuple(between(order[: cast.nodes // 2], order[cast.nodes // 2 :]))))


def alone(chance: Chance, cast: Cast) -> Sequence[Strike]:
    """One node alone (scenario 13)."""
    order = chance.shuffled(range(cast.nodes))
    return _now(Cut(links=tuple(between(order[:1], order[1:]))))


def deaf(chance: Chance, cast: Cast) -> Sequence[Strike]:
    """One node hears nobody (scenario 14)."""
    return _now(Cut(links=tuple(into(chance.between(0, cast.nodes - 1), cast.nodes))))


def one_way(chance: Chance, cast: Cast) -> Sequence[Strike]:
    """Some links carry nothing in one direction."""
    nodes = range(cast.nodes)
    links = [(one, other) for one in nodes for other in nodes if one != other]
    return _now(Cut(links=tuple(link for link in links if chance.happens(300))))


def ring(chance: Chance, cast: Cast) -> Sequence[Strike]:
    """Each node reaches its neighbours only (scenario 15)."""
    return _now(Cut(links=tuple(chords(chance.shuffled(range(cast.nodes))))))


def swizzle(chance: Chance, cast: Cast) -> Sequence[Strike]:
    """Nodes are cut off one by one and come back in another order (scenario 18)."""
    nodes = chance.shuffled(range(cast.nodes))[: chance.between(2, max(2, cast.nodes - 1))]
    gone, at_ms, strikes = list[int](), 0, list[Strike]()
    for node in (*nodes, *chance.shuffled(nodes)):
        gone = [one for one in gone if one != node] if node in gone else [*gone, node]
        strikes.append((at_ms, Cut(links=tuple(_around(gone, cast.nodes)))))
        at_ms += chance.between(100, 900)
    return strikes


def _around(gone: list[int], count: int) -> list[Link]:
    """All links of these nodes."""
    nodes = range(count)
    links = [(one, other) for one in nodes for other in nodes if one != other]
    return [link for link in links if link[0] in gone or link[1] in gone]


def unheard(chance: Chance, cast: Cast) -> Sequence[Strike]:
    """Votes and proposals reach some and not others, so that few lock what others never saw (2)."""
    share = chance.pick((300, 500, 700))
    return _now(Cut(words=tuple(scattered(chance, cast.nodes, share))))


def rounds(chance: Chance, cast: Cast) -> Sequence[Strike]:
    """In each round of voting others hear each other, as in Twins (consensus 2.4, scenario 31)."""
    flavour = chance.pick((LOCKS, "any"))
    return _now(Cut(deal=f"{flavour} {chance.between(0, 1 << 60)} {cast.nodes}"))


def whole(_chance: Chance, _cast: Cast) -> Sequence[Strike]:
    """All links are there."""
    return _now(Cut())


def storm(chance: Chance, _cast: Cast) -> Sequence[Strike]:
    """Loss, copies and long ways round (scenario 16)."""
    slowest = chance.pick((100, 400, 1_000, 2_000))
    lost, doubled = chance.pick((0, 50, 300)), chance.pick((0, 200))
    return _now(Turn(weather=Weather(least_ms=1, most_ms=slowest, lost=lost, doubled=doubled)))


def lossy(_chance: Chance, _cast: Cast) -> Sequence[Strike]:
    """Two of five messages are lost, whatever they carry."""
    return _now(Turn(weather=Weather(least_ms=1, most_ms=60, lost=400)))


def crash(chance: Chance, cast: Cast) -> Sequence[Strike]:
    """One node crashes at any effect (scenario 21)."""
    return _crash(chance, (chance.between(0, cast.nodes - 1),))


def outage(chance: Chance, cast: Cast) -> Sequence[Strike]:
    """All crash, each at an effect of its own (scenario 23)."""
    return _crash(chance, tuple(range(cast.nodes)))


def _crash(chance: Chance, nodes: tuple[int, ...], *, power: bool = False) -> Sequence[Strike]:
    effects, down_ms = chance.between(0, 60), chance.pick((1, 300, 1_500, 4_000))
    power = power or chance.happens(700)
    return _now(Crash(nodes=nodes, effects=effects, down_ms=down_ms, power=power))


def behind(chance: Chance, cast: Cast) -> Sequence[Strike]:
    """A node is cut off for some heights, and loses its power while it catches up."""
    node = chance.between(0, cast.nodes - 1)
    others = [one for one in range(cast.nodes) if one != node]
    back_ms = chance.between(2_500, 5_000)
    crash = Crash(nodes=(node,), effects=chance.between(0, 50), down_ms=300, power=True)
    return (
        (0, Cut(links=tuple(between([node], others)))),
        (back_ms, Cut()),
        (back_ms + chance.between(0, 500), crash),
    )


def forgotten(chance: Chance, cast: Cast) -> Sequence[Strike]:
    """A node whose disk breaks its word loses its power (scenario 25)."""
    if not cast.forgetful:
        return ()
    return _crash(chance, (chance.pick(cast.forgetful),), power=True)


def clock(chance: Chance, cast: Cast) -> Sequence[Strike]:
    """A clock that may be wrong jumps, by an hour at most, or runs fast or slow (scenario 40)."""
    if not cast.clocks:
        return ()
    jump = chance.pick((-3_600_000, -10_000, -800, 0, 800, 10_000, 3_600_000))
    drift = chance.pick((-100, -10, 0, 10, 100))
    return _now(Skew(node=chance.pick(cast.clocks), ms=jump, drift=drift))


def slow(chance: Chance, cast: Cast) -> Sequence[Strike]:
    """A busy machine."""
    node = chance.between(0, cast.nodes - 1)
    return _now(Slow(node=node, most_ms=chance.pick((50, 600, 3_000))))


def full(chance: Chance, cast: Cast) -> Sequence[Strike]:
    """A disk without room (scenario 27)."""
    return _now(
        Full(
            node=chance.between(0, cast.nodes - 1),
            disk=chance.pick(DISKS),
            writes=chance.between(0, 30),
            down_ms=chance.pick((300, 1_500, 4_000)),
        )
    )
