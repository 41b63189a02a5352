"""Capacity of a node in cloud units, in millionths (rules.md 2.2).

Multiplied by 10^6 first and divided after; every division rounds down, so that the ledger gains.
"""

from typing import Final

from tfchain.base.units import GIB, Millionths
from tfchain.ledger.records import Resources

MILLION: Final = 1_000_000


def compute_units(resources: Resources) -> Millionths:
    """CU: two a core, one for 4 GiB of memory (after the system's one), one for 50 GiB of flash."""
    memory = max(0, resources.mru - GIB)  # less than the system's own GiB is none, not a debt (P12)
    return Millionths(
        min(
            resources.cru * 2 * MILLION,
            memory * MILLION // (4 * GIB),
            resources.sru * MILLION // (50 * GIB),
        )
    )


def storage_units(resources: Resources) -> Millionths:
    """SU: one for 1200 GiB of disk and one for 250 GiB of flash; rounded a part, then the sum."""
    disk = resources.hru * MILLION // 1_200
    flash = resources.sru * MILLION // 250
    return Millionths((disk + flash) // GIB)


def network_units(traffic: int) -> Millionths:
    """NU: GiB of public traffic; `traffic` in bytes."""
    return Millionths(traffic * MILLION // GIB)
