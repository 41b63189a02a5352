"""Who plays in a run: how many validators of which power, and whom the promises do not cover.

Whoever lies, has its key on two machines, forgets what its disk promised to keep or has a wrong clock is
*weak*. All weak ones together have less than a third of the power, but in the one scenario that wants
a fork (consensus 2.5, S9).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tfchain.sim.chance import Chance

LIAR: Final = "liar"
TWIN: Final = "twin"
FORGETFUL: Final = "forgetful"
CLOCK: Final = "clock"
WEAKNESSES: Final = (LIAR, TWIN, FORGETFUL, CLOCK)

SIZES: Final = (4, 4, 4, 4, 4, 4, 5, 5, 6, 7, 8, 9, 10)
"""What a mixed run draws its size from: messages grow with the square of it."""
POWERS: Final = (1, 1, 2, 3, 5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """Node `i` is validator `i`; behind them stand the second machines of `twins`."""

    powers: tuple[int, ...]
    liars: tuple[tuple[int, tuple[str, ...]], ...] = ()
    """Validators that say anything, each with its habits."""
    twins: tuple[int, ...] = ()
    """Validators whose key is on two machines; both run the true code."""
    forgetful: tuple[int, ...] = ()
    """Validators whose log disk promises what it does not keep (scenario 25)."""
    clocks: tuple[int, ...] = ()
    """Validators whose clock may be wrong."""

    @property
    def validators(self) -> int:
        """How many there are."""
        return len(self.powers)

    @property
    def nodes(self) -> int:
        """How many machines there are."""
        return len(self.powers) + len(self.twins)

    def validator_of(self, node: int) -> int:
        """Whose key is on a machine."""
        return node if node < self.validators else self.twins[node - self.validators]

    @property
    def byzantine(self) -> tuple[int, ...]:
        """Validators that may say two things."""
        return (*(validator for validator, _ in self.liars), *self.twins)

    @property
    def is_safe(self) -> bool:
        """Whether the weak ones are too few to break what is promised."""
        weak = dict.fromkeys((*self.byzantine, *self.forgetful, *self.clocks))
        return 3 * sum(self.powers[one] for one in weak) < sum(self.powers)

    def told(self) -> str:
        """In words, for people."""
        words = [f"{self.validators} validators"]
        if len({*self.powers}) > 1:
            words[0] += f" of powers {', '.join(str(power) for power in self.powers)}"
        words += [f"{validator} lies by {', '.join(habits)}" for validator, habits in self.liars]
        for weakness, of in ((TWIN, self.twins), (FORGETFUL, self.forgetful), (CLOCK, self.clocks)):
            words += [f"{weakness} {validator}" for validator in of]
        return "; ".join(words)


def drawn_powers(chance: Chance, sizes: Sequence[int], *, equal: bool) -> tuple[int, ...]:
    """How many validators, and what each weighs: often all the same."""
    count = chance.pick(sizes)
    if equal or not chance.happens(300):
        return (1,) * count
    return tuple(chance.pick(POWERS) for _ in range(count))


def with_weak(
    chance: Chance, powers: tuple[int, ...], weaknesses: Sequence[str], habits: Sequence[str]
) -> Cast:
    """Validators in some order become weak while less than a third of the power is."""
    struck: dict[str, list[int]] = {weakness: [] for weakness in WEAKNESSES}
    left = (sum(powers) - 1) // 3
    for validator in chance.shuffled(range(len(powers))):
        if weaknesses and powers[validator] <= left:
            left -= powers[validator]
            struck[chance.pick(weaknesses)].append(validator)
    return Cast(
        powers=powers,
        liars=tuple((one, _some(chance, habits)) for one in sorted(struck[LIAR])),
        twins=tuple(sorted(struck[TWIN])),
        forgetful=tuple(sorted(struck[FORGETFUL])),
        clocks=tuple(sorted(struck[CLOCK])),
    )


def _some(chance: Chance, habits: Sequence[str]) -> tuple[str, ...]:
    """Two to four ways to lie."""
    return tuple(chance.shuffled(habits)[: chance.between(2, 4)])
