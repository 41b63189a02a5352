"""What a run is made of, and how it ended."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Equal plans run alike."""

    seed: int
    scenario: str = "mixed"
    validators: int | None = None
    """How many; None: as the scenario draws them."""
    heal_ms: int | None = None
    """When the faults are over; None: as the scenario says for so many validators."""


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
    forked: tuple[int, ...] = ()
    """Where a third and more lied and two blocks of a height were decided: the validators whom their
    own words convict (S9)."""
    longest_ms: int = 0
    """The longest that a node stored nothing while links were whole, where a scenario bounds it."""
    players: str = ""
    """Who played, in words."""
    last: tuple[str, ...] = ()
    """What happened last, where an invariant is broken."""
