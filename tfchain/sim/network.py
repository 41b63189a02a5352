"""The wire of a simulated network: what becomes of a message from one node to another."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from tfchain.bft.messages import Message, Vote
from tfchain.ledger.commit import PRECOMMIT, PREVOTE, PROPOSAL
from tfchain.sim.chance import Chance

Link: TypeAlias = tuple[int, int]
"""From one node to another; the way back is a link of its own."""
Word: TypeAlias = tuple[int, int, int]
"""A link that does not carry one kind of statement: source, target, kind."""
WORDS: Final = (PREVOTE, PRECOMMIT, PROPOSAL)
DEALS_HELD_MAX: Final = 64
"""Rounds whose losses are remembered; they are drawn anew from the same name if asked again."""


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

    def __init__(self, count: int, chance: Chance, places: Sequence[int] = ()) -> None:
        """`places`: of the nodes' keys in the set of genesis, for those who deal."""
        self.count = count
        self._places = places or range(count)
        self.weather = FAIR
        self._chance = chance
        self._cut: dict[Link, None] = {}
        self._unheard: dict[Word, None] = {}
        self._deal: str | None = None
        self._dealt: dict[tuple[int, int], dict[Word, None]] = {}

    def cut(self, links: Iterable[Link], words: Iterable[Word], deal: str | None = None) -> None:
        """From now on nothing arrives over these links, and over some no such words.

        `deal`: a name. Which validators' words of a round never reach whom is drawn for that round,
        whoever repeats them and however often (Twins, consensus 2.4).
        """
        self._cut = dict.fromkeys(links)
        self._unheard = dict.fromkeys(words)
        self._deal = deal
        self._dealt = {}

    def mend(self) -> None:
        """All links are whole again."""
        self.cut((), ())

    def delays(self, source: int, target: int, word: Message | None) -> list[int]:
        """After how many milliseconds a message arrives: never, once or twice. `word`: in it."""
        weather, chance = self.weather, self._chance
        if (source, target) in self._cut or chance.happens(weather.lost):
            return []
        if word is not None and self._is_unheard(source, target, word):
            return []
        copies = 2 if chance.happens(weather.doubled) else 1
        return [chance.between(weather.least_ms, weather.most_ms) for _ in range(copies)]

    def _is_unheard(self, source: int, target: int, message: Message) -> bool:
        kind = message.kind if isinstance(message, Vote) else PROPOSAL
        if (source, target, kind) in self._unheard:
            return True
        if self._deal is None:
            return False
        author = message.validator if isinstance(message, Vote) else ANYBODY
        return (author, target, kind) in self._lost_in(self._deal, message.height, message.round)

    def _lost_in(self, deal: str, height: int, round_: int) -> dict[Word, None]:
        """By author's place."""
        place = (height, round_)
        if place not in self._dealt:
            if len(self._dealt) >= DEALS_HELD_MAX:
                self._dealt = {}
            words = dealt_in(deal, height, round_, self.count)
            self._dealt[place] = {
                (ANYBODY if kind == PROPOSAL else self._places[author], target, kind): None
                for author, target, kind in words
            }
        return self._dealt[place]


LOCKS: Final = "locks"
"""How the name of a deal begins that leads to a lock, then to nil, then to a fresh block."""
ANYBODY: Final = -1
"""There is one proposer: whom its word does not reach, nobody brings it."""


def dealt_in(deal: str, height: int, round_: int, count: int) -> list[Word]:
    """Author, target, kind of what is lost in a round."""
    if not deal.startswith(LOCKS):
        return dealt(Chance(f"{deal} {height} {round_}"), count)
    order = Chance(f"{deal} {height}").shuffled(range(count))
    if round_ % 3 == 0:
        return _one_locks(order)
    return [] if round_ % 3 == 2 else [(one, one, PROPOSAL) for one in order[1:]]


def _one_locks(order: list[int]) -> list[Word]:
    """All but a few hear what is proposed; the first sees the polka, the others lack a vote of it."""
    voters = len(order) - (len(order) - 1) // 3
    lost = [(one, one, PROPOSAL) for one in order[voters:]]
    for at, target in enumerate(order[1:], start=1):
        author = order[at - 1] if at < voters else order[0]
        lost.append((author, target, PREVOTE))
    return lost


def dealt(chance: Chance, count: int) -> list[Word]:
    """What is lost in one round: nothing, all between two groups, what was proposed, or anything."""
    sort = chance.between(0, 4)
    if sort == 0:
        return []
    order = chance.shuffled(range(count))
    if sort == 1:
        cut = chance.between(1, count - 1) if count > 1 else 0
        links = between(order[:cut], order[cut:])
        return [(author, target, word) for author, target in links for word in (PREVOTE, PRECOMMIT)]
    if sort == 2:
        return [(one, one, PROPOSAL) for one in order[1:]]
    if sort == 3:
        return _one_locks(order)
    return scattered(chance, count, chance.pick((200, 400, 600)))


def scattered(chance: Chance, count: int, share: int) -> list[Word]:
    """So many of a thousand kinds of word on links, as they come."""
    return [
        (source, target, word)
        for source, target in _all_links(count)
        for word in WORDS
        if chance.happens(share)
    ]


def _all_links(count: int) -> list[Link]:
    return [(one, other) for one in range(count) for other in range(count) if one != other]


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
