"""How much of a node users had in a period: what lets locked coins go (rules.md 4, 7).

The mean of CU and SU in use over what the node has, both as users are billed for them, so that a
node of which everything is used all the time is at a thousand.
"""

from tfchain.base.units import U64_MAX, PerMille, Seconds
from tfchain.ledger.cultivation import Consumption
from tfchain.ledger.records import Resources
from tfchain.rules.capacity import billed_units

WHOLE = 1_000


def mean(used: Consumption, length: Seconds) -> Resources:
    """What users had at a time, on average; rounded down, at most what a row holds."""
    return Resources(
        cru=min(used.cru // length, U64_MAX),
        mru=min(used.mru // length, U64_MAX),
        hru=min(used.hru // length, U64_MAX),
        sru=min(used.sru // length, U64_MAX),
    )


def utilisation(used: Consumption, node: Resources, length: Seconds) -> PerMille:
    """Per mille of the node over a period of `length` seconds, rounded down.

    A kind of unit that the node has none of does not count; more than the whole counts as the whole.
    Units are taken of the sums: of the mean, half of a core would be none.
    """
    sums = Resources(cru=used.cru, mru=used.mru, hru=used.hru, sru=used.sru)
    parts = [
        min(WHOLE, had * WHOLE // (has * length))
        for had, has in zip(billed_units(sums), billed_units(node), strict=True)
        if has
    ]
    return PerMille(sum(parts) // len(parts)) if parts else PerMille(0)
