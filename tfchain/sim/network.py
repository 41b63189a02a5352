"""The wire of a simulated network: what becomes of a message from one node to another."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

from tfchain.base.shapes import decode_record
from tfchain.bft.messages import Vote
from tfchain.ledger.commit import PRECOMMIT, PREVOTE, PROPOSAL
from tfchain.replica import messages as wire
from tfchain.sim.chance import Chance

Link: TypeAlias = tuple[int, int]
"""From one node to another; the way back is a link of its own."""
Word: TypeAlias = tuple[int, int, int]
"""A link that does not carry one kind of statement: source, target, kind."""
WORDS: Final = (PREVOTE, PRECOMMIT, PROPOSAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """How the links are that are not cut. Messages overtake each other within the latency."""

    least_ms: int = 2
    most_ms: int = 40
    lost: int = 0
    """Messages of a thousand that never arrive."""
    doubled: int = 0
    """Messages of a thousand that arrive twice."""


FAIR: Final = Weather()


class Network:
    """All links between `count` nodes."""

    def __init__(self, count: int, chance: Chance) -> None:
        self.count = count
        self.weather = FAIR
        self._chance = chance
        self._cut: dict[Link, None] = {}
        self._unheard: dict[Word, None] = {}

    def cut(self, links: Iterable[Link], words: Iterable[Word]) -> None:
        """From now on nothing arrives over these links, and over some no such words."""
        self._cut = dict.fromkeys(links)
        self._unheard = dict.fromkeys(words)

    def mend(self) -> None:
        """All links are whole again."""
        self.cut((), ())

    def delays(self, source: int, target: int, kind: int, payload: bytes) -> list[int]:
        """After how many milliseconds a message arrives: never, once or twice."""
        weather, chance = self.weather, self._chance
        if (source, target) in self._cut or chance.happens(weather.lost):
            return []
        if self._unheard and (source, target, _word(kind, payload)) in self._unheard:
            return []
        copies = 2 if chance.happens(weather.doubled) else 1
        return [chance.between(weather.least_ms, weather.most_ms) for _ in range(copies)]


def _word(kind: int, payload: bytes) -> int:
    """Which kind of statement a message carries; 0 for none."""
    if kind == wire.PROPOSAL:
        return PROPOSAL
    return decode_record(Vote, payload).kind if kind == wire.VOTE else 0


def between(some: Iterable[int], others: Iterable[int]) -> list[Link]:
    """The links between two groups, both ways."""
    right = list(others)
    pairs = [(one, other) for one in some for other in right]
    return [*pairs, *[(other, one) for one, other in pairs]]


def into(node: int, count: int) -> list[Link]:
    """The links by which a node hears: cut, all hear it and it hears nobody (scenario 14)."""
    return [(other, node) for other in range(count) if other != node]


def chords(order: list[int]) -> list[Link]:
    """The links that a ring in this order has not (scenario 15)."""
    count = len(order)
    return [
        (order[one], order[other])
        for one in range(count)
        for other in range(count)
        if (one - other) % count not in {0, 1, count - 1}
    ]
