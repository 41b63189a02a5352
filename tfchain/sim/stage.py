"""What a simulated network is set up with: its genesis, its hours, and who sends it transactions."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from tfchain.base.units import Seconds
from tfchain.sim.fold import Fold
from tfchain.store.chain import ChainStore


class Traffic(Protocol):
    """Whoever sends transactions, knowing what the chain shows."""

    def next(self, now: Seconds) -> tuple[bytes, ...]:
        """What is handed in now, to whichever node comes to hand."""
        ...

    def last(self) -> bytes:
        """The one transaction that is handed in once, after the heal (L2)."""
        ...

    def has_last(self) -> bool:
        """Whether it is in the chain, and all else that was to be."""
        ...


Play: TypeAlias = Callable[[Fold, ChainStore], Traffic]
"""Given what the blocks lead to, and the first node's store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A network that is not drawn from a seed."""

    genesis: str
    start_ms: int
    interval_ms: int
    look_ms: int
    """How often somebody hands something in."""
    gossip_ms: int
    """How often nodes tell where they stand, at least: no link loses anything here, and months of
    half seconds would say the same thing again."""
    keeps_all: bool
    """Whether the first node prunes nothing, so that it can be exported."""
    play: Play
