"""Every state that one height can come to, within a bound: the product's machine, no chance at all.

Four validators of equal power, two rounds; one of them lies, from a fixed menu: any vote for a block
or nil in either round, both of them too, and as proposer either block, an invalid one, and a claim
of a polka. Three machines are real. A message may come at any time or never, a timer that is set may
run out at any time: the network is the set of what was said.

States are merged by where each machine stands and what it received. Two machines that propose in
neither round are alike: a state and its mirror image count once. Messages are heard only together
with one that then moves the machine: what is still to be heard can be heard at any later time as
well, so that waiting loses nothing.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import combinations
from typing import Final

from tfchain.base.units import Round
from tfchain.bft.events import PRECOMMIT_STEP
from tfchain.ledger.commit import NIL
from tfchain.sim.local import (
    FIRST,
    INVALID,
    ROUNDS,
    SECOND,
    VALIDATORS,
    Lives,
    Place,
    Words,
    four_validators,
)

NAMES: Final = {FIRST: "first", SECOND: "second", INVALID: "invalid"}
IDLE_MAX: Final = 3
"""Votes heard in silence before the one that counts: a polka of three and the proposal it serves."""

State = tuple[int, int, int]
"""The places of the three machines, by number."""


@dataclass(slots=True)
class Found:
    """What a search came to."""

    liar: str
    """Which turns the liar has."""
    states: int = 0
    merged: int = 0
    """Arrivals at a state that was known, itself or its mirror image."""
    places: int = 0
    """Different places that a single machine was in."""
    whole: bool = False
    """Whether every reachable state was visited before the bound."""
    decided: dict[str, int] = field(default_factory=dict)
    """States in which some machine has decided, by block."""
    rules: dict[str, int] = field(default_factory=dict)
    """Places that show a rule of consensus 1.1 at work."""
    broken: str = ""
    """The invariant that does not hold; empty where all do."""
    story: list[str] = field(default_factory=list)
    """What each machine went through until then."""


class Search:
    """All states with one validator lying, up to `states_max`; the same ones on every run."""

    def __init__(self, liar: int, states_max: int) -> None:
        self._words = Words(four_validators(), liar)
        self._lives = Lives(self._words)
        self._states_max = states_max
        honest = [index for index in range(VALIDATORS) if index != liar]
        turns = [self._words.validators.proposer_index(Round(number)) for number in range(ROUNDS)]
        alike = [index for index in honest if index not in turns]
        self._alike = (alike[0], alike[1]) if len(alike) == 2 else None
        self._honest = [index for index in honest if index in turns] + alike
        role = f"proposer of round {turns.index(liar)}" if liar in turns else "no proposer"
        self.found = Found(liar=role)
        self._seen: set[State] = set()
        self._done: set[State] = set()
        self._wide: deque[State] = deque()
        self._deep: list[tuple[int, int, State]] = []
        self._bursts: dict[tuple[int, int], list[int]] = {}
        self._led: dict[tuple[int, tuple[int, ...], int], int | None] = {}

    def run(self) -> Found:
        """Visit states until none is left, the bound is met or an invariant breaks."""
        first, second, third = (self._lives.start(index) for index in self._honest)
        self._add(self._canonical((first, second, third)))
        found, turn = self.found, 0
        while len(self._done) < len(self._seen) < self._states_max and not found.broken:
            turn += 1
            for move in self._moves(self._pick(turn)):
                after = self._canonical(move)
                if after in self._seen:
                    found.merged += 1
                else:
                    self._add(after)
        found.states, found.places = len(self._seen), len(self._lives.places)
        found.whole = len(self._done) == len(self._seen) and not found.broken
        found.rules = _rules(self._lives.places)
        return found

    def _add(self, state: State) -> None:
        self._seen.add(state)
        self._check(state)
        self._wide.append(state)
        heappush(self._deep, (-self._progress(state), len(self._seen), state))

    def _progress(self, state: State) -> int:
        places = [self._lives.places[number] for number in state]
        return sum(8 * place.round + place.step for place in places)

    def _pick(self, turn: int) -> State:
        """By turns the oldest state and the furthest one: within a bound no corner waits for the rest."""
        while True:
            state = self._wide.popleft() if turn % 2 else heappop(self._deep)[2]
            if state not in self._done:
                self._done.add(state)
                return state

    def _canonical(self, state: State) -> State:
        if self._alike is None:
            return state
        one, other = self._alike
        image = [self._lives.image(number, one, other) for number in state]
        return min(state, (image[0], image[2], image[1]))

    def _moves(self, state: State) -> Iterator[State]:
        places = [self._lives.places[number] for number in state]
        said = places[0].said | places[1].said | places[2].said
        first, second, third = state
        for after in self._next(first, said):
            yield after, second, third
        for after in self._next(second, said):
            yield first, after, third
        for after in self._next(third, said):
            yield first, second, after

    def _next(self, number: int, said: int) -> Iterator[int]:
        """Where a machine can get from a place, with what the honest and the liar said."""
        place = self._lives.places[number]
        if place.is_over():
            return
        fresh = (said & ~place.said | self._words.menu) & ~place.heard
        if (number, fresh) not in self._bursts:
            self._bursts[number, fresh] = sorted(set(self._burst(number, place, fresh)))
        yield from self._bursts[number, fresh]
        for round_, step in sorted(place.timers):
            if step in {place.step, PRECOMMIT_STEP}:
                yield self._lives.time_out(number, round_, step)

    def _burst(self, number: int, place: Place, fresh: int) -> Iterator[int]:
        """Where messages that came together lead: the last one moves the machine, no other is idle.

        What no rule adds up need not come together: votes of one set, the proposal that they serve,
        and whatever of a later round makes a machine follow.
        """
        words = self._words.in_set(fresh)
        chains: list[tuple[tuple[int, ...], int]] = [((), word) for word in words]
        for votes in self._words.vote_sets(words):
            for size in range(1, IDLE_MAX + 1):
                for idle in combinations(votes, size):
                    beside = self._words.beside(words, idle, place.round)
                    chains += [(idle, word) for word in beside]
        for idle, word in chains:
            after = self._lead(number, idle, word)
            if after is not None:
                yield after

    def _lead(self, number: int, idle: tuple[int, ...], word: int) -> int | None:
        """The place after `idle` in silence and then `word`; None where that moves nothing."""
        key = (number, idle, word)
        if key not in self._led:
            shorter = [idle[:at] + idle[at + 1 :] for at in range(len(idle))]
            needless = any(self._lead(number, less, word) is not None for less in shorter)
            self._led[key] = None if needless else self._moved(number, idle, word)
        return self._led[key]

    def _moved(self, number: int, idle: tuple[int, ...], word: int) -> int | None:
        before = self._lives.places[number].visible()
        for silent in idle:
            number = self._lives.hear(number, silent)
            if self._lives.places[number].visible() != before:
                return None
        after = self._lives.hear(number, word)
        return after if self._lives.places[after].visible() != before else None

    def _check(self, state: State) -> None:
        """Agreement and validity (consensus S1, S2)."""
        found = self.found
        decided = sorted({self._lives.places[number].decided for number in state} - {NIL})
        for block_id in decided:
            found.decided[NAMES[block_id]] = found.decided.get(NAMES[block_id], 0) + 1
        if INVALID in decided:
            found.broken = "S2: an invalid block was decided"
        elif len(decided) > 1:
            found.broken = "S1: two blocks were decided"
        if found.broken:
            found.story = [line for number in state for line in self._lives.story(number)]


def _rules(places: list[Place]) -> dict[str, int]:
    """How many places show each rule: what the search did not come to, it says nothing of."""
    shown = {
        "1.1.3 prevoted a fresh block": lambda place: place.prevoted(0, FIRST),
        "1.1.3 prevoted nil": lambda place: place.prevoted(0, NIL) or place.prevoted(1, NIL),
        "1.1.4 prevoted a block again": lambda place: place.prevoted(1, FIRST),
        "1.1.6 locked": lambda place: place.locked[0] == 0,
        "1.1.6 locked again in round 1": lambda place: place.locked[0] == 1,
        "1.1.6 valid without a lock": lambda place: place.valid[0] > place.locked[0],
        "1.1.7 kept a lock on nil": lambda place: (
            place.locked[0] == 0 and place.precommitted(1, NIL)
        ),
        "1.1.9 decided": lambda place: bool(place.decided),
        "1.1.10, 1.1.11 went on to round 1": lambda place: place.round == 1,
    }
    return {rule: sum(map(shows, places)) for rule, shows in shown.items()}
