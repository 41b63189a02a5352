"""The only chance in a simulation: all of it is drawn from one seed, so that a seed is a whole run."""

from collections.abc import Sequence
from random import Random  # noqa: TID251 -- seeded, and handed on as `Chance`
from typing import Final, TypeVar

T = TypeVar("T")

SURE: Final = 1_000
"""Per mille of what always happens."""


class Chance:
    """A stream of draws. Streams of different names do not disturb each other."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._random = Random(name)  # noqa: S311 -- it decides about faults, not about keys

    def branch(self, name: str) -> "Chance":
        """A stream of its own for one purpose."""
        return Chance(f"{self._name}/{name}")

    def between(self, least: int, most: int) -> int:
        """A whole number from `least` to `most`, both included."""
        return self._random.randint(least, most)

    def happens(self, per_mille: int) -> bool:
        """Whether something of this likelihood happens now."""
        return per_mille > 0 and self._random.randrange(SURE) < per_mille

    def pick(self, items: Sequence[T]) -> T:
        """One of them."""
        return items[self._random.randrange(len(items))]

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """All of them in some order."""
        return self._random.sample(items, len(items))
