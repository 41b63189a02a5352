"""What a run is made of, and how it ended."""

from dataclasses import dataclass
from typing import Final

HEAL_MS: Final = 15_000
"""When the faults of a run are over: a dozen heights, if all were well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Equal plans run alike."""

    seed: int
    scenario: str = "mixed"
    validators: int = 4
    heal_ms: int = HEAL_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """How a run ended."""

    plan: Plan
    heights: int
    """How many were decided."""
    events: int
    trace: bytes
    """The hash over everything that happened."""
    healed_ms: int
    """How long after the heal every correct node had its new heights; 0 if it came to no end."""
    violation: str
    """Number and text of the broken invariant; empty if all held."""
    last: tuple[str, ...]
    """What happened last, where an invariant is broken."""
